"""Believable Brazilian persons and companies with valid documents, from a seeded source of chance."""

import random
from dataclasses import dataclass

from stdnum.br import cnpj

from ..kernel import fold
from .reference import City, cities, state_by_uf

_FIRST = (
    "Ana", "Antônio", "Beatriz", "Bruno", "Camila", "Carlos", "Cláudia", "Daniel", "Débora", "Eduardo",
    "Elaine", "Fábio", "Fernanda", "Gabriel", "Gustavo", "Helena", "Henrique", "Isabela", "João", "José",
    "Juliana", "Larissa", "Leonardo", "Letícia", "Lucas", "Luciana", "Luís", "Marcelo", "Márcia", "Maria",
    "Mariana", "Mateus", "Natália", "Otávio", "Patrícia", "Paulo", "Pedro", "Rafael", "Renata", "Ricardo",
    "Rodrigo", "Sandra", "Sérgio", "Sônia", "Tatiane", "Thiago", "Vanessa", "Vinícius",
)  # fmt: skip
_LAST = (
    "Almeida", "Alves", "Araújo", "Barbosa", "Barros", "Batista", "Borges", "Campos", "Cardoso", "Carvalho",
    "Castro", "Correia", "Costa", "Dias", "Duarte", "Farias", "Fernandes", "Ferreira", "Freitas", "Gomes",
    "Gonçalves", "Lima", "Lopes", "Machado", "Marques", "Martins", "Melo", "Mendes", "Monteiro", "Moraes",
    "Moreira", "Nascimento", "Nunes", "Oliveira", "Pereira", "Pinto", "Ramos", "Ribeiro", "Rocha", "Rodrigues",
    "Santana", "Santos", "Silva", "Souza", "Teixeira", "Vieira",
)  # fmt: skip
_TRADES = (
    "Padaria", "Metalúrgica", "Distribuidora", "Supermercado", "Transportes", "Auto Peças", "Farmácia", "Papelaria",
    "Materiais de Construção", "Confecções", "Laticínios", "Móveis", "Eletrônica", "Gráfica", "Restaurante",
    "Ferragens", "Embalagens", "Consultoria", "Informática", "Agropecuária", "Plásticos", "Hotel", "Clínica", "Ótica",
)  # fmt: skip
_BRANDS = (
    "Boa Vista", "São Jorge", "Progresso", "Aliança", "Horizonte", "Nova Era", "Três Irmãos", "Primavera", "Ipê",
    "Paraná", "Atlântica", "Central", "Estrela", "Brasil", "União", "Vitória", "Bom Preço", "Cruzeiro", "Sol Nascente",
    "Pioneira", "Serrana", "Litoral", "Imperial", "Santa Rita", "D'Ouro", "Araucária",
)  # fmt: skip
_STREETS = (
    "Rua das Flores", "Rua Sete de Setembro", "Avenida Brasil", "Rua XV de Novembro", "Avenida Getúlio Vargas",
    "Rua Tiradentes", "Rua Dom Pedro II", "Avenida Independência", "Rua Marechal Deodoro", "Rua São José",
    "Travessa da Paz", "Rodovia dos Pinheiros", "Alameda Santos Dumont", "Rua Rui Barbosa",
)  # fmt: skip
_DISTRICTS = ("Centro", "Jardim América", "Vila Nova", "Bela Vista", "Industrial", "São Francisco", "Boa Esperança")
_LINES = ("", "", "", "Sala 2", "Galpão B", "Loja 1", "Conjunto 45", "Fundos")
TAGS = ("VIP", "Atacado", "Varejo", "Indústria", "Revenda", "Inadimplente")


@dataclass(frozen=True)
class Profile:
    """One imagined client, before either vendor's form. Phones are (area code, number)."""

    is_person: bool
    name: str
    legal_name: str
    document: str
    email: str
    phones: tuple[tuple[str, str], ...]
    street: str
    number: str
    line2: str
    district: str
    zip_code: str
    city: City
    tags: tuple[str, ...]


class Imagination:
    """Makes profiles; the same chance gives the same ones."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def profile(self, *, is_person: bool | None = None) -> Profile:
        """A new client: a company three times out of four."""
        chance = self._chance
        person = chance.random() < 0.25 if is_person is None else is_person
        name, legal_name = self._person_name() if person else self._company_name()
        city = self._city()
        state = state_by_uf()[city.uf]
        return Profile(
            is_person=person, name=name, legal_name=legal_name,
            document=self.cpf() if person else self.cnpj(),
            email=self._email(name, person), phones=self._phones(state.ddd),
            street=chance.choice(_STREETS), number=str(chance.randint(1, 3200)), line2=chance.choice(_LINES),
            district=chance.choice(_DISTRICTS), zip_code=f"{int(state.cep_prefix) + chance.randint(0, 99):05d}"
            f"{chance.randint(0, 999):03d}", city=city,
            tags=tuple(sorted(chance.sample(TAGS, chance.choice((0, 0, 1, 1, 2))))),
        )  # fmt: skip

    def person_name(self) -> str:
        """A full name."""
        return self._person_name()[0]

    def street(self) -> tuple[str, str]:
        """Street and number."""
        return self._chance.choice(_STREETS), str(self._chance.randint(1, 3200))

    def phone(self, ddd: str) -> str:
        """A number without its area code, mobile or fixed."""
        if self._chance.random() < 0.6:
            return f"9{self._chance.randint(6000, 9999)}-{self._chance.randint(0, 9999):04d}"
        return f"{self._chance.randint(2100, 5999)}-{self._chance.randint(0, 9999):04d}"

    def cpf(self) -> str:
        """Eleven digits with valid check digits."""
        digits = [self._chance.randint(0, 9) for _ in range(9)]
        for size in (10, 11):
            rest = sum(weight * digit for weight, digit in zip(range(size, 1, -1), digits, strict=True)) * 10 % 11
            digits.append(rest % 10)
        return "".join(map(str, digits))

    def cnpj(self, *, letters: bool = False) -> str:
        """Fourteen characters with valid check digits, with letters as issued from 2026 on if asked."""
        alphabet = "0123456789ABCDEFGHJKLMNPRSTVWXYZ" if letters else "0123456789"
        root = "".join(self._chance.choice(alphabet) for _ in range(8))
        base = ("1" if root == "0" * 8 else "") + root
        base = base[:8] + "0001"
        return base + str(cnpj.calc_check_digits(base))

    def _person_name(self) -> tuple[str, str]:
        chance = self._chance
        name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)} {chance.choice(_LAST)}"
        return name, name

    def _company_name(self) -> tuple[str, str]:
        chance = self._chance
        name = f"{chance.choice(_TRADES)} {chance.choice(_BRANDS)}"
        if chance.random() < 0.5:
            name += f" {chance.choice(_LAST)}"
        return name, f"{name} {chance.choice(('Ltda', 'Ltda ME', 'S.A.', 'Comércio e Serviços Ltda', 'EIRELI'))}"

    def _city(self) -> City:
        big = {"São Paulo", "Rio de Janeiro", "Belo Horizonte", "Curitiba", "Porto Alegre", "Campinas", "Joinville"}
        pool = [city for city in cities() if city.name in big] if self._chance.random() < 0.4 else cities()
        return self._chance.choice(pool)

    def _email(self, name: str, person: bool) -> str:
        words = fold(name).replace("'", "").split()
        if person:
            return f"{words[0]}.{words[-1]}@correio.com.br"
        return f"contato@{''.join(words[-2:])}.com.br"

    def _phones(self, ddd: str) -> tuple[tuple[str, str], ...]:
        return tuple((ddd, self.phone(ddd)) for _ in range(self._chance.choice((1, 1, 2))))

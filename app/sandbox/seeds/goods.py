"""Omie's side of a shop: families, products, services, stock places and balances, with the cases that hurt."""

import csv
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cache
from importlib import resources

from stdnum import ean

from ..omie import registers
from ..omie.company import Company, Entry
from ..omie.products import FAMILIES, PRODUCTS
from ..omie.registers import Rules
from ..omie.schemas import check
from ..omie.services import SERVICES
from ..omie.stock import LOCATIONS
from ..wire import Row
from .people import Imagination

_CENT = Decimal("0.01")
#: description, kind, for sale, inactive; the default place exists already.
_PLACES = (
    ("Loja Centro", "1", "S", "N"), ("Assistência Técnica", "1", "N", "N"), ("Depósito antigo", "1", "S", "S"),
    ("Em poder do representante", "2", "N", "N"),
)  # fmt: skip
_LONG = ("Perfil estrutural dobrado em chapa de aço galvanizado com furação oblonga para montagem de prateleiras " * 6)[
    :500
]
#: Products that hurt: HTML, quotes, entities, leftovers, 500 characters, nothing, fractions, below zero.
_AWKWARD: tuple[Row, ...] = (
    {"codigo": "HTML-1", "descricao": 'Suporte <b>reforçado</b> & "cantoneira" <script>alert(1)</script>',
     "valor_unitario": Decimal("19.90"), "descr_detalhada": "<p>Linha 1<br>Linha 2 &amp; &lt;fim&gt;</p>"},
    {"codigo": "ENT-1", "descricao": "Chapa 3/4&quot; d&apos;aço n+Chr(39)+8", "valor_unitario": Decimal("150")},
    {"codigo": "LONGO-1", "descricao": _LONG, "valor_unitario": Decimal("99.99")},
    {"codigo": "ZERO-1", "descricao": "Amostra grátis", "valor_unitario": Decimal(0)},
    {"codigo": "FRAC-1", "descricao": "Fita dupla face por centímetro", "unidade": "M",
     "valor_unitario": Decimal("0.0375")},
    {"codigo": "NEG-1", "descricao": "Vale desconto do balcão", "valor_unitario": Decimal("-5.00")},
    {"codigo": "INAT-1", "descricao": "Linha descontinuada 2019", "valor_unitario": Decimal(10), "inativo": "S"},
    {"codigo": "SRV-001", "descricao": "Peça com o código de um serviço", "valor_unitario": Decimal("7.77")},
    {"codigo": "minusculo-1", "descricao": "Código em minúsculas", "valor_unitario": Decimal(1)},
    {"codigo": "MINUSCULO-1", "descricao": "Código em maiúsculas", "valor_unitario": Decimal(2)},
    {"codigo": "PDV-1", "descricao": "Vendido no caixa e no marketplace", "valor_unitario": Decimal("29.9"),
     "recomendacoes_fiscais": {"origem_mercadoria": "0", "id_cest": "28.038.00", "cupom_fiscal": "S",
                               "market_place": "S", "indicador_escala": "S"}},
)  # fmt: skip
#: Their balance in the default place.
_AWKWARD_STOCK = {"HTML-1": "12", "ENT-1": "-4", "FRAC-1": "0.375", "PDV-1": "1500", "ZERO-1": "0", "LONGO-1": "3"}


@dataclass(frozen=True)
class Good:
    """A line of goods in its variants."""

    family: str
    ncm: str
    unit: str
    name: str
    variants: tuple[str, ...]
    low: Decimal
    high: Decimal


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("app.sandbox") / "data" / name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def goods() -> tuple[Good, ...]:
    """The lines of a hardware and supplies shop."""
    return tuple(
        Good(row["family"], row["ncm"], row["unit"], row["name"], tuple(row["variants"].split("|")),
             Decimal(row["low"]), Decimal(row["high"]))
        for row in _rows("goods.csv")
    )  # fmt: skip


@dataclass(frozen=True)
class Assortment:
    """How many products, services and kits."""

    products: int
    services: int
    kits: int


class Stocker:
    """Furnishes one company; the same chance gives the same shop."""

    def __init__(self, company: Company) -> None:
        self._company, self._chance = company, company.kernel.random
        self._person = company.person(None)
        self._places: list[int] = []
        self._families: dict[str, int] = {}

    def fill(self, size: Assortment) -> None:
        """Places, families, products with balances, kits, services."""
        for name, kind, sale, inactive in _PLACES:
            self._make(LOCATIONS, {"descricao": name, "tipo": kind, "dispVenda": sale, "inativo": inactive})
        self._places = list(self._company.registers["locais"])
        step = max(1, sum(len(good.variants) for good in goods()) // size.products)
        chosen = [(good, text) for good in goods() for text in good.variants][::step][: size.products]
        made = [self._product(place, good, text) for place, (good, text) in enumerate(chosen)]
        self._families_that_hurt()
        for row in _AWKWARD:
            self._awkward(row)
        for number in range(size.kits):
            self._kit(number, made)
        for place, row in enumerate(_rows("jobs.csv")[: size.services]):
            self._service(place, row)

    def _make(self, rules: Rules, given: Row) -> Entry:
        entry = registers.include(rules, self._company, check(rules.shape, given), self._person)
        entry.stamp.created -= timedelta(days=self._chance.randint(30, 900), seconds=self._chance.randint(0, 80_000))
        entry.stamp.changed = entry.stamp.created + timedelta(days=self._chance.randint(0, 29))
        return entry

    def _family(self, name: str) -> int:
        if name not in self._families:
            code = f"{len(self._families) + 1:02d}"
            self._families[name] = self._make(FAMILIES, {"nomeFamilia": name, "codFamilia": code}).id
        return self._families[name]

    def _families_that_hurt(self) -> None:
        """One switched off, one with a name used twice, one that needs escaping."""
        for name, inactive in (("Fora de linha", "S"), ("Tintas", "N"), ('Cama, "Mesa" & <Banho>', "N")):
            self._make(FAMILIES, {"nomeFamilia": name, "codFamilia": "99", "inativo": inactive})

    def _product(self, place: int, good: Good, variant: str) -> Entry:
        chance = self._chance
        price = (good.low + (good.high - good.low) * chance.randint(0, 100) / 100).quantize(_CENT)
        digits = f"789{chance.randint(0, 999_999_999):09d}"
        given: Row = {
            "codigo": f"{good.family[:3].upper()}-{place + 1:04d}", "descricao": f"{good.name} {variant}"[:120],
            "unidade": good.unit, "ncm": good.ncm, "ean": digits + ean.calc_check_digit(digits),
            "valor_unitario": price, "tipoItem": chance.choice(("00", "00", "00", "04")),
            "marca": chance.choice(("Forte", "Prática", "Ipê", "Nacional", "")),
            "peso_liq": Decimal(chance.randint(1, 9000)) / 1000, "dias_garantia": chance.choice((0, 0, 90, 365)),
            "altura": chance.randint(1, 60), "largura": chance.randint(1, 60), "profundidade": chance.randint(1, 60),
            "inativo": "S" if place % 23 == 22 else "N",
            "recomendacoes_fiscais": {"origem_mercadoria": "0", "market_place": "S" if place % 5 == 0 else "N",
                                      "cupom_fiscal": "S" if place % 4 == 0 else "N"},
        }  # fmt: skip
        if place % 9 != 8:
            given["codigo_familia"] = self._family(good.family)
        if place % 6 == 0:
            given["imagens"] = [{"url_imagem": f"https://imagens.exemplo.com.br/{digits}.jpg"}]
            given["descr_detalhada"] = f"{good.name}, {variant}.\nProduto nacional, pronta entrega."
        entry = self._make(PRODUCTS, given)
        self._balances(entry, price)
        return entry

    def _balances(self, entry: Entry, price: Decimal) -> None:
        """In the default place nearly always, in the others now and then; a few below their minimum or below zero."""
        chance = self._chance
        for place, likely in zip(self._places, (0.9, 0.4, 0.15, 0.1, 0.1), strict=True):
            if chance.random() > likely:
                continue
            quantity = Decimal(chance.choice((0, 3, 8, 15, 40, 120, 350, -2)))
            cost = (price * chance.randint(40, 70) / 100).quantize(Decimal("0.0001"))
            self._company.stock.lay(entry.id, place, quantity, cost, Decimal(chance.choice((0, 5, 10, 20))))

    def _awkward(self, row: Row) -> None:
        """Straight into the register: some are older than Omie's own limits."""
        values = {**PRODUCTS.defaults, "ncm": "9999.99.99", **row}
        entry = Entry(self._company.kernel.omie_id(), values, self._company.stamp(self._person))
        self._company.registers["produtos"][entry.id] = entry
        quantity = _AWKWARD_STOCK.get(row["codigo"])
        if quantity is not None:
            self._company.stock.lay(entry.id, self._places[0], Decimal(quantity), Decimal("1.5"), Decimal(2))

    def _kit(self, number: int, made: list[Entry]) -> None:
        """A kit of two or three products; kits never move stock themselves."""
        parts = self._chance.sample(made, min(len(made), self._chance.choice((2, 3))))
        price = sum((part.row["valor_unitario"] for part in parts), Decimal(0))
        self._make(PRODUCTS, {
            "codigo": f"KIT-{number + 1:03d}", "descricao": f"Kit oficina {number + 1:03d}", "valor_unitario": price,
            "componentes_kit": [{"codigo_componente": place, "codigo_produto_componente": part.id,
                                 "quantidade_componente": 1, "valor_unitario_componente": part.row["valor_unitario"]}
                                for place, part in enumerate(parts, 1)],
        })  # fmt: skip

    def _service(self, place: int, row: dict[str, str]) -> None:
        """The third repeats the second's code and the fourth is switched off: Omie lets both be."""
        code = f"SRV-{2 if place == 2 else place + 1:03d}"
        given = {
            "cabecalho": {"cDescricao": row["name"], "cCodigo": code, "cCodLC116": row["lc116"],
                          "cCodServMun": row["lc116"].replace(".", ""), "nPrecoUnit": Decimal(row["price"])},
            "descricao": {"cDescrCompleta": f"{row['name']}, com materiais de consumo inclusos."},
            "impostos": {"nAliqISS": 5, "cRetISS": "N"}, "info": {"inativo": "S" if place == 3 else "N"},
        }  # fmt: skip
        self._make(SERVICES, given)


def pile(company: Company, count: int, chunk: int = 100) -> None:
    """Many plain products with balances in three places, cheaply: one family per `chunk`, nothing announced."""
    person = company.person(None)
    while len(company.registers["locais"]) < 3:
        number = len(company.registers["locais"]) + 1
        registers.include(LOCATIONS, company, {"descricao": f"Armazém {number}"}, person)
    places, stamp = list(company.registers["locais"])[:3], company.stamp(person)
    shared = {"origem_mercadoria": "0", "cupom_fiscal": "N", "market_place": "N"}
    family = 0
    for number in range(count):
        if number % chunk == 0:
            made = {"nomeFamilia": f"Família {number // chunk + 1:04d}"}
            family = registers.include(FAMILIES, company, made, person).id
        entry = Entry(company.kernel.omie_id(), {
            **PRODUCTS.defaults, "codigo": f"BLK-{number + 1:06d}", "descricao": f"Produto em série {number + 1:06d}",
            "ncm": "7318.15.00", "valor_unitario": Decimal(number % 5000 + 1) / 100, "codigo_familia": family,
            "recomendacoes_fiscais": shared,
        }, company.stamp(person))  # fmt: skip
        entry.stamp.created, entry.stamp.changed = stamp.created, stamp.changed
        company.registers["produtos"][entry.id] = entry
        for turn, place in enumerate(places):
            quantity = Decimal((number * 7 + turn * 13) % 400 - 3)
            company.stock.lay(entry.id, place, quantity, Decimal(number % 3000 + 1) / 200)


def crowd(company: Company, count: int) -> None:
    """Many plain clients with valid documents, cheaply: nothing announced, nothing looked up."""
    person, imagine = company.person(None), Imagination(company.kernel.random)
    for number in range(1, count + 1):
        row = {
            "razao_social": f"Cliente em série {number:06d} Ltda", "nome_fantasia": f"Cliente {number:06d}",
            "cnpj_cpf": imagine.cnpj(), "email": f"cliente{number:06d}@correio.com.br", "inativo": "N",
            "cidade": "SAO PAULO (SP)", "cidade_ibge": "3550308", "estado": "SP", "codigo_pais": "1058",
            "tags": ["Cliente"], "caracteristicas": [], "bloquear_faturamento": "N", "enviar_anexos": "N",
        }  # fmt: skip
        entry = Entry(company.kernel.omie_id(), row, company.stamp(person))
        company.clients[entry.id] = entry

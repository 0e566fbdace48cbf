"""The seeds `small` and `demo`: the same clients partly on both sides, partly on one, with the cases that hurt."""

from dataclasses import dataclass, field
from datetime import timedelta

from ..kernel import Kernel
from ..omie import clients, sellers
from ..omie.company import Company
from ..omie.documents import masked
from ..omie.schemas import check
from ..ploomes import writes
from ..ploomes.account import Account
from ..ploomes.schema import SETS
from ..wire import Row
from . import catalogue
from .catalogue import Stock
from .deals import Desk, Volume
from .goods import Assortment, Stocker
from .people import TAGS, Imagination, Profile
from .ploomes_reference import put


@dataclass(frozen=True)
class Size:
    """How many clients live on both sides, only in Omie, only in Ploomes, contact persons, and what is sold."""

    both: int
    omie: int
    ploomes: int
    contact_persons: int
    assortment: Assortment
    volume: Volume
    stock: Stock = field(default_factory=Stock)


SIZES = {
    "small": Size(5, 4, 3, 1, Assortment(8, 4, 1), Volume(4, 2)),
    "demo": Size(140, 70, 60, 25, Assortment(195, 30, 8), Volume(60, 24), Stock(60, 6, 15)),
}

#: (name, e-mail, inactive in Omie, suspended in Ploomes, has a seller, has a user).
_TEAM = (
    ("Ana Carvalho", "ana@empresa.com.br", False, False, True, True),
    ("Bruno Lima", "bruno@empresa.com.br", False, False, True, True),
    ("Carla Mendes", "carla@empresa.com.br", False, False, True, True),
    ("Diego Rocha", "diego@empresa.com.br", True, False, True, True),
    ("Elisa Prado", "elisa@empresa.com.br", False, True, True, True),
    ("Fábio Nunes", "fabio@empresa.com.br", False, False, False, True),
)


def sow(kernel: Kernel, company: Company, account: Account, size: Size) -> None:
    """Fills both vendors; the same kernel state gives the same records."""
    Sower(kernel, company, account).sow(size)
    Stocker(company).fill(size.assortment)
    # A client with an order cannot be deleted: where clients are few, only the one abroad buys.
    buyers = [entry for entry in company.clients.values() if entry.row.get("cnpj_cpf") and entry.row.get("estado")]
    abroad = [entry for entry in company.clients.values() if entry.row.get("estado") == "EX"]
    Desk(company).fill(size.volume, buyers if len(buyers) > 50 else abroad)
    catalogue.sow(company, account, size.stock)


class Sower:
    """Puts imagined profiles into either vendor's form."""

    def __init__(self, kernel: Kernel, company: Company, account: Account) -> None:
        self._chance = kernel.random
        self._imagine = Imagination(kernel.random)
        self._company, self._account = company, account
        self._sellers: list[int] = []
        self._owners: list[int] = []

    def sow(self, size: Size) -> None:
        """Team, tags, clients and contact persons."""
        self._team()
        for name in TAGS:
            put(self._account, "Tags", Name=name, EntityId=1)
        self._odd_ones()
        profiles = [self._imagine.profile() for _ in range(size.both + size.omie + size.ploomes)]
        both, rest = profiles[: size.both], profiles[size.both :]
        for place, profile in enumerate(both):
            team = self._chance.randrange(3)
            self._to_omie(profile, team)
            self._to_ploomes(profile, team, masked_document=place % 7 == 3)
        for profile in rest[: size.omie]:
            self._to_omie(profile, self._chance.randrange(5))
        companies = [
            self._to_ploomes(profile, self._chance.randrange(6), documentless=place % 11 == 2)
            for place, profile in enumerate(rest[size.omie :])
        ]
        for place in range(size.contact_persons):
            self._contact_person(companies[place % len(companies)])

    def _team(self) -> None:
        for name, email, inactive, suspended, sells, uses in _TEAM:
            if sells:
                given = {"nome": name, "email": email, "inativo": "S" if inactive else "N", "comissao": 3}
                person = self._company.person(None)
                self._sellers.append(sellers.include(self._company, check("vendedores_cadastro", given), person).id)
            if uses:
                user = put(self._account, "Users", Name=name, Email=email, ProfileId=2, Suspended=suspended,
                           UserKey=f"{self._account.user_key}-{email.split('@')[0]}")  # fmt: skip
                self._owners.append(user["Id"])

    def _odd_ones(self) -> None:
        """The protected consumer, a client without a document and one abroad."""
        consumer = {"razao_social": "Cliente Consumidor", "nome_fantasia": "Cliente Consumidor"}
        walk_in = {"razao_social": "Feira do Bairro", "nome_fantasia": "Feira do Bairro", "cidade": "SANTOS (SP)"}
        abroad = {
            "razao_social": "Importadora del Plata S.A.", "nome_fantasia": "Del Plata", "codigo_pais": "0639",
            "estado": "EX", "cidade": "BUENOS AIRES", "email": "compras@delplata.com.ar", "nif": "30-50001091-2",
        }  # fmt: skip
        person = self._company.person(None)
        entries = [
            clients.include(self._company, check("clientes_cadastro", given), person)
            for given in (consumer, walk_in, abroad)
        ]
        entries[0].is_protected = True

    def _to_omie(self, profile: Profile, team: int) -> int:
        entry = clients.include(self._company, self.omie_form(profile, team), self._company.person(None))
        entry.stamp.created -= timedelta(days=self._chance.randint(30, 900), seconds=self._chance.randint(0, 80_000))
        entry.stamp.changed = entry.stamp.created + timedelta(days=self._chance.randint(0, 29))
        return entry.id

    def omie_form(self, profile: Profile, team: int | None = None) -> Row:
        """A profile as typed on Omie's screen."""
        given: Row = {
            "razao_social": profile.legal_name[:60], "nome_fantasia": profile.name[:100],
            "cnpj_cpf": profile.document, "email": profile.email, "endereco": profile.street,
            "endereco_numero": profile.number, "complemento": profile.line2, "bairro": profile.district,
            "cidade": profile.city.omie_code, "cep": profile.zip_code,
            "contribuinte": "N" if profile.is_person else "S",
            "tags": [{"tag": "Cliente"}, *({"tag": name} for name in profile.tags)],
        }  # fmt: skip
        for place, (ddd, number) in enumerate(profile.phones[:2], 1):
            given |= {f"telefone{place}_ddd": ddd, f"telefone{place}_numero": number}
        if team is not None and team < len(self._sellers):
            given["recomendacoes"] = {"codigo_vendedor": self._sellers[team]}
        return check("clientes_cadastro", given)

    def _to_ploomes(self, profile: Profile, team: int, *, masked_document: bool = False,
                    documentless: bool = False) -> Row:  # fmt: skip
        given = self.ploomes_form(profile, team)
        if masked_document:
            given["Register"] = masked(profile.document)
        if documentless:
            del given["Register"]
        row = self._create(given)
        row["CreateDate"] -= timedelta(days=self._chance.randint(30, 900))
        row["LastUpdateDate"] = row["CreateDate"] + timedelta(days=self._chance.randint(0, 29))
        return row

    def ploomes_form(self, profile: Profile, team: int | None = None) -> Row:
        """A profile as typed in Ploomes."""
        sets = self._account.sets
        city = next(row for row in sets["Cities"].values() if row["IBGECode"] == int(profile.city.ibge))
        active = next(row for row in sets["Contacts@Status"].values() if row["Name"] == "Ativo")
        tags = [row["Id"] for row in sets["Tags"].values() if row["Name"] in profile.tags]
        given: Row = {
            "TypeId": 2 if profile.is_person else 1, "Name": profile.name, "LegalName": profile.legal_name,
            "Register": profile.document, "Email": profile.email, "StreetAddress": profile.street,
            "StreetAddressNumber": profile.number, "StreetAddressLine2": profile.line2 or None,
            "Neighborhood": profile.district, "ZipCode": int(profile.zip_code), "CityId": city["Id"],
            "StatusId": active["Id"], "Tags": [{"TagId": tag} for tag in tags],
            "Phones": [
                {"PhoneNumber": f"({ddd}) {number}", "TypeId": 2 if len(number) == 10 else 1}
                for ddd, number in profile.phones
            ],
        }  # fmt: skip
        if team is not None and team < len(self._owners):
            given["OwnerId"] = self._owners[team]
        return given

    def _contact_person(self, company: Row) -> None:
        name = self._imagine.person_name()
        self._create({"TypeId": 2, "Name": name, "CompanyId": company["Id"]})

    def _create(self, given: Row) -> Row:
        admin = next(user["Id"] for user in self._account.sets["Users"].values() if user["AccountOwner"])
        return writes.create(self._account, SETS["Contacts"], given, admin, webhooks=False)

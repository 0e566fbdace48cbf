"""Ploomes' side of a shop: some of Omie's products under the same code, a few of its own, and sales typed there."""

from dataclasses import dataclass
from datetime import timedelta

from ..omie.company import Company
from ..ploomes import writes
from ..ploomes.account import Account
from ..ploomes.schema import SETS
from ..wire import Row

_OWN = ("Visita técnica", "Instalação", "Projeto sob medida", "Treinamento", "Montagem", "Frete especial",
        "Consultoria", "Locação mensal")  # fmt: skip


@dataclass(frozen=True)
class Stock:
    """How many of Omie's products Ploomes has too, how many of its own, and how many sales."""

    shared: int = 0
    own: int = 0
    sales: int = 0


def sow(company: Company, account: Account, stock: Stock) -> None:
    """Fills the catalogue and the sales of Ploomes from Omie's; the same state gives the same records."""
    chance = account.kernel.random
    family = next(row["Id"] for row in account.sets["Products@Families"].values())
    goods = [entry.row for entry in company.registers["produtos"].values() if not entry.row.get("componentes_kit")]
    priced = [row for row in goods if row.get("valor_unitario", 0) > 0]
    for row in priced[: stock.shared]:
        _create(account, "Products", {
            "Name": row["descricao"][:200], "Code": row["codigo"], "MeasurementUnit": row.get("unidade") or None,
            "UnitPrice": row["valor_unitario"], "CurrencyId": 1, "FamilyId": family,
        })  # fmt: skip
    for name in _OWN[: stock.own]:
        given = {"Name": name, "UnitPrice": chance.randint(50, 900), "CurrencyId": 1, "FamilyId": family}
        _create(account, "Products", given)
    for _ in range(stock.sales):
        _sale(account)


def _sale(account: Account) -> None:
    chance = account.kernel.random
    companies = [row for row in account.sets["Contacts"].values() if row["Register"]]
    products = list(account.sets["Products"].values())
    lines = [
        {"ProductId": product["Id"], "CurrencyId": 1, "Quantity": number, "UnitPrice": product["UnitPrice"],
         "Discount": 0, "Total": product["UnitPrice"] * number}
        for product in chance.sample(products, chance.randint(1, 4)) for number in (chance.randint(1, 12),)
    ]  # fmt: skip
    buyer = chance.choice(companies)
    stages = list(account.sets["Orders@Stages"].values())
    row = _create(account, "Orders", {
        "ContactId": buyer["Id"], "OwnerId": buyer["OwnerId"], "CurrencyId": 1, "StageId": stages[0]["Id"],
        "Amount": sum(line["Total"] for line in lines), "Products": lines,
    })  # fmt: skip
    row["CreateDate"] -= timedelta(days=chance.randint(1, 60))
    row["LastUpdateDate"] = row["CreateDate"]


def _create(account: Account, name: str, given: Row) -> Row:
    return writes.create(account, SETS[name], given, account.administrator, webhooks=False)

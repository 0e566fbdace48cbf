"""A sale of Ploomes, reduced to what its documents shall hold. Pure (reference 3.4)."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.core.ports import JsonObject
from app.sync.mapping.convert import clean
from app.sync.mapping.fields import Values
from app.sync.sales.documents import ORDERS, SERVICE_ORDERS, decimal
from app.sync.sales.lines import Item
from app.sync.sales.money import ZERO, Amounts, TotalsDiffer, brl, nets, plain, price

TAGS = re.compile(r"<[^>]+>")
BREAKS = re.compile(r"(?i)<br\s*/?>|</p>|</div>|</li>")


@dataclass(frozen=True, slots=True)
class Product:
    """The partner of a Ploomes product in Omie: which entity it is there, and its id."""

    entity: str
    omie_id: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a sale."""

    id: str
    product_id: str
    name: str
    quantity: Decimal
    unit: Decimal
    discount: Decimal
    total: Decimal | None
    family_id: str | None
    code: str | None
    raw: JsonObject

    @property
    def value(self) -> Decimal:
        """The agreed price, whatever the product's own one is; zero when the line has no value."""
        return self.total if self.total is not None else self.unit

    @property
    def counts(self) -> bool:
        """True for a line that goes to a document."""
        return self.quantity > 0 and self.value > 0 and self.unit > 0

    @property
    def amounts(self) -> Amounts:
        """For the arithmetic."""
        return Amounts(self.quantity, self.unit, self.discount, self.total)


@dataclass(frozen=True, slots=True)
class Sale:
    """What Ploomes holds."""

    id: str
    number: str | None
    contact: str | None
    person: str | None
    owner: str | None
    stage: str | None
    discount: Decimal
    amount: Decimal | None
    notes: str | None
    created: str | None
    lines: Sequence[Line]
    raw: JsonObject

    @property
    def counted(self) -> list[Line]:
        """The lines that go to a document."""
        return [line for line in self.lines if line.counts]


def read_sale(record: JsonObject) -> Sale:
    """A sale as Ploomes answered it, with its lines, wherever the account's template keeps them."""
    rows = {str(row.get("Id")): row for row in record.get("Products") or ()}
    for section in record.get("Sections") or ():
        rows |= {str(row.get("Id")): row for row in section.get("Products") or ()}
    ordered = sorted(rows.values(), key=lambda row: (int(row.get("Ordination") or 0), int(row.get("Id") or 0)))
    amount = record.get("Amount")
    return Sale(
        id=str(record["Id"]),
        number=_text(record.get("OrderNumber")),
        contact=_text(record.get("ContactId")),
        person=clean(record.get("PersonName")),
        owner=_text(record.get("OwnerId")),
        stage=_text(record.get("StageId")),
        discount=decimal(record.get("Discount")),
        amount=None if amount is None else decimal(amount),
        notes=plain_text(record.get("Description")),
        created=_text(record.get("CreateDate")),
        lines=[_line(row) for row in ordered if not row.get("Bonus")],
        raw=record,
    )


def _line(row: JsonObject) -> Line:
    product = row.get("Product") or {}
    total = row.get("Total")
    return Line(
        id=str(row.get("Id")),
        product_id=str(row.get("ProductId")),
        name=clean(row.get("ProductName") or product.get("Name")) or str(row.get("ProductId")),
        quantity=decimal(row.get("Quantity")),
        unit=decimal(row.get("UnitPrice")),
        discount=decimal(row.get("Discount")),
        total=None if total is None else decimal(total),
        family_id=_text(product.get("FamilyId")),
        code=clean(product.get("Code")),
        raw=row,
    )


def plain_text(raw: object) -> str | None:
    """Ploomes' HTML as text: tags go, their breaks stay."""
    if raw is None:
        return None
    text = html.unescape(TAGS.sub("", BREAKS.sub("\n", str(raw))))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return "\n".join(line for line in lines if line) or None


def rich_text(text: str | None) -> str | None:
    """Text of Omie for a field that shows HTML: escaped, its lines kept."""
    return None if text is None else "<br>".join(html.escape(line) for line in text.splitlines())


def _text(raw: object) -> str | None:
    return str(raw) if raw not in (None, "", 0) else None


@dataclass(frozen=True, slots=True)
class Share:
    """What of a sale belongs to one document, in Omie's words."""

    entity: str
    items: Sequence[Item]
    freight: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Items and freight."""
        return sum((item.total for item in self.items), ZERO) + self.freight

    @property
    def canonical(self) -> list[str]:
        """Comparable items."""
        return sorted(item.canonical for item in self.items)


def shares(
    sale: Sale, products: Mapping[str, Product], freight: Decimal, *, together: bool = False
) -> dict[str, Share]:
    """The sale's lines by document, priced to the cent. `together` puts services on the product order.

    Every line that counts must have a partner in `products`. Raises TotalsDiffer. Freight stays on the product order;
    a sale of services alone has none.
    """
    counted = sale.counted
    totals = nets([line.amounts for line in counted], sale.discount, sale.amount, freight)
    found: dict[str, list[Item]] = {}
    for line, total in zip(counted, totals, strict=True):
        partner = products[line.product_id]
        told = price(line.quantity, line.unit, total)
        entity = ORDERS if together or partner.entity == "products" else SERVICE_ORDERS
        item = Item(partner.omie_id, told.quantity, told.unit, told.total, line_id=line.id, name=line.name)
        found.setdefault(entity, []).append(item)
    return {
        entity: Share(entity, items, freight if entity == ORDERS else ZERO) for entity, items in sorted(found.items())
    }


def say_difference(sale: Sale, problem: TotalsDiffer) -> str:
    """How a sale contradicts itself, in Portuguese, with the line to blame."""
    if problem.line is None:
        shown, computed = brl(problem.shown), brl(problem.computed)
        return f"O valor da venda é {shown}, mas suas linhas, com os descontos, somam {computed}."
    line = sale.counted[problem.line]
    return (
        f"A linha “{line.name}” mostra o total {brl(problem.shown)}, mas {plain(line.quantity)} × {plain(line.unit)}"
        f" com {plain(line.discount)}% de desconto dá {brl(problem.computed)}."
    )


def sale_values(sale: Sale, share: Share | None, client: str | None, seller: str | None) -> Values:
    """Comparable values by row, in Omie's words, of the part of the sale that belongs to one document."""
    return {
        "client": client,
        "owner": seller,
        "items": list(share.canonical) if share is not None else [],
        "freight": plain(share.freight) if share is not None else "0",
        "notes": sale.notes,
    }

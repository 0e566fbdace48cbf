"""One look at a sale and its documents: what the steps of the money road share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.core.ports import JsonObject, Vendor
from app.sync.issues import Finding
from app.sync.mapping.fields import Values
from app.sync.models import Link, WriteEntry
from app.sync.sales.documents import KINDS, ORDERS, Document, Kind
from app.sync.sales.lines import Pair
from app.sync.sales.news import Message
from app.sync.sales.preflight import Unmet
from app.sync.sales.sale import Product, Sale, Share
from app.sync.trip import Outcome, Trip


@dataclass(slots=True)
class Held:
    """What Omie holds of a document: read now, or as last seen."""

    values: Values
    document: Document | None = None
    """None when the values come from memory."""


@dataclass(slots=True)
class Visit:
    """A sale on its road."""

    trip: Trip
    sale_id: str
    began: datetime | None = None
    links: dict[str, Link] = field(default_factory=dict)
    """Living links by entity."""
    past: dict[str, int] = field(default_factory=dict)
    """How many documents of each entity ended before."""
    closed: set[str] = field(default_factory=set)
    """Entities of which the sale gets no document by itself any more: one ended before."""
    sale: Sale | None = None
    read_at: datetime | None = None
    """When the sale was read."""
    held: dict[str, Held] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)
    shares: Mapping[str, Share] | None = None
    """The sale's lines by document; None while they cannot be told."""
    client: str | None = None
    seller: str | None = None
    unmet: list[Unmet] = field(default_factory=list)
    unfinished: dict[str, Sequence[WriteEntry]] = field(default_factory=dict)
    """Earlier writes without an outcome, by entity."""
    to_ploomes: dict[str, Values] = field(default_factory=dict)
    """What goes back to the sale, by the entity it comes from."""
    agreed: dict[str, set[str]] = field(default_factory=dict)
    """Rows that agree without a write, by entity."""
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    messages: list[tuple[str, Message]] = field(default_factory=list)
    """Messages to be stored with the end of the visit, by the entity of their document."""
    looks: dict[str, float] = field(default_factory=dict)
    """When a document is looked at again for what Omie has not told yet, by entity (epoch seconds)."""
    emptied: set[str] = field(default_factory=set)
    """Documents of which the sale has no line left."""
    thaws: float = 0.0
    """When the rows that two automations fight over are let go (epoch seconds); 0 when none rests."""
    retaxed: set[str] = field(default_factory=set)
    """Documents whose items get their mapped taxes anew."""
    made: bool = False
    """True when this visit made a document or a sale."""
    wanted: Sequence[tuple[str, str, str]] = ()
    """Records (vendor, entity, id) whose change may end the wait."""
    outcome: Outcome | None = None
    """How the event ends, once a step knows better than the end of the road."""

    @property
    def integration_id(self) -> int:
        """The integration's id."""
        return self.trip.integration.id

    def found(self, cause: str, detail: str, **data: Any) -> Finding:
        """An issue to open at the end; the client of the sale is where people are told."""
        contact = self.sale.contact if self.sale is not None else None
        finding = Finding(cause, detail, {**data, **({"ploomes_id": contact} if contact else {})})
        self.findings.append(finding)
        return finding

    def field_key(self, name: str) -> str | None:
        """The key of one of our own fields of sales in this account."""
        by_set = self.trip.integration.provisioned.get("fields", {}).get(name, {})
        key = by_set.get("orders")
        return str(key) if key else None

    def custom(self, name: str) -> str | None:
        """The value of one of our own text fields on the sale."""
        key = self.field_key(name)
        for row in (self.sale.raw.get("OtherProperties") or ()) if self.sale is not None and key else ():
            if row.get("FieldKey") == key:
                return str(row.get("StringValue") or "") or None
        return None


def pairs_of(link: Link) -> list[Pair]:
    """The remembered pairs of items and lines of a document."""
    return [Pair.of_json(row) for row in link.document.get("pairs", ())]


def remember(link: Link, **facts: Any) -> None:
    """Keeps facts of a document with its link; None forgets one."""
    document: JsonObject = {**link.document, **facts}
    link.document = {name: value for name, value in document.items() if value is not None}


def other_kind(entity: str) -> Kind:
    """The kind of document a sale may have beside this one."""
    return next(kind for name, kind in KINDS.items() if name != entity)


def sale_records(sale_id: str, links: Mapping[str, Link]) -> list[tuple[str, str]]:
    """The records on which trouble of a sale may be shown, the sale first."""
    return [(Vendor.PLOOMES.value, sale_id), *((Vendor.OMIE.value, link.omie_id) for link in links.values())]


ISSUE_ENTITY = ORDERS
"""Trouble of a sale is filed under this entity, whichever document it is about."""

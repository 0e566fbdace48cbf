"""Words both sides share: vendors, entities, notices, records and what a gateway must answer. Types only."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Protocol

JsonObject = dict[str, Any]


class Vendor(StrEnum):
    """The two systems kept equal."""

    OMIE = "omie"
    PLOOMES = "ploomes"

    @property
    def other(self) -> "Vendor":
        """The opposite side."""
        return Vendor.PLOOMES if self is Vendor.OMIE else Vendor.OMIE

    @property
    def label(self) -> str:
        """Its name for people."""
        return "Omie" if self is Vendor.OMIE else "Ploomes"


class Entity(StrEnum):
    """What is kept equal; values are the words of the API."""

    SELLERS = "sellers"
    CLIENTS = "clients"
    PRODUCTS = "products"
    SERVICES = "services"
    STOCK = "stock"
    ORDERS = "orders"
    SERVICE_ORDERS = "service_orders"


class Priority(IntEnum):
    """Who waits for whom at every shared budget: smaller goes first."""

    LIVE = 0
    PERSON = 1
    BULK = 2


class Kind(StrEnum):
    """What a notice says happened to its record."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    CANCELLED = "cancelled"
    INVOICED = "invoiced"
    RETURNED = "returned"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Notice:
    """A webhook body reduced to what the inbox stores. A hint that a record may have changed, never its truth."""

    vendor: Vendor
    entity: Entity | None
    external_id: str | None
    kind: Kind
    topic: str
    dedupe_key: str
    """The vendor's event id, or a hash of the body where it sends none."""
    dedupe_forever: bool
    """True when `dedupe_key` names one event for ever; False when it only merges bodies not yet looked at."""
    author: str | None = None
    """E-mail (Omie) or user id (Ploomes) of who made the change, as told by the vendor."""
    echo: bool = False
    """True when the vendor's author mark says an API made the change (Omie: no-reply@omie.com.br)."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as a vendor answered it: raw wire data, numbers as Decimal or int, unknown fields kept."""

    vendor: Vendor
    entity: str
    id: str
    data: JsonObject
    read_at: datetime
    """When the request that brought it was sent; what happened later is not in it."""
    changed_at: datetime | None = None
    """When the vendor says that it was last changed, where it says so."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a crawl. `cursor` asks for the next one; None ends the crawl. `complete` is False when cut short."""

    records: Sequence[Record]
    cursor: str | None
    total: int | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """A vendor's answer to a write: the record's id, and the record itself where the vendor returns it."""

    id: str
    data: JsonObject | None
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Key:
    """A natural key to find records by: `document`, `email`, `integration_code`, `omie_id`, `code`, `name`, ..."""

    name: str
    value: str
    within: Mapping[str, str] = field(default_factory=dict)
    """Narrows the search where the key alone repeats (a city name inside a state)."""
    either: "Key | None" = None
    """Another key, of which a record may carry either: one request finds both. Ploomes only; where the account refuses
    the other one, this key alone is searched for."""


@dataclass(frozen=True, slots=True)
class Price:
    """What one request of a kind is, for plans."""

    method: str
    """As the limits and the counters call it."""
    rows: int = 1
    """Records that one request reads."""


class Gateway(Protocol):
    """Five verbs, the same for both vendors; one instance speaks for one integration at one priority.

    Entities beside those of `Entity` are auxiliary sets by name (`cities`, `tags`, `users`, `statuses`, ...).
    Every verb raises `VendorError` or `Postponed` (app.core.errors).
    """

    vendor: Vendor

    async def fetch(self, entity: str, external_id: str) -> Record | None:
        """The authoritative record by id; None only when the vendor explicitly says it is not there."""
        ...

    async def fetch_many(self, entity: str, external_ids: Sequence[str]) -> dict[str, Record]:
        """Records by id in as few calls as the vendor allows; an id without a record is left out."""
        ...

    async def find(self, entity: str, key: Key, *, control: str | None = None) -> list[Record]:
        """Records that carry a natural key. `control` names a record known to live, asked for in the same filter:
        when given and absent from the answer, the answer does not count and `VendorError(TRANSIENT)` is raised,
        tagged `control`."""
        ...

    def pages(
        self,
        entity: str,
        *,
        since: datetime | None = None,
        cursor: str | None = None,
        within: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Page]:
        """Crawls a set in a stable order, from `cursor` on, or only what changed since an instant.

        `within` narrows it by names the set knows (`client`, `stage`, ...); one it does not know is refused unsent.
        """
        ...

    def price(self, entity: str, verb: str) -> Price:
        """What `list`, `read` (by ids), `find` or a verb of `write` costs. Nothing is sent."""
        ...

    async def seconds(
        self, requests: Mapping[str, int], *, of_one_record: int = 0, traffic: Mapping[str, float] | None = None
    ) -> float:
        """How long requests, by method, will take at the limits and at this priority. Nothing is sent.

        `of_one_record`: how many of them alter the same record, for the record that needs most. `traffic`: calls a
        second, by method, that go on meanwhile.
        """
        ...

    async def write(self, entity: str, verb: str, external_id: str | None, body: JsonObject) -> Written:
        """Sends one write: `create`, `update`, `delete`, or a verb of that entity's call table. Exactly one request."""
        ...

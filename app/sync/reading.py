"""Reading records, as seldom as Omie's redundancy interval demands.

What we ourselves read or wrote in Omie inside the interval counts as read unless a newer event came: for a linked
pair it is kept on the link, for an event that had to be put off half-way in its memo (design section 4).
"""

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select

from app.core import wire
from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import JsonObject, Record, Vendor
from app.sync import links
from app.sync.agreement import Agreement
from app.sync.mapping.fields import Values
from app.sync.models import Event, EventSource, EventState, Link
from app.sync.trip import Paged, Side, Trip

REDUNDANCY = timedelta(seconds=60)
"""Omie refuses the same read within this time (reference 1.5)."""


PAGE_ROW = timedelta(hours=24)
"""A row of a page that a pass read counts as read this long, unless an event of its record came (design section 5)."""
WITHDRAWN = "resync_stopped"
"""Cause of an event that a pass took back before anybody had it in hand: it tells nothing of its record."""
TRUST = timedelta(hours=1)
"""A page row older than this is read again whatever is known of it."""


class Reading:
    """Reads sides of pairs and single records."""

    def __init__(self, db: Database, clock: Clock, agreement: Agreement) -> None:
        self._db = db
        self._clock = clock
        self._agreement = agreement

    async def side(self, trip: Trip, link: Link, vendor: Vendor) -> Side | None:
        """One side of a pair as it is now; None when the vendor says it is gone. Raises Postponed, VendorError."""
        external_id = links.id_of(link, vendor)
        paged = await self._of_page(trip, vendor, external_id, link.version)
        if paged is not None and _whole(trip, paged.values):
            kept = {row.id: paged.values[row.id] for row in trip.rows}
            return Side(kept, paged.read_at, paged.record, paged=True)
        if vendor is Vendor.OMIE and not trip.unfinished:
            values, seen_at = links.seen(link, vendor)
            whole = values is not None and _whole(trip, values)
            if values and whole and seen_at is not None and await self._still_counts(trip, external_id, seen_at):
                return Side({row.id: values[row.id] for row in trip.rows}, seen_at)
        record = await self.record(trip, vendor, external_id)
        return None if record is None else await self._agreement.side(trip, record)

    async def record(self, trip: Trip, vendor: Vendor, external_id: str) -> Record | None:
        """A record as it is now, or as this event read it before it was put off, or the page that made the event."""
        paged = await self._of_page(trip, vendor, external_id, None) if trip.link is None else None
        if paged is not None and paged.record is not None:
            return paged.record
        kept = trip.reads.get(external_id) if vendor is Vendor.OMIE and not trip.unfinished else None
        within = PAGE_ROW if trip.event.source == EventSource.RESYNC else REDUNDANCY
        if kept is not None and await self._still_counts(trip, external_id, kept.read_at, within):
            return kept
        record = await trip.gateway(vendor).fetch(trip.set_of(vendor), external_id)
        if record is not None and vendor is Vendor.OMIE:
            trip.reads[external_id] = record
        return record

    async def _of_page(self, trip: Trip, vendor: Vendor, external_id: str, version: int | None) -> Side | None:
        """The page's row of a record, if its link is as it was and nothing else told of the record since."""
        kept = trip.paged.sides.get(vendor) if trip.paged is not None and not trip.unfinished else None
        if kept is None or trip.paged is None or trip.paged.version != version:
            return None
        read_at = datetime.fromisoformat(kept["read_at"])
        if self._clock.now() - read_at > TRUST or await self._told_since(trip, vendor, external_id, read_at):
            return None
        data = wire.loads(kept["data"]) if "data" in kept else None
        record = Record(vendor, trip.set_of(vendor), external_id, data, read_at) if data is not None else None
        return Side(kept["values"], read_at, record)

    async def _told_since(self, trip: Trip, vendor: Vendor, external_id: str, read_at: datetime) -> bool:
        """Whether an event of a record came or was settled since an instant; our own event does not count."""
        newer = (
            select(Event.id)
            .where(
                Event.integration_id == trip.integration.id,
                Event.vendor == vendor.value,
                Event.entity.in_((trip.entity, *trip.rules.SIBLINGS)),
                Event.external_id == external_id,
                Event.id != trip.event.id,
                func.coalesce(Event.cause, "") != WITHDRAWN,
                or_(Event.received_at >= read_at, Event.settled_at >= read_at, Event.due_at.is_not(None)),
            )
            .limit(1)
        )
        async with self._db.read() as session:
            return (await session.execute(newer)).first() is not None

    async def _still_counts(self, trip: Trip, omie_id: str, read_at: datetime, within: timedelta = REDUNDANCY) -> bool:
        if self._clock.now() - read_at >= within:
            return False
        newer = (
            select(Event.id)
            .where(
                Event.integration_id == trip.integration.id,
                Event.vendor == Vendor.OMIE,
                Event.entity == trip.entity,
                Event.external_id == omie_id,
                Event.received_at >= read_at,
                Event.state != EventState.ECHO,
                or_(Event.id != trip.event.id, Event.source != EventSource.RESYNC),  # a pass's own event tells nothing
            )
            .limit(1)
        )
        async with self._db.read() as session:
            return (await session.execute(newer)).first() is None


def _whole(trip: Trip, values: Values) -> bool:
    """Whether a look tells every row: one may be newer than the look, and what was not looked at is not empty."""
    return all(row.id in values for row in trip.rows)


def remember(reads: dict[str, Record], paged: Paged | None = None) -> str | None:
    """What an event read in Omie, and what the page that made it held, as text for its memo."""
    rows = [{"id": r.id, "entity": r.entity, "data": r.data, "read_at": r.read_at.isoformat()} for r in reads.values()]
    if paged is not None:
        return wire.dumps({"reads": rows, **_page_json(paged)}).decode()
    return wire.dumps({"reads": rows}).decode() if rows else None


def paged_memo(paged: Paged) -> str:
    """The memo of an event that a page made."""
    return wire.dumps({"reads": [], **_page_json(paged)}).decode()


def _page_json(paged: Paged) -> JsonObject:
    sides = {vendor.value: side for vendor, side in paged.sides.items() if side is not None}
    return {"page": {"version": paged.version, "accepted": paged.accepted, "sides": sides}}


def recall(memo: str | None) -> tuple[dict[str, Record], Paged | None]:
    """The records of a memo, by id, and the page that made the event."""
    kept = wire.loads(memo) if memo else {}
    if isinstance(kept, list):
        kept = {"reads": kept}  # a memo of an earlier version
    reads = {
        row["id"]: Record(Vendor.OMIE, row["entity"], row["id"], row["data"], datetime.fromisoformat(row["read_at"]))
        for row in kept.get("reads", ())
    }
    page = kept.get("page")
    if page is None:
        return reads, None
    sides = {vendor: page["sides"].get(vendor.value) for vendor in Vendor}
    return reads, Paged(page["version"], sides, bool(page["accepted"]))

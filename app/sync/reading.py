"""Reading records, as seldom as Omie's redundancy interval demands.

What we ourselves read or wrote in Omie inside the interval counts as read unless a newer event came: for a linked
pair it is kept on the link, for an event that had to be put off half-way in its memo (design section 4).
"""

from datetime import datetime, timedelta

from sqlalchemy import or_, select

from app.core import wire
from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Record, Vendor
from app.sync import links
from app.sync.agreement import Agreement
from app.sync.models import Event, EventSource, EventState, Link
from app.sync.trip import Side, Trip

REDUNDANCY = timedelta(seconds=60)
"""Omie refuses the same read within this time (reference 1.5)."""


PAGE_ROW = timedelta(hours=24)
"""A row of a page that a pass read counts as read this long, unless an event of its record came (design section 5)."""


class Reading:
    """Reads sides of pairs and single records."""

    def __init__(self, db: Database, clock: Clock, agreement: Agreement) -> None:
        self._db = db
        self._clock = clock
        self._agreement = agreement

    async def side(self, trip: Trip, link: Link, vendor: Vendor) -> Side | None:
        """One side of a pair as it is now; None when the vendor says it is gone. Raises Postponed, VendorError."""
        external_id = links.id_of(link, vendor)
        if vendor is Vendor.OMIE and not trip.unfinished:
            values, seen_at = links.seen(link, vendor)
            whole = values is not None and all(
                row.id in values for row in trip.rows
            )  # a row may be newer than the look
            if values and whole and seen_at is not None and await self._still_counts(trip, external_id, seen_at):
                return Side({row.id: values[row.id] for row in trip.rows}, seen_at)
        record = await self.record(trip, vendor, external_id)
        return None if record is None else await self._agreement.side(trip, record)

    async def record(self, trip: Trip, vendor: Vendor, external_id: str) -> Record | None:
        """A record as it is now, or as this event read it before it was put off."""
        kept = trip.reads.get(external_id) if vendor is Vendor.OMIE and not trip.unfinished else None
        within = PAGE_ROW if trip.event.source == EventSource.RESYNC else REDUNDANCY
        if kept is not None and await self._still_counts(trip, external_id, kept.read_at, within):
            return kept
        record = await trip.gateway(vendor).fetch(trip.set_of(vendor), external_id)
        if record is not None and vendor is Vendor.OMIE:
            trip.reads[external_id] = record
        return record

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


def remember(reads: dict[str, Record]) -> str | None:
    """What an event read in Omie, as text for its memo."""
    if not reads:
        return None
    rows = [{"id": r.id, "entity": r.entity, "data": r.data, "read_at": r.read_at.isoformat()} for r in reads.values()]
    return wire.dumps(rows).decode()


def recall(memo: str | None) -> dict[str, Record]:
    """The records of a memo, by id."""
    rows = wire.loads(memo) if memo else []
    return {
        row["id"]: Record(Vendor.OMIE, row["entity"], row["id"], row["data"], datetime.fromisoformat(row["read_at"]))
        for row in rows
    }

"""Reads of documents, as seldom as Omie's redundancy interval demands.

What was read or written inside the interval counts as read unless a newer notice of the document came: for a linked one
it is kept on the link, for an event that had to be put off half-way in its memo (design section 4).
"""

from datetime import datetime, timedelta

from sqlalchemy import or_, select, tuple_

from app.core import wire
from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Record, Vendor
from app.sync.models import Event, EventState
from app.sync.reading import TRUST
from app.sync.sales.book import PROOF
from app.sync.sales.documents import KINDS, ORDERS, Kind
from app.sync.sales.visit import Visit, sale_records
from app.sync.trip import Side

REDUNDANCY = timedelta(seconds=60)
"""Omie refuses the same read within this time (reference 1.5)."""


class Looks:
    """Reads documents."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def sale(self, visit: Visit) -> Record | None:
        """The sale as it is now, or as the page that made this event showed it. Raises Postponed, VendorError."""
        paged = await self.paged(visit, Vendor.PLOOMES, visit.sale_id)
        if paged is not None and paged.record is not None:
            return paged.record
        return await visit.trip.ploomes.fetch(ORDERS, visit.sale_id)

    async def paged(self, visit: Visit, vendor: Vendor, external_id: str) -> Side | None:
        """The row of a page that a pass read, if nothing told of the sale or a document of it since."""
        trip = visit.trip
        kept = trip.paged.sides.get(vendor) if trip.paged is not None and not visit.unfinished else None
        if kept is None or kept.get("id") != external_id:
            return None
        read_at = datetime.fromisoformat(kept["read_at"])
        if self._clock.now() - read_at > TRUST or await self._told_since(visit, external_id, read_at):
            return None
        data = wire.loads(kept["data"]) if "data" in kept else None
        record = Record(vendor, trip.set_of(vendor), external_id, data, read_at) if data is not None else None
        return Side(kept["values"], read_at, record, paged=True)

    async def _told_since(self, visit: Visit, external_id: str, read_at: datetime) -> bool:
        """Whether another event of the sale or of its documents came or was settled since an instant."""
        records = {*sale_records(visit.sale_id, visit.links), (visit.trip.vendor.value, external_id)}
        newer = (
            select(Event.id)
            .where(
                Event.integration_id == visit.integration_id,
                Event.entity.in_(KINDS),
                tuple_(Event.vendor, Event.external_id).in_(records),
                Event.id != visit.trip.event.id,
                or_(Event.received_at >= read_at, Event.settled_at >= read_at, Event.due_at.is_not(None)),
            )
            .limit(1)
        )
        async with self._db.read() as session:
            return (await session.execute(newer)).first() is not None

    async def record(self, visit: Visit, kind: Kind, omie_id: str) -> Record | None:
        """A document as it is now, or as this event read it before it was put off. Raises Postponed, VendorError."""
        trip = visit.trip
        paged = await self.paged(visit, Vendor.OMIE, omie_id)
        if paged is not None and paged.record is not None:
            return paged.record
        kept = trip.reads.get(omie_id)
        if kept is not None and await self.still_counts(visit, kind.entity, omie_id, kept.read_at):
            return kept
        record = await trip.omie.fetch(kind.entity, omie_id)
        if record is not None:
            trip.reads[omie_id] = record
        return record

    async def still_counts(self, visit: Visit, entity: str, omie_id: str, read_at: datetime) -> bool:
        """Whether a look at a document tells what Omie holds: it is young, and no notice came since."""
        if self._clock.now() - read_at >= REDUNDANCY:
            return False
        newer = (
            select(Event.id)
            .where(
                Event.integration_id == visit.integration_id,
                Event.vendor == Vendor.OMIE,
                Event.entity == entity,
                Event.external_id == omie_id,
                Event.received_at >= read_at,
                Event.state != EventState.ECHO,
                Event.topic != PROOF,
            )
            .limit(1)
        )
        async with self._db.read() as session:
            return (await session.execute(newer)).first() is None

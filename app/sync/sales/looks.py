"""Reads of documents, as seldom as Omie's redundancy interval demands.

What was read or written inside the interval counts as read unless a newer notice of the document came: for a linked one
it is kept on the link, for an event that had to be put off half-way in its memo (design section 4).
"""

from datetime import datetime, timedelta

from sqlalchemy import select

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Record, Vendor
from app.sync.models import Event, EventState
from app.sync.sales.book import PROOF
from app.sync.sales.documents import Kind
from app.sync.sales.visit import Visit

REDUNDANCY = timedelta(seconds=60)
"""Omie refuses the same read within this time (reference 1.5)."""


class Looks:
    """Reads documents."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def record(self, visit: Visit, kind: Kind, omie_id: str) -> Record | None:
        """A document as it is now, or as this event read it before it was put off. Raises Postponed, VendorError."""
        trip = visit.trip
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

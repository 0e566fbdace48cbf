"""Reading one side of a linked pair, as seldom as Omie's redundancy interval demands."""

from datetime import datetime, timedelta

from sqlalchemy import select

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Vendor
from app.sync import links
from app.sync.agreement import Agreement
from app.sync.models import Event, EventState, Link
from app.sync.trip import Side, Trip

REDUNDANCY = timedelta(seconds=60)
"""Omie refuses the same read within this time (reference 1.5)."""


class Reading:
    """Reads sides; what we read or wrote inside the redundancy interval counts as read, unless news came."""

    def __init__(self, db: Database, clock: Clock, agreement: Agreement) -> None:
        self._db = db
        self._clock = clock
        self._agreement = agreement

    async def read(self, trip: Trip, link: Link, vendor: Vendor) -> Side | None:
        """One side as it is now; what we read or wrote inside the redundancy interval counts, unless news came."""
        if vendor is Vendor.OMIE and not trip.unfinished:
            values, seen_at = links.seen(link, vendor)
            if values is not None and seen_at is not None and await self._still_counts(trip, link, seen_at):
                return Side({row.id: values.get(row.id) for row in trip.rows}, seen_at)
        record = await trip.gateway(vendor).fetch(trip.entity, links.id_of(link, vendor))
        return None if record is None else await self._agreement.side(trip, record)

    async def _still_counts(self, trip: Trip, link: Link, seen_at: datetime) -> bool:
        if self._clock.now() - seen_at >= REDUNDANCY:
            return False
        async with self._db.read() as session:
            query = (
                select(Event.id)
                .where(
                    Event.integration_id == trip.integration.id,
                    Event.vendor == Vendor.OMIE,
                    Event.entity == trip.entity,
                    Event.external_id == link.omie_id,
                    Event.received_at >= seen_at,
                    Event.state != EventState.ECHO,
                )
                .limit(1)
            )
            return (await session.execute(query)).first() is None

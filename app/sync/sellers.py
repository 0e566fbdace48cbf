"""Sellers of Omie and users of Ploomes: matched by e-mail or by hand, never created (F012, F190-F193)."""

from sqlalchemy import update

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Kind, Vendor
from app.sync import links
from app.sync.endings import Endings
from app.sync.lookups import known
from app.sync.lookups.references import References
from app.sync.models import Event, EventState, LinkState
from app.sync.trip import Trip, done


class Sellers:
    """Keeps what we know of sellers fresh, and wakes what waited for one."""

    def __init__(self, db: Database, clock: Clock, references: References, endings: Endings) -> None:
        self._db = db
        self._clock = clock
        self._references = references
        self._endings = endings

    async def refresh(self, trip: Trip) -> None:
        """Reads the seller again, pairs it anew and settles the event. Raises Postponed, VendorError."""
        integration, seller = trip.integration, trip.record_id
        record = None if trip.event.kind == Kind.DELETED else await trip.omie.fetch("sellers", seller)
        async with self._db.transaction() as session:
            if record is None:
                await known.mark_gone(session, integration.id, Vendor.OMIE, "sellers", seller, self._clock.now())
            else:
                await known.upsert(session, integration.id, [known.known_of(record)], self._clock.now())
        self._references.forget(integration.id)
        refs = await self._references.of(integration, trip.config, trip.omie, trip.ploomes)
        if seller not in refs.user_of_seller and record is not None:
            await self._references.seek_user(integration, seller, trip.ploomes)
            refs = await self._references.of(integration, trip.config, trip.omie, trip.ploomes)
        user = refs.user_of_seller.get(seller)
        now = self._clock.now()
        async with self._db.transaction() as session:
            link = await links.find(session, integration.id, "sellers", Vendor.OMIE, seller)
            if link is not None and link.ploomes_id != user:
                links.end(link, LinkState.DELETED, "O par mudou.", now)
                await session.flush()
                link = None
            if link is None and user is not None:
                taken = await links.find(session, integration.id, "sellers", Vendor.PLOOMES, user)
                if taken is None:
                    link = links.make(integration.id, "sellers", seller, user, None, now)
                    session.add(link)
            if refs.sellers.get(seller):
                await session.execute(
                    update(Event)
                    .where(
                        Event.integration_id == integration.id,
                        Event.state == EventState.WAITING,
                        Event.cause == "inactive_seller",
                    )
                    .values(due_at=self._clock.time())
                )
            reason = (
                f"Vendedor pareado com o usuário {user} do Ploomes."
                if user
                else "Vendedor sem usuário de mesmo e-mail no Ploomes."
            )
            await self._endings.close_in(session, trip, done("paired" if user else "unpaired", reason))

"""Small sets of a vendor, read whole into `known_records`: look-ups of converters, pickers, code lists."""

from collections.abc import Mapping
from dataclasses import replace

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Gateway, Page, Vendor
from app.sync.lookups import known
from app.sync.vendors import refuse_cut


class Sets:
    """Reads sets and knows how old each one is."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def read(
        self,
        integration_id: int,
        vendor: Vendor,
        entity: str,
        gateway: Gateway,
        *,
        within: Mapping[str, str] | None = None,
        kept_as: str | None = None,
    ) -> int:
        """The whole set, or the part `within` names, kept under its own name or `kept_as`; answers how many rows.

        What the list does not show any more is gone. Raises Postponed, and VendorError, also when it was cut short.
        """
        kept = kept_as or entity
        started, seen = self._clock.now(), 0
        first = page = Page((), None)
        async for page in gateway.pages(entity, within=within):
            first = page if not seen else first
            seen += len(page.records)
            rows = [replace(known.known_of(record), entity=kept) for record in page.records]
            async with self._db.transaction() as session:
                await known.upsert(session, integration_id, rows, self._clock.now())
        refuse_cut(page, seen, first.total, vendor, entity)
        async with self._db.transaction() as session:
            if seen:  # an empty list of a set that had rows is no proof that they are gone
                await known.mark_unseen_gone(
                    session, integration_id, vendor, kept, seen_before=started, at=self._clock.now()
                )
            await known.seen_whole(session, integration_id, vendor, kept, started)
        return seen

    async def age(self, integration_id: int, vendor: Vendor, kept: str) -> float | None:
        """Seconds since a set was read whole; None when it never was."""
        async with self._db.read() as session:
            read_at = await known.whole_at(session, integration_id, vendor, kept)
        return None if read_at is None else (self._clock.now() - read_at).total_seconds()

    async def lately(self, integration_id: int, vendor: Vendor, kept: str, seconds: float) -> bool:
        """True when a set was read whole less than `seconds` ago."""
        age = await self.age(integration_id, vendor, kept)
        return age is not None and age < seconds

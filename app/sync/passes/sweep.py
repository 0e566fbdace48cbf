"""The incremental sweep: what changed since the last record seen, on both vendors: a lost webhook loses nothing.

One list per set and vendor. Rows equal to their base end here; the others become events that carry the row, so that
only the other side is read. Records that unexplained no-reply events named are settled from the same lists, and those
that are not in them are read together, fifty a call.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, VendorError
from app.core.log import get_logger
from app.core.ports import Kind, Priority, Record, Vendor
from app.core.queue import Queue
from app.sync import inbox
from app.sync.config.store import ConfigStore
from app.sync.entities import RULES
from app.sync.intake import RUNNING
from app.sync.lookups import known
from app.sync.models import Event, EventSource, EventState, Integration
from app.sync.passes import watermarks
from app.sync.passes.foreign import next_sweep
from app.sync.passes.load_pairing import Visit
from app.sync.passes.models import Watermark
from app.sync.passes.resync_compare import Difference, Row, compare, linked_ids, rows_of_page
from app.sync.passes.silence import Silence
from app.sync.reading import paged_memo
from app.sync.trip import Paged
from app.sync.vendors import one_page

TOPIC = "sweep"
OVERLAP = timedelta(seconds=10)
"""A list reaches this far before the last record seen: changes of one instant may show one after the other."""
LATE = timedelta(minutes=2)
"""A change this old whose webhook never came was missed."""
SILENT_SECONDS = 120.0
"""How often a vendor whose webhooks fell silent is swept."""
DAY = 86400.0
BATCH = 50
_log = get_logger(__name__)

Visits = Callable[[Integration, str], Awaitable[Visit]]


@dataclass(slots=True)
class Seen:
    """What one set's list showed."""

    records: list[Record] = field(default_factory=list)
    missed: list[datetime] = field(default_factory=list)
    """When changes happened whose webhook should have come and did not."""


class Sweep:
    """Sweeps running integrations; called once a minute by one process."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        queue: Queue,
        configs: ConfigStore,
        visits: Visits,
        silence: Silence,
        every_seconds: float,
    ) -> None:
        self._every = every_seconds
        self._db = db
        self._clock = clock
        self._queue = queue
        self._configs = configs
        self._visits = visits
        self._silence = silence

    async def tick(self) -> None:
        """Sweeps what is due of every running integration; one that fails does not stop the others."""
        async with self._db.read() as session:
            rows = list(await session.scalars(select(Integration).where(Integration.state.in_(RUNNING))))
        for integration in rows:
            try:
                await self.integration(integration)
            except (VendorError, Postponed) as problem:
                _log.info("sweep put off", integration=integration.id, problem=type(problem).__name__)

    async def integration(self, integration: Integration) -> None:
        """Every set of one integration that is due; then its webhooks' rhythm."""
        config = await self._configs.get(integration.id)
        on = [entity for entity in RULES if getattr(config.entities, entity, True)]
        async with self._db.read() as session:
            marks = {(mark.vendor, mark.entity): mark for mark in await watermarks.of(session, integration.id)}
        missed: dict[Vendor, list[datetime]] = {vendor: [] for vendor in Vendor}
        found = 0
        for vendor in Vendor:
            for set_name in dict.fromkeys(RULES[entity].SETS[vendor] for entity in on):
                mark = marks.get((vendor.value, set_name))
                if mark is None or mark.due_at > self._clock.time():
                    continue
                if not mark.due_at:  # just read whole
                    await self._next(mark, next_sweep(self._clock.time(), self._every))
                    continue
                visits = [
                    await self._visits(integration, entity) for entity in on if RULES[entity].SETS[vendor] == set_name
                ]
                seen, count = await self._set(visits, vendor, set_name, mark)
                missed[vendor] += seen.missed
                found += count
        if found:
            await self._queue.ring("bulk")
        await self._silence.judge(integration, missed)

    async def _set(self, visits: Sequence[Visit], vendor: Vendor, set_name: str, mark: Watermark) -> tuple[Seen, int]:
        """One set: its list, what differs, the named records. Answers what it saw and how many events it made."""
        async with self._db.read() as session:
            start = await watermarks.start_of(session, mark) - OVERLAP
        gateway = visits[0].omie if vendor is Vendor.OMIE else visits[0].ploomes
        seen, cursor, count = Seen(), None, 0
        while True:
            asked_at = self._clock.now()
            page = await one_page(gateway, set_name, cursor=cursor, since=start)
            count += await self._compared(visits, vendor, set_name, page.records, asked_at, seen)
            cursor = page.cursor
            if cursor is None:
                break
        if vendor is Vendor.OMIE:
            count += await self._named(visits, set_name, {record.id for record in seen.records})
        await self._move(mark, vendor, seen)
        return seen, count

    async def _next(self, mark: Watermark, due_at: float) -> None:
        async with self._db.transaction() as session:
            await session.execute(update(Watermark).where(Watermark.id == mark.id).values(due_at=due_at))

    async def _move(self, mark: Watermark, vendor: Vendor, seen: Seen) -> None:
        """The next list begins at the last record seen. A list that was empty in Omie is asked for once a day: the
        answer counts as an error there."""
        told = [[record.id, record.changed_at.isoformat()] for record in seen.records if record.changed_at]
        marks = watermarks.newest([*mark.last, *told])
        since = datetime.fromisoformat(marks[0][1]) if marks else mark.since
        silent = await self._silence.is_silent(mark.integration_id, vendor)
        now = self._clock.time()
        due_at = now + min(SILENT_SECONDS, self._every) if silent else next_sweep(now, self._every)
        if vendor is Vendor.OMIE and not seen.records:
            due_at = now + DAY
        async with self._db.transaction() as session:
            await session.execute(
                update(Watermark).where(Watermark.id == mark.id).values(since=since, last=marks, due_at=due_at)
            )

    async def _compared(
        self,
        visits: Sequence[Visit],
        vendor: Vendor,
        set_name: str,
        records: Sequence[Record],
        asked_at: datetime,
        seen: Seen,
    ) -> int:
        """Compares rows with their bases and makes the events of those that differ."""
        seen.records += records
        ids = [record.id for record in records]
        asked_at = min((record.read_at for record in records), default=asked_at)
        digests: dict[str, str] = {}
        count = 0
        for visit in visits:
            async with self._db.read() as session:
                linked = await linked_ids(session, visit, vendor, ids)
            rows = await rows_of_page(visit, records, linked)
            digests |= {row.record.id: row.digest for row in rows}
            async with self._db.transaction() as session:
                comparison = await compare(session, visit, vendor, rows, asked_at, besides=(EventSource.FOREIGN,))
                differing = [each for each in comparison.differing if not each.stale]
                seen.missed += await self._missed(session, visit, vendor, differing)
                for difference in differing:
                    await self._event(session, visit, vendor, difference)
                await self._settle_named(session, visit, vendor, rows, differing)
                count += len(differing)
        async with self._db.transaction() as session:
            told = [known.known_of(record, digests.get(record.id)) for record in records]
            await known.upsert(session, visits[0].integration.id, told, asked_at)
        return count

    async def _event(self, session: AsyncSession, visit: Visit, vendor: Vendor, difference: Difference) -> None:
        link, row = difference.link, difference.row
        side = row.as_json(raw=True)
        paged = Paged(link.version if link is not None else None, {vendor: side, vendor.other: None})
        event = await inbox.enqueue(
            session,
            integration_id=visit.integration.id,
            vendor=vendor.value,
            entity=visit.rules.ENTITY,
            external_id=row.record.id,
            kind=Kind.CHANGED,
            topic=TOPIC,
            source=EventSource.SWEEP.value,
            priority=Priority.BULK,
            due_at=self._clock.time(),
            now=self._clock.now(),
            memo=paged_memo(paged),
        )
        if event.memo is None and event.source == EventSource.FOREIGN:
            event.memo = paged_memo(paged)

    async def _missed(
        self, session: AsyncSession, visit: Visit, vendor: Vendor, differing: Sequence[Difference]
    ) -> list[datetime]:
        """Change times of rows that no webhook told of, although there was time enough."""
        now = self._clock.now()
        changed = {
            each.row.record.id: each.row.record.changed_at
            for each in differing
            if each.row.record.changed_at is not None and now - each.row.record.changed_at > LATE
        }
        if not changed:
            return []
        told = await session.execute(
            select(Event.external_id, Event.received_at).where(
                Event.integration_id == visit.integration.id,
                Event.vendor == vendor.value,
                Event.entity.in_((visit.rules.ENTITY, *visit.rules.SIBLINGS)),
                Event.external_id.in_(changed),
                Event.source == EventSource.WEBHOOK,
                Event.received_at >= min(at for at in changed.values() if at is not None) - LATE,
            )
        )
        for external_id, received_at in told:
            at = changed.get(str(external_id))
            if at is not None and received_at >= at - OVERLAP:
                changed.pop(str(external_id))
        return [at for at in changed.values() if at is not None]

    # --- records that unexplained events named -------------------------------------------------------------------

    async def _settle_named(
        self,
        session: AsyncSession,
        visit: Visit,
        vendor: Vendor,
        rows: Sequence[Row],
        differing: Sequence[Difference],
    ) -> None:
        """A named record that the list showed equal to its base needs no look of its own."""
        unequal = {each.row.record.id for each in differing}
        equal = [row.record.id for row in rows if row.record.id not in unequal]
        await session.execute(
            update(Event)
            .where(
                *_named(visit, vendor),
                Event.kind == Kind.CHANGED,
                Event.external_id.in_(equal),
            )
            .values(
                state=EventState.DONE,
                cause="unchanged",
                reason="A varredura leu o registro e nenhum campo mapeado mudou.",
                due_at=None,
                settled_at=self._clock.now(),
            )
            .execution_options(synchronize_session=False)
        )

    async def _named(self, visits: Sequence[Visit], set_name: str, listed: set[str]) -> int:
        """Reads the named records that the list did not show, fifty a call."""
        count = 0
        for visit in visits:
            async with self._db.read() as session:
                query = select(Event.external_id).where(
                    *_named(visit, Vendor.OMIE), Event.kind.in_((Kind.CREATED, Kind.CHANGED))
                )
                wanted = [str(one) for one in await session.scalars(query.limit(10 * BATCH)) if str(one) not in listed]
            for start in range(0, len(wanted), BATCH):
                part = wanted[start : start + BATCH]
                asked_at = self._clock.now()
                records: Mapping[str, Record] = await visit.omie.fetch_many(set_name, part) if len(part) > 1 else {}
                count += await self._compared([visit], Vendor.OMIE, set_name, list(records.values()), asked_at, Seen())
        return count


def _named(visit: Visit, vendor: Vendor) -> list[ColumnElement[bool]]:
    """Open events of other API apps about records of an entity."""
    return [
        Event.integration_id == visit.integration.id,
        Event.vendor == vendor.value,
        Event.entity == visit.rules.ENTITY,
        Event.source == EventSource.FOREIGN,
        Event.state.in_((EventState.RECEIVED, EventState.WAITING)),
        Event.due_at.is_not(None),
        Event.claim.is_(None),
    ]

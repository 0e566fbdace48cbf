"""The incremental sweep: what changed since the last record seen, on both vendors: a lost webhook loses nothing.

One list per set and vendor, walked by cursor: each page moves the watermark's place in the commit of its events, so
that what stops half-way goes on there. Rows equal to their base end here; the others become events that carry the
row, so that only the other side is read. Records that unexplained no-reply events named are settled from the same
lists, and those that are not in them are read together, fifty a call.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, VendorError
from app.core.log import get_logger
from app.core.ports import JsonObject, Kind, Priority, Record, Vendor
from app.core.queue import Queue
from app.sync import inbox
from app.sync.config.store import ConfigStore
from app.sync.entities import set_of
from app.sync.intake import RUNNING
from app.sync.lookups import known
from app.sync.models import Event, EventSource, EventState, Integration
from app.sync.passes import watermarks
from app.sync.passes.foreign import next_sweep
from app.sync.passes.models import Watermark
from app.sync.passes.resync_compare import Difference, compare, linked_ids
from app.sync.passes.resync_read import index_rows
from app.sync.passes.resync_steps import PASSED
from app.sync.passes.silence import Silence
from app.sync.passes.subject import Row, Subject, gateway_of
from app.sync.reading import paged_memo
from app.sync.sales.passing import SALES
from app.sync.stock.book import put_back
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
STALE_SECONDS = 3600.0
"""A list that stopped half-way goes on there this long; then it begins anew."""
KEPT_MISSED = 50
"""Missed changes remembered while a list is walked."""
AT_ONCE = 8
"""Integrations swept at a time."""
_log = get_logger(__name__)

Visits = Callable[[Integration, str], Awaitable[Subject]]


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
        """Sweeps what is due of every running integration; one that is slow or fails does not hold the others back."""
        async with self._db.read() as session:
            rows = list(await session.scalars(select(Integration).where(Integration.state.in_(RUNNING))))
        turn = asyncio.Semaphore(AT_ONCE)

        async def swept(integration: Integration) -> None:
            async with turn:
                try:
                    await self.integration(integration)
                except Exception:
                    _log.exception("sweep failed", integration=integration.id)

        async with asyncio.TaskGroup() as group:
            for integration in rows:
                group.create_task(swept(integration))

    async def integration(self, integration: Integration) -> None:
        """Every set of one integration that is due; then its webhooks' rhythm."""
        config = await self._configs.get(integration.id)
        on = [entity for entity in PASSED if getattr(config.entities, entity, True)]
        marks = await self._marks(integration, on)
        missed: dict[Vendor, list[datetime]] = {vendor: [] for vendor in Vendor}
        for (vendor, set_name), mark in marks.items():
            if mark.due_at > self._clock.time() and not await self._woken(mark):
                continue
            if not mark.due_at:  # just read whole
                await self._next(mark, await self._first_sweep(integration.id, vendor, set_name))
                continue
            held = [entity for entity in on if set_of(entity, vendor) == set_name]
            missed[vendor] += await self._tried(integration, held, vendor, set_name, mark)
        await self._silence.judge(integration, missed)

    async def _tried(
        self, integration: Integration, held: Sequence[str], vendor: Vendor, set_name: str, mark: Watermark
    ) -> list[datetime]:
        """One set. What goes wrong puts off this set alone, where its list stands: until a limit says, at most to the
        next sweep, so that a list that keeps failing spends no more errors than one that works spends calls."""
        rests = self._every
        try:
            visits = [await self._visits(integration, entity) for entity in held]
            return await self._set(visits, vendor, set_name, mark)
        except Postponed as postponed:
            problem, rests = postponed.cause, postponed.seconds
        except VendorError as error:
            problem = error.fault.value
        except Exception as error:
            _log.exception("sweep failed", integration=integration.id, vendor=vendor.value, set=set_name)
            problem = type(error).__name__
        _log.info("sweep put off", integration=integration.id, vendor=vendor.value, set=set_name, problem=problem)
        await self._next(mark, min(self._grid(integration.id), self._clock.time() + rests))
        return []

    def _grid(self, integration_id: int) -> float:
        """When an integration is swept next."""
        return next_sweep(self._clock.time(), self._every, integration_id)

    async def _marks(self, integration: Integration, on: Sequence[str]) -> dict[tuple[Vendor, str], Watermark]:
        """The watermarks of what is on. A set that no crawl reads (sales, before their first resync) begins at the
        activation; in Omie once a record of it is known, because an empty list counts as an error there."""
        wanted = dict.fromkeys((vendor, set_of(entity, vendor)) for vendor in Vendor for entity in on)
        async with self._db.read() as session:
            found = {(Vendor(m.vendor), m.entity): m for m in await watermarks.of(session, integration.id)}
            new = [key for key in wanted if key not in found and key[1] in SALES]
            heard = [
                (vendor, name)
                for vendor, name in new
                if vendor is Vendor.PLOOMES or await known.living(session, integration.id, vendor, name, 1)
            ]
        if heard and integration.activated_at is not None:
            due_at = self._grid(integration.id)
            async with self._db.transaction() as session:
                for vendor, name in heard:
                    await watermarks.begin(session, integration.id, vendor, name, integration.activated_at, due_at)
        return {key: found[key] for key in wanted if key in found}

    async def _set(self, visits: Sequence[Subject], vendor: Vendor, set_name: str, mark: Watermark) -> list[datetime]:
        """One set: its list from where it stands, what differs, the named records. Answers when changes happened whose
        webhook should have come and did not."""
        place = dict(mark.place)
        if not place or self._clock.time() - place["at"] > STALE_SECONDS:
            async with self._db.read() as session:
                start = await watermarks.start_of(session, mark) - OVERLAP
            place = {"at": self._clock.time(), "start": start.isoformat(), "cursor": None, "marks": mark.last}
        gateway = gateway_of(visits[0], vendor)
        while not place.get("end"):
            asked_at = self._clock.now()
            since = datetime.fromisoformat(place["start"])
            page = await one_page(gateway, set_name, cursor=place["cursor"], since=since)
            told = [[record.id, record.changed_at.isoformat()] for record in page.records if record.changed_at]
            place |= {
                "cursor": page.cursor,
                "end": page.cursor is None,
                "marks": watermarks.newest([*place["marks"], *told]),
                "any": place.get("any", False) or bool(page.records),
            }
            await self._compared(visits, vendor, page.records, asked_at, mark, place)
        if vendor is Vendor.OMIE:
            await self._named(visits, set_name, mark, place)
        await self._move(mark, vendor, place)
        return [datetime.fromisoformat(at) for at in place.get("missed", ())]

    async def _first_sweep(self, integration_id: int, vendor: Vendor, set_name: str) -> float:
        """When a set that was just read whole is swept first: an empty one of Omie rests a day."""
        now = self._clock.now()
        async with self._db.read() as session:
            empty = vendor is Vendor.OMIE and await known.empty_lately(session, integration_id, vendor, set_name, now)
        return now.timestamp() + DAY if empty else self._grid(integration_id)

    async def _woken(self, mark: Watermark) -> bool:
        """Whether a set that rests because its list was empty has got a record since."""
        rests = mark.due_at - self._clock.time()
        if rests <= 2 * self._every:
            return False
        since = datetime.fromtimestamp(mark.due_at - DAY, UTC)
        async with self._db.read() as session:
            return bool(await known.living(session, mark.integration_id, Vendor(mark.vendor), mark.entity, 1, since))

    async def _next(self, mark: Watermark, due_at: float) -> None:
        async with self._db.transaction() as session:
            await session.execute(update(Watermark).where(Watermark.id == mark.id).values(due_at=due_at))

    async def _move(self, mark: Watermark, vendor: Vendor, place: JsonObject) -> None:
        """The next list begins at the last record seen. A list that was empty in Omie is asked for once a day: the
        answer counts as an error there."""
        marks = place["marks"]
        since = datetime.fromisoformat(marks[0][1]) if marks else mark.since
        silent = await self._silence.is_silent(mark.integration_id, vendor)
        now = self._clock.time()
        due_at = now + min(SILENT_SECONDS, self._every) if silent else self._grid(mark.integration_id)
        if vendor is Vendor.OMIE and not place.get("any"):
            due_at = now + DAY
        async with self._db.transaction() as session:
            await session.execute(
                update(Watermark)
                .where(Watermark.id == mark.id)
                .values(since=since, last=marks, due_at=due_at, place={})
            )

    async def _compared(
        self,
        visits: Sequence[Subject],
        vendor: Vendor,
        records: Sequence[Record],
        asked_at: datetime,
        mark: Watermark,
        place: JsonObject,
    ) -> None:
        """Compares rows with their bases and makes the events of those that differ; the place moves with them."""
        ids = [record.id for record in records]
        asked_at = min((record.read_at for record in records), default=asked_at)
        pages: list[tuple[Subject, list[Row]]] = []
        for visit in visits:
            async with self._db.read() as session:
                linked = await linked_ids(session, visit, vendor, ids)
            pages.append((visit, await visit.read(records, linked)))
        count = 0
        async with self._db.transaction() as session:
            for visit, rows in pages:
                comparison = await compare(session, visit, vendor, rows, asked_at, besides=(EventSource.FOREIGN,))
                differing = [each for each in comparison.differing if not each.stale]
                missed = await self._missed(session, visit, vendor, differing)
                place["missed"] = [*place.get("missed", ()), *(at.isoformat() for at in missed)][-KEPT_MISSED:]
                for difference in differing:
                    await self._event(session, visit, vendor, difference)
                await self._settle_named(session, visit, vendor, rows, differing)
                await put_back(session, mark.integration_id, comparison.edited, Priority.BULK, self._clock.now())
                count += len(differing) + len(comparison.edited)
            await known.upsert(session, mark.integration_id, index_rows(records, pages), asked_at)
            await session.execute(update(Watermark).where(Watermark.id == mark.id).values(place=dict(place)))
        if count:
            await self._queue.ring("bulk")

    async def _event(self, session: AsyncSession, visit: Subject, vendor: Vendor, difference: Difference) -> None:
        link, row = difference.link, difference.row
        side = row.as_json(raw=True)
        paged = Paged(link.version if link is not None else None, {vendor: side, vendor.other: None})
        event = await inbox.enqueue(
            session,
            integration_id=visit.integration.id,
            vendor=vendor.value,
            entity=visit.filed[vendor],
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
        self, session: AsyncSession, visit: Subject, vendor: Vendor, differing: Sequence[Difference]
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
                Event.entity.in_(visit.told_as),
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
        visit: Subject,
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

    async def _named(self, visits: Sequence[Subject], set_name: str, mark: Watermark, place: JsonObject) -> None:
        """Reads the named records that no list showed, fifty a call."""
        for visit in visits:
            async with self._db.read() as session:
                query = select(Event.external_id).where(
                    *_named(visit, Vendor.OMIE),
                    Event.kind.in_((Kind.CREATED, Kind.CHANGED)),
                    Event.memo.is_(None),  # with one, a list showed it, or its own road read it
                )
                wanted = [str(one) for one in await session.scalars(query.limit(10 * BATCH))]
            for start in range(0, len(wanted), BATCH):
                part = wanted[start : start + BATCH]
                if len(part) < 2 or Vendor.OMIE not in visit.proves_absence:
                    continue  # its own event reads it as cheaply
                asked_at = self._clock.now()
                records = await visit.omie.fetch_many(set_name, part)
                await self._compared([visit], Vendor.OMIE, list(records.values()), asked_at, mark, place)


def _named(visit: Subject, vendor: Vendor) -> list[ColumnElement[bool]]:
    """Open events of other API apps about records of an entity."""
    return [
        Event.integration_id == visit.integration.id,
        Event.vendor == vendor.value,
        Event.entity == visit.filed[vendor],
        Event.source == EventSource.FOREIGN,
        Event.state.in_((EventState.RECEIVED, EventState.WAITING)),
        Event.due_at.is_not(None),
        Event.claim.is_(None),
    ]

"""The writing step of a resync: items become events on the one road, a few at a time, and are counted when they end.

An item's event carries what the pages held, so that nothing is read again unless something touched the pair.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Kind, Priority, Vendor
from app.core.queue import Queue
from app.core.usage import Usage, added
from app.sync import inbox
from app.sync.models import Event, EventSource, WriteEntry, WriteState
from app.sync.passes import pace, pauses
from app.sync.passes import resync_items as book
from app.sync.passes.models import RECONCILE, Resync, ResyncItem, topic_of
from app.sync.passes.off_hours import unhindered
from app.sync.passes.passes import Turn
from app.sync.passes.resync_again import Again
from app.sync.passes.resync_items import DELETE_STAGE, DONE, OPEN, SENT
from app.sync.passes.resync_judge import FRESH
from app.sync.passes.subject import Subject
from app.sync.reading import paged_memo
from app.sync.trip import Paged

OPEN_EACH = 24
"""Events of a pass that may be open towards one vendor: a pause or a cancel takes effect within so many."""
LOOK_SECONDS = 1.0
"""How long a pass rests while its events are worked on."""
SLACK = 5
"""Writes above the accepted plan that are no reason to stop."""
WRITES = "writes"
"""In the progress: writes to the records of the pass since its plan."""


class Executor:
    """Feeds the road from the items of a pass."""

    def __init__(self, db: Database, clock: Clock, queue: Queue, again: Again) -> None:
        self._db = db
        self._clock = clock
        self._queue = queue
        self._again = again

    async def step(self, visits: Mapping[str, Subject], resync: Resync, turn: Turn) -> None:
        """Counts what ended and sends the next items, read again where they ask for it; ends the step when none are
        left."""
        async with self._db.read() as session:
            running = await book.sent_by_target(session, resync.id)
            chosen: list[ResyncItem] = []
            for vendor in Vendor:
                room = OPEN_EACH - running.get(vendor.value, 0)
                if room > 0:
                    chosen += await book.of_state(session, resync.id, OPEN, room, target=vendor.value)
        if await self._again.step(visits, resync, turn, chosen):
            return
        fresh = await self._fresh(visits, chosen)
        async with turn.commit({}) as (session, row):
            ended = await book.finished(session, row.id, 4 * OPEN_EACH)
            await self._count(session, row, ended)
            left = await self._send(session, row, visits, [item.id for item in chosen], fresh)
            counts = await book.count_by_state(session, row.id)
            _progress(row, counts, self._clock.time())
            turn.over = not left and not any(state in (OPEN, SENT) for _, state in counts)
            if not turn.over and await self._above_plan(session, row):
                return
            if turn.over and row.reason != RECONCILE:  # a reconcile still asks whether this round changed something
                await book.drop_all(session, row.id)
        if left:
            await self._queue.ring("bulk")
        elif not ended and not turn.over:
            await self._clock.sleep(LOOK_SECONDS)

    async def _fresh(self, visits: Mapping[str, Subject], items: Sequence[ResyncItem]) -> dict[int, dict[str, Any]]:
        """Ploomes' side of the items whose lists must not be written from an old row, fifty a call."""
        wanted: dict[str, dict[str, ResyncItem]] = {}
        for item in items:
            if item.ploomes and item.ploomes.get(FRESH):
                ploomes_id = await self._ploomes_id(item)
                if ploomes_id:
                    wanted.setdefault(item.entity, {})[ploomes_id] = item
        found: dict[int, dict[str, Any]] = {}
        for entity, by_id in wanted.items():
            visit = visits[entity]
            records = await visit.ploomes.fetch_many(visit.sets[Vendor.PLOOMES], list(by_id))
            for row in await visit.read(list(records.values()), by_id):
                found[by_id[row.record.id].id] = row.as_json(raw=True)
        return found

    async def _ploomes_id(self, item: ResyncItem) -> str | None:
        if item.vendor == Vendor.PLOOMES:
            return item.external_id
        if item.link_id is None:
            return None
        async with self._db.read() as session:
            return await book.ploomes_id(session, item.link_id)

    async def _send(
        self,
        session: AsyncSession,
        row: Resync,
        visits: Mapping[str, Subject],
        ids: Sequence[int],
        fresh: Mapping[int, dict[str, Any]],
    ) -> int:
        """Makes the events of items; answers how many."""
        items = await session.scalars(select(ResyncItem).where(ResyncItem.id.in_(ids), ResyncItem.state == OPEN))
        count = 0
        for item in items:
            if item.id in fresh:
                item.ploomes = fresh[item.id]
            visit, vendor = visits.get(item.entity), Vendor(item.vendor)  # stock has no two sides
            gone = visit is not None and item.stage % 10 == DELETE_STAGE and vendor in visit.proves_absence
            event = await inbox.enqueue(
                session,
                integration_id=row.integration_id,
                vendor=item.vendor,
                entity=visit.filed[vendor] if visit is not None else item.entity,
                external_id=item.external_id,
                kind=Kind.DELETED if gone else Kind.CHANGED,
                topic=topic_of(row.id),
                source=EventSource.RESYNC.value,
                priority=Priority.BULK,
                due_at=self._clock.time(),
                now=self._clock.now(),
            )
            if event.topic == topic_of(row.id):
                event.memo = paged_memo(_paged(item, accepted=item.entity in row.plan.get("deletes_allowed", {})))
            item.state, item.event_id = SENT, event.id
            count += 1
        return count

    async def _count(self, session: AsyncSession, row: Resync, ended: Sequence[ResyncItem]) -> None:
        """Adds what the events of ended items wrote."""
        for item in ended:
            item.state = DONE
        ids = [item.event_id for item in ended if item.event_id]
        if not ids:
            return
        writes = await session.execute(
            select(WriteEntry.entity, WriteEntry.vendor, WriteEntry.verb, func.count())
            .where(WriteEntry.event_id.in_(ids), WriteEntry.state == WriteState.DONE)
            .group_by(WriteEntry.entity, WriteEntry.vendor, WriteEntry.verb)
        )
        written = {entity: dict(counts) for entity, counts in row.written.items()}
        for entity, vendor, verb, count in writes:
            name = f"{verb if verb in ('create', 'delete') else 'update'}_in_{vendor}"
            mine = written.setdefault(entity, {})
            mine[name] = mine.get(name, 0) + count
        row.written = written
        # what an item's event made beside its record, a group or a carrier, is no sign of a plan that does not fit
        own = select(func.count()).select_from(WriteEntry).join(ResyncItem, ResyncItem.event_id == WriteEntry.event_id)
        own = own.where(
            ResyncItem.id.in_([item.id for item in ended]),
            WriteEntry.entity == ResyncItem.entity,
            WriteEntry.state == WriteState.DONE,
        )
        row.progress = {**row.progress, WRITES: row.progress.get(WRITES, 0) + (await session.execute(own)).scalar_one()}

    async def _above_plan(self, session: AsyncSession, row: Resync) -> bool:
        """More writes than the plan holds: something is other than it was when somebody looked at it."""
        if row.plan.get("above_accepted") or "record_writes" not in row.plan:
            return False
        written, planned = row.progress.get(WRITES, 0), row.plan["record_writes"]
        if written <= planned * 1.02 + SLACK:
            return False
        text = f"Já houve {written} gravações, mais que as {planned} do plano."
        await book.withdraw(session, row.id, text, self._clock.now())
        await pauses.ask(session, row, pauses.ABOVE_PLAN, text, self._clock.now())
        return True


def _paged(item: ResyncItem, *, accepted: bool) -> Paged:
    return Paged(item.link_version, {Vendor.OMIE: item.omie, Vendor.PLOOMES: item.ploomes}, accepted)


def _progress(row: Resync, counts: Mapping[tuple[str, str], int], now: float) -> None:
    """Done and total per entity and over all, rate and time left."""
    entities: dict[str, dict[str, int]] = {}
    for (entity, state), count in counts.items():
        mine = entities.setdefault(entity, {"done": 0, "total": 0})
        if state in (OPEN, SENT, DONE):
            mine["total"] += count
            mine["done"] += count if state == DONE else 0
    done, total = (sum(each[name] for each in entities.values()) for name in ("done", "total"))
    row.progress = {**pace.paced(row.progress, "writing", done, total, now), "entities": entities}


async def spent(db: Database, event: Event, usage: Usage) -> None:
    """Adds the requests that an event of a pass took, or what it depends on, to the pass's row."""
    if not usage or not book.of_pass(event):
        return
    async with db.transaction() as session:
        row = await book.pass_of(session, event, locked=True)
        if row is not None:
            used = added(row.requests_used, usage)
            await session.execute(update(Resync).where(Resync.id == row.id).values(requests_used=used))


async def held_until(session: AsyncSession, event: Event, opening: float | None) -> float | None:
    """Until when an event of a pass must rest because its window closed; None lets it go on."""
    row = await book.pass_of(session, event)
    return None if row is not None and unhindered(row) else opening  # one that names no pass keeps to the window

"""Named queries over events: the book the queue only rings for. No vendor here.

Functions take the caller's session, because an event settles in the same commit as what it caused; `Inbox` holds
what runs in transactions of its own.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Table,
    and_,
    case,
    delete,
    func,
    null,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import metrics
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LeaseLost
from app.core.ports import Kind, Notice, Priority
from app.core.queue import Queue, QueueName
from app.sync.claims import Claims, Rooms
from app.sync.intake import INACTIVE, LIVE_SHARE, OPEN_KEY, REASONS, RUNNING, Intake, Stored
from app.sync.models import Event, EventState, Integration

__all__ = ["Inbox", "Stored", "Unsettled", "conclude", "enqueue", "postpone", "reopen", "settle"]

UNSETTLED = (EventState.RECEIVED, EventState.PROCESSING, EventState.WAITING)
QUEUE_OF: dict[int, QueueName] = {Priority.LIVE: "live", Priority.PERSON: "live", Priority.BULK: "bulk"}
LATE_SECONDS = 2.0
"""What is due for longer than this was not heard: the sweep rings again."""
PRUNE_BATCH = 1000

Remember = Callable[[AsyncSession, Sequence[int]], Awaitable[None]]
"""Keeps something of events that are about to go."""

_table: Table = Event.metadata.tables[Event.__tablename__]


class Ending(Protocol):
    """How an event ends: settled, or waiting (until `due`, or for data when `due` is None)."""

    @property
    def state(self) -> EventState: ...
    @property
    def cause(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def due(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Open events of one queue: how many, the age of the oldest, and the longest time past due; seconds."""

    count: int
    oldest: float
    overdue: float


# --- inside the caller's transaction -----------------------------------------------------------------------------


async def settle(
    session: AsyncSession,
    event: Event,
    state: EventState,
    reason: str,
    cause: str | None = None,
    *,
    now: datetime,
) -> None:
    """Ends an event. Raises LeaseLost when it is not the caller's any more, so that nothing of it is committed."""
    await _move(
        session, event, {"dedupe_key": closed_key()}, state=state.value, reason=reason, cause=cause, claim=None,
        due_at=None, settled_at=now, link_id=event.link_id, memo=None,
    )  # fmt: skip
    metrics.EVENTS_SETTLED.labels(event.entity or "none", state.value).inc()


async def postpone(
    session: AsyncSession,
    event: Event,
    due_at: float | None,
    reason: str,
    cause: str,
    *,
    attempt: bool = False,
    through: bool = False,
) -> None:
    """Puts an event off until `due_at` (epoch seconds), or until its data change (None). `through`: its road was
    walked to the end, so it is no danger to workers; what is put off half-way may still be. Raises LeaseLost."""
    unharmed: dict[str, Any] = {"crashes": 0} if through else {}
    await _move(
        session, event, unharmed, state=EventState.WAITING.value, reason=reason, cause=cause, claim=None, due_at=due_at,
        attempts=event.attempts + int(attempt), link_id=event.link_id, memo=event.memo,
    )  # fmt: skip
    metrics.EVENTS_POSTPONED.labels(event.entity or "none", cause).inc()


async def conclude(session: AsyncSession, event: Event, ending: Ending, *, now: datetime) -> None:
    """Settles or postpones, as the ending says. Raises LeaseLost."""
    if ending.state is EventState.WAITING:
        await postpone(session, event, ending.due, ending.reason, ending.cause, through=True)
    else:
        await settle(session, event, ending.state, ending.reason, ending.cause, now=now)


async def reopen(session: AsyncSession, event: Event, *, due_at: float, priority: int = Priority.PERSON) -> bool:
    """Puts a settled or waiting event back in line with a clean record; False when a worker has it in hand."""
    done = await session.execute(
        update(_table)
        .where(_table.c.id == event.id, _table.c.state != EventState.PROCESSING)
        .values(
            state=EventState.RECEIVED.value, due_at=due_at, priority=priority, settled_at=None, claim=None,
            reason=None, cause=None, attempts=0, crashes=0,
        )
    )  # fmt: skip
    return rows_moved(done) > 0


async def enqueue(
    session: AsyncSession,
    *,
    integration_id: int,
    vendor: str,
    entity: str,
    external_id: str,
    kind: str,
    topic: str,
    source: str,
    priority: int,
    due_at: float,
    now: datetime,
    memo: str | None = None,
) -> Event:
    """An event of our own making. One of the same record that is open and in nobody's hands is brought forward
    instead, unless the new one says more (a deletion, say) than that the record may have changed. `memo`: what was
    read in Omie for it already."""
    says_as_much = true() if kind == Kind.CHANGED else Event.kind == kind
    mine = _of_record(integration_id, vendor, entity, external_id)
    free = and_(Event.state.in_((EventState.RECEIVED, EventState.WAITING)), Event.claim.is_(None))
    open_one = select(Event.id).where(mine, free, says_as_much).order_by(Event.id.desc()).limit(1).scalar_subquery()
    sooner = case((or_(Event.due_at.is_(None), Event.due_at > due_at), due_at), else_=Event.due_at)
    merged = await session.execute(
        update(Event)
        .where(Event.id == open_one, Event.claim.is_(None))
        .values(due_at=sooner, priority=case((Event.priority > priority, priority), else_=Event.priority))
        .returning(Event)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    event = merged.scalars().first()
    if event is None:
        event = Event(
            integration_id=integration_id, vendor=str(vendor), entity=str(entity), external_id=external_id,
            kind=str(kind), topic=topic, source=str(source), priority=int(priority), state=EventState.RECEIVED.value,
            received_at=now, due_at=due_at, attempts=0, crashes=0, repeats=0, memo=memo,
        )  # fmt: skip
        session.add(event)
        await session.flush()
    return event


async def become(session: AsyncSession, event: Event, entity: str) -> None:
    """Files an event under the entity its record turned out to be. Raises LeaseLost."""
    if event.entity != entity:
        await _move(session, event, {}, entity=entity)
        event.entity = entity


# --- in transactions of its own ----------------------------------------------------------------------------------


class Inbox:
    """Stores what vendors tell, hands it out, and looks after what nobody came for."""

    def __init__(self, db: Database, clock: Clock, queue: Queue) -> None:
        self._db = db
        self._clock = clock
        self._queue = queue
        self._intake = Intake(db, clock, queue)
        self._claims = Claims(db, clock)

    async def store(self, integration_id: int, notice: Notice, body: str | None, *, ring: bool = True) -> Stored:
        """Returns after the commit, never before. Raises Unavailable when the database does not take it."""
        return await self._intake.store(integration_id, notice, body, ring=ring)

    async def claim(
        self, priorities: Sequence[int], limit: int, holder: str, seconds: float, rooms: Rooms | None = None
    ) -> list[Event]:
        """Up to `limit` due events, the caller's for `seconds`; too many crashes quarantine an event instead."""
        return await self._claims.claim(priorities, limit, holder, seconds, rooms)

    async def enqueue(
        self, session: AsyncSession, *, integration_id: int, vendor: str, entity: str, external_id: str, kind: str,
        topic: str, source: str, priority: int, due_at: float,
    ) -> Event:  # fmt: skip
        """`enqueue` of this module, by this inbox's clock."""
        return await enqueue(
            session, integration_id=integration_id, vendor=vendor, entity=entity, external_id=external_id, kind=kind,
            topic=topic, source=source, priority=priority, due_at=due_at, now=self._clock.now(),
        )  # fmt: skip

    async def wake_inactive(self, integration_id: int) -> int:
        """After an activation is committed: what came meanwhile becomes due; a flood of it as bulk."""
        parked = and_(
            Event.integration_id == integration_id, Event.state == EventState.WAITING, Event.cause == INACTIVE
        )
        async with self._db.transaction() as session:
            count = (await session.execute(select(func.count()).select_from(Event).where(parked))).scalar_one()
            bulk = Priority.BULK.value if count > LIVE_SHARE else Event.priority
            await session.execute(
                update(Event)
                .where(parked)
                .values(state=EventState.RECEIVED, due_at=self._clock.time(), priority=bulk, cause=None, reason=None)
                .execution_options(synchronize_session=False)
            )
        if count:
            await self._queue.ring("bulk" if count > LIVE_SHARE else "live")
        return count

    async def park_inactive(self, integration_id: int) -> int:
        """After a deactivation is committed: open events in nobody's hands wait for the reactivation."""
        async with self._db.transaction() as session:
            done = await session.execute(
                update(Event)
                .where(
                    Event.integration_id == integration_id,
                    Event.state.in_((EventState.RECEIVED, EventState.WAITING)),
                    Event.due_at.is_not(None),
                )
                .values(state=EventState.WAITING, due_at=None, cause=INACTIVE, reason=REASONS[INACTIVE])
                .execution_options(synchronize_session=False)
            )
            return rows_moved(done)

    async def keep(self, claims: Mapping[int, str], seconds: float) -> None:
        """Lengthens claims (event id -> claim) that are still held."""
        if not claims:
            return
        held = tuple_(_table.c.id, _table.c.claim).in_(list(claims.items()))
        async with self._db.transaction() as session:
            await session.execute(
                update(_table)
                .where(held, _table.c.state == EventState.PROCESSING.value)
                .values(due_at=self._clock.time() + seconds)
            )

    async def next_due(self, priorities: Sequence[int]) -> float | None:
        """When the next event can be claimed (epoch seconds), claims that expire included; None when none is open."""
        first = [_first_due(priority).scalar_subquery() for priority in priorities]
        async with self._db.read() as session:
            moments = (await session.execute(select(*first))).one()
        return min((moment for moment in moments if moment is not None), default=None)

    async def sweep(self) -> None:
        """Rings for what has been due for a while: its ring was lost, or its worker died. Also updates the gauges."""
        for name, open_events in (await self.summary()).items():
            metrics.QUEUE_DEPTH.labels(name).set(open_events.count)
            metrics.QUEUE_OLDEST_SECONDS.labels(name).set(open_events.oldest)
            metrics.QUEUE_OVERDUE_SECONDS.labels(name).set(open_events.overdue)
            if open_events.overdue > LATE_SECONDS:
                await self._queue.ring(name)
        for integration_id in await self._forgotten():
            await self.wake_inactive(integration_id)

    async def _forgotten(self) -> Sequence[int]:
        """Integrations that run while events of theirs still wait for it: the wake-up after an activation was lost."""
        query = (
            select(Event.integration_id)
            .join(Integration, Integration.id == Event.integration_id)
            .where(
                Event.state == EventState.WAITING,
                Event.cause == INACTIVE,
                Event.due_at.is_(None),
                Integration.state.in_(RUNNING),
            )
            .distinct()
        )
        async with self._db.read() as session:
            return (await session.execute(query)).scalars().all()

    async def summary(self) -> dict[QueueName, Unsettled]:
        """Open events by queue."""
        now, moment = self._clock.time(), self._clock.now()
        found: dict[QueueName, Unsettled] = {"live": Unsettled(0, 0.0, 0.0), "bulk": Unsettled(0, 0.0, 0.0)}
        query = (
            select(Event.priority, func.count(), func.min(Event.received_at), func.min(Event.due_at))
            .where(Event.due_at.is_not(None))
            .group_by(Event.priority)
        )
        async with self._db.read() as session:
            rows = (await session.execute(query)).all()
        for priority, count, received_at, due_at in rows:
            name = QUEUE_OF[priority]
            before = found[name]
            found[name] = Unsettled(
                before.count + count,
                max(before.oldest, (moment - received_at).total_seconds()),
                max(before.overdue, now - (due_at or now)),
            )
        return found

    async def prune(self, retention: timedelta, remember: Remember | None = None) -> int:
        """Removes settled events older than `retention`, a thousand per commit; returns how many. `remember` keeps what
        must outlive them, in the same commit."""
        before, removed = self._clock.now() - retention, 0
        old = select(Event.id).where(Event.settled_at < before).order_by(Event.id).limit(PRUNE_BATCH)
        while True:
            async with self._db.transaction() as session:
                ids = list(await session.scalars(old))
                if ids and remember is not None:
                    await remember(session, ids)
                await session.execute(delete(_table).where(_table.c.id.in_(ids)))
            removed += len(ids)
            if len(ids) < PRUNE_BATCH:
                return removed


async def _move(session: AsyncSession, event: Event, expressions: dict[str, Any], **values: Any) -> None:
    """Changes an open event only while it is still in the hands it was in when the caller got it."""
    moved = await session.execute(
        update(_table)
        .where(
            _table.c.id == event.id,
            _table.c.claim.is_not_distinct_from(event.claim),
            _table.c.state.in_(UNSETTLED),
        )
        .values(**values, **expressions)
    )
    if rows_moved(moved) == 0:
        raise LeaseLost(f"event {event.id} is in other hands")
    if event in session:
        await session.refresh(event)


def closed_key() -> ColumnElement[Any]:
    """A key that only merges unread bodies has done its work when its event is settled."""
    return case((_table.c.dedupe_key.startswith(OPEN_KEY), null()), else_=_table.c.dedupe_key)


def _of_record(integration_id: int, vendor: str, entity: str | None, external_id: str | None) -> ColumnElement[bool]:
    return and_(
        Event.integration_id == integration_id,
        Event.vendor == vendor,
        Event.entity == entity,
        Event.external_id == external_id,
    )


def _first_due(priority: int) -> Any:
    return select(func.min(Event.due_at)).where(Event.priority == priority, Event.due_at.is_not(None))


def rows_moved(result: Any) -> int:
    """How many rows an update changed."""
    return result.rowcount if isinstance(result, CursorResult) else 0

"""Takes notices into the book: many callers, few commits, and nobody answers before theirs is done (ADR 0001)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from sqlalchemy import ColumnElement, Table, and_, case, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import metrics
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Unavailable
from app.core.log import get_logger
from app.core.ports import Kind, Notice, Priority
from app.core.queue import Queue, QueueName
from app.sync.models import Event, EventSource, EventState, Integration, IntegrationState

BATCH = 100
STORE_SECONDS = 5.0
"""Omie gives up after 7 s (reference 4.3): answer before that, also when the database hangs."""
OPEN_KEY = "open:"
"""Marks dedupe keys that only merge bodies nobody has looked at yet; the claim clears them."""
LIVE_SHARE = 100
"""Open events of one integration that may be live; further ones are bulk (design section 6)."""
RUNNING = (IntegrationState.AWAITING_FIRST_WEBHOOK, IntegrationState.ACTIVE)
REOPENED = (EventState.DONE, EventState.SUPERSEDED, EventState.IGNORED, EventState.FAILED)

UNREADABLE, API_AUTHOR, INACTIVE = "unreadable", "api_author", "inactive"
REASONS: Mapping[str, str] = {
    UNREADABLE: "O corpo recebido não pôde ser entendido; foi guardado como chegou.",
    API_AUTHOR: "Alteração feita por API (autor no-reply@omie.com.br), tratada como eco.",
    INACTIVE: "A integração não está ativa; o evento será aplicado quando ela for ativada.",
}
_table: Table = Event.metadata.tables[Event.__tablename__]
_integrations: Table = Integration.metadata.tables[Integration.__tablename__]
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a notice, and the event's id."""

    status: Literal["accepted", "duplicate", "echo"]
    id: int


@dataclass(slots=True)
class _Arrival:
    integration_id: int
    notice: Notice
    body: str | None
    ring: bool
    answer: asyncio.Future[Stored]
    row: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, str, str]:
        return self.row["integration_id"], self.row["vendor"], self.row["dedupe_key"]


class Intake:
    """Group commit: while one transaction runs, the next batch gathers; nobody waits on purpose."""

    def __init__(self, db: Database, clock: Clock, queue: Queue) -> None:
        self._db = db
        self._clock = clock
        self._queue = queue
        self._insert = sqlite_insert if db.is_sqlite else pg_insert
        self._pending: list[_Arrival] = []
        self._flusher: asyncio.Task[None] | None = None
        self._rings: set[asyncio.Task[None]] = set()
        self._open: dict[int, tuple[float, int]] = {}

    async def store(self, integration_id: int, notice: Notice, body: str | None, *, ring: bool) -> Stored:
        """Returns once the event is committed. Raises Unavailable when the database does not take it."""
        arrival = _Arrival(integration_id, notice, body, ring, asyncio.get_running_loop().create_future())
        self._pending.append(arrival)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        return await arrival.answer

    async def _flush(self) -> None:
        while self._pending:
            batch, self._pending = self._pending[:BATCH], self._pending[BATCH:]
            try:
                await self._commit(batch)
            except DBAPIError as problem:
                if problem.connection_invalidated or len(batch) == 1:
                    _refuse(batch, problem)
                else:  # one bad row, or a deadlock: no caller pays for another's trouble
                    for arrival in batch:
                        await self._commit_alone(arrival)
            except (SQLAlchemyError, OSError, TimeoutError) as problem:
                _refuse(batch, problem)
            except BaseException as problem:
                _refuse(batch + self._pending, problem)
                self._pending = []
                raise

    async def _commit_alone(self, arrival: _Arrival) -> None:
        try:
            await self._commit([arrival])
        except (SQLAlchemyError, OSError, TimeoutError) as problem:
            _refuse([arrival], problem)

    async def _commit(self, batch: Sequence[_Arrival]) -> None:
        async with asyncio.timeout(STORE_SECONDS), self._db.transaction() as session:
            await self._prepare(session, batch)
            outcomes = await self._write(session, batch)
        metrics.COMMIT_EVENTS.observe(len(batch))
        for arrival, outcome in zip(batch, outcomes, strict=True):
            if not arrival.answer.done():  # the caller may have gone
                arrival.answer.set_result(outcome)
        for name in _queues(batch):
            ring = asyncio.create_task(self._queue.ring(name))
            self._rings.add(ring)
            ring.add_done_callback(self._rings.discard)

    async def _prepare(self, session: AsyncSession, batch: Sequence[_Arrival]) -> None:
        ids = sorted({arrival.integration_id for arrival in batch})
        parked = await self._parked(session, ids)
        for arrival in batch:
            arrival.row = self._row(arrival, arrival.integration_id in parked)
            if arrival.row["due_at"] is not None:
                arrival.row["priority"] = await self._priority(session, arrival.integration_id)

    async def _parked(self, session: AsyncSession, ids: Sequence[int]) -> set[int]:
        """Integrations whose events wait. Their rows are locked, so that an activation at the same moment either
        comes first (a row that starts to run while we wait for it is none of these) or finds what is stored here."""
        columns = _integrations.c
        parked = select(columns.id).where(columns.id.in_(ids), columns.state.not_in(RUNNING))
        return set(await session.scalars(parked.order_by(columns.id).with_for_update(read=True)))

    def _row(self, arrival: _Arrival, parked: bool) -> dict[str, Any]:
        notice, now = arrival.notice, self._clock.now()
        state, cause, due_at = EventState.RECEIVED, None, None
        if notice.kind is Kind.UNREADABLE:
            state, cause = EventState.IGNORED, UNREADABLE
        elif notice.echo:
            state, cause = EventState.ECHO, API_AUTHOR
        elif parked:
            state, cause = EventState.WAITING, INACTIVE
        else:
            due_at = self._clock.time()
        settled = state in (EventState.IGNORED, EventState.ECHO)
        return {
            "integration_id": arrival.integration_id,
            "vendor": notice.vendor.value,
            "entity": notice.entity.value if notice.entity else None,
            "external_id": notice.external_id,
            "kind": notice.kind.value,
            "topic": notice.topic,
            "source": EventSource.WEBHOOK.value,
            "priority": Priority.LIVE.value,
            "dedupe_key": notice.dedupe_key if notice.dedupe_forever else OPEN_KEY + notice.dedupe_key,
            "author": notice.author,
            # PostgreSQL's text holds no NUL
            "body": arrival.body.replace("\x00", "\ufffd") if arrival.body is not None else None,
            "state": state.value,
            "reason": REASONS[cause] if cause else None,
            "cause": cause,
            "received_at": now,
            "due_at": due_at,
            "settled_at": now if settled else None,
        }

    async def _priority(self, session: AsyncSession, integration_id: int) -> int:
        """Counted once a second and on in between: exact enough to keep a flood behind everybody's live events."""
        until, count = self._open.get(integration_id, (0.0, 0))
        now = self._clock.time()
        if now >= until:
            # what is bulk already does not count: a resync never delays a live change
            live = (Event.integration_id == integration_id, Event.due_at.is_not(None), Event.priority != Priority.BULK)
            some = select(1).where(*live).limit(LIVE_SHARE)
            count = (await session.execute(select(func.count()).select_from(some.subquery()))).scalar_one()
            until = now + 1.0
        self._open[integration_id] = (until, count + 1)
        return Priority.LIVE.value if count < LIVE_SHARE else Priority.BULK.value

    async def _write(self, session: AsyncSession, batch: Sequence[_Arrival]) -> list[Stored]:
        # Sorted by key: two processes that store the same messages lock them in the same order
        order = sorted(range(len(batch)), key=lambda index: batch[index].key)
        outcomes: dict[int, Stored] = {}
        for _, same in groupby(order, key=lambda index: batch[index].key):
            first, *_rest = list(same)
            outcomes[first] = Stored("accepted", 0)
        inserted = await self._insert_new(session, [batch[index].row for index in outcomes])
        for index in order:
            arrival = batch[index]
            event_id = inserted.get(arrival.key) if index in outcomes else None
            if event_id is None:
                outcomes[index] = await self._repeat(session, arrival)
            else:
                outcomes[index] = Stored("echo" if arrival.row["state"] == EventState.ECHO else "accepted", event_id)
        return [outcomes[index] for index in range(len(batch))]

    async def _insert_new(
        self, session: AsyncSession, rows: Sequence[dict[str, Any]]
    ) -> dict[tuple[int, str, str], int]:
        columns = _table.c
        insert = self._insert(_table).on_conflict_do_nothing(
            index_elements=[columns.integration_id, columns.vendor, columns.dedupe_key]
        )
        returned = insert.returning(columns.id, columns.integration_id, columns.vendor, columns.dedupe_key)
        new = await session.execute(returned, list(rows))
        return {(row.integration_id, row.vendor, row.dedupe_key): row.id for row in new}

    async def _repeat(self, session: AsyncSession, arrival: _Arrival) -> Stored:
        """The same message again: looked at again when the first look is over, only counted otherwise."""
        row = arrival.row
        again = and_(_table.c.state.in_(REOPENED), or_(_table.c.cause.is_(None), _table.c.cause != UNREADABLE))
        fresh = {
            "state": row["state"], "reason": row["reason"], "cause": row["cause"], "due_at": row["due_at"],
            "priority": row["priority"], "settled_at": null(), "claim": null(), "attempts": 0, "crashes": 0,
        }  # fmt: skip
        values: dict[str, ColumnElement[Any]] = {
            name: case((again, value), else_=_table.c[name]) for name, value in fresh.items()
        }
        found = await session.execute(
            update(_table)
            .where(*(_table.c[name] == row[name] for name in ("integration_id", "vendor", "dedupe_key")))
            .values(repeats=_table.c.repeats + 1, **values)
            .returning(_table.c.id)
        )
        event_id = found.scalar_one_or_none()
        if event_id is not None:
            return Stored("duplicate", event_id)
        # Claimed or pruned in this very moment, so its key is free again: it is a new event after all
        inserted = await self._insert_new(session, [row])
        return Stored("accepted", inserted[arrival.key]) if inserted else await self._repeat(session, arrival)


def _queues(batch: Sequence[_Arrival]) -> list[QueueName]:
    due = [arrival.row["priority"] for arrival in batch if arrival.ring and arrival.row["due_at"] is not None]
    names: list[QueueName] = ["live"] if any(priority != Priority.BULK for priority in due) else []
    return [*names, "bulk"] if Priority.BULK in due else names


def _refuse(batch: Sequence[_Arrival], problem: BaseException) -> None:
    _log.error("events not stored", count=len(batch), problem=type(problem).__name__)
    for arrival in batch:
        if not arrival.answer.done():
            arrival.answer.set_exception(Unavailable("the database did not take the event"))

"""Passes over whole entities: one row of `resyncs` each, walked step by step by whoever claims it.

A first load, a resync that somebody asked for and a reconcile are roads of steps. A step does one page with exactly
one commit that also moves the cursor, so a killed process repeats at most one page.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LeaseLost, Postponed, VendorError
from app.core.log import get_logger
from app.core.ports import JsonObject, Vendor
from app.core.queue import Queue
from app.core.usage import Usage, added, counting
from app.sync import issues
from app.sync.intake import RUNNING
from app.sync.issues import Finding
from app.sync.models import Integration, Resync
from app.sync.vendors import say

SLICE_SECONDS = 5.0
"""How long one turn works on one pass before it looks around again."""
TICK_SECONDS = 20.0
"""How long one tick goes on giving turns while there is work."""
LEASE_SECONDS = 90.0
AT_ONCE = 4
"""Passes worked on at a time by one process."""
TRIES = 8
RETRY_SECONDS = 86400.0
"""A pass that failed is tried again once a day."""
CUT = "cut"
"""Where a step counts, in its place, how often its list was cut short."""
CLAIMABLE = ("planning", "scheduled", "running", "paused", "failed")
"""With a due time; a failed pass has one until another takes its place, a paused one while it waits for its window."""

_log = get_logger(__name__)


class Turn:
    """The right to work on one step of a pass; every commit of the step moves its cursor in the same transaction."""

    def __init__(self, db: Database, clock: Clock, row_id: int, token: str, step: str, following: str) -> None:
        self.usage = Usage()
        """Requests since the last commit."""
        self.over = False
        """Set inside a commit that turns out to be the step's last."""
        self.goto: str | None = None
        """Set inside a commit after which another step than the next one follows."""
        self._db = db
        self._clock = clock
        self._row_id = row_id
        self._token = token
        self._step = step
        self._following = following

    @asynccontextmanager
    async def commit(self, place: JsonObject | None) -> AsyncIterator[tuple[AsyncSession, Resync]]:
        """A transaction over the pass's row; at its end the cursor stands at `place`, None ends the step.

        Raises LeaseLost when somebody else has the pass now.
        """
        async with self._db.transaction() as session:
            row = await session.get(Resync, self._row_id, with_for_update=True)
            if row is None or row.claim != self._token:
                raise LeaseLost(f"pass {self._row_id}")
            yield session, row
            row.requests_used = added(row.requests_used, self.usage)
            self.usage.clear()
            ended = place is None or self.over
            following = self.goto or (self._following if ended else self._step)
            row.cursor = {"step": following, "place": {} if ended else place}
            if row.claim is None:
                return  # the step itself ended or paused the pass
            row.due_at = self._clock.time() + LEASE_SECONDS


def stop(row: Resync, state: str, *, due_at: float | None = None) -> None:
    """Inside a turn's commit: the pass ends or pauses here."""
    row.state, row.claim, row.due_at = state, None, due_at


Step = Callable[[Integration, Resync, Turn], Awaitable[None]]
"""Does one page of a pass with exactly one `turn.commit`. Raises Postponed, VendorError, LeaseLost."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Why a pass may not work now."""

    until: float
    """Epoch seconds; `NEVER` when only another configuration ends it."""
    reason: str


async def _never(row: Resync, integration: Integration) -> Rest | None:
    """A pass that may work at any hour."""
    return None


def _running(step: str) -> str:
    return "running"


def _as_it_is(row: Resync) -> None:
    """A pass that is tried again as it was asked for."""


async def _as_they_are(session: AsyncSession, row: Resync) -> None:
    """A pass that holds nothing else."""


@dataclass(frozen=True, slots=True)
class Road:
    """How the passes of one reason go."""

    steps: Callable[[Resync], Mapping[str, Step]]
    """Steps by name, in order, for one row."""
    failed: str
    """Cause of the issue of a pass that failed."""
    rests: Callable[[Resync, Integration], Awaitable[Rest | None]] = _never
    """Whether the next step must wait (the off-hours window)."""
    state: Callable[[str], str] = _running
    """The state shown while a step works."""
    again: Callable[[Resync], None] = _as_it_is
    """What becomes of a row that failed before it is tried again by itself."""
    at_rest: Callable[[AsyncSession, Resync], Awaitable[None]] = _as_they_are
    """What becomes of what a row holds when it has to rest."""


class Passes:
    """Works on passes; `tick` is called every few seconds by whichever process has the turn."""

    def __init__(self, db: Database, clock: Clock, queue: Queue, roads: Mapping[str, Road]) -> None:
        self._db = db
        self._clock = clock
        self._queue = queue
        self._roads = roads

    async def tick(self) -> None:
        """Gives every due pass slices of work, while there is any and the tick is young."""
        end = self._clock.time() + TICK_SECONDS
        while due := await self._due():
            turn = asyncio.Semaphore(AT_ONCE)

            async def work(row_id: int, turn: asyncio.Semaphore = turn) -> None:
                async with turn:
                    await self._work(row_id)

            async with asyncio.TaskGroup() as group:
                for row_id in due:
                    group.create_task(work(row_id))
            if self._clock.time() >= end:
                return

    async def _due(self) -> list[int]:
        query = (
            select(Resync.id)
            .join(Integration, Integration.id == Resync.integration_id)
            .where(
                Resync.reason.in_(self._roads),
                Resync.state.in_(CLAIMABLE),
                Resync.due_at <= self._clock.time(),
                Integration.state.in_(RUNNING),
            )
        )
        async with self._db.read() as session:
            return list(await session.scalars(query.order_by(Resync.due_at)))

    async def _work(self, row_id: int) -> None:
        token = secrets.token_hex(8)
        road = await self._claim(row_id, token)
        if road is None:
            return
        problem: str | None = None
        delay = 0.0
        usage = Usage()
        try:
            with counting(usage):
                await self._go_on(row_id, token, road, usage)
        except Postponed as postponed:
            delay = postponed.seconds
        except LeaseLost:
            return
        except VendorError as error:
            problem = say(error, Vendor(error.vendor) if error.vendor in set(Vendor) else Vendor.PLOOMES)
        except Exception as error:
            _log.exception("pass failed", resync=row_id)
            problem = f"Falha interna: {type(error).__name__}"
        await self._release(row_id, token, road, delay, problem, usage)

    async def _claim(self, row_id: int, token: str) -> Road | None:
        now = self._clock.time()
        async with self._db.transaction() as session:
            row = await session.get(Resync, row_id, with_for_update=True)
            if row is None or row.state not in CLAIMABLE or row.due_at is None or row.due_at > now:
                return None
            road = self._roads[row.reason]
            names = list(road.steps(row))
            row.state = road.state(row.cursor.get("step") or names[0])
            row.claim, row.due_at, row.finished_at = token, now + LEASE_SECONDS, None
            row.started_at = row.started_at or self._clock.now()
            return road

    async def _go_on(self, row_id: int, token: str, road: Road, usage: Usage) -> None:
        end = self._clock.time() + SLICE_SECONDS
        while self._clock.time() < end:
            async with self._db.read() as session:
                row = await session.get_one(Resync, row_id)
                integration = await session.get_one(Integration, row.integration_id)
            if row.claim != token or integration.state not in RUNNING:
                raise LeaseLost(f"pass {row_id}")
            steps = road.steps(row)
            names = [*steps, "done"]
            name = row.cursor.get("step") or names[0]
            if name == "done":
                await self._finish(row_id, token, road)
                return
            rest = await road.rests(row, integration)
            if rest is not None:
                await self._rest(row_id, token, road, rest)
                return
            turn = Turn(self._db, self._clock, row_id, token, name, names[names.index(name) + 1])
            turn.usage = usage
            await steps[name](integration, row, turn)

    async def _rest(self, row_id: int, token: str, road: Road, rest: Rest) -> None:
        async with self._db.transaction() as session:
            row = await session.get(Resync, row_id, with_for_update=True)
            if row is not None and row.claim == token:
                stop(row, "paused", due_at=rest.until)
                row.progress = {**row.progress, "paused_because": rest.reason}
                await road.at_rest(session, row)

    async def _finish(self, row_id: int, token: str, road: Road) -> None:
        async with self._db.transaction() as session:
            row = await session.get(Resync, row_id, with_for_update=True)
            if row is None or row.claim != token:
                raise LeaseLost(f"pass {row_id}")
            stop(row, "completed")
            row.finished_at = self._clock.now()
            await issues.close_cause(session, row.integration_id, road.failed, self._clock.now())
        await self._queue.ring("bulk")

    async def _release(
        self, row_id: int, token: str, road: Road, delay: float, problem: str | None, usage: Usage
    ) -> None:
        """Gives the row back: due at once, after a pause the limits ask for, or later and later after failures."""
        async with self._db.transaction() as session:
            row = await session.get(Resync, row_id, with_for_update=True)
            if row is None:
                return
            row.requests_used = added(row.requests_used, usage)
            if row.claim != token:
                return
            row.claim = None
            row.due_at = self._clock.time() + delay
            if problem is not None:
                # a list cut short starts over, and each of its pages starts a count of its own
                cut = int((row.cursor.get("place") or {}).get(CUT, 0))
                tries = max(int(row.cursor.get("tries", 0)) + 1, cut)
                row.cursor = {**row.cursor, "tries": tries}
                row.due_at = self._clock.time() + min(3600.0, 15.0 * 2**tries)
                if tries >= TRIES:
                    await self._fail(session, row, road, problem, self._clock.now())
            row.progress = {
                **{name: value for name, value in row.progress.items() if name != "paused_because"},
                "problem": problem,
            }

    async def _fail(self, session: AsyncSession, row: Resync, road: Road, problem: str, now: datetime) -> None:
        """Says so in an issue, and tries again tomorrow from where it stands."""
        place = {name: value for name, value in (row.cursor.get("place") or {}).items() if name != CUT}
        row.cursor = {**row.cursor, "place": place, "tries": 0}
        row.state, row.finished_at, row.due_at = "failed", now, self._clock.time() + RETRY_SECONDS
        road.again(row)
        await issues.open_issue(
            session,
            integration_id=row.integration_id,
            entity=None,
            vendor=None,
            external_id=None,
            finding=Finding(road.failed, problem, {"resync_id": row.id}),
            now=now,
        )

"""The first load of an activation: reads both sides, links what is certain, and plans the rest for the off-hours.

Reading runs at any hour at the lowest priority; the load's writes are `resync` events due when the window opens, or
at once if the caller said so (design section 8). A load is one row of `resyncs`: whoever claims it goes on where its
cursor stands, one page per commit.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LeaseLost, Postponed, VendorError
from app.core.log import get_logger
from app.core.ports import JsonObject, Vendor
from app.core.queue import Queue
from app.sync import issues
from app.sync.configuration import Config
from app.sync.intake import INACTIVE, RUNNING
from app.sync.issues import Finding
from app.sync.models import Event, EventSource, EventState, Integration, Resync
from app.sync.vendors import say

REASON = "first_load"
ENTITIES = ["sellers", "clients"]
SLICE_SECONDS = 5.0
"""How long one tick works on one load before it looks around again."""
LEASE_SECONDS = 90.0
AT_ONCE = 4
"""Loads worked on at a time by one process."""
TRIES = 8
RETRY_SECONDS = 86400.0
"""A load that failed is tried again once a day."""
CUT = "cut"
"""Where a step counts, in its place, how often its list was cut short."""
FAILED = "first_load_failed"
"""Cause of the issue of a load that failed."""
NEVER = 253402300799.0
"""When writes are due whose window never opens (the last second of the year 9999)."""
NEVER_OPENS = "A janela de horários configurada nunca abre: as gravações desta carga esperam até a configuração mudar."
OPEN_STATES = ("scheduled", "running", "paused")
CLAIMABLE = ("scheduled", "running", "failed")
"""With a due time; a failed load has one until another takes its place."""

_log = get_logger(__name__)


async def schedule(session: AsyncSession, integration_id: int, start: str, now: datetime) -> Resync:
    """Plans the load of an activation, or goes on with the one there is; `start` "now" brings its writes forward."""
    load = await _latest(session, integration_id)
    if load is not None and load.state == "failed":
        load.due_at = None  # the new one takes its place
    if load is None or load.state in ("failed", "cancelled"):
        load = Resync(
            integration_id=integration_id,
            state="scheduled",
            reason=REASON,
            entities=list(ENTITIES),
            dry_run=False,
            force=False,
            start=start,
            cursor={},
            plan={},
            progress={"done": 0, "total": 0},
            written={},
            requests_used={},
            due_at=now.timestamp(),
            created_at=now,
        )
        session.add(load)
    elif load.state == "paused":
        load.state, load.due_at = "running", now.timestamp()
    if start == "now":
        load.start = "now"
    await session.flush()
    return load


async def retime(session: AsyncSession, integration_id: int, due_at: float) -> None:
    """Moves what the load left to do: to `due_at`, or to an earlier moment it already has. Before the wake-up."""
    mine = (
        Event.integration_id == integration_id,
        Event.source == EventSource.RESYNC,
        Event.topic == REASON,
        Event.state.in_((EventState.RECEIVED, EventState.WAITING)),
        Event.claim.is_(None),
    )
    await session.execute(
        update(Event)
        .where(*mine, or_(Event.due_at > due_at, Event.cause == INACTIVE))
        .values(state=EventState.RECEIVED, due_at=due_at, cause=None, reason=None)
        .execution_options(synchronize_session=False)
    )
    load = await _latest(session, integration_id)
    if load is not None:
        tell_held(load, due_at)


async def reconfigured(session: AsyncSession, integration_id: int, config: Config, now: datetime) -> None:
    """A new configuration: writes that waited for another window, or for one that never opened, follow this one."""
    load = await _latest(session, integration_id)
    if load is not None and load.state not in ("failed", "cancelled"):
        await retime(session, integration_id, writes_due(load, config, now))


def writes_due(load: Resync, config: Config, now: datetime) -> float:
    """When the load's writes may run: at once if the caller said so, else when the off-hours window opens; `NEVER`
    while it never does."""
    opening = now if load.start == "now" else config.window.window().next_opening(now)
    return NEVER if opening is None else opening.timestamp()


def tell_held(load: Resync, due_at: float) -> None:
    """Shows in a load's progress that its writes wait for a window that never opens, or no longer do."""
    progress = {name: value for name, value in load.progress.items() if name != "held"}
    load.progress = {**progress, "held": NEVER_OPENS} if due_at == NEVER else progress


async def held_until(session: AsyncSession, event: Event, config: Config, now: datetime) -> float | None:
    """Until when an event of a load must rest because the off-hours window closed meanwhile; None lets it go on."""
    window = config.window.window()
    if event.source != EventSource.RESYNC or window.is_open(now):
        return None
    load = await _latest(session, event.integration_id)
    return writes_due(load, config, now) if load is not None and load.start != "now" else None


async def pause(session: AsyncSession, integration_id: int) -> None:
    """Stops an unfinished load until the next activation."""
    await session.execute(
        update(Resync)
        .where(
            Resync.integration_id == integration_id,
            Resync.reason == REASON,
            Resync.state.in_(("scheduled", "running")),
        )
        .values(state="paused", claim=None, due_at=None)
    )


async def cancel(session: AsyncSession, integration_id: int, now: datetime) -> None:
    """Ends an unfinished load for good."""
    await session.execute(
        update(Resync)
        .where(
            Resync.integration_id == integration_id,
            or_(Resync.state.in_(OPEN_STATES), and_(Resync.state == "failed", Resync.due_at.is_not(None))),
        )
        .values(state="cancelled", claim=None, due_at=None, finished_at=now)
    )


async def _latest(session: AsyncSession, integration_id: int) -> Resync | None:
    query = (
        select(Resync)
        .where(Resync.integration_id == integration_id, Resync.reason == REASON)
        .order_by(Resync.id.desc())
        .limit(1)
    )
    return (await session.execute(query)).scalars().first()


class Turn:
    """The right to work on one step of a load; every commit of the step moves its cursor in the same transaction."""

    def __init__(self, db: Database, clock: Clock, load_id: int, token: str, step: str, following: str) -> None:
        self._db = db
        self._clock = clock
        self._load_id = load_id
        self._token = token
        self._step = step
        self._following = following

    @asynccontextmanager
    async def commit(self, place: JsonObject | None) -> AsyncIterator[tuple[AsyncSession, Resync]]:
        """A transaction over the load's row; at its end the cursor stands at `place`, None ends the step.

        Raises LeaseLost when somebody else has the load now.
        """
        async with self._db.transaction() as session:
            load = await session.get(Resync, self._load_id, with_for_update=True)
            if load is None or load.claim != self._token:
                raise LeaseLost(f"first load {self._load_id}")
            yield session, load
            name = self._step if place is not None else self._following
            load.cursor = {"step": name, "place": place or {}}
            load.due_at = self._clock.time() + LEASE_SECONDS


Step = Callable[[Integration, Resync, Turn], Awaitable[None]]
"""Does one page of a load with exactly one `turn.commit`. Raises Postponed, VendorError, LeaseLost."""


class FirstLoad:
    """Works on loads; `tick` is called every few seconds by whichever process has the turn."""

    def __init__(self, db: Database, clock: Clock, queue: Queue, steps: Mapping[str, Step]) -> None:
        self._db = db
        self._clock = clock
        self._queue = queue
        self._steps = steps

    async def tick(self) -> None:
        """Gives every due load a slice of work."""
        turn = asyncio.Semaphore(AT_ONCE)

        async def work(load_id: int) -> None:
            async with turn:
                await self._work(load_id)

        async with asyncio.TaskGroup() as group:
            for load_id in await self._due():
                group.create_task(work(load_id))

    async def _due(self) -> list[int]:
        query = (
            select(Resync.id)
            .join(Integration, Integration.id == Resync.integration_id)
            .where(
                Resync.reason == REASON,
                Resync.state.in_(CLAIMABLE),
                Resync.due_at <= self._clock.time(),
                Integration.state.in_(RUNNING),
            )
        )
        async with self._db.read() as session:
            return list(await session.scalars(query.order_by(Resync.due_at)))

    async def _work(self, load_id: int) -> None:
        token = secrets.token_hex(8)
        if not await self._claim(load_id, token):
            return
        problem: str | None = None
        delay = 0.0
        try:
            await self._go_on(load_id, token)
        except Postponed as postponed:
            delay = postponed.seconds
        except LeaseLost:
            return
        except VendorError as error:
            problem = say(error, Vendor(error.vendor) if error.vendor in set(Vendor) else Vendor.PLOOMES)
        except Exception as error:
            _log.exception("first load failed", load=load_id)
            problem = f"Falha interna: {type(error).__name__}"
        await self._release(load_id, token, delay, problem)

    async def _claim(self, load_id: int, token: str) -> bool:
        now = self._clock.time()
        async with self._db.transaction() as session:
            taken = await session.execute(
                update(Resync)
                .where(Resync.id == load_id, Resync.state.in_(CLAIMABLE), Resync.due_at <= now)
                .values(claim=token, due_at=now + LEASE_SECONDS, state="running", finished_at=None)
                .returning(Resync.id)
            )
            return taken.first() is not None

    async def _go_on(self, load_id: int, token: str) -> None:
        end = self._clock.time() + SLICE_SECONDS
        while self._clock.time() < end:
            async with self._db.read() as session:
                load = await session.get_one(Resync, load_id)
                integration = await session.get_one(Integration, load.integration_id)
            if load.claim != token or load.state != "running" or integration.state not in RUNNING:
                raise LeaseLost(f"first load {load_id}")
            names = [*self._steps, "done"]
            name = load.cursor.get("step") or names[0]
            if name == "done":
                await self._finish(load_id, token)
                return
            turn = Turn(self._db, self._clock, load_id, token, name, names[names.index(name) + 1])
            await self._steps[name](integration, load, turn)

    async def _finish(self, load_id: int, token: str) -> None:
        async with self._db.transaction() as session:
            load = await session.get(Resync, load_id, with_for_update=True)
            if load is None or load.claim != token:
                raise LeaseLost(f"first load {load_id}")
            load.state, load.finished_at = "completed", self._clock.now()
            load.claim = load.due_at = None
            await issues.close_cause(session, load.integration_id, FAILED, self._clock.now())
        await self._queue.ring("bulk")

    async def _release(self, load_id: int, token: str, delay: float, problem: str | None) -> None:
        """Gives the row back: due at once, after a pause the limits ask for, or later and later after failures."""
        async with self._db.transaction() as session:
            load = await session.get(Resync, load_id, with_for_update=True)
            if load is None or load.claim != token or load.state != "running":
                return
            load.claim = None
            load.due_at = self._clock.time() + delay
            if problem is not None:
                # a list cut short starts over, and each of its pages starts a count of its own
                cut = int((load.cursor.get("place") or {}).get(CUT, 0))
                tries = max(int(load.cursor.get("tries", 0)) + 1, cut)
                load.cursor = {**load.cursor, "tries": tries}
                load.due_at = self._clock.time() + min(3600.0, 15.0 * 2**tries)
                if tries >= TRIES:
                    await self._fail(session, load, problem)
            load.progress = {**load.progress, "problem": problem}

    async def _fail(self, session: AsyncSession, load: Resync, problem: str) -> None:
        """Says so in an issue, and tries again tomorrow from where it stands."""
        now = self._clock.now()
        place = {name: value for name, value in (load.cursor.get("place") or {}).items() if name != CUT}
        load.cursor = {**load.cursor, "place": place, "tries": 0}
        load.state, load.finished_at, load.due_at = "failed", now, self._clock.time() + RETRY_SECONDS
        await issues.open_issue(
            session,
            integration_id=load.integration_id,
            entity=None,
            vendor=None,
            external_id=None,
            finding=Finding(FAILED, problem, {"resync_id": load.id}),
            now=now,
        )

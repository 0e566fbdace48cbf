"""The bell: wakes whoever works events, and runs what is due every so often. Its arq half is `queue_arq.py`.

The database is the book (docs/decisions/0002): a ring says "look", carries nothing else and may be lost. So no job
is ever long, retried, fenced or asked for its result, and a sweep rings again for whatever nobody came for.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from app.core import metrics
from app.core.clock import Clock
from app.core.log import get_logger

QueueName = Literal["live", "bulk"]
QUEUES: tuple[QueueName, ...] = ("live", "bulk")

MERGE_SECONDS = 0.1
"""Rings for a later moment that fall into one such slot are one ring."""
STOP_SECONDS = 10.0
"""How long a stop waits for a scheduled pass that is under way."""

_log = get_logger(__name__)
OnRing = Callable[[QueueName], None]


@dataclass(frozen=True, slots=True)
class Cron:
    """Something to run every `every_seconds` of the clock, by one process of many. Must bear running twice."""

    name: str
    every_seconds: float
    run: Callable[[], Awaitable[object]]


class Queue(Protocol):
    """What the rest of the product knows about queues."""

    async def ring(self, name: QueueName = "live", *, at: float | None = None) -> None:
        """Wakes a worker now, or at the epoch second `at`. Never raises, never takes long."""
        ...

    async def serve(self, on_ring: OnRing, cron: Sequence[Cron] = ()) -> None:
        """Calls `on_ring` at every ring and runs `cron`, until cancelled."""
        ...

    async def healthy(self) -> bool:
        """Whether a ring would be heard."""
        ...

    async def close(self) -> None:
        """Gives back what it holds."""
        ...


def make_queue(redis_url: str, clock: Clock) -> "Queue":
    """The queue that fits: embedded without Redis (one process), arq with it (any number)."""
    if not redis_url:
        return EmbeddedQueue(clock)
    from app.core.queue_arq import ArqQueue  # only here: a process without Redis spares the memory of both libraries

    return ArqQueue(redis_url, clock)


def end_if_cancelled() -> None:
    """A cancellation that comes while Redis hands out a connection can get lost below us: without this look the
    worker would never end."""
    me = asyncio.current_task()
    if me is not None and me.cancelling():
        raise asyncio.CancelledError


class Crons:
    """Runs each cron at once and then in its rhythm; an error is logged and the rhythm goes on."""

    def __init__(self, clock: Clock, mine: Callable[[Cron], Awaitable[bool]]) -> None:
        self._clock = clock
        self._mine = mine

    async def keep(self, cron: Cron) -> None:
        while True:
            if await self._mine(cron):
                await self._run(cron)
            end_if_cancelled()
            await self._clock.sleep(cron.every_seconds)

    async def _run(self, cron: Cron) -> None:
        try:
            await _to_its_end(cron)
        except Exception:
            metrics.CRON_RUNS.labels(cron.name, "failed").inc()
            _log.exception("scheduled pass failed", cron=cron.name)
        else:
            metrics.CRON_RUNS.labels(cron.name, "done").inc()


async def _to_its_end(cron: Cron) -> None:
    """Runs a pass; a stop lets it end: SQLite keeps the lock of a transaction that is cut off half-way."""
    task = asyncio.ensure_future(cron.run())
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=STOP_SECONDS)
        raise


class LocalBell:
    """Rings inside this process, now or later; later ones merge per slot."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._on_ring: OnRing | None = None
        self._unheard: set[QueueName] = set()
        self._later: dict[tuple[QueueName, int], asyncio.TimerHandle] = {}

    @property
    def heard(self) -> bool:
        return self._on_ring is not None

    def connect(self, on_ring: OnRing) -> None:
        self._on_ring = on_ring
        for name in list(self._unheard):
            self.now(name)

    def disconnect(self) -> None:
        self._on_ring = None
        for handle in self._later.values():
            handle.cancel()
        self._later.clear()

    def now(self, name: QueueName) -> None:
        if self._on_ring is None:
            self._unheard.add(name)
            return
        self._unheard.discard(name)
        self._on_ring(name)

    def at(self, name: QueueName, at: float) -> None:
        slot = math.ceil(at / MERGE_SECONDS)
        if (name, slot) not in self._later:
            delay = (slot * MERGE_SECONDS - self._clock.time()) / self._clock.scale
            self._later[name, slot] = asyncio.get_running_loop().call_later(max(0.0, delay), self._due, name, slot)

    def _due(self, name: QueueName, slot: int) -> None:
        self._later.pop((name, slot), None)
        self.now(name)


class EmbeddedQueue:
    """The queue of a single process: nothing to install, nothing to lose but rings."""

    def __init__(self, clock: Clock) -> None:
        self._bell = LocalBell(clock)
        self._crons = Crons(clock, self._always)

    async def ring(self, name: QueueName = "live", *, at: float | None = None) -> None:
        """Calls the server's `on_ring`, or remembers the ring until somebody serves."""
        if at is None:
            self._bell.now(name)
        else:
            self._bell.at(name, at)
        metrics.RINGS.labels(name, "rung").inc()

    async def serve(self, on_ring: OnRing, cron: Sequence[Cron] = ()) -> None:
        """Runs until cancelled."""
        self._bell.connect(on_ring)
        try:
            async with asyncio.TaskGroup() as group:
                for each in cron:
                    group.create_task(self._crons.keep(each))
                await asyncio.Event().wait()
        finally:
            self._bell.disconnect()

    async def healthy(self) -> bool:
        """Always: there is nothing that could be away."""
        return True

    async def close(self) -> None:
        """Forgets rings set for later."""
        self._bell.disconnect()

    async def _always(self, cron: Cron) -> bool:
        return True

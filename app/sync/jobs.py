"""The dispatcher: takes due events from the book and drives each down the road, live and bulk apart."""

import asyncio
import uuid
from collections import Counter

from app.core.clock import Clock
from app.core.errors import LeaseLost, Postponed
from app.core.log import get_logger
from app.core.ports import Priority
from app.core.queue import Queue, QueueName
from app.sync.claims import Rooms
from app.sync.inbox import Inbox
from app.sync.models import Event
from app.sync.pipeline import Engine
from app.sync.reactions import Reactions

_log = get_logger(__name__)

PRIORITIES: dict[QueueName, tuple[Priority, ...]] = {
    "live": (Priority.LIVE, Priority.PERSON),
    "bulk": (Priority.BULK,),
}
IDLE_SECONDS = 2.0
"""A worker that hears no ring looks at the book this often."""
DRAIN_SECONDS = 25.0
"""How long a stopping worker lets running events end; below the usual grace of 30 s."""


class Jobs:
    """Runs events of both queues until told to stop; any number of these may work on one book."""

    def __init__(
        self,
        inbox: Inbox,
        engine: Engine,
        reactions: Reactions,
        queue: Queue,
        clock: Clock,
        *,
        slots: dict[QueueName, int],
        lease_seconds: float,
    ) -> None:
        self._inbox = inbox
        self._engine = engine
        self._reactions = reactions
        self._queue = queue
        self._clock = clock
        self._slots = slots
        self._lease_seconds = lease_seconds
        self._holder = uuid.uuid4().hex[:12]
        self._bells: dict[QueueName, asyncio.Event] = {name: asyncio.Event() for name in slots}
        self._running: dict[QueueName, set[asyncio.Task[None]]] = {name: set() for name in slots}
        self._owners: dict[QueueName, dict[asyncio.Task[None], int]] = {name: {} for name in slots}
        """Running tasks and their integrations."""
        self._driven: dict[int, str] = {}
        """Running events and their claims."""

    def ring(self, name: QueueName) -> None:
        """Somebody rang: look at the book now."""
        if name in self._bells:
            self._bells[name].set()

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop`, then lets running events end."""
        loops = [asyncio.create_task(self._work(name, stop)) for name in self._slots]
        keeper = asyncio.create_task(self._keep())
        try:
            await self._until(stop, loops)
        finally:
            keeper.cancel()

    async def _until(self, stop: asyncio.Event, loops: list[asyncio.Task[None]]) -> None:
        await stop.wait()
        for name in self._slots:
            self.ring(name)
        await asyncio.gather(*loops)
        running = [task for tasks in self._running.values() for task in tasks]
        if running:
            _, late = await asyncio.wait(running, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()

    async def _keep(self) -> None:
        """Renews the claims of running events, so that a slow vendor does not make a second worker start over."""
        while True:
            await self._clock.sleep(self._lease_seconds / 3)
            try:
                await self._inbox.keep(self._driven, self._lease_seconds)
            except Exception:
                _log.exception("renewing claims failed")

    async def _work(self, name: QueueName, stop: asyncio.Event) -> None:
        bell, running = self._bells[name], self._running[name]
        while not stop.is_set():
            bell.clear()
            room = self._slots[name] - len(running)
            rooms = Rooms(max(1, self._slots[name] * 2 // 3), Counter(self._owners[name].values()))
            try:
                due = await self._inbox.next_due(PRIORITIES[name])
                events = await self._claim(name, room, rooms) if due is not None and due <= self._clock.time() else []
            except Exception:
                _log.exception("claiming failed", queue=name)
                await asyncio.sleep(1.0)
                continue
            for event in events:
                task = asyncio.create_task(self._drive(event))
                running.add(task)
                self._owners[name][task] = event.integration_id
                task.add_done_callback(running.discard)
                task.add_done_callback(self._owners[name].pop)
                task.add_done_callback(lambda _: bell.set())
            if events and (len(events) == room or max(rooms.held.values()) >= rooms.most):
                await self._queue.ring(name)  # more may be due than one worker can hold
                if room < self._slots[name]:
                    continue
            await self._pause(name, bell, due)

    async def _claim(self, name: QueueName, room: int, rooms: Rooms) -> list[Event]:
        if not room:
            return []
        return await self._inbox.claim(PRIORITIES[name], room, self._holder, self._lease_seconds, rooms)

    async def _pause(self, name: QueueName, bell: asyncio.Event, due: float | None) -> None:
        """Until a ring, the next due moment, or a look at the book for its own sake."""
        wait = IDLE_SECONDS
        if due is not None and not self._running[name]:
            wait = min(wait, max(0.02, due - self._clock.time()))
        try:
            await asyncio.wait_for(bell.wait(), wait / self._clock.scale)
        except TimeoutError:
            return

    async def _drive(self, event: Event) -> None:
        self._driven[event.id] = str(event.claim)
        try:
            await self._engine.process(event)
        except asyncio.CancelledError:
            # a stop is no crash: the event is given back at once, and its next worker reads before it writes
            await asyncio.shield(self._react(event, Postponed(0.0, "reinício do serviço", "restart")))
            raise
        except BaseException as error:
            await self._react(event, error)
        finally:
            self._driven.pop(event.id, None)

    async def _react(self, event: Event, error: BaseException) -> None:
        try:
            await self._reactions.to(event, error)
        except LeaseLost:
            _log.info("event is in other hands", event_id=event.id)
        except Exception:
            _log.exception("reaction failed; the claim will expire", event_id=event.id)

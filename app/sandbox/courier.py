"""The postman: delivers webhooks by each vendor's rules and keeps the log of what happened to them."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from .clock import SandboxClock
from .trouble import WEBHOOK_KINDS, Trouble
from .wire import Row

_LOG_SIZE = 5000
_REORDER_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Policy:
    """How one vendor delivers. Time-outs are real seconds; waits run on the sandbox clock.

    `serial`: one at a time, in order, per (account, address). `waits`: pauses between attempts, so one more
    attempt than pauses. `dead_every`/`dead_for`/`dead_timeout`: the dead-letter queue, if there is one.
    """

    serial: bool
    timeout: float
    waits: tuple[tuple[float, float], ...]
    dead_every: float | None = None
    dead_for: float = 0.0
    dead_timeout: float = 0.0


@dataclass
class Delivery:
    """One webhook on its way to one address."""

    vendor: str
    account: str
    topic: str
    url: str
    body: bytes
    policy: Policy
    headers: dict[str, str] = field(default_factory=dict)
    settled: Callable[[bool], None] | None = None
    verb: str = "POST"
    again: Callable[[], bytes] | None = None
    """The body of a further attempt, where it differs."""
    id: int = 0
    state: str = "pending"
    attempts: int = 0
    status: int | None = None
    error: str | None = None
    created_at: float = 0.0

    @property
    def group(self) -> str:
        """The queue of a serial delivery."""
        return f"{self.vendor} {self.account} {self.url}"

    def report(self) -> Row:
        """What the control surface shows; the header with the validation key stays out."""
        shown = ("id", "vendor", "account", "topic", "url", "state", "attempts", "status", "error", "created_at")
        return {name: getattr(self, name) for name in shown} | {"body": self.body.decode()}


class Courier:
    """Queues from the moment of `submit`; delivers between `start` and `stop`."""

    def __init__(self, clock: SandboxClock, random: Callable[[float, float], float],
                 client: httpx.AsyncClient | None = None) -> None:  # fmt: skip
        self.trouble = Trouble(clock)
        self._clock = clock
        self._between = random
        self._given = client
        self._client = client
        self._running = False
        self._next_id = 1
        self.clear_log()
        self._queues: dict[str, deque[Delivery]] = {}
        self._held: dict[str, list[Delivery]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[str] = set()
        self._parallel = asyncio.Semaphore(64)

    def clear_log(self) -> None:
        """Forgets finished deliveries."""
        self.pending: dict[int, Delivery] = {}
        self.dead: dict[int, Delivery] = {}
        self.log: deque[Delivery] = deque(maxlen=_LOG_SIZE)

    async def start(self) -> None:
        """Begins to deliver, the queued first."""
        if self._running:
            return
        if self._client is None:
            self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False)
        self._running = True
        for group in list(self._queues):
            self._wake(group)

    async def stop(self) -> None:
        """Stops delivering; what is pending stays queued in memory."""
        self._running = False
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._busy.clear()
        if self._given is None and self._client is not None:
            await self._client.aclose()
            self._client = None

    def clear(self) -> None:
        """Forgets everything, also what is on its way."""
        for task in self._tasks:
            task.cancel()
        self._queues, self._held, self._busy = {}, {}, set()
        self.clear_log()

    async def idle(self) -> None:
        """Waits until nothing is pending except dead letters (for tests)."""
        while self.pending:  # noqa: ASYNC110  states change in many places; only tests wait here
            await asyncio.sleep(0.005)

    def submit(self, delivery: Delivery) -> None:
        """Takes a webhook, applying the first trouble rule that fits its topic."""
        delivery.id, self._next_id = self._next_id, self._next_id + 1
        delivery.created_at = self._clock.time()
        self.pending[delivery.id] = delivery
        rule = self.trouble.take(WEBHOOK_KINDS, delivery.vendor, delivery.account, (delivery.topic,))
        match rule.kind if rule else None:
            case "drop":
                self._finish(delivery, "dropped")
            case "duplicate":
                self._enqueue(delivery)
                self._enqueue_copy(delivery)
            case "delay":
                self._spawn(self._later(delivery, (rule and rule.seconds) or 30.0))
            case "reorder":
                self._held.setdefault(delivery.group, []).append(delivery)
                self._spawn(self._release(delivery.group))
            case _:
                self._enqueue(delivery)
                for late in self._held.pop(delivery.group, []):
                    self._enqueue(late)

    def _enqueue_copy(self, original: Delivery) -> None:
        copy = replace(original)
        copy.id, self._next_id = self._next_id, self._next_id + 1
        copy.created_at = original.created_at
        self.pending[copy.id] = copy
        self._enqueue(copy)

    async def _later(self, delivery: Delivery, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._enqueue(delivery)

    async def _release(self, group: str) -> None:
        await self._clock.sleep(_REORDER_PATIENCE_S)
        for late in self._held.pop(group, []):
            self._enqueue(late)

    def _enqueue(self, delivery: Delivery) -> None:
        group = delivery.group if delivery.policy.serial else f"#{delivery.id}"
        self._queues.setdefault(group, deque()).append(delivery)
        self._wake(group)

    def _wake(self, group: str) -> None:
        if self._running and group not in self._busy:
            self._busy.add(group)
            self._spawn(self._work(group))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, group: str) -> None:
        queue = self._queues[group]
        try:
            while queue:
                await self._deliver(queue[0])
                queue.popleft()
        finally:
            self._busy.discard(group)
        if self._queues.get(group) is queue and not queue:
            del self._queues[group]

    async def _deliver(self, delivery: Delivery) -> None:
        policy = delivery.policy
        for wait in (*policy.waits, None):
            if await self._attempt(delivery, policy.timeout):
                return self._finish(delivery, "delivered")
            if wait is not None:
                await self._clock.sleep(self._between(*wait))
        if policy.dead_every is None:
            return self._finish(delivery, "failed")
        delivery.state = "dead"
        self.pending.pop(delivery.id, None)
        self.dead[delivery.id] = delivery
        self._spawn(self._dead_letter(delivery, policy.dead_every))
        return None

    async def _dead_letter(self, delivery: Delivery, every: float) -> None:
        end = self._clock.time() + delivery.policy.dead_for
        while self._clock.time() < end:
            await self._clock.sleep(every)
            if await self._attempt(delivery, delivery.policy.dead_timeout):
                return self._finish(delivery, "delivered")
        return self._finish(delivery, "lost")

    async def _attempt(self, delivery: Delivery, timeout: float) -> bool:
        client = self._client
        if client is None:
            return False
        delivery.attempts += 1
        if delivery.attempts > 1 and delivery.again is not None:
            delivery.body = delivery.again()
        headers = {"Content-Type": "application/json; charset=utf-8", **delivery.headers}
        try:
            # The in-process transport knows no time-outs, hence the outer one.
            async with self._parallel, asyncio.timeout(timeout):
                answer = await client.request(delivery.verb, delivery.url, headers=headers, timeout=timeout,
                                              content=delivery.body if delivery.verb == "POST" else None)  # fmt: skip
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            delivery.status, delivery.error = None, type(error).__name__
            return False
        delivery.status, delivery.error = answer.status_code, None
        return answer.is_success

    def _finish(self, delivery: Delivery, state: str) -> None:
        delivery.state = state
        self.pending.pop(delivery.id, None)
        self.dead.pop(delivery.id, None)
        self.log.append(delivery)
        if delivery.settled is not None and state != "dropped":
            delivery.settled(state == "delivered")

    def report(self) -> Row:
        """Pending, finished and dead deliveries, oldest first."""
        return {
            "pending": [delivery.report() for delivery in self.pending.values()],
            "delivered": [delivery.report() for delivery in self.log],
            "dead_letter": [delivery.report() for delivery in self.dead.values()],
        }

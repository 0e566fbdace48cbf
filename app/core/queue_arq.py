"""The bell over Redis: arq behind the interface of `queue.py`, and how we connect. The only import of arq."""

import asyncio
import json
import math
import time
from collections.abc import Sequence
from typing import Any

from arq.connections import ArqRedis
from arq.utils import poll
from arq.worker import Worker, func
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.core import metrics
from app.core.clock import Clock
from app.core.log import get_logger
from app.core.queue import MERGE_SECONDS, QUEUES, Cron, Crons, LocalBell, OnRing, QueueName, end_if_cancelled

RING_SECONDS = 0.25
"""A ring is given up after this; the webhook that caused it is committed already."""
UNHEARD_RINGS = 1000
"""That many due rings that nobody has taken say it all: no more are added while no worker lives."""
POLL_SECONDS: dict[QueueName, float] = {"live": 0.025, "bulk": 0.2}
JOB_SECONDS = 5
EXPIRES_MS = 30 * 24 * 3600 * 1000

_log = get_logger(__name__)


class ArqQueue:
    """The queue of many processes: arq over Redis. Survives Redis killed, frozen or wiped; see ADR 0002.

    While Redis cannot be reached, rings and crons of a serving process stay inside that process.
    """

    def __init__(self, url: str, clock: Clock, *, prefix: str = "ponte", pool: ConnectionPool | None = None) -> None:
        """`pool` replaces the connections to `url`, for tests."""
        self._clock = clock
        self._prefix = prefix
        self._own_pool = pool is None
        self._redis = ArqRedis(
            pool or redis_pool(url), job_serializer=_to_json, job_deserializer=json.loads, expires_extra_ms=EXPIRES_MS
        )
        self._bell = LocalBell(clock)
        self._crons = Crons(clock, self._claim)

    def __repr__(self) -> str:
        return f"ArqQueue({self._prefix})"

    async def ring(self, name: QueueName = "live", *, at: float | None = None) -> None:
        """One job on the queue of that name; inside this process when Redis does not take it in time."""
        try:
            async with asyncio.timeout(RING_SECONDS):
                outcome = await self._enqueue(name, at)
        except Exception as problem:
            outcome = "failed"
            _log.warning("ring not sent", queue=name, problem=type(problem).__name__)
            if self._bell.heard:
                self._bell.now(name) if at is None else self._bell.at(name, at)
        metrics.RINGS.labels(name, outcome).inc()

    async def serve(self, on_ring: OnRing, cron: Sequence[Cron] = ()) -> None:
        """Runs until cancelled, whatever happens to Redis."""
        self._bell.connect(on_ring)
        try:
            async with asyncio.TaskGroup() as group:
                for name in QUEUES:
                    group.create_task(self._listen(name))
                for each in cron:
                    group.create_task(self._crons.keep(each))
        finally:
            self._bell.disconnect()

    async def healthy(self) -> bool:
        """Whether Redis answers within a second."""
        try:
            async with asyncio.timeout(1):
                return bool(await self._redis.ping())
        except Exception:
            return False

    async def close(self) -> None:
        """Closes the connections."""
        self._bell.disconnect()
        if self._own_pool:
            await self._redis.aclose()
            await self._redis.connection_pool.disconnect()

    async def _enqueue(self, name: QueueName, at: float | None) -> str:
        queue = self._queue(name)
        delay = 0.0 if at is None else (at - self._clock.time()) / self._clock.scale
        if delay <= 0:
            now_ms = time.time() * 1000 + 1  # arq rounds to the next millisecond
            if await self._redis.zcount(queue, "-inf", now_ms) >= UNHEARD_RINGS:
                return "merged"
            # No job id: a ring that comes while its twin is being heard must not be swallowed (pitfall 10)
            await self._redis.enqueue_job("ring", name, _queue_name=queue)
            return "rung"
        slot = math.ceil((at or 0.0) / MERGE_SECONDS)
        job_id = f"{queue}:{slot}" if delay > 3 * MERGE_SECONDS else None
        job = await self._redis.enqueue_job(
            "ring", name, _queue_name=queue, _job_id=job_id, _defer_by=delay + MERGE_SECONDS / self._clock.scale
        )
        return "rung" if job else "merged"

    async def _listen(self, name: QueueName) -> None:
        backoff = 0.1
        while True:
            worker = _Listener(
                functions=[func(self._heard, name="ring", timeout=JOB_SECONDS, keep_result=0)],
                queue_name=self._queue(name),
                redis_pool=self._redis,
                handle_signals=False,
                max_jobs=100,
                max_tries=1_000_000,
                job_timeout=JOB_SECONDS,
                keep_result=0,
                log_results=False,
                poll_delay=POLL_SECONDS[name],
                queue_read_limit=UNHEARD_RINGS,
                health_check_interval=15,
                job_serializer=_to_json,
                job_deserializer=json.loads,
                expires_extra_ms=EXPIRES_MS,
            )
            started = time.monotonic()
            try:
                await worker.main()
            except Exception as problem:
                metrics.QUEUE_RESTARTS.labels(name).inc()
                _log.warning("queue lost, trying again", queue=name, problem=type(problem).__name__)
            finally:
                await worker.abandon()
            backoff = 0.1 if time.monotonic() - started > 10 else min(2.0, backoff * 2)
            await asyncio.sleep(backoff)
            self._bell.now(name)  # what was rung meanwhile may be lost: look at the book

    async def _heard(self, ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:
        for name in args:
            self._bell.now(name)

    async def _claim(self, cron: Cron) -> bool:
        """One process per rhythm; every process when Redis is away, because a dead Redis must not stop the sweep."""
        hold_ms = int(cron.every_seconds / self._clock.scale * 900)
        try:
            async with asyncio.timeout(RING_SECONDS):
                return bool(
                    await self._redis.set(f"{self._prefix}:cron:{cron.name}", b"1", nx=True, px=max(1, hold_ms))
                )
        except Exception:
            return True

    def _queue(self, name: QueueName) -> str:
        return f"{self._prefix}:{name}"


class _Listener(Worker):
    """arq's worker without the `INFO` it asks Redis for at its start, which a locked-down Redis refuses."""

    async def main(self) -> None:
        async for _ in poll(self.poll_delay_s):
            await self._poll_iteration()
            end_if_cancelled()

    async def abandon(self) -> None:
        """Ends the rings under way; the connections are the queue's, so they stay."""
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


def redis_pool(url: str, *, size: int = 50) -> ConnectionPool:
    """Connections that time out, notice a dead peer, try again after a lost connection and check the TLS host name.

    Options in the address's query win (`?ssl_ca_certs=...`). The address never shows in an error or a repr.
    """
    tls: dict[str, Any] = {"ssl_check_hostname": True} if url.startswith("rediss://") else {}
    keepalive: dict[str, Any] = {} if url.startswith("unix://") else {"socket_keepalive": True}
    return ConnectionPool.from_url(
        url,
        max_connections=size,
        socket_timeout=2.0,
        socket_connect_timeout=1.0,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 3),
        # a refused connection is a bare OSError, which redis-py would not try again by itself (pitfall 3)
        retry_on_error=[RedisConnectionError, RedisTimeoutError, OSError],
        **tls,
        **keepalive,
    )


def _to_json(value: dict[str, Any]) -> bytes:
    # arq hands over the exception of a failed ring; its text may hold anything, its name does not
    return json.dumps(value, default=lambda thing: type(thing).__name__).encode()

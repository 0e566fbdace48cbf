"""One contract for every bell, and what happens when Redis is killed, frozen or wiped."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import fakeredis
import pytest
from redis.asyncio import Redis

from app.core.clock import Clock
from app.core.queue import Cron, EmbeddedQueue, Queue, QueueName, make_queue
from app.core.queue_arq import ArqQueue, redis_pool


class Ears:
    """Counts the rings heard."""

    def __init__(self) -> None:
        self.heard: Counter[QueueName] = Counter()
        self._any = asyncio.Event()

    def __call__(self, name: QueueName) -> None:
        self.heard[name] += 1
        self._any.set()

    async def hears(self, name: QueueName, count: int = 1, within: float = 5.0) -> None:
        async with asyncio.timeout(within):
            while self.heard[name] < count:
                self._any.clear()
                await self._any.wait()


@asynccontextmanager
async def serving(queue: Queue, ears: Ears, *crons: Cron) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.serve(ears, crons))
    await asyncio.sleep(0.05)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(params=["embedded", "fakeredis", pytest.param("redis", marks=pytest.mark.services)])
async def queue(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Queue]:
    made: Queue
    if request.param == "embedded":
        made = make_queue("", clock)
    elif request.param == "fakeredis":
        made = ArqQueue("redis://fake", clock, pool=fakeredis.FakeAsyncRedis().connection_pool)
    else:
        made = ArqQueue(request.getfixturevalue("redis_url"), clock, prefix=f"test-{uuid.uuid4().hex[:8]}")
    yield made
    await made.close()


async def test_a_ring_is_heard_soon_by_name(queue: Queue) -> None:
    ears = Ears()
    async with serving(queue, ears):
        await queue.ring()
        await ears.hears("live", within=1)
        await queue.ring("bulk")
        await ears.hears("bulk", within=2)
    assert ears.heard == {"live": 1, "bulk": 1}
    assert await queue.healthy()


async def test_a_ring_before_anybody_serves_is_not_lost(queue: Queue) -> None:
    ears = Ears()
    await queue.ring()
    async with serving(queue, ears):
        await ears.hears("live")


async def test_every_ring_after_the_last_look_is_heard(queue: Queue) -> None:
    ears = Ears()
    async with serving(queue, ears):
        for count in range(1, 11):
            await queue.ring()
            await ears.hears("live", count)


async def test_a_ring_for_later_comes_not_before_its_moment(queue: Queue, clock: Clock) -> None:
    ears, moment = Ears(), time.time() + 0.8
    async with serving(queue, ears):
        for _ in range(20):
            await queue.ring("live", at=moment)
        await ears.hears("live")
        assert time.time() >= moment
        assert time.time() < moment + 0.5
        await asyncio.sleep(0.2)
    assert ears.heard["live"] == 1


async def test_crons_run_at_once_and_in_their_rhythm_whatever_happens_inside(queue: Queue) -> None:
    runs = 0

    async def fail() -> None:
        nonlocal runs
        runs += 1
        raise RuntimeError("a bad day")

    async with serving(queue, Ears(), Cron("fails", 0.2, fail)):
        await asyncio.sleep(1.0)
    assert 3 <= runs <= 6


async def test_one_process_of_several_runs_a_cron(clock: Clock) -> None:
    server, runs = fakeredis.FakeServer(), 0

    async def count() -> None:
        nonlocal runs
        runs += 1

    queues = [
        ArqQueue("redis://fake", clock, pool=fakeredis.FakeAsyncRedis(server=server).connection_pool) for _ in range(3)
    ]
    cron = Cron("shared", 0.4, count)
    async with serving(queues[0], Ears(), cron), serving(queues[1], Ears(), cron), serving(queues[2], Ears(), cron):
        await asyncio.sleep(1.3)
    assert 3 <= runs <= 5


async def test_a_ring_is_heard_by_one_worker_only(clock: Clock) -> None:
    server, ears = fakeredis.FakeServer(), [Ears(), Ears()]
    queues = [
        ArqQueue("redis://fake", clock, pool=fakeredis.FakeAsyncRedis(server=server).connection_pool) for _ in range(2)
    ]
    async with serving(queues[0], ears[0]), serving(queues[1], ears[1]):
        for _ in range(20):
            await queues[0].ring()
        await asyncio.sleep(0.6)
    assert sum(ear.heard["live"] for ear in ears) == 20


async def test_rings_nobody_hears_do_not_pile_up(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.queue_arq.UNHEARD_RINGS", 5)
    client = fakeredis.FakeAsyncRedis()
    queue = ArqQueue("redis://fake", clock, pool=client.connection_pool)
    for _ in range(20):
        await queue.ring()
    assert await client.zcard("ponte:live") == 5


async def test_a_job_in_redis_says_nothing_but_the_queue_name_in_json(clock: Clock) -> None:
    client = fakeredis.FakeAsyncRedis()
    await ArqQueue("redis://fake", clock, pool=client.connection_pool).ring()
    (job_key,) = await client.keys("arq:job:*")
    job = (await client.get(job_key)).decode()
    assert '"live"' in job
    assert job.startswith("{")
    assert await client.pttl(job_key) > 29 * 24 * 3600 * 1000


async def test_a_password_shows_nowhere(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    queue = ArqQueue("redis://user:canary-password@127.0.0.1:1/0", clock)
    await queue.ring()
    assert not await queue.healthy()
    pool = redis_pool("rediss://user:canary-password@redis.example/0")
    assert "canary" not in repr(queue) + repr(pool) + caplog.text
    assert pool.connection_kwargs["ssl_check_hostname"] is True
    await queue.close()


async def test_a_dead_redis_delays_no_caller_and_stops_no_sweep(clock: Clock) -> None:
    queue, ears, swept = ArqQueue("redis://127.0.0.1:1/0", clock), Ears(), asyncio.Event()

    async def sweep() -> None:
        await queue.ring()
        swept.set()

    started = time.monotonic()
    await queue.ring()
    assert time.monotonic() - started < 0.5
    async with serving(queue, ears, Cron("sweep", 0.2, sweep)):
        await asyncio.wait_for(swept.wait(), 3)
        await ears.hears("live")
        before = ears.heard["live"]
        await queue.ring(at=time.time() + 0.2)
        await ears.hears("live", before + 1)
    await queue.close()


# --- a Redis of the test's own, to be mistreated ---------------------------------------------------------------------


class Server:
    """A redis-server process on a free port."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
        )
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    def send(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed: cannot kill, freeze and wipe one")
    mine = Server(tmp_path)
    mine.start()
    yield mine
    mine.kill()


@pytest.mark.services
async def test_the_worker_outlives_a_killed_redis(server: Server, clock: Clock) -> None:
    queue, ears = ArqQueue(server.url, clock), Ears()
    async with serving(queue, ears):
        await queue.ring()
        await ears.hears("live")
        server.kill()
        await asyncio.sleep(1.0)
        assert not await queue.healthy()
        server.start()
        await asyncio.sleep(2.5)
        assert await queue.healthy()
        heard = ears.heard["live"]
        await queue.ring()
        await ears.hears("live", heard + 1)
    await queue.close()


@pytest.mark.services
async def test_a_frozen_redis_delays_no_caller(server: Server, clock: Clock) -> None:
    queue, ears = ArqQueue(server.url, clock), Ears()
    async with serving(queue, ears):
        await queue.ring()
        await ears.hears("live")
        server.send(signal.SIGSTOP)
        started = time.monotonic()
        await asyncio.gather(*(queue.ring() for _ in range(30)))
        assert time.monotonic() - started < 1.0
        await ears.hears("live", 2, within=1)  # rung inside the process instead
        server.send(signal.SIGCONT)
        await asyncio.sleep(3.0)
        heard = ears.heard["live"]
        await queue.ring()
        await ears.hears("live", heard + 1)
    await queue.close()


@pytest.mark.services
async def test_a_wiped_redis_keeps_ringing(server: Server, clock: Clock) -> None:
    queue, ears = ArqQueue(server.url, clock), Ears()
    async with serving(queue, ears):
        await queue.ring("live", at=time.time() + 60)
        client = Redis.from_url(server.url)
        await client.flushall()
        await client.aclose()
        await queue.ring()
        await ears.hears("live")
    await queue.close()


async def test_embedded_rings_merge_per_slot_and_end_with_the_server(clock: Clock) -> None:
    queue, ears = EmbeddedQueue(clock), Ears()
    async with serving(queue, ears):
        await queue.ring(at=time.time() + 60)
    await queue.ring()
    await asyncio.sleep(0)
    assert ears.heard == {}

"""Sandbox and product as real processes on free loopback ports, killed and started again by process id."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
from sqlalchemy import func, select

from app.core import migrate
from app.core.db import Database
from app.serving import free_port
from app.sync.models import Event, EventState, Resync
from tests.benchmarks.setups import DATABASE, services_missing, split

ROOT = Path(__file__).resolve().parents[2]
APP_KEY, APP_SECRET, USER_KEY = "1000000000001", "sandbox-app-secret", "sandbox-user-key"
SPEED = float(os.environ.get("FAULTS_SPEED", "10"))
"""How many times faster sandbox and product run. Leases are in the product's time: on a machine too slow for it, work
takes longer than its lease and is begun again and again."""
OMIE_PERSON = "maria@loja.test"
JsonObject = dict[str, Any]


@dataclass
class Setup:
    """Where the product stores, and which doors it consists of."""

    name: str
    database_url: str
    redis_url: str
    doors: tuple[str, ...]


@dataclass
class Door:
    """One process of the product."""

    kind: str
    number: int
    pid: int = 0
    deaths: list[float] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.pid > 0 and Path(f"/proc/{self.pid}").exists()


class RedisServer:
    """A Redis of our own, without persistence, to be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port(0)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns when it answers."""
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                   "--dir", str(self._folder), "--maxmemory-policy", "noeviction")  # fmt: skip
        self._process = await asyncio.create_subprocess_exec(
            "redis-server", *options, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        for _ in range(100):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    async def kill(self) -> None:
        """SIGKILL, and whatever it held is gone."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def flush(self) -> None:
        """FLUSHALL."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"FLUSHALL\r\n")
        await reader.readline()
        writer.close()


class Rig:
    """Use as an async context manager; everything it started is ended with it."""

    def __init__(self, setup: Setup, folder: Path, redis: RedisServer | None = None) -> None:
        self.setup = setup
        self.folder = folder
        self.redis = redis
        self.doors = [Door(kind, number) for number, kind in enumerate(setup.doors)]
        self.orders = folder / "die"
        self.integration: JsonObject = {}
        self.typed: set[str] = set()
        """Every document people typed in this rig."""
        self._stack = AsyncExitStack()
        self._nursery: asyncio.subprocess.Process
        port, vendors = free_port(0), free_port(0)
        self.url, self.vendors = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{vendors}"
        self.environment = {
            "ENVIRONMENT": "local", "DATA_DIR": str(folder), "DATABASE_URL": setup.database_url,
            "REDIS_URL": setup.redis_url, "SECRET_KEY": "faults-secret-key", "ADMIN_TOKEN": "faults-admin-token",
            "PUBLIC_URL": self.url, "OMIE_URL": f"{self.vendors}/omie/api/v1/",
            "PLOOMES_URL": f"{self.vendors}/ploomes/",
            "HOST": "127.0.0.1", "PORT": str(port), "LOG_FORMAT": "json", "LOG_LEVEL": "WARNING",
            "CLOCK_SCALE": str(SPEED), "CLOCK_ORIGIN": str(time.time()), "PONTE_DIE_FILE": str(self.orders),
        }  # fmt: skip

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        limits = httpx.Limits(max_connections=50)
        headers = {"Authorization": "Bearer faults-admin-token"}
        self.api = await self._stack.enter_async_context(
            httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60, limits=limits)
        )
        self.control = await self._stack.enter_async_context(
            httpx.AsyncClient(base_url=f"{self.vendors}/sandbox", timeout=60, limits=limits)
        )
        self.db = Database(self.setup.database_url, pool_size=2)
        self._stack.push_async_callback(self.db.close)
        sandbox = (
            f"from app.sandbox.serve import run; run({self.vendors.rsplit(':', 1)[1]}, seed='empty', speed={SPEED})"
        )
        await self._process("sandbox", [sys.executable, "-c", sandbox])
        self._nursery = await self._process("nursery", [sys.executable, "-m", "tests.faults.worker"], piped=True)
        self._stack.callback(self._end_doors)
        await migrate.upgrade(self.db)
        await self.revive()
        await self._answers(f"{self.vendors}/sandbox/counters")
        await self._answers(f"{self.url}/health/live")

    async def _process(self, name: str, command: list[str], *, piped: bool = False) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE if piped else None
        with (self.folder / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=self.folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=pipe or asyncio.subprocess.DEVNULL, stdout=pipe or log, stderr=log,
            )  # fmt: skip
        self._stack.push_async_callback(_end, process)
        return process

    async def _answers(self, url: str) -> None:
        async def answers() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return (await self.control.get(url)).is_success
            return False

        await self.until(answers, 60, what=url)

    # --- processes -----------------------------------------------------------------------------------------------

    async def revive(self) -> None:
        """Starts every door that is not alive."""
        for door in self.doors:
            if not door.alive:
                log = str(self.folder / f"{door.kind}-{door.number}.log")
                order = {"door": door.kind, "log": log, "env": self.environment}
                assert self._nursery.stdin
                assert self._nursery.stdout
                self._nursery.stdin.write(json.dumps(order).encode() + b"\n")
                door.pid = int(await self._nursery.stdout.readline())

    async def answering(self) -> None:
        """Waits until the API answers."""
        await self._answers(f"{self.url}/health/live")

    def workers(self) -> list[Door]:
        """The doors that process events."""
        return [door for door in self.doors if door.kind != "api"]

    def kill(self, door: Door) -> None:
        """SIGKILL."""
        door.deaths.append(time.monotonic())
        with contextlib.suppress(ProcessLookupError):
            os.kill(door.pid, signal.SIGKILL)

    def arm(self, boundary: str, passage: int = 1) -> None:
        """The next process to pass the boundary for the n-th time dies there."""
        fresh = self.orders.with_suffix(".new")
        fresh.write_text(f"{boundary}:{passage} {time.monotonic()}")
        fresh.rename(self.orders)

    def disarm(self) -> bool:
        """Takes the order back; False when a process has died of it."""
        try:
            self.orders.unlink()
        except FileNotFoundError:
            return False
        return True

    async def dead(self, seconds: float) -> bool:
        """Waits until a door has died; False when none did in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if any(not door.alive for door in self.doors):
                return True
            await asyncio.sleep(0.01)
        return False

    def _end_doors(self) -> None:
        for door in self.doors:
            if door.alive:
                os.kill(door.pid, signal.SIGKILL)

    # --- the product ---------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Creates and activates an integration and registers the Omie webhook."""
        created = await self.api.post(
            "/api/v1/integrations",
            json={
                "name": "Falhas",
                "omie": {"app_key": APP_KEY, "app_secret": APP_SECRET},
                "ploomes": {"user_key": USER_KEY},
            },
        )
        assert created.status_code == 201, created.text
        self.integration = created.json()
        path = f"/api/v1/integrations/{self.integration['id']}"
        document = (await self.api.get(f"{path}/config")).json()
        document["deletes"]["pause_above_in_ten_minutes"] = 10_000
        answer = await self.api.put(f"{path}/config", json=document)
        assert answer.is_success, answer.text
        activated = await self.api.post(f"{path}/activate", json={"start": "now"})
        assert activated.is_success, activated.text
        await self.post(f"/omie/{APP_KEY}/webhooks", {"url": self.integration["webhook_urls"]["omie"]})
        await self.settle()

    async def quiet(self, *, dead_letters: bool = True) -> bool:
        """No webhook is on its way, no load is running and no event is due, now or later.

        `dead_letters`: nor does Omie keep one that it tries again in ten minutes.
        """
        with contextlib.suppress(httpx.TransportError):
            deliveries = (await self.control.get("/deliveries")).json()
            waiting = deliveries["pending"] or (dead_letters and deliveries["dead_letter"])
            return not waiting and not await self.open_events()
        return False

    async def open_events(self) -> int:
        """Events that are due at some time, and loads that are not done."""
        loads = Resync.state.in_(("planning", "scheduled", "running"))
        async with self.db.read() as session:
            due = await session.scalar(select(func.count()).select_from(Event).where(Event.due_at.is_not(None)))
            return int(due or 0) + int(await session.scalar(select(func.count()).select_from(Resync).where(loads)) or 0)

    async def settle(self, seconds: float = 150.0, *, dead_letters: bool = True) -> None:
        """Waits until everything is quiet."""

        async def quiet() -> bool:
            return await self.quiet(dead_letters=dead_letters)

        await self.until(quiet, seconds, still=2, what="quiet")

    async def until(
        self, condition: Callable[[], Awaitable[bool]], seconds: float, *, still: int = 1, what: str = ""
    ) -> None:
        """Waits for a condition to hold `still` times in a row."""
        end, times = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            times = times + 1 if await condition() else 0
            if times >= still:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{self.setup.name}: not within {seconds:.0f} s: {what}\n{await self.describe()}")

    async def describe(self) -> str:
        """Open events and the ends of the logs, for a failure's text."""
        async with self.db.read() as session:
            rows = await session.execute(
                select(Event.id, Event.vendor, Event.kind, Event.external_id, Event.state, Event.reason, Event.due_at)
                .where((Event.due_at.is_not(None)) | (Event.state == EventState.FAILED))
                .limit(12)
            )
            events = "\n".join(str(tuple(row)) for row in rows)
        logs = [f"{path.name}: {path.read_text(errors='replace')[-1500:]}" for path in self.folder.glob("*.log")]
        return "\n".join([events, *logs])

    async def try_again(self, cause: str) -> int:
        """A person asks for another try of everything that has an open issue of a cause; how many there were."""
        path = f"/api/v1/integrations/{self.integration['id']}/issues"
        found = (await self.api.get(path, params={"cause": cause, "limit": 200})).json()["items"]
        if found:
            answer = await self.api.post(f"{path}/retry", json={"cause": cause})
            assert answer.is_success, answer.text
        return len(found)

    # --- the vendors ---------------------------------------------------------------------------------------------

    async def post(self, path: str, body: JsonObject, **params: Any) -> JsonObject:
        """A call of the sandbox's control surface."""
        answer = await self.control.post(path, json=body, params=params)
        assert answer.is_success, answer.text
        return dict(answer.json()) if answer.content else {}

    async def trouble(self, **rule: Any) -> None:
        """A rule that breaks answers (docs/sandbox.md)."""
        await self.post("/faults", rule)

    async def type_omie(self, fields: JsonObject, record_id: Any = None) -> str:
        """A person creates or edits a client on Omie's screen; returns its id."""
        path, params = f"/omie/{APP_KEY}/screen/clients", {"person": OMIE_PERSON}
        if record_id is None:
            return str((await self.post(path, fields, **params))["codigo_cliente_omie"])
        answer = await self.control.patch(f"{path}/{record_id}", json=fields, params=params)
        assert answer.is_success, answer.text
        return str(record_id)

    async def type_ploomes(self, fields: JsonObject, record_id: Any = None) -> str:
        """A person creates or edits a contact on Ploomes' screen; returns its id."""
        path = f"/ploomes/{USER_KEY}/screen/Contacts"
        if record_id is None:
            return str((await self.post(path, fields))["Id"])
        answer = await self.control.patch(f"{path}/{record_id}", json=fields)
        assert answer.is_success, answer.text
        return str(record_id)

    async def delete(self, vendor: str, record_id: Any) -> None:
        """A person deletes a client or a contact."""
        path = f"/omie/{APP_KEY}/screen/clients" if vendor == "omie" else f"/ploomes/{USER_KEY}/screen/Contacts"
        params = {"person": OMIE_PERSON} if vendor == "omie" else {}
        answer = await self.control.delete(f"{path}/{record_id}", params=params)
        assert answer.is_success, answer.text

    async def clients(self) -> list[JsonObject]:
        """Everything Omie holds."""
        return list((await self.control.get(f"/omie/{APP_KEY}/clients")).json())

    async def contacts(self) -> list[JsonObject]:
        """Everything Ploomes holds."""
        return list((await self.control.get(f"/ploomes/{USER_KEY}/Contacts")).json())

    async def refusals(self) -> dict[str, int]:
        """What the vendors refused for limits, redundancy or blocks."""
        counters = (await self.control.get("/counters")).json()
        found: dict[str, int] = {}
        for vendor, accounts in counters.items():
            for account in accounts.values():
                for cause, count in account["refusals"].items():
                    if count:
                        found[f"{vendor}.{cause}"] = found.get(f"{vendor}.{cause}", 0) + count
        return found


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    elif process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


@asynccontextmanager
async def running(name: str, folder: Path) -> AsyncIterator[Rig]:
    """A connected rig of the set-up `embedded` (one process, SQLite) or `split` (PostgreSQL, Redis, two workers)."""
    async with AsyncExitStack() as stack:
        redis: RedisServer | None = None
        if name == "embedded":
            setup = Setup(name, f"sqlite+aiosqlite:///{folder / 'ponte.db'}", "", ("serve",))
        else:
            made = await stack.enter_async_context(split())
            setup = Setup(name, made.database_url, made.redis_url, ("api", "worker", "worker"))
            if shutil.which("redis-server"):
                redis = RedisServer(folder)
                await redis.start()
                stack.push_async_callback(redis.kill)
                setup.redis_url = redis.url
        rig = await stack.enter_async_context(Rig(setup, folder, redis))
        await rig.connect()
        yield rig


__all__ = ["APP_KEY", "DATABASE", "SPEED", "USER_KEY", "Door", "Rig", "running", "services_missing"]

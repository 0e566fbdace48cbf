"""Starts sandbox and service as processes on free loopback ports, and ends those processes and no others, by id."""

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.benchmarks.setups import Setup

ROOT = Path(__file__).resolve().parents[2]
APP_KEY, APP_SECRET, USER_KEY = "1000000000001", "sandbox-app-secret", "sandbox-user-key"
"""What the sandbox's seeds carry."""
START_SECONDS = 60.0
OPEN_STATES = ("received", "processing", "waiting")


class RigError(Exception):
    """A process did not start or the service did not answer as its contract says; carries the log's tail."""


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(what: str, condition: Callable[[], Awaitable[bool]], *, seconds: float, every: float = 0.5) -> float:
    """Waits for a condition; returns the seconds it took. Raises RigError with `what` when it never came."""
    start = time.monotonic()
    while not await condition():
        if time.monotonic() - start > seconds:
            raise RigError(f"not within {seconds:.0f} s: {what}")
        await asyncio.sleep(every)
    return time.monotonic() - start


@asynccontextmanager
async def process(
    name: str, arguments: list[str], *, folder: Path, environment: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """One process with its log in `folder`; terminated at the end, killed when it does not go within 30 s."""
    with (folder / f"{name}.log").open("ab") as log:
        started = await asyncio.create_subprocess_exec(
            *arguments, cwd=folder, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
            try:
                async with asyncio.timeout(30):
                    await started.wait()
            except TimeoutError:
                started.kill()
                await started.wait()


@dataclass
class Pair:
    """One integration of the service with its vendor accounts in the sandbox."""

    id: int
    app_key: str
    user_key: str
    omie_hook: str
    ploomes_hook: str


class Rig:
    """A running sandbox and service, both `speed` times faster than real time. Use as an async context manager."""

    def __init__(self, setup: Setup, folder: Path, *, speed: float = 1.0) -> None:
        self.setup = setup
        self.speed = speed
        self.folder = folder
        self.processes: list[asyncio.subprocess.Process] = []
        """The service's processes, in the order of the set-up."""
        self._stack = contextlib.AsyncExitStack()
        self._token = secrets.token_urlsafe(24)
        port, sandbox_port = free_port(), free_port()
        self.url, self.sandbox_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}"
        base = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self.environment = base | {
            "PYTHONPATH": str(ROOT),
            "ENVIRONMENT": "local",
            "DATA_DIR": str(folder),
            "DATABASE_URL": setup.database_url,
            "REDIS_URL": setup.redis_url,
            "SECRET_KEY": secrets.token_urlsafe(24),
            "ADMIN_TOKEN": self._token,
            "PUBLIC_URL": self.url,
            "OMIE_URL": f"{self.sandbox_url}/omie/api/v1/",
            "PLOOMES_URL": f"{self.sandbox_url}/ploomes/",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "WARNING",
            "CLOCK_SCALE": str(speed),
            "CLOCK_ORIGIN": str(time.time()),
            "LEASE_SECONDS": str(45.0 * speed),  # a busy machine does not run faster with the clock
        }
        self.api: httpx.AsyncClient
        self.sandbox: httpx.AsyncClient

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        limits = httpx.Limits(max_connections=100, keepalive_expiry=2.0)  # sooner than the servers close
        self.api = await self._stack.enter_async_context(
            httpx.AsyncClient(base_url=f"{self.url}/api/v1", headers=headers, timeout=60, limits=limits)
        )
        self.sandbox = await self._stack.enter_async_context(
            httpx.AsyncClient(base_url=self.sandbox_url, timeout=60, limits=limits)
        )
        port = self.sandbox_url.rsplit(":", 1)[1]
        tap = [sys.executable, "-m", "tests.benchmarks.tap", "--port", port, "--speed", str(self.speed)]
        sandbox = await self._run("sandbox", tap)
        await self._answers("sandbox", sandbox, f"{self.sandbox_url}/tap")
        ponte = str(Path(sys.executable).parent / "ponte")
        if "serve" not in self.setup.processes:
            migrate = await self._run("migrate", [ponte, "migrate"])
            if await migrate.wait():
                raise RigError(f"ponte migrate failed\n{self.tail('migrate')}")
        for number, command in enumerate(self.setup.processes):
            self.processes.append(await self._run(f"{command}-{number}", [ponte, command]))
        await self._answers(f"{self.setup.processes[0]}-0", self.processes[0], f"{self.url}/health/ready")

    async def _run(self, name: str, arguments: list[str]) -> asyncio.subprocess.Process:
        return await self._stack.enter_async_context(
            process(name, arguments, folder=self.folder, environment=self.environment)
        )

    async def _answers(self, name: str, started: asyncio.subprocess.Process, url: str) -> None:
        async def ready() -> bool:
            if started.returncode is not None:
                raise RigError(f"{name} ended with {started.returncode}")
            with contextlib.suppress(httpx.TransportError):
                return (await self.sandbox.get(url)).status_code == 200
            return False

        try:
            await until(f"{name} ready at {url}", ready, seconds=START_SECONDS, every=0.2)
        except RigError as error:
            raise RigError(f"{error}\n{self.tail(name)}") from error

    def tail(self, name: str, lines: int = 30) -> str:
        """The end of a process's log."""
        path = self.folder / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    # --- the service, through REST

    async def call(self, method: str, path: str, **arguments: Any) -> Any:
        """One REST call; RigError with the problem's text unless it is 2xx."""
        answer = await self.api.request(method, path, **arguments)
        if not answer.is_success:
            raise RigError(f"{method} {path}: {answer.status_code} {answer.text[:600]}")
        return answer.json() if answer.content else None

    async def create(
        self, *, app_key: str = APP_KEY, app_secret: str = APP_SECRET, user_key: str = USER_KEY, name: str = "Bench"
    ) -> Pair:
        """An integration over two accounts the sandbox already has; not yet activated."""
        made = await self.call(
            "POST",
            "/integrations",
            json={
                "name": name,
                "omie": {"app_key": app_key, "app_secret": app_secret},
                "ploomes": {"user_key": user_key},
            },
        )
        hooks = made["webhook_urls"]
        return Pair(made["id"], app_key, user_key, hooks["omie"], hooks["ploomes"])

    async def create_inactive(self) -> Pair:
        """An integration with accounts of its own, activated and deactivated again: its webhooks are only stored."""
        app_key, app_secret, user_key = "1000000000002", "sandbox-app-secret-2", "sandbox-user-key-2"
        await self.control("POST", "/omie", json={"app_key": app_key, "app_secret": app_secret})
        await self.control("POST", "/ploomes", json={"user_key": user_key})
        pair = await self.create(app_key=app_key, app_secret=app_secret, user_key=user_key, name="Door")
        await self.activate(pair)
        await self.call("POST", f"/integrations/{pair.id}/deactivate")
        return pair

    async def activate(self, pair: Pair) -> None:
        """Activates with the first load at once, and registers the Omie webhook in the sandbox's portal."""
        await self.call("POST", f"/integrations/{pair.id}/activate", json={"start": "now"})
        await self.control("POST", f"/omie/{pair.app_key}/webhooks", json={"url": pair.omie_hook, "topics": None})

    async def open_events(self, pair: Pair) -> int:
        """Events not settled yet (at most one page of each state is counted)."""
        pages = [
            await self.call("GET", f"/integrations/{pair.id}/events", params={"state": state}) for state in OPEN_STATES
        ]
        return sum(len(page["items"]) for page in pages)

    async def failed_events(self, pair: Pair) -> list[str]:
        """Reasons of the events that failed for good, newest first."""
        page = await self.call("GET", f"/integrations/{pair.id}/events", params={"state": "failed"})
        return [event["reason"] for event in page["items"]]

    # --- the sandbox, through its control surface

    async def control(self, method: str, path: str, **arguments: Any) -> Any:
        """One call of the sandbox's control surface; RigError unless it is 2xx."""
        answer = await self.sandbox.request(method, f"/sandbox{path}", **arguments)
        if not answer.is_success:
            raise RigError(f"sandbox {method} {path}: {answer.status_code} {answer.text[:600]}")
        return answer.json() if answer.content else None

    async def rows(self, path: str) -> list[dict[str, Any]]:
        """Raw records of one vendor account (`/omie/<app key>/clients`, `/ploomes/<user key>/Contacts`)."""
        answer = await self.control("GET", path)
        found = answer if isinstance(answer, list) else answer.get("items", answer.get("value", answer))
        return list(found.values()) if isinstance(found, dict) else list(found)

    async def writes(self, since: int = 0) -> tuple[int, list[dict[str, Any]]]:
        """`(total, writes from the n-th on)` as the tap saw them."""
        answer = (await self.sandbox.get("/tap", params={"since": since})).json()
        return answer["total"], answer["writes"]

    async def requests(self, vendor: str) -> Counter[str]:
        """Calls a pretend vendor was asked since the counters were cleared, by method."""
        counters = await self.control("GET", "/counters")
        found: Counter[str] = Counter()
        for account in counters.get(vendor, {}).values():
            found.update(account["requests"])
        return found

    async def refusals(self) -> dict[str, int]:
        """Calls the pretend vendors refused since the counters were cleared, by `vendor cause`."""
        counters = await self.control("GET", "/counters")
        found: dict[str, int] = {}
        for vendor in ("omie", "ploomes"):
            for account in counters.get(vendor, {}).values():
                for cause, count in account.get("refusals", {}).items():
                    if count:
                        found[f"{vendor} {cause}"] = found.get(f"{vendor} {cause}", 0) + count
        return found

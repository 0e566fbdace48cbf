"""Runs ASGI applications in one event loop, until SIGINT or SIGTERM."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import uvicorn
import uvloop
from starlette.types import ASGIApp

GRACE_SECONDS = 5
"""How long open connections may take to end."""


T = TypeVar("T")


def whole_life(work: Coroutine[Any, Any, T]) -> T:
    """Runs a process's work to its end, on the faster event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


class Server(uvicorn.Server):
    """uvicorn without its own signal handlers: several servers and the worker end together."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's."""
        yield


def server(app: ASGIApp, host: str, port: int, *, trusted: Sequence[str] = ()) -> Server:
    """A server of an application. No access log: webhook addresses carry tokens; the application logs by itself."""
    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            proxy_headers=bool(trusted),
            forwarded_allow_ips=list(trusted) or None,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


async def run(servers: Sequence[Server], *, when_ready: Callable[[], Awaitable[None]] | None = None) -> bool:
    """Serves until a signal, then ends the servers in the reverse order of their start; each is up before the next.

    `when_ready` runs once all are up. Answers False when a server could not start.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tasks: list[asyncio.Task[None]] = []
    guest: asyncio.Task[None] | None = None
    try:
        for each in servers:
            task = asyncio.create_task(_serve(each))
            tasks.append(task)
            if not await _up(each, task, stop):
                return stop.is_set()
        if when_ready is not None:
            guest = asyncio.ensure_future(_own(when_ready))
        ending = [asyncio.create_task(stop.wait()), *tasks, *([guest] if guest is not None else [])]
        while not stop.is_set():
            done, _ = await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
            if guest is None or done != {guest}:
                break
            ending.remove(guest)
            guest.result()
        return True
    finally:
        if guest is not None:
            guest.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await guest
        for each, task in reversed(list(zip(servers, tasks, strict=False))):
            each.should_exit = True
            await task


async def _serve(each: Server) -> None:
    """uvicorn leaves the process when it cannot listen; here that is for the caller to tell."""
    with suppress(SystemExit):
        await each.serve()


async def _own(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def _up(each: Server, task: asyncio.Task[None], stop: asyncio.Event) -> bool:
    while not each.started:
        if task.done() or stop.is_set():
            return False
        await asyncio.sleep(0.02)
    return True


def free_port(wanted: int, host: str = "127.0.0.1") -> int:
    """`wanted` when nobody listens there, else a port the system picks."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((host, port))
                return int(probe.getsockname()[1])
    raise OSError("no free port")

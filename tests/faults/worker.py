"""The doors of the product as processes that die on order, started by forking one process that has everything loaded.

`python -m tests.faults.worker` reads one JSON line per process to start from its standard input
(`{"door": "serve|api|worker", "log": path, "env": {...}}`) and answers with its process id. It ends, and ends what it
started, when its input is closed. A door looks at the file `PONTE_DIE_FILE` at every boundary of the road: when it
says `written:2`, the second passage of `written` is where the process kills itself, with SIGKILL.
"""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from app import worker as worker_door
from app.core.config import Settings, load_settings
from app.core.log import setup_logging
from app.main import create_app
from app.serving import run, server
from app.wiring import Ponte

STORED = "stored"
"""Boundary of the API: notices are committed, nobody was told yet."""


class Doom:
    """Kills this process at an ordered place. The order is a file, so that no restart is needed to give it."""

    def __init__(self, orders: Path) -> None:
        self._orders = orders
        self._order = ""
        self._passed: Counter[str] = Counter()

    async def pass_by(self, boundary: str) -> None:
        """Called at every boundary; returns unless this is the one."""
        try:
            order = self._orders.read_text()
        except FileNotFoundError:
            return
        if order != self._order:
            self._order, self._passed = order, Counter()
        self._passed[boundary] += 1
        wanted, _, passage = order.partition(" ")[0].partition(":")
        if boundary == wanted and self._passed[boundary] >= int(passage or 1):
            with suppress(FileNotFoundError):  # one process dies of one order
                self._orders.unlink()
                os.kill(os.getpid(), signal.SIGKILL)


def build(settings: Settings, doom: Doom) -> Ponte:
    """The product with its tracer set, and with a bell that can be struck before it rings."""
    ponte = Ponte(settings, trace=doom.pass_by)
    ring = ponte.queue.ring

    async def struck(*args: Any, **options: Any) -> None:
        await doom.pass_by(STORED)
        await ring(*args, **options)

    ponte.queue.ring = struck  # type: ignore[method-assign]
    return ponte


async def live(door: str) -> None:
    """The life of one process."""
    settings = load_settings()
    setup_logging(settings.log_format, settings.log_level)
    ponte = build(settings, Doom(Path(os.environ["PONTE_DIE_FILE"])))
    if door == "worker":
        await worker_door.main(ponte)
    else:
        app = create_app(ponte, with_worker=door == "serve")
        await run([server(app, settings.host, settings.port)])


def start(order: dict[str, Any]) -> int:
    """Forks a door; returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with Path(order["log"]).open("ab") as log, Path(os.devnull).open() as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        os.environ.update(order["env"])
        asyncio.run(live(order["door"]))
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)  # never back into the loop of the process that forked


def main() -> None:
    """Starts what it is told to, until its input ends."""
    children: set[int] = set()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    for line in sys.stdin:
        pid = start(json.loads(line))
        children.add(pid)
        print(pid, flush=True)
    for pid in children:
        if Path(f"/proc/{pid}").exists():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()

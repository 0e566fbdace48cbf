"""Door 2, the worker process: works events, hears the bell, runs what is due every so often."""

import asyncio
import signal
from collections.abc import Sequence
from typing import Protocol

from app.core.log import get_logger
from app.core.queue import Cron, Queue, QueueName

_log = get_logger(__name__)


class Dispatcher(Protocol):
    """`app.sync.jobs.Jobs` as seen from here."""

    def ring(self, name: QueueName) -> None:
        """Look at the book now."""
        ...

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop`, then lets running events end."""
        ...


class Workshop(Protocol):
    """The parts of `app.wiring.Ponte` a worker needs."""

    queue: Queue
    jobs: Dispatcher

    def crons(self) -> Sequence[Cron]:
        """What runs every so often."""
        ...

    async def start(self) -> None:
        """Opens the parts."""
        ...

    async def stop(self) -> None:
        """Closes them."""
        ...


async def run(ponte: Workshop, stop: asyncio.Event) -> None:
    """Works until `stop` is set. When one half ends by itself, so does the other: half a worker helps nobody."""
    bell = asyncio.create_task(ponte.queue.serve(ponte.jobs.ring, ponte.crons()))
    jobs = asyncio.create_task(ponte.jobs.run(stop))
    try:
        await asyncio.wait((bell, jobs), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        bell.cancel()
        outcomes = await asyncio.gather(bell, jobs, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def main(ponte: Workshop) -> None:
    """The whole life of a worker process: SIGTERM and SIGINT end it once running events are done (at most 25 s)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await ponte.start()
    _log.info("worker started")
    try:
        await run(ponte, stop)
    finally:
        await ponte.stop()
        _log.info("worker ended")

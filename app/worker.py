"""Door 2, the worker process: works events, hears the bell, runs what is due every so often."""

import asyncio
import signal
from typing import Protocol

from app.core.log import get_logger

_log = get_logger(__name__)


class Workshop(Protocol):
    """The parts of `app.wiring.Ponte` a worker needs."""

    async def work(self, stop: asyncio.Event) -> None:
        """Works events until `stop`, then lets running ones end."""
        ...

    async def close(self) -> None:
        """Gives back every connection."""
        ...


async def main(ponte: Workshop) -> None:
    """The whole life of a worker process: SIGTERM and SIGINT end it once running events are done (at most 25 s)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _log.info("worker started")
    try:
        await ponte.work(stop)
    finally:
        await ponte.close()
        _log.info("worker ended")

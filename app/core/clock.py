"""The one source of time; the seam through which tests run time faster."""

import asyncio
import time
from datetime import UTC, datetime


class Clock:
    """Wall time in UTC, optionally running `scale` times faster than the machine's.

    `scale` other than 1 exists for the proofs (two simulated hours in twelve minutes); every wait in the product
    goes through `sleep`, so budgets and postponements shrink alike. `origin` is the epoch second at which fast and
    real time agree; processes of one proof share it, so that they agree on the time.
    """

    def __init__(self, scale: float = 1.0, origin: float | None = None) -> None:
        self.scale = scale
        now = time.time()
        self._started = time.monotonic()
        self._origin = now if origin is None else origin + (now - origin) * scale

    def time(self) -> float:
        """Seconds since the epoch, never going backwards while the process lives."""
        return self._origin + (time.monotonic() - self._started) * self.scale

    def now(self) -> datetime:
        """The same instant as an aware UTC datetime."""
        return datetime.fromtimestamp(self.time(), UTC)

    async def sleep(self, seconds: float) -> None:
        """Waits `seconds` of this clock's time."""
        await asyncio.sleep(max(0.0, seconds) / self.scale)

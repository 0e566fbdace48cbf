"""The sandbox's own time: it can run faster than the machine's and be pushed forward by a test."""

import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone

#: Both vendors stamp Brasília time; Brazil has had no daylight saving since 2019 (omie-api.md 2.4, row 25 of 6).
BRASILIA = timezone(timedelta(hours=-3))


class SandboxClock:
    """Wall time in UTC running `speed` times faster than the machine's; all windows are measured on it."""

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError("speed must be above zero")
        self.speed = speed
        self._origin = time.time()
        self._started = time.monotonic()
        self._skipped = 0.0
        self._pushed = asyncio.Event()

    def time(self) -> float:
        """Seconds since the epoch on this clock."""
        return self._origin + self._skipped + (time.monotonic() - self._started) * self.speed

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def brasilia(self) -> datetime:
        """The present instant as both vendors show it."""
        return self.now().astimezone(BRASILIA)

    def advance(self, seconds: float) -> None:
        """Pushes the clock forward and wakes whoever sleeps on it."""
        self._skipped += seconds
        self._pushed.set()
        self._pushed = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Waits `seconds` of this clock; zero only yields to other requests."""
        due = self.time() + seconds
        await asyncio.sleep(0)
        while (left := due - self.time()) > 0:
            try:
                await asyncio.wait_for(self._pushed.wait(), timeout=left / self.speed)
            except TimeoutError:
                return

"""Omie's limits, enforced to the second (omie-api.md 1.5; the record limit and the block by its 'Consequences')."""

import math
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from ..kernel import Kernel
from . import faults

PER_MINUTE_IP = 960
PER_MINUTE_METHOD = 240
SIMULTANEOUS = 4
REDUNDANT_S = 60.0
ALTERATIONS_PER_MINUTE = 3
RECORD_CLOSED_S = (60.0, 300.0)
_MINUTE = 60.0


class Window:
    """Timestamps of the last `length` seconds."""

    def __init__(self, length: float) -> None:
        self._length = length
        self._stamps: deque[float] = deque()

    def count(self, now: float) -> int:
        """How many are still inside."""
        while self._stamps and self._stamps[0] <= now - self._length:
            self._stamps.popleft()
        return len(self._stamps)

    def add(self, now: float) -> None:
        """One more."""
        self._stamps.append(now)


class IpLimit:
    """960 requests a minute per source address, over all apps."""

    def __init__(self, kernel: Kernel) -> None:
        self._clock = kernel.clock
        self._quirks = kernel.quirks
        self._windows: dict[str, Window] = defaultdict(lambda: Window(_MINUTE))

    def spend(self, address: str) -> None:
        """Raises Fault (429) when the address asked too often."""
        window, now = self._windows[address], self._clock.time()
        if self._quirks.omie_limits and window.count(now) >= PER_MINUTE_IP:
            raise faults.too_many("ip")
        window.add(now)


class Limits:
    """The limits of one app key."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._quirks = kernel.quirks
        self._rates: dict[str, Window] = defaultdict(lambda: Window(_MINUTE))
        self._in_flight: dict[str, int] = defaultdict(int)
        self._answered: dict[tuple[str, bytes], float] = {}
        self._errors: dict[str, deque[float]] = defaultdict(deque)
        self._blocked_until: dict[str, float] = {}
        self._alterations: dict[int, Window] = defaultdict(lambda: Window(_MINUTE))
        self._closed_until: dict[int, float] = {}

    def _now(self) -> float:
        return self._kernel.clock.time()

    @contextmanager
    def admitted(self, method: str, param: bytes, *, write: bool) -> Iterator[None]:
        """Holds the method's place while the call is in flight; raises the Fault of the limit that refuses it."""
        if not self._quirks.omie_limits:
            yield
            return
        self._refuse_blocked(method)
        now = self._now()
        if self._rates[method].count(now) >= PER_MINUTE_METHOD:
            raise faults.too_many("rate")
        at_once = SIMULTANEOUS if self._quirks.omie_parallel_reads and not write else 1
        if self._in_flight[method] >= at_once:
            raise faults.busy()
        if sum(self._in_flight.values()) >= SIMULTANEOUS:
            raise faults.too_many("concurrency")
        self._refuse_redundant(method, param, now, write=write)
        self._rates[method].add(now)
        self._remember(method, param, now)
        self._in_flight[method] += 1
        try:
            yield
        finally:
            self._in_flight[method] -= 1

    def _remember(self, method: str, param: bytes, now: float) -> None:
        if len(self._answered) > 2000:
            self._answered = {key: at for key, at in self._answered.items() if at > now - REDUNDANT_S}
        self._answered[method, param] = now

    def _refuse_blocked(self, method: str) -> None:
        until = self._blocked_until.get(method, 0.0)
        if until > self._now():
            # Every further request during the block prolongs it (omie-api.md 1.5).
            self._blocked_until[method] = until + self._quirks.omie_block_prolong_s
            raise faults.blocked(math.ceil(self._blocked_until[method] - self._now()))

    def _refuse_redundant(self, method: str, param: bytes, now: float, *, write: bool) -> None:
        if write and not self._quirks.omie_redundant_writes:
            return
        left = self._answered.get((method, param), -REDUNDANT_S) + REDUNDANT_S - now
        if left > 0:
            raise self._redundant(left, "redundant")

    def _redundant(self, left: float, cause: str) -> faults.Fault:
        clock_time = self._kernel.clock.brasilia()
        again = clock_time.timestamp() + left
        shown = type(clock_time).fromtimestamp(math.ceil(again), clock_time.tzinfo).strftime("%H:%M:%S")
        return faults.redundant(math.ceil(left), shown, self._quirks.omie_redundant_wording, cause)

    def error(self, method: str) -> None:
        """Counts an erroring request; the tenth in the window opens the block."""
        if not self._quirks.omie_limits:
            return
        now, errors = self._now(), self._errors[method]
        errors.append(now)
        while errors and errors[0] <= now - self._quirks.omie_error_window_s:
            errors.popleft()
        if len(errors) >= self._quirks.omie_error_limit:
            self.block(method, self._quirks.omie_block_s)

    def success(self, method: str) -> None:
        """Resets the error count where the quirk says that Omie does."""
        if self._quirks.omie_error_reset:
            self._errors[method].clear()

    def block(self, method: str, seconds: float) -> None:
        """Blocks the method for `seconds`."""
        self._errors[method].clear()
        self._blocked_until[method] = self._now() + seconds

    def may_alter(self, record: int) -> None:
        """Raises Fault when the record was altered three times in the last minute, and closes it for a while."""
        if not self._quirks.omie_limits:
            return
        now = self._now()
        if self._closed_until.get(record, 0.0) <= now:
            if self._alterations[record].count(now) < ALTERATIONS_PER_MINUTE:
                return
            self._closed_until[record] = now + self._kernel.random.uniform(*RECORD_CLOSED_S)
        raise self._redundant(self._closed_until[record] - now, "record")

    def altered(self, record: int) -> None:
        """Counts one alteration that took place."""
        self._alterations[record].add(self._now())

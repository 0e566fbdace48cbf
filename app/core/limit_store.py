"""Where the counts of all budgets live: the interface of the shared state, and the in-process implementation.

One `acquire` takes every budget of a call together or says how long to wait. All seconds are the clock's.
`limit_redis.py` is the same thing shared by many processes; both pass one contract suite.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from app.core.clock import Clock

POLL_SECONDS = 0.05
"""How soon to ask again when nobody can say when a slot gets free."""

WANT_SECONDS = 0.25
"""How long a waiting call keeps calls behind it out without asking again."""

PACE_GROWTH = 1.1
PACE_STEP_SECONDS = 3600.0


class Form(StrEnum):
    """How a budget counts."""

    WINDOW = "window"
    """At most `limit` calls in any `window` seconds, counted from the end of each call."""
    FLIGHT = "flight"
    """At most `limit` calls at once."""
    ERRORS = "errors"
    """Closed while `limit` errors lie in the last `window` seconds; calls themselves do not count."""
    GATE = "gate"
    """Closed until an instant: a block, or a budget whose state was lost."""
    PACE = "pace"
    """A window whose limit a 429 taught us; without one it only keeps count."""


@dataclass(frozen=True, slots=True)
class Check:
    """One budget applied to one call."""

    form: Form
    key: str
    limit: int = 1
    window: float = 0.0
    share: float = 1.0
    """The part of `limit` this call's priority may use up."""
    shared: bool = False
    """True when several accounts draw on it: then they take turns."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to `acquire`: granted, or seconds to wait and the position of the check that waits longest."""

    granted: bool
    wait: float = 0.0
    check: int = 0
    lost: bool = False
    """The state is new or was wiped: `restore` it before anything may be granted."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the call's own id, its account and priority, and how long it would wait for its turn."""

    id: str
    account: str
    priority: int
    patience: float
    lease: float
    """Seconds after which an unreleased grant counts as ended: its process died."""


@dataclass(slots=True)
class Snapshot:
    """What the database remembers, as ages and remaining seconds so that no two clocks need to agree."""

    gates: dict[str, float] = field(default_factory=dict)
    """Key -> seconds it stays closed."""
    logs: dict[str, list[float]] = field(default_factory=dict)
    """Key -> ages of its entries in seconds."""
    paces: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Key -> (calls in the minute that failed, age of that failure in seconds)."""


class LimitStore(Protocol):
    """The shared state. Every method may raise `Unavailable`."""

    private: bool
    """True when the state belongs to this process alone and is lost with it."""

    async def acquire(self, checks: Sequence[Check], asker: Asker) -> Outcome:
        """Takes all checks together or none."""
        ...

    async def release(self, checks: Sequence[Check], call_id: str, *, reached: bool) -> None:
        """Ends a call. When it never reached the vendor (`reached` False) its windows forget it."""
        ...

    async def close_gate(self, key: str, seconds: float) -> None:
        """Closes a gate for `seconds`; never shortens what is closed already."""
        ...

    async def log(self, key: str, member: str, window: float) -> None:
        """Adds an entry to an error log."""
        ...

    async def slow_down(self, key: str, window: float) -> float:
        """A 429 came: remembers the number of calls in the last `window` seconds as failed, and returns it."""
        ...

    async def note(self, key: str, seconds: float) -> float:
        """Seconds since this key was first noted (0 the first time); forgotten `seconds` after that."""
        ...

    async def forget(self, key: str) -> None:
        """Removes a note."""
        ...

    async def restore(self, snapshot: Snapshot) -> None:
        """Fills the state from what the database remembers and marks it as alive."""
        ...

    async def close(self) -> None:
        """Gives connections back."""
        ...


def pace_limit(start: int, failed: float, age: float) -> int:
    """Calls per window `age` seconds after the 429 that came at `failed` calls (design section 6, Ploomes)."""
    climbed = start * PACE_GROWTH ** math.floor(max(0.0, age) / PACE_STEP_SECONDS)
    return math.floor(min(climbed, max(float(start), failed - 1)))


class MemoryLimitStore:
    """The state of one process; lost with it, as a wiped Redis would be."""

    private = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._alive = False
        self._logs: dict[str, dict[str, float]] = {}
        self._gates: dict[str, float] = {}
        self._paces: dict[str, tuple[float, float]] = {}
        self._wants: dict[str, dict[tuple[int, str], float]] = {}
        self._served: dict[str, dict[str, float]] = {}
        self._notes: dict[str, tuple[float, float]] = {}
        self._tidy_at = 0.0

    async def acquire(self, checks: Sequence[Check], asker: Asker) -> Outcome:
        """See `LimitStore`."""
        if not self._alive:
            return Outcome(False, lost=True)
        now = self._clock.time()
        self._tidy(now)
        waits = [self._wait(check, asker, now) for check in checks]
        longest = max(waits, default=0.0)
        blocking = [check for check, wait in zip(checks, waits, strict=True) if wait > 0]
        if blocking:
            if longest <= asker.patience:
                for check in blocking:
                    self._wants.setdefault(check.key, {})[asker.priority, asker.account] = now + WANT_SECONDS
            return Outcome(False, longest, waits.index(longest))
        for check in checks:
            self._take(check, asker, now)
        return Outcome(True)

    async def release(self, checks: Sequence[Check], call_id: str, *, reached: bool) -> None:
        """See `LimitStore`."""
        for check in checks:
            log = self._logs.get(check.key, {})
            if call_id in log:
                if check.form is Form.FLIGHT or not reached:
                    del log[call_id]
                else:
                    log[call_id] = self._clock.time()

    async def close_gate(self, key: str, seconds: float) -> None:
        """See `LimitStore`."""
        self._gates[key] = max(self._gates.get(key, 0.0), self._clock.time() + seconds)

    async def log(self, key: str, member: str, window: float) -> None:
        """See `LimitStore`."""
        self._logs.setdefault(key, {})[member] = self._clock.time()

    async def slow_down(self, key: str, window: float) -> float:
        """See `LimitStore`."""
        now = self._clock.time()
        failed = float(len(self._entries(key, now - window)))
        self._paces[key] = (failed, now)
        return failed

    async def note(self, key: str, seconds: float) -> float:
        """See `LimitStore`."""
        now = self._clock.time()
        first, until = self._notes.get(key, (now, 0.0))
        if until <= now:
            first = now
            self._notes[key] = (now, now + seconds)
        return now - first

    async def forget(self, key: str) -> None:
        """See `LimitStore`."""
        self._notes.pop(key, None)

    async def restore(self, snapshot: Snapshot) -> None:
        """See `LimitStore`."""
        now = self._clock.time()
        for key, seconds in snapshot.gates.items():
            await self.close_gate(key, seconds)
        for key, ages in snapshot.logs.items():
            log = self._logs.setdefault(key, {})
            log.update({f"restored-{place}": now - age for place, age in enumerate(ages)})
        for key, (failed, age) in snapshot.paces.items():
            self._paces[key] = (failed, now - age)
        self._alive = True

    async def close(self) -> None:
        """See `LimitStore`."""

    def _wait(self, check: Check, asker: Asker, now: float) -> float:
        if check.form is Form.GATE:
            return max(0.0, self._gates.get(check.key, 0.0) - now)
        limit = check.limit
        if check.form is Form.PACE:
            taught = self._paces.get(check.key)
            if taught is None:
                return 0.0
            limit = pace_limit(check.limit, taught[0], now - taught[1])
        allowed = max(1, math.floor(limit * check.share))
        entries = self._entries(check.key, now - check.window)
        if len(entries) >= allowed:
            if check.form is Form.FLIGHT:
                return POLL_SECONDS
            leaving = sorted(entries.values())[len(entries) - allowed]
            return max(0.001, min(leaving, now) + check.window - now)
        behind = check.form is not Form.ERRORS and self._is_behind(check, asker, now)
        return POLL_SECONDS if behind else 0.0

    def _is_behind(self, check: Check, asker: Asker, now: float) -> bool:
        served = self._served.get(check.key, {})
        for (priority, account), until in self._wants.get(check.key, {}).items():
            if until <= now or (priority, account) == (asker.priority, asker.account):
                continue
            if priority < asker.priority:
                return True
            waits_longer = served.get(account, 0.0) < served.get(asker.account, 0.0)
            if check.shared and priority == asker.priority and waits_longer:
                return True
        return False

    def _take(self, check: Check, asker: Asker, now: float) -> None:
        if check.form in (Form.GATE, Form.ERRORS):
            return
        self._logs.setdefault(check.key, {})[asker.id] = now + asker.lease
        self._wants.get(check.key, {}).pop((asker.priority, asker.account), None)
        if check.shared:
            self._served.setdefault(check.key, {})[asker.account] = now

    def _entries(self, key: str, since: float) -> dict[str, float]:
        log = self._logs.get(key)
        if not log:
            return {}
        if any(at <= since for at in log.values()):
            log = self._logs[key] = {member: at for member, at in log.items() if at > since}
        return log

    def _tidy(self, now: float) -> None:
        """Drops what no budget can look at any more, once a minute."""
        if now < self._tidy_at:
            return
        self._tidy_at = now + 60.0
        self._logs = {key: log for key, log in self._logs.items() if max(log.values(), default=0.0) > now - 1800.0}
        self._gates = {key: until for key, until in self._gates.items() if until > now}
        self._notes = {key: note for key, note in self._notes.items() if note[1] > now}
        self._wants = {key: wants for key, wants in self._wants.items() if any(at > now for at in wants.values())}

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

FLIGHT_SECONDS = 0.5
"""About how long a call takes: by this much the places in a line for a flight slot are apart."""

PACE_GROWTH = 1.1
PACE_STEP_SECONDS = 3600.0
PACE_STEPS = 100
"""So many steps reach any ceiling; the power of a year of them is no number any more."""
PACE_FLOOR = 20
"""Calls a minute that no 429 takes away: another app's burst must not stop us."""
PACE_BACK_OFF = 0.8
PACE_MEMORY_SECONDS = 24 * 3600.0
"""How long a rate below the starting pace counts as the last that failed: whoever took the rest may have gone."""


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
    """A window whose limit a 429 taught us. Until then it feels its way: past `limit` calls go one at a time, so that
    the 429 that teaches is the only one."""


LINED = (Form.WINDOW, Form.FLIGHT, Form.PACE)
"""Forms whose places get free one after the other."""


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
    """Until something may get free."""
    check: int = 0
    turn: float = 0.0
    """Until it is this call's turn, behind all that were sent away before: when to come back."""
    lost: bool = False
    """The state is new or was wiped: `restore` it before anything may be granted."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the call's own id, its account and priority, and how long it will wait inside for its turn.

    Whoever would have to wait longer gets a place in the line of what blocks it: those who come back then find a free
    place one after the other, instead of all at the first one.
    """

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

    async def release(self, checks: Sequence[Check], call_id: str, *, reached: bool, abandoned: bool = False) -> None:
        """Ends a call. When it never reached the vendor (`reached` False) its windows forget it. When we gave up
        waiting (`abandoned`) the vendor may still be at work: it stays in flight until its lease ends."""
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

    async def taught(self, key: str) -> tuple[float, float] | None:
        """What a 429 taught of a pace: calls in the window that failed, and the seconds since; None while none did."""
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
    """Calls per window `age` seconds after the 429 that came at `failed` calls (design section 6, Ploomes).

    From `start` on, 10 % more per clean hour, under the rate that failed. An account that fails below `start` has
    another app beside us: it begins under what failed, and after a clean day climbs to `start` again.
    """
    hours = min(PACE_STEPS, math.floor(max(0.0, age) / PACE_STEP_SECONDS))
    ceiling = max(float(PACE_FLOOR), failed - 1)
    if failed > start:
        return math.floor(min(start * PACE_GROWTH**hours, ceiling))
    begin = max(float(PACE_FLOOR), failed * PACE_BACK_OFF)
    return math.floor(min(begin * PACE_GROWTH**hours, ceiling if age < PACE_MEMORY_SECONDS else start))


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
        self._lines: dict[str, dict[str, tuple[int, str, float]]] = {}
        """Key -> calls sent away: id -> priority, account, when they are to come back."""
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
        longest = max((wait for wait, _ in waits), default=0.0)
        blocking = [check for check, (wait, _) in zip(checks, waits, strict=True) if wait > 0]
        if not blocking:
            for check in checks:
                self._take(check, asker, now)
            return Outcome(True)
        turn = max(turn for _, turn in waits)
        for check in blocking:
            if longest <= asker.patience:
                self._wants.setdefault(check.key, {})[asker.priority, asker.account] = now + WANT_SECONDS
            elif check.form in LINED:
                self._lines.setdefault(check.key, {})[asker.id] = (asker.priority, asker.account, now + turn)
        position = next(place for place, (wait, _) in enumerate(waits) if wait == longest)
        return Outcome(False, longest, position, turn)

    async def release(self, checks: Sequence[Check], call_id: str, *, reached: bool, abandoned: bool = False) -> None:
        """See `LimitStore`."""
        for check in checks:
            log = self._logs.get(check.key, {})
            if call_id not in log:
                continue
            if not reached or (check.form is Form.FLIGHT and not abandoned):
                del log[call_id]
            elif check.form is not Form.FLIGHT:
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

    async def taught(self, key: str) -> tuple[float, float] | None:
        """See `LimitStore`."""
        found = self._paces.get(key)
        return None if found is None else (found[0], self._clock.time() - found[1])

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

    def _wait(self, check: Check, asker: Asker, now: float) -> tuple[float, float]:
        """Seconds until a place may get free, and until one is this call's."""
        if check.form is Form.GATE:
            closed = max(0.0, self._gates.get(check.key, 0.0) - now)
            return closed, closed
        entries = self._entries(check.key, now - check.window)
        limit = check.limit
        if check.form is Form.PACE:
            taught = self._paces.get(check.key)
            if taught is None:
                feeling = len(entries) >= limit and any(at > now for at in entries.values())
                return (POLL_SECONDS, POLL_SECONDS) if feeling else (0.0, 0.0)
            limit = pace_limit(check.limit, taught[0], now - taught[1])
        allowed = max(1, math.floor(limit * check.share))
        if len(entries) >= allowed:
            ahead = self._ahead(check, asker, now) if check.form in LINED else 0
            if check.form is Form.FLIGHT:
                return POLL_SECONDS, FLIGHT_SECONDS * (ahead + 1)
            leaving, first = sorted(entries.values()), len(entries) - allowed
            wait, turn = (
                max(0.001, min(leaving[place], now) + check.window - now)
                for place in (first, min(first + ahead, len(leaving) - 1))
            )
            return wait, turn
        behind = check.form is not Form.ERRORS and self._is_behind(check, asker, now)
        return (POLL_SECONDS, POLL_SECONDS) if behind else (0.0, 0.0)

    def _ahead(self, check: Check, asker: Asker, now: float) -> int:
        """How many of those sent away come first; where accounts share, each counts only up to our own number."""
        line = self._lines.get(check.key)
        if not line:
            return 0
        waiting: dict[str, int] = {}
        for priority, account, until in line.values():
            if until > now and priority <= asker.priority:
                waiting[account] = waiting.get(account, 0) + 1
        mine = waiting.get(asker.account, 0)
        return sum(min(count, mine) if check.shared else count for count in waiting.values())

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
        self._lines = {
            key: left
            for key, line in self._lines.items()
            if (left := {one: place for one, place in line.items() if place[2] > now})
        }
        self._wants = {key: wants for key, wants in self._wants.items() if any(at > now for at in wants.values())}

"""How long calls will take at the limits: the limiter's own rows, read ahead of time. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.core.limit_rules import Budget, Call, Rules, scope_of
from app.core.limit_store import Form
from app.core.ports import Priority

ANSWER_SECONDS = 0.3
"""How long a vendor takes to answer, where nothing was measured yet."""
ROUNDS = 5
"""Longer work meets more traffic, which makes it longer; after so many rounds the figure hardly moves, and traffic
that would fill a budget by itself does not make it endless."""


@dataclass(frozen=True, slots=True)
class Load:
    """Calls of one kind that are to be made, as many at a time as the limits allow."""

    call: Call
    count: int
    answer: float = ANSWER_SECONDS
    """Seconds until one is answered."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Calls of one kind that others make meanwhile."""

    call: Call
    per_second: float
    answer: float = ANSWER_SECONDS
    """Seconds until one is answered."""


@dataclass(slots=True)
class _Scope:
    """Everything that shares one scope: the calls, and what their priority may use of the budgets they share there."""

    windows: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Length and calls, by budget."""
    at_once: int | None = None
    untaught: Budget | None = None
    """A pace that no refusal has taught yet."""
    then: int = 0
    """Calls in a window of that pace once it is taught."""
    count: int = 0
    busy: float = 0.0
    """Seconds that all answers take together."""

    @property
    def answer(self) -> float:
        """Seconds until a call is answered, on average."""
        return self.busy / self.count

    def draw(self, budget: Budget, priority: Priority, taught: int | None) -> None:
        """One of its budgets."""
        if budget.form is Form.FLIGHT:
            self.at_once = budget.share(priority)
        elif budget.form is Form.PACE and taught is None:
            self.untaught, self.then = budget, budget.share(priority)
        else:
            self.windows[budget.name] = (budget.window, budget.share(priority, taught))


def seconds(
    rules: Rules, loads: Sequence[Load], paces: Mapping[str, int | None], traffic: Sequence[Traffic] = ()
) -> float:
    """How long calls take, beside traffic that goes on all the while: what it uses up of a budget, they wait for.

    `paces`: key of a pace -> calls in its window that a 429 taught, None while none did.
    """
    taken = _alone(rules, loads, paces)
    for _ in range(ROUNDS if loads else 0):
        beside = [Load(each.call, round(each.per_second * taken), each.answer) for each in traffic]
        taken = _alone(rules, [*loads, *beside], paces)
    return taken


def _alone(rules: Rules, loads: Iterable[Load], paces: Mapping[str, int | None]) -> float:
    """The time of the scope that takes longest: all others are through meanwhile."""
    scopes: dict[str, _Scope] = {}
    for load in loads:
        mine: dict[str, _Scope] = {}
        for budget in rules.budgets:
            name = scope_of(budget.scope, load.call)
            if name is None or load.count <= 0 or budget.form in (Form.GATE, Form.ERRORS):
                continue
            mine[name] = scopes.setdefault(name, _Scope())
            mine[name].draw(budget, load.call.priority, paces.get(budget.key(name)))
        for scope in mine.values():
            scope.count, scope.busy = scope.count + load.count, scope.busy + load.count * load.answer
    pause = max((each.seconds + each.margin for each in rules.penalties if each.slows), default=0.0)
    return max((_taken(scope, pause) for scope in scopes.values()), default=0.0)


def _taken(scope: _Scope, pause: float) -> float:
    """An untaught account goes one call at a time past the start of its pace; where the vendor documents a limit, the
    call after it is taken to teach the pace, and the pause that follows is part of the way."""
    windows = sorted(scope.windows.values(), reverse=True)
    pace = scope.untaught
    free = scope.count if pace is None else min(scope.count, pace.limit)
    felt = scope.count - free if pace is None or not pace.documented else min(scope.count, pace.documented) - free
    one_by_one = max([scope.answer, *((window + scope.answer) / most for window, most in windows)])
    taken = _spread(free, windows, scope) + felt * one_by_one
    left = scope.count - free - felt
    if left and pace is not None:
        taken += pause + _spread(left, sorted([*windows, (pace.window, scope.then)], reverse=True), scope)
    return taken


def _spread(count: int, windows: Sequence[tuple[float, int]], scope: _Scope) -> float:
    """Calls under windows, longest first: each is filled as fast as the shorter ones allow, and opens again a whole
    length after the first of its calls was answered."""
    if count <= 0:
        return 0.0
    if not windows:
        return math.ceil(count / scope.at_once) * scope.answer if scope.at_once else scope.answer
    (window, most), *inner = windows
    full, rest = divmod(count - 1, most)
    return full * max(window + scope.answer, _spread(most, inner, scope)) + _spread(rest + 1, inner, scope)

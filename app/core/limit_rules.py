"""The row types of a vendor's `budgets.py`: what a call is, what it draws on, what a refusal closes. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from app.core.errors import Fault
from app.core.limit_store import Check, Form
from app.core.ports import Priority

SHARES: Mapping[Priority, float] = MappingProxyType({Priority.LIVE: 1.0, Priority.PERSON: 0.9, Priority.BULK: 0.75})
"""How much of a graded budget each priority may use up: a resync always leaves room for a live change."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the limiter sees it."""

    vendor: str
    account: str
    method: str
    priority: Priority = Priority.LIVE
    write: bool = False
    param: str | None = None
    """Hash of what is asked, where the vendor refuses repetition."""
    record: str | None = None
    """The record this call alters."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A row of a vendor's `budgets.py`. `scope` names what shares it; a call without a part it names does not draw."""

    name: str
    form: Form
    scope: str
    reason: str
    """Portuguese: why a call is sent away."""
    limit: int = 1
    window: float = 0.0
    graded: bool = False
    """True when lower priorities may only use their share."""
    live_reserve: int = 0
    """How much of an error budget only live calls may use."""
    shared: bool = False
    documented: int = 0
    """Of a pace: the calls in a window after which the vendor says that it refuses; forecasts reckon with them."""

    def check(self, call: Call) -> Check | None:
        """This budget for one call, or None when the call does not draw on it."""
        scope = scope_of(self.scope, call)
        if scope is None:
            return None
        reserve = 0 if call.priority is Priority.LIVE else self.live_reserve
        share = SHARES[call.priority] if self.graded else 1.0
        return Check(self.form, self.key(scope), self.limit - reserve, self.window, share, self.shared)

    def share(self, priority: Priority, taught: int | None = None) -> int:
        """How many of a window's calls a priority may use; `taught`: the limit that a refusal taught instead."""
        limit = self.limit if taught is None else taught
        return max(1, math.floor(limit * (SHARES[priority] if self.graded else 1.0)))

    def key(self, scope: str) -> str:
        """Where the state of this budget lives for a scope."""
        return f"window:{self.name}:{scope}" if self.form is Form.WINDOW else f"{self.form}:{scope}"


@dataclass(frozen=True, slots=True)
class Penalty:
    """A row of a vendor's `budgets.py`: what stays closed after a fault, `seconds` long if the vendor names no time."""

    fault: Fault
    scope: str
    seconds: float
    margin: float = 1.0
    """Added to the time the vendor names."""
    stored: bool = False
    """True when it must survive a restart."""
    slows: bool = False
    """True when the fault teaches the pace of the scope."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything the limiter knows about one vendor."""

    vendor: str
    budgets: Sequence[Budget]
    penalties: Sequence[Penalty] = ()


def scope_of(template: str, call: Call) -> str | None:
    """A scope template filled in, or None when the call lacks a part it names."""
    if ("{record}" in template and call.record is None) or ("{param}" in template and call.param is None):
        return None
    return template.format(account=call.account, method=call.method, record=call.record, param=call.param)

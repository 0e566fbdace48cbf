"""One Ploomes account: its sets, who may call it, and how its rows are read (ploomes-api.md 1 and 3)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from ..clock import BRASILIA
from ..kernel import Kernel
from ..wire import Row
from . import values
from .query import Options
from .register import Register
from .schema import SETS, EntitySet, Nav

_DATES = {s.name: [prop.name for prop in s.props.values() if prop.kind == "date"] for s in SETS.values()}
#: Sets whose deleted rows are remembered.
_REMEMBERED = ("Deals", "Contacts", "Products", "Orders")


@dataclass
class Account:
    """The state behind a customer. `sets`: set name -> key -> record, with child rows inside the record."""

    kernel: Kernel
    id: int
    user_key: str = field(repr=False)
    sets: dict[str, Register] = field(default_factory=lambda: {name: Register() for name in SETS})
    deleted: dict[str, Register] = field(default_factory=lambda: {name: Register() for name in _REMEMBERED})
    failures: dict[int, int] = field(default_factory=dict)
    _windows: dict[str, tuple[float, int]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.kernel.counters.open("ploomes", self.user_key)

    def user_by_key(self, user_key: str) -> Row | None:
        """The user a key belongs to."""
        return next((user for user in self.sets["Users"].values() if user["UserKey"] == user_key), None)

    def retry_after(self, user_key: str) -> float | None:
        """Counts a request in the fixed window; seconds to wait when it is full."""
        now, quirks = self.kernel.clock.time(), self.kernel.quirks
        shared = "" if quirks.ploomes_rate_scope == "account" else user_key
        length = float(quirks.ploomes_rate_window_s)
        start, count = self._windows.get(shared, (now, 0))
        if now - start >= length:
            start, count = now, 0
        if count >= quirks.ploomes_rate_per_minute:
            return start + length - now
        self._windows[shared] = (start, count + 1)
        return None

    @property
    def administrator(self) -> int:
        """The user whom the account belongs to."""
        return int(next(user["Id"] for user in self.sets["Users"].values() if user["AccountOwner"]))

    def now(self) -> datetime:
        """The present in UTC, to the millisecond."""
        now = self.kernel.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    # Reading

    def rows(self, entity_set: EntitySet, user_id: int, after: int | None = None) -> list[Row]:
        """The rows of an addressable set by Id, all or those past an Id; Self is the caller's own user."""
        if entity_set.name == "Self":
            return [{**self.sets["Users"][user_id], "AccountId": self.id}]
        if entity_set.within is not None:
            owners, _, name = entity_set.within
            rows = [child for owner in self.sets[owners].values() for child in owner[name]]
            return sorted((row for row in rows if after is None or row["Id"] > after), key=lambda row: row["Id"])
        register = self.sets[entity_set.name]
        rows = register.ordered() if after is None else register.after(after)
        delay = self.kernel.quirks.ploomes_visible_after_s
        if delay and "CreateDate" in entity_set.props:
            newest = self.kernel.clock.time() - delay
            rows = [row for row in rows if row["CreateDate"].timestamp() <= newest]
        return rows

    def one(self, row: Row, nav: Nav) -> Row | None:
        """The record a to-one navigation leads to."""
        return self.sets[nav.target].get(row.get(nav.key))

    def many(self, row: Row, nav: Nav) -> list[Row]:
        """The rows of a collection: kept inside the record, or pointing back at it."""
        if nav.how == "[":
            inside: list[Row] = row.get(nav.name, [])
            return [values.enriched(self, child) for child in inside] if nav.name == "OtherProperties" else inside
        others: Iterable[Row] = self.sets[nav.target].values()
        if nav.how == "~" and (place := SETS[nav.target].within) is not None:
            others = self.sets[place[0]].get(row[place[1]], {}).get(place[2], [])
        return [other for other in others if other.get(nav.key) == row.get("Id")]

    def shown(self, row: Row, options: Options, user_id: int) -> Row:
        """A record as GET answers it: nulls explicit, Brasília offset, navigation only where expanded."""
        entity_set = options.entity_set
        names: Iterable[str] = options.select if options.select is not None else entity_set.props
        answer = {name: row.get(name) for name in names if name in entity_set.props}
        for name in _DATES[entity_set.name]:
            if answer.get(name) is not None:
                answer[name] = show(answer[name])
        if "UserKey" in answer and row["Id"] != user_id:
            answer["UserKey"] = None
        answer.pop("Password", None)
        for name, inner in options.expand.items():
            answer[name] = self._expanded(row, entity_set.navs[name], inner, user_id)
        return answer

    def _expanded(self, row: Row, nav: Nav, options: Options, user_id: int) -> Row | list[Row] | None:
        if nav.how == ">":
            relative = self.one(row, nav)
            return None if relative is None else self.shown(relative, options, user_id)
        rows = options.arrange(self.many(row, nav))[options.skip :]
        return [self.shown(child, options, user_id) for child in rows[: options.top]]


def show(value: Any) -> Any:
    """Dates as in answers: `2022-12-15T14:59:45.13-03:00`, trailing zeros of the fraction trimmed."""
    if isinstance(value, datetime):
        return f"{bare(value)}-03:00"
    return value


def bare(moment: datetime) -> str:
    """Dates as in webhooks: Brasília time without an offset."""
    local = moment.astimezone(BRASILIA)
    fraction = f"{local.microsecond // 1000:03d}".rstrip("0")
    return f"{local:%Y-%m-%dT%H:%M:%S}" + (f".{fraction}" if fraction else "")


def moment(text: str, zone: tzinfo = BRASILIA) -> datetime:
    """A date as it may be written: with offset, without (then in `zone`), or a bare day; raises ValueError."""
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).astimezone(UTC)

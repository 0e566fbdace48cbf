"""The off-hours window: when heavy work may write (contract section 5, `window`). Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Spelling of the configuration document, in the order of `date.weekday()`."""

_HORIZON_DAYS = 370


@dataclass(frozen=True, slots=True)
class Window:
    """Hours in which bulk writes may run. A span that ends before it starts runs into the next morning.

    `days` are the days on which a span starts; `all_day` days (and Brazilian national holidays) are open throughout.
    """

    days: frozenset[str]
    start: time
    end: time
    all_day: frozenset[str]
    holidays: bool
    zone: ZoneInfo

    def is_open(self, at: datetime) -> bool:
        """True when `at` (aware) lies inside the window."""
        return any(begin <= at < end for begin, end in self._spans(at, days=1))

    def next_opening(self, at: datetime) -> datetime | None:
        """`at` itself while open, else the next opening in UTC; None when the window never opens."""
        for begin, end in self._spans(at, days=_HORIZON_DAYS):
            if end > at:
                return max(begin, at).astimezone(UTC)
        return None

    def closes_at(self, at: datetime) -> datetime | None:
        """When the window that is open at `at` closes, touching spans taken as one; None while it is closed."""
        closing: datetime | None = None
        for begin, end in self._spans(at, days=_HORIZON_DAYS):
            if closing is None:
                closing = end if begin <= at < end else None
            elif begin <= closing:
                closing = max(closing, end)
            else:
                break
        return closing.astimezone(UTC) if closing else None

    def _spans(self, at: datetime, *, days: int) -> Iterator[tuple[datetime, datetime]]:
        """Open spans in the order of their start, from the day before `at` on."""
        first = at.astimezone(self.zone).date() - timedelta(days=1)
        for offset in range(days + 2):
            yield from sorted(self._spans_of(first + timedelta(days=offset)))

    def _spans_of(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        name = WEEKDAYS[day.weekday()]
        tomorrow = day + timedelta(days=1)
        if name in self.all_day or (self.holidays and day in _national_holidays(day.year)):
            yield self._at(day, time()), self._at(tomorrow, time())
        if name in self.days:
            yield self._at(day, self.start), self._at(day if self.end > self.start else tomorrow, self.end)

    def _at(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)


CLOSING = timedelta(seconds=90)
"""A window about to close is closed for what would still be under way then: the slowest road of one record, both sides
read and both written."""
NEVER = 253402300799.0
"""When something is due whose window never opens (the last second of the year 9999)."""


def opening_of(window: Window, at: datetime) -> float | None:
    """When bulk work that must not start now may start, epoch seconds; None while the window is open for it."""
    closing = window.closes_at(at)
    if closing is not None and closing - at > CLOSING:
        return None
    opening = window.next_opening(at + CLOSING)
    return NEVER if opening is None else opening.timestamp()


@lru_cache(maxsize=8)
def _national_holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("BR", years=year))

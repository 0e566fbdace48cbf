"""The flight plan of a resync: what it will do, the requests it takes, and when it ends. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from app.sync.config.window import CLOSING, Window

ACTIONS = (
    "create_in_omie",
    "create_in_ploomes",
    "update_in_omie",
    "update_in_ploomes",
    "delete_in_omie",
    "delete_in_ploomes",
    "link",
    "conflict",
    "unchanged",
)
"""Words of a plan (contract section 4)."""

Requests = dict[str, dict[str, int]]
"""By vendor and method."""


def counted(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts of one entity, every word of a plan present."""
    return {**dict.fromkeys(ACTIONS, 0), **counts}


def starts_at(window: Window | None, now: datetime) -> datetime:
    """When work begins; now where a window never opens."""
    return (window.next_opening(now) if window is not None else None) or now


def ends_at(window: Window | None, start: datetime, work: float) -> datetime | None:
    """When `work` seconds are done from `start` on, working only inside the window; None when it never opens."""
    if window is None:
        return start + timedelta(seconds=work)
    moment, left = start, work
    for _ in range(1000):
        opening = window.next_opening(moment)
        if opening is None:
            return None
        closing = window.closes_at(opening)
        if closing is None or opening + timedelta(seconds=left) <= closing - CLOSING:
            return opening + timedelta(seconds=left)
        left -= max(0.0, (closing - CLOSING - opening).total_seconds())
        moment = closing
    return None


def worked(window: Window | None, start: datetime, until: datetime) -> float:
    """Seconds between two instants that lie inside the window."""
    if window is None:
        return max(0.0, (until - start).total_seconds())
    moment, seconds = start, 0.0
    while moment < until:
        opening = window.next_opening(moment)
        closing = None if opening is None else window.closes_at(opening)
        if opening is None or opening >= until:
            return seconds
        moment = until if closing is None else min(closing, until)
        seconds += (moment - opening).total_seconds()
    return seconds


def merged(*totals: Mapping[str, Mapping[str, int]]) -> Requests:
    """Requests of several sources as one."""
    result: Requests = {}
    for total in totals:
        for vendor, methods in total.items():
            mine = result.setdefault(vendor, {})
            for method, count in methods.items():
                mine[method] = mine.get(method, 0) + count
    return result


def too_many_deletes(deletes: int, linked: int, percent: float, most: int) -> bool:
    """The tripwire: more than `most`, or from five records up more than `percent` of the linked ones."""
    return deletes > most or (deletes >= 5 and deletes * 100 > percent * max(linked, 1))

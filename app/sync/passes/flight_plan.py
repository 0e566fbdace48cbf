"""The flight plan of a resync: what it will do, the requests it takes, and when it ends. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from app.core.ports import JsonObject, Price
from app.sync.config.window import Window

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

ANSWER_SECONDS: Mapping[str, float] = {"omie": 0.35, "ploomes": 0.25}
"""How long a vendor takes to answer, where nothing was measured yet."""


def counted(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts of one entity, every word of a plan present."""
    return {**dict.fromkeys(ACTIONS, 0), **counts}


def seconds(calls: Iterable[tuple[Price, int]]) -> float:
    """The time calls take at the limits when the pools work beside each other: the slowest pool's."""
    pools: dict[str, tuple[Price, int]] = {}
    for price, count in calls:
        pools[price.pool] = (price, pools.get(price.pool, (price, 0))[1] + count)
    return max((pool_seconds(price, count) for price, count in pools.values()), default=0.0)


def pool_seconds(price: Price, count: int) -> float:
    """The time of one pool: whole windows that its calls fill, and the answers of the last one.

    Omie takes one call of a method at a time, Ploomes several.
    """
    if count <= 0:
        return 0.0
    vendor = price.pool.partition(":")[0]
    full, rest = divmod(count - 1, price.limit)
    answers = ANSWER_SECONDS[vendor] * (rest + 1 if vendor == "omie" else 1)
    return full * price.window + min(answers, max(price.window, ANSWER_SECONDS[vendor]))


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
        if closing is None or opening + timedelta(seconds=left) <= closing:
            return opening + timedelta(seconds=left)
        left -= (closing - opening).total_seconds()
        moment = closing
    return None


def merged(*totals: Mapping[str, Mapping[str, int]]) -> Requests:
    """Requests of several sources as one."""
    result: Requests = {}
    for total in totals:
        for vendor, methods in total.items():
            mine = result.setdefault(vendor, {})
            for method, count in methods.items():
                mine[method] = mine.get(method, 0) + count
    return result


def deletes_of(plan: JsonObject, entity: str) -> int:
    """Deletions a plan holds for an entity, on both sides."""
    counts = plan.get("entities", {}).get(entity, {})
    return int(counts.get("delete_in_omie", 0)) + int(counts.get("delete_in_ploomes", 0))


def too_many_deletes(deletes: int, linked: int, percent: float, most: int) -> bool:
    """The tripwire: more than `most`, or from five records up more than `percent` of the linked ones."""
    return deletes > most or (deletes >= 5 and deletes * 100 > percent * max(linked, 1))

"""How fast a pass goes, and when it will be through: only the time in which it was at work counts."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.core.ports import JsonObject
from app.sync.config.window import Window
from app.sync.passes.flight_plan import worked
from app.sync.passes.pace import paced, rested, stopped

pytestmark = pytest.mark.feature("F264")

NIGHT = Window(frozenset(("mon", "tue")), time(20), time(6), frozenset(), holidays=False, zone=ZoneInfo("UTC"))


def at_work(progress: JsonObject, phase: str, done: int, total: int, since: float, until: float) -> JsonObject:
    """The progress after a phase went on evenly, stored every ten seconds."""
    began = progress.get("done", 0) if progress.get("phase") == phase else 0
    moments = int((until - since) / 10)
    for moment in range(moments + 1):
        now = since + moment * 10
        progress = paced(progress, phase, round(began + (done - began) * moment / moments), total, now)
    return progress


def test_a_rest_is_no_part_of_the_rate_nor_of_the_time_left() -> None:
    progress = at_work({}, "writing", 480, 960, since=0, until=8 * 3600)
    assert (progress["rate"], progress["seconds_left"]) == (pytest.approx(1 / 60, abs=0.001), 8 * 3600)
    fourteen_hours_later = 22 * 3600
    assert rested(progress, fourteen_hours_later)
    progress = at_work(progress, "writing", 720, 960, since=fourteen_hours_later, until=26 * 3600)
    assert progress["seconds"] == pytest.approx(12 * 3600, rel=0.01)
    assert progress["seconds_left"] == pytest.approx(4 * 3600, rel=0.01)


def test_each_phase_has_a_rate_of_its_own() -> None:
    progress = at_work({}, "reading", 1000, 1000, since=0, until=100)
    assert (progress["rate"], progress["seconds_left"]) == (10.0, 0)
    progress = paced(progress, "writing", 0, 60, 101)
    assert (progress["seconds"], progress["rate"], progress["seconds_left"]) == (0.0, 0.0, None)
    progress = at_work(progress, "writing", 30, 60, since=101, until=161)
    assert (progress["rate"], progress["seconds_left"]) == (0.5, 60)


def test_what_counts_anew_begins_to_rest() -> None:
    progress = paced({}, "writing", 0, 1, 5.0)
    assert rested({}, 5.0)
    assert not rested(progress, 6.0)
    assert rested(stopped(progress), 6.0)


@pytest.mark.parametrize(
    ("start", "until", "hours"),
    [
        ("2026-11-23 12:00", "2026-11-23 13:00", 0),  # a Monday, before the window opens
        ("2026-11-23 12:00", "2026-11-23 21:00", 1),
        ("2026-11-23 21:00", "2026-11-23 22:30", 1.5),
        ("2026-11-23 21:00", "2026-11-25 21:00", 19),  # over both nights, and none on Wednesday
        ("2026-11-23 21:00", "2026-11-23 20:00", 0),
    ],
)
def test_only_what_lies_inside_the_window_is_work(start: str, until: str, hours: float) -> None:
    first, last = (datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in (start, until))
    assert worked(NIGHT, first, last) == hours * 3600
    assert worked(None, first, last) == max(0.0, (last - first) / timedelta(seconds=1))

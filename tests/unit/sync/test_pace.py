"""How fast a pass goes, and when it will be through: only the time in which it was at work counts."""

import pytest

from app.core.ports import JsonObject
from app.sync.passes.pace import paced, rested

pytestmark = pytest.mark.feature("F264")


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

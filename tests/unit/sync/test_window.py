"""The off-hours window as people describe it: nights, weekends, national holidays, in the integration's zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.sync.config.document import parse
from app.sync.config.window import Window, opening_of
from app.sync.passes.flight_plan import ends_at

ZONE = ZoneInfo("America/Sao_Paulo")


def window(**changes: object) -> Window:
    return parse({"window": changes}).window.window()


def at(text: str) -> datetime:
    """A wall-clock moment in São Paulo."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.feature("F262")
@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T19:59", False),  # a Monday
        ("2026-11-23T20:00", True),
        ("2026-11-24T05:59", True),
        ("2026-11-24T06:00", False),
        ("2026-11-24T12:00", False),
        ("2026-11-21T12:00", True),  # Saturday
        ("2026-11-22T12:00", True),  # Sunday
        ("2026-12-25T12:00", True),  # Christmas, a Friday
        ("2026-11-20T12:00", True),  # Consciência Negra, a Friday
    ],
)
def test_the_default_window_is_nights_weekends_and_holidays(moment: str, is_open: bool) -> None:
    assert window().is_open(at(moment)) is is_open


def test_holidays_can_be_left_out() -> None:
    assert not window(holidays=False).is_open(at("2026-12-25T12:00"))


def test_a_night_belongs_to_the_day_it_starts_on() -> None:
    only_mondays = window(days=["mon"], all_day=[], holidays=False)
    assert only_mondays.is_open(at("2026-11-24T03:00"))  # Tuesday early, Monday's night
    assert not only_mondays.is_open(at("2026-11-23T03:00"))  # Monday early, Sunday's night


def test_a_span_may_lie_inside_one_day() -> None:
    lunch = window(start="12:00", end="13:30", all_day=[], holidays=False)
    assert lunch.is_open(at("2026-11-24T13:29"))
    assert not lunch.is_open(at("2026-11-24T13:30"))


@pytest.mark.feature("F262")
def test_the_next_opening_is_tonight_or_right_now() -> None:
    assert window().next_opening(at("2026-11-24T12:00")) == at("2026-11-24T20:00")
    now = at("2026-11-24T21:00")
    assert window().next_opening(now) == now
    assert window().next_opening(now).tzinfo is UTC  # type: ignore[union-attr]


def test_touching_spans_close_as_one() -> None:
    friday_night = at("2026-11-27T21:00")
    assert window().closes_at(friday_night) == at("2026-11-30T06:00")  # the whole weekend and Sunday's night
    assert window().closes_at(at("2026-11-24T12:00")) is None


def test_the_window_follows_its_own_zone() -> None:
    manaus = window(time_zone="America/Manaus", all_day=[], holidays=False)
    assert not manaus.is_open(at("2026-11-24T20:30"))
    assert manaus.is_open(at("2026-11-24T21:00"))


def test_a_window_of_one_day_a_week_is_found_from_far_away() -> None:
    sundays = window(days=[], all_day=["sun"], holidays=False)
    assert sundays.next_opening(at("2026-11-23T00:00")) == at("2026-11-29T00:00")


@pytest.mark.feature("F262")
@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2026-11-24T05:58:00", None),
        ("2026-11-24T05:59:00", "2026-11-24T20:00"),  # what began now might still be under way at six
        ("2026-11-24T06:00:00", "2026-11-24T20:00"),
        ("2026-11-24T20:00:00", None),
    ],
)
def test_nothing_begins_right_before_the_window_closes(moment: str, opening: str | None) -> None:
    assert opening_of(window(), at(moment)) == (at(opening).timestamp() if opening else None)


@pytest.mark.feature("F262")
@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-11-23T22:00", 2.0, "2026-11-24T00:00"),
        ("2026-11-24T12:00", 2.0, "2026-11-24T22:00"),
        ("2026-11-23T22:00", 8.0, "2026-11-24T20:01:30"),  # the last minute and a half of a night is not worked in
        ("2026-11-24T05:59", 1.0, "2026-11-24T21:00"),
        ("2026-11-23T22:00", 12.0, "2026-11-25T00:01:30"),
    ],
)
def test_a_plan_ends_when_its_work_is_done_inside_the_window(start: str, hours: float, end: str) -> None:
    assert ends_at(window(), at(start), hours * 3600) == at(end)

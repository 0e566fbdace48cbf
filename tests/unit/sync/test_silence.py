"""The rhythm of webhooks: a pause counts as silence only by what the vendor was used to."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from app.sync.passes.silence import ENOUGH, SHORTEST, broken

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def heard(quiet: float, gaps: Sequence[float]) -> list[datetime]:
    """Webhooks, newest first: the last one so many minutes ago, the ones before it with these gaps between."""
    times = [NOW - timedelta(minutes=quiet)]
    for gap in gaps:
        times.append(times[-1] - timedelta(minutes=gap))
    return times


STEADY = [1.0] * ENOUGH
NIGHTS = [1.0] * 8 + [720.0] + [1.0] * 8 + [720.0] + [1.0] * 8


@pytest.mark.feature("F282")
@pytest.mark.parametrize(
    ("quiet", "gaps", "silent"),
    [
        (31, STEADY, True),
        (30, STEADY, False),  # never sooner than the shortest pause
        (29, STEADY, False),
        (40, [*STEADY, 20.0], False),  # exactly twice the longest gap is still the rhythm
        (41, [*STEADY, 20.0], True),
        (41, [20.0, *STEADY], True),  # wherever in the history the longest gap is
        (720, NIGHTS, False),  # nobody works at night
        (1441, NIGHTS, True),
        (100_000, [1.0] * (ENOUGH - 2), False),  # too few to have a rhythm
        (31, [1.0] * (ENOUGH - 1), True),  # just enough
        (31, [0.0] * ENOUGH, True),  # one burst
        (-5, STEADY, False),  # a clock that was set back
    ],
)
def test_a_pause_is_silence_when_it_is_more_than_twice_the_longest_so_far(
    quiet: float, gaps: Sequence[float], silent: bool
) -> None:
    assert broken(heard(quiet, gaps), NOW) == (timedelta(minutes=quiet) if silent else None)


@pytest.mark.feature("F282")
def test_an_integration_that_heard_nothing_yet_is_not_silent() -> None:
    assert broken([], NOW) is None
    assert timedelta(minutes=30) == SHORTEST

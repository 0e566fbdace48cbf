"""Real processes that die, on both set-ups: nothing lost, nothing twice (issue "It is done when", design section 2)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import __main__ as proofs
from tests.faults import kills, passes
from tests.faults.rig import running

SETUPS = ["embedded", pytest.param("split", marks=pytest.mark.services)]
SEED = 7

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(params=SETUPS)
def setup(request: pytest.FixtureRequest) -> str:
    """One process on SQLite; or API and two workers on PostgreSQL and Redis."""
    if request.param == "split":
        request.getfixturevalue("postgres")
        request.getfixturevalue("redis_url")
    return str(request.param)


@pytest.mark.feature("F003", "F052")
async def test_a_worker_killed_after_a_write_writes_it_once(setup: str, tmp_path: Path) -> None:
    """The quick one: death between the vendor's answer and the commit, the worst place of all."""

    async with running(setup, tmp_path) as rig:
        figures = await kills.at_boundaries(rig, kills.QUICK[setup])
    assert not [complaint for figure in figures for complaint in figure.complaints]


@pytest.mark.slow
@pytest.mark.feature("F264")
async def test_a_resync_whose_workers_are_killed_writes_everything_once(tmp_path: Path) -> None:
    """The quick one: two deaths while it reads, two while it writes."""
    async with running("embedded", tmp_path) as rig:
        figure = await passes.under_fire(rig, 4, SEED)
    assert figure.runs
    assert not figure.complaints


@pytest.mark.slow
@pytest.mark.feature("F003", "F049", "F050", "F051")
@pytest.mark.parametrize("part", list(proofs.PARTS))
async def test_nothing_is_lost_and_nothing_is_twice(
    setup: str, part: str, record_property: Callable[[str, object], None]
) -> None:
    """Every proof of `python -m tests.faults`, with its figures in the summary of the run."""
    if part == "redis" and setup == "embedded":
        pytest.skip("one process has no Redis")
    figures = await proofs.prove(setup, part, SEED, count=10)
    for figure in figures:
        record_property("fault_figure", figure.document())
    assert figures
    assert not [complaint for figure in figures for complaint in figure.complaints]

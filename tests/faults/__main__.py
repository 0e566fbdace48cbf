"""`python -m tests.faults`: every fault proof on both set-ups, and one table.

--kills N       random kills for each set-up (default 10)
--seed N        where the dice start (default 7)
--setup NAME    embedded or split; both without it
--only NAME     part of a scenario's name in PARTS; may be given more than once
--sales N       sales of the part `sales` (default 2000, with --quick 60)
--quick         small numbers, to see that the proofs run

FAULTS_SPEED    how many times faster everything runs (default 10); less on a machine that has other things to do
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from rich.console import Console

from tests.faults import collisions, kills, outages, passes, sales
from tests.faults.report import Figure, show
from tests.faults.rig import Rig, running, services_missing

Proof = Callable[[Rig, int, int], Awaitable[Figure | list[Figure]]]
PARTS: dict[str, Proof] = {
    "boundaries": lambda rig, seed, count: kills.at_boundaries(rig),
    "random": lambda rig, seed, count: kills.at_random(rig, count, seed),
    "redis": lambda rig, seed, count: outages.redis_lost(rig, seed),
    "ring": lambda rig, seed, count: outages.api_killed_before_ring(rig),
    "answers": lambda rig, seed, count: outages.answers_lost(rig),
    "second": lambda rig, seed, count: collisions.same_second(rig),
    "document": lambda rig, seed, count: collisions.same_document(rig),
    "trips": lambda rig, seed, count: collisions.round_trips(rig, seed),
    "resync": lambda rig, seed, count: passes.under_fire(rig, 2 * count, seed),
    "reconcile": lambda rig, seed, count: passes.reconciled(rig, count, seed),
    "sales": lambda rig, seed, count: sales.under_fire(rig, SALES["count"], count, seed),
}
"""Each on a rig of its own; takes the rig, the seed and the number of random kills."""
SALES = {"count": 60}
"""How many sales the part `sales` makes."""
console = Console(stderr=True)


async def prove(setup: str, part: str, seed: int, count: int) -> list[Figure]:
    """One proof on a fresh rig; a rig that breaks is a figure too."""
    with tempfile.TemporaryDirectory(prefix="ponte-faults-") as folder:
        try:
            async with running(setup, Path(folder)) as rig:
                if part == "redis" and rig.redis is None:
                    return []
                found = await PARTS[part](rig, seed, count)
                refused = await rig.refusals()
        except AssertionError as problem:
            return [Figure(setup, part, wrong=1, complaints=[str(problem)])]
    figures = found if isinstance(found, list) else [found]
    if refused:
        figures[-1].note += f" refused by the vendors: {refused}"
    return figures


async def main() -> bool:
    """Runs what was asked for; True when nothing was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--setup", choices=("embedded", "split"))
    parser.add_argument("--only", action="append", choices=tuple(PARTS))
    parser.add_argument("--sales", type=int, default=2000)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    SALES["count"] = 60 if arguments.quick else arguments.sales
    arguments.kills = min(arguments.kills, 3) if arguments.quick else arguments.kills
    figures: list[Figure] = []
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await _all(arguments, figures)
    except asyncio.CancelledError:
        console.print("interrupted")
        figures.append(Figure("", "interrupted", complaints=["not everything was proved"]))
    show(figures, Console(width=170))
    return not any(figure.complaints for figure in figures)


async def _all(arguments: argparse.Namespace, figures: list[Figure]) -> None:
    for setup in ("embedded", "split"):
        if arguments.setup not in (None, setup):
            continue
        if setup == "split" and (why := await services_missing()):
            console.print(f"split: skipped, {why}")
            continue
        for part in arguments.only or PARTS:
            console.print(f"{datetime.now().astimezone():%H:%M:%S} {setup}: {part}")
            figures += await prove(setup, part, arguments.seed, arguments.kills)


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main()) else 1)

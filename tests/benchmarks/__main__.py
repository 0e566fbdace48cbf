"""`make bench`: measures both set-ups and prints one table. Bounded in time, on the loopback only.

--quick         fewer edits and shorter runs (about five minutes)
--only NAME     idle, bad_input, latency, storm, door, resync, never_banned or catalogue; may be given more than once
--setup NAME    sqlite or postgres; both without it
--speed N       how much faster than real time never_banned runs, at most 10 (5, with --quick 2), resync (2) and
                catalogue (4)
--records N     how many clients resync compares (50 000, with --quick 1 000); a tenth of them first, but with --quick
--products N    how many products catalogue loads (20 000, or 1 000 with --quick)
--json PATH     where the figures go (bench/results.json)
--keep          leaves the processes' logs behind and says where
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from tests.benchmarks import bad_input, catalogue, door, idle, latency, never_banned, resync, storm
from tests.benchmarks.report import Figure, Skipped, save, show
from tests.benchmarks.rig import Rig, RigError
from tests.benchmarks.setups import Setup, one_process, services_missing, split

PARTS = ("idle", "bad_input", "latency", "storm", "door")
RESYNC = "resync"
"""A part with processes of its own: many records, time twice as fast."""
NEVER_BANNED = "never_banned"
"""A part with processes of its own: four workers, time ten times faster. Not on SQLite."""
CATALOGUE = "catalogue"
"""20 000 products and their stock, loaded twice with time running faster."""
CLIENTS_NEEDED = {"idle": 10, "bad_input": 0, "latency": 0, "storm": 50, "door": 20}
"""How many clients must stand on both sides; latency takes one per edit."""
Make = Callable[[Path], AbstractAsyncContextManager[Setup]]
Measure = Callable[..., Awaitable[tuple[list[Figure], list[Skipped]]]]
console = Console(stderr=True)


def say(text: str) -> None:
    """A line of progress, beside the table."""
    console.print(f"[dim]{datetime.now().astimezone():%H:%M:%S}[/] {escape(text)}", soft_wrap=True)


async def run(setup: Setup, folder: Path, *, quick: bool, parts: list[str]) -> tuple[list[Figure], list[Skipped]]:
    """All chosen parts on one set-up; a part that cannot be measured is told and does not end the others."""
    figures: list[Figure] = []
    skipped: list[Skipped] = []
    edits = 40 if quick else 200
    count = max([CLIENTS_NEEDED[part] for part in parts] + [edits] * ("latency" in parts))
    async with Rig(setup, folder) as rig:
        say(f"{setup.name}: {count} clients, first load")
        pair, load_seconds = await latency.prepare(rig, count)
        figures.append(Figure(setup.name, "first load", load_seconds, "s", note=f"{count} clients created in Ploomes"))
        work = {
            "idle": lambda: idle.measure(rig, seconds=10 if quick else 30),
            "bad_input": lambda: bad_input.measure(rig, pair),
            "latency": lambda: latency.measure(rig, pair, edits),
            "storm": lambda: storm.measure(rig, pair, few=quick),
            "door": lambda: door.measure(rig, pair, seconds=10 if quick else 60, most_seconds=4 if quick else 10),
        }
        for part in parts:
            say(f"{setup.name}: {part}")
            try:
                figures += await work[part]()
            except RigError as error:
                say(f"{setup.name}: {part} could not be measured: {error}")
                skipped.append(Skipped(setup.name, part, str(error).splitlines()[0]))
    return figures, skipped


async def _chapter(
    name: str, make: Make, work: Measure, arguments: argparse.Namespace
) -> tuple[list[Figure], list[Skipped]]:
    """One set-up from its start to its end; what keeps it from being measured is told."""
    folder = Path(tempfile.mkdtemp(prefix=f"ponte-bench-{name}-"))
    try:
        async with make(folder) as setup:
            return await work(setup, folder, quick=arguments.quick)
    except RigError as error:
        say(f"{name}: {error}")
        return [], [Skipped(name, "everything", str(error).splitlines()[0])]
    finally:
        if arguments.keep:
            say(f"{name}: logs in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


async def measure(arguments: argparse.Namespace) -> bool:
    """Measures, prints, saves; True when every target was met and nothing failed to be measured."""
    parts = [part for part in PARTS if not arguments.only or part in arguments.only]
    syncing = not arguments.only or RESYNC in arguments.only
    proving = not arguments.only or NEVER_BANNED in arguments.only
    loading = not arguments.only or CATALOGUE in arguments.only
    figures: list[Figure] = []
    skipped: list[Skipped] = []
    failed = False
    load = os.getloadavg()[0]
    if load > 0.5:
        say(f"the machine is already busy (load {load:.1f}, {os.cpu_count()} cores): figures will suffer")
    comparing = partial(resync.run, say=say, speed=arguments.speed, records=arguments.records)
    stocking = partial(catalogue.run, say=say, speed=arguments.speed, products=arguments.products)
    chapters: list[tuple[str, Make, Measure]] = [
        *([("sqlite", one_process, partial(run, parts=parts))] if parts else []),
        *([("postgres", lambda _: split(), partial(run, parts=parts))] if parts else []),
        *([("sqlite", one_process, comparing)] if syncing else []),
        *([("postgres", lambda _: split(), comparing)] if RESYNC in (arguments.only or ()) else []),
        *(
            [("postgres", lambda _: split(workers=4), partial(never_banned.run, speed=arguments.speed, say=say))]
            if proving
            else []
        ),
        *([("sqlite", one_process, stocking)] if loading else []),
        *([("postgres", lambda _: split(), stocking)] if CATALOGUE in (arguments.only or ()) else []),
    ]
    for name, make, work in chapters:
        if arguments.setup not in (None, name):
            continue
        if name == "postgres" and (why := await services_missing()):
            skipped.append(Skipped(name, "everything", why))
            continue
        more, missing = await _chapter(name, make, work, arguments)
        failed |= bool(missing)
        figures += more
        skipped += missing
    output = Console()
    show(figures, skipped, output if output.is_terminal else Console(width=140))
    save(figures, skipped, arguments.json, quick=arguments.quick, load=load)
    say(f"written to {arguments.json}")
    return not failed and all(figure.met is not False for figure in figures)


def main() -> None:
    """Reads the options; ends with 1 when a target was missed, so that a schedule can notice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", choices=(*PARTS, RESYNC, NEVER_BANNED, CATALOGUE))
    parser.add_argument("--setup", choices=("sqlite", "postgres"))
    parser.add_argument("--speed", type=float)
    parser.add_argument("--records", type=int)
    parser.add_argument("--products", type=int)
    parser.add_argument("--json", type=Path, default=Path("bench/results.json"))
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    try:
        import uvloop
    except ImportError:
        met = asyncio.run(_stoppable(arguments))
    else:
        met = uvloop.run(_stoppable(arguments))
    sys.exit(0 if met else 1)


async def _stoppable(arguments: argparse.Namespace) -> bool:
    """The same; a request to end takes the started processes along."""
    task = asyncio.ensure_future(measure(arguments))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        say("interrupted: nothing is written")
        return False


if __name__ == "__main__":
    main()

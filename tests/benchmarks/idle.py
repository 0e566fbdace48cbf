"""What `ponte serve` costs while nothing happens."""

import asyncio

import psutil

from tests.benchmarks.report import Figure
from tests.benchmarks.rig import Rig

SETTLE_SECONDS = 10.0


async def measure(rig: Rig, *, seconds: float) -> list[Figure]:
    """Memory and share of a core of all processes of the service, children included, one integration being active."""
    await asyncio.sleep(SETTLE_SECONDS)
    parents = [psutil.Process(started.pid) for started in rig.processes]
    family = [member for parent in parents for member in (parent, *parent.children(recursive=True))]
    before = sum(_cpu(member) for member in family)
    await asyncio.sleep(seconds)
    used = sum(_cpu(member) for member in family) - before
    memory = sum(member.memory_info().rss for member in family) / 2**20
    alone = rig.setup.processes == ("serve",)
    note = "ponte serve" if alone else f"{len(rig.processes)} processes together"
    return [
        Figure(rig.setup.name, "idle: memory", memory, "MB", 150 if alone else None, note=note),
        Figure(rig.setup.name, "idle: share of a core", used / seconds * 100, "%", 2 if alone else None),
    ]


def _cpu(member: psutil.Process) -> float:
    times = member.cpu_times()
    return times.user + times.system

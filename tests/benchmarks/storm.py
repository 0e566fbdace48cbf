"""Edits from both sides at once on a few clients: how long until both sides are equal, at what cost."""

import asyncio
import math
import random
import time
from collections import Counter

from tests.benchmarks.people import FIELDS, Client, clients, edit_in_omie, edit_in_ploomes, unequal
from tests.benchmarks.report import Figure
from tests.benchmarks.rig import Pair, Rig

CLIENTS, EDITS, SECONDS = 50, 500, 10.0
GIVE_UP_SECONDS = 300.0
CALM_SECONDS = 25.0
"""Equal must stay equal for longer than the spacing of two alterations of one record."""


async def measure(rig: Rig, pair: Pair, *, few: bool) -> list[Figure]:
    """The storm, then the wait until both sides are equal and stay so. `few` takes a tenth of both."""
    count, edits, seconds = (10, 50, 5.0) if few else (CLIENTS, EDITS, SECONDS)
    people = (await clients(rig, pair))[:count]
    await rig.control("DELETE", "/counters")
    since, _ = await rig.writes()
    start = time.time()
    await _storm(rig, pair, people, edits, seconds)
    ended = time.time()
    equal = await _equal_at(rig, pair, ended)
    _, writes = await rig.writes(since)
    per_record = Counter((write["vendor"], write["id"]) for write in writes if write["ok"])
    refusals = await rig.refusals()
    setup, what = rig.setup.name, f"{edits} edits on {count} clients in {ended - start:.0f} s"
    if math.isinf(equal):
        what += f"; unequal after {GIVE_UP_SECONDS:.0f} s: {len(await unequal(rig, pair))} clients"
        what += f", open events: {await rig.open_events(pair)}"
    return [
        Figure(setup, "storm: end to both sides equal", equal - ended, "s", 180, note=what),
        Figure(
            setup,
            "storm: refusals by the vendors",
            sum(refusals.values()),
            "calls",
            0,
            note=", ".join(f"{cause}: {n}" for cause, n in sorted(refusals.items())) or "none of any kind",
        ),
        Figure(setup, "storm: most writes of one record on one side", max(per_record.values(), default=0), "writes", 3),
        Figure(setup, "storm: writes per edit", sum(per_record.values()) / edits, "writes"),
    ]


async def _storm(rig: Rig, pair: Pair, people: list[Client], edits: int, seconds: float) -> None:
    dice = random.Random(7)
    start = time.time()

    async def one(number: int) -> None:
        client, field = people[number % len(people)], dice.randrange(len(FIELDS))
        edit = (edit_in_omie, edit_in_ploomes)[dice.randrange(2)]
        await edit(rig, pair, client, field, f"valor{number}x{dice.randrange(10**6)}@loja.com.br")

    async with asyncio.TaskGroup() as tasks:
        for number in range(edits):
            await asyncio.sleep(max(0.0, start + number * seconds / edits - time.time()))
            tasks.create_task(one(number))


async def _equal_at(rig: Rig, pair: Pair, ended: float) -> float:
    """When both sides became equal and stayed so, no event being open; infinity when they did not in time."""
    since: float | None = None
    while time.time() < ended + GIVE_UP_SECONDS:
        equal = not await unequal(rig, pair)
        since = (since or time.time()) if equal else None
        if since is not None and time.time() - since > CALM_SECONDS and not await rig.open_events(pair):
            return since
        await asyncio.sleep(1)
    return math.inf

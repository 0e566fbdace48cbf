"""From a person's edit on one vendor's screen to the finished write at the other, each client quiet for a minute."""

import asyncio
import time

from tests.benchmarks.load import percentile
from tests.benchmarks.people import Client, add_clients, clients, edit_in_omie, edit_in_ploomes, settled
from tests.benchmarks.report import Figure
from tests.benchmarks.rig import Pair, Rig

QUIET_SECONDS = 62.0
"""Longer than Omie's redundancy interval and its per-record alteration window."""
GIVE_UP_SECONDS = 30.0
EMAIL = 1
"""Index in people.FIELDS."""


async def prepare(rig: Rig, count: int) -> tuple[Pair, float]:
    """An active integration with `count` clients on both sides; returns it with the seconds the first load took."""
    pair = await rig.create()
    await add_clients(rig, pair, count)
    await rig.activate(pair)
    return pair, await settled(rig, pair, count, seconds=900)


async def measure(rig: Rig, pair: Pair, edits: int) -> list[Figure]:
    """`edits` edits, one a second, each on another client, in turn on either side."""
    people = (await clients(rig, pair))[:edits]
    await asyncio.sleep(QUIET_SECONDS)
    await rig.control("DELETE", "/counters")
    since, _ = await rig.writes()
    start = time.time() + 0.5
    edited: list[tuple[float, str, str]] = []
    for number, client in enumerate(people):
        await asyncio.sleep(max(0.0, start + number - time.time()))
        edited.append((time.time(), *await _edit(rig, pair, client, number)))
    took = await _arrivals(rig, since, edited)
    calls = {vendor: await rig.requests(vendor) for vendor in ("omie", "ploomes")}
    setup = rig.setup.name
    arrived = [seconds for seconds in took if seconds is not None]
    ways = {"Omie to Ploomes": took[0::2], "Ploomes to Omie": took[1::2]}
    return [
        Figure(
            setup, "edit to finished write, p50", percentile(arrived, 0.50) * 1000, "ms", 150, note=f"{edits} edits"
        ),
        Figure(setup, "edit to finished write, p95", percentile(arrived, 0.95) * 1000, "ms", 400),
        *(
            Figure(setup, f"  {way}, p50", percentile([s for s in some if s is not None], 0.50) * 1000, "ms")
            for way, some in ways.items()
        ),
        *(
            Figure(
                setup,
                f"  calls to {vendor} per edit",
                made.total() / edits,
                "calls",
                note=", ".join(f"{name} {count}" for name, count in made.most_common(4)),
            )
            for vendor, made in calls.items()
        ),
        Figure(setup, f"edits not arrived in {GIVE_UP_SECONDS:.0f} s", len(took) - len(arrived), "edits", 0),
    ]


async def _edit(rig: Rig, pair: Pair, client: Client, number: int) -> tuple[str, str]:
    """One edit; returns the vendor and id where its write must appear."""
    value = f"novo{number:04d}-{time.time_ns() % 10**9}@loja.com.br"
    if number % 2 == 0:
        await edit_in_omie(rig, pair, client, EMAIL, value)
        return "ploomes", client.ploomes_id
    await edit_in_ploomes(rig, pair, client, EMAIL, value)
    return "omie", client.omie_id


async def _arrivals(rig: Rig, since: int, edited: list[tuple[float, str, str]]) -> list[float | None]:
    """Seconds from each edit to its write's answer; None for those that never came."""
    deadline = time.time() + GIVE_UP_SECONDS
    while True:
        _, writes = await rig.writes(since)
        done = {(write["vendor"], write["id"]): write["done"] for write in reversed(writes) if write["ok"]}
        took = [done[vendor, id_] - at if (vendor, id_) in done else None for at, vendor, id_ in edited]
        if None not in took or time.time() > deadline:
            return took
        await asyncio.sleep(1)

"""A catalogue's first load and a second one: requests against the least possible, writes, and memory of the process.

Time runs faster and Ploomes' own limit is lifted in the sandbox, because making 20 000 products takes 20 000 writes;
what is proved is how many requests it takes, not how long.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from tests.benchmarks.report import Figure, Skipped
from tests.benchmarks.rig import Pair, Rig, until
from tests.benchmarks.setups import Setup

SPEED = 4.0
PRODUCTS, FEW_PRODUCTS = 20_000, 1_000
FAMILIES, PLACES, PAGE, PLOOMES_PAGE = 200, 3, 100, 300
MOST_RATIO, MOST_MEMORY = 1.02, 50.0
PATIENCE_SECONDS = 7200.0

Requests = Mapping[str, Mapping[str, int]]


def least(products: int, families: int, *, second: bool) -> Requests:
    """The fewest requests that any load could make: each list once, each record written once. An end of Ploomes'
    lists only shows as an empty page."""
    pages = math.ceil(products / PAGE)
    omie = {
        "ListarProdutos": pages,
        "ListarPosEstoque": math.ceil(products * PLACES / PAGE),
        "ListarCadastroServico": 1,
        "ListarClientes": 1,
        "ListarVendedores": 1,
    }
    ploomes = {"GET Contacts": 1, "GET Products": math.ceil(products / PLOOMES_PAGE) + 1 if second else 1}
    if not second:
        omie |= {"PesquisarFamilias": math.ceil(families / PAGE), "ListarLocaisEstoque": 1, "ListarPaises": 1}
        ploomes |= {"POST Products": products, "POST Products@Groups": families, "GET Products@Groups": 1}
    return {"omie": omie, "ploomes": ploomes}


async def run(
    setup: Setup,
    folder: Path,
    *,
    quick: bool,
    say: Callable[[str], None],
    speed: float | None = None,
    products: int | None = None,
) -> tuple[list[Figure], list[Skipped]]:
    """Loads twice and counts."""
    products = products or (FEW_PRODUCTS if quick else PRODUCTS)
    families = max(FAMILIES // 10, products // 100)
    speed = speed or SPEED
    made_ready = Rig(setup, folder, speed=speed)
    made_ready.environment["INCREMENTAL_SWEEP_SECONDS"] = "86400"  # it runs beside loads and is no part of one
    async with made_ready as rig:
        laid = {"products": products, "families": families, "places": PLACES}
        answer = await rig.sandbox.post("/tap/catalogue", json=laid, timeout=600)
        answer.raise_for_status()
        await rig.control("POST", "/quirks", json={"ploomes_rate_per_minute": 1_000_000})
        pair = await rig.create()
        await rig.call("POST", f"/integrations/{pair.id}/test")  # a process at work, not one just born
        before = _memory(rig)
        await rig.control("DELETE", "/counters")
        say(f"{setup.name}: first load of {products} products")
        await rig.activate(pair)
        peak = [before]
        seconds = await _quiet(rig, pair, peak)
        first = await _requests(rig)
        made = await rig.rows(f"/ploomes/{pair.user_key}/Products")
        bare = sum("Última alteração" not in str(row.get("OtherProperties")) for row in made)
        await rig.control("DELETE", "/counters")
        say(f"{setup.name}: second load")
        await rig.call("POST", f"/integrations/{pair.id}/resyncs", json={"start": "now", "force": True})
        await _quiet(rig, pair, peak)
        second = await _requests(rig)
    wrote = sum(n for name, n in second["ploomes"].items() if not name.startswith("GET"))
    figures = [
        Figure(setup.name, "catalogue: products made", len(made), "", products, at_least=True),
        Figure(setup.name, "catalogue: products without their stock", bare, "", 0),
        Figure(setup.name, "catalogue: first load", seconds, "s", note=f"{speed:g} times faster than real time"),
        *(_ratio(setup, "first", vendor, first, least(products, families, second=False)) for vendor in first),
        *(_ratio(setup, "second", vendor, second, least(products, families, second=True)) for vendor in second),
        Figure(setup.name, "catalogue: writes of the second load", wrote, "", 0),
        Figure(
            setup.name,
            "catalogue: growth of memory",
            peak[0] - before,
            "MB",
            MOST_MEMORY,
            note=f"{before:.0f} MB before, {peak[0]:.0f} MB at most",
        ),
    ]
    return figures, []


def _ratio(setup: Setup, which: str, vendor: str, made: Requests, fewest: Requests) -> Figure:
    """Requests over the least possible. Look-ups that a load of any size makes once, and what an activation prepares
    in Ploomes, are as many as they are."""
    needed = sum(fewest[vendor].values())
    once = sum(n for name, n in made[vendor].items() if name not in fewest[vendor])
    total = sum(made[vendor].values())
    note = ", ".join(f"{name} {n}" for name, n in sorted(made[vendor].items(), key=lambda row: -row[1])[:6])
    return Figure(
        setup.name, f"catalogue: {which} load, {vendor}", total / (needed + once), "x", MOST_RATIO,
        note=f"{total} requests, {needed + once} needed: {note}",
    )  # fmt: skip


async def _quiet(rig: Rig, pair: Pair, peak: list[float]) -> float:
    """Until every pass is over and no event is open; keeps the highest memory seen."""

    async def over() -> bool:
        peak[0] = max(peak[0], _memory(rig))
        passes = await rig.call("GET", f"/integrations/{pair.id}/resyncs")
        working = [row for row in passes["items"] if row["state"] not in ("completed", "failed", "cancelled")]
        return not working and not await rig.open_events(pair)

    return await until("the load to end", over, seconds=PATIENCE_SECONDS, every=2.0)


async def _requests(rig: Rig) -> Requests:
    return {vendor: await rig.requests(vendor) for vendor in ("omie", "ploomes")}


def _memory(rig: Rig) -> float:
    parents = [psutil.Process(started.pid) for started in rig.processes]
    family = [member for parent in parents for member in (parent, *parent.children(recursive=True))]
    return max(member.memory_info().rss for member in family) / 2**20

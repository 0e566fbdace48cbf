"""A full resync of many records, 3 % of them different: plan against execution, estimate against clock, memory.

Both sides are filled with equal clients, linked by a first load; then a share is edited on either screen while every
webhook is lost. Time runs faster on both sides of the wire, and the vendors take their time to answer; every bound
below is in the vendors' time, computed from their documented limits and the design, not from our own code.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.load import percentile
from tests.benchmarks.report import Figure, Skipped
from tests.benchmarks.rig import Pair, Rig, RigError, until
from tests.benchmarks.setups import Setup

SPEED = 2.0
"""How much faster than real time: two cores that also run both vendors must not be what a resync waits for. The
figure `cores busy` says whether they were; above four fifths of them, time measures the machine."""
MANY, QUICK = 50_000, 1_000
DIFFERENT = 0.03
OMIE_PAGE, PLOOMES_PAGE = 100, 300
OMIE_LIMIT, OMIE_WINDOW = 180, 60.0
"""Calls of one Omie method in a window at the lowest priority: three quarters of 240 a minute (design section 6)."""
PLOOMES_SECOND, PLOOMES_MINUTE = 4, 75
"""Requests a second of one Ploomes account at the lowest priority, three quarters of six, whole ones; and a minute, as
soon as a 429 has taught that it takes no more than 120."""
PLOOMES_FREE, PLOOMES_REFUSES, PLOOMES_PAUSE = 100, 120, 61.0
"""An account that no 429 has taught: past so many a minute one call at a time, refused past so many, then a pause."""
TEACH_FROM, TEACH_EDITS = 2_000, 200
"""From this size on Ploomes' limit matters. Once in its life an account earns the 429 that teaches its pace, and
everything waits a minute; that happens before anything is measured, by as many edits in one go."""
OMIE_ANSWER, PLOOMES_ANSWER = 0.2, 0.15
"""Seconds that the vendors take to answer."""
EMPTY_WINDOWS = 62.0
"""Nothing is asked for so long before what is measured begins: no window holds an earlier call."""
TELL_EVERY = 10.0
"""Seconds between two lines of progress."""
LIVE_EVERY, LIVE_MOST = 8.0, 20
"""Seconds between the live edits made meanwhile, and how many."""
PERSON = "vendas@empresa.com.br"


async def run(
    setup: Setup,
    folder: Path,
    *,
    quick: bool,
    say: Callable[[str], None],
    speed: float | None = None,
    records: int | None = None,
) -> tuple[list[Figure], list[Skipped]]:
    """Everything on a rig of its own for each size: a tenth of the records first, to see how memory grows."""
    speed, most = speed or SPEED, records or (QUICK if quick else MANY)
    if quick:
        return (await _size(setup, folder / "few", most, speed, say)).figures, []
    few = await _size(setup, folder / "few", most // 10, speed, say)
    many = await _size(setup, folder / "many", most, speed, say)
    grown = (many.memory - few.memory) / 2**20
    growth = Figure(setup.name, "resync: memory growth", grown, "MB", 100.0, note=f"{most // 10} -> {most} records")
    return [*many.figures, growth], []


class _Measured:
    """What one size showed."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.memory = 0
        self.taught = False
        """Whether Ploomes has refused a call for its rate."""


async def _size(setup: Setup, folder: Path, count: int, speed: float, say: Callable[[str], None]) -> _Measured:
    await asyncio.to_thread(folder.mkdir)
    own = Setup(
        setup.name, setup.database_url.replace("ponte.db", f"ponte-{count}.db"), setup.redis_url, setup.processes
    )
    measured = _Measured()
    rig = Rig(own, folder, speed=speed)
    rig.environment["INCREMENTAL_SWEEP_SECONDS"] = "1000000000"  # a sweep would find what is edited before the resync
    async with rig:
        answers = {"omie_latency_ms": int(OMIE_ANSWER * 1000), "ploomes_latency_ms": int(PLOOMES_ANSWER * 1000)}
        await rig.control("POST", "/quirks", json=answers)
        pair = await _equal_systems(rig, count, say)
        if count >= TEACH_FROM:
            await _teach(rig, pair, measured, say)
        watch = asyncio.create_task(_peak(rig, measured))
        try:
            await _equal(rig, pair, count, measured, say)
            await _different(rig, pair, count, measured, say)
        finally:
            watch.cancel()
    return measured


async def _equal_systems(rig: Rig, count: int, say: Callable[[str], None]) -> Pair:
    """An integration whose first load found `count` pairs and nothing to write."""
    first = await rig.create(name="fields")
    await rig.activate(first)
    await _over(rig, first, "first_load", seconds=120, say=say)
    await rig.call("DELETE", f"/integrations/{first.id}")
    fields = await rig.rows(f"/ploomes/{first.user_key}/Fields")
    key = next(row["Key"] for row in fields if row["Name"] == "Id (Omie)" and row["EntityId"] == 1)
    say(f"resync: {count} equal clients on both sides")
    body = {"app_key": first.app_key, "user_key": first.user_key, "count": count, "field": key}
    await rig.control("POST", "/twins", json=body, timeout=900)
    await asyncio.sleep(70.0 / rig.speed)  # Omie answers the same call again after a minute
    pair = await rig.create(name="resync")
    await rig.activate(pair)
    await rig.call("PUT", f"/integrations/{pair.id}/config", json=await _only_clients(rig, pair))
    began = time.monotonic()
    await _over(rig, pair, "first_load", seconds=1800, say=say)
    say(f"resync: first load took {time.monotonic() - began:.0f} real seconds")
    return pair


async def _teach(rig: Rig, pair: Pair, measured: _Measured, say: Callable[[str], None]) -> None:
    """A busy minute of live edits. Where the machine is too slow for a 429, the account stays as it is."""
    say(f"resync: {TEACH_EDITS} live edits, to learn the account's pace")
    before = (await _asked(rig, pair)).get("ploomes PATCH Contacts", 0)
    rows = await rig.rows(f"/omie/{pair.app_key}/clients")
    for row in rows[:TEACH_EDITS]:
        client = row["codigo_cliente_omie"]
        path = f"/omie/{pair.app_key}/screen/clients/{client}"
        await rig.control("PATCH", path, params={"person": PERSON}, json={"email": f"antes{client}@live.test"})

    async def quiet() -> bool:
        arrived = (await _asked(rig, pair)).get("ploomes PATCH Contacts", 0) - before
        return arrived >= TEACH_EDITS and not await rig.open_events(pair)

    with contextlib.suppress(
        RigError
    ):  # the machine is too slow: what is still under way is live traffic like any other
        await until("the edits have arrived", quiet, seconds=300)
    await _note_taught(rig, measured)
    say(f"resync: Ploomes has {'refused a call' if measured.taught else 'refused nothing'}")
    await asyncio.sleep(EMPTY_WINDOWS / rig.speed)


async def _only_clients(rig: Rig, pair: Pair) -> dict[str, Any]:
    document = await rig.call("GET", f"/integrations/{pair.id}/config")
    document["window"]["all_day"] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    document["entities"] |= dict.fromkeys(("products", "services", "orders", "service_orders", "stock"), False)
    return dict(document)


async def _over(rig: Rig, pair: Pair, reason: str, *, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    tell = _Told(say)

    async def over() -> bool:
        page = await rig.call("GET", f"/integrations/{pair.id}/resyncs")
        rows[:] = [row for row in page["items"] if row["reason"] == reason]
        if rows:
            tell(rows[0])
        return bool(rows) and rows[0]["state"] in ("completed", "failed")

    await until(f"{reason} over", over, seconds=seconds)
    if rows[0]["state"] != "completed":
        raise RigError(f"{reason}: {rows[0]['progress']}")
    return rows[0]


class _Told:
    """Says every few seconds how far a pass is."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._at = time.monotonic()

    def __call__(self, row: dict[str, Any]) -> None:
        if time.monotonic() - self._at > TELL_EVERY:
            self._at = time.monotonic()
            progress = row["progress"]
            left = "" if progress.get("seconds_left") is None else f", {progress['seconds_left']} s left"
            self._say(f"  {row['state']}: {progress.get('done', 0)} of {progress.get('total', 0)}{left}")


async def _rests(rig: Rig, pair: Pair, resync_id: int, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    """The pass once it rests."""
    found: dict[str, Any] = {}
    tell = _Told(say)

    async def rests() -> bool:
        found.update(await rig.call("GET", f"/integrations/{pair.id}/resyncs/{resync_id}"))
        tell(found)
        return found["state"] in ("planned", "completed", "failed", "paused", "cancelled")

    await until(f"resync {resync_id}", rests, seconds=seconds, every=0.25)
    if found["state"] not in ("planned", "completed"):
        raise RigError(f"resync {resync_id} is {found['state']}: {found['progress']}")
    return found


async def _asked(rig: Rig, pair: Pair) -> dict[str, int]:
    """Requests per vendor and method that the vendors counted."""
    counters = await rig.control("GET", "/counters")
    sums: dict[str, int] = {}
    for vendor, account in (("omie", pair.app_key), ("ploomes", pair.user_key)):
        for method, number in counters[vendor].get(account, {}).get("requests", {}).items():
            sums[f"{vendor} {method}"] = number
    return sums


async def _equal(rig: Rig, pair: Pair, count: int, measured: _Measured, say: Callable[[str], None]) -> None:
    say("resync: an equal pair of systems")
    await _clear(rig, measured)
    await asyncio.sleep(EMPTY_WINDOWS / rig.speed)
    began = time.monotonic()
    body = {"entities": ["clients"], "start": "now", "force": True}
    made = await rig.call("POST", f"/integrations/{pair.id}/resyncs", json=body)
    done = await _rests(rig, pair, made["id"], 1800, say)
    seconds = (time.monotonic() - began) * rig.speed
    asked = await _asked(rig, pair)
    writes = {name: number for name, number in asked.items() if not _reads(name)}
    lists = asked.get("omie ListarClientes", 0) + asked.get("ploomes GET Contacts", 0)
    least = math.ceil(count / OMIE_PAGE) + math.ceil(count / PLOOMES_PAGE) + 1
    events = await rig.open_events(pair)
    name = rig.setup.name
    measured.figures += [
        Figure(name, "resync, equal: writes", sum(writes.values()), "", 0, note=str(writes) if writes else ""),
        Figure(
            name,
            "resync, equal: events",
            events,
            "",
            0,
            note=f"{done['plan']['entities']['clients']['unchanged']} equal",
        ),
        Figure(name, "resync, equal: lists to least", lists / least, "x", 1.02, note=f"{lists} of {least}"),
        Figure(
            name,
            "resync, equal: seconds",
            seconds,
            "s",
            note=f"{count} records; {_lists_seconds(count, measured.taught):.0f} s at the limits",
        ),
    ]


async def _different(rig: Rig, pair: Pair, count: int, measured: _Measured, say: Callable[[str], None]) -> None:
    ids = await _edit(rig, pair, count)
    changed = len(ids[0]) + len(ids[1])
    say(f"resync: {changed} records differ; the plan")
    await _clear(rig, measured)
    made = await rig.call("POST", f"/integrations/{pair.id}/resyncs", json={"entities": ["clients"], "dry_run": True})
    plan = await _rests(rig, pair, made["id"], 1800, say)
    planned_writes = {name: number for name, number in (await _asked(rig, pair)).items() if not _reads(name)}
    say(f"resync: planned {plan['plan']['requests']}, {plan['plan']['eta_seconds']} s; executed now")
    quiet = await _untouched(rig, pair, ids)
    since = await _writes(rig)
    await asyncio.sleep(EMPTY_WINDOWS / rig.speed)
    before = await _asked(rig, pair)
    await _note_taught(rig, measured)
    began, idle = time.monotonic(), psutil.cpu_times().idle
    worked = _worked(rig)
    await rig.call("POST", f"/integrations/{pair.id}/resyncs/{made['id']}/resume", json={"force": True})
    live = asyncio.create_task(_live(rig, pair, quiet, since))
    done = await _rests(rig, pair, made["id"], 3600, say)
    wall, cores = time.monotonic() - began, psutil.cpu_count() or 1
    elapsed = wall * rig.speed
    busy = cores - (psutil.cpu_times().idle - idle) / wall
    own = (_worked(rig) - worked) / wall
    latencies = await live
    after = await _asked(rig, pair)
    name = rig.setup.name
    written = {method: after.get(method, 0) - before.get(method, 0) for method in after}
    total = _total(done["plan"]["requests"])
    used = _total(done["requests_used"])
    least = math.ceil(count / OMIE_PAGE) + math.ceil(count / PLOOMES_PAGE) + 1 + changed
    lists = before.get("omie ListarClientes", 0) + before.get("ploomes GET Contacts", 0)
    spent = lists + written.get("omie AlterarCliente", 0) + written.get("ploomes PATCH Contacts", 0) - len(latencies)
    beside = sum(number for method, number in written.items() if method.startswith("ploomes ")) - len(ids[0])
    bound = max(_omie_seconds(len(ids[1])), _ploomes_seconds(len(ids[0]) + beside, measured.taught))
    told = plan["plan"]["eta_seconds"]
    off = abs(told - elapsed) / elapsed * 100
    long_enough = bound > 60
    measured.figures += [
        Figure(name, "resync, plan: writes", sum(planned_writes.values()), "", 0, note=str(planned_writes or "")),
        Figure(name, "resync: planned to executed", abs(used - total) / total * 100, "%", 2.0, note=f"{total}, {used}"),
        Figure(name, "resync: requests to least", spent / least, "x", 1.02, note=f"{spent} of {least}; {written}"),
        Figure(name, "resync: estimate off by", off, "%", 10.0 if long_enough else None,
               note=f"{told} s told, {elapsed:.0f} s taken"),
        Figure(name, "resync: elapsed to bound", elapsed / max(bound, 1.0), "x", 1.05 if long_enough else None,
               note=f"{elapsed:.0f} s of {bound:.0f} s; {beside} live calls of the same account"),
        Figure(name, "resync: cores busy", busy, "",
               note=f"of {cores}; the service itself {own:.2f}; time runs {rig.speed:g} times faster"),
        Figure(name, "resync: live edit p95", percentile(latencies, 0.95), "s", 10.0,
               note=f"{len(latencies)} edits while it ran"),
    ]  # fmt: skip
    left = await _left(rig, pair, ids)
    measured.figures.append(Figure(name, "resync: differences left", left, "", 0))


def _worked(rig: Rig) -> float:
    """Processor seconds that the service's processes have used."""
    times = [psutil.Process(process.pid).cpu_times() for process in rig.processes]
    return sum(each.user + each.system for each in times)


def _reads(name: str) -> bool:
    method = name.split(" ", 1)[1]
    return method.startswith(("Listar", "Consultar", "Pesquisar", "GET "))


def _total(requests: dict[str, dict[str, int]]) -> int:
    return sum(sum(methods.values()) for methods in requests.values())


async def _clear(rig: Rig, measured: _Measured) -> None:
    await _note_taught(rig, measured)
    await rig.control("DELETE", "/counters")


async def _note_taught(rig: Rig, measured: _Measured) -> None:
    measured.taught |= any(name.startswith("ploomes ") for name in await rig.refusals())


def _omie_seconds(calls: int) -> float:
    """One call of a method at a time, and whole windows that they fill."""
    full, rest = divmod(max(calls - 1, 0), OMIE_LIMIT)
    return max(calls * OMIE_ANSWER, full * (OMIE_WINDOW + OMIE_ANSWER) + (rest + 1) * OMIE_ANSWER)


def _ploomes_seconds(calls: int, taught: bool) -> float:
    """Seconds filled, and minutes once the account has been taught; what teaches it is a pause."""
    if taught:
        full, rest = divmod(max(calls - 1, 0), PLOOMES_MINUTE)
        return full * (60.0 + PLOOMES_ANSWER) + _ploomes_burst(rest + 1)
    if calls <= PLOOMES_FREE:
        return _ploomes_burst(calls)
    one_by_one = (1.0 + PLOOMES_ANSWER) / PLOOMES_SECOND
    felt = _ploomes_burst(PLOOMES_FREE) + (min(calls, PLOOMES_REFUSES) - PLOOMES_FREE) * one_by_one
    left = calls - PLOOMES_REFUSES
    return felt + PLOOMES_PAUSE + _ploomes_seconds(left, True) if left > 0 else felt


def _ploomes_burst(calls: int) -> float:
    return max(calls - 1, 0) // PLOOMES_SECOND * (1.0 + PLOOMES_ANSWER) + PLOOMES_ANSWER


def _lists_seconds(count: int, taught: bool) -> float:
    """How long both lists take at the limits."""
    return max(_omie_seconds(math.ceil(count / OMIE_PAGE)), _ploomes_seconds(count // PLOOMES_PAGE + 1, taught))


async def _edit(rig: Rig, pair: Pair, count: int) -> tuple[list[int], list[int]]:
    """Edits half of the share in Omie and half in Ploomes; no webhook arrives. Answers the ids of both halves."""
    half = round(count * DIFFERENT / 2)
    omie = [row["codigo_cliente_omie"] for row in await rig.rows(f"/omie/{pair.app_key}/clients")]
    ploomes = [row["Id"] for row in await rig.rows(f"/ploomes/{pair.user_key}/Contacts")]
    chosen = omie[: half * 3 : 3], ploomes[half * 3 : half * 6 : 3]
    rule = await rig.control("POST", "/faults", json={"kind": "drop", "times": None})
    gate = asyncio.Semaphore(8)

    async def edit(path: str, body: dict[str, Any]) -> None:
        async with gate:
            await rig.control("PATCH", path, json=body)

    await asyncio.gather(
        *(edit(f"/omie/{pair.app_key}/screen/clients/{one}", {"email": f"o{one}@novo.test"}) for one in chosen[0]),
        *(edit(f"/ploomes/{pair.user_key}/screen/Contacts/{one}", {"Email": f"p{one}@novo.test"}) for one in chosen[1]),
    )
    await rig.control("DELETE", f"/faults/{rule['id']}")
    return chosen


async def _untouched(rig: Rig, pair: Pair, ids: tuple[list[int], list[int]]) -> list[int]:
    """Omie clients that nobody edited, from the end of the register."""
    rows = await rig.rows(f"/omie/{pair.app_key}/clients")
    taken = set(ids[0])
    return [row["codigo_cliente_omie"] for row in rows[-LIVE_MOST - 1 :] if row["codigo_cliente_omie"] not in taken]


async def _writes(rig: Rig) -> int:
    return int((await rig.sandbox.get("/tap", params={"since": 10**9})).json()["total"])


async def _live(rig: Rig, pair: Pair, clients: list[int], since: int) -> list[float]:
    """Edits a client on Omie's screen every few seconds; answers how long each took to arrive in Ploomes."""
    links: dict[int, str] = {}
    for client in clients:
        record = await rig.call("GET", f"/integrations/{pair.id}/records/clients/omie/{client}")
        links[client] = str(record["link"]["ploomes_id"])
    latencies: list[float] = []
    for client in clients:
        began = time.time()
        path = f"/omie/{pair.app_key}/screen/clients/{client}"
        await rig.control("PATCH", path, params={"person": PERSON}, json={"email": f"vivo{client}@live.test"})
        arrived = math.inf
        while arrived == math.inf and time.time() - began < 60.0 / rig.speed:
            tapped = (await rig.sandbox.get("/tap", params={"since": since})).json()["writes"]
            mine = [w["done"] for w in tapped if w["vendor"] == "ploomes" and w["id"] == links[client] and w["ok"]]
            arrived = min((done for done in mine if done >= began), default=math.inf)
            await asyncio.sleep(0.05)
        latencies.append((arrived - began) * rig.speed)
        await asyncio.sleep(max(0.0, LIVE_EVERY / rig.speed - (time.time() - began)))
    return latencies


async def _left(rig: Rig, pair: Pair, ids: tuple[list[int], list[int]]) -> int:
    """Edited records whose value is not on the other side, as the vendors themselves tell."""
    omie = {row["email"] for row in await rig.rows(f"/omie/{pair.app_key}/clients")}
    ploomes = {row["Email"] for row in await rig.rows(f"/ploomes/{pair.user_key}/Contacts")}
    lost = [one for one in ids[0] if f"o{one}@novo.test" not in ploomes]
    return len(lost) + len([one for one in ids[1] if f"p{one}@novo.test" not in omie])


async def _peak(rig: Rig, measured: _Measured) -> None:
    """The most memory the service's processes held."""
    while True:
        for process in rig.processes:
            try:
                measured.memory = max(measured.memory, psutil.Process(process.pid).memory_info().rss)
            except psutil.NoSuchProcess:
                continue
        await asyncio.sleep(0.2)

"""A resync whose workers are killed at any instant: one page at most is read again per death, no write leaves twice."""

import asyncio
import random
import time
from collections import Counter

from sqlalchemy import select

from app.sync.models import Resync
from tests.faults.report import Figure
from tests.faults.rig import APP_KEY, USER_KEY, JsonObject, Rig

RECORDS, CHANGED = 450, 60
OMIE_PAGE, PLOOMES_PAGE = 100, 300
WORKING = ("planning", "scheduled", "running")
LISTS = {"omie": "ListarClientes", "ploomes": "GET Contacts"}
WRITES = ("AlterarCliente", "PATCH Contacts")


async def under_fire(rig: Rig, kills: int, seed: int) -> Figure:
    """Half of the deaths while both sides are listed for a plan, half while the plan is executed."""
    chance = random.Random(seed)
    figure = Figure(rig.setup.name, "workers killed in a resync", note=f"seed {seed}")
    await _equal_sides(rig)
    wanted = await _edited(rig)
    before = await _requests(rig)
    plan = await _asked(rig, {"entities": ["clients"], "dry_run": True})
    reading = await _killed(rig, plan, kills - kills // 2, chance, figure)
    await _rests(rig, plan)
    listed = _since(before, await _requests(rig))
    least = {"omie": -(-RECORDS // OMIE_PAGE), "ploomes": -(-RECORDS // PLOOMES_PAGE) + 1}
    for vendor, name in LISTS.items():
        if listed[name] > least[vendor] + reading:
            figure.fail(f"{name}: {listed[name]} lists for {least[vendor]} pages and {reading} deaths")
    if any(listed[name] for name in WRITES):
        figure.fail(f"the plan wrote: { {name: listed[name] for name in WRITES} }")
    await rig.answering()
    answer = await rig.api.post(f"{_path(rig)}/{plan}/resume", json={"force": True})
    assert answer.is_success, answer.text
    writing = await _killed(rig, plan, kills // 2, chance, figure)
    done = await _rests(rig, plan)
    await rig.settle()
    written = _since(before, await _requests(rig))
    for name in WRITES:
        if written[name] != CHANGED:
            figure.fail(f"{name}: {written[name]} calls for {CHANGED} changed records")
    figure.duplicates += sum(max(0, written[name] - CHANGED) for name in WRITES)
    await _arrived(rig, wanted, figure)
    if done["state"] != "completed":
        figure.fail(f"the resync is {done['state']}: {done['progress']}")
    figure.note += f"; {reading} deaths reading, {writing} writing"
    return figure


async def _equal_sides(rig: Rig) -> None:
    """Clients that stand on both sides and are linked; from here on every webhook is lost."""
    rig.environment["INCREMENTAL_SWEEP_SECONDS"] = "1000000000"  # a sweep would write what the resync is to find
    for door in rig.workers():
        rig.kill(door)
    await rig.dead(2)
    await rig.revive()
    await rig.answering()
    fields = (await rig.control.get(f"/ploomes/{USER_KEY}/Fields")).json()
    key = next(row["Key"] for row in fields if row["Name"] == "Id (Omie)" and row["EntityId"] == 1)
    await rig.post("/twins", {"app_key": APP_KEY, "user_key": USER_KEY, "count": RECORDS, "field": key})
    linked = await _asked(rig, {"entities": ["clients"]})
    assert (await _rests(rig, linked))["state"] == "completed"
    await rig.settle()
    await rig.trouble(kind="drop", times=None)


async def _edited(rig: Rig) -> tuple[dict[str, str], dict[str, str]]:
    """Some edited in Omie, others in Ploomes: id on the edited side and the value that must arrive on the other."""
    omie = [str(row["codigo_cliente_omie"]) for row in await rig.clients()][:CHANGED]
    ploomes = [str(row["Id"]) for row in await rig.contacts()][-CHANGED:]
    for one in omie:
        await rig.type_omie({"email": f"o{one}@novo.test"}, one)
    for one in ploomes:
        await rig.type_ploomes({"Email": f"p{one}@novo.test"}, one)
    return {one: f"o{one}@novo.test" for one in omie}, {one: f"p{one}@novo.test" for one in ploomes}


async def _arrived(rig: Rig, wanted: tuple[dict[str, str], dict[str, str]], figure: Figure) -> None:
    there = {row["Email"] for row in await rig.contacts()}, {row["email"] for row in await rig.clients()}
    for values, held in zip(wanted, there, strict=True):
        lost = set(values.values()) - held
        figure.lost += len(lost)
        figure.complaints += [f"{value} did not arrive" for value in sorted(lost)]


async def _killed(rig: Rig, resync_id: int, kills: int, chance: random.Random, figure: Figure) -> int:
    """Kills every worker (SIGKILL) a moment after one began to work on the pass; answers how many deaths there were."""
    deaths = 0
    while deaths < kills and await _in_hand(rig, resync_id):
        await asyncio.sleep(chance.uniform(0.0, 0.25))
        for door in rig.workers():
            rig.kill(door)
        await rig.dead(2)
        died = time.monotonic()
        await rig.revive()
        deaths += 1
        figure.runs += 1
        await _taken_again(rig, resync_id)
        figure.recoveries.append(time.monotonic() - died)
    return deaths


async def _in_hand(rig: Rig, resync_id: int) -> bool:
    """Waits until a worker has the pass; False when it rests."""
    while True:
        row = await _row(rig, resync_id)
        if row.state not in WORKING:
            return False
        if row.claim is not None:
            return True
        await asyncio.sleep(0.01)


async def _taken_again(rig: Rig, resync_id: int, seconds: float = 60.0) -> None:
    """Waits until another worker took the pass of a dead one, whose claim has to end first."""
    dead = (await _row(rig, resync_id)).claim

    async def taken() -> bool:
        row = await _row(rig, resync_id)
        return row.claim != dead or row.state not in WORKING

    await rig.until(taken, seconds, what=f"resync {resync_id} taken again")


async def _row(rig: Rig, resync_id: int) -> Resync:
    async with rig.db.read() as session:
        return (await session.scalars(select(Resync).where(Resync.id == resync_id))).one()


def _path(rig: Rig) -> str:
    return f"/api/v1/integrations/{rig.integration['id']}/resyncs"


async def _asked(rig: Rig, body: JsonObject) -> int:
    answer = await rig.api.post(_path(rig), json={"start": "now", "force": True, **body})
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


async def _rests(rig: Rig, resync_id: int) -> JsonObject:
    found: JsonObject = {}

    async def rests() -> bool:
        row = await _row(rig, resync_id)
        found.update(state=row.state, progress=row.progress)
        return row.state not in WORKING

    await rig.until(rests, 300, what=f"resync {resync_id} rests")
    return found


async def _requests(rig: Rig) -> Counter[str]:
    """Requests by method that both vendors counted."""
    counters = (await rig.control.get("/counters")).json()
    found: Counter[str] = Counter()
    for vendor, account in (("omie", APP_KEY), ("ploomes", USER_KEY)):
        found.update(counters[vendor].get(account, {}).get("requests", {}))
    return found


def _since(before: Counter[str], after: Counter[str]) -> Counter[str]:
    return Counter({name: count - before[name] for name, count in after.items()})

"""Passes whose workers are killed at any instant: one page at most is read again per death, no write leaves twice, and
a reconcile leaves no difference, as its certificate says."""

import asyncio
import json
import random
import time
from collections import Counter

from sqlalchemy import select

from app.sync.models import Resync
from tests.faults.report import Figure
from tests.faults.rig import APP_KEY, USER_KEY, JsonObject, Rig

RECORDS, CHANGED = 450, 60
CORRUPTED, LOST = 200, 0.3
"""Records that change without a word before a reconcile, and the share of webhooks that are lost after that."""
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


async def reconciled(rig: Rig, kills: int, seed: int) -> Figure:
    """Records corrupted without a word, then edits of which three in ten webhooks are lost; one reconcile whose workers
    die must leave nothing, and its certificate must say so."""
    chance = random.Random(seed)
    figure = Figure(rig.setup.name, "workers killed in a reconcile", note=f"seed {seed}")
    await _equal_sides(rig)
    omie = [str(row["codigo_cliente_omie"]) for row in await rig.clients()]
    ploomes = [str(row["Id"]) for row in await rig.contacts()]
    before = await _requests(rig)
    half, edits = CORRUPTED // 2, CHANGED // 2
    there = {one: f"o{one}@novo.test" for one in omie[:half]}
    here = {one: f"p{one}@novo.test" for one in ploomes[-half:]}
    for one, email in there.items():
        await rig.type_omie({"email": email}, one)
    for one, email in here.items():
        await rig.type_ploomes({"Email": email}, one)
    assert (await rig.control.delete("/faults")).is_success
    for number in range(edits):
        if chance.random() < LOST:
            await rig.trouble(kind="drop", times=1)
        there[omie[half + number]] = f"o{number}@vivo.test"
        await rig.type_omie({"email": f"o{number}@vivo.test"}, omie[half + number])
        if chance.random() < LOST:
            await rig.trouble(kind="drop", times=1)
        here[ploomes[-half - 1 - number]] = f"p{number}@vivo.test"
        await rig.type_ploomes({"Email": f"p{number}@vivo.test"}, ploomes[-half - 1 - number])
    path = f"/api/v1/integrations/{rig.integration['id']}/certificates"
    answer = await rig.api.post(path, json={"start": "now", "force": True})
    assert answer.status_code == 202, answer.text
    resync_id = int(answer.json()["id"])
    deaths = await _killed(rig, resync_id, kills, chance, figure)
    done = await _rests(rig, resync_id)
    await rig.settle()
    if done["state"] != "completed":
        figure.fail(f"the reconcile is {done['state']}: {done['progress']}")
        return figure
    written = _since(before, await _requests(rig))
    for name, wanted in zip(WRITES, (len(here), len(there)), strict=True):
        if written[name] != wanted:
            figure.fail(f"{name}: {written[name]} calls for {wanted} changed records")
        figure.duplicates += max(0, written[name] - wanted)
    await _arrived(rig, (there, here), figure)
    await _equal(rig, figure)
    await rig.answering()
    [newest, *_] = (await rig.api.get(path)).json()["items"]
    document = json.loads((await rig.api.get(f"{path}/{newest['id']}")).text)["certificate"]
    clients = document["entities"]["clients"]
    told = [document["resync_id"], document["clean"], clients["linked"], clients["differences"], clients["excepted"]]
    if told != [resync_id, True, RECORDS, 0, 0]:
        figure.fail(f"the certificate says {document}")
    figure.note += f"; {deaths} deaths, {document['rounds']} rounds, {clients['live']} live"
    return figure


async def _equal(rig: Rig, figure: Figure) -> None:
    """Both sides compared from outside: the same documents, each with the same e-mail, site and names."""
    omie = {_digits(row["cnpj_cpf"]): row for row in await rig.clients()}
    ploomes = {_digits(row["Register"]): row for row in await rig.contacts()}
    if not len(omie) == len(ploomes) == len(omie.keys() | ploomes.keys()) == RECORDS:
        figure.fail(f"{len(omie)} clients and {len(ploomes)} contacts of {RECORDS} pairs")
    fields = (("email", "Email"), ("homepage", "Website"), ("razao_social", "LegalName"), ("nome_fantasia", "Name"))
    for document in omie.keys() & ploomes.keys():
        for one, other in fields:
            held = omie[document].get(one) or None, ploomes[document].get(other) or None
            if held[0] != held[1]:
                figure.fail(f"{document}: {one} is {held[0]} in Omie and {held[1]} in Ploomes")


def _digits(text: object) -> str:
    return "".join(char for char in str(text) if char.isdigit())


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

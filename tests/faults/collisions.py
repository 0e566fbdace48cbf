"""Both sides at once: one client edited in the same second, one document typed twice, values only one side holds."""

import asyncio
import random
import time
from typing import Any

from tests.faults.checker import Ledger, check
from tests.faults.kills import PLACES, recovered, standing
from tests.faults.report import Figure
from tests.faults.rig import USER_KEY, Rig


async def same_second(rig: Rig, runs: int = 20) -> Figure:
    """One field of one client typed on both screens at one instant: one value wins, the other is in the history."""
    figure = Figure(rig.setup.name, "both sides of one client in the same second")
    book = Ledger(rig, first=60_000)
    start = time.monotonic()
    for number, client in enumerate(await standing(book, runs)):
        figure.runs += 1
        await asyncio.gather(
            book.edit("omie", client, email=f"omie{number}@loja.test", district="Do Omie"),
            book.edit("ploomes", client, email=f"ploomes{number}@loja.test", website=f"www{number}.test"),
        )
    start = time.monotonic()
    figure.recoveries.append(await recovered(rig, book, start))
    await rig.settle(120)
    figure.add(await check(rig, book))
    return figure


async def same_document(rig: Rig, runs: int = 20) -> Figure:
    """One CNPJ typed on both screens at once: one record on each side, one link."""
    figure = Figure(rig.setup.name, "one CNPJ typed on both screens at once")
    book = Ledger(rig, first=70_000)
    for _ in range(runs):
        figure.runs += 1
        client = book.fresh()
        await asyncio.gather(book.create("omie", client), book.create("ploomes", client))
        await asyncio.sleep(0.3)
    start = time.monotonic()
    figure.recoveries.append(await recovered(rig, book, start))
    await rig.settle(240)
    figure.add(await check(rig, book))
    return figure


LONG = "Comércio de Materiais Elétricos, Hidráulicos e Ferragens em Geral da Zona Leste de São Paulo Limitada"[:100]
PHONES = ("(11) 3000-0001", "(11) 3000-0002", "(11) 3000-0003", "(11) 3000-0004")


async def round_trips(rig: Rig, seed: int, trips: int = 10) -> Figure:
    """What Omie cannot hold survives in Ploomes: a 100-character name, a fourth phone, an owner who is no seller."""
    figure = Figure(rig.setup.name, "100 characters, fourth phone, unmatched owner", note=f"seed {seed}")
    chance = random.Random(seed)
    book = Ledger(rig, first=80_000)
    owner = (
        await rig.post(
            f"/ploomes/{USER_KEY}/screen/Users", {"Name": "Sem vendedor", "Email": "sem@vendedor.test", "ProfileId": 2}
        )
    )["Id"]
    client = await book.create("ploomes", legal_name=LONG, name=LONG)
    await rig.type_ploomes(
        {"OwnerId": owner, "Phones": [{"PhoneNumber": number, "TypeId": 1} for number in PHONES]}, client.ids["ploomes"]
    )
    await rig.settle()
    await book.learn_ids()
    before = await _kept(rig, client.ids["ploomes"])
    for trip in range(trips):
        figure.runs += 1
        place = chance.choice(PLACES) if chance.random() < 0.5 else None
        if place:
            rig.arm(place)
        await book.edit("ploomes", client, email=f"ida{trip}@loja.test")
        await _through(rig, book, figure, killed=bool(place))
        await book.edit("omie", client, district=f"Volta {trip}")
        await _through(rig, book, figure, killed=False)
        after = await _kept(rig, client.ids["ploomes"])
        if after != before:
            figure.lost += 1
            figure.complaints.append(f"trip {trip}: {before} became {after}")
            before = after
    figure.add(await check(rig, book))
    return figure


async def _through(rig: Rig, book: Ledger, figure: Figure, *, killed: bool) -> None:
    start = time.monotonic()
    if killed:
        if not await rig.dead(20):
            rig.disarm()
        await rig.revive()
    figure.recoveries.append(await recovered(rig, book, start))
    await rig.settle(dead_letters=False)


async def _kept(rig: Rig, contact_id: str) -> dict[str, Any]:
    contact = next(row for row in await rig.contacts() if str(row["Id"]) == contact_id)
    kept = {name: contact[name] for name in ("Name", "LegalName", "OwnerId")}
    return kept | {"phones": [row["PhoneNumber"] for row in contact["Phones"]]}

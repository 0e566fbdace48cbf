"""Redis wiped or killed, the API killed between commit and ring, vendors that apply a write and then fail to say so."""

import asyncio
import random
import time
import uuid

from sqlalchemy import func, select

from app.sync.models import Event, EventSource, EventState
from tests.faults.checker import Ledger, check
from tests.faults.kills import Storm, recovered, standing
from tests.faults.report import Figure
from tests.faults.rig import APP_KEY, SPEED, Rig

ANSWER_SECONDS = 1.0
"""A webhook is answered within this, whatever happens to Redis."""
FOUND_SECONDS = 10.0
"""Of the product's clock: what nobody rang for is taken up within this. What follows may have to wait longer: Omie
refuses to tell of one record twice in a minute."""


async def redis_lost(rig: Rig, seed: int) -> list[Figure]:
    """FLUSHALL twice under a storm; then Redis killed, down for a while, and back empty. Webhooks are answered."""
    assert rig.redis is not None
    chance = random.Random(seed)
    book = Ledger(rig, first=30_000)
    subjects = await standing(book, 8)
    client = subjects[0]
    flushed = Figure(rig.setup.name, "Redis FLUSHALL in a storm", note=f"seed {seed}")
    async with Storm(book, subjects[1:], chance):
        for _ in range(2):
            await asyncio.sleep(chance.uniform(1.0, 2.0))
            await rig.redis.flush()
            flushed.runs += 1
        lost_at = time.monotonic()
        await asyncio.sleep(1.0)
    flushed.recoveries.append(await recovered(rig, book, lost_at))
    await rig.settle(180)
    flushed.add(await check(rig, book))

    subjects = [each for each in subjects if not each.deleted]
    killed = Figure(rig.setup.name, "Redis killed, back empty after 3 s", runs=1)
    answers: list[float] = []
    async with Storm(book, subjects[1:], chance):
        await asyncio.sleep(1.0)
        await rig.redis.kill()
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            answers.append(await _notice(rig, client.ids["omie"]))
            await asyncio.sleep(0.1)
        await rig.redis.start()
        lost_at = time.monotonic()
        await asyncio.sleep(1.0)
    killed.recoveries.append(await recovered(rig, book, lost_at))
    await rig.settle(180)
    killed.add(await check(rig, book))
    killed.note = f"slowest of {len(answers)} answers without Redis: {max(answers) * 1000:.0f} ms"
    if max(answers) > ANSWER_SECONDS:
        killed.fail(f"a webhook took {max(answers):.2f} s")
    return [flushed, killed]


async def _notice(rig: Rig, omie_id: str) -> float:
    """Posts a genuine notice; returns the real seconds to its 200."""
    body = {
        "messageId": str(uuid.uuid4()), "topic": "ClienteFornecedor.Alterado", "appKey": APP_KEY,
        "event": {"codigo_cliente_omie": int(omie_id)},
        "author": {"email": "maria@loja.test", "name": "Maria", "userId": 1},
    }  # fmt: skip
    start = time.monotonic()
    answer = await rig.api.post(rig.integration["webhook_urls"]["omie"], json=body)
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    return time.monotonic() - start


async def api_killed_before_ring(rig: Rig, runs: int = 5) -> Figure:
    """The API dies after the commit and before anybody was told: the book is looked at without it."""
    figure = Figure(rig.setup.name, "API killed between commit and ring")
    book = Ledger(rig, first=40_000)
    slowest = 0.0
    for number, client in enumerate(await standing(book, runs)):
        figure.runs += 1
        rig.arm("stored")
        await book.edit("omie", client, district=f"Bairro {number}")
        if not await rig.dead(10):
            rig.disarm()
            figure.fail("nothing died")
        start = time.monotonic()
        if rig.setup.name == "embedded":  # the worker died with it
            await rig.revive()
        else:
            found = await _found(rig, start)
            slowest = max(slowest, found)
            figure.note = f"found after {slowest:.1f} s at most"
            if found > FOUND_SECONDS:
                figure.fail(f"found after {found:.0f} s of the product's clock")
        figure.recoveries.append(await recovered(rig, book, start))
        await rig.revive()
        await rig.settle(dead_letters=False)
        figure.add(await check(rig, book))
    return figure


async def _found(rig: Rig, since: float) -> float:
    """Seconds of the product's clock from `since` until somebody has taken up every notice."""

    async def taken() -> bool:
        untouched = select(func.count(Event.id)).where(
            Event.state == EventState.RECEIVED, Event.source == EventSource.WEBHOOK
        )
        async with rig.db.read() as session:
            return not await session.scalar(untouched)

    await rig.until(taken, 60, what="an event that nobody rang for is taken up")
    return (time.monotonic() - since) * SPEED


LOST_ANSWERS = (
    {"kind": "status", "status": 500},
    {"kind": "disconnect"},
    {"kind": "timeout", "seconds": 5.0},
)
WRITES = (
    ("omie", "create", {"match": "IncluirCliente"}),
    ("omie", "edit", {"match": "AlterarCliente"}),
    ("omie", "delete", {"match": "ExcluirCliente"}),
    ("ploomes", "create", {"match": "Contacts", "verb": "POST"}),
    ("ploomes", "edit", {"match": "Contacts", "verb": "PATCH"}),
    ("ploomes", "delete", {"match": "Contacts", "verb": "DELETE"}),
)
"""Where the answer is lost, what a person does on the other side, which call it breaks."""


async def answers_lost(rig: Rig) -> Figure:
    """Every write on both vendors is applied and then answered with 500, a torn connection, or not at all."""
    figure = Figure(rig.setup.name, "applied, then 500 / torn / no answer")
    book = Ledger(rig, first=50_000)
    subjects = await standing(book, len(LOST_ANSWERS) * 4)
    for rule in LOST_ANSWERS:
        for vendor, action, where in WRITES:
            figure.runs += 1
            await rig.trouble(vendor=vendor, when="after", **where, **rule)
            screen = "ploomes" if vendor == "omie" else "omie"
            if action == "create":
                await book.create(screen)
            elif action == "edit":
                await book.edit(screen, subjects.pop(), email=f"perdido{figure.runs}@loja.test")
            else:
                await book.delete(screen, subjects.pop())
            start = time.monotonic()
            figure.recoveries.append(await recovered(rig, book, start))
            await rig.settle(dead_letters=False)
            what = f"{vendor} {action} {rule['kind']}"
            if figure.recoveries[-1] == max(figure.recoveries):
                figure.note = f"slowest: {what}"
            figure.add(await check(rig, book), where=f"{what}:")
            left = (await rig.control.get("/faults")).json()
            if left:
                figure.fail(f"{what}: the trouble never happened")
                await rig.control.delete("/faults")
    return figure

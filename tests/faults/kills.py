"""Workers killed: at every boundary of the road for every operation, and at random under a storm of edits."""

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tests.faults.checker import Client, Ledger, check, told
from tests.faults.report import Figure
from tests.faults.rig import SPEED, Rig

LEASE_SECONDS = 45.0
"""How long a dead worker's events and lanes stay its own, by the product's clock."""
REACHED_SECONDS = 20.0
"""Real time until a boundary must have been passed."""

Act = Callable[[Ledger, Client], Awaitable[object]]


@dataclass(frozen=True)
class Operation:
    """Something a person does, where its write must appear, and the places on its road."""

    name: str
    act: Act
    vendor: str
    action: str
    places: Sequence[str]
    exists: bool = True


CREATING = ("claimed", "locked", "read", "decided", "journaled", "written", "committed", "decided:2")
EDITING = ("claimed", "locked", "read", "decided", "journaled", "written", "committed")
OPERATIONS = (
    Operation("create Omie to Ploomes", lambda book, client: book.create("omie", client), "ploomes", "create",
              (*CREATING, "committed:2"), exists=False),
    Operation("create Ploomes to Omie", lambda book, client: book.create("ploomes", client), "omie", "create",
              (*CREATING, "journaled:2", "written:2", "committed:2"), exists=False),
    Operation("update Omie to Ploomes", lambda book, client: book.edit("omie", client, email="novo@omie.test"),
              "ploomes", "update", EDITING),
    Operation("update Ploomes to Omie", lambda book, client: book.edit("ploomes", client, email="novo@ploomes.test"),
              "omie", "update", EDITING),
    Operation("delete Omie to Ploomes", lambda book, client: book.delete("omie", client), "ploomes", "delete", EDITING),
    Operation("delete Ploomes to Omie", lambda book, client: book.delete("ploomes", client), "omie", "delete", EDITING),
)  # fmt: skip
QUICK = {
    "embedded": {"create Omie to Ploomes": ("written",)},
    "split": {"create Ploomes to Omie": ("written",)},
}
"""By set-up, what the quick proof takes."""


async def at_boundaries(rig: Rig, places: dict[str, Sequence[str]] | None = None) -> list[Figure]:
    """One death at each boundary of each operation (or at the given places), a check after each recovery."""
    book = Ledger(rig)
    chosen = [
        (op, places[op.name] if places else op.places) for op in OPERATIONS if places is None or op.name in places
    ]
    subjects = await standing(book, sum(len(spots) for op, spots in chosen if op.exists))
    figures = []
    for operation, spots in chosen:
        figure = Figure(rig.setup.name, f"killed at each boundary: {operation.name}")
        for spot in spots:
            client = subjects.pop() if operation.exists else book.fresh()
            await _die_once(rig, book, figure, operation, client, spot)
        if places is None:
            await rig.settle()
            figure.add(await check(rig, book), where="in the end:")
        figures.append(figure)
    return figures


async def _die_once(rig: Rig, book: Ledger, figure: Figure, operation: Operation, client: Client, spot: str) -> None:
    figure.runs += 1
    boundary, _, passage = spot.partition(":")
    rig.arm(boundary, int(passage or 1))
    await operation.act(book, client)
    if not await rig.dead(REACHED_SECONDS):
        rig.disarm()
        figure.fail(f"{spot} was never reached")
    start = time.monotonic()
    await rig.revive()
    figure.recoveries.append(await recovered(rig, book, start))
    await rig.settle(dead_letters=False)
    figure.add(await check(rig, book), where=f"{spot}:")
    if not await told(rig, client.document, operation.vendor, operation.action):
        figure.fail(f"{spot}: the history does not tell the {operation.action}")


async def recovered(rig: Rig, book: Ledger, since: float, seconds: float = 60.0) -> float:
    """Real seconds from `since` until nothing is lost and the book is right (a vendor may still repeat webhooks)."""
    with suppress(AssertionError):  # the check after it tells what is still wrong

        async def right() -> bool:
            return not (await check(rig, book)).all()

        await rig.until(right, since + seconds - time.monotonic())
    return time.monotonic() - since


async def standing(book: Ledger, count: int) -> list[Client]:
    """Clients that stand on both sides."""
    made = [await book.create("omie" if number % 2 else "ploomes") for number in range(count)]
    await book.rig.settle()
    await book.learn_ids()
    return made


class Storm:
    """People at both screens who never stop: edits, new clients, now and then a deletion."""

    def __init__(self, book: Ledger, subjects: Sequence[Client], chance: random.Random, every: float = 0.25) -> None:
        self.book = book
        self.edits = 0
        self._subjects = list(subjects)
        self._doomed = [self._subjects.pop() for _ in range(len(subjects) // 4)]
        self._chance = chance
        self._every = every
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Storm":
        self._task = asyncio.create_task(self._rage())
        return self

    async def __aexit__(self, *problem: object) -> None:
        assert self._task is not None
        self._task.cancel()
        done = await asyncio.gather(self._task, return_exceptions=True)
        if isinstance(done[0], Exception):
            raise done[0]

    async def _rage(self) -> None:
        while True:
            await asyncio.shield(asyncio.create_task(self._one()))
            await asyncio.sleep(self._every * self._chance.uniform(0.5, 1.5))

    async def _one(self) -> None:
        self.edits += 1
        vendor = self._chance.choice(("omie", "ploomes"))
        luck = self._chance.random()
        if luck < 0.1:
            await self.book.create(vendor)
        elif luck < 0.13 and self._doomed:
            await self.book.delete(vendor, self._doomed.pop())
        else:
            name = self._chance.choice(("name", "email", "website", "street", "district"))
            await self.book.edit(vendor, self._chance.choice(self._subjects), **{name: f"v{self.edits}@{name}.test"})


PLACES = ("claimed", "locked", "read", "decided", "journaled", "written", "committed")


async def at_random(rig: Rig, kills: int, seed: int, *, burst: int = 5) -> Figure:
    """Seeded deaths under a storm: three in four at a boundary, one in four at any instant; a check every few.

    An event whose worker died four times is put aside with an issue, for a person to try again: that is us.
    """
    chance = random.Random(seed)
    figure = Figure(rig.setup.name, "random kills in a storm", note=f"seed {seed}")
    book = Ledger(rig, first=20_000)
    told_so_far = aside = 0
    while figure.runs < kills:
        subjects = await standing(book, 12)
        async with Storm(book, subjects, chance) as storm:
            for _ in range(min(burst, kills - figure.runs)):
                figure.runs += 1
                await asyncio.sleep(chance.uniform(0.0, LEASE_SECONDS / SPEED))
                await _kill_somehow(rig, chance)
                died = time.monotonic()
                await asyncio.sleep(chance.uniform(0.0, 0.5))
                await rig.revive()
        figure.recoveries.append(await recovered(rig, book, died))
        await rig.settle(180)
        if retried := await rig.try_again("quarantine"):
            aside += retried
            figure.note = f"seed {seed}, {aside} put aside and tried again"
            await rig.settle(180)
        figure.add(await check(rig, book), where=f"after {figure.runs} kills, {storm.edits} edits:")
        print(f"{figure.setup}: {figure.runs} kills, {len(figure.complaints)} complaints", file=sys.stderr)
        for complaint in figure.complaints[told_so_far:]:  # a long run need not end to be read
            print(f"  {complaint}", file=sys.stderr)
        told_so_far = len(figure.complaints)
    return figure


async def _kill_somehow(rig: Rig, chance: random.Random) -> None:
    if chance.random() < 0.75:
        rig.arm(chance.choice(PLACES), chance.randint(1, 3))
        if await rig.dead(12):
            return
        rig.disarm()
    rig.kill(chance.choice(rig.workers()))
    await rig.dead(2)

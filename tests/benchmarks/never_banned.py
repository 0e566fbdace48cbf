"""Promise 3: twenty integrations, four workers, two simulated hours, and no vendor ever has to refuse a call.

One integration is saturated, three have data that Omie refuses, one comes new in the middle with its first load, one
is blocked by Omie for half an hour. Everything is counted by the sandbox, not by the service; time runs ten times
faster for both. Minutes and seconds below are of that faster time.
"""

import asyncio
import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.load import percentile
from tests.benchmarks.people import Client, add_clients, clients, edit_in_omie, edit_in_ploomes, settled
from tests.benchmarks.report import Figure, Skipped
from tests.benchmarks.rig import Pair, Rig, RigError, until
from tests.benchmarks.setups import Setup

SPEED, QUICK_SPEED = 5.0, 2.0
"""How much faster than real time, where nothing else is asked for; ten is the most that is allowed. Two cores do about
a hundred simulated calls a minute at ten."""
SECONDS, QUICK_SECONDS = 7200.0, 300.0
INTEGRATIONS, REFUSED, NEWCOMERS = 20, 3, 1
BUSY_CLIENTS, QUICK_CLIENTS, BUSY_OPEN = 300, 130, 80
"""Clients of the saturated integration, and how many of them always wait: below the hundred that stay live. A client
that is edited again within a minute would wait for Omie's redundancy interval instead of for the limits."""
CLIENTS = 4
NEW_CLIENTS = 20
EVERY_SECONDS = 30.0
"""Between two edits of each of the other integrations."""
BLOCKED_METHODS = ("ConsultarCliente", "ListarClientes", "AlterarCliente")
ARMED_SECONDS = 120.0
"""A method that is not called by then is not blocked: all blocks end at about the same time."""
METHOD_MINUTE, ADDRESS_MINUTE = 240, 960
FIRST_PACE, GROWTH, STEP_SECONDS = 100, 1.1, 3600.0
"""What design section 6 lets a Ploomes account do after its first 429."""
EMAIL, DISTRICT = 1, 2
"""Indices in people.FIELDS: one for edits in Omie, the other in Ploomes, so that no edit meets another."""
POLL_SECONDS = 0.25
"""Of real time."""

Tables = dict[str, dict[str, Any]]
"""The sandbox's counters by account."""


@dataclass
class Customer:
    """One integration and the people who work with it."""

    pair: Pair
    role: str
    people: list[Client] = field(default_factory=list)
    open: dict[tuple[str, str], float] = field(default_factory=dict)
    """Where a write is still to arrive, and since when."""
    waits: list[tuple[float, float]] = field(default_factory=list)
    """When a write arrived, and how long after its edit; simulated seconds."""
    edits: int = 0
    turn: int = 0


class Crowd:
    """Everybody, and the sandbox's clock."""

    def __init__(self, rig: Rig, say: Callable[[str], None]) -> None:
        self.rig = rig
        self.say = say
        self.customers: list[Customer] = []
        self._homes: dict[tuple[str, str], Customer] = {}
        self._seen = 0

    def now(self) -> float:
        """Simulated seconds."""
        return time.time() * self.rig.speed

    def of(self, role: str) -> list[Customer]:
        """The customers of a role."""
        return [customer for customer in self.customers if customer.role == role]

    async def join(self, number: int, role: str, count: int) -> Customer:
        """A customer with accounts of its own and `count` clients typed into Omie; not activated yet."""
        app_key, secret, user_key = f"20000000000{number:02d}", f"app-secret-{number}", f"user-key-{number}"
        await self.rig.control("POST", "/omie", json={"app_key": app_key, "app_secret": secret})
        await self.rig.control("POST", "/ploomes", json={"user_key": user_key})
        pair = await self.rig.create(app_key=app_key, app_secret=secret, user_key=user_key, name=f"{role} {number}")
        await add_clients(self.rig, pair, count, first=1000 * number)
        return Customer(pair, role)

    async def meet(self, customer: Customer, count: int, seconds: float) -> None:
        """Waits for the first load; from then on the customer is one of the crowd."""
        await settled(self.rig, customer.pair, count, seconds=seconds)
        customer.people = await clients(self.rig, customer.pair)
        for client in customer.people:
            self._homes["omie", client.omie_id] = self._homes["ploomes", client.ploomes_id] = customer
        self.customers.append(customer)

    async def edit(self, customer: Customer) -> bool:
        """One edit of the next client that waits for nothing, in turn on both screens; False when all wait."""
        for _ in customer.people:
            client = customer.people[customer.turn % len(customer.people)]
            in_omie = (customer.turn + customer.turn // len(customer.people)) % 2 == 0
            customer.turn += 1
            targets = ("ploomes", client.ploomes_id), ("omie", client.omie_id)
            if any(target in customer.open for target in targets):
                continue
            customer.edits += 1
            if in_omie:
                customer.open[targets[0]] = self.now()
                value = f"novo{customer.edits}@loja.com.br"
                await edit_in_omie(self.rig, customer.pair, client, EMAIL, value)
            else:
                if customer.role != "refused":
                    customer.open[targets[1]] = self.now()
                await edit_in_ploomes(self.rig, customer.pair, client, DISTRICT, f"Bairro {customer.edits}")
            return True
        return False

    async def work(self, customer: Customer) -> None:
        """People edit until cancelled: always `BUSY_OPEN` waiting, or one edit every so often."""
        while True:
            if customer.role == "busy":
                while len(customer.open) < BUSY_OPEN and await self.edit(customer):
                    pass
                await asyncio.sleep(POLL_SECONDS)
            else:
                await self.edit(customer)
                await asyncio.sleep(EVERY_SECONDS / self.rig.speed)

    async def listen(self) -> None:
        """Notes which writes arrived, until cancelled."""
        while True:
            await self.hear()
            await asyncio.sleep(POLL_SECONDS)

    async def hear(self) -> None:
        """The writes since the last look."""
        self._seen, writes = await self.rig.writes(self._seen)
        for write in writes:
            place = (write["vendor"], str(write["id"]))
            home = self._homes.get(place)
            if not write["ok"] or home is None or place not in home.open:
                continue
            done = write["done"] * self.rig.speed
            home.waits.append((done, done - home.open.pop(place)))


@dataclass
class Block:
    """Omie blocks every client method of one integration."""

    customer: Customer
    seconds: float
    began: float = math.nan
    ended: float = math.nan
    calls: int = -1
    """Calls of blocked methods while the block lasted, without the ones that ran into it."""
    hit: int = 0
    drained: float = math.inf
    """Seconds from the end of the block until all that waited had arrived."""


async def run(
    setup: Setup, folder: Path, *, quick: bool, speed: float | None, say: Callable[[str], None]
) -> tuple[list[Figure], list[Skipped]]:
    """The whole proof on a rig of its own. Raises RigError when it cannot be measured."""
    try:
        async with Rig(setup, folder, speed=speed or (QUICK_SPEED if quick else SPEED)) as rig:
            return await _prove(Crowd(rig, say), setup.name, quick=quick), []
    except ExceptionGroup as group:
        raise RigError("; ".join(f"{type(error).__name__}: {error}" for error in group.exceptions)) from group


async def _prove(crowd: Crowd, setup: str, *, quick: bool) -> list[Figure]:
    newcomer = await _gather(crowd, QUICK_CLIENTS if quick else BUSY_CLIENTS)
    async with asyncio.TaskGroup() as tasks:
        always = [tasks.create_task(crowd.listen())]
        always += [tasks.create_task(crowd.work(customer)) for customer in crowd.customers]
        seconds = QUICK_SECONDS if quick else SECONDS
        try:
            return await _measure(crowd, newcomer, always, tasks, seconds=seconds, setup=setup)
        finally:
            for task in always:
                task.cancel()


async def _gather(crowd: Crowd, most: int) -> Customer:
    """Everybody with an ended first load, except the newcomer, who is returned."""
    roles = ["busy", *["refused"] * REFUSED, "blocked"]
    roles += ["plain"] * (INTEGRATIONS - NEWCOMERS - len(roles))
    sizes = {"busy": most}
    joined = [await crowd.join(number, role, sizes.get(role, CLIENTS)) for number, role in enumerate(roles)]
    newcomer = await crowd.join(len(roles), "newcomer", NEW_CLIENTS)
    crowd.say(f"never banned: {len(joined)} integrations stand, first loads begin")
    for customer in joined:
        await crowd.rig.activate(customer.pair)
    for customer in joined:
        await crowd.meet(customer, sizes.get(customer.role, CLIENTS), seconds=300)
    for customer in crowd.of("refused"):
        await _refuse(crowd, customer)
    return newcomer


async def _refuse(crowd: Crowd, customer: Customer) -> None:
    """Whatever is written into this Omie app lacks something, for ever."""
    for method in ("AlterarCliente", "IncluirCliente"):
        await crowd.rig.control("POST", "/faults", json={
            "kind": "fault", "vendor": "omie", "account": customer.pair.app_key, "match": method, "times": None,
            "text": "ERROR: O preenchimento da tag [inscricao_estadual] é obrigatório!",
            "code": "SOAP-ENV:Client-1000",
        })  # fmt: skip


async def _measure(crowd: Crowd, newcomer: Customer, always: list[asyncio.Task[None]], tasks: asyncio.TaskGroup, *,
                   seconds: float, setup: str) -> list[Figure]:  # fmt: skip
    busy = crowd.of("busy")[0]
    crowd.say("never banned: first loads are over, one integration meets its limit")
    taught = await _first_429(crowd, busy)
    await asyncio.sleep(75.0 / crowd.rig.speed)
    crowd.say(f"never banned: {seconds / 60:.0f} simulated minutes begin")
    start, before = crowd.now(), await crowd.rig.control("GET", "/counters")
    block = Block(crowd.of("blocked")[0], seconds / 4)
    blocking = tasks.create_task(_block(crowd, block, after=seconds / 3))
    always.append(blocking)
    await asyncio.sleep(seconds / 10 / crowd.rig.speed)
    await crowd.rig.activate(newcomer.pair)
    asked = crowd.now()
    await crowd.meet(newcomer, NEW_CLIENTS, seconds=seconds / crowd.rig.speed)
    loaded = crowd.now() - asked
    always.append(tasks.create_task(crowd.work(newcomer)))
    await asyncio.sleep(max(0.0, (start + seconds - crowd.now()) / crowd.rig.speed))
    end, after = crowd.now(), await crowd.rig.control("GET", "/counters")
    await blocking
    for task in always[1:]:
        task.cancel()
    left = await _drained(crowd)
    total = await crowd.rig.control("GET", "/counters")
    spent = {vendor: _spent(before[vendor], after[vendor]) for vendor in ("omie", "ploomes")}
    minutes = (end - start) / 60.0
    return [
        *_refusals(setup, total, block, minutes),
        *_throughput(setup, crowd, busy, spent, taught, start, end),
        *_blocked(setup, crowd, busy, block, start, end),
        Figure(setup, "never banned: first load beside it all", loaded, "s", note=f"{NEW_CLIENTS} clients, bulk"),
        Figure(setup, "never banned: edits not arrived at the end", left, "edits", 0),
    ]


async def _first_429(crowd: Crowd, busy: Customer) -> float:
    """From when the pace of the saturated account counts: its first 429, or now when it was never refused, because
    past a hundred a minute it felt its way one call at a time and found no need to go on."""

    async def refused() -> bool:
        counters = await crowd.rig.control("GET", "/counters")
        return bool(counters["ploomes"][busy.pair.user_key]["refusals"]["rate"])

    with contextlib.suppress(RigError):
        await until("the saturated integration meets Ploomes' limit", refused, seconds=20, every=POLL_SECONDS)
    return crowd.now()


async def _block(crowd: Crowd, block: Block, *, after: float) -> None:
    """Omie blocks what the customer calls next; what is seen until the end of the block, and how the work drains."""
    rig, account = crowd.rig, block.customer.pair.app_key
    await asyncio.sleep(after / crowd.rig.speed)
    rules = {}
    for method in BLOCKED_METHODS:
        rule = {"kind": "block", "vendor": "omie", "account": account, "match": method, "seconds": block.seconds}
        rules[method] = (await rig.control("POST", "/faults", json={**rule, "times": 1}))["id"]
    block.began = crowd.now()

    async def look() -> tuple[Counter[str], set[str]]:
        counters = await rig.control("GET", "/counters")
        waiting = {rule["id"] for rule in await rig.control("GET", "/faults")}
        return Counter(counters["omie"][account]["requests"]), {m for m, rule in rules.items() if rule not in waiting}

    at_hit: dict[str, int] = {}
    count: Counter[str] = Counter()
    until_ = block.began + block.seconds
    while crowd.now() < until_:
        count, hit = await look()
        for method in hit - set(at_hit):
            at_hit[method] = count[method]
            until_ = crowd.now() + block.seconds
        if crowd.now() > block.began + ARMED_SECONDS:
            for method in set(rules) - hit:
                await rig.control("DELETE", f"/faults/{rules.pop(method)}")
        await asyncio.sleep(POLL_SECONDS)
    block.ended, block.hit = crowd.now(), len(at_hit)
    block.calls = sum(count[method] - calls for method, calls in at_hit.items())
    stuck = set(block.customer.open)

    async def arrived() -> bool:
        return not stuck & set(block.customer.open)

    try:
        block.drained = crowd.rig.speed * await until(
            "the blocked integration's work drained", arrived, seconds=600.0 / crowd.rig.speed, every=0.1
        )
    except RigError:
        block.drained = math.inf


async def _drained(crowd: Crowd) -> int:
    """Edits still not arrived, five minutes after the last one."""

    async def all_arrived() -> bool:
        await crowd.hear()
        return not any(customer.open for customer in crowd.customers)

    with contextlib.suppress(RigError):
        await until("everything arrived", all_arrived, seconds=300.0 / crowd.rig.speed, every=POLL_SECONDS)
    return sum(len(customer.open) for customer in crowd.customers)


# --- figures --------------------------------------------------------------------------------------------------------


def _spent(before: Tables, after: Tables) -> dict[str, Counter[str]]:
    """Requests by account and method between two looks at the counters."""
    return {
        account: Counter(book["requests"]) - Counter(before.get(account, {}).get("requests", {}))
        for account, book in after.items()
    }


def _refusals(setup: str, total: Tables, block: Block, minutes: float) -> list[Figure]:
    omie: Counter[str] = Counter()
    for book in total["omie"].values():
        omie.update(book["refusals"])
    omie["block"] -= block.hit
    rates = [book["refusals"]["rate"] for book in total["ploomes"].values()]
    faults = sum(sum(book["faults"].values()) for book in total["omie"].values())
    note = ", ".join(f"{cause} {count}" for cause, count in omie.items() if count) or "none of any kind"
    span = f"{minutes:.0f} simulated minutes, {INTEGRATIONS} integrations; {note}; {faults} business faults"
    first = f"{sum(map(bool, rates))} accounts were taught by one"
    return [
        Figure(setup, "never banned: refusals by Omie", sum(omie.values()), "calls", 0, note=span),
        Figure(
            setup, "never banned: 429s of Ploomes from the second of an account on",
            sum(max(0, rate - 1) for rate in rates), "calls", 0, note=first,
        ),
    ]  # fmt: skip


def _throughput(setup: str, crowd: Crowd, busy: Customer, spent: dict[str, dict[str, Counter[str]]], taught: float,
                start: float, end: float) -> list[Figure]:  # fmt: skip
    minutes = (end - start) / 60.0
    omie, ploomes = spent["omie"][busy.pair.app_key], spent["ploomes"][busy.pair.user_key].total()
    address = sum(counts.total() for counts in spent["omie"].values())
    method, most = max(omie.items(), key=lambda item: item[1], default=("", 0))
    allowed = _allowed(taught, start, end)
    shares = {
        f"Ploomes {ploomes / minutes:.0f} of {allowed / minutes:.0f}/min": ploomes / allowed,
        f"{method} {most / minutes:.0f} of {METHOD_MINUTE}/min": most / (METHOD_MINUTE * minutes),
        f"all of Omie {address / minutes:.0f} of {ADDRESS_MINUTE}/min": address / (ADDRESS_MINUTE * minutes),
    }
    others = [one for one in crowd.customers if one is not busy]
    waits = [wait for one in others if one.role != "blocked" for at, wait in one.waits if start <= at <= end]
    arrived = sum(start <= at <= end for one in others for at, _ in one.waits)
    busy_writes = sum(start <= at <= end for at, _ in busy.waits)
    return [
        Figure(
            setup, "never banned: busiest, of what its limits allow", max(shares.values()), "×", 0.90, at_least=True,
            note="; ".join(shares),
        ),
        Figure(setup, "never banned: busiest, edits arrived", busy_writes / minutes, "/min"),
        Figure(setup, "never banned: the others, edits arrived", arrived / minutes, "/min", note=f"{len(others)}"),
        Figure(setup, "never banned: the others, edit to write, p50", percentile(waits, 0.50), "s"),
        Figure(setup, "never banned: the others, edit to write, p95", percentile(waits, 0.95), "s"),
    ]  # fmt: skip


def _blocked(setup: str, crowd: Crowd, busy: Customer, block: Block, start: float, end: float) -> list[Figure]:
    def rate(customers: Iterable[Customer], since: float, until_: float) -> float:
        arrived = sum(since <= at <= until_ for one in customers for at, _ in one.waits)
        return arrived / (until_ - since) * 60.0

    others = [one for one in crowd.customers if one.role == "plain"] + [busy]
    during, before = rate(others, block.began, block.ended), rate(others, start, block.began)
    note = f"{block.seconds / 60:.0f} min, {block.hit} methods; others {before:.0f} -> {during:.0f} edits/min"
    return [
        Figure(setup, "blocked: calls of a blocked method", block.calls, "calls", 0, note=note),
        Figure(setup, "blocked: throughput of the others", during / before, "×", 0.95, at_least=True),
        Figure(setup, "blocked: its work drained after the end", block.drained, "s"),
    ]


def _allowed(taught: float, start: float, end: float) -> float:
    """Calls that design section 6 lets an account make between two moments, after its first 429."""
    calls, at = 0.0, start
    while at < end:
        step = math.floor((at - taught) / STEP_SECONDS)
        until_ = min(end, taught + (step + 1) * STEP_SECONDS)
        calls += math.floor(FIRST_PACE * GROWTH**step) * (until_ - at) / 60.0
        at = until_
    return calls

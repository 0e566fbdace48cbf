"""Promise 3 as a property: whatever several processes do at once over one store, whenever one dies or the state is
lost, no call leaves that the pretend vendor would refuse. The witness is the sandbox's own book of limits."""

import asyncio
import contextlib
import random
import uuid
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from app.core.clock import Clock
from app.core.db import Base, Database
from app.core.errors import Fault, Postponed, VendorError
from app.core.limit_redis import FRAME, RedisLimitStore
from app.core.limit_rules import Call, Rules
from app.core.limit_store import LimitStore, MemoryLimitStore
from app.core.limits import Limiter, Slot
from app.core.ports import Priority
from app.omie.budgets import RULES as OMIE_RULES
from app.ploomes.budgets import RULES as PLOOMES_RULES
from app.sandbox.app import Sandbox
from app.sandbox.clock import SandboxClock
from app.sandbox.omie import faults, limits
from tests.vendor_rig import ManualClock

SMALL = {"method_minute": 6, "address_minute": 14}
"""Limits low enough to be met within an example; the witness gets the same."""
OMIE = replace(OMIE_RULES, budgets=[replace(row, limit=SMALL.get(row.name, row.limit)) for row in OMIE_RULES.budgets])
LONGEST = 30
"""Seconds after which a client gives up; the vendor may work on for a while."""
LINGER = 8


class HandClock(SandboxClock):
    """The sandbox's clock on the test's hands."""

    def __init__(self, hands: ManualClock) -> None:
        super().__init__()
        self.hands = hands

    def time(self) -> float:
        return self.hands.at


@dataclass
class Shared:
    """What all processes share: the counts, which a test can wipe."""

    hands: ManualClock
    store: LimitStore
    redis: Redis | None = None
    prefix: str = ""

    async def tick(self) -> None:
        """Redis has a clock of its own: it is set to the test's before every call."""
        if self.redis is not None:
            seconds, micros = await self.redis.time()
            mend = f"{self.hands.at - seconds - micros / 1e6:.6f}"
            await self.redis.hset(self.prefix + FRAME, "mend", mend)  # type: ignore[misc]

    async def wipe(self) -> None:
        """The state is gone, as after a flush."""
        if self.redis is None:
            self.store.__init__(self.hands)  # type: ignore[misc]
            return
        async for key in self.redis.scan_iter(f"{self.prefix}*"):
            await self.redis.delete(key)
        await self.tick()


@dataclass
class Flight:
    """A call on its way, as its process and as the vendor see it."""

    process: int
    call: Call
    slot: Slot
    turn: AbstractAsyncContextManager[Slot]
    place: AbstractContextManager[None]
    began: float
    ours: bool = True
    """False once the process died or gave up."""
    theirs: bool = True
    """False once the vendor is done."""


@dataclass
class World:
    """Three processes, two apps and Omie's own book."""

    shared: Shared
    db: Database
    rules: list[Rules] = field(default_factory=lambda: [OMIE, PLOOMES_RULES])
    flights: list[Flight] = field(default_factory=list)
    granted: int = 0

    def __post_init__(self) -> None:
        sandbox = Sandbox(seed="empty")
        sandbox.kernel.clock = HandClock(self.shared.hands)
        self.books = {account: limits.Limits(sandbox.kernel) for account in ("a", "b")}
        self.address = limits.IpLimit(sandbox.kernel)
        self.processes = [self.process() for _ in range(3)]

    def process(self) -> Limiter:
        return Limiter(self.shared.store, self.db, self.shared.hands, self.rules, patience=0.0)

    async def start(self, process: int, call: Call) -> None:
        """Asks for a turn; whoever gets one calls Omie, who must not refuse."""
        await self.shared.tick()
        turn = self.processes[process].slot(call, patience=0.0)
        try:
            slot = await turn.__aenter__()
        except Postponed:
            return
        self.granted += 1
        book = self.books[call.account]
        self.address.spend("host")
        place = book.admitted(call.method, str(call.param).encode(), write=call.write)
        place.__enter__()
        if call.record is not None:
            book.may_alter(int(call.record))
            book.altered(int(call.record))
        self.flights.append(Flight(process, call, slot, turn, place, self.shared.hands.at))

    async def end(self, flight: Flight, *, refused: bool) -> None:
        """The answer comes: fine, or a fault that counts as an error."""
        await self.shared.tick()
        self._vendor_done(flight)
        if refused:
            self.books[flight.call.account].error(flight.call.method)
            error = VendorError(Fault.NOT_FOUND, "não cadastrado", vendor="omie", status=500)
            await self.processes[flight.process].learn(flight.call, error)
        flight.ours = False
        await flight.turn.__aexit__(None, None, None)

    def _vendor_done(self, flight: Flight) -> None:
        if flight.theirs:
            flight.theirs = False
            flight.place.__exit__(None, None, None)

    async def wait(self, seconds: int) -> None:
        """Time passes, second by second; clients give up after half a minute and the vendor works on a little."""
        for _ in range(seconds):
            self.shared.hands.at += 1.0
            for flight in self.flights:
                age = self.shared.hands.at - flight.began
                if flight.ours and age >= LONGEST:
                    await self.shared.tick()
                    flight.ours, flight.slot.abandoned = False, True
                    await flight.turn.__aexit__(None, None, None)
                if age >= LONGEST + LINGER:
                    self._vendor_done(flight)

    def die(self, process: int) -> None:
        """A process is killed and another takes its place; what it had asked for goes on at the vendor."""
        for flight in self.flights:
            if flight.process == process and flight.ours:
                flight.ours = False  # its turn is never given back
        self.processes[process] = self.process()

    async def do(self, step: tuple[Any, ...]) -> None:
        """One step of an example."""
        match step:
            case ("start", process, call):
                await self.start(process, call)
            case ("end", position, refused):
                mine = [flight for flight in self.flights if flight.ours]
                if mine:
                    await self.end(mine[position % len(mine)], refused=refused)
            case ("wait", seconds):
                await self.wait(seconds)
            case ("die", process):
                self.die(process)
            case ("wipe",):
                await self.shared.wipe()


def _calls() -> st.SearchStrategy[Call]:
    priorities = st.sampled_from(list(Priority))
    accounts = st.sampled_from(["a", "a", "a", "b"])
    params = st.sampled_from([f"p{number}" for number in range(4)])
    reads = st.builds(
        lambda account, method, priority, param: Call("omie", account, method, priority, param=param),
        accounts, st.sampled_from(["ConsultarCliente", "ListarClientes"]), priorities, params,
    )  # fmt: skip
    writes = st.builds(
        lambda account, method, priority, param, record: Call("omie", account, method, priority, True, param, record),
        accounts, st.sampled_from(["AlterarCliente", "IncluirTags"]), priorities, params, st.sampled_from(["1", "2"]),
    )  # fmt: skip
    return reads | writes


KINDS = {
    "start": st.tuples(st.just("start"), st.integers(0, 2), _calls()),
    "end": st.tuples(st.just("end"), st.integers(0, 9), st.booleans()),
    "wait": st.tuples(st.just("wait"), st.sampled_from([1, 2, 10, 19, 31, 58])),
    "die": st.tuples(st.just("die"), st.integers(0, 2)),
    "wipe": st.tuples(st.just("wipe")),
}
SHARES = ["start"] * 12 + ["end"] * 5 + ["wait"] * 5 + ["die", "wipe"]
"""Losses are rare, or everything would always be closed."""
STEPS = st.lists(st.sampled_from(SHARES).flatmap(KINDS.__getitem__), min_size=30, max_size=100)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the limiter's tables, used by one example after the other."""
    path: Path = tmp_path_factory.mktemp("limits") / "ponte.db"

    async def make() -> None:
        db = Database(f"sqlite+aiosqlite:///{path}")
        await db.change_schema(Base.metadata.create_all)
        await db.close()

    asyncio.run(make())
    return path


@contextlib.asynccontextmanager
async def opened(book: Path) -> Any:
    """The database, empty."""
    db = Database(f"sqlite+aiosqlite:///{book}")
    async with db.transaction() as session:
        for table in Base.metadata.sorted_tables:
            if table.name.startswith("limit_"):
                await session.execute(table.delete())
    yield db
    await db.close()


@pytest.fixture(autouse=True)
def small_limits() -> Iterator[None]:
    """The witness's limits as low as ours."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(limits, "PER_MINUTE_METHOD", SMALL["method_minute"])
        patch.setattr(limits, "PER_MINUTE_IP", SMALL["address_minute"])
        yield


async def play(book: Path, steps: list[tuple[Any, ...]], shared: Shared) -> int:
    """Plays an example; raises the witness's Fault when a call left that it refuses."""
    async with opened(book) as db:
        world = World(shared, db)
        try:
            for step in steps:
                await world.do(step)
        except faults.Fault as refusal:
            raise AssertionError(f"refused: {refusal.cause} {refusal.text}") from None
        finally:
            for flight in world.flights:
                with contextlib.suppress(Exception):
                    await flight.turn.__aexit__(None, None, None)
    return world.granted


@pytest.mark.feature("F268", "F269", "F270", "F272")
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_interleaving_lets_a_call_out_that_omie_would_refuse(book: Path, steps: list[tuple[Any, ...]]) -> None:
    hands = ManualClock()
    asyncio.run(play(book, steps, Shared(hands, MemoryLimitStore(hands))))


@pytest.mark.services
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_nor_over_redis(book: Path, redis_url: str, steps: list[tuple[Any, ...]]) -> None:
    async def over_redis() -> None:
        hands, prefix = ManualClock(), f"test:{uuid.uuid4().hex}:"
        server = Redis.from_url(redis_url)
        store = RedisLimitStore(server, Clock(), prefix)
        store.monotonic = lambda: hands.at
        await play(book, steps, shared := Shared(hands, store, server, prefix))
        await shared.wipe()
        await server.delete(prefix + FRAME)
        await store.close()

    asyncio.run(over_redis())


def test_the_witness_sees_what_a_careless_client_does(book: Path) -> None:
    """Without its budgets the same client is refused within a minute: the property above can fail."""
    dice, hands = random.Random(3), ManualClock()
    calls = [Call("omie", "a", "AlterarCliente", write=True, param=f"p{n}", record="1") for n in range(9)]
    steps: list[tuple[Any, ...]] = []
    for call in calls:
        steps += [("start", dice.randrange(3), call), ("end", 0, False), ("wait", 5)]

    async def careless() -> None:
        async with opened(book) as db:
            shared = Shared(hands, MemoryLimitStore(hands))
            world = World(shared, db, rules=[Rules("omie", [])])
            for step in steps:
                await world.do(step)

    with pytest.raises(faults.Fault) as refused:
        asyncio.run(careless())
    assert refused.value.cause == "record"


async def test_from_the_second_429_on_an_account_is_never_refused(book: Path) -> None:
    """Two processes call as fast as they may: the one 429 that teaches is the only one, also an hour later."""
    hands = ManualClock()
    sandbox = Sandbox(seed="empty")
    sandbox.kernel.clock = HandClock(hands)
    account = sandbox.world.add_account("key")
    async with opened(book) as db:
        store = MemoryLimitStore(hands)
        pair = [Limiter(store, db, hands, [PLOOMES_RULES], patience=0.0) for _ in range(2)]
        call = Call("ploomes", "account", "GET Contacts")
        sent: list[float] = []
        refusals = 0
        for span in (900, 900):
            for _ in range(span):
                hands.at += 1.0
                for turn in range(4):
                    try:
                        async with pair[turn % 2].slot(call, patience=0.0):
                            sent.append(hands.at)
                            if account.retry_after("key") is not None:
                                refusals += 1
                                error = VendorError(Fault.RATE_LIMITED, "429", vendor="ploomes", status=429)
                                await pair[turn % 2].learn(call, error)
                    except Postponed:
                        break
            hands.at += 3600.0
    assert refusals == 1
    middle = sent[0] + 1800.0
    first, second = (sum((at < middle) is early for at in sent) for early in (True, False))
    assert first >= 0.9 * 100 * 15
    assert second >= 0.9 * 110 * 15

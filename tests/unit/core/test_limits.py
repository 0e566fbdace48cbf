"""What the limiter promises: turns by priority, refusals learned, nothing forgotten by a restart or a wiped store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, Postponed, Unavailable, VendorError
from app.core.limit_models import LimitBlock
from app.core.limit_rules import Call
from app.core.limit_store import Check, MemoryLimitStore, Outcome
from app.core.limits import Limiter
from app.core.ports import Priority
from tests.vendor_rig import ManualClock, limiter

APP = "1000000000001"


@pytest.fixture
def hands() -> ManualClock:
    return ManualClock()


def read(param: str = "p1", *, method: str = "ConsultarCliente", priority: Priority = Priority.LIVE) -> Call:
    return Call("omie", APP, method, priority, param=param)


def alteration(record: str, param: str = "p", method: str = "AlterarCliente") -> Call:
    return Call("omie", APP, method, write=True, param=param, record=record)


async def run(subject: Limiter, call: Call) -> None:
    async with subject.slot(call):
        pass


async def cause(subject: Limiter, call: Call) -> str | None:
    """Why a call is sent away, or None when it may leave."""
    try:
        await run(subject, call)
    except Postponed as postponed:
        return postponed.cause
    return None


async def refuse(subject: Limiter, call: Call, fault: Fault, wait: float | None = None) -> VendorError:
    """A refusal, of a call of its own."""
    await cause(subject, read("begin", method="Begin"))
    error = VendorError(fault, "recusado", vendor=call.vendor, method=call.method, status=500, wait=wait)
    await subject.learn(call, error)
    return error


@pytest.mark.feature("F270")
async def test_the_same_call_waits_sixty_seconds(db: Database, hands: ManualClock) -> None:
    subject = limiter(db, hands)
    await run(subject, read("p1"))
    await run(subject, read("p2"))
    with pytest.raises(Postponed) as refused:
        await run(subject, read("p1"))
    assert refused.value.cause == "redundancy"
    assert refused.value.seconds == pytest.approx(60.0)
    assert "60 segundos" in refused.value.reason
    hands.at += 60.1
    assert await cause(subject, read("p1")) is None


@pytest.mark.feature("F272")
async def test_alterations_of_one_record_are_spread_over_all_its_verbs(db: Database, hands: ManualClock) -> None:
    subject = limiter(db, hands)
    await run(subject, alteration("501", "a"))
    hands.at += 5
    assert await cause(subject, alteration("501", "b", "IncluirTags")) == "record_gap"
    assert await cause(subject, alteration("502", "b")) is None
    for param in ("c", "d"):
        hands.at += 20.1
        assert await cause(subject, alteration("501", param)) is None
    hands.at += 14
    assert await cause(subject, alteration("501", "e")) == "record_gap"
    hands.at += 6.1
    assert await cause(subject, alteration("501", "e")) is None, "the first one left the minute"


@pytest.mark.feature("F268")
async def test_240_a_minute_of_one_method_and_a_resync_leaves_a_quarter(db: Database, hands: ManualClock) -> None:
    subject = limiter(db, hands)
    bulk = [await cause(subject, read(f"b{n}", priority=Priority.BULK)) for n in range(181)]
    assert bulk.index("method_minute") == 180
    live = [await cause(subject, read(f"l{n}")) for n in range(61)]
    assert live.index("method_minute") == 60
    assert await cause(subject, read("other", method="ListarClientes")) is None


@pytest.mark.feature("F269")
async def test_one_call_of_a_method_and_four_of_an_app_at_once(db: Database, hands: ManualClock) -> None:
    subject = limiter(db, hands)
    async with contextlib.AsyncExitStack() as running:
        for number in range(4):
            assert await cause(subject, read("x", method=f"M{number}")) is None
            await running.enter_async_context(subject.slot(read(f"p{number}", method=f"M{number}")))
            assert await cause(subject, read("y", method=f"M{number}")) in ("method_flight", "app_flight")
        assert await cause(subject, read("z", method="M9")) == "app_flight"
    assert await cause(subject, read("z", method="M9")) is None


async def test_the_last_errors_of_a_method_are_kept_for_live_records(db: Database, hands: ManualClock) -> None:
    subject = limiter(db, hands)
    for number in range(5):
        await refuse(subject, read(f"p{number}"), Fault.NOT_FOUND)
        hands.at += 1
    assert await cause(subject, read("a", priority=Priority.BULK)) == "errors"
    assert await cause(subject, read("a", priority=Priority.PERSON)) == "errors"
    assert await cause(subject, read("a")) is None
    for number in range(3):
        await refuse(subject, read(f"q{number}"), Fault.EMPTY)
    with pytest.raises(Postponed) as refused:
        await run(subject, read("b"))
    assert refused.value.seconds == pytest.approx(1795.0), "until the oldest of the eight leaves"
    assert await cause(subject, read("b", method="ListarClientes")) is None


@pytest.mark.parametrize("wait", [1678.0, None])
async def test_a_block_is_obeyed_to_the_second_also_after_a_restart(
    db: Database, hands: ManualClock, wait: float | None
) -> None:
    subject = limiter(db, hands)
    error = await refuse(subject, read(), Fault.BLOCKED, wait)
    seconds = (wait or 1800.0) + 1.0
    assert error.wait == seconds
    hands.at += 100
    for again in (subject, limiter(db, hands)):
        with pytest.raises(Postponed) as refused:
            await run(again, read("p2"))
        assert refused.value.cause == "block"
        assert refused.value.seconds == pytest.approx(seconds - 100)
    async with db.read() as session:
        assert list(await session.scalars(select(LimitBlock.scope))) == [f"omie:{APP}:ConsultarCliente"]
    hands.at += seconds
    assert await cause(subject, read("p2")) is None


async def test_errors_survive_a_restart(db: Database, hands: ManualClock) -> None:
    before = limiter(db, hands)
    for number in range(8):
        await refuse(before, read(f"p{number}"), Fault.INVALID)
    assert await cause(limiter(db, hands), read("x")) == "errors"


async def test_a_record_that_omie_wants_left_alone_rests(db: Database, hands: ManualClock) -> None:
    subject = limiter(db, hands)
    await refuse(subject, alteration("501"), Fault.REDUNDANT, 300.0)
    hands.at += 100
    assert await cause(subject, alteration("501", "x", "ExcluirTags")) == "record_pause"
    assert await cause(limiter(db, hands), alteration("501", "x")) == "record_pause"


async def test_a_first_start_is_no_loss(db: Database, hands: ManualClock) -> None:
    assert await cause(limiter(db, hands), read()) is None


async def test_after_a_loss_an_app_stays_closed_until_its_windows_ran_out(db: Database, hands: ManualClock) -> None:
    await run(limiter(db, hands), read())
    hands.at += 3
    lost = limiter(db, hands)
    with pytest.raises(Postponed) as refused:
        await run(lost, read("p2"))
    assert refused.value.cause == "closed"
    assert 57.0 <= refused.value.seconds <= 67.0, "the last call is stored up to ten seconds ahead"
    assert await cause(lost, Call("omie", "another-app", "ConsultarCliente", param="p")) is None
    hands.at += 67.1
    assert await cause(lost, read("p2")) is None


async def test_a_start_after_an_orderly_end_waits_no_longer_than_it_must(db: Database, hands: ManualClock) -> None:
    first = limiter(db, hands)
    await run(first, read())
    await first.close()
    with pytest.raises(Postponed) as refused:
        await run(limiter(db, hands), read("p2"))
    assert refused.value.seconds == pytest.approx(60.0)


async def test_the_last_call_costs_one_commit_in_ten_seconds(db: Database, hands: ManualClock) -> None:
    subject = limiter(db, hands)
    commits = 0
    begin = db.transaction

    @contextlib.asynccontextmanager
    async def counted() -> AsyncIterator[object]:
        nonlocal commits
        commits += 1
        async with begin() as session:
            yield session

    db.transaction = counted  # type: ignore[method-assign, assignment]
    for number in range(20):
        await run(subject, read(f"p{number}"))
        hands.at += 0.45
    assert commits == 1
    hands.at += 2
    await run(subject, read("later"))
    assert commits == 2


class DeadStore(MemoryLimitStore):
    async def acquire(self, checks: object, asker: object) -> Outcome:
        raise Unavailable("redis: ConnectionError")


async def test_no_call_leaves_while_the_shared_state_cannot_be_reached(db: Database, hands: ManualClock) -> None:
    assert await cause(limiter(db, hands, DeadStore(hands)), read()) == "unavailable"


async def test_a_wiped_store_is_restored_once_and_stays_closed(db: Database, hands: ManualClock) -> None:
    store = MemoryLimitStore(hands)
    subject = limiter(db, hands, store)
    await run(subject, read())
    await refuse(subject, read(), Fault.BLOCKED, 600.0)
    store.__init__(hands)  # type: ignore[misc]
    answers = await asyncio.gather(*(cause(subject, read(f"p{n}", method=f"M{n}")) for n in range(5)))
    assert set(answers) == {"closed"}
    assert await cause(subject, read("x")) == "block"


@pytest.mark.feature("F271")
async def test_ploomes_six_a_second_then_what_a_429_teaches(db: Database, hands: ManualClock) -> None:
    def one(priority: Priority = Priority.LIVE) -> Call:
        return Call("ploomes", "account-1", "GET Contacts", priority)

    subject = limiter(db, hands)
    assert [await cause(subject, one(Priority.BULK)) for _ in range(5)].index("account_second") == 4
    assert [await cause(subject, one()) for _ in range(3)] == [None, None, "account_second"]
    for _ in range(18):
        hands.at += 1.01
        for _ in range(6):
            await run(subject, one())
    error = await refuse(subject, one(), Fault.RATE_LIMITED)
    assert error.wait == 61.0
    assert await cause(subject, one()) == "closed"
    for again in (subject, limiter(db, hands)):
        granted = 0
        hands.at += 300
        for _ in range(40):
            hands.at += 1.01
            granted += [await cause(again, one()) for _ in range(6)].count(None)
        assert granted == 100, "a hundred a minute, remembered also by a new process"


# --- waiting inside -------------------------------------------------------------------------------------------------


async def test_a_short_wait_is_waited_inside(db: Database) -> None:
    clock = Clock()
    subject = limiter(db, clock, patience=1.0)
    order: list[str] = []

    async def hold(name: str, priority: Priority) -> None:
        async with subject.slot(read(name, priority=priority)):
            order.append(name)
            await asyncio.sleep(0.03)

    tasks = [asyncio.create_task(hold("first", Priority.BULK))]
    await asyncio.sleep(0.01)
    for name, priority in [("bulk", Priority.BULK), ("person", Priority.PERSON), ("live", Priority.LIVE)]:
        tasks.append(asyncio.create_task(hold(name, priority)))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order == ["first", "live", "person", "bulk"]


async def test_a_long_queue_is_sent_away_after_a_second_of_patience(db: Database) -> None:
    subject = limiter(db, Clock(), patience=0.1)
    async with subject.slot(read("running")):
        assert await cause(subject, read("waiting")) == "method_flight"


async def test_a_cancelled_call_gives_its_turn_back(db: Database) -> None:
    subject = limiter(db, Clock(), patience=0.0)
    entered = asyncio.Event()

    async def hold() -> None:
        async with subject.slot(read("p1")):
            entered.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(hold())
    await entered.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert await cause(subject, read("p2")) is None


def test_a_call_without_a_record_draws_on_no_record_budget() -> None:
    from app.omie.budgets import BUDGETS

    def names(call: Call) -> set[str]:
        return {budget.name for budget in BUDGETS if isinstance(budget.check(call), Check)}

    assert names(alteration("1")) - names(read()) == {"record_minute", "record_gap", "record_pause"}

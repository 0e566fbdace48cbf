"""One contract for both limit stores. The clock runs sixty times faster, so a minute takes a second."""

import uuid
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from redis.asyncio import Redis

from app.core.clock import Clock
from app.core.errors import Unavailable
from app.core.limit_redis import RedisLimitStore
from app.core.limit_store import Asker, Check, Form, LimitStore, MemoryLimitStore, Snapshot, pace_limit
from app.core.ports import Priority

SCALE = 60.0


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> Clock:
    return Clock(getattr(request, "param", SCALE))


IN_REAL_TIME = pytest.mark.parametrize("clock", [1.0], indirect=True)
"""For what lasts a quarter of a second: on a busy machine nothing is quicker than that."""


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.services)])
async def store(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[LimitStore]:
    if request.param == "memory":
        made: LimitStore = MemoryLimitStore(clock)
    else:
        prefix = f"test:{uuid.uuid4().hex}:"
        made = RedisLimitStore(Redis.from_url(request.getfixturevalue("redis_url")), clock, prefix)
    await made.restore(Snapshot())
    yield made
    await made.close()


def asker(name: str = "", *, account: str = "a", priority: Priority = Priority.LIVE, patience: float = 0.0) -> Asker:
    return Asker(name or uuid.uuid4().hex, account, int(priority), patience, lease=40.0 * SCALE)


async def call(store: LimitStore, *checks: Check, **who: object) -> bool:
    """One call from beginning to end; whether it was granted."""
    one = asker(**who)  # type: ignore[arg-type]
    granted = (await store.acquire(checks, one)).granted
    if granted:
        await store.release(checks, one.id, reached=True)
    return granted


MINUTE = Check(Form.WINDOW, "window:minute", limit=3, window=60.0)
FLIGHT = Check(Form.FLIGHT, "flight:method", limit=1)
GATE = Check(Form.GATE, "gate:method")
ERRORS = Check(Form.ERRORS, "errors:method", limit=2, window=1800.0)
PACE = Check(Form.PACE, "pace:account", limit=2, window=60.0)


@pytest.mark.feature("F268")
async def test_a_window_opens_again_exactly_when_its_oldest_call_leaves(store: LimitStore, clock: Clock) -> None:
    assert [await call(store, MINUTE) for _ in range(3)] == [True] * 3
    refused = await store.acquire([MINUTE], asker())
    assert not refused.granted
    assert 50.0 < refused.wait <= 60.0
    await clock.sleep(refused.wait)
    assert await call(store, MINUTE)


async def test_a_window_counts_from_the_end_of_a_call(store: LimitStore, clock: Clock) -> None:
    one = Check(Form.WINDOW, "window:one", limit=1, window=30.0)
    slow = asker()
    assert (await store.acquire([one], slow)).granted
    await clock.sleep(40.0)
    assert not (await store.acquire([one], asker())).granted, "still on its way"
    await store.release([one], slow.id, reached=True)
    assert 20.0 < (await store.acquire([one], asker())).wait <= 30.0


async def test_a_call_that_never_left_is_forgotten(store: LimitStore) -> None:
    one = Check(Form.WINDOW, "window:one", limit=1, window=60.0)
    lost = asker()
    assert (await store.acquire([one], lost)).granted
    await store.release([one], lost.id, reached=False)
    assert await call(store, one)


@pytest.mark.feature("F269")
async def test_one_in_flight_until_released(store: LimitStore) -> None:
    first = asker()
    assert (await store.acquire([FLIGHT], first)).granted
    assert not (await store.acquire([FLIGHT], asker())).granted
    await store.release([FLIGHT], first.id, reached=True)
    assert await call(store, FLIGHT)


async def test_the_slot_of_a_dead_process_expires(store: LimitStore, clock: Clock) -> None:
    dead = Asker("dead", "a", 0, 0.0, lease=20.0)
    assert (await store.acquire([FLIGHT], dead)).granted
    await clock.sleep(22.0)
    assert await call(store, FLIGHT)


async def test_all_budgets_or_none(store: LimitStore) -> None:
    holder = asker()
    assert (await store.acquire([FLIGHT], holder)).granted
    for _ in range(5):
        outcome = await store.acquire([MINUTE, FLIGHT], asker())
        assert (outcome.granted, outcome.check) == (False, 1)
    await store.release([FLIGHT], holder.id, reached=True)
    assert [await call(store, MINUTE, FLIGHT) for _ in range(4)] == [True, True, True, False]


async def test_the_longest_wait_is_named(store: LimitStore) -> None:
    await store.close_gate(GATE.key, 500.0)
    assert [await call(store, MINUTE) for _ in range(3)] == [True] * 3
    outcome = await store.acquire([MINUTE, GATE], asker())
    assert outcome.check == 1
    assert 480.0 < outcome.wait <= 500.0


async def test_a_gate_is_prolonged_and_never_shortened(store: LimitStore, clock: Clock) -> None:
    await store.close_gate(GATE.key, 30.0)
    await store.close_gate(GATE.key, 1.0)
    assert (await store.acquire([GATE], asker())).wait > 20.0
    await clock.sleep(31.0)
    assert await call(store, GATE)


async def test_errors_close_their_budget_until_the_oldest_leaves(store: LimitStore) -> None:
    await store.log(ERRORS.key, "one", ERRORS.window)
    assert await call(store, ERRORS), "calls themselves are no errors"
    await store.log(ERRORS.key, "two", ERRORS.window)
    assert 1700.0 < (await store.acquire([ERRORS], asker())).wait <= 1800.0


async def test_lower_priorities_use_only_their_share(store: LimitStore) -> None:
    graded = Check(Form.WINDOW, "window:graded", limit=4, window=600.0, share=0.75)
    assert [await call(store, graded, priority=Priority.BULK) for _ in range(4)] == [True, True, True, False]
    live = Check(Form.WINDOW, "window:graded", limit=4, window=600.0)
    assert await call(store, live)


@IN_REAL_TIME
async def test_a_waiting_live_call_goes_before_bulk(store: LimitStore) -> None:
    running = asker()
    assert (await store.acquire([FLIGHT], running)).granted
    live = asker(priority=Priority.LIVE, patience=1.0)
    assert not (await store.acquire([FLIGHT], live)).granted
    await store.release([FLIGHT], running.id, reached=True)
    assert not await call(store, FLIGHT, priority=Priority.BULK)
    assert (await store.acquire([FLIGHT], live)).granted


async def test_a_waiter_that_gave_up_holds_nobody(store: LimitStore, clock: Clock) -> None:
    running = asker()
    assert (await store.acquire([FLIGHT], running)).granted
    await store.acquire([FLIGHT], asker(patience=1.0))
    await store.release([FLIGHT], running.id, reached=True)
    await clock.sleep(1.0)
    assert await call(store, FLIGHT, priority=Priority.BULK)


@IN_REAL_TIME
async def test_accounts_take_turns_on_what_they_share(store: LimitStore, clock: Clock) -> None:
    shared = Check(Form.FLIGHT, "flight:address", limit=1, shared=True)
    assert await call(store, shared, account="b")
    running = asker(account="a")
    assert (await store.acquire([shared], running)).granted
    waiting = asker(account="b", patience=1.0)
    assert not (await store.acquire([shared], waiting)).granted
    await store.release([shared], running.id, reached=True)
    assert not await call(store, shared, account="a"), "it was served last"
    assert (await store.acquire([shared], waiting)).granted


async def test_who_is_sent_away_comes_back_one_after_the_other(store: LimitStore, clock: Clock) -> None:
    for _ in range(3):
        assert await call(store, MINUTE)
        await clock.sleep(5.0)
    turns = [(await store.acquire([MINUTE], asker())).turn for _ in range(4)]
    gaps = [later - sooner for sooner, later in pairwise(turns)]
    assert all(gap > 2.0 for gap in gaps[:2]), "each for the place that gets free next"
    assert turns[3] <= 60.0, "and nobody for longer than the window"


async def test_bulk_waits_behind_live_in_the_line_and_not_the_other_way(store: LimitStore) -> None:
    assert (await store.acquire([FLIGHT], asker())).granted
    bulk = [(await store.acquire([FLIGHT], asker(priority=Priority.BULK, patience=-1.0))).turn for _ in range(3)]
    assert bulk == [0.5, 1.0, 1.5]
    assert (await store.acquire([FLIGHT], asker(patience=-1.0))).turn == 0.5


async def test_a_long_line_of_one_account_is_no_line_for_another(store: LimitStore) -> None:
    shared = Check(Form.FLIGHT, "flight:address", limit=1, shared=True)
    assert (await store.acquire([shared], asker(account="a"))).granted
    for _ in range(5):
        await store.acquire([shared], asker(account="a", patience=-1.0))
    turns = [(await store.acquire([shared], asker(account="b", patience=-1.0))).turn for _ in range(2)]
    assert turns == [0.5, 1.5], "each counts the other only up to its own number"


async def test_a_call_we_gave_up_on_stays_in_flight_until_its_lease_ends(store: LimitStore, clock: Clock) -> None:
    slow = Asker("slow", "a", 0, 0.0, lease=60.0)
    assert (await store.acquire([FLIGHT, MINUTE], slow)).granted
    await store.release([FLIGHT, MINUTE], slow.id, reached=True, abandoned=True)
    assert not await call(store, FLIGHT), "the vendor may still be at work on it"
    await clock.sleep(61.0)
    assert await call(store, FLIGHT)


async def test_an_untaught_account_feels_its_way_one_call_at_a_time(store: LimitStore) -> None:
    first, second = asker(), asker()
    assert (await store.acquire([PACE], first)).granted
    assert (await store.acquire([PACE], second)).granted
    assert not await call(store, PACE), "two are on their way, and two a minute is what is known to be safe"
    for one in (first, second):
        await store.release([PACE], one.id, reached=True)
    third = asker()
    assert (await store.acquire([PACE], third)).granted
    assert not await call(store, PACE), "another 429 at the same moment would teach nothing"
    await store.release([PACE], third.id, reached=True)
    assert await call(store, PACE)


@pytest.mark.feature("F271")
async def test_a_pace_is_unlimited_until_a_429_teaches_it(store: LimitStore, clock: Clock) -> None:
    assert [await call(store, PACE) for _ in range(5)] == [True] * 5
    assert await store.taught(PACE.key) is None
    assert await store.slow_down(PACE.key, 60.0) == 5.0
    assert not await call(store, PACE)
    taught = await store.taught(PACE.key)
    assert taught is not None
    assert taught[0] == 5.0
    assert 0.0 <= taught[1] < 60.0
    await clock.sleep(61.0)
    assert [await call(store, PACE) for _ in range(3)] == [True, True, False]


async def test_a_pace_climbs_by_the_hour_under_the_rate_that_failed(store: LimitStore) -> None:
    pace = Check(Form.PACE, "pace:account", limit=10, window=600.0)
    await store.restore(Snapshot(paces={pace.key: (14.0, 2 * 3600.0 + 60.0)}))
    granted = [await call(store, pace) for _ in range(14)]
    assert granted.count(True) == pace_limit(10, 14.0, 7300.0) == 12


def test_the_pace_stops_under_the_last_rate_that_failed() -> None:
    hours = [pace_limit(100, 120.0, hour * 3600.0) for hour in range(5)]
    assert hours == [100, 110, 119, 119, 119]


def test_an_account_that_others_use_too_begins_under_what_failed_and_forgets_after_a_clean_day() -> None:
    hours = [pace_limit(100, 60.0, hour * 3600.0) for hour in (0, 1, 2, 3, 23, 24)]
    assert hours == [48, 52, 58, 59, 59, 100]
    assert pace_limit(100, 3.0, 0.0) == 20, "another app's burst does not stop us"


@pytest.mark.feature("F271")
def test_years_after_a_429_the_pace_is_still_a_number() -> None:
    years = 3 * 365 * 24 * 3600.0
    assert (pace_limit(100, 120.0, years), pace_limit(100, 60.0, years)) == (119, 100)


async def test_a_new_state_grants_nothing_before_it_is_restored(clock: Clock) -> None:
    store = MemoryLimitStore(clock)
    assert (await store.acquire([MINUTE], asker())).lost
    await store.restore(Snapshot(gates={GATE.key: 100.0}, logs={ERRORS.key: [10.0, 1700.0]}))
    assert (await store.acquire([GATE], asker())).wait > 90.0
    assert 50.0 < (await store.acquire([ERRORS], asker())).wait <= 100.0


async def test_restoring_twice_counts_once(store: LimitStore) -> None:
    snapshot = Snapshot(logs={ERRORS.key: [10.0]})
    await store.restore(snapshot)
    await store.restore(snapshot)
    assert await call(store, ERRORS)


async def test_notes_tell_their_age_and_are_forgotten(store: LimitStore, clock: Clock) -> None:
    assert await store.note("absence", 600.0) == 0.0
    await clock.sleep(12.0)
    assert 11.0 < await store.note("absence", 600.0) < 40.0
    await store.forget("absence")
    assert await store.note("absence", 6.0) == 0.0
    await clock.sleep(10.0)
    assert await store.note("absence", 6.0) == 0.0


@pytest.mark.services
async def test_a_wiped_redis_is_noticed(redis_url: str, clock: Clock) -> None:
    server = Redis.from_url(redis_url)
    store = RedisLimitStore(server, clock, prefix := f"test:{uuid.uuid4().hex}:")
    await store.restore(Snapshot())
    assert await call(store, MINUTE)
    async for key in server.scan_iter(f"{prefix}*"):
        await server.delete(key)
    assert (await store.acquire([MINUTE], asker())).lost
    await store.close()


class Forgetful(Redis):
    """A Redis that does not know a script any more until it is loaded again. SCRIPT FLUSH would make it so for
    everybody who uses the same server."""

    forgot = False

    async def evalsha(self, sha: str, numkeys: int, *keys_and_args: Any) -> Any:
        return await super().evalsha("0" * 40 if self.forgot else sha, numkeys, *keys_and_args)

    async def script_load(self, script: Any) -> Any:
        self.forgot = False
        return await super().script_load(script)


@pytest.mark.services
async def test_a_redis_that_was_started_anew_is_not_believed(redis_url: str, clock: Clock) -> None:
    """A snapshot brings back what it held some time ago: everything but the calls since. It does not know scripts."""
    server = Forgetful.from_url(redis_url)
    store = RedisLimitStore(server, clock, f"test:{uuid.uuid4().hex}:")
    await store.restore(Snapshot())
    assert await call(store, MINUTE)
    server.forgot = True
    assert (await store.acquire([MINUTE], asker())).lost
    await store.restore(Snapshot())
    assert await call(store, MINUTE)
    await store.close()


def shift(store: RedisLimitStore, seconds: float) -> None:
    """As if Redis' clock had been set by so many real seconds since the store last heard it."""
    frame, seen, *ours = store._seen
    store._seen = (frame, seen - seconds, *ours)


@pytest.mark.services
@pytest.mark.parametrize("who", ["Redis", "a process that slept"])
async def test_a_clock_set_forward_opens_nothing(redis_url: str, clock: Clock, who: str) -> None:
    prefix = f"test:{uuid.uuid4().hex}:"
    one, other = (RedisLimitStore(Redis.from_url(redis_url), clock, prefix) for _ in range(2))
    await one.restore(Snapshot())
    assert await call(one, GATE)
    assert await call(other, GATE)
    shift(one, 100.0)
    if who == "Redis":
        shift(other, 100.0)
    assert (await one.acquire([GATE], asker())).lost, "keys may have expired: the book knows better"
    assert (await other.acquire([GATE], asker())).lost
    await one.restore(Snapshot(gates={GATE.key: 1700.0}))
    for store in (one, other, one, other):
        assert (await store.acquire([GATE], asker())).wait > 1500.0, "one time for both, and nobody argues"
    await one.close()
    await other.close()


@pytest.mark.services
async def test_a_clock_set_back_closes_nothing_for_longer(redis_url: str, clock: Clock) -> None:
    store = RedisLimitStore(Redis.from_url(redis_url), clock, f"test:{uuid.uuid4().hex}:")
    await store.restore(Snapshot())
    assert await call(store, MINUTE)
    await store.close_gate(GATE.key, 600.0)
    shift(store, -3600.0)
    assert (await store.acquire([GATE], asker())).granted, "an hour passed on our own clock"
    assert await call(store, MINUTE)
    await store.close()


async def test_a_redis_that_cannot_be_reached_is_unavailable(clock: Clock) -> None:
    store = RedisLimitStore(Redis(host="127.0.0.1", port=1), clock)
    with pytest.raises(Unavailable):
        await store.acquire([MINUTE], asker())
    await store.close()

"""The inbox keeps what it took, hands it out once, fairly, and forgets nothing. Both databases."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LeaseLost, Unavailable
from app.core.ports import Kind, Priority
from app.core.queue import Cron, QueueName
from app.sync import inbox as events
from app.sync import same_record
from app.sync.claims import Rooms
from app.sync.inbox import Inbox
from app.sync.models import Event, EventSource, EventState, Integration, IntegrationState
from app.sync.trip import waits
from tests.factories import add_integration, notice, ploomes_notice

pytestmark = pytest.mark.feature("F051")
LIVE, BULK = [Priority.LIVE, Priority.PERSON], [Priority.BULK]


class Bell:
    """A queue that writes down how often it was rung."""

    def __init__(self) -> None:
        self.rings: list[QueueName] = []

    async def ring(self, name: QueueName = "live", *, at: float | None = None) -> None:
        self.rings.append(name)

    async def serve(self, on_ring: Callable[[QueueName], None], cron: Sequence[Cron] = ()) -> None: ...

    async def healthy(self) -> bool:
        return True

    async def close(self) -> None: ...


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def box(db: Database, clock: Clock, bell: Bell) -> Inbox:
    return Inbox(db, clock, bell)


@pytest.fixture
async def shop(db: Database) -> Integration:
    return await add_integration(db)


async def row(db: Database, event_id: int) -> Event:
    async with db.read() as session:
        return (await session.execute(select(Event).where(Event.id == event_id))).scalar_one()


async def count(db: Database) -> int:
    async with db.read() as session:
        return (await session.execute(select(func.count()).select_from(Event))).scalar_one()


async def settle(db: Database, event: Event, state: EventState = EventState.DONE, reason: str = "ok") -> None:
    async with db.transaction() as session:
        await events.settle(session, event, state, reason, now=Clock().now())


async def test_the_row_is_visible_before_the_caller_goes_on(db: Database, box: Inbox, shop: Integration) -> None:
    stored = await box.store(shop.id, notice(), '{"a":1}')
    assert stored.status == "accepted"
    event = await row(db, stored.id)
    assert (event.state, event.body, event.claim) == (EventState.RECEIVED, '{"a":1}', None)


async def test_callers_that_come_together_share_commits_and_rings(
    db: Database, box: Inbox, bell: Bell, shop: Integration
) -> None:
    stored = await asyncio.gather(*(box.store(shop.id, notice(str(n)), "{}") for n in range(60)))
    await asyncio.sleep(0)
    assert len({one.id for one in stored}) == 60 == await count(db)
    assert len(bell.rings) <= 3


async def test_a_message_that_comes_many_times_is_one_row(db: Database, box: Inbox, shop: Integration) -> None:
    same = notice(dedupe_key="message-x")
    stored = await asyncio.gather(*(box.store(shop.id, same, "{}") for _ in range(30)))
    assert sorted(one.status for one in stored) == ["accepted"] + ["duplicate"] * 29
    assert await count(db) == 1
    assert (await row(db, stored[0].id)).repeats == 29


async def test_two_processes_that_store_the_same_messages_agree(db: Database, clock: Clock, shop: Integration) -> None:
    notices = [notice(dedupe_key=f"both-{n}") for n in range(20)]
    boxes = [Inbox(db, clock, Bell()), Inbox(db, clock, Bell())]
    orders = [notices, notices[::-1]]
    calls = [box.store(shop.id, one, "{}") for box, order in zip(boxes, orders, strict=True) for one in order]
    stored = await asyncio.gather(*calls)
    assert sum(one.status == "accepted" for one in stored) == 20 == await count(db)


async def test_the_same_message_id_in_another_integration_is_another_event(db: Database, box: Inbox) -> None:
    one, other = await add_integration(db), await add_integration(db)
    same = notice(dedupe_key="shared")
    first, second = await box.store(one.id, same, "{}"), await box.store(other.id, same, "{}")
    assert (first.status, second.status) == ("accepted", "accepted")


async def test_a_repeated_message_is_looked_at_again_once_settled(
    db: Database, box: Inbox, bell: Bell, shop: Integration
) -> None:
    same = notice()
    stored = await box.store(shop.id, same, "{}")
    (event,) = await box.claim(LIVE, 5, "w", 45)
    assert (await box.store(shop.id, same, "{}")).status == "duplicate"
    assert (await row(db, stored.id)).state == EventState.PROCESSING
    await settle(db, event)
    again = await box.store(shop.id, same, "{}")
    after = await row(db, stored.id)
    assert (again.status, again.id) == ("duplicate", stored.id)
    assert (after.state, after.repeats, after.settled_at, after.reason) == (EventState.RECEIVED, 2, None, None)
    assert [one.id for one in await box.claim(LIVE, 5, "w", 45)] == [stored.id]


@pytest.mark.feature("F050")
async def test_the_api_author_settles_as_echo_and_is_never_handed_out(
    db: Database, box: Inbox, bell: Bell, shop: Integration
) -> None:
    echo = notice(author="no-reply@omie.com.br", echo=True)
    stored = await box.store(shop.id, echo, "{}")
    event = await row(db, stored.id)
    assert (stored.status, event.state, event.due_at) == ("echo", EventState.ECHO, None)
    assert event.reason
    assert event.settled_at
    assert (await box.store(shop.id, echo, "{}")).status == "duplicate"
    assert (await row(db, stored.id)).state == EventState.ECHO
    assert await box.claim(LIVE, 5, "w", 45) == []
    assert bell.rings == []


async def test_an_unreadable_body_is_kept_with_its_reason(db: Database, box: Inbox, shop: Integration) -> None:
    junk = notice(kind=Kind.UNREADABLE, entity=None, external_id=None, topic="", dedupe_forever=False)
    stored = await box.store(shop.id, junk, "\x00 not json")
    event = await row(db, stored.id)
    assert (event.state, event.cause, event.due_at) == (EventState.IGNORED, "unreadable", None)
    assert event.body
    assert "not json" in event.body
    assert (await box.store(shop.id, junk, "\x00 not json")).status == "duplicate"
    assert (await row(db, stored.id)).state == EventState.IGNORED


async def test_one_bad_row_costs_only_its_own_caller(db: Database, box: Inbox, shop: Integration) -> None:
    calls = [box.store(shop.id, notice(), "{}") for _ in range(5)]
    calls.insert(2, box.store(987_654, notice(), "{}"))  # no such integration: the foreign key refuses it
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(one, Unavailable) for one in outcomes] == [False, False, True, False, False, False]
    assert await count(db) == 5


async def test_a_database_that_is_away_is_said_so(tmp_path: Any, clock: Clock) -> None:
    nowhere = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable):
        await Inbox(nowhere, clock, Bell()).store(1, notice(), "{}")
    await nowhere.close()


async def test_a_ploomes_body_merges_only_until_somebody_looks(db: Database, box: Inbox, shop: Integration) -> None:
    body = ploomes_notice()
    first = await box.store(shop.id, body, "{}")
    assert (await box.store(shop.id, body, "{}")).status == "duplicate"
    assert [event.id for event in await box.claim(LIVE, 5, "w", 45)] == [first.id]
    second = await box.store(shop.id, body, "{}")
    assert second.status == "accepted"
    assert second.id != first.id


async def test_an_inactive_integration_stores_and_applies_after_reactivation(
    db: Database, box: Inbox, bell: Bell
) -> None:
    shop = await add_integration(db, IntegrationState.INACTIVE)
    stored = await box.store(shop.id, notice(), "{}")
    event = await row(db, stored.id)
    assert (stored.status, event.state, event.due_at, event.cause) == ("accepted", "waiting", None, "inactive")
    assert await box.claim(LIVE, 5, "w", 45) == []
    async with db.transaction() as session:
        await session.execute(update(Integration).where(Integration.id == shop.id).values(state="active"))
    assert await box.wake_inactive(shop.id) == 1
    assert [one.id for one in await box.claim(LIVE, 5, "w", 45)] == [stored.id]
    assert bell.rings == ["live"]


async def test_open_events_wait_when_their_integration_is_deactivated(
    db: Database, box: Inbox, shop: Integration
) -> None:
    stored = await box.store(shop.id, notice(), "{}")
    assert await box.park_inactive(shop.id) == 1
    assert (await row(db, stored.id)).cause == "inactive"
    assert await box.next_due(LIVE) is None


async def test_a_flood_of_one_integration_is_bulk_from_the_hundredth_on(
    db: Database, box: Inbox, shop: Integration
) -> None:
    for chunk in range(3):
        await asyncio.gather(*(box.store(shop.id, notice(f"{chunk}-{n}"), "{}") for n in range(50)))
    async with db.read() as session:
        rows = (await session.execute(select(Event.priority, func.count()).group_by(Event.priority))).all()
    assert dict(tuple(pair) for pair in rows) == {Priority.LIVE: 100, Priority.BULK: 50}


async def test_claims_are_fair_between_integrations(db: Database, box: Inbox) -> None:
    busy, quiet = await add_integration(db), await add_integration(db)
    for n in range(20):
        await box.store(busy.id, notice(str(n)), "{}")
    late = await box.store(quiet.id, notice("900"), "{}")
    first = await box.claim(LIVE, 4, "w", 45)
    assert late.id in [event.id for event in first]
    assert [event.integration_id for event in first].count(busy.id) == 3
    another = await box.store(quiet.id, notice("901"), "{}")
    assert [event.id for event in await box.claim(LIVE, 1, "w", 45)] == [another.id]


async def test_a_saturated_integration_leaves_room_in_every_worker(db: Database, box: Inbox) -> None:
    busy, quiet = await add_integration(db), await add_integration(db)
    for n in range(10):
        await box.store(busy.id, notice(str(n)), "{}")
    rooms = Rooms(4, {busy.id: 1})
    assert [event.external_id for event in await box.claim(LIVE, 9, "w", 45, rooms)] == ["0", "1", "2"]
    assert await box.claim(LIVE, 9, "w", 45, rooms) == []
    other = await box.store(quiet.id, notice("900"), "{}")
    assert [event.id for event in await box.claim(LIVE, 9, "w", 45, rooms)] == [other.id]
    assert len(await box.claim(LIVE, 9, "another worker", 45, Rooms(4))) == 4


async def test_smaller_priority_goes_first_and_bulk_is_left_to_bulk(
    db: Database, box: Inbox, clock: Clock, shop: Integration
) -> None:
    async with db.transaction() as session:
        for number, priority in enumerate([Priority.BULK, Priority.PERSON, Priority.LIVE]):
            await events.enqueue(session, **_internal(shop, str(number), priority=priority, due_at=clock.time() - 1))
    assert [event.external_id for event in await box.claim(LIVE, 9, "w", 45)] == ["2", "1"]
    assert [event.external_id for event in await box.claim(BULK, 9, "w", 45)] == ["0"]


async def test_no_event_is_in_two_hands(db: Database, box: Inbox, shop: Integration) -> None:
    await asyncio.gather(*(box.store(shop.id, notice(str(n)), "{}") for n in range(80)))
    hands = await asyncio.gather(*(box.claim(LIVE, 10, f"w{n}", 45) for n in range(8)))
    taken = [event.id for hand in hands for event in hand]
    assert len(taken) == len(set(taken)) == 80


async def test_what_a_dead_worker_held_is_handed_out_again_and_quarantined_at_the_fourth_crash(
    db: Database, box: Inbox, shop: Integration
) -> None:
    stored = await box.store(shop.id, notice(), "{}")
    crashes = [(await box.claim(LIVE, 1, "w", -1))[0].crashes for _ in range(2)]
    for _ in range(2):
        assert await box.claim(LIVE, 1, "w", -1) == []
        event = await row(db, stored.id)
        assert (event.state, event.cause) == (EventState.WAITING, "suspect")
        await overdue(db, stored.id)
        crashes.append((await box.claim(LIVE, 1, "w", -1))[0].crashes)
    assert crashes == [0, 1, 2, 3]
    assert await box.claim(LIVE, 1, "w", -1) == []
    event = await row(db, stored.id)
    assert (event.state, event.cause, event.due_at, event.claim) == (EventState.FAILED, "quarantine", None, None)
    assert event.reason


async def overdue(db: Database, event_id: int) -> None:
    """The event's time has come."""
    async with db.transaction() as session:
        await session.execute(update(Event).where(Event.id == event_id).values(due_at=1.0))


async def test_deaths_before_a_road_was_walked_to_its_end_count_no_more(
    db: Database, box: Inbox, shop: Integration
) -> None:
    """An event that waits for data is rung for weeks: a worker that dies now and then does not make it a danger."""
    stored = await box.store(shop.id, notice(), "{}")
    for _ in range(3):
        await box.claim(LIVE, 1, "w", -1)
    await overdue(db, stored.id)
    [event] = await box.claim(LIVE, 1, "w", 45)
    async with db.transaction() as session:
        await events.postpone(session, event, 1.0, "o Omie está ocupado", "limit")
    assert (await row(db, stored.id)).crashes == 2
    [event] = await box.claim(LIVE, 1, "w", 45)
    async with db.transaction() as session:
        await events.conclude(session, event, waits("missing_document", "sem documento"), now=Clock().now())
    assert (await row(db, stored.id)).crashes == 0


async def test_who_lost_the_claim_cannot_settle(db: Database, box: Inbox, shop: Integration) -> None:
    await box.store(shop.id, notice(), "{}")
    (slow,) = await box.claim(LIVE, 1, "slow", -1)
    (quick,) = await box.claim(LIVE, 1, "quick", 45)
    with pytest.raises(LeaseLost):
        await settle(db, slow)
    await box.keep({quick.id: str(quick.claim)}, 600)
    await box.keep({quick.id: "somebody else"}, 9e9)
    assert 500 < ((await row(db, quick.id)).due_at or 0) - Clock().time() < 700
    await settle(db, quick)
    assert (await row(db, quick.id)).state == EventState.DONE
    with pytest.raises(LeaseLost):
        await settle(db, quick)


async def test_postponed_until_a_moment_or_until_data(
    db: Database, box: Inbox, clock: Clock, shop: Integration
) -> None:
    await box.store(shop.id, notice(), "{}")
    (event,) = await box.claim(LIVE, 1, "w", 45)
    moment = clock.time() + 30
    async with db.transaction() as session:
        await events.postpone(session, event, moment, "aguardando limite", "limit", attempt=True)
    assert await box.next_due(LIVE) == pytest.approx(moment)
    assert (await row(db, event.id)).attempts == 1
    assert await box.claim(LIVE, 1, "w", 45) == []
    event = await row(db, event.id)
    async with db.transaction() as session:
        await events.postpone(session, event, None, "falta o documento", "missing_document")
    assert await box.next_due(LIVE) is None
    async with db.transaction() as session:
        assert await events.reopen(session, event, due_at=clock.time())
    assert [one.id for one in await box.claim(LIVE, 1, "w", 45)] == [event.id]


async def test_a_failed_commit_leaves_the_event_claimed(db: Database, box: Inbox, shop: Integration) -> None:
    await box.store(shop.id, notice(), "{}")
    (event,) = await box.claim(LIVE, 1, "w", 45)

    async def fail_at_the_last_moment() -> None:
        async with db.transaction() as session:
            await events.settle(session, event, EventState.DONE, "ok", now=Clock().now())
            raise RuntimeError("lease lost")

    with pytest.raises(RuntimeError, match="lease"):
        await fail_at_the_last_moment()
    async with db.transaction() as session:
        await events.postpone(session, event, 1.0, "de novo", "retry")
    assert (await row(db, event.id)).state == EventState.WAITING


async def test_enqueue_brings_an_open_event_of_the_record_forward(
    db: Database, box: Inbox, clock: Clock, shop: Integration
) -> None:
    later, now = clock.time() + 600, clock.time() - 1
    async with db.transaction() as session:
        first = await events.enqueue(session, **_internal(shop, due_at=later, priority=Priority.BULK))
    async with db.transaction() as session:
        same = await events.enqueue(session, **_internal(shop, due_at=now, priority=Priority.PERSON))
    assert same.id == first.id
    assert (same.priority, same.due_at) == (Priority.PERSON, pytest.approx(now))
    async with db.transaction() as session:
        deletion = await events.enqueue(session, **_internal(shop, due_at=now, kind=Kind.DELETED))
    assert deletion.id != first.id
    await box.claim(LIVE, 9, "w", 45)
    async with db.transaction() as session:
        fresh = await events.enqueue(session, **_internal(shop, due_at=now))
    assert fresh.id > deletion.id


async def test_questions_about_a_record(db: Database, box: Inbox, shop: Integration) -> None:
    old = await box.store(shop.id, notice(), "{}")
    new = await box.store(shop.id, notice(), "{}")
    await box.store(shop.id, notice(echo=True), "{}")
    await box.store(shop.id, notice("502"), "{}")
    async with db.transaction() as session:
        first = await row(db, old.id)
        newer = await same_record.newer_open(session, first)
        assert newer is not None
        assert newer.id == new.id
        assert await same_record.newer_open(session, newer) is None
        latest = await same_record.latest_of(session, shop.id, "omie", "clients", "501", after=first.received_at)
        assert latest is not None
        assert latest.id == new.id
        assert await same_record.latest_of(session, shop.id, "omie", "clients", "501", after=latest.received_at) is None


async def test_a_person_may_reopen_what_is_settled(db: Database, box: Inbox, clock: Clock, shop: Integration) -> None:
    await box.store(shop.id, notice(), "{}")
    (event,) = await box.claim(LIVE, 1, "w", 45)
    async with db.transaction() as session:
        assert not await events.reopen(session, event, due_at=clock.time())
    await settle(db, event, EventState.FAILED, "recusado")
    async with db.transaction() as session:
        assert await events.reopen(session, event, due_at=clock.time())
    again = await row(db, event.id)
    assert (again.state, again.priority, again.reason) == (EventState.RECEIVED, Priority.PERSON, None)


async def test_the_sweep_rings_for_what_nobody_came_for(
    db: Database, box: Inbox, bell: Bell, clock: Clock, shop: Integration
) -> None:
    await box.store(shop.id, notice(), "{}", ring=False)
    await box.sweep()
    assert bell.rings == []
    async with db.transaction() as session:
        await session.execute(update(Event).values(due_at=clock.time() - 10))
        await events.enqueue(session, **_internal(shop, "9", priority=Priority.BULK, due_at=clock.time() - 10))
    await box.sweep()
    assert sorted(bell.rings) == ["bulk", "live"]
    state = await box.summary()
    assert (state["live"].count, state["bulk"].count) == (1, 1)
    assert state["live"].overdue == pytest.approx(10, abs=2)


async def test_only_old_settled_events_are_pruned(db: Database, box: Inbox, clock: Clock, shop: Integration) -> None:
    stored = [await box.store(shop.id, notice(str(n)), "{}") for n in range(3)]
    for event in await box.claim(LIVE, 2, "w", 45):
        await settle(db, event)
    async with db.transaction() as session:
        old = clock.now() - timedelta(days=100)
        await session.execute(update(Event).where(Event.id == stored[0].id).values(settled_at=old))
    assert await box.prune(timedelta(days=90)) == 1
    assert await count(db) == 2


def _internal(shop: Integration, external_id: str = "501", **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "integration_id": shop.id, "vendor": "omie", "entity": "clients", "external_id": external_id,
        "kind": Kind.CHANGED, "topic": "resync", "source": EventSource.RESYNC, "priority": Priority.LIVE,
        "now": Clock().now(),
    }  # fmt: skip
    return {**values, **changes}

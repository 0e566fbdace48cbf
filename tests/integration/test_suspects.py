"""An event that kills its worker is found out alone: what ran beside it is not put aside with it."""

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Kind, Priority
from app.sync import inbox
from app.sync.claims import CALM_SECONDS, Claims
from app.sync.models import Event, EventSource, EventState
from tests.factories import add_integration


@pytest.mark.feature("F003")
async def test_events_whose_worker_died_twice_rest_and_then_go_one_at_a_time(db: Database) -> None:
    clock = Clock(scale=1000.0)
    claims = Claims(db, clock)
    shop = await add_integration(db)
    async with db.transaction() as session:
        for number in range(4):
            await inbox.enqueue(
                session, integration_id=shop.id, vendor="omie", entity="clients", external_id=str(number),
                kind=Kind.CHANGED, topic="x", source=EventSource.RESYNC, priority=Priority.LIVE,
                due_at=clock.time() - 9, now=clock.now(),
            )  # fmt: skip
    for crashes in (0, 1):
        dying = await claims.claim([Priority.LIVE], 4, "w", 300)
        assert [event.crashes for event in dying] == [crashes] * 4
        await clock.sleep(350)
    assert await claims.claim([Priority.LIVE], 4, "w", 300) == []

    ended = []
    for _ in range(4):
        await clock.sleep(CALM_SECONDS + 10)
        alone = await claims.claim([Priority.LIVE], 4, "w", 45_000)
        assert len(alone) == 1
        assert await claims.claim([Priority.LIVE], 4, "other", 45_000) == []
        async with db.transaction() as session:
            await inbox.settle(session, alone[0], EventState.DONE, "feito", now=clock.now())
        ended.append(alone[0].external_id)
    assert sorted(ended) == ["0", "1", "2", "3"]


@pytest.mark.feature("F003")
async def test_suspects_rest_whoever_died_last(db: Database) -> None:
    """A machine that kills workers for a reason of its own convicts nobody: suspects are tried when it has ended."""
    clock = Clock(scale=1000.0)
    claims = Claims(db, clock)
    shop = await add_integration(db)

    async def event_of(external_id: str, priority: Priority) -> Event:
        async with db.transaction() as session:
            return await inbox.enqueue(
                session, integration_id=shop.id, vendor="omie", entity="clients", external_id=external_id,
                kind=Kind.CHANGED, topic="x", source=EventSource.RESYNC, priority=priority,
                due_at=clock.time() - 9, now=clock.now(),
            )  # fmt: skip

    async def now(event: Event) -> Event:
        async with db.read() as session:
            return await session.get_one(Event, event.id)

    suspect, other = await event_of("1", Priority.PERSON), await event_of("2", Priority.LIVE)
    async with db.transaction() as session:
        (await session.get_one(Event, suspect.id)).crashes = 3
    [taken] = await claims.claim([Priority.LIVE], 1, "w", 1)
    assert taken.id == other.id
    await clock.sleep(20)
    died = clock.time()
    [again] = await claims.claim([Priority.LIVE], 1, "w", 45_000)
    assert again.id == other.id
    rested = await now(suspect)
    assert rested.due_at is not None
    assert rested.due_at >= died + 2 * CALM_SECONDS  # the longer, the more deaths it met
    await clock.sleep(2 * CALM_SECONDS + 50)
    [tried] = await claims.claim([Priority.PERSON], 1, "w", 1)
    assert tried.id == suspect.id
    await clock.sleep(20)
    assert await claims.claim([Priority.PERSON], 1, "w", 1) == []
    assert (await now(suspect)).cause == "quarantine"

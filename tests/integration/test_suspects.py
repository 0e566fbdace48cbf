"""An event that kills its worker is found out alone: what ran beside it is not put aside with it."""

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Kind, Priority
from app.sync import inbox
from app.sync.claims import Claims
from app.sync.models import EventSource, EventState
from tests.factories import add_integration


@pytest.mark.feature("F003")
async def test_events_whose_worker_died_twice_go_one_at_a_time(db: Database) -> None:
    clock = Clock()
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
        dying = await claims.claim([Priority.LIVE], 4, "w", 0.3)
        assert [event.crashes for event in dying] == [crashes] * 4
        await clock.sleep(0.35)

    ended = []
    for _ in range(4):
        alone = await claims.claim([Priority.LIVE], 4, "w", 45)
        assert len(alone) == 1
        assert await claims.claim([Priority.LIVE], 4, "other", 45) == []
        async with db.transaction() as session:
            await inbox.settle(session, alone[0], EventState.DONE, "feito", now=clock.now())
        ended.append(alone[0].external_id)
    assert sorted(ended) == ["0", "1", "2", "3"]

"""What live traffic a plan reckons with: the writes of an hour like the one it will work in (F264)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from app.core.db import Database
from app.core.ports import Price, Vendor
from app.sync.models import Event, EventSource, EventState, Integration, WriteEntry, WriteState
from app.sync.passes.traffic import hour_like, traffic
from tests.factories import add_integration

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


class Prices:
    """A gateway whose methods are named after what they serve."""

    def price(self, entity: str, verb: str) -> Price:
        return Price(f"{verb} {entity}", 1)


@pytest.mark.feature("F264")
def test_an_hour_like_the_one_a_pass_begins_in_is_over() -> None:
    assert hour_like(NOON, NOON) == (NOON - timedelta(hours=1), NOON)
    night = NOON + timedelta(hours=8)
    assert hour_like(night, NOON) == (night - timedelta(days=1), night - timedelta(hours=23))
    soon = NOON + timedelta(minutes=10)
    assert hour_like(soon, NOON) == (soon - timedelta(days=1), soon - timedelta(hours=23))
    monday = NOON + timedelta(days=3)
    since, until = hour_like(monday, NOON)
    assert (until <= NOON, (monday - since) % timedelta(days=1)) == (True, timedelta(0))


@pytest.mark.feature("F264")
async def test_live_writes_of_the_accounts_count_with_their_looks(db: Database) -> None:
    ours = await add_integration(db)
    neighbour = await add_integration(db, omie_app_key="another", ploomes_account_id=ours.ploomes_account_id)
    stranger = await add_integration(db, omie_app_key="third", ploomes_account_id="999")
    hour = hour_like(NOON, NOON)
    rows: Sequence[tuple[Integration, str, str, int, EventSource, WriteState]] = [
        (ours, "ploomes", "update", 30, EventSource.WEBHOOK, WriteState.DONE),
        (ours, "omie", "create", 59, EventSource.PERSON, WriteState.DONE),
        (neighbour, "ploomes", "update", 1, EventSource.WEBHOOK, WriteState.DONE),
        (stranger, "ploomes", "update", 1, EventSource.WEBHOOK, WriteState.DONE),
        (ours, "ploomes", "update", 1, EventSource.RESYNC, WriteState.DONE),
        (ours, "ploomes", "update", 1, EventSource.WEBHOOK, WriteState.REFUSED),
        (ours, "ploomes", "update", 61, EventSource.WEBHOOK, WriteState.DONE),
    ]
    async with db.transaction() as session:
        for integration, vendor, verb, minutes, source, state in rows:
            at = NOON - timedelta(minutes=minutes)
            event = Event(
                integration_id=integration.id, vendor="omie", entity="clients", external_id="1", kind="changed",
                source=source.value, state=EventState.DONE, received_at=at, topic="", priority=0,
            )  # fmt: skip
            session.add(event)
            await session.flush()
            session.add(
                WriteEntry(
                    integration_id=integration.id, event_id=event.id, entity="clients", vendor=vendor, verb=verb,
                    state=state, sent_at=at,
                )
            )  # fmt: skip
    async with db.read() as session:
        found = await traffic(session, ours, dict.fromkeys(Vendor, Prices()), ["clients"], hour)  # type: ignore[arg-type]
    a_second = 1 / 3600
    assert found[Vendor.OMIE] == pytest.approx({"read clients": 2 * a_second, "create clients": a_second})
    assert found[Vendor.PLOOMES] == pytest.approx({"read clients": 3 * a_second, "update clients": 2 * a_second})

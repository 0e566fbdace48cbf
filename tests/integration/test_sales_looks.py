"""A document is read again as soon as Omie told of it, however lately it was read."""

from datetime import datetime, timedelta

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Kind, Priority, Record, Vendor
from app.sync import inbox
from app.sync.config.document import Config
from app.sync.lanes import Lanes, Lease
from app.sync.mapping.fields import Refs
from app.sync.models import Event, EventSource, Integration
from app.sync.sales.documents import KINDS, ORDERS
from app.sync.sales.looks import Looks
from app.sync.sales.visit import Visit
from app.sync.trip import Trip
from tests.factories import add_integration
from tests.fakes import FakeOmie, FakePloomes

BEFORE, NOW = {"cabecalho": {"etapa": "10"}}, {"cabecalho": {"etapa": "60"}}


async def told(db: Database, integration: Integration, vendor: Vendor, external_id: str, at: datetime) -> Event:
    """An event of an order or of a sale."""
    async with db.transaction() as session:
        return await inbox.enqueue(
            session, integration_id=integration.id, vendor=vendor.value, entity=ORDERS, external_id=external_id,
            kind=Kind.CHANGED.value, topic="told", source=EventSource.WEBHOOK.value, priority=Priority.LIVE,
            due_at=0.0, now=at,
        )  # fmt: skip


@pytest.mark.feature("F167", "F180")
@pytest.mark.parametrize(("told_after", "stage"), [(-5, "10"), (5, "60")])
async def test_what_an_event_read_before_it_was_put_off_counts_until_omie_tells_of_it(
    db: Database, clock: Clock, told_after: int, stage: str
) -> None:
    integration, omie = await add_integration(db), FakeOmie(clock)
    order = await omie.put(ORDERS, NOW)
    read_at = clock.now() - timedelta(seconds=10)
    event = await told(db, integration, Vendor.PLOOMES, "77", read_at)
    await told(db, integration, Vendor.OMIE, order, read_at + timedelta(seconds=told_after))
    reads = {order: Record(Vendor.OMIE, ORDERS, order, BEFORE, read_at)}
    lease = Lease(Lanes(db, 60.0), 60.0)
    trip = Trip(event, integration, Config(), omie, FakePloomes(clock), lease, Refs(), reads)
    record = await Looks(db, clock).record(Visit(trip, "77"), KINDS[ORDERS], order)
    assert record is not None
    assert record.data["cabecalho"]["etapa"] == stage

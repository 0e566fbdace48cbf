"""A sale that begins to wait while what it waits for changes is looked at again: nobody else would ring it."""

from datetime import timedelta

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Kind, Priority
from app.sync import inbox
from app.sync.config.document import Config
from app.sync.lanes import Lanes
from app.sync.mapping.fields import Refs
from app.sync.models import Event, EventSource, EventState
from app.sync.sales.book import Book
from app.sync.sales.documents import ORDERS
from app.sync.sales.visit import Visit
from app.sync.sales.waits import PREFLIGHT
from app.sync.trip import Outcome, Trip
from tests.factories import add_integration
from tests.fakes import FakeOmie, FakePloomes

CLIENT = ("ploomes", "clients", "501")
WAITS = Outcome(EventState.WAITING, PREFLIGHT, "O cliente não tem CNPJ/CPF.")


@pytest.mark.feature("X01")
@pytest.mark.parametrize(
    ("record", "state", "settled", "rung"),
    [
        (CLIENT, EventState.DONE, 1, True),  # it was settled meanwhile, and saw nobody waiting
        (CLIENT, EventState.PROCESSING, None, True),  # it is in hand: what it finds will be settled too late
        (CLIENT, EventState.DONE, -60, False),  # what it changed was seen
        (CLIENT, EventState.WAITING, None, False),  # it will ring by itself, once it is settled
        (("ploomes", "clients", "502"), EventState.DONE, 1, False),
    ],
)
async def test_a_sale_is_rung_when_what_it_waits_for_changed_while_it_was_looked_at(
    db: Database, clock: Clock, record: tuple[str, str, str], state: EventState, settled: int | None, rung: bool
) -> None:
    integration, began = await add_integration(db), clock.now() - timedelta(seconds=5)

    async def told(vendor: str, entity: str, external_id: str) -> Event:
        async with db.transaction() as session:
            return await inbox.enqueue(
                session, integration_id=integration.id, vendor=vendor, entity=entity, external_id=external_id,
                kind=Kind.CHANGED.value, topic="told", source=EventSource.WEBHOOK.value, priority=Priority.LIVE,
                due_at=0.0, now=began,
            )  # fmt: skip

    sale, other = await told("ploomes", ORDERS, "77"), await told(*record)
    async with db.transaction() as session:
        row = await session.get_one(Event, other.id)
        row.state, row.settled_at = state, began + timedelta(seconds=settled) if settled is not None else None
    async with Lanes(db, 60.0).hold("sale") as lease:
        trip = Trip(sale, integration, Config(), FakeOmie(clock), FakePloomes(clock), lease, Refs(), config_version=1)
        await Book(db, clock).close(Visit(trip, "77", began), WAITS, [CLIENT])
    async with db.read() as session:
        waiting = await session.get_one(Event, sale.id)
    assert waiting.state == EventState.WAITING
    assert (waiting.due_at is not None) is rung

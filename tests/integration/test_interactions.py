"""The note on a client's timeline in Ploomes: one per issue, whatever gets lost on the way."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from app.core.db import Database
from app.core.errors import Fault, VendorError
from app.core.ports import JsonObject, Key, Record, Vendor, Written
from app.sync.interactions import Interactions
from app.sync.issues import Finding, close, open_issue
from app.sync.lanes import Lanes
from app.sync.models import IntegrationState, Issue
from tests.factories import add_integration
from tests.integration.rest.fakes import FakeGateway, FakeVendors, fake_vendors
from tests.integration.rest.rig import FixedClock


class Timeline(FakeGateway):
    """Ploomes' interaction records: `slow` hides new ones, `lose` swallows the answer to a create."""

    lose = False
    slow = False
    beside: tuple[str | None, ...] = ()

    async def find(self, entity: str, key: Key, *, control: str | None = None) -> list[Record]:
        self._note("find", entity)
        self.beside = (*self.beside, control)
        rows = [] if self.slow else self.sets.setdefault(entity, [])
        if control is not None and not any(str(row["Id"]) == control for row in rows):
            raise VendorError(Fault.TRANSIENT, "sem o registro de controle", vendor="ploomes", tag="control")
        return [self._record(entity, row) for row in rows if key.value in row["Content"]]

    async def write(self, entity: str, verb: str, external_id: str | None, body: JsonObject) -> Written:
        written = await super().write(entity, verb, external_id, body)
        if self.lose and verb == "create":
            raise VendorError(Fault.UNCERTAIN, "a resposta se perdeu", vendor="ploomes")
        await asyncio.sleep(0.01)
        return written

    @property
    def notes(self) -> list[str]:
        return [row["Content"] for row in self.sets.get("interaction_records", [])]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def vendors(clock: FixedClock) -> FakeVendors:
    both = fake_vendors()
    both.ploomes = Timeline(Vendor.PLOOMES, lambda entity: "Id", clock=clock)
    return both


@pytest.fixture
def timeline(vendors: FakeVendors) -> Any:
    return vendors.ploomes


def interactions(db: Database, clock: FixedClock, vendors: FakeVendors) -> Interactions:
    return Interactions(db, clock, vendors, Lanes(db, 60.0))


async def refused(db: Database, clock: FixedClock, integration_id: int, contact: str = "9") -> int:
    async with db.transaction() as session:
        issue = await open_issue(
            session, integration_id=integration_id, entity="clients", vendor="ploomes", external_id=contact,
            finding=Finding("refused", "O Omie recusou: [email]", {"ploomes_id": contact}), now=clock.now(),
        )  # fmt: skip
    return issue.id


@pytest.mark.feature("F090", "F283")
async def test_a_lost_answer_makes_no_second_note(
    db: Database, clock: FixedClock, vendors: FakeVendors, timeline: Timeline
) -> None:
    await refused(db, clock, (await add_integration(db)).id)
    timeline.lose = timeline.slow = True
    notes = interactions(db, clock, vendors)
    await notes.sweep()
    clock.ahead += 20
    await notes.sweep()
    assert len(timeline.notes) == 1, "not yet visible is not absent"
    timeline.lose = timeline.slow = False
    clock.ahead += 20
    await notes.sweep()
    await notes.sweep()
    assert len(timeline.notes) == 1


@pytest.mark.feature("F090")
async def test_a_note_whose_answer_was_lost_is_cleared_with_its_issue(
    db: Database, clock: FixedClock, vendors: FakeVendors, timeline: Timeline
) -> None:
    issue_id = await refused(db, clock, (await add_integration(db)).id)
    timeline.lose = True
    notes = interactions(db, clock, vendors)
    await notes.sweep()
    async with db.transaction() as session:
        close(await session.get_one(Issue, issue_id), clock.now())
    await notes.sweep()
    assert timeline.notes == []


@pytest.mark.feature("F090")
async def test_two_processes_at_once_write_one_note(
    db: Database, clock: FixedClock, vendors: FakeVendors, timeline: Timeline
) -> None:
    await refused(db, clock, (await add_integration(db)).id)
    await asyncio.gather(*(interactions(db, clock, vendors).sweep() for _ in range(2)))
    assert len(timeline.notes) == 1


@pytest.mark.feature("F090")
@pytest.mark.parametrize("state", [IntegrationState.INACTIVE, IntegrationState.CREDENTIALS_REFUSED])
async def test_a_paused_integration_writes_no_note(
    db: Database, clock: FixedClock, vendors: FakeVendors, timeline: Timeline, state: IntegrationState
) -> None:
    await refused(db, clock, (await add_integration(db, state)).id)
    await interactions(db, clock, vendors).sweep()
    assert timeline.calls == []


@pytest.mark.feature("F090")
async def test_the_search_is_made_beside_another_note_and_a_deleted_one_is_replaced(
    db: Database, clock: FixedClock, vendors: FakeVendors, timeline: Timeline
) -> None:
    integration = await add_integration(db)
    notes = interactions(db, clock, vendors)
    await refused(db, clock, integration.id, "9")
    await notes.sweep()
    await refused(db, clock, integration.id, "10")
    await notes.sweep()
    first, second = (str(row["Id"]) for row in timeline.sets["interaction_records"])
    assert list(timeline.beside) == [None, first]
    timeline.sets["interaction_records"].pop()
    await refused(db, clock, integration.id, "11")
    await notes.sweep()
    assert list(timeline.beside) == [None, first, second, first]
    assert len(timeline.notes) == 2
    async with db.read() as session:
        records = list(await session.scalars(select(Issue.data["record_id"].as_string()).order_by(Issue.id)))
    assert records == [first, None, str(timeline.sets["interaction_records"][-1]["Id"])]


@pytest.mark.feature("F090")
async def test_a_refused_note_is_not_sent_again(
    db: Database, clock: FixedClock, vendors: FakeVendors, timeline: Timeline
) -> None:
    await refused(db, clock, (await add_integration(db)).id)

    def refuse(verb: str, entity: str) -> None:
        if verb == "create":
            raise VendorError(Fault.INVALID, "contato excluído", vendor="ploomes")

    timeline.fail = refuse
    notes = interactions(db, clock, vendors)
    for _ in range(3):
        await notes.sweep()
        clock.ahead += 40
    assert [call for call in timeline.calls if call[0] == "create"] == [("create", "interaction_records")]

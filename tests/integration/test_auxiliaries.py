"""Markers made in Ploomes: journalled, in a lane, once."""

from typing import Any

import pytest
from sqlalchemy import select

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, Postponed, VendorError
from app.core.ports import JsonObject, Key, Record, Vendor, Written
from app.sync.auxiliaries import Auxiliaries, contact_tag
from app.sync.lanes import Lanes
from app.sync.lookups import known
from app.sync.models import Change, Lane, WriteEntry
from tests.factories import add_integration
from tests.integration.rest.fakes import FakeGateway
from tests.integration.rest.rig import FixedClock


class Tags(FakeGateway):
    """Ploomes' tags by name; notes what the journal and the lanes held while a create was on its way."""

    lose = False
    db: Database
    at_write: tuple[list[str], float] = ([], 0.0)
    controls: tuple[str | None, ...] = ()

    async def find(self, entity: str, key: Key, *, control: str | None = None) -> list[Record]:
        self.controls = (*self.controls, control)
        return [self._record(entity, row) for row in self.sets.get(entity, []) if row["Name"] == key.value]

    async def write(self, entity: str, verb: str, external_id: str | None, body: JsonObject) -> Written:
        async with self.db.read() as session:
            states = list(await session.scalars(select(WriteEntry.state)))
            until = float((await session.scalars(select(Lane.until))).one())
        self.at_write = (states, until - Clock().time())
        if self.lose:
            raise VendorError(Fault.UNCERTAIN, "a resposta se perdeu", vendor="ploomes")
        return await super().write(entity, verb, external_id, body)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def tags(db: Database, clock: FixedClock) -> Tags:
    gateway = Tags(Vendor.PLOOMES, lambda entity: "Id", clock=clock)
    gateway.db = db
    return gateway


async def rows(db: Database, table: type[Any]) -> list[Any]:
    async with db.read() as session:
        return list(await session.scalars(select(table).order_by(table.id)))


@pytest.mark.feature("F069")
async def test_a_new_marker_is_journalled_and_told_and_its_lane_outlives_the_write(
    db: Database, clock: FixedClock, tags: Tags
) -> None:
    integration = await add_integration(db)
    async with db.transaction() as session:
        await known.upsert(session, integration.id, [known.Known(Vendor.PLOOMES, "tags", "7", name="X")], clock.now())
    record = await Auxiliaries(db, clock, Lanes(db, 5.0)).ensure(integration, contact_tag("VIP"), None, tags)
    assert tags.controls == ("7",)
    assert tags.at_write[0] == ["sent"]
    assert tags.at_write[1] > 30
    (entry,) = await rows(db, WriteEntry)
    (change,) = await rows(db, Change)
    assert (entry.entity, entry.verb, entry.external_id, entry.state) == ("tags", "create", record.id, "done")
    assert (change.action, change.external_id, change.after, change.write_id) == (
        "create", record.id, {"name": "VIP"}, entry.id,
    )  # fmt: skip


@pytest.mark.feature("F069")
@pytest.mark.parametrize("arrived", [True, False])
async def test_a_marker_whose_answer_was_lost_is_not_made_twice(
    db: Database, clock: FixedClock, tags: Tags, arrived: bool
) -> None:
    integration = await add_integration(db)
    markers = Auxiliaries(db, clock, Lanes(db, 60.0))
    tags.lose = True
    with pytest.raises(VendorError):
        await markers.ensure(integration, contact_tag("VIP"), None, tags)
    tags.lose = False
    with pytest.raises(Postponed):
        await markers.ensure(integration, contact_tag("VIP"), None, tags)
    if arrived:
        tags.sets["tags"] = [{"Id": 1, "Name": "VIP", "EntityId": 1}]
    clock.ahead += 32
    await markers.ensure(integration, contact_tag("VIP"), None, tags)
    assert len(tags.sets["tags"]) == 1
    assert [row.state for row in await rows(db, WriteEntry)] == (["done"] if arrived else ["resolved", "done"])
    assert len(await rows(db, Change)) == 1


@pytest.mark.feature("F069", "F093")
async def test_a_lost_answer_is_waited_for_by_another_company_of_the_account_and_by_no_other_name(
    db: Database, clock: FixedClock, tags: Tags
) -> None:
    first, second = [await add_integration(db, ploomes_account_id="900") for _ in range(2)]
    markers, name = Auxiliaries(db, clock, Lanes(db, 60.0)), "Materiais de construção e acabamento, "
    tags.lose = True
    with pytest.raises(VendorError):
        await markers.ensure(first, contact_tag(f"{name}piso"), None, tags)
    tags.lose = False
    with pytest.raises(Postponed):
        await markers.ensure(second, contact_tag(f"{name}piso"), None, tags)
    await markers.ensure(first, contact_tag(f"{name}parede"), None, tags)
    tags.sets["tags"].append({"Id": 1, "Name": f"{name}piso", "EntityId": 1})
    await markers.ensure(second, contact_tag(f"{name}piso"), None, tags)
    await markers.ensure(first, contact_tag(f"{name}piso"), None, tags)
    assert sorted(row["Name"] for row in tags.sets["tags"]) == [f"{name}parede", f"{name}piso"]
    assert {row.state for row in await rows(db, WriteEntry)} == {"done"}
    assert {row.after["name"]: row.external_id for row in await rows(db, Change)}[f"{name}piso"] == "1"

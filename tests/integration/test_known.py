"""The index of known records, on both databases."""

from datetime import timedelta

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Record, Vendor
from app.sync.lookups import known
from app.sync.lookups.known import Known
from tests.factories import add_integration

OMIE, PLOOMES = Vendor.OMIE, Vendor.PLOOMES


async def test_many_rows_are_stored_and_found_by_their_natural_key(db: Database, clock: Clock) -> None:
    shop, other = await add_integration(db), await add_integration(db)
    rows = [Known(OMIE, "clients", str(number), natural_key=f"doc{number}", name="A") for number in range(450)]
    async with db.transaction() as session:
        await known.upsert(session, shop.id, rows, clock.now())
        await known.upsert(session, other.id, rows[:1], clock.now())
    async with db.read() as session:
        (found,) = await known.find(session, shop.id, OMIE, "clients", "doc7")
        assert (found.external_id, found.name, found.active) == ("7", "A", True)
        assert await known.counts(session, shop.id) == {("omie", "clients"): 450}
        assert await known.find(session, other.id, OMIE, "clients", "doc7") == []
        assert await known.find(session, shop.id, PLOOMES, "clients", "doc7") == []


async def test_a_row_seen_again_is_replaced_and_lives_again(db: Database, clock: Clock) -> None:
    shop = await add_integration(db)
    async with db.transaction() as session:
        first = Known(OMIE, "clients", "7", natural_key="old", data={"a": 1})
        await known.upsert(session, shop.id, [first, Known(OMIE, "clients", "7", natural_key="older")], clock.now())
        assert await known.mark_gone(session, shop.id, OMIE, "clients", "7", clock.now())
        assert not await known.mark_gone(session, shop.id, OMIE, "clients", "7", clock.now())
        assert await known.everything(session, shop.id, OMIE, "clients") == []
        await known.upsert(session, shop.id, [Known(OMIE, "clients", "7", natural_key="new")], clock.now())
    async with db.read() as session:
        row = await known.get(session, shop.id, OMIE, "clients", "7")
        assert row is not None
        assert (row.natural_key, row.gone_at, row.data) == ("new", None, {})


async def test_what_a_complete_crawl_no_longer_shows_is_gone(db: Database, clock: Clock) -> None:
    shop, before = await add_integration(db), clock.now()
    async with db.transaction() as session:
        await known.upsert(session, shop.id, [Known(PLOOMES, "tags", "1"), Known(PLOOMES, "tags", "2")], before)
        later = before + timedelta(seconds=5)
        await known.upsert(session, shop.id, [Known(PLOOMES, "tags", "2")], later)
        gone = await known.mark_unseen_gone(session, shop.id, PLOOMES, "tags", seen_before=later, at=later)
        assert gone == 1
        assert [row.external_id for row in await known.everything(session, shop.id, PLOOMES, "tags")] == ["2"]


@pytest.mark.feature("F055", "F056", "F080")
@pytest.mark.parametrize(
    ("vendor", "entity", "data", "key"),
    [
        (OMIE, "clients", {"cnpj_cpf": "11.222.333/0001-81", "nome_fantasia": "A"}, "11222333000181"),
        (OMIE, "clients", {"cnpj_cpf": "11.222.333/0001-82"}, None),
        (PLOOMES, "clients", {"Register": None, "CPF": "529.982.247-25"}, "52998224725"),
        (OMIE, "sellers", {"email": " Ana@Loja.TEST "}, "ana@loja.test"),
        (PLOOMES, "users", {"Email": "ANA@loja.test"}, "ana@loja.test"),
        (PLOOMES, "statuses", {"Name": "Inativo"}, "inativo"),
        (PLOOMES, "tags", {"Name": "VIP"}, "VIP"),
        (PLOOMES, "cities", {"IBGECode": 3550308}, "3550308"),
        (PLOOMES, "states", {"Short": "SP"}, "SP"),
        (PLOOMES, "forms", {"Name": "x"}, None),
    ],
)
def test_a_crawled_record_is_indexed_by_its_natural_key(
    vendor: Vendor, entity: str, data: dict[str, object], key: str | None
) -> None:
    assert known.known_of(Record(vendor, entity, "1", data, Clock().now())).natural_key == key


def test_activity_is_read_from_either_vendor() -> None:
    seller = known.known_of(Record(OMIE, "sellers", "1", {"inativo": "S"}, Clock().now()))
    user = known.known_of(Record(PLOOMES, "users", "1", {"Suspended": True}, Clock().now()))
    assert (seller.active, user.active) == (False, False)

"""Passes that are killed go on where they stood: a page is read again at most once per death."""

import random
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.core.ports import JsonObject
from app.sync.models import Event, Link, Resync
from app.sync.passes.models import ResyncItem
from tests.integration.rest.fakes import PAGE, FakeVendors
from tests.integration.rest.rig import FixedClock, Parts
from tests.integration.rest.test_first_load import activate, client, contact, load

RECORDS = 42
KILLS = 20


class Killed(BaseException):
    """The process dies: nothing after it runs."""


def documents() -> list[str]:
    """Valid CNPJs."""
    from stdnum.br import cnpj

    stems = [f"{70_000_000 + number:08d}0001" for number in range(RECORDS)]
    return [stem + cnpj.calc_check_digits(stem) for stem in stems]


async def pass_of(ponte: Parts) -> Resync:
    async with ponte.db.read() as session:
        return (await session.scalars(select(Resync).where(Resync.reason == "requested"))).one()


@pytest.mark.feature("F262", "F264")
async def test_twenty_kills_repeat_at_most_a_page_each_and_plan_nothing_twice(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    codes = documents()
    sets: dict[str, list[JsonObject]] = {
        "omie": [client(number, codes[number]) for number in range(RECORDS)],
        "ploomes": [contact(number, codes[number]) for number in range(RECORDS)],
    }
    vendors.omie.sets["clients"], vendors.ploomes.sets["clients"] = sets["omie"], sets["ploomes"]
    await activate(api, shop)
    assert (await load(ponte, clock)).state == "completed"
    async with ponte.db.transaction() as session:
        for event in await session.scalars(select(Event)):
            event.state, event.due_at, event.settled_at = "done", None, clock.now()
        for link in await session.scalars(select(Link).where(Link.entity == "clients")):
            link.omie_base = {**link.omie_base, "omie_id": link.omie_id}
            link.ploomes_base = {**link.ploomes_base, "omie_id": None}
            for vendor_base in (link.omie_base, link.ploomes_base):
                vendor_base.setdefault("country", None)
    clock.ahead += 3600
    for number in range(0, RECORDS, 7):
        sets["omie"][number]["email"] = f"novo{number}@x.test"
    answer = await api.post(f"/integrations/{shop['id']}/resyncs", json={"dry_run": True, "entities": ["clients"]})
    assert answer.status_code == 202, answer.text
    calls: list[tuple[str, str]] = []
    chance, deaths = random.Random(7), 0

    def fail(verb: str, entity: str) -> None:
        nonlocal deaths
        if entity != "clients":
            return
        calls.append((verb, entity))
        if deaths < KILLS and chance.random() < 0.5:
            deaths += 1
            raise Killed

    vendors.omie.fail = vendors.ploomes.fail = fail
    for _ in range(200):
        try:
            await ponte.first_load.tick()
        except BaseExceptionGroup as group:
            assert group.subgroup(Killed) is not None  # noqa: PT017
            clock.ahead += 91  # the dead worker's lease ends
        clock.ahead += 1
        if (await pass_of(ponte)).state == "planned":
            break
    row = await pass_of(ponte)
    assert (row.state, deaths) == ("planned", KILLS), row.progress
    least = 2 * -(-RECORDS // PAGE)
    assert len(calls) <= least + 2 * KILLS  # a death takes the page of either vendor with it, and no more
    assert row.plan["entities"]["clients"]["update_in_ploomes"] == 6
    assert row.plan["entities"]["clients"]["unchanged"] == RECORDS - 6
    async with ponte.db.read() as session:
        items = list(await session.scalars(select(ResyncItem)))
    assert len({item.key for item in items}) == len(items)


async def open_until(api: httpx.AsyncClient, shop: dict[str, Any], clock: FixedClock, closes: timedelta) -> datetime:
    """The window is open, and closes in so long (whole minutes); answers when."""
    now = clock.now().replace(second=0, microsecond=0)
    document = (await api.get(f"/integrations/{shop['id']}/config")).json()
    document["window"] = {
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": f"{now - timedelta(minutes=1):%H:%M}",
        "end": f"{now + closes:%H:%M}", "all_day": [], "holidays": False, "time_zone": "UTC",
    }  # fmt: skip
    assert (await api.put(f"/integrations/{shop['id']}/config", json=document)).status_code == 200
    clock.ahead += 3  # a configuration is remembered for two seconds
    return now + closes


@pytest.mark.feature("F262", "F263")
async def test_the_window_is_looked_at_between_the_lists_of_one_step(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    await activate(api, shop)
    assert (await load(ponte, clock)).state == "completed"
    clock.ahead += 3600
    closing = await open_until(api, shop, clock, timedelta(minutes=4))
    answer = await api.post(f"/integrations/{shop['id']}/resyncs", json={"start": "now", "entities": ["clients"]})
    assert answer.status_code == 202, answer.text
    calls: list[float] = []

    def slow(verb: str, entity: str) -> None:
        calls.append(clock.time())
        clock.ahead += 50

    vendors.omie.fail = vendors.ploomes.fail = slow
    for _ in range(10):
        await ponte.first_load.tick()
    assert (await pass_of(ponte)).state == "paused"
    assert 1 <= len(calls) <= 3
    assert calls[-1] + 50 < closing.timestamp()


@pytest.mark.feature("F262", "F263")
async def test_a_pass_rests_when_its_window_closes_and_goes_on_by_its_cursor_in_the_next(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    vendors.omie.sets["clients"] = [client(number, None) for number in range(12)]
    vendors.ploomes.sets["clients"] = [contact(number, None) for number in range(12)]
    await activate(api, shop)
    assert (await load(ponte, clock)).state == "completed"
    await open_until(api, shop, clock, timedelta(hours=1))
    answer = await api.post(f"/integrations/{shop['id']}/resyncs", json={"start": "now", "entities": ["clients"]})
    assert answer.status_code == 202, answer.text
    calls: list[float] = []

    def fail(verb: str, entity: str) -> None:
        if entity == "clients":
            calls.append(clock.time())
            if len(calls) == 4:
                clock.ahead += 3700  # the answer comes after the window has closed

    vendors.omie.fail = vendors.ploomes.fail = fail
    await ponte.first_load.tick()
    await ponte.first_load.tick()
    row = await pass_of(ponte)
    assert (row.state, len(calls)) == ("paused", 4), row.progress
    assert row.due_at is not None
    assert 80000 < row.due_at - clock.time() < 86400
    for _ in range(3):
        clock.ahead += 3600
        await ponte.first_load.tick()
    assert len(calls) == 4  # nothing at all while it is closed
    shown = (await api.get(f"/integrations/{shop['id']}/resyncs/{row.id}")).json()
    assert "janela" in shown["progress"]["paused_because"].lower()
    clock.ahead += row.due_at - clock.time() + 1
    for _ in range(20):
        await ponte.first_load.tick()
        clock.ahead += 1
        row = await pass_of(ponte)
        if row.state == "completed":
            break
    assert row.state == "completed", row.progress
    assert len(calls) == 2 * -(-12 // PAGE)  # every page once

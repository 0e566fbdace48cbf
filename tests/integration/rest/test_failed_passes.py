"""A pass that failed is tried again a day later, in the window, until another takes its place."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.core.errors import Fault, VendorError
from app.sync.models import Resync
from app.sync.passes.models import MAPPING, ResyncItem
from tests.integration.rest.fakes import FakeVendors
from tests.integration.rest.rig import FixedClock, Parts
from tests.integration.rest.test_first_load import CNPJ, activate, client, contact, load

DAY = 86400.0
OVER = ("completed", "failed", "cancelled", "planned", "paused")


class Lists:
    """Omie's lists of clients: how often they were asked for, and whether they fail."""

    def __init__(self, vendors: FakeVendors, clock: FixedClock) -> None:
        self.failing, self.asked, self._clock = False, list[float](), clock
        vendors.omie.fail = self._fail

    def _fail(self, verb: str, entity: str) -> None:
        if (verb, entity) == ("pages", "clients"):
            self.asked.append(self._clock.time())
            if self.failing:
                raise VendorError(Fault.TRANSIENT, "erro interno", vendor="omie", method="ListarClientes")


@pytest.fixture
async def lists(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> Lists:
    """An activated integration with two equal clients, loaded; an hour later."""
    vendors.omie.sets["clients"] = [client(number, CNPJ[number]) for number in range(2)]
    vendors.ploomes.sets["clients"] = [contact(number, CNPJ[number]) for number in range(2)]
    await activate(api, shop)
    assert (await load(ponte, clock)).state == "completed"
    clock.ahead += 3600
    return Lists(vendors, clock)


async def ask(api: httpx.AsyncClient, shop: dict[str, Any], verb: str = "resyncs", **body: Any) -> int:
    answer = await api.post(f"/integrations/{shop['id']}/{verb}", json=body)
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


async def row_of(ponte: Parts, resync_id: int) -> Resync:
    async with ponte.db.read() as session:
        return await session.get_one(Resync, resync_id)


async def rests(ponte: Parts, clock: FixedClock, resync_id: int, step: float = 120.0) -> Resync:
    """The pass once it rests."""
    for _ in range(300):
        await ponte.first_load.tick()
        row = await row_of(ponte, resync_id)
        if row.state in OVER:
            return row
        clock.ahead += step
    raise AssertionError(row.progress)


async def closed(api: httpx.AsyncClient, shop: dict[str, Any], clock: FixedClock, hours: float) -> None:
    """From now on the window opens in so many hours, each day, for an hour."""
    start = clock.now() + timedelta(hours=hours)
    document = (await api.get(f"/integrations/{shop['id']}/config")).json()
    document["window"] = {
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": f"{start:%H:%M}",
        "end": f"{start + timedelta(hours=1):%H:%M}", "all_day": [], "holidays": False, "time_zone": "UTC",
    }  # fmt: skip
    assert (await api.put(f"/integrations/{shop['id']}/config", json=document)).status_code == 200
    clock.ahead += 3  # configurations are remembered for two seconds


@pytest.mark.feature("F262", "F264", "F265")
async def test_a_pass_takes_the_place_of_one_that_failed(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, lists: Lists, clock: FixedClock
) -> None:
    lists.failing = True
    first = await ask(api, shop, entities=["clients"], force=True)
    failed = await rests(ponte, clock, first)
    assert (failed.state, failed.due_at is not None) == ("failed", True)
    clock.ahead += DAY / 2
    second = await ask(api, shop, "certificates", force=True)
    assert (await row_of(ponte, first)).due_at is None
    lists.failing = False
    assert (await rests(ponte, clock, second)).state == "completed"
    lists.asked.clear()
    for _ in range(5):
        clock.ahead += DAY / 2
        await ponte.first_load.tick()
    assert ((await row_of(ponte, first)).state, lists.asked) == ("failed", [])
    async with ponte.db.read() as session:
        assert list(await session.scalars(select(ResyncItem))) == []
    # a dry run that is resumed takes it too
    plan = await ask(api, shop, entities=["clients"], dry_run=True)
    assert (await rests(ponte, clock, plan)).state == "planned"
    lists.failing = True
    third = await ask(api, shop, entities=["clients"], force=True)
    assert (await rests(ponte, clock, third)).due_at is not None
    assert (await api.post(f"/integrations/{shop['id']}/resyncs/{plan}/resume", json={"force": True})).is_success
    assert (await row_of(ponte, third)).due_at is None


@pytest.mark.feature("F262", "F264")
async def test_a_failed_pass_is_tried_again_in_the_window_whatever_hurry_it_had(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, lists: Lists, clock: FixedClock
) -> None:
    lists.failing = True
    row_id = await ask(api, shop, entities=["clients"], force=True)
    failed = await rests(ponte, clock, row_id)
    assert failed.state == "failed"
    assert failed.due_at is not None
    await closed(api, shop, clock, 30)
    lists.failing = False
    clock.ahead += failed.due_at - clock.time() + 1
    lists.asked.clear()
    paused = await rests(ponte, clock, row_id)
    assert (paused.state, lists.asked) == ("paused", [])
    assert paused.due_at is not None
    clock.ahead += paused.due_at - clock.time() + 1
    assert (await rests(ponte, clock, row_id)).state == "completed"
    assert lists.asked


@pytest.mark.feature("F027", "F262")
async def test_a_publish_takes_a_failed_comparison_along(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, lists: Lists, clock: FixedClock
) -> None:
    document = (await api.get(f"/integrations/{shop['id']}/config")).json()
    document["products"]["create_active"] = False
    answer = await api.put(f"/integrations/{shop['id']}/config", json=document)
    first = int(answer.json()["resync_id"])
    async with ponte.db.transaction() as session:
        row = await session.get_one(Resync, first)
        row.state, row.due_at = "failed", clock.time() + DAY
    document["clients"]["tags"] = ["Cliente"]
    second = int((await api.put(f"/integrations/{shop['id']}/config", json=document)).json()["resync_id"])
    old, new = await row_of(ponte, first), await row_of(ponte, second)
    assert (old.reason, old.state, old.due_at) == (MAPPING, "cancelled", None)
    assert new.entities[:1] == ["clients"]
    assert "products" in new.entities


@pytest.mark.feature("F264", "F265")
async def test_of_two_plans_resumed_at_once_one_is_executed(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, lists: Lists, clock: FixedClock
) -> None:
    plans = []
    for _ in range(2):
        plans.append(await ask(api, shop, entities=["clients"], dry_run=True))
        assert (await rests(ponte, clock, plans[-1])).state == "planned"
    paths = [f"/integrations/{shop['id']}/resyncs/{plan}/resume" for plan in plans]
    answers = await asyncio.gather(*(api.post(path, json={"force": True}) for path in paths))
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    assert sorted([(await row_of(ponte, plan)).state for plan in plans]) == ["planned", "running"]

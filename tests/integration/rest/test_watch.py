"""What is watched by the clock: codes in use, webhooks, credentials, fields."""

from typing import Any

import httpx
import pytest

from app.core.errors import Fault, VendorError
from tests.integration.rest.fakes import FakeVendors
from tests.integration.rest.rig import FixedClock, Parts


async def causes(api: httpx.AsyncClient, active: dict[str, Any]) -> list[str]:
    rows = (await api.get(f"/integrations/{active['id']}/issues")).json()["items"]
    return sorted(row["cause"] for row in rows)


@pytest.mark.feature("F285")
async def test_a_code_that_became_inactive_is_told_before_a_sale_fails(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors, ponte: Parts, clock: FixedClock
) -> None:
    document = {"orders": {"omie_account": 9}, "sellers": {"default_seller": 71}}
    assert (await api.put(f"/integrations/{active['id']}/config", json=document)).status_code == 200
    row = await ponte.integrations.get(active["id"])
    await ponte.watch.codes(row)
    assert await causes(api, active) == []
    vendors.omie.sets["accounts"][0]["inativo"] = "S"
    clock.ahead += 3700
    await ponte.watch.codes(row)
    assert await causes(api, active) == ["inactive_code"]
    issue = (await api.get(f"/integrations/{active['id']}/issues")).json()["items"][0]
    assert "orders.omie_account" in issue["detail"]
    assert "Conta" in issue["detail"]
    vendors.omie.sets["accounts"][0]["inativo"] = "N"
    clock.ahead += 3700
    await ponte.watch.codes(row)
    assert await causes(api, active) == []


@pytest.mark.feature("F036")
async def test_webhooks_that_ploomes_switched_off_come_back(
    active: dict[str, Any], vendors: FakeVendors, ponte: Parts
) -> None:
    rows = vendors.ploomes.sets["webhooks"]
    rows[0]["Active"] = False
    gone = rows.pop()
    await ponte.watch.webhooks(await ponte.integrations.get(active["id"]))
    assert rows[0]["Active"] is True
    assert {(r["EntityId"], r["ActionId"]) for r in rows} >= {(gone["EntityId"], gone["ActionId"])}
    assert len(rows) == 9


@pytest.mark.feature("F016", "F022", "F036")
async def test_the_daily_look_stops_at_refused_credentials_and_goes_on_with_accepted_ones(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors, ponte: Parts, clock: FixedClock
) -> None:
    def refuse(verb: str, entity: str) -> None:
        if entity == "self":
            raise VendorError(Fault.CREDENTIALS, "chave inválida", vendor="ploomes")

    async def state() -> str:
        return str((await api.get(f"/integrations/{active['id']}")).json()["state"])

    clock.ahead += 90000
    vendors.ploomes.fail = refuse
    for _ in range(4):  # a few duties per tick
        await ponte.watch.tick()
    assert await state() == "credentials_refused"
    assert await causes(api, active) == ["credentials"]
    clock.ahead += 90000
    vendors.ploomes.fail = lambda verb, entity: None
    await ponte.watch.tick()
    assert await state() == "awaiting_first_webhook"
    assert await causes(api, active) == []


async def test_a_duty_is_done_once_and_again_when_it_is_due(
    active: dict[str, Any], vendors: FakeVendors, ponte: Parts, clock: FixedClock
) -> None:
    asked = vendors.asked()
    await ponte.watch.tick()
    assert vendors.asked() == asked  # an activation has just looked at everything
    clock.ahead += 2000
    await ponte.watch.tick()
    after = vendors.asked()
    assert after > asked
    await ponte.watch.tick()
    assert vendors.asked() == after

"""What is watched by the clock: codes in use, webhooks, credentials, fields."""

from typing import Any

import httpx
import pytest
from sqlalchemy import update

from app.core.errors import Fault, VendorError
from app.sync.models import Integration
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
    for code, doubts in ((9, 0), (99, 1)):  # who publishes a code that no list offers is warned, at no call
        asked = vendors.asked()
        wanted = {**document, "orders": {"omie_account": code, "omie_category": "1.01.03"}}
        answer = await api.put(f"/integrations/{active['id']}/config", json=wanted, params={"dry_run": True})
        warnings = [text for text in answer.json()["warnings"] if "orders.omie_account" in text]
        assert (len(warnings), vendors.asked()) == (doubts, asked), warnings
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


@pytest.mark.feature("F285", "F289")
async def test_a_field_that_a_condition_needs_is_missed_and_a_locked_one_is_not(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors, ponte: Parts, clock: FixedClock
) -> None:
    fields = vendors.ploomes.sets["fields"]
    fields.append({"Id": 2, "Key": "order_ok", "Name": "Liberada", "EntityId": 4, "TypeId": 1, "Disabled": True})
    document = {"orders": {"send_when": {"field_key": "order_ok", "equals": "Sim"}}}
    assert (await api.put(f"/integrations/{active['id']}/config", json=document)).status_code == 200
    row = await ponte.integrations.get(active["id"])
    await ponte.watch.codes(row)
    assert await causes(api, active) == []
    fields.pop()
    clock.ahead += 3700
    await ponte.watch.codes(row)
    [issue] = (await api.get(f"/integrations/{active['id']}/issues")).json()["items"]
    assert (issue["cause"], issue["vendor"]) == ("inactive_code", "ploomes")
    assert "não existe no Ploomes, mas orders.send_when o usa" in issue["detail"]
    # what a publish mends is seen by the next tick, not by the next hour
    assert (await api.put(f"/integrations/{active['id']}/config", json={})).status_code == 200
    await ponte.watch.tick()
    assert await causes(api, active) == []


@pytest.mark.feature("F194", "F285")
async def test_a_field_that_vanished_is_told_until_it_is_mapped_no_more(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors, ponte: Parts, clock: FixedClock
) -> None:
    path, fields = f"/integrations/{active['id']}", vendors.ploomes.sets["fields"]
    fields.append({"Id": 2, "Key": "contact_ie", "Name": "IE", "EntityId": 1, "TypeId": 1})
    mapping = {"omie": "ClienteFornecedor.Inscrição Estadual", "ploomes": "contact_ie"}
    assert (await api.put(f"{path}/config", json={"mappings": [mapping]})).status_code == 200
    gone = fields.pop()
    await ponte.watch.fields(await ponte.integrations.get(active["id"]))
    [issue] = (await api.get(f"{path}/issues")).json()["items"]
    assert issue["cause"] == "mapping_suspended"
    # a person's retry looks at the field again; it makes no event of a record that is none
    before = len((await api.get(f"{path}/events")).json()["items"])
    for put_back, left in ((False, ["mapping_suspended"]), (True, [])):
        fields += [gone] if put_back else []
        asked = await api.post(f"{path}/issues/{issue['id']}/retry")
        assert asked.status_code == 202, asked.text
        await ponte.watch.tick()
        assert await causes(api, active) == left
    assert len((await api.get(f"{path}/events")).json()["items"]) == before
    fields.pop()
    await ponte.watch.fields(await ponte.integrations.get(active["id"]))
    assert await causes(api, active) == ["mapping_suspended"]
    assert (await api.put(f"{path}/config", json={})).status_code == 200
    await ponte.watch.tick()
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


@pytest.mark.feature("F016", "F092")
async def test_what_another_account_lacks_is_not_made_there(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors, ponte: Parts
) -> None:
    families = vendors.ploomes.sets["families"]
    gone = families.pop()
    me, home = vendors.ploomes.sets["self"][0], vendors.ploomes.sets["self"][0]["AccountId"]
    for account, made in ((901, 0), (home, 1)):
        me["AccountId"] = account
        before = len(families)
        await ponte.watch.provisioned(await ponte.integrations.get(active["id"]))
        assert len(families) - before == made
        assert await causes(api, active) == ["provision_lost"] * made
    assert families[-1]["Name"] == gone["Name"]
    row = await ponte.integrations.get(active["id"])
    assert row.provisioned["families"][gone["Name"]] == families[-1]["Id"]


@pytest.mark.feature("F092")
async def test_a_look_that_finds_the_account_being_prepared_stays_due(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors, ponte: Parts, clock: FixedClock
) -> None:
    account = (await ponte.integrations.get(active["id"])).ploomes_account_id
    vendors.ploomes.sets["families"].pop()
    clock.ahead += 1801
    async with ponte.lanes.hold(f"provision:{account}"):
        await ponte.watch.tick()
    assert await causes(api, active) == []
    await ponte.watch.tick()
    assert await causes(api, active) == ["provision_lost"]


@pytest.mark.feature("F016", "F092")
async def test_what_was_made_in_one_account_is_not_taken_for_another_ones(
    api: httpx.AsyncClient,
    active: dict[str, Any],
    vendors: FakeVendors,
    ponte: Parts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vendors.ploomes.sets["families"].pop()
    before = await ponte.integrations.get(active["id"])
    config_of = ponte.configs.get

    async def activated_for_another(integration_id: int) -> Any:
        async with ponte.db.transaction() as session:
            await session.execute(update(Integration).values(ploomes_account_id="901"))
        return await config_of(integration_id)

    monkeypatch.setattr(ponte.configs, "get", activated_for_another)
    await ponte.watch.provisioned(before)
    assert (await ponte.integrations.get(active["id"])).provisioned == before.provisioned
    assert await causes(api, active) == []


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


@pytest.mark.feature("F016", "F035")
@pytest.mark.parametrize(("vendor", "words"), [("ploomes", "conta Ploomes 901"), ("omie", "outra empresa: Vizinha")])
async def test_keys_of_another_account_or_company_stop_the_integration_before_its_links_pass_for_deleted(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors, ponte: Parts, clock: FixedClock, vendor: str,
    words: str,
) -> None:  # fmt: skip
    path = f"/integrations/{active['id']}"
    sets = {name: list(map(dict, getattr(vendors, name).sets[part])) for name, part in
            (("omie", "companies"), ("ploomes", "self"))}  # fmt: skip
    clock.ahead += 120
    if vendor == "omie":
        vendors.omie.sets["companies"] = [{"codigo_empresa": "2", "nome_fantasia": "Vizinha"}]
        change = {"omie": {"app_key": "3000000000003", "app_secret": "another-secret"}}
    else:
        vendors.ploomes.sets["self"][0]["AccountId"] = 901
        change = {"ploomes": {"user_key": "another-key"}}
    assert (await api.patch(path, json=change)).status_code == 200
    await ponte.watch.tick()  # new credentials are looked at within a minute
    assert (await api.get(path)).json()["state"] == "credentials_refused"
    [issue] = (await api.get(f"{path}/issues")).json()["items"]
    assert (issue["cause"], words in issue["detail"]) == ("credentials", True), issue
    refused = await api.post(f"{path}/activate")
    assert refused.status_code == 409
    assert any("crie outra integração" in str(check["fix"]) for check in refused.json()["checks"])

    vendors.omie.sets["companies"], vendors.ploomes.sets["self"] = sets["omie"], sets["ploomes"]
    clock.ahead += 120
    back = {"omie": {"app_key": "1000000000001", "app_secret": "new-secret"}, "ploomes": {"user_key": "new-key"}}
    assert (await api.patch(path, json=back)).status_code == 200
    await ponte.watch.tick()
    assert (await api.get(path)).json()["state"] == "awaiting_first_webhook"
    assert await causes(api, active) == []

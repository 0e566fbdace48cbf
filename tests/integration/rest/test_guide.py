"""Guides: what flows, what is left to do, locks, the bundle, addresses, and taking everything out again."""

import json
from typing import Any

import httpx
import pytest

from app.core.vault import Vault
from app.main import create_app
from app.sync.setup.parts import FIELD_SPECS
from app.sync.setup.upkeep import SECRETS
from tests.integration.rest.fakes import FakeVendors
from tests.integration.rest.rig import NEW, Parts

OLD_KEY = "test-secret-key"
"""What `tests.factories.VAULT` seals with."""


def path(shop: dict[str, Any], rest: str) -> str:
    return f"/integrations/{shop['id']}/{rest}"


@pytest.mark.feature("F014", "F179")
async def test_the_matrix_follows_the_configuration(api: httpx.AsyncClient, shop: dict[str, Any]) -> None:
    rows = {row["entity"]: row for row in (await api.get(path(shop, "capabilities"))).json()}
    assert "exclusão" in rows["clients"]["to_omie"]
    assert rows["products"]["to_omie"] == []
    document = {"entities": {"products": False}, "deletes": {"clients": "ignore"}, "orders": {"send_to_omie": False}}
    assert (await api.put(path(shop, "config"), json=document)).status_code == 200
    rows = {row["entity"]: row for row in (await api.get(path(shop, "capabilities"))).json()}
    assert rows["clients"]["to_omie"] == ["criação", "edição"]
    assert (rows["products"]["on"], rows["products"]["to_ploomes"]) == (False, [])
    assert rows["orders"]["to_omie"] == []


@pytest.mark.feature("F015", "F031", "F041", "F164")
async def test_the_guide_names_the_address_to_paste_and_what_is_done(
    api: httpx.AsyncClient, active: dict[str, Any]
) -> None:
    steps = {step["title"]: step for step in (await api.get(path(active, "guide"))).json()}
    hook = steps["Webhook do Omie"]
    assert hook["copy"] == active["webhook_urls"]["omie"]
    assert hook["done"] is False
    assert "Aguardando" in hook["text"]
    assert steps["Testar e ativar"]["done"] is True
    assert "próximo número" in steps["Numeração das vendas"]["text"]
    token = active["webhook_urls"]["omie"].rpartition("/")[2]
    posted = await api.post(f"http://ponte.test/webhooks/omie/{token}", json={"ping": "omie"})
    assert posted.status_code == 200
    steps = {step["title"]: step for step in (await api.get(path(active, "guide"))).json()}
    assert steps["Webhook do Omie"]["done"] is True
    assert (await api.get(f"/integrations/{active['id']}")).json()["state"] == "active"


@pytest.mark.feature("F079")
async def test_recommended_fields_are_locked_and_freed_on_request(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors
) -> None:
    vendors.ploomes.sets["fields"].append(
        {
            "Id": 2,
            "Key": "contact_4711",
            "Name": "Status",
            "EntityId": 1,
            "TypeId": 7,
            "Dynamic": False,
            "PropertyName": "StatusId",
        }
    )
    rows = (await api.post(path(active, "locks"), json={"locked": True})).json()
    assert {row["name"] for row in rows} >= {"Status", "Id (Omie)"}
    assert all(row["locked"] for row in rows)
    status = next(row for row in vendors.ploomes.sets["fields"] if row["Key"] == "contact_4711")
    assert status["Disabled"] is True
    rows = (await api.post(path(active, "locks"), json={"locked": False, "keys": ["contact_4711"]})).json()
    assert {row["name"] for row in rows if not row["locked"]} == {"Status"}
    other = await api.post(path(active, "locks"), json={"keys": ["contact_name"]})
    assert other.status_code == 422


@pytest.mark.feature("F286")
async def test_the_bundle_tells_much_and_no_secret(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts
) -> None:
    bundle = (await api.get(path(active, "diagnostics"))).json()
    assert bundle["config"]["version"] == 1
    assert bundle["integration"]["state"] == "awaiting_first_webhook"
    text = json.dumps(bundle)
    row = await ponte.integrations.get(active["id"])
    secrets = [ponte.vault.decrypt(getattr(row, name)) for name in SECRETS]
    for secret in [*secrets, NEW["omie"]["app_key"], NEW["omie"]["app_secret"], NEW["ploomes"]["user_key"]]:
        assert secret not in text


@pytest.mark.feature("F286")
async def test_the_bundle_names_only_the_host_that_is_told_of_trouble(
    api: httpx.AsyncClient, active: dict[str, Any]
) -> None:
    hook = "https://user:pw@hooks.chat.test:8443/services/T0/B0/very-secret?key=abc"
    document = (await api.get(path(active, "config"))).json()
    document["notifications"]["alerts"]["webhook"] = hook
    assert (await api.put(path(active, "config"), json=document)).status_code == 200
    bundle = (await api.get(path(active, "diagnostics"))).json()
    assert bundle["config"]["document"]["notifications"]["alerts"]["webhook"] == "https://hooks.chat.test/…"
    assert (await api.get(path(active, "config"))).json()["notifications"]["alerts"]["webhook"] == hook


@pytest.mark.feature("F023")
async def test_new_addresses_end_the_old_ones_and_wait_for_omie_again(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors, ponte: Parts
) -> None:
    old = active["webhook_urls"]
    await api.post(old["omie"], json={"ping": "omie"})
    fresh = (await api.post(path(active, "webhook-urls/rotate"))).json()
    assert fresh["state"] == "awaiting_first_webhook"
    assert fresh["webhook_urls"]["omie"] != old["omie"]
    another = httpx.ASGITransport(create_app(ponte))  # type: ignore[arg-type]  # a door that remembers no token
    async with httpx.AsyncClient(transport=another) as door:
        assert (await door.post(old["omie"], json={"ping": "omie"})).status_code == 404
        assert (await door.post(fresh["webhook_urls"]["omie"], json={"ping": "omie"})).status_code == 200
    assert {row["CallbackUrl"] for row in vendors.ploomes.sets["webhooks"]} == {fresh["webhook_urls"]["ploomes"]}
    assert len(vendors.ploomes.sets["webhooks"]) == 9


@pytest.mark.feature("F028", "F029", "F037")
async def test_the_preparation_is_undone_on_request_and_done_again(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors
) -> None:
    body = {"confirm": active["name"], "fields": True}
    assert (await api.post(path(active, "unprovision"), json={"confirm": "x"})).status_code == 422
    assert (await api.post(path(active, "unprovision"), json=body)).status_code == 409
    await api.post(path(active, "deactivate"))
    gone = (await api.post(path(active, "unprovision"), json=body)).json()
    assert (gone["webhooks"], len(gone["fields"])) == (9, len(FIELD_SPECS))
    assert vendors.ploomes.sets["webhooks"] == []
    assert [row["Key"] for row in vendors.ploomes.sets["fields"]] == ["contact_name"]
    assert (await api.post(path(active, "activate"))).status_code == 200
    assert len(vendors.ploomes.sets["webhooks"]) == 9
    assert len(vendors.ploomes.sets["fields"]) == 1 + len(FIELD_SPECS)


async def test_what_people_renamed_in_ploomes_gets_its_name_back(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors
) -> None:
    field = next(row for row in vendors.ploomes.sets["fields"] if row.get("SendExternalKey") == "ponte_omie_id")
    family = next(row for row in vendors.ploomes.sets["families"] if row["Name"] == "Serviços")
    field["Name"], family["Name"] = "Qualquer", "Outra"
    assert (await api.post(path(active, "activate"))).status_code == 200
    assert (field["Name"], family["Name"]) == ("Id (Omie)", "Serviços")
    assert len(vendors.ploomes.sets["families"]) == 2


async def test_secrets_move_to_the_newest_key_with_two_keys_alive(active: dict[str, Any], ponte: Parts) -> None:
    old = ponte.vault
    before = await ponte.integrations.get(active["id"])
    clear = [old.decrypt(getattr(before, name)) for name in SECRETS]
    both, newest = Vault(["a-new-key", OLD_KEY]), Vault(["a-new-key"])
    try:
        ponte.upkeep._vault = both
        await ponte.upkeep.reseal()
        row = await ponte.integrations.get(active["id"])
        assert [newest.decrypt(getattr(row, name)) for name in SECRETS] == clear
    finally:
        ponte.upkeep._vault = old

"""Publishing a configuration over REST."""

from typing import Any

import httpx
import pytest

from app.core.vault import hash_token
from app.sync.models import ApiToken
from tests.integration.rest.fakes import FakeVendors
from tests.integration.rest.rig import Parts

IE = "ClienteFornecedor.Inscrição Estadual"


async def document(api: httpx.AsyncClient, shop: dict[str, Any]) -> dict[str, Any]:
    return dict((await api.get(f"/integrations/{shop['id']}/config")).json())


@pytest.mark.feature("F024", "F026")
async def test_an_unchanged_document_changes_nothing_and_asks_nobody(
    api: httpx.AsyncClient, shop: dict[str, Any], vendors: FakeVendors
) -> None:
    answer = await api.put(f"/integrations/{shop['id']}/config", json=await document(api, shop))
    assert answer.status_code == 200
    assert (answer.json()["changed"], answer.json()["version"]) == (False, 1)
    assert vendors.asked() == 0


@pytest.mark.feature("F024", "F025")
async def test_a_change_makes_a_version_and_a_dry_run_makes_none(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts
) -> None:
    path, wanted = f"/integrations/{shop['id']}/config", {"clients": {"tags": ["VIP"]}}
    rehearsal = (await api.put(path, json=wanted, params={"dry_run": True})).json()
    assert (rehearsal["changed"], rehearsal["version"], rehearsal["changes"]) == (True, 1, ["clients.tags"])
    assert (await document(api, shop))["clients"] == {"tags": None}
    published = (await api.put(path, json=wanted)).json()
    assert (published["changed"], published["version"]) == (True, 2)
    assert (await ponte.configs.get(shop["id"])).clients.tags == ["VIP"]
    assert (await api.get(f"/integrations/{shop['id']}")).json()["config_version"] == 2


@pytest.mark.feature("F195", "F285")
async def test_a_wrong_field_type_names_the_field_and_both_types(
    api: httpx.AsyncClient, shop: dict[str, Any], vendors: FakeVendors
) -> None:
    vendors.ploomes.sets["fields"] = [
        {"Id": 1, "Key": "contact_text", "Name": "IE", "EntityId": 1, "TypeId": 1},
        {"Id": 2, "Key": "contact_option", "Name": "IE", "EntityId": 1, "TypeId": 7},
    ]
    path = f"/integrations/{shop['id']}/config"
    for key, words in (
        ("contact_option", ("Texto simples", "Opções")),
        ("contact_none", ("contact_none", "não existe")),
    ):
        answer = await api.put(path, json={"mappings": [{"omie": IE, "ploomes": key}]})
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["field"] == "mappings.0.ploomes"
        assert all(word in error["message"] for word in words)
    assert (await api.put(path, json={"mappings": [{"omie": IE, "ploomes": "contact_text"}]})).status_code == 200


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "{", '{"orders": {"omie_stage": "00"}}', '{"a": NaN}'])
async def test_nonsense_is_refused_and_never_a_500(api: httpx.AsyncClient, shop: dict[str, Any], body: str) -> None:
    answer = await api.put(
        f"/integrations/{shop['id']}/config", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert answer.json()["errors"]


async def test_a_form_is_refused_and_never_a_500(api: httpx.AsyncClient, shop: dict[str, Any]) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await api.put(f"/integrations/{shop['id']}/config", content="a=b", headers=form)
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_an_unknown_integration_has_no_configuration(api: httpx.AsyncClient) -> None:
    assert (await api.get("/integrations/77/config")).status_code == 404
    assert (await api.put("/integrations/77/config", json={})).status_code == 404


@pytest.mark.feature("F196")
async def test_the_catalogue_is_served(api: httpx.AsyncClient) -> None:
    rows = (await api.get("/mapping-fields")).json()
    row = next(row for row in rows if row["key"] == IE)
    assert row == {
        "key": IE,
        "label": "Inscrição Estadual",
        "entity": "clients",
        "ploomes_type": "Texto simples",
        "read_only": False,
        "tax": False,
        "fixed": False,
        "direction": "both",
        "line": False,
        "extra": False,
        "options": None,
    }


@pytest.mark.feature("F286")
async def test_the_address_of_alerts_is_shown_to_admins_only_and_a_masked_document_keeps_it(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts
) -> None:
    path, hook = f"/integrations/{shop['id']}/config", "https://hooks.chat.test/services/T0/s3cret?key=a"
    async with ponte.db.transaction() as session:
        session.add(
            ApiToken(name="painel", scope="read", token_hash=hash_token("reader"), created_at=ponte.clock.now())
        )
    reader = {"Authorization": "Bearer reader"}
    wanted = await document(api, shop)
    wanted["notifications"]["alerts"]["webhook"] = hook
    assert (await api.put(path, json=wanted)).status_code == 200
    for tail in ("", "/versions/2"):
        seen = (await api.get(path + tail, headers=reader)).json()
        assert seen["notifications"]["alerts"]["webhook"] == "https://hooks.chat.test/…"
        assert (await api.get(path + tail)).json()["notifications"]["alerts"]["webhook"] == hook
    assert (await api.put(path, json=seen)).json()["changed"] is False
    seen["clients"] = {"tags": ["VIP"]}
    assert (await api.put(path, json=seen)).json()["changes"] == ["clients.tags"]
    assert (await ponte.configs.get(shop["id"])).notifications.alerts.webhook == hook
    seen["notifications"]["alerts"]["webhook"] = "https://elsewhere.test/…"
    refused = await api.put(path, json=seen)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "notifications.alerts.webhook"

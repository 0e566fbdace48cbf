"""Life of an integration over REST: created, tested, activated, paused, rotated, removed."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.core.errors import Fault, Postponed, VendorError
from app.sync.issues import Finding, open_issue
from app.sync.models import Event, Integration, IntegrationState, Resync
from tests.factories import notice
from tests.integration.rest.fakes import FakeVendors
from tests.integration.rest.rig import NEW, FixedClock, Parts

SECRETS = ("sandbox-app-secret", "sandbox-user-key")


@pytest.mark.feature("F015", "F023", "F034", "F038", "F019")
async def test_a_new_integration_has_addresses_and_keeps_its_secrets(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts
) -> None:
    assert shop["state"] == "not_connected"
    assert shop["config_version"] == 1
    assert shop["omie"] == {"app_key": "1000000000001"}
    assert shop["webhook_urls"]["omie"].startswith("http://ponte.test/webhooks/omie/")
    assert shop["webhook_urls"]["ploomes"].startswith("http://ponte.test/webhooks/ploomes/")
    for path in ("/integrations", f"/integrations/{shop['id']}", f"/integrations/{shop['id']}/config"):
        answer = await api.get(path)
        assert answer.status_code == 200
        assert not any(secret in answer.text for secret in SECRETS)
    async with ponte.db.read() as session:
        row = await session.get_one(Integration, shop["id"])
    assert b"sandbox" not in row.omie_app_secret + row.ploomes_user_key


@pytest.mark.feature("F021")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"omie": {"app_key": " ", "app_secret": "x"}}, "omie.app_key"),
        ({"omie": {"app_key": "1", "app_secret": ""}}, "omie.app_secret"),
        ({"omie": {}}, "omie.app_key"),
        ({"ploomes": {"user_key": ""}}, "ploomes.user_key"),
        ({"ploomes": {}}, "ploomes.user_key"),
        ({"name": ""}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"omie": {"app_key": "9" * 51, "app_secret": "x"}}, "omie.app_key"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_blank_or_impossible_input_is_refused_by_field(
    api: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    answer = await api.post("/integrations", json={**NEW, **change})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in [row["field"] for row in answer.json()["errors"]]


async def test_nobody_gets_in_without_a_token(api: httpx.AsyncClient) -> None:
    assert (await api.get("/integrations", headers={"Authorization": ""})).status_code == 401
    assert (await api.get("/integrations/99")).status_code == 404


@pytest.mark.feature("F022")
async def test_the_test_says_what_is_well(api: httpx.AsyncClient, shop: dict[str, Any]) -> None:
    result = (await api.post(f"/integrations/{shop['id']}/test")).json()
    assert result["ok"] is True
    assert {check["name"] for check in result["checks"]} >= {"Credenciais do Omie", "Credenciais do Ploomes"}


@pytest.mark.feature("F005", "F101")
async def test_the_test_names_the_product_fields_that_are_not_locked_in_ploomes(
    api: httpx.AsyncClient, shop: dict[str, Any], vendors: FakeVendors
) -> None:
    natives = (("Nome", "Name", "Name"), ("Grupo", "Group", "GroupId"), ("Marcadores", "Lists", "Lists"),
               ("Imagem", "ImageUrl", "ImageUrl"))  # fmt: skip
    fields = [
        {"Id": 10 + n, "Key": f"product_{n}", "Name": name, "EntityId": 10, "TypeId": 1, "Dynamic": False,
         "PropertyName": read, "UpdatePropertyName": written}
        for n, (name, read, written) in enumerate(natives)
    ]  # fmt: skip
    fields.append({"Id": 20, "Key": "product_A", "Name": "Estoque (Omie)", "EntityId": 10, "TypeId": 2, "Dynamic": True,
                   "SendExternalKey": "ponte_stock", "PropertyName": "BigStringValue"})  # fmt: skip
    vendors.ploomes.sets["fields"] += fields

    async def told() -> tuple[bool, str]:
        checks = (await api.post(f"/integrations/{shop['id']}/test")).json()["checks"]
        [check] = [check for check in checks if check["name"] == "Campos de produto do Ploomes"]
        return check["ok"], check["detail"]

    open_to_edits = ["Nome", "Grupo", "Marcadores", "Estoque (Omie)"]
    for name in open_to_edits:
        left = open_to_edits[open_to_edits.index(name) :]
        ok, text = await told()
        assert (ok, text.rpartition(": ")[2]) == (True, f"{', '.join(left)}."), text
        assert "podem ser travados" in text
        next(row for row in fields if row["Name"] == name)["Disabled"] = True
    assert await told() == (True, "Os campos de produto que vêm do Omie estão travados no Ploomes.")


async def test_omies_answers_are_reused_for_a_minute(
    api: httpx.AsyncClient, shop: dict[str, Any], vendors: FakeVendors, clock: FixedClock
) -> None:
    for _ in range(3):
        await api.post(f"/integrations/{shop['id']}/test")
    assert vendors.omie.calls == [("pages", "companies"), ("pages", "accounts")]
    clock.ahead += 61
    await api.post(f"/integrations/{shop['id']}/test")
    assert len(vendors.omie.calls) == 4


async def test_a_limit_is_told_in_plain_words(
    api: httpx.AsyncClient, shop: dict[str, Any], vendors: FakeVendors
) -> None:
    def postpone(verb: str, entity: str) -> None:
        if entity == "companies":
            raise Postponed(45, "redundância")

    vendors.omie.fail = postpone
    result = (await api.post(f"/integrations/{shop['id']}/test")).json()
    assert result["ok"] is False
    assert "aguarde 45 s" in result["checks"][0]["detail"]


@pytest.mark.feature("F010", "F022", "F032")
async def test_blockers_refuse_the_activation_with_their_checks(
    api: httpx.AsyncClient, shop: dict[str, Any], vendors: FakeVendors
) -> None:
    vendors.ploomes.sets["account"][0]["OrdersModule"] = False
    vendors.ploomes.sets["account_integrations"] = [{"Id": 1, "Integration": {"Name": "Omie"}, "Active": True}]
    answer = await api.post(f"/integrations/{shop['id']}/activate")
    assert answer.status_code == 409
    broken = {check["name"] for check in answer.json()["checks"] if not check["ok"]}
    assert broken == {"Módulo Vendas do Ploomes", "Integração Omie do próprio Ploomes"}
    assert (await api.get(f"/integrations/{shop['id']}")).json()["state"] == "not_connected"


@pytest.mark.feature("F018")
async def test_refused_credentials_are_a_state_and_new_ones_a_new_chance(
    api: httpx.AsyncClient, shop: dict[str, Any], vendors: FakeVendors
) -> None:
    def refuse(verb: str, entity: str) -> None:
        raise VendorError(Fault.CREDENTIALS, "A chave de acesso está inválida", vendor="omie")

    vendors.omie.fail = refuse
    path = f"/integrations/{shop['id']}"
    answer = await api.post(f"{path}/activate")
    assert answer.status_code == 409
    assert (await api.get(path)).json()["state"] == "credentials_refused"
    vendors.omie.fail = lambda verb, entity: None
    changed = await api.patch(path, json={"omie": {"app_secret": "another-secret"}})
    assert changed.json()["state"] == "not_connected"
    assert (await api.post(f"{path}/activate")).json()["state"] == "awaiting_first_webhook"


@pytest.mark.parametrize("by", ["change", "activation"])
async def test_the_issue_of_refused_credentials_closes_when_they_work_again(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts, by: str
) -> None:
    path = f"/integrations/{active['id']}"
    async with ponte.db.transaction() as session:
        (await session.get_one(Integration, active["id"])).state = IntegrationState.CREDENTIALS_REFUSED
        await open_issue(
            session, integration_id=active["id"], entity=None, vendor="omie", external_id=None,
            finding=Finding("credentials", "recusadas"), now=ponte.clock.now(),
        )  # fmt: skip
    if by == "change":
        await api.patch(path, json={"omie": {"app_secret": "another-secret"}})
    else:
        await api.post(f"{path}/activate")
    assert (await api.get(f"{path}/issues")).json()["items"] == []


async def test_an_empty_list_of_fields_makes_no_second_field(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors
) -> None:
    before, vendors.ploomes.sets["fields"] = vendors.ploomes.sets["fields"], []
    answer = await api.post(f"/integrations/{active['id']}/activate")
    assert answer.status_code == 409
    assert "campos nativos" in answer.json()["checks"][0]["detail"]
    assert vendors.ploomes.sets["fields"] == []
    vendors.ploomes.sets["fields"] = before
    assert (await api.post(f"/integrations/{active['id']}/activate")).status_code == 200


@pytest.mark.feature("F020", "F039", "F092")
async def test_activation_prepares_ploomes(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors
) -> None:
    assert active["state"] == "awaiting_first_webhook"
    assert "há" in active["state_reason"]
    sets = vendors.ploomes.sets
    assert {row["Name"] for row in sets["families"]} == {"Produtos", "Serviços"}
    assert {row["Name"] for row in sets["product_lists"]} == {"Ativo", "Inativo"}
    fields = {(row["EntityId"], row["SendExternalKey"]): row for row in sets["fields"] if "SendExternalKey" in row}
    assert set(fields) == {
        (1, "ponte_omie_id"),
        (10, "ponte_omie_id"),
        (4, "ponte_omie_id"),
        (4, "ponte_omie_number"),
        (4, "ponte_omie_status"),
        (10, "ponte_stock"),
    }
    assert fields[10, "ponte_stock"]["TypeId"] == 2
    assert sets["forms"][0]["Fields"] == [{"FieldKey": fields[1, "ponte_omie_id"]["Key"]}]
    assert {(row["EntityId"], row["ActionId"]) for row in sets["webhooks"]} == {
        (entity, action) for entity in (1, 10, 4) for action in (1, 2, 3)
    }
    assert {row["CallbackUrl"] for row in sets["webhooks"]} == {active["webhook_urls"]["ploomes"]}
    assert all(row["ValidationKey"] and row["Active"] for row in sets["webhooks"])


async def test_a_repeated_activation_makes_nothing_twice_and_repairs(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors
) -> None:
    sets = vendors.ploomes.sets
    before = {name: len(rows) for name, rows in sets.items()}
    sets["webhooks"][0]["Active"] = False
    sets["webhooks"][1]["CallbackUrl"] = (
        "http://old.test" + sets["webhooks"][1]["CallbackUrl"][len("http://ponte.test") :]
    )
    del sets["webhooks"][2]
    sets["webhooks"].append({**sets["webhooks"][3], "Id": 9999})
    assert (await api.post(f"/integrations/{active['id']}/activate")).status_code == 200
    assert {name: len(rows) for name, rows in sets.items()} == before
    assert all(row["Active"] for row in sets["webhooks"])
    assert {row["CallbackUrl"] for row in sets["webhooks"]} == {active["webhook_urls"]["ploomes"]}


async def test_an_earlier_id_field_is_remembered(
    api: httpx.AsyncClient, shop: dict[str, Any], vendors: FakeVendors, ponte: Parts
) -> None:
    vendors.ploomes.sets["fields"].append(
        {"Id": 2, "Key": "contact_old", "Name": "Id (Omie)", "EntityId": 1, "TypeId": 1, "Dynamic": True}
    )
    await api.post(f"/integrations/{shop['id']}/activate")
    async with ponte.db.read() as session:
        row = await session.get_one(Integration, shop["id"])
    assert row.provisioned["earlier_fields"] == {"contacts": ["contact_old"]}


@pytest.mark.feature("F035")
async def test_a_second_integration_of_the_account_has_keys_of_its_own(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors
) -> None:
    other = {**NEW, "name": "Filial", "omie": {"app_key": "2000000000002", "app_secret": "another-secret"}}
    second = (await api.post("/integrations", json=other)).json()
    assert (await api.post(f"/integrations/{second['id']}/activate")).status_code == 200
    fields = vendors.ploomes.sets["fields"]

    def shown() -> list[str]:
        """The fields of the Omie id on contacts, as an admin reads them: told apart by the company's name."""
        keys = ("ponte_omie_id", f"ponte_omie_id_{second['id']}")
        return [row["Name"] for key in keys for row in fields
                if (row.get("SendExternalKey"), row["EntityId"]) == (key, 1)]  # fmt: skip

    assert shown() == ["Id (Omie)", "Id (Omie) – Filial"]
    assert len(vendors.ploomes.sets["webhooks"]) == 18
    before = len(fields)
    for row in fields:  # somebody renames them: each gets its own name back, and none is made again
        row["Name"] = "Outro nome" if str(row.get("SendExternalKey")).startswith("ponte_omie_id") else row["Name"]
    for each in (active, second):
        assert (await api.post(f"/integrations/{each['id']}/activate")).status_code == 200
    assert shown() == ["Id (Omie)", "Id (Omie) – Filial"]
    assert len(fields) == before
    await api.patch(f"/integrations/{second['id']}", json={"name": "Loja do Centro"})
    assert (await api.post(f"/integrations/{second['id']}/activate")).status_code == 200
    assert shown() == ["Id (Omie)", "Id (Omie) – Loja do Centro"]
    assert len(fields) == before


@pytest.mark.feature("F035", "F287", "F288", "F289", "F290")
async def test_sales_of_two_companies_rest_until_their_scopes_tell_them_apart(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors
) -> None:
    other = {**NEW, "name": "Filial", "omie": {"app_key": "2000000000002", "app_secret": "another-secret"}}
    second = (await api.post("/integrations", json=other)).json()
    assert (await api.post(f"/integrations/{second['id']}/activate")).status_code == 200

    async def held() -> list[list[str]]:
        found = []
        for each in (active, second):
            rows = (await api.get(f"/integrations/{each['id']}/issues")).json()["items"]
            found.append([row["cause"] for row in rows])
        return found

    assert await held() == [[], ["scope_overlap"]]
    vendors.ploomes.sets["fields"].append(
        {"Id": 2, "Key": "order_company", "Name": "Empresa", "EntityId": 4, "TypeId": 1}
    )
    scope = {"field_key": "order_company", "equals": "Matriz"}
    mine, theirs = (f"/integrations/{each['id']}/config" for each in (active, second))
    refused = await api.put(theirs, json={"scope": {"orders": scope}})
    assert refused.status_code == 422  # the first one still takes every sale
    assert refused.json()["errors"][0]["field"] == "scope.orders"
    # the admin narrows the first one, then the second one
    assert (await api.put(mine, json={"scope": {"orders": scope}})).status_code == 200
    assert await held() == [[], ["scope_overlap"]]
    assert (await api.put(theirs, json={"scope": {"orders": scope}})).status_code == 422
    assert (await api.put(theirs, json={"scope": {"orders": {**scope, "equals": "Filial"}}})).status_code == 200
    assert await held() == [[], []]
    assert (await api.post(f"/integrations/{active['id']}/deactivate")).status_code == 200
    assert (await api.put(theirs, json={"scope": {"orders": scope}})).status_code == 200
    assert (await api.post(f"/integrations/{active['id']}/activate")).status_code == 200
    assert await held() == [[], ["scope_overlap"]]


async def test_the_same_pair_is_not_activated_twice(api: httpx.AsyncClient, active: dict[str, Any]) -> None:
    twin = (await api.post("/integrations", json=NEW)).json()
    answer = await api.post(f"/integrations/{twin['id']}/activate")
    assert answer.status_code == 409
    assert answer.json()["checks"][0]["name"] == "Par exclusivo"


@pytest.mark.feature("F028", "F029", "F037", "F018")
async def test_a_paused_integration_keeps_what_comes_and_applies_it_later(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts
) -> None:
    path = f"/integrations/{active['id']}"
    for _ in range(2):
        assert (await api.post(f"{path}/deactivate")).json()["state"] == "inactive"
    stored = await ponte.inbox.store(active["id"], notice(), "{}")
    event = (await api.get(f"{path}/events/{stored.id}")).json()
    assert (event["state"], event["cause"], event["due_at"]) == ("waiting", "inactive", None)
    await api.post(f"{path}/activate")
    event = (await api.get(f"{path}/events/{stored.id}")).json()
    assert event["state"] == "received"
    assert event["due_at"] is not None


async def test_a_pause_and_a_return_keep_one_first_load(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts
) -> None:
    path = f"/integrations/{active['id']}"
    await api.post(f"{path}/deactivate")
    assert [load["state"] for load in (await api.get(f"{path}/resyncs")).json()["items"]] == ["paused"]
    await api.post(f"{path}/activate")
    assert [load["state"] for load in (await api.get(f"{path}/resyncs")).json()["items"]] == ["running"]


async def test_a_removed_integration_is_gone_everywhere(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors, ponte: Parts
) -> None:
    await ponte.inbox.store(active["id"], notice(), "{}")
    path = f"/integrations/{active['id']}"
    assert (await api.delete(path)).status_code == 204
    assert (await api.get(path)).status_code == 404
    assert (await api.get("/integrations")).json()["items"] == []
    assert vendors.ploomes.sets["webhooks"] == []
    token = active["webhook_urls"]["omie"].rsplit("/", 1)[-1]
    assert (await api.post(f"http://ponte.test/webhooks/omie/{token}", json={"ping": "omie"})).status_code == 404
    async with ponte.db.read() as session:
        assert {event.state for event in await session.scalars(select(Event))} == {"ignored"}
        assert {load.state for load in await session.scalars(select(Resync))} == {"cancelled"}


async def test_the_list_goes_by_cursor(api: httpx.AsyncClient) -> None:
    for number in range(3):
        await api.post("/integrations", json={**NEW, "name": f"Loja {number}"})
    first = (await api.get("/integrations", params={"limit": 2})).json()
    second = (await api.get("/integrations", params={"limit": 2, "cursor": first["next"]})).json()
    assert [row["name"] for row in first["items"] + second["items"]] == ["Loja 0", "Loja 1", "Loja 2"]
    assert second["next"] is None
    assert (await api.get("/integrations", params={"cursor": "x"})).status_code == 422

"""From two fresh accounts to an active integration with every option set, using only pickers."""

from typing import Any

import pytest
from sqlalchemy import select

from app.core.limit_models import LimitPace
from app.sync.config.schema import HINTS
from app.sync.mapping.mappable import MAPPABLE
from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed

pytestmark = EMBEDDED


async def pick(rig: Rig, kind: str, **wanted: Any) -> str:
    """The first active code of a picker whose item has these values."""
    items = await rig.get_json(f"{rig.path}/catalog/{kind}")
    for item in items:
        if item["active"] and all(item.get(name) == value for name, value in wanted.items()):
            return str(item["code"])
    raise AssertionError(f"{kind} offers nothing of {wanted}: {items}")


async def publish(rig: Rig, document: JsonObject, verb: str = "PUT", path: str = "config", **params: Any) -> JsonObject:
    """The answer to a publish, asked again while Ploomes' limit asks a person to wait."""

    async def answered() -> JsonObject | None:
        answer = await rig.api.request(verb, f"{rig.path}/{path}", json=document, params=params, timeout=60)
        if answer.status_code == 409:
            return None
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    return dict(await rig.until(answered, 60))


async def options_of(rig: Rig, field: str) -> list[int]:
    """Option ids of a Ploomes field, as its picker shows them."""
    items = await rig.get_json(f"{rig.path}/catalog/ploomes_fields", refresh=True)
    (found,) = [item for item in items if item["code"] == field]
    return [int(option["code"]) for option in found["options"]]


async def option_field(rig: Rig, name: str, *options: str) -> None:
    """An admin of Ploomes makes a field of options for sales."""
    types = {row["Name"]: row["Id"] for row in await rig.ploomes_set("Fields@Types")}
    await rig.ploomes_new(
        "Fields", Name=name, EntityId=4, TypeId=types["Opções pré-cadastradas"],
        OptionsTable={"Name": name, "Options": [{"Name": option} for option in options]},
    )  # fmt: skip


async def every_option(rig: Rig, fields: dict[str, str]) -> JsonObject:
    """A document with every setting away from its default, every code out of a picker."""
    stage, service_stage = await pick(rig, "stages", code="20"), await pick(rig, "service_stages", code="20")
    account, category = await pick(rig, "accounts"), await pick(rig, "categories")
    installments, sales_stage = await pick(rig, "installments", code="002"), await pick(rig, "ploomes_stages")
    scenario, means = await pick(rig, "tax_scenarios"), await pick(rig, "payment_methods")
    location, seller = await pick(rig, "stock_locations"), await pick(rig, "sellers")
    user = await pick(rig, "ploomes_users")
    carriers = await rig.get_json(f"{rig.path}/catalog/carriers")
    carrier_field = await pick(rig, "ploomes_fields", name="Transportadora", entity="orders")
    payment_field = await pick(rig, "ploomes_fields", name="Pagamento", entity="orders")
    carrier_option = await options_of(rig, carrier_field)
    payment_option = await options_of(rig, payment_field)
    return {
        "entities": dict.fromkeys(("clients", "products", "services", "orders", "service_orders", "stock"), True),
        "scope": {"clients": {"field_key": fields["scope"], "equals": "Sim"}, "orders": {"stage_id": int(sales_stage)}},
        "conflicts": {"default": "ask", "fields": {"email": "omie", "address": "ploomes"}},
        "deletes": {**dict.fromkeys(("clients", "products", "services", "orders", "service_orders"), "inactivate"),
                    "pause_above_percent": 10, "pause_above_in_ten_minutes": 50},
        "clients": {"tags": ["VIP"]},
        "products": {"create_active": False, "groups_from_family": False, "brand_as": "option"},
        "orders": {
            "send_to_omie": True, "receive_from_omie": False, "send_when": {"stage_id": int(sales_stage)},
            "omie_stage": stage, "omie_category": category, "omie_account": account,
            "omie_installments": installments, "default_stock_location": location, "tax_owner": "ploomes",
            "tax_scenario": scenario, "tax_scenario_taxpayer": scenario, "final_consumer": "S",
            "carrier_field": carrier_field, "carrier_missing": "create", "payment_field": payment_field,
            "cancel_in_omie": False, "cancelled_stage": sales_stage, "stage_to": "stage",
            "services_in_product_order": True,
        },
        "service_orders": {"omie_stage": service_stage, "omie_category": category, "omie_account": account,
                           "omie_installments": installments, "city": "SAO PAULO (SP)"},
        "carriers": [{"option": carrier_option[0], "cnpj": carriers[0]["cnpj"], "name": carriers[0]["name"],
                      "freight_type": "1"}],
        "payments": [{"option": payment_option[0], "omie_account": account, "omie_installments": installments,
                      "payment_method": means}],
        "stock": {"locations": [location], "balance": "physical", "after_product_import": False},
        "sellers": {"pairs": [{"omie": seller, "ploomes": user}], "default_seller": seller},
        "history": {"omie_orders": True, "ploomes_sales": True, "since": "2026-01-01"},
        "window": {"days": ["mon"], "start": "21:00", "end": "05:00", "all_day": [], "holidays": False,
                   "time_zone": "America/Manaus"},
        "foreign_api_events": "now",
        "notifications": {"alerts": {"email": ["admin@loja.test"], "webhook": "https://alertas.test/x"},
                          "orders": [{"omie_stage": stage, "to": "interaction", "template": "Pedido separado."}]},
        "mappings": [
            {"omie": row.key, "ploomes": fields[row.key], "direction": row.direction} for row in MAPPABLE
        ],
    }  # fmt: skip


SAME = {f"entities.{name}" for name in ("clients", "products", "services", "orders", "service_orders", "stock")}
"""Switched on, as they are from the start: what is switched off cannot be set up. Sending sales is on for that too."""


def settings_of(schema: JsonObject, prefix: str = "") -> dict[str, JsonObject]:
    """Every setting of the configuration's schema by its path; a section is not one."""
    found: dict[str, JsonObject] = {}
    for name, part in schema["properties"].items():
        inner = settings_of(part, f"{prefix}{name}.") if part.get("properties") else {prefix + name: part}
        found |= inner
    return found


def value_at(document: JsonObject, path: str) -> Any:
    here: Any = document
    for step in path.split("."):
        here = here[step]  # a setting that the test does not set is a failure here
    return here


def columns_of(schema: JsonObject, setting: JsonObject) -> set[str]:
    """The columns of a setting that is a table; none of any other."""
    reference = str(setting.get("items", {}).get("$ref", "")).rsplit("/", 1)[-1]
    return set(schema["$defs"][reference]["properties"]) if reference in schema["$defs"] else set()


@pytest.mark.feature(
    "F001", "F017", "F020", "F022", "F030", "F036", "F038", "F039", "F194", "F196", "F197", "F291", "F293"
)
async def test_an_admin_sets_every_option_without_typing_a_code(rig: Rig) -> None:
    await rig.seller_new(nome="Ana", email="ana@loja.test", inativo="N")
    await rig.omie_new(
        razao_social="Rápido Ltda", nome_fantasia="Rápido", cnpj_cpf="11222333000181",
        tags=[{"tag": "Transportadora"}],
    )  # fmt: skip
    await option_field(rig, "Transportadora", "Rápido", "Outra")
    await option_field(rig, "Pagamento", "Boleto", "Pix")
    await rig.settle()
    assert (await rig.get_json(rig.path))["state"] == "active"  # Omie's ping has arrived

    await rig.configure(products={"brand_as": "option"})  # the type of the brand's field follows from it
    wanted = {"fields": [{"omie": row.key} for row in MAPPABLE]}
    made = await rig.api.post(f"{rig.path}/ploomes-fields/batch", json=wanted, timeout=300)
    assert made.status_code == 201, made.text
    fields = {field["omie"]: field["key"] for field in made.json()}
    text = await rig.api.post(f"{rig.path}/ploomes-fields", json={"omie": "ClienteFornecedor.Contato"}, timeout=60)
    document = await every_option(rig, {**fields, "scope": text.json()["key"]})

    default = await rig.get_json(f"{rig.path}/config/versions/1")
    schema = await rig.get_json(f"{rig.path}/config/schema")
    settings = settings_of(schema)
    assert len(settings) > 60
    left = {path for path in settings if value_at(document, path) == value_at(default, path)}
    assert left == SAME | {"orders.send_to_omie"}
    for path, setting in settings.items():
        for row in value_at(document, path) if columns_of(schema, setting) else ():
            assert set(row) == columns_of(schema, setting), path
    assert set(HINTS) >= set(document)
    assert (await publish(rig, document, dry_run=True))["changed"] is True
    answer = await publish(rig, document)
    assert any("impostos" in warning for warning in answer["warnings"])
    assert await rig.get_json(f"{rig.path}/config") == document

    rig.tap.calls.clear()
    assert (await publish(rig, document))["changed"] is False  # F026: no difference, no vendor call
    assert [name for name, _ in rig.tap.calls if "Fields" in name] == []

    given_back = await publish(rig, {**document, "mappings": []})
    assert any("continua calculando" in warning for warning in given_back["warnings"])
    await publish(rig, {"version": answer["version"]}, "POST", "config/rollback")
    assert await rig.get_json(f"{rig.path}/config") == document
    # setting every option at once is more than 120 calls a minute: one 429 teaches an account (design section 6)
    assert await rig.refusals() in ({}, {"ploomes.rate": 1})


@pytest.mark.feature("F195", "F285")
async def test_each_of_the_54_rows_refuses_a_field_of_another_type(rig: Rig) -> None:
    types = {row["Name"]: row["Id"] for row in await rig.ploomes_set("Fields@Types")}
    wrong = {row.key: "Checkbox" if row.ploomes_type != "Checkbox" else "Texto simples" for row in MAPPABLE}
    for row in MAPPABLE:
        place = 20 if row.line else {"clients": 1, "products": 10, "orders": 4}[row.entity]
        await rig.ploomes_new("Fields", Name=row.key, EntityId=place, TypeId=types[wrong[row.key]])
    keys = {field["Name"]: field["Key"] for field in await rig.ploomes_set("Fields")}

    async def refused(mappings: list[JsonObject]) -> dict[str, str]:
        document = {"mappings": mappings, "orders": {"tax_owner": "ploomes"}}
        answer = await rig.api.put(f"{rig.path}/config", json=document, timeout=60)
        assert answer.status_code == 422, answer.text
        return {error["field"]: error["message"] for error in answer.json()["errors"]}

    rows = [{"omie": row.key, "ploomes": keys[row.key], "direction": row.direction} for row in MAPPABLE]
    errors = await refused(rows)
    for at, row in enumerate(MAPPABLE):
        message = errors[f"mappings.{at}.ploomes"]
        assert all(word in message for word in (row.key, row.ploomes_type, wrong[row.key])), message
    assert len(errors) == 54
    swapped = [{**rows[0], "ploomes": rows[7]["ploomes"]}]  # a client's row on a product's field
    assert "produtos" in (await refused(swapped))["mappings.0.ploomes"]
    native = [{**rows[0], "ploomes": "contact_name"}]
    assert "nativo" in (await refused(native))["mappings.0.ploomes"]
    assert (await rig.get_json(f"{rig.path}/config"))["mappings"] == []  # and nothing ran
    assert "mapping" not in {row["reason"] for row in await rig.items("resyncs")}


@at_speed(4)
@pytest.mark.feature("F271")
async def test_a_429_soon_after_an_activation_is_not_taken_for_a_lower_limit(rig: Rig) -> None:
    # preparing the account is most of what it was asked; counted elsewhere, the account would seem to bear a few calls
    await rig.fault("429", vendor="ploomes", times=1)
    await rig.api.get(f"{rig.path}/catalog/ploomes_fields", params={"refresh": True})
    [account] = (await rig.counters())["ploomes"].values()
    async with rig.ponte.db.read() as session:
        [pace] = await session.scalars(select(LimitPace))
    prepared = sum(account["requests"].values())
    assert pace.failed > 0.7 * prepared > 20, (pace.failed, prepared)

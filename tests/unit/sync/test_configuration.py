"""The configuration document: defaults as the contract spells them, refusals that name the field, honest effects."""

import json
from math import ceil
from typing import Any

import pytest

from app.core.db import Database
from app.core.errors import UserError
from app.core.limit_store import Form, Snapshot
from app.core.ports import Priority, Vendor
from app.ploomes.budgets import RULES as PLOOMES_RULES
from app.sync.config.document import Config, parse
from app.sync.config.effects import changed_paths, effects_of, touched_entities, warnings_of
from app.sync.config.schema import HINTS, paths_of, schema_of
from app.sync.mapping.catalogue import mapping_fields
from app.sync.mapping.mappable import MAPPABLE
from app.sync.setup.account_fields import same_type
from app.sync.setup.pickers import KINDS
from tests.vendor_rig import ManualClock, omie, ploomes

CONTRACT_DEFAULTS = json.loads("""
{"entities": {"clients": true, "products": true, "services": true, "orders": true, "service_orders": true,
              "stock": true},
 "scope": {"clients": null, "orders": null},
 "conflicts": {"default": "newest", "fields": {}},
 "deletes": {"clients": "mirror", "products": "mirror", "services": "mirror", "orders": "mirror",
             "service_orders": "mirror", "pause_above_percent": 5, "pause_above_in_ten_minutes": 20},
 "clients": {"tags": null},
 "products": {"create_active": true, "groups_from_family": true, "brand_as": "text"},
 "orders": {"send_to_omie": true, "receive_from_omie": true, "send_when": null,
            "omie_stage": "10", "omie_category": null, "omie_account": null, "omie_installments": "000",
            "default_stock_location": null,
            "tax_owner": "omie", "tax_scenario": null, "tax_scenario_taxpayer": null, "final_consumer": "auto",
            "carrier_field": null, "carrier_missing": "refuse", "payment_field": null,
            "cancel_in_omie": true, "cancelled_stage": null, "stage_to": "none", "services_in_product_order": false},
 "service_orders": {"omie_stage": "10", "omie_category": null, "omie_account": null, "omie_installments": "000",
                    "city": null},
 "carriers": [], "payments": [],
 "stock": {"locations": "all", "balance": "available", "after_product_import": true},
 "sellers": {"pairs": [], "default_seller": null},
 "history": {"omie_orders": false, "ploomes_sales": false, "since": null},
 "window": {"days": ["mon","tue","wed","thu","fri","sat","sun"], "start": "20:00", "end": "06:00",
            "all_day": ["sat","sun"], "holidays": true, "time_zone": "America/Sao_Paulo"},
 "foreign_api_events": "sweep",
 "notifications": {"alerts": {"email": [], "webhook": null}, "orders": []},
 "mappings": []}
""")


def refused(document: Any) -> dict[str, str]:
    with pytest.raises(UserError) as caught:
        parse(document)
    assert caught.value.status == 422
    return {row["field"]: row["message"] for row in caught.value.errors or []}


def test_the_defaults_are_the_contracts() -> None:
    assert parse({}).document() == CONTRACT_DEFAULTS
    assert list(parse({}).document()) == list(CONTRACT_DEFAULTS)


def test_a_document_survives_its_own_round_trip() -> None:
    document = {
        **CONTRACT_DEFAULTS,
        "history": {"omie_orders": True, "ploomes_sales": False, "since": "2026-01-31"},
        "scope": {"clients": {"field_key": "contact_a", "equals": "Matriz"}, "orders": {"stage_id": 7}},
        "carriers": [{"option": 9, "cnpj": "11.222.333/0001-81", "name": "Rápido", "freight_type": "0"}],
        "sellers": {"pairs": [{"omie": 5, "ploomes": "10"}], "default_seller": None},
    }
    assert parse(document).document() == document


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        ({"entitys": {}}, "entitys", "desconhecido"),
        ({"orders": {"stage": "10"}}, "orders.stage", "desconhecido"),
        ({"entities": {"clients": "yes"}}, "entities.clients", "true ou false"),
        ({"deletes": {"pause_above_percent": 101}}, "deletes.pause_above_percent", "máximo"),
        ({"window": {"start": "24:00"}}, "window.start", "formato"),
        ({"window": {"time_zone": "Mars/Olympus"}}, "window.time_zone", "fuso"),
        ({"window": {"days": [], "all_day": []}}, "window", "pelo menos um dia"),
        ({"conflicts": {"default": "coin"}}, "conflicts.default", "newest"),
        ({"conflicts": {"fields": {"shoe_size": "omie"}}}, "conflicts", "shoe_size"),
        ({"orders": {"omie_stage": "00"}}, "orders.omie_stage", "formato"),
        ({"carriers": [{"option": 1, "cnpj": "123", "name": "x"}]}, "carriers.0.cnpj", "CNPJ"),
        ({"history": {"since": "31/01/2026"}}, "history.since", "AAAA-MM-DD"),
        ({"mappings": [{"omie": "X.Y", "ploomes": "contact_a"}]}, "mappings.0", "desconhecido"),
        ([], "documento", "objeto"),
        (None, "documento", "objeto"),
    ],
)
def test_a_refusal_names_the_field_in_portuguese(document: Any, field: str, words: str) -> None:
    errors = refused(document)
    assert field in errors
    assert words in errors[field]


@pytest.mark.feature("F199")
def test_read_only_fields_only_go_to_ploomes() -> None:
    row = {"omie": "VendaProduto.Etapa", "ploomes": "order_a", "direction": "both"}
    assert "apenas leitura" in refused({"mappings": [row]})["mappings.0"]
    parse({"mappings": [{**row, "direction": "to_ploomes"}]})


def test_a_field_is_mapped_once_on_each_side() -> None:
    row = {"omie": "ClienteFornecedor.Inscrição Estadual", "ploomes": "contact_a"}
    other = {"omie": "ClienteFornecedor.Inscrição Municipal", "ploomes": "contact_a"}
    assert "contact_a" in refused({"mappings": [row, other]})["documento"]


@pytest.mark.feature("F197")
def test_mapping_a_tax_field_needs_a_confirmation_and_is_shown() -> None:
    mapping = [{"omie": "VendaProduto.Item.Alíquota ICMS", "ploomes": "order_a", "direction": "both"}]
    assert "confirme" in refused({"mappings": mapping})["orders.tax_owner"]
    confirmed = parse({"mappings": mapping, "orders": {"tax_owner": "ploomes"}})
    assert any("impostos" in text for text in warnings_of(confirmed))


@pytest.mark.feature("F026")
def test_changed_settings_are_named_and_touch_only_their_entities() -> None:
    before, after = Config(), parse({"clients": {"tags": ["VIP"]}, "window": {"start": "21:00"}})
    assert changed_paths(before.document(), after.document()) == ["clients.tags", "window.start"]
    assert touched_entities(before, after) == {"clients"}
    assert touched_entities(before, parse({"foreign_api_events": "now"})) == set()
    mapped = parse({"mappings": [{"omie": "Produto.Marca", "ploomes": "product_a", "direction": "to_ploomes"}]})
    assert touched_entities(before, mapped) == {"products"}


async def test_effects_follow_the_page_sizes_and_the_slower_vendor(book: Database) -> None:
    rooms = omie(book, ManualClock()), ploomes(book, ManualClock())
    gateways = dict(zip(Vendor, [room.gateway(Priority.BULK) for room in rooms], strict=True))
    nothing = await effects_of({}, 0, gateways)
    assert (nothing["requests"], nothing["eta_seconds"]) == (0, 0)
    effects = await effects_of({"clients": 1000}, 0, gateways)
    assert effects["requests_by_vendor"] == {"omie": 10, "ploomes": 4}
    assert effects["eta_seconds"] == 3
    tables = await effects_of({}, 5000, gateways)  # drawn from what is stored
    assert (tables["records"], tables["requests"]) == (5000, 1)
    shared = await effects_of({"products": 250, "services": 40}, 0, gateways)
    assert shared["requests_by_vendor"] == {"omie": 3 + 1, "ploomes": 1}


async def test_effects_reckon_with_the_limits_as_they_are(book: Database) -> None:
    clock = ManualClock()
    rooms = omie(book, clock), ploomes(book, clock)
    gateways = dict(zip(Vendor, [room.gateway(Priority.BULK) for room in rooms], strict=True))
    counts = {"clients": 60_000}
    free = await effects_of(counts, 0, gateways)
    [pace] = [budget for budget in PLOOMES_RULES.budgets if budget.form is Form.PACE]
    key = pace.key(pace.scope.format(account="account-1"))
    await rooms[1].funnel.limiter.store.restore(Snapshot(paces={key: (20.0, 0.0)}))
    taught = await effects_of(counts, 0, gateways)
    assert taught["requests"] == free["requests"]
    lists = {gateways[Vendor.PLOOMES].price("clients", "list").method: 200}
    assert taught["eta_seconds"] == ceil(await gateways[Vendor.PLOOMES].seconds(lists)) > 2 * free["eta_seconds"]


@pytest.mark.feature("F195")
@pytest.mark.parametrize(
    ("wanted", "found", "same"),
    [
        ("Texto simples", "Texto Simples", True),
        ("Data", "Data / Data e hora", True),
        ("Moeda", "Moeda / decimal", True),
        ("Opções pré-cadastradas", "opções pré cadastradas", False),
        ("Texto simples", "Texto multilinha", False),
        ("Checkbox", "", False),
    ],
)
def test_type_names_are_compared_as_people_spell_them(wanted: str, found: str, same: bool) -> None:
    assert same_type(wanted, found) is same


@pytest.mark.feature("F196", "F200")
def test_the_catalogue_has_the_54_mappable_fields_and_the_fixed_ones() -> None:
    rows = mapping_fields()
    mappable = [row for row in rows if not row["fixed"] and not row["extra"]]
    assert len(mappable) == len(MAPPABLE) == 54
    assert sum(row["read_only"] for row in mappable) == 7
    assert sum(row["tax"] for row in mappable) == 22
    assert len({row["key"] for row in rows}) == len(rows)
    assert {row["entity"] for row in mappable} == {"clients", "products", "orders"}
    assert [row["key"] for row in mappable] == [row.key for row in MAPPABLE]
    assert {row["line"] for row in mappable if row["tax"]} == {True}


@pytest.mark.feature("F040")
def test_every_setting_is_explained_and_names_a_picker_that_exists() -> None:
    described = set(HINTS)
    assert set(paths_of(Config().document())) == described
    assert {hint.picker for hint in HINTS.values() if hint.picker} <= set(KINDS)
    assert all(hint.when is None or hint.when[0] in described for hint in HINTS.values())


def node(schema: dict[str, Any], path: str) -> dict[str, Any]:
    here = schema
    for step in path.split("."):
        here = here["properties"][step]
    return here


@pytest.mark.feature("F040", "F152")
def test_dependent_settings_show_only_where_their_switch_is_on() -> None:
    plain = schema_of(Config(), locations=1)
    assert node(plain, "orders.omie_account")["x-picker"] == "accounts"
    assert node(plain, "orders.carrier_missing")["x-visible"] is False
    assert node(plain, "orders.default_stock_location")["x-visible"] is False
    assert node(plain, "notifications.alerts.email")["description"]
    switched = parse({"orders": {"carrier_field": "order_a"}, "entities": {"stock": False}})
    schema = schema_of(switched, locations=2)
    assert node(schema, "orders.carrier_missing")["x-visible"] is True
    assert node(schema, "carriers")["x-visible"] is True
    assert node(schema, "orders.default_stock_location")["x-visible"] is True
    assert node(schema, "stock.balance")["x-visible"] is False

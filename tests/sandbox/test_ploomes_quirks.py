"""Each doubtful point of ploomes-api.md 8 under its other reading, and the fault script of Ploomes (7.1)."""

from pathlib import Path
from typing import Any

import httpx
import pytest

import app.sandbox
from app.sandbox.quirks import QUIRKS

from .conftest import USER_KEY, Bench
from .test_ploomes_sales import made, patched, sale

SCREEN = f"ploomes/{USER_KEY}/screen"
HOOK = "http://receiver/hook"
BRANCH = {"user_key": "sandbox-user-key-2"}


async def status(bench: Bench, verb: str, path: str, body: Any = None) -> int:
    return (await bench.ploomes(verb, path, body)).status_code


async def test_a_window_may_be_per_key_and_longer(bench: Bench) -> None:
    await bench.quirk(ploomes_rate_per_minute=2, ploomes_rate_scope="key", ploomes_rate_window_s=300)
    admin = f"{USER_KEY}-admin"
    answers = [await bench.ploomes("GET", "Account", key=key) for key in (USER_KEY, admin) * 3]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
    bench.later(61)
    assert await status(bench, "GET", "Account") == 429
    await bench.quirk(ploomes_rate_answer="empty")
    answer = await bench.ploomes("GET", "Account")
    assert (answer.status_code, answer.json()["value"]) == (200, [])
    bench.later(240)
    assert len(await bench.rows("Account")) == 1


async def test_pages(bench: Bench) -> None:
    assert len(await bench.rows("Cities?$top=1000")) == 300
    await bench.quirk(ploomes_large_top="honoured")
    assert len(await bench.rows("Cities?$top=350")) == 350
    await bench.quirk(ploomes_large_top="refused")
    assert await status(bench, "GET", "Cities?$top=350") == 400
    await bench.quirk(ploomes_page_cap=5)
    first = (await bench.ploomes("GET", "Cities?$orderby=Id")).json()
    assert (len(first["value"]), "@odata.nextLink" in first) == (5, True)
    assert len(await bench.rows("Fields")) == 5
    await bench.quirk(ploomes_cap_everywhere=False)
    assert len(await bench.rows("Fields")) > 5
    assert len(await bench.rows("Cities")) == 5


async def test_collections_append(bench: Bench) -> None:
    contact = await bench.contact(Phones=[{"PhoneNumber": "1"}])
    await bench.quirk(ploomes_collections="append")
    row = await patched(bench, f"Contacts({contact['Id']})?$expand=Phones", Phones=[{"PhoneNumber": "2"}])
    assert [phone["PhoneNumber"] for phone in row["Phones"]] == ["1", "2"]


async def test_invented_ids_move(bench: Bench) -> None:
    await bench.quirk(ploomes_invented_ids_shift=40)
    await bench.control("POST", "ploomes", BRANCH)
    answer = await bench.ploomes("GET", "PhoneTypes?$filter=Name eq 'Fax'", key=BRANCH["user_key"])
    assert answer.json()["value"][0]["Id"] == 44
    types = (await bench.ploomes("GET", "Fields@Types", key=BRANCH["user_key"])).json()["value"]
    by_name = {row["Name"]: row["Id"] for row in types}
    assert (by_name["Porcentagem"], by_name["Texto simples"]) == (942, 1)
    fields = (await bench.ploomes("GET", "Fields?$expand=Type", key=BRANCH["user_key"])).json()["value"]
    assert all(row["Type"] for row in fields)


async def test_a_contacts_type_may_be_free(bench: Bench) -> None:
    contact = await bench.contact()
    assert await status(bench, "PATCH", f"Contacts({contact['Id']})", {"TypeId": 2}) == 400
    await bench.quirk(ploomes_contact_type="free")
    assert (await patched(bench, f"Contacts({contact['Id']})", TypeId=2))["TypeId"] == 2


@pytest.mark.parametrize(("reading", "expected"), [("same", "11222333000181"), ("ignored", None), ("refused", None)])
async def test_document_columns(bench: Bench, reading: str, expected: str | None) -> None:
    await bench.quirk(ploomes_document_columns=reading)
    answer = await bench.ploomes("POST", "Contacts", {"Name": "A", "CNPJ": "11222333000181"})
    if reading == "refused":
        assert answer.status_code == 400
    else:
        assert answer.json()["value"][0]["Register"] == expected


async def test_is_duplicate(bench: Bench) -> None:
    contact = await bench.contact(Register="11.222.333/0001-81")
    body = {"Register": "11222333000181"}
    rows = (await bench.ploomes("POST", "Contacts/IsDuplicate", body)).json()["value"]
    assert [row["Id"] for row in rows] == [contact["Id"]]
    await bench.quirk(ploomes_is_duplicate="value")
    assert (await bench.ploomes("POST", "Contacts/IsDuplicate", body)).json() == {"value": True}
    await bench.quirk(ploomes_is_duplicate="missing")
    assert await status(bench, "POST", "Contacts/IsDuplicate", body) == 404


async def test_more_may_be_required(bench: Bench) -> None:
    await bench.quirk(ploomes_contact_required="TypeId,Register", ploomes_order_required="Products")
    assert await status(bench, "POST", "Contacts", {"Name": "A", "TypeId": 1}) == 400
    contact = await bench.contact(TypeId=1, Register="1")
    assert await status(bench, "POST", "Orders", {"ContactId": contact["Id"], "Products": []}) == 400
    await bench.quirk(ploomes_order_required="")
    order = await made(bench, "Orders?$expand=Products", ContactId=contact["Id"])
    assert (order["Products"], order["OrderNumber"]) == ([], 1)
    assert await status(bench, "POST", "Orders", {"Amount": 1}) == 400


async def test_flat_lines_may_be_refused(bench: Bench) -> None:
    order, (pen, _) = await sale(bench)
    await bench.quirk(ploomes_flat_products="refused")
    lines = [{"ProductId": pen["Id"]}]
    assert await status(bench, "PATCH", f"Orders({order['Id']})", {"Products": lines}) == 400
    row = await patched(bench, f"Orders({order['Id']})?$expand=Products", Sections=[{"Code": 0, "Products": lines}])
    assert len(row["Products"]) == 1


async def test_required_and_locked_fields_and_unticked_boxes(bench: Bench) -> None:
    box = await made(bench, "Fields", Name="Integrar", EntityId=1, TypeId=10, Required=True)
    assert (await bench.contact())["OtherProperties"] == []
    await bench.quirk(ploomes_required_fields=True)
    assert await status(bench, "POST", "Contacts", {"Name": "A"}) == 400
    unticked = [{"FieldKey": box["Key"], "BoolValue": False}]
    contact = await bench.contact(OtherProperties=unticked)
    assert contact["OtherProperties"][0]["BoolValue"] is False
    await bench.quirk(ploomes_false_checkbox="none")
    assert (await bench.contact(OtherProperties=unticked))["OtherProperties"] == []
    answer = await bench.http.post(f"/sandbox/{SCREEN}/Contacts", json={"Name": "A"})
    assert (answer.status_code, "obrigatório" in answer.json()["detail"]) == (422, True)
    await patched(bench, f"Fields('{box['Key']}')", Disabled=True)
    ticked = [{"FieldKey": box["Key"], "BoolValue": True}]
    path = f"Contacts({contact['Id']})?$expand=OtherProperties"
    await bench.quirk(ploomes_disabled_fields="ignored")
    assert (await patched(bench, path, OtherProperties=ticked))["OtherProperties"][0]["BoolValue"] is False
    await bench.quirk(ploomes_disabled_fields="refused")
    assert await status(bench, "PATCH", path, {"OtherProperties": ticked}) == 400
    await bench.quirk(ploomes_disabled_fields="free")
    assert (await patched(bench, path, OtherProperties=ticked))["OtherProperties"][0]["BoolValue"] is True


async def test_dates_without_a_zone(bench: Bench) -> None:
    assert (await bench.contact(Birthday="2001-02-03"))["Birthday"] == "2001-02-03T00:00:00-03:00"
    await bench.quirk(ploomes_bare_dates="utc")
    assert (await bench.contact(Birthday="2001-02-03"))["Birthday"] == "2001-02-02T21:00:00-03:00"


async def test_missing_ids_put_and_reading_by_key(bench: Bench) -> None:
    contact = await bench.contact()
    await bench.quirk(ploomes_missing_status=400, ploomes_put_status=400, ploomes_get_by_key=True)
    assert await status(bench, "PATCH", "Contacts(1)", {"Name": "x"}) == 400
    assert await status(bench, "PUT", f"Contacts({contact['Id']})", {}) == 400
    assert (await bench.rows(f"Contacts({contact['Id']})"))[0]["Id"] == contact["Id"]
    await bench.quirk(ploomes_missing_status=200)
    answer = await bench.ploomes("DELETE", "Contacts(1)")
    assert (answer.status_code, answer.json()["value"]) == (200, [])


async def test_a_batch_is_unknown_unless_switched_on(bench: Bench) -> None:
    contact = await bench.contact(Name="Padaria")
    parts = [
        {"id": "1", "method": "GET", "url": f"/Contacts?$filter=Id eq {contact['Id']}&$select=Name"},
        {"id": "2", "method": "post", "url": "Products", "body": {"Name": "Caneta"}},
        {"id": "3", "method": "PATCH", "url": "Contacts(1)", "body": {"Name": "x"}},
        {"id": "4", "method": "DELETE", "url": f"Contacts({contact['Id']})"},
    ]
    assert await status(bench, "POST", "$batch", {"requests": parts}) == 404
    await bench.quirk(ploomes_batch=True)
    answers = (await bench.ploomes("POST", "$batch", {"requests": parts})).json()["responses"]
    assert [(one["id"], one["status"]) for one in answers] == [("1", 200), ("2", 200), ("3", 404), ("4", 200)]
    assert answers[0]["body"]["value"] == [{"Name": "Padaria"}]
    assert [row["Name"] for row in await bench.rows("Products")] == ["Caneta"]
    assert await status(bench, "POST", "$batch", {"requests": [{"id": "1"}]}) == 400


@pytest.mark.parametrize(("reading", "left"), [("loosen", ["Ana"]), ("cascade", []), ("refused", ["Casa", "Ana"])])
async def test_persons_of_a_deleted_company(bench: Bench, reading: str, left: list[str]) -> None:
    company = await bench.contact(Name="Casa")
    await bench.contact(Name="Ana", TypeId=2, CompanyId=company["Id"])
    await bench.quirk(ploomes_company_delete=reading, ploomes_deleted_listed=True)
    assert await status(bench, "DELETE", f"Contacts({company['Id']})") == (400 if reading == "refused" else 200)
    assert [row["Name"] for row in await bench.rows("Contacts")] == left
    gone = [row["Name"] for row in await bench.rows("Contacts/GetDeletedContacts")]
    assert sorted(gone + left) == ["Ana", "Casa"]


async def test_webhook_readings(bench: Bench) -> None:
    await bench.quirk(ploomes_webhook_entity="singular", ploomes_webhook_lines=True, ploomes_webhook_absent="missing")
    for action in (1, 3):
        await made(bench, "Webhooks", EntityId=4, ActionId=action, CallbackUrl=HOOK)
    order, _ = await sale(bench)
    await bench.ploomes("DELETE", f"Orders({order['Id']})")
    created, deleted = await bench.delivered()
    assert created["Entity"] == "Order"
    assert len(created["New"]["Products"]) == 2
    assert ("Old" in created, "New" in deleted) == (False, False)
    await bench.quirk(ploomes_delete_fills_new=True)
    order, _ = await sale(bench)
    await bench.ploomes("DELETE", f"Orders({order['Id']})")
    assert (await bench.delivered())[-1]["New"]["Id"] == order["Id"]
    await bench.quirk(ploomes_own_webhooks=False)
    await sale(bench)
    assert len(await bench.delivered()) == 4
    await bench.control("POST", f"{SCREEN}/Orders", {"ContactId": order["ContactId"]})
    assert len(await bench.delivered()) == 5


async def test_webhooks_may_have_no_second_chance(bench: Bench) -> None:
    await bench.quirk(ploomes_webhook_retries=0, ploomes_webhook_timeout_s=1, ploomes_finish_action_id=9)
    await bench.control("POST", f"{SCREEN}/Webhooks@Actions", {"Name": "Finish"})
    await made(bench, "Webhooks", EntityId=1, ActionId=1, CallbackUrl=HOOK)
    bench.receiver.statuses = [500]
    await bench.contact()
    assert len(await bench.delivered()) == 1


@pytest.mark.parametrize("shape", ["message", "text", "html", "empty"])
async def test_error_bodies(bench: Bench, shape: str) -> None:
    await bench.quirk(ploomes_error_shape=shape)
    answer = await bench.ploomes("GET", "Nada")
    assert answer.status_code == 404
    assert "error" not in answer.text


def test_every_switch_is_read_by_the_sandbox() -> None:
    folder = Path(app.sandbox.__file__).parent
    code = "".join(path.read_text("utf-8") for path in folder.rglob("*.py") if path.name != "quirks.py")
    assert [name for name in QUIRKS if name.startswith("ploomes_") and f"quirks.{name}" not in code] == []


TROUBLE = [
    ({"kind": "status", "status": 503}, 503, False), ({"kind": "status", "status": 504, "when": "after"}, 504, True),
    ({"kind": "html"}, 502, False), ({"kind": "html", "when": "after", "status": 500}, 500, True),
    ({"kind": "empty_body", "when": "after"}, 200, True), ({"kind": "empty_list", "when": "after"}, 200, True),
    ({"kind": "429", "seconds": 5}, 429, False), ({"kind": "fault", "status": 403}, 403, False),
    ({"kind": "fault", "text": "Recusado.", "when": "after"}, 400, True),
    ({"kind": "slow", "seconds": 0.01}, 200, True),
    ({"kind": "timeout"}, None, False), ({"kind": "timeout", "when": "after"}, None, True),
    ({"kind": "disconnect", "when": "after"}, None, True),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "expected", "applied"), TROUBLE)
async def test_trouble_before_and_after_a_write(
    bench: Bench, rule: dict[str, object], expected: int | None, applied: bool
) -> None:
    await bench.control("POST", "faults", {"vendor": "ploomes", "match": "Products", "verb": "POST", **rule})
    try:
        seen: int | None = (await bench.ploomes("POST", "Products", {"Name": "Caneta"})).status_code
    except httpx.HTTPError:
        seen = None
    assert seen == expected
    assert bool(await bench.rows("Products")) is applied
    assert await bench.control("GET", "faults") == []


async def test_trouble_on_the_way_of_webhooks(bench: Bench) -> None:
    await made(bench, "Webhooks", EntityId=10, ActionId=1, CallbackUrl=HOOK)
    for kind in ("drop", "duplicate"):
        await bench.control("POST", "faults", {"vendor": "ploomes", "kind": kind, "match": "Products.Create"})
    for name in ("A", "B", "C"):
        await made(bench, "Products", Name=name)
    assert sorted(event["New"]["Name"] for event in await bench.delivered()) == ["B", "B", "C"]
    (hook,) = await bench.rows("Webhooks")
    await bench.control("PATCH", f"{SCREEN}/Webhooks/{hook['Id']}", {"Active": False})
    await made(bench, "Products", Name="D")
    assert len(await bench.delivered()) == 3

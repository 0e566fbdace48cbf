"""Ploomes' catalogue and sales: sections, lines, markers, fields of every type (ploomes-api.md 3.3, 3.4, 3.7, 3.8)."""

from typing import Any

import pytest

from .conftest import USER_KEY, Bench

SCREEN = f"ploomes/{USER_KEY}/screen"
HOOK = "http://receiver/hook"


async def made(bench: Bench, path: str, **body: Any) -> dict[str, Any]:
    answer = await bench.ploomes("POST", path, body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["value"][0])


async def patched(bench: Bench, path: str, **body: Any) -> dict[str, Any]:
    answer = await bench.ploomes("PATCH", path, body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["value"][0])


async def sale(bench: Bench, **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    products = [await made(bench, "Products", Name=name, Code=name[:3].upper()) for name in ("Caneta", "Lápis")]
    contact = await bench.contact()
    lines = [{"ProductId": p["Id"], "Quantity": 2, "UnitPrice": 1.255, "Total": 2.51} for p in products]
    body = {"ContactId": contact["Id"], "Amount": 5.02, "Products": lines, **more}
    return await made(bench, "Orders?$expand=Products,Sections($expand=Products)", **body), products


async def test_flat_lines_land_in_section_zero(bench: Bench) -> None:
    order, _ = await sale(bench)
    (section,) = order["Sections"]
    assert (section["Code"], section["OrderId"]) == (0, order["Id"])
    assert [line["SectionId"] for line in order["Products"]] == [section["Id"]] * 2
    assert section["Products"] == order["Products"]
    assert [line["Ordination"] for line in order["Products"]] == [0, 1]
    assert order["Products"][0]["ContactId"] == order["ContactId"]
    assert order["Products"][0]["OrderDate"] == order["Date"]


async def test_lines_under_sections_are_the_same_list(bench: Bench) -> None:
    order, (pen, pencil) = await sale(bench)
    path = f"Orders({order['Id']})?$expand=Products,Sections($expand=Products($expand=Product($select=Code)))"
    sections = [{"Products": [{"ProductId": pen["Id"]}]}, {"Code": 7, "Products": [{"ProductId": pencil["Id"]}]}]
    row = await patched(bench, path, Sections=sections)
    assert [section["Code"] for section in row["Sections"]] == [0, 7]
    codes = [[line["Product"]["Code"] for line in section["Products"]] for section in row["Sections"]]
    assert codes == [["CAN"], ["LÁP"]]
    assert [line["SectionId"] for line in row["Products"]] == [section["Id"] for section in row["Sections"]]
    found = await bench.rows("Orders?$filter=Sections/any(s: s/Products/any(p: p/ProductCode eq 'LÁP'))")
    assert [one["Id"] for one in found] == [order["Id"]]


async def test_a_patched_list_is_new_rows_unless_their_ids_are_sent(bench: Bench) -> None:
    order, (pen, _) = await sale(bench)
    first = order["Products"][0]
    row = await patched(bench, f"Orders({order['Id']})?$expand=Products", Products=[{"ProductId": pen["Id"]}])
    assert row["Products"][0]["Id"] not in {line["Id"] for line in order["Products"]}
    kept = row["Products"][0]
    again = await patched(
        bench, f"Orders({order['Id']})?$expand=Products", Products=[{"Id": kept["Id"], "ProductId": pen["Id"]}]
    )
    assert again["Products"][0]["Id"] == kept["Id"]
    untouched = await patched(bench, f"Orders({order['Id']})?$expand=Products", Description="<p>Oi</p>")
    assert untouched["Products"] == again["Products"]
    lines = await bench.rows(f"Orders@Products?$filter=OrderId eq {order['Id']}&$expand=Product")
    assert [line["Product"]["Name"] for line in lines] == ["Caneta"]
    assert first["Total"] == 2.51


async def test_the_server_does_not_recompute_unless_told_to(bench: Bench) -> None:
    order, (pen, _) = await sale(bench, Amount=1)
    assert order["Amount"] == 1
    await bench.quirk(ploomes_recompute=True)
    line = {"ProductId": pen["Id"], "Quantity": 3, "UnitPrice": 50, "Discount": 10, "Total": 1}
    row = await patched(bench, f"Orders({order['Id']})?$expand=Products", Products=[line], Discount=10)
    assert (row["Products"][0]["Total"], row["Amount"]) == (135, 121.5)
    await bench.quirk(ploomes_discount="amount")
    row = await patched(bench, f"Orders({order['Id']})?$expand=Products", Products=[line], Discount=5)
    assert (row["Products"][0]["Total"], row["Amount"]) == (140, 135)


async def test_a_person_works_on_the_lines_of_a_sale(bench: Bench) -> None:
    order, (pen, _) = await sale(bench)
    body = {"EntityId": 4, "ActionId": 2, "CallbackUrl": HOOK}
    await made(bench, "Webhooks", **body)
    keep = [line["Id"] for line in order["Products"]]
    line = await bench.control(
        "POST", f"{SCREEN}/Orders@Products", {"OrderId": order["Id"], "ProductId": pen["Id"], "Quantity": 9}
    )
    await bench.control("PATCH", f"{SCREEN}/Orders@Products/{line['Id']}", {"Quantity": 10})
    await bench.control("DELETE", f"{SCREEN}/Orders@Products/{keep[0]}")
    left = await bench.control("GET", f"ploomes/{USER_KEY}/Orders@Products")
    assert [(row["Id"], row["Quantity"]) for row in left] == [(keep[1], 2), (line["Id"], 10)]
    events = await bench.delivered()
    assert [event["Action"] for event in events] == ["Update"] * 3
    assert {event["Entity"] for event in events} == {"Orders"}
    assert "Products" not in events[0]["New"]
    assert "Sections" not in events[0]["New"]


async def test_a_quote_holds_its_lines_under_sections_and_a_kit_its_parts(bench: Bench) -> None:
    pen, box = await made(bench, "Products", Name="Caneta"), await made(bench, "Products", Name="Estojo")
    lines = [{"ProductId": pen["Id"], "Quantity": 2, "UnitPrice": 1.5, "Total": 3}]
    quote = await made(bench, "Quotes?$expand=Sections($expand=Products)", Sections=[{"Products": lines}])
    assert (quote["QuoteNumber"], quote["ReviewNumber"], quote["LastReview"]) == (1, 1, True)
    [section] = quote["Sections"]
    assert [line["ProductName"] for line in section["Products"]] == ["Caneta"]
    [line] = await bench.rows(f"Quotes@Products?$filter=ProductId eq {pen['Id']}")
    assert (line["QuoteId"], line["Total"]) == (quote["Id"], 3)
    await patched(bench, f"Products({box['Id']})", Parts=[{"ProductPartId": pen["Id"], "DefaultQuantity": 2}])
    [part] = await bench.rows(f"Products@Parts?$filter=ProductPartId eq {pen['Id']}")
    assert (part["ProductId"], part["DefaultQuantity"]) == (box["Id"], 2)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("Products", {"Name": "Borracha"}), ("Products@Groups", {"Name": "Papelaria", "FamilyId": None}),
        ("Products@Families", {"Name": "Kits"}), ("Products@Lists", {"Name": "Promoção"}),
        ("Orders@Stages", {"Name": "Conferência", "Ordination": 9}), ("Tags", {"Name": "Novo", "EntityId": 1}),
        ("Fields", {"Name": "Cor", "EntityId": 10, "TypeId": 1}), ("Contacts@Status", {"Name": "Frio"}),
        ("Fields@OptionsTables", {"Name": "Cores", "Options": [{"Name": "Azul", "ExternalKey": "17"}]}),
    ],
)  # fmt: skip
async def test_a_person_creates_edits_and_deletes(bench: Bench, name: str, body: dict[str, Any]) -> None:
    row = await bench.control("POST", f"{SCREEN}/{name}", body)
    key = row.get("Key") if name == "Fields" else row["Id"]
    edited = await bench.control("PATCH", f"{SCREEN}/{name}/{key}", {"Name": "Outro nome"})
    assert edited["Name"] == "Outro nome"
    await bench.control("DELETE", f"{SCREEN}/{name}/{key}")
    names = [one["Name"] for one in await bench.control("GET", f"ploomes/{USER_KEY}/{name}")]
    assert "Outro nome" not in names


TYPES = [
    ("Texto simples", "StringValue", "azul", {}), ("Texto multilinha", "BigStringValue", "a\nb" * 400, {}),
    ("Número inteiro", "IntegerValue", -7, {}), ("Número com casas decimais", "DecimalValue", 1.2345, {}),
    ("Moeda", "DecimalValue", 10.55, {"CurrencyValueId": 1}), ("Porcentagem", "DecimalValue", 12.5, {}),
    ("Data", "DateTimeValue", "2026-03-01T00:00:00-03:00", {}), ("Checkbox", "BoolValue", False, {}),
    ("Imagem", "StringValue", "https://x.test/a.png", {}),
]  # fmt: skip


@pytest.mark.parametrize("entity", [(10, "Products"), (4, "Orders")])
@pytest.mark.parametrize(("kind", "column", "value", "more"), TYPES)
async def test_custom_fields_of_every_plain_type(
    bench: Bench, entity: tuple[int, str], kind: str, column: str, value: Any, more: dict[str, Any]
) -> None:
    (entity_id, name), types = entity, await bench.rows(f"Fields@Types?$filter=Name eq '{kind}'")
    key = (await made(bench, "Fields", Name=kind, EntityId=entity_id, TypeId=types[0]["Id"]))["Key"]
    assert key.startswith({10: "product_", 4: "order_"}[entity_id])
    await made(bench, "Webhooks", EntityId=entity_id, ActionId=1, CallbackUrl=HOOK)
    body: dict[str, Any] = {"Name": "Caneta"} if name == "Products" else {"ContactId": (await bench.contact())["Id"]}
    row = await made(
        bench, f"{name}?$expand=OtherProperties", **body, OtherProperties=[{"FieldKey": key, column: value}]
    )
    (shown,) = row["OtherProperties"]
    filled = {n for n, v in shown.items() if v is not None}
    assert shown[column] == value
    owner = "ProductId" if name == "Products" else "OrderId"
    assert filled == {"Id", "FieldId", "FieldKey", owner, column, *more}
    (event,) = await bench.delivered()
    assert event["New"]["OtherProperties"] == {key: value if kind != "Data" else "2026-03-01T00:00:00"}
    wrong = "IntegerValue" if column != "IntegerValue" else "StringValue"
    answer = await bench.ploomes("POST", name, {**body, "OtherProperties": [{"FieldKey": key, wrong: 1}]})
    assert answer.status_code == 400


async def test_reference_fields_show_what_they_point_at(bench: Bench) -> None:
    contact = await bench.contact(Name="Padaria", Register="11222333000181")
    (me,) = await bench.rows("Self")
    product = await made(bench, "Products", Name="Caneta")
    shown = {}
    for kind, target in (("Usuário", me), ("Cliente", contact), ("Produto", product)):
        (found,) = await bench.rows(f"Fields@Types?$filter=Name eq '{kind}'")
        key = (await made(bench, "Fields", Name=kind, EntityId=10, TypeId=found["Id"]))["Key"]
        body = [{"FieldKey": key, "IntegerValue": target["Id"]}]
        row = await patched(bench, f"Products({product['Id']})?$expand=OtherProperties", OtherProperties=body)
        shown[kind] = next(one for one in row["OtherProperties"] if one["FieldKey"] == key)
        refused = [{"FieldKey": key, "IntegerValue": 1}]
        assert (await bench.ploomes("POST", "Products", {"Name": "x", "OtherProperties": refused})).status_code == 400
    assert (shown["Usuário"]["UserValueId"], shown["Usuário"]["UserValueName"]) == (me["Id"], "Integração")
    assert (shown["Cliente"]["ContactValueName"], shown["Cliente"]["ContactValueTypeId"]) == ("Padaria", 1)
    assert shown["Cliente"]["ContactValueRegister"] == "11222333000181"
    assert shown["Produto"]["ProductValueName"] == "Caneta"


async def test_lines_groups_and_families_carry_custom_values(bench: Bench) -> None:
    field = await made(bench, "Fields", Name="Lote", EntityId=20, TypeId=1)
    assert field["Key"].startswith("order_product_")
    order, (pen, _) = await sale(bench)
    line = {"ProductId": pen["Id"], "OtherProperties": [{"FieldKey": field["Key"], "StringValue": "L1"}]}
    row = await patched(bench, f"Orders({order['Id']})?$expand=Products($expand=OtherProperties)", Products=[line])
    (value,) = row["Products"][0]["OtherProperties"]
    assert (value["StringValue"], value["OrderProductId"]) == ("L1", row["Products"][0]["Id"])
    group = await made(bench, "Products@Groups", Name="Papelaria", FamilyId=None)
    assert group["FamilyId"] is None
    assert [family["Name"] for family in await bench.rows("Products@Families")] == ["Produtos", "Serviços"]


async def test_markers_are_lists_a_product_is_on(bench: Bench) -> None:
    marker = await made(bench, "Products@Lists", Name="Promoção", Editable=True)
    product = await made(bench, "Products?$expand=Lists", Name="Caneta", Lists=[{"ListId": marker["Id"]}])
    assert product["Lists"][0] | {"Id": 0} == {"Id": 0, "ListId": marker["Id"], "ProductId": product["Id"]}
    found = await bench.rows(f"Products?$filter=Lists/any(l: l/ListId eq {marker['Id']})&$expand=Lists($expand=List)")
    assert found[0]["Lists"][0]["List"]["Name"] == "Promoção"
    await bench.ploomes("DELETE", f"Products@Lists({marker['Id']})")
    (left,) = await bench.rows("Products?$expand=Lists")
    assert left["Lists"] == []


async def test_a_locked_field_is_closed_to_people_only(bench: Bench) -> None:
    field = await made(bench, "Fields", Name="Id (Omie)", EntityId=10, TypeId=1, Disabled=True)
    rows = [{"FieldKey": field["Key"], "StringValue": "4001"}]
    product = await made(bench, "Products?$expand=OtherProperties", Name="Caneta", OtherProperties=rows)
    path = f"/sandbox/{SCREEN}/Products/{product['Id']}"
    assert (await bench.http.patch(path, json={"OtherProperties": rows, "Name": "Caneta azul"})).status_code == 200
    changed = [{"FieldKey": field["Key"], "StringValue": "1"}]
    answer = await bench.http.patch(path, json={"OtherProperties": changed})
    assert (answer.status_code, "bloqueado" in answer.json()["detail"]) == (422, True)
    row = await patched(bench, f"Products({product['Id']})?$expand=OtherProperties", OtherProperties=changed)
    assert row["OtherProperties"][0]["StringValue"] == "1"


async def test_a_unique_field_refuses_the_second_value(bench: Bench) -> None:
    field = await made(bench, "Fields", Name="SKU", EntityId=10, TypeId=1, Unique=True)
    rows = [{"FieldKey": field["Key"], "StringValue": "A1"}]
    product = await made(bench, "Products", Name="Caneta", OtherProperties=rows)
    await patched(bench, f"Products({product['Id']})", OtherProperties=rows)
    assert (await bench.ploomes("POST", "Products", {"Name": "Outra", "OtherProperties": rows})).status_code == 400
    await made(bench, "Products", Name="Outra", Code="X")
    await made(bench, "Products", Name="Terceira", Code="X")
    await patched(bench, "Fields('product_code')", Unique=True)
    assert (await bench.ploomes("POST", "Products", {"Name": "Quarta", "Code": "x"})).status_code == 400


async def test_product_and_order_webhooks_have_old_and_new(bench: Bench) -> None:
    for entity in (10, 4):
        for action in (1, 2, 3):
            await made(bench, "Webhooks", EntityId=entity, ActionId=action, CallbackUrl=HOOK)
    order, (pen, _) = await sale(bench)
    stage = (await bench.rows("Orders@Stages"))[0]
    await patched(bench, f"Orders({order['Id']})", StageId=stage["Id"])
    await bench.ploomes("DELETE", f"Orders({order['Id']})")
    await bench.control("PATCH", f"{SCREEN}/Products/{pen['Id']}", {"Suspended": True})
    await bench.control("DELETE", f"{SCREEN}/Products/{pen['Id']}")
    events = {(event["Entity"], event["Action"]): event for event in await bench.delivered()}
    assert set(events) == {(entity, a) for entity in ("Products", "Orders") for a in ("Create", "Update", "Delete")}
    moved = events["Orders", "Update"]
    assert "StageId" not in moved["Old"]
    assert moved["New"]["StageId"] == stage["Id"]
    assert events["Orders", "Delete"]["New"] is None
    assert events["Orders", "Delete"]["Old"]["Id"] == order["Id"]
    assert events["Products", "Update"]["New"]["Suspended"] is True
    (me,) = await bench.rows("Self?$select=Id")
    assert moved["ActionUserId"] == me["Id"]
    assert events["Products", "Delete"]["ActionUserId"] != me["Id"]

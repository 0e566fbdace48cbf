"""Ploomes' writing side: contacts, lists, custom fields, other sets (ploomes-api.md 1, 3 and 5)."""

from typing import Any

import pytest

from .conftest import Bench


async def patch(bench: Bench, contact: dict[str, Any], **fields: Any) -> dict[str, Any]:
    path = f"Contacts({contact['Id']})?$expand=Phones,Tags,OtherProperties"
    answer = await bench.ploomes("PATCH", path, fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["value"][0])


async def field(bench: Bench, type_id: int = 1, entity_id: int = 1, **more: Any) -> dict[str, Any]:
    body = {"Name": "Id (Omie)", "EntityId": entity_id, "TypeId": type_id, "Required": False, **more}
    answer = await bench.ploomes("POST", "Fields?$expand=OptionsTable($expand=Options)", body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["value"][0])


async def test_post_answers_a_list_of_one_without_navigation(bench: Bench) -> None:
    answer = await bench.ploomes("POST", "Contacts", {"Name": "Padaria", "Phones": [{"PhoneNumber": "1"}]})
    assert answer.status_code == 200
    (row,) = answer.json()["value"]
    assert row["TypeId"] == 1
    assert "Phones" not in row
    assert (await bench.rows(f"Contacts?$filter=Id eq {row['Id']}")) == [row]


async def test_status_defaults_to_the_first_open_one(bench: Bench) -> None:
    first = (await bench.rows("Contacts@Status"))[0]
    assert (await bench.contact())["StatusId"] == first["Id"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ({"Register": "11222333000181"}, ("11222333000181", "11222333000181", None)),
        ({"Register": "11.222.333/0001-81"}, ("11.222.333/0001-81", "11.222.333/0001-81", None)),
        ({"Register": "39053344705"}, ("39053344705", None, "39053344705")),
        ({"CNPJ": "11222333000181"}, ("11222333000181", "11222333000181", None)),
        ({"CPF": "39053344705"}, ("39053344705", None, "39053344705")),
        ({"Register": None}, (None, None, None)),
    ],
)
async def test_register_cnpj_and_cpf_are_one_number(bench: Bench, written: dict[str, Any], shown: object) -> None:
    contact = await bench.contact(Register="12ABC34501DE35")
    row = await patch(bench, contact, **written)
    assert (row["Register"], row["CNPJ"], row["CPF"]) == shown


@pytest.mark.parametrize(
    "fields",
    [
        {"ZipCode": "01310100"}, {"Name": None}, {"Name": 5}, {"TypeId": 2}, {"Cor": "azul"}, {"CityId": 1},
        {"StatusId": 1}, {"OwnerId": 1}, {"Tags": [{"TagId": 1}]}, {"Phones": [{"Numero": "1"}]}, {"Phones": "x"},
        {"OtherProperties": [{"FieldKey": "contact_nada", "StringValue": "x"}]}, {"Birthday": "ontem"},
        {"ZipCode": 2**31},
    ],
)  # fmt: skip
async def test_what_a_change_refuses(bench: Bench, fields: dict[str, Any]) -> None:
    contact = await bench.contact()
    answer = await bench.ploomes("PATCH", f"Contacts({contact['Id']})", fields)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == ""
    assert error["message"]


async def test_city_brings_state_and_country(bench: Bench) -> None:
    (city,) = await bench.rows("Cities?$filter=IBGECode eq 4106902")
    contact = await bench.contact(CityId=city["Id"], ZipCode=80010000)
    assert (contact["StateId"], contact["CountryId"]) == (city["StateId"], 76)


async def test_lists_are_replaced_with_new_ids(bench: Bench) -> None:
    (tag,) = (await bench.ploomes("POST", "Tags", {"Name": "VIP", "EntityId": 1})).json()["value"]
    contact = await bench.contact(
        Phones=[{"PhoneNumber": "(11) 3000-0000", "TypeId": 4}, {"PhoneNumber": "(11) 99999-0000"}],
        Tags=[{"TagId": tag["Id"], "Tag": {"Name": "outro nome"}}],
    )
    assert contact["Phones"][0]["SearchPhoneNumber"] == 1130000000
    kept = contact["Phones"][0]
    row = await patch(bench, contact, Phones=[{"Id": kept["Id"], "PhoneNumber": "1"}, {"PhoneNumber": "2"}])
    assert row["Phones"][0]["Id"] == kept["Id"]
    assert row["Phones"][1]["Id"] not in {phone["Id"] for phone in contact["Phones"]}
    assert len(row["Tags"]) == 1
    assert (await patch(bench, contact, Tags=[]))["Tags"] == []
    assert (await bench.rows("Tags"))[0]["Name"] == "VIP"


async def test_a_tag_must_be_of_the_entity(bench: Bench) -> None:
    (tag,) = (await bench.ploomes("POST", "Tags", {"Name": "VIP", "EntityId": 4})).json()["value"]
    answer = await bench.ploomes("POST", "Contacts", {"Name": "A", "Tags": [{"TagId": tag["Id"]}]})
    assert answer.status_code == 400


async def test_custom_fields_merge_by_key_and_null_clears(bench: Bench) -> None:
    first = await field(bench, SendExternalKey="ponte_omie_id")
    second = await field(bench, type_id=5)
    assert first["Key"].startswith("contact_")
    assert (await bench.rows("Fields?$filter=SendExternalKey eq 'ponte_omie_id'"))[0]["Key"] == first["Key"]
    contact = await bench.contact(OtherProperties=[{"FieldKey": first["Key"], "StringValue": "4001"}])
    assert contact["OtherProperties"][0]["ContactId"] == contact["Id"]
    assert contact["OtherProperties"][0]["IntegerValue"] is None
    row = await patch(bench, contact, OtherProperties=[{"FieldKey": second["Key"], "DecimalValue": 10.55}])
    assert {p["FieldKey"] for p in row["OtherProperties"]} == {first["Key"], second["Key"]}
    found = await bench.rows(
        f"Contacts?$filter=OtherProperties/any(o: o/FieldKey eq '{first['Key']}' and o/StringValue eq '4001')"
    )
    assert [r["Id"] for r in found] == [contact["Id"]]
    row = await patch(bench, contact, OtherProperties=[{"FieldKey": first["Key"], "StringValue": None}])
    assert [p["DecimalValue"] for p in row["OtherProperties"]] == [10.55]
    await bench.quirk(ploomes_other_properties="replace")
    row = await patch(bench, contact, OtherProperties=[{"FieldKey": first["Key"], "StringValue": "1"}])
    assert [p["FieldKey"] for p in row["OtherProperties"]] == [first["Key"]]


async def test_wrong_column_and_foreign_field_are_refused(bench: Bench) -> None:
    ours, products = await field(bench), await field(bench, entity_id=10)
    for row in (
        {"FieldKey": ours["Key"], "IntegerValue": 1},
        {"FieldKey": products["Key"], "StringValue": "x"},
        {"FieldKey": ours["Key"], "StringValue": "x" * 256},
    ):
        answer = await bench.ploomes("POST", "Contacts", {"Name": "A", "OtherProperties": [row]})
        assert answer.status_code == 400


async def test_option_fields(bench: Bench) -> None:
    made = await field(
        bench, type_id=7, Multiple=True, OptionsTable={"Options": [{"Name": "Correios"}, {"Name": "JT"}]}
    )
    options = made["OptionsTable"]["Options"]
    rows = [{"FieldKey": made["Key"], "IntegerValue": option["Id"]} for option in options]
    contact = await bench.contact(OtherProperties=rows)
    assert [p["ObjectValueName"] for p in contact["OtherProperties"]] == ["Correios", "JT"]
    path = f"Contacts({contact['Id']})/UpdateOtherProperty?$expand=OtherProperties"
    body = {"FieldKey": made["Key"], "Values": [{"IntegerValue": options[1]["Id"]}]}
    (row,) = (await bench.ploomes("POST", path, body)).json()["value"]
    assert [p["ObjectValueName"] for p in row["OtherProperties"]] == ["JT"]
    bad = [{"FieldKey": made["Key"], "IntegerValue": 1}]
    assert (await bench.ploomes("POST", "Contacts", {"Name": "A", "OtherProperties": bad})).status_code == 400
    (extra,) = (
        await bench.ploomes(
            "POST", "Fields@OptionsTables@Options",
            {"TableId": made["OptionsTableId"], "Name": "Azul", "ExternalKey": "17"},
        )
    ).json()["value"]  # fmt: skip
    assert (await bench.rows("Fields@OptionsTables@Options?$filter=ExternalKey eq '17'"))[0]["Id"] == extra["Id"]


async def test_fields_are_addressed_by_text_and_take_their_values_along(bench: Bench) -> None:
    made = await field(bench)
    contact = await bench.contact(OtherProperties=[{"FieldKey": made["Key"], "StringValue": "x"}])
    form = (await bench.rows("Forms?$filter=EntityId eq 1"))[0]
    await bench.ploomes("POST", "Forms@Fields", {"FormId": form["Id"], "FieldKey": made["Key"], "Ordination": 99})
    path = f"Fields('{made['Key']}')"
    (row,) = (await bench.ploomes("PATCH", path, {"Disabled": True})).json()["value"]
    assert row["Disabled"] is True
    assert (await bench.ploomes("DELETE", path)).status_code == 200
    (left,) = await bench.rows(f"Contacts?$filter=Id eq {contact['Id']}&$expand=OtherProperties")
    assert left["OtherProperties"] == []
    assert await bench.rows(f"Forms@Fields?$filter=FieldKey eq '{made['Key']}'") == []


async def test_delete_answers_empty_and_missing_is_404(bench: Bench) -> None:
    company = await bench.contact()
    person = await bench.contact(TypeId=2, CompanyId=company["Id"])
    answer = await bench.ploomes("DELETE", f"Contacts({company['Id']})")
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await bench.ploomes("DELETE", f"Contacts({company['Id']})")).status_code == 404
    assert (await bench.ploomes("PATCH", f"Contacts({company['Id']})", {"Name": "x"})).status_code == 404
    assert await bench.rows(f"Contacts?$filter=Id eq {company['Id']}") == []
    assert (await bench.rows(f"Contacts?$filter=Id eq {person['Id']}"))[0]["CompanyId"] is None


async def test_products_and_orders(bench: Bench) -> None:
    (family,) = (await bench.ploomes("POST", "Products@Families", {"Name": "Produtos"})).json()["value"]
    (marker,) = (await bench.ploomes("POST", "Products@Lists", {"Name": "Ativo"})).json()["value"]
    body = {"Name": "Caneta", "Code": "CAN", "FamilyId": family["Id"], "UnitPrice": 1.255,
            "Lists": [{"ListId": marker["Id"]}]}  # fmt: skip
    (product,) = (await bench.ploomes("POST", "Products?$expand=Lists,Family", body)).json()["value"]
    assert product["Lists"][0]["ProductId"] == product["Id"]
    assert (await bench.ploomes("POST", "Products", {"Name": "x" * 201})).status_code == 400
    contact = await bench.contact()
    sale = {
        "ContactId": contact["Id"],
        "Amount": 3,
        "Products": [{"ProductId": product["Id"], "Quantity": 2, "Total": 3}],
    }
    (order,) = (await bench.ploomes("POST", "Orders?$expand=Products($expand=Product)", sale)).json()["value"]
    assert (order["OrderNumber"], order["ContactName"], order["Amount"]) == (1, "Padaria", 3)
    assert (order["Products"][0]["Product"]["Code"], order["Products"][0]["Ordination"]) == ("CAN", 0)
    stage = (await bench.rows("Orders@Stages"))[1]
    path = f"Orders({order['Id']})?$expand=Stage,Products"
    (moved,) = (await bench.ploomes("PATCH", path, {"StageId": stage["Id"], "Products": []})).json()["value"]
    assert (moved["Stage"]["Name"], moved["Products"]) == (stage["Name"], [])
    assert (await bench.rows("Orders?$filter=OrderNumber eq '1'"))[0]["Id"] == order["Id"]


async def test_users_account_and_interactions(bench: Bench) -> None:
    body = {"Name": "Rui", "Email": "rui@empresa.com.br", "ProfileId": 1}
    (user,) = (await bench.ploomes("POST", "Users", body)).json()["value"]
    assert user["Suspended"] is False
    assert (await bench.ploomes("POST", "Users", body)).status_code == 400
    (account,) = (await bench.ploomes("PATCH", "Account(0)", {"Name": "Outra"})).json()["value"]
    assert account["Name"] == "Outra"
    contact = await bench.contact()
    note = {"ContactId": contact["Id"], "Content": "<p>Recusado</p>"}
    (record,) = (await bench.ploomes("POST", "InteractionRecords", note)).json()["value"]
    assert record["Date"] is not None
    assert record["CreatorId"] == (await bench.rows("Self?$select=Id"))[0]["Id"]


async def test_duplicate_documents_have_a_switch(bench: Bench) -> None:
    await bench.contact(Register="11.222.333/0001-81")
    await bench.contact(Register="11222333000181")
    await bench.ploomes("PATCH", "Fields('contact_register')", {"Unique": True})
    again = await bench.ploomes("POST", "Contacts", {"Name": "A", "Register": "11222333000181"})
    assert again.status_code == 400
    await bench.ploomes("PATCH", "Fields('contact_register')", {"Unique": False})
    await bench.quirk(ploomes_duplicate_documents="rejected")
    answer = await bench.ploomes("POST", "Contacts", {"Name": "A", "Register": "11222333000181"})
    assert answer.status_code == 400


async def test_what_hangs_on_a_record_goes_with_it(bench: Bench) -> None:
    assert (await bench.ploomes("DELETE", "Fields('contact_name')")).status_code == 400
    made = await field(bench, type_id=7, OptionsTable={"Options": [{"Name": "Azul"}]})
    (option,) = made["OptionsTable"]["Options"]
    contact = await bench.contact(OtherProperties=[{"FieldKey": made["Key"], "IntegerValue": option["Id"]}])
    files = {"file": ("a.txt", b"a", "text/plain")}
    headers = {"User-Key": "sandbox-user-key"}
    await bench.http.post(f"/ploomes/Contacts({contact['Id']})/UploadFile", files=files, headers=headers)
    assert len(await bench.rows("Attachments")) == 1
    assert (await bench.ploomes("DELETE", f"Fields@OptionsTables({made['OptionsTableId']})")).status_code == 200
    assert await bench.rows("Fields@OptionsTables@Options") == []
    (row,) = await bench.rows("Contacts?$expand=OtherProperties")
    assert row["OtherProperties"] == []
    assert (await bench.rows(f"Fields?$filter=Key eq '{made['Key']}'"))[0]["OptionsTableId"] is None
    await bench.ploomes("DELETE", f"Contacts({contact['Id']})")
    assert await bench.rows("Attachments") == []

"""Ploomes' people, rights, files, notes, deals and tasks (ploomes-api.md 3.5, 3.6, 3.10, 3.11, 4 and 5)."""

from typing import Any

import pytest

from .conftest import USER_KEY, Bench
from .test_ploomes_sales import made, patched, sale

SCREEN = f"ploomes/{USER_KEY}/screen"
HOOK = "http://receiver/hook"


async def upload(bench: Bench, path: str, part: str = "file") -> Any:
    files = {part: ("nota.txt", b"conteudo", "text/plain")}
    return await bench.http.post(f"/ploomes/{path}", files=files, headers={"User-Key": USER_KEY})


async def test_a_log_in_answers_the_key(bench: Bench) -> None:
    body = {"Email": "admin@empresa.com.br", "Password": "sandbox"}
    answer = await bench.http.post("/ploomes/Self/Login?$select=Name,UserKey", json=body)
    assert answer.json()["value"] == [{"Name": "Administrador", "UserKey": f"{USER_KEY}-admin"}]
    assert (await bench.ploomes("GET", "Account", key=f"{USER_KEY}-admin")).status_code == 200
    for wrong in ({**body, "Password": "x"}, {"Email": "integracao@empresa.com.br", "Password": None}):
        assert (await bench.http.post("/ploomes/Self/Login", json=wrong)).status_code == 401


async def test_users_are_suspended_and_never_deleted(bench: Bench) -> None:
    body = {"Name": "Rui", "Email": "rui@empresa.com.br", "ProfileId": 1, "Integration": True, "Password": "x1"}
    user = await made(bench, "Users?$expand=Profile", **body)
    assert (user["Profile"]["Name"], user["Integration"], user["UserKey"]) == ("Administrador", True, None)
    assert "Password" not in user
    owners = [row["Id"] for row in await bench.rows("Users/GetContactOwners?$select=Id")]
    assert user["Id"] in owners
    contact = await bench.contact(OwnerId=user["Id"])
    assert (await bench.ploomes("DELETE", f"Users({user['Id']})")).status_code == 405
    assert (await patched(bench, f"Users({user['Id']})", Suspended=True))["Suspended"] is True
    assert user["Id"] not in [row["Id"] for row in await bench.rows("Users/GetOrderOwners?contactId=1")]
    (kept,) = await bench.rows(f"Contacts?$filter=Id eq {contact['Id']}&$expand=Owner")
    assert kept["Owner"]["Email"] == "rui@empresa.com.br"
    assert (await patched(bench, "Self(0)", Phone="1"))["AccountId"] == (await bench.rows("Account"))[0]["Id"]


async def test_a_profile_without_a_right_meets_403(bench: Bench) -> None:
    user = await made(bench, "Users", Name="Rui", Email="rui@x.test", ProfileId=2, Password="segredo")
    login = {"Email": "rui@x.test", "Password": "segredo"}
    key = (await bench.http.post("/ploomes/Self/Login", json=login)).json()["value"][0]["UserKey"]
    for path, body in (
        ("Fields", {"Name": "x", "EntityId": 1, "TypeId": 1}), ("Fields@OptionsTables", {"Name": "x"}),
        ("Webhooks", {"EntityId": 1, "ActionId": 1, "CallbackUrl": HOOK}),
        ("Users", {"Name": "x", "Email": "x@x.test", "ProfileId": 1}),
    ):  # fmt: skip
        assert (await bench.ploomes("POST", path, body, key=key)).status_code == 403, path
    other, own = await bench.contact(Name="Alheio"), await bench.contact(Name="Meu", OwnerId=user["Id"])
    assert len((await bench.ploomes("GET", "Contacts", key=key)).json()["value"]) == 2
    await bench.control("PATCH", f"{SCREEN}/Users@Profiles/2", {"ContactsView": 2})
    seen = (await bench.ploomes("GET", "Contacts?$count=true", key=key)).json()
    assert ([row["Id"] for row in seen["value"]], seen["@odata.count"]) == ([own["Id"]], 1)
    assert (await bench.ploomes("PATCH", f"Contacts({other['Id']})", {"Name": "x"}, key=key)).status_code == 404
    await bench.quirk(ploomes_visibility="forbidden")
    assert (await bench.ploomes("GET", "Contacts", key=key)).status_code == 403


async def test_files(bench: Bench) -> None:
    (file,) = (await upload(bench, "Attachments")).json()["value"]
    assert (file["FileName"], file["ContentType"], file["ContentLength"]) == ("nota.txt", "text/plain", 8)
    (kind,) = await bench.rows("Fields@Types?$filter=Name eq 'Anexo'")
    key = (await made(bench, "Fields", Name="Contrato", EntityId=1, TypeId=kind["Id"]))["Key"]
    contact = await bench.contact(OtherProperties=[{"FieldKey": key, "IntegerValue": file["Id"]}])
    assert contact["OtherProperties"][0]["AttachmentValueName"] == "nota.txt"
    await made(bench, "Webhooks", EntityId=1, ActionId=2, CallbackUrl=HOOK)
    bench.later(5)
    answer = await upload(bench, f"Contacts({contact['Id']})/UploadFile?$expand=Attachments", "arquivo")
    (row,) = answer.json()["value"]
    (attached,) = row["Attachments"]
    assert (attached["ContactId"], attached["EntityId"], attached["ItemId"]) == (contact["Id"], 1, contact["Id"])
    assert row["LastUpdateDate"] > contact["LastUpdateDate"]
    (event,) = await bench.delivered()
    assert (event["Action"], "Attachments" in event["New"]) == ("Update", False)
    assert (await bench.ploomes("DELETE", f"Attachments({attached['Id']})")).content == b""
    assert (await bench.rows("Contacts?$expand=Attachments"))[0]["Attachments"] == []
    (folder,) = await bench.rows("Attachments@Folders")
    (filed,) = (await upload(bench, f"Attachments@Items/FormData?folderId={folder['Id']}")).json()["value"]
    assert filed["FolderId"] == folder["Id"]
    product = await made(bench, "Products", Name="Caneta")
    (pictured,) = (await upload(bench, f"Products({product['Id']})/UploadImage")).json()["value"]
    assert pictured["ImageUrl"].endswith("/nota.txt")
    assert (await bench.ploomes("POST", "Attachments", {"FileName": "x"})).status_code == 400
    assert (await upload(bench, "Orders(1)/UploadFile")).status_code == 404


async def test_notes_and_comments(bench: Bench) -> None:
    contact = await bench.contact()
    note = await made(bench, "InteractionRecords", ContactId=contact["Id"], Content="<p>Recusado</p>", Title="Erro")
    path = f"InteractionRecords({note['Id']})"
    answer = await bench.ploomes("POST", f"{path}/NewComment?$expand=Comments", {"Content": "Visto"})
    assert [row["Content"] for row in answer.json()["value"][0]["Comments"]] == ["Visto"]
    assert (await bench.ploomes("POST", f"{path}/NewComment", {})).status_code == 400
    assert (await bench.ploomes("POST", f"{path}/NewExternalComment", {"Content": "x"})).status_code == 404
    (client,) = await bench.rows("Contacts?$select=Id,LastInteractionRecordId")
    assert client["LastInteractionRecordId"] == note["Id"]
    assert (await patched(bench, path, Content="Corrigido"))["Content"] == "Corrigido"
    assert (await bench.ploomes("DELETE", path)).status_code == 200
    assert await bench.rows(f"InteractionRecords?$filter=ContactId eq {contact['Id']}") == []
    assert (await bench.rows("Contacts"))[0]["LastInteractionRecordId"] is None
    order, _ = await sale(bench)
    answer = await bench.ploomes("POST", f"Orders({order['Id']})/NewExternalComment?$expand=Comments", {"Content": "x"})
    assert answer.json()["value"][0]["Comments"][0]["External"] is True


async def test_deals_are_won_lost_reopened_and_remembered(bench: Bench) -> None:
    for action in (4, 5, 6):
        await made(bench, "Webhooks", EntityId=2, ActionId=action, CallbackUrl=HOOK)
    contact = await bench.contact()
    deal = await made(bench, "Deals?$expand=Stage,Pipeline($expand=Stages)", Title="Venda", ContactId=contact["Id"])
    assert (deal["StatusId"], deal["ContactName"], deal["DealNumber"]) == (1, "Padaria", 1)
    assert deal["Stage"]["Id"] == deal["Pipeline"]["Stages"][0]["Id"]
    path = f"Deals({deal['Id']})"
    (won,) = (await bench.ploomes("POST", f"{path}/Win", {})).json()["value"]
    assert (won["StatusId"], won["FinishDate"] is None) == (2, False)
    assert (await bench.ploomes("POST", f"{path}/Lose", {})).status_code == 400
    (reason, *_) = await bench.rows("Deals@LossReasons")
    (lost,) = (await bench.ploomes("POST", f"{path}/Lose", {"LossReasonId": reason["Id"]})).json()["value"]
    assert (lost["StatusId"], lost["LossReasonId"]) == (3, reason["Id"])
    (again,) = (await bench.ploomes("POST", f"{path}/Reopen", {})).json()["value"]
    assert (again["StatusId"], again["FinishDate"]) == (1, None)
    assert [event["Action"] for event in await bench.delivered()] == ["Win", "Lose", "Reopen"]
    before = again["LastUpdateDate"].replace("+", "%2B")
    await bench.ploomes("DELETE", path)
    assert await bench.rows("Deals") == []
    gone = await bench.rows(f"Deals/GetDeletedDeals?$filter=LastUpdateDate ge {before}")
    assert [row["Id"] for row in gone] == [deal["Id"]]
    assert (await bench.ploomes("GET", "Contacts/GetDeletedContacts")).status_code == 404


async def test_tasks_finish(bench: Bench) -> None:
    await made(bench, "Webhooks", EntityId=12, ActionId=7, CallbackUrl=HOOK)
    (me,) = await bench.rows("Self")
    task = await made(bench, "Tasks?$expand=Users", Title="Ligar", DateTime="2026-03-01", Users=[{"UserId": me["Id"]}])
    assert task["Users"][0]["TaskId"] == task["Id"]
    answer = await bench.ploomes("POST", f"Tasks({task['Id']})/Finish", {"Finished": True, "Comments": "Feito"})
    assert answer.json()["value"][0]["Finished"] is True
    assert [event["Action"] for event in await bench.delivered()] == ["Finish"]


@pytest.mark.parametrize(
    ("name", "body", "edit"),
    [
        ("Tags", {"Name": "VIP", "EntityId": 1, "Color": "#FF0000"}, {"Color": "#00FF00"}),
        ("Contacts@Status", {"Name": "Frio"}, {"Discarded": True}),
        ("Contacts@Origins", {"Name": "Feira"}, {"Name": "Feira 2"}),
        ("Contacts@LinesOfBusiness", {"Name": "Agro"}, {"Name": "Agro 2"}),
        ("Departments", {"Name": "TI"}, {"Name": "TI 2"}), ("Roles", {"Name": "Sócio"}, {"Name": "Sócia"}),
        ("Cities", {"Name": "Nova", "StateId": 26, "CountryId": 76}, {"Name": "Nova Vila"}),
        ("Orders@Stages", {"Name": "Conferência"}, {"Ordination": 5}),
        ("Products@Lists", {"Name": "Promoção", "Editable": True}, {"Name": "Fim de linha"}),
    ],
)  # fmt: skip
async def test_look_ups_are_written_too(bench: Bench, name: str, body: dict[str, Any], edit: dict[str, Any]) -> None:
    row = await made(bench, name, **body)
    assert row | body == row
    changed = await patched(bench, f"{name}({row['Id']})", **edit)
    assert changed == row | edit | {n: changed[n] for n in changed if n == "LastUpdateDate"}
    assert (await bench.ploomes("DELETE", f"{name}({row['Id']})")).status_code == 200
    assert await bench.rows(f"{name}?$filter=Id eq {row['Id']}") == []


@pytest.mark.parametrize(
    "name",
    ["PhoneTypes", "Cities@Countries", "Cities@Countries@States", "Currencies", "Fields@Types", "Fields@Entities",
     "Contacts@Types", "Webhooks@Actions", "Users@Profiles", "Deals@Status", "Tags@Entities"],
)  # fmt: skip
async def test_the_vendors_own_tables_are_read_only(bench: Bench, name: str) -> None:
    assert await bench.rows(name)
    assert (await bench.ploomes("POST", name, {"Name": "x"})).status_code == 405


async def test_webhooks_register_twice_and_point_at_known_events(bench: Bench) -> None:
    body = {"EntityId": 1, "ActionId": 2, "CallbackUrl": HOOK, "ValidationKey": "sandbox-validation", "Active": True}
    rows = [await made(bench, "Webhooks", **body) for _ in range(2)]
    assert len({row["Id"] for row in rows}) == 2
    await patched(bench, f"Webhooks({rows[0]['Id']})", CallbackUrl="http://receiver/other", Active=0)
    contact = await bench.contact()
    await patched(bench, f"Contacts({contact['Id']})", Name="B")
    assert len(await bench.delivered()) == 1
    await bench.ploomes("DELETE", f"Webhooks({rows[1]['Id']})")
    assert [row["Active"] for row in await bench.rows("Webhooks")] == [False]
    for wrong in ({"EntityId": 999}, {"ActionId": 99}, {"CallbackUrl": None}):
        assert (await bench.ploomes("POST", "Webhooks", {**body, **wrong})).status_code == 400

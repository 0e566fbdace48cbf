"""Ploomes' reading side: key, envelope, OData subset, paging, limit (ploomes-api.md 1)."""

import asyncio
import re

import pytest

from app.sandbox.ploomes.query import Options
from app.sandbox.ploomes.register import Register
from app.sandbox.ploomes.schema import SETS

from .conftest import Bench


async def test_key_is_checked_and_suspended_users_are_out(bench: Bench) -> None:
    assert (await bench.ploomes("GET", "Self", key="wrong")).status_code == 401
    (me,) = await bench.rows("Self?$select=Id,UserKey,Integration,AccountId")
    assert (me["UserKey"], me["Integration"]) == ("sandbox-user-key", True)
    admin = await bench.rows("Users?$filter=AccountOwner eq true")
    assert admin[0]["UserKey"] is None
    await bench.ploomes("PATCH", f"Users({me['Id']})", {"Suspended": True})
    assert (await bench.ploomes("GET", "Self")).status_code == 401


async def test_list_shows_nulls_and_brasilia_dates(bench: Bench) -> None:
    await bench.contact(Name="Padaria", Birthday="2001-02-03")
    (row,) = await bench.rows("Contacts")
    assert row["CPF"] is None
    assert row["Birthday"] == "2001-02-03T00:00:00-03:00"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?-03:00", row["LastUpdateDate"])
    assert "Phones" not in row


async def test_get_by_key_put_and_unknown_sets_are_refused(bench: Bench) -> None:
    contact = await bench.contact()
    assert (await bench.ploomes("GET", f"Contacts({contact['Id']})")).status_code == 404
    assert (await bench.ploomes("PUT", f"Contacts({contact['Id']})", {})).status_code == 405
    assert (await bench.ploomes("GET", "Contacts@Phones")).status_code == 404
    assert (await bench.ploomes("DELETE", "Users(1)")).status_code == 405


FILTERS = [
    ("Register eq '11222333000181' or CNPJ eq '1'", ["Alfa"]),
    ("LegalName eq null", ["Beta", "D'Ávila"]),
    ("LegalName ne null and not startswith(Name,'B')", ["Alfa"]),
    ("contains(tolower(Name),'d''á')", ["D'Ávila"]),
    ("endswith(Email,'.com.br')", ["Beta"]),
    ("City/IBGECode eq 3550308", ["Alfa"]),
    ("City/State/Short eq 'SP'", ["Alfa"]),
    ("Tags/any(t: t/Tag/Name eq 'VIP')", ["Beta"]),
    ("Phones/any(p: p/PhoneNumber eq '(11) 3000-0000')", ["Alfa"]),
    ("Phones/any()", ["Alfa"]),
    ("(TypeId eq 2) and StatusId gt 0", ["D'Ávila"]),
    ("CreateDate gt 2020-01-01T00:00:00-03:00 and TypeId le 1", ["Alfa", "Beta"]),
    ("HasScheduledTasks", []),
]


@pytest.mark.parametrize(("expression", "names"), FILTERS)
async def test_filter_subset(bench: Bench, expression: str, names: list[str]) -> None:
    (tag,) = (await bench.ploomes("POST", "Tags", {"Name": "VIP", "EntityId": 1})).json()["value"]
    (city,) = await bench.rows("Cities?$filter=IBGECode eq 3550308")
    await bench.contact(Name="Alfa", Register="11222333000181", LegalName="Alfa Ltda", CityId=city["Id"],
                        Phones=[{"PhoneNumber": "(11) 3000-0000"}])  # fmt: skip
    await bench.contact(Name="Beta", Email="b@beta.com.br", Tags=[{"TagId": tag["Id"]}])
    await bench.contact(Name="D'Ávila", TypeId=2)
    answer = await bench.http.get(
        "/ploomes/Contacts",
        params={"$filter": expression, "$orderby": "Name"},
        headers={"User-Key": "sandbox-user-key"},
    )
    assert answer.status_code == 200, answer.text
    assert [row["Name"] for row in answer.json()["value"]] == names


@pytest.mark.parametrize(
    "query",
    [
        "Contacts?$filter=Cor eq 1", "Contacts?$filter=Name eq 1", "Contacts?$filter=Id in (1,2)",
        "Contacts?$filter=Id eq", "Contacts?$filter=CreateDate gt 2020-01-01", "Contacts?$filter=length(Name) gt 3",
        "Contacts?$filter=CreateDate gt 2020-01-01T00:00:00", "Contacts?$filter=Phones/all(p: p/Id gt 1)",
        "Users?$select=Active", "Contacts?$orderby=contact_x", "Contacts?$expand=Cidade", "Contacts?$top=x",
        "Contacts?$expand=City($filtro=1)",
    ],
)  # fmt: skip
async def test_what_a_query_may_not_say(bench: Bench, query: str) -> None:
    answer = await bench.ploomes("GET", query)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


async def test_expand_nests_with_options(bench: Bench) -> None:
    (city,) = await bench.rows("Cities?$filter=IBGECode eq 3304557")
    company = await bench.contact(Name="Empresa", CityId=city["Id"])
    for name in ("Zélia", "Ana", "Bia"):
        await bench.contact(Name=name, TypeId=2, CompanyId=company["Id"])
    (row,) = await bench.rows(
        f"Contacts?$filter=Id eq {company['Id']}&$select=Id&$expand=City($select=Name;$expand=State($select=Short)), "
        "Contacts($select=Name;$orderby=Name;$top=2;$filter=Name ne 'Bia'),Owner"
    )
    assert row == {
        "Id": company["Id"],
        "City": {"Name": "Rio de Janeiro", "State": {"Short": "RJ"}},
        "Contacts": [{"Name": "Ana"}, {"Name": "Zélia"}],
        "Owner": None,
    }
    deep = "Contacts?$expand=Company($expand=Company($expand=Company($expand=Company($expand=City))))"
    assert (await bench.ploomes("GET", deep)).status_code == 400


async def test_pages_of_300_with_next_link_and_count(bench: Bench) -> None:
    first = (await bench.ploomes("GET", "Cities?$select=Id&$count=true&$orderby=Id desc")).json()
    assert len(first["value"]) == 300
    rest = (await bench.http.get(first["@odata.nextLink"], headers={"User-Key": "sandbox-user-key"})).json()
    assert len(rest["value"]) + 300 == first["@odata.count"]
    assert "@odata.nextLink" not in rest
    capped = (await bench.ploomes("GET", "Cities?$top=1000&$skip=10")).json()
    assert len(capped["value"]) == 300
    assert "@odata.nextLink" not in capped


async def test_120_a_minute_then_429(bench: Bench) -> None:
    await bench.quirk(ploomes_retry_after=True)
    answers = [await bench.ploomes("GET", "Account?$select=Id") for _ in range(121)]
    assert [answer.status_code for answer in answers[118:]] == [200, 200, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    bench.later(61)
    assert (await bench.ploomes("GET", "Account")).status_code == 200
    counters = (await bench.control("GET", "counters"))["ploomes"]["sandbox-user-key"]
    assert counters["refusals"] == {"rate": 1}
    assert counters["requests"]["GET Account"] == 122


async def test_reference_sets(bench: Bench) -> None:
    assert [row["Name"] for row in await bench.rows("Contacts@Types")] == ["Empresa", "Pessoa"]
    assert [(row["Id"], row["Name"]) for row in await bench.rows("PhoneTypes")] == [
        (1, "Comercial"), (2, "Celular"), (3, "Residencial"), (4, "Fax"),
    ]  # fmt: skip
    assert [row["Name"] for row in await bench.rows("Contacts@Status")] == ["Ativo", "Inativo", "Prospect"]
    assert len(await bench.rows("Cities@Countries@States?$filter=CountryId eq 76")) == 27
    assert (await bench.rows("Cities@Countries?$filter=Id eq 76"))[0]["Short1"] == "BR"
    assert (await bench.rows("Currencies?$filter=Id eq 1"))[0]["Code"] == "BRL"
    types = {row["Id"]: row["NativeType"] for row in await bench.rows("Fields@Types")}
    assert types | {1: "String", 2: "BigString", 4: "Integer", 5: "Decimal", 7: "Integer", 10: "Bool"} == types
    assert {row["Id"] for row in await bench.rows("Fields@Entities")} >= {1, 4, 10}
    assert await bench.rows("Fields?$filter=EntityId eq 1 and Dynamic eq true") == []
    (form,) = await bench.rows("Forms?$filter=EntityId eq 1&$expand=Fields($expand=Field)")
    assert form["Fields"][0]["Field"]["Key"] == "contact_name"
    assert (await bench.rows("Account@Integrations?$expand=Integration($expand=Fields)")) == []


async def test_switches_of_reading(bench: Bench) -> None:
    await bench.quirk(ploomes_any_forbidden=True, ploomes_error_shape="message", ploomes_visible_after_s=30)
    answer = await bench.ploomes("GET", "Contacts?$filter=OtherProperties/any(o: o/FieldKey eq 'x')")
    assert (answer.status_code, list(answer.json())) == (403, ["Message"])
    await bench.contact()
    assert await bench.rows("Contacts") == []
    bench.later(31)
    assert len(await bench.rows("Contacts")) == 1


async def test_requests_overlap(bench: Bench) -> None:
    await bench.quirk(ploomes_latency_ms=20)
    answers = await asyncio.gather(*(bench.ploomes("GET", "Account") for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}


ODD_FILTERS = [
    ("Id gt {first} and Id lt {last}", ["B"]), ("Id ge {last} or Id lt {last}", ["A", "B", "C"]),
    ("Id gt {first} or Name eq 'A'", ["A", "B", "C"]), ("not (Name eq 'A' or Name eq 'C')", ["B"]),
    ("Latitude eq -23.5", ["A"]), ("Latitude lt 0 and Latitude gt -30.25", ["A"]), ("Latitude ne null", ["A", "B"]),
    ("null eq Latitude", ["C"]), ("EmailMarketing eq true", ["B"]), ("EmailMarketing ne true", ["A", "C"]),
    ("contains(Note, 'São & Cia (1)')", ["B"]), ("startswith(tolower(Note),'são')", ["B"]),
    ("Birthday eq 2001-02-03T00:00:00-03:00", ["A"]), ("Birthday lt 2001-02-03T03:00:01Z", ["A"]),
    ("Company/Name eq 'A'", ["C"]), ("Company/Company/Name eq 'A'", []), ("Contacts/any(c: c/Name eq 'C')", ["A"]),
    ("OtherProperties/any(o: o/FieldId eq {field} and o/IntegerValue gt 5)", ["B"]),
    ("OtherProperties/any(o: o/FieldKey eq '{key}' and (o/IntegerValue eq 7 or o/IntegerValue eq 3))", ["A", "B"]),
    ("not OtherProperties/any(o: o/FieldKey eq '{key}')", ["C"]),
    ("Phones/any(p: p/Type/Name eq 'Fax') and not Tags/any()", ["B"]),
    ("Id eq {last} and Name eq 'A'", []), ("Creator/Integration", ["A", "B", "C"]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "names"), ODD_FILTERS)
async def test_more_of_the_filter_subset(bench: Bench, expression: str, names: list[str]) -> None:
    made = await bench.ploomes("POST", "Fields", {"Name": "Nível", "EntityId": 1, "TypeId": 4})
    (field,) = made.json()["value"]
    level = [[{"FieldKey": field["Key"], "IntegerValue": number}] for number in (3, 7)]
    first = await bench.contact(Name="A", Latitude=-23.5, Birthday="2001-02-03", OtherProperties=level[0])
    fax = [{"PhoneNumber": "1", "TypeId": 4}]
    await bench.contact(Name="B", Latitude=-30.25, EmailMarketing=True, Note="São & Cia (1)", Phones=fax,
                        OtherProperties=level[1])  # fmt: skip
    last = await bench.contact(Name="C", TypeId=2, CompanyId=first["Id"])
    text = expression.format(first=first["Id"], last=last["Id"], field=field["Id"], key=field["Key"])
    answer = await bench.http.get(
        "/ploomes/Contacts", params={"$filter": text, "$orderby": "Name"}, headers={"User-Key": "sandbox-user-key"}
    )
    assert answer.status_code == 200, answer.text
    assert [row["Name"] for row in answer.json()["value"]] == names


@pytest.mark.parametrize(
    "query",
    [
        "Contacts?$filter=toupper(Name) eq 'A'", "Contacts?$filter=Id add 1 eq 2", "Contacts?$filter=Phones/Id eq 1",
        "Contacts?$filter=City eq 1", "Contacts?$filter=City/any(c: c/Id eq 1)", "Contacts?$filter=x/Name eq 'A'",
        "Contacts?$filter=Phones/any(p: q/Id eq 1)", "Contacts?$filter=contains(Id,'1')", "Contacts?$filter=Name",
        "Contacts?$filter=Name eq 'D'Ávila'", "Contacts?$filter=LastUpdateDate gt '2026-01-01T00:00:00-03:00'",
        "Contacts?$orderby=Phones/Id", "Contacts?$orderby=Name up", "Contacts?$skip=-1", "Contacts?$expand=Name",
        "Contacts?$expand=Phones($top=x)", "Contacts?$expand=City($expand=Nada)", "Contacts?$select=Id,Cor",
        "Contacts?$filter=OtherProperties/any(o: o/Valor eq 1)", "Contacts?$filter=Name eq 'A' AND",
    ],
)  # fmt: skip
async def test_more_of_what_a_query_may_not_say(bench: Bench, query: str) -> None:
    await bench.contact(Name="A")
    answer = await bench.ploomes("GET", query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"]


async def test_a_keyset_scan_meets_every_row_once(bench: Bench) -> None:
    await bench.quirk(ploomes_page_cap=7)
    ids = [(await bench.contact(Name=f"C{number % 3}"))["Id"] for number in range(20)]
    seen, last = [], 0
    while page := await bench.rows(f"Contacts?$filter=Name ne 'C1' and Id gt {last}&$orderby=Id&$select=Id,Name"):
        seen += [row["Id"] for row in page]
        last = seen[-1]
        if len(seen) == 7:
            await bench.ploomes("DELETE", f"Contacts({ids[0]})")
            await bench.ploomes("DELETE", f"Contacts({ids[11]})")
    assert seen == [number for place, number in enumerate(ids) if place % 3 != 1 and place != 11]


async def test_orders_pages_and_counts(bench: Bench) -> None:
    for name, owner in (("B", 1), ("A", 1), ("C", 0)):
        (user,) = await bench.rows(f"Users?$filter=AccountOwner eq {'true' if owner else 'false'}")
        await bench.contact(Name=name, OwnerId=user["Id"])
    rows = await bench.rows("Contacts?$orderby=Owner/Name, Name desc&$select=Name , Id")
    assert [row["Name"] for row in rows] == ["B", "A", "C"]
    answer = (await bench.ploomes("GET", "Contacts?$top=0&$count=true&$filter=Name ne 'A'")).json()
    assert (answer["value"], answer["@odata.count"]) == ([], 2)
    assert await bench.rows("Contacts?$skip=50") == []
    assert [row["Name"] for row in await bench.rows("Contacts?$orderby=Id desc&$top=1&$skip=1")] == ["A"]
    assert set(rows[0]) == {"Name", "Id"}
    assert "@odata.context" in answer
    plus = await bench.ploomes("GET", "Contacts?$filter=Name+eq+'A'&preload=true&qualquer=1")
    assert [row["Name"] for row in plus.json()["value"]] == ["A"]


async def test_singletons_answer_a_list_of_one(bench: Bench) -> None:
    for name in ("Self", "Account"):
        answer = (await bench.ploomes("GET", f"{name}?$top=5&$count=true")).json()
        assert (len(answer["value"]), answer["@odata.count"]) == (1, 1)
        changed = await bench.ploomes("PATCH", f"{name}(0)?$select=Id", {"Name": "Outro"})
        assert changed.json()["value"] == [{"Id": answer["value"][0]["Id"]}]
        assert (await bench.ploomes("DELETE", f"{name}(0)")).status_code == 405


def test_a_page_by_id_stops_reading_when_it_is_full() -> None:
    register, asked = Register(), []
    for number in range(1000):
        register[number] = {"Id": number, "Name": "A"}
    options = Options(SETS["Contacts"], top=10, after=500)
    options.predicate = lambda row: not asked.append(row["Id"])
    rows, found = options.page(register.after(500), 10)
    assert [row["Id"] for row in rows] == list(range(501, 511))
    assert (asked, found) == (list(range(501, 512)), 11)
    del register[505]
    register[2000] = {"Id": 2000, "Name": "B"}
    assert [row["Id"] for row in register.after(503)][:3] == [504, 506, 507]
    assert register.ordered()[-1]["Id"] == 2000

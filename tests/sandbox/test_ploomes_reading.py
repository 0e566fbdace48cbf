"""Ploomes' reading side: key, envelope, OData subset, paging, limit (ploomes-api.md 1)."""

import asyncio
import re

import pytest

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

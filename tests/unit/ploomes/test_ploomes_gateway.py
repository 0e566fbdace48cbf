"""What the Ploomes gateway sends and how it reads answers, over a vendor that answers from a script."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.core import wire
from app.core.db import Database
from app.core.errors import Fault, Postponed, VendorError
from app.core.odata import address, any_of, custom_equal, equal, literal
from app.core.ports import Key
from app.ploomes.calls import SETS, filter_of, masked
from app.ploomes.client import PloomesCredentials
from app.ploomes.faults import classify
from tests.vendor_rig import USER_KEY, ManualClock, PloomesRig, json, ploomes

ANSWER = Path(__file__).parents[2] / "payloads" / "ploomes" / "answer_contact.json"
NOTHING: dict[str, Any] = {"value": []}


@pytest.fixture
def hands() -> ManualClock:
    return ManualClock()


def rows(*ids: int, **more: Any) -> dict[str, Any]:
    return {"value": [{"Id": one, **more} for one in ids]}


def asked(rig: PloomesRig, place: int = -1) -> dict[str, str]:
    """The query options of a request, decoded."""
    query = urlsplit(str(rig.vendor.requests[place].url)).query
    return {name: values[0] for name, values in parse_qs(query).items()}


# --- envelope and quoting -------------------------------------------------------------------------------------------


async def test_a_record_is_read_by_filter_with_everything_expanded(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, wire.loads(ANSWER.read_bytes())["body"])
    record = await rig.gateway().fetch("clients", "501")
    request = rig.vendor.requests[0]
    assert (request.method, request.url.host, request.url.path) == ("GET", "public-api2.ploomes.com", "/Contacts")
    assert request.headers["User-Key"] == USER_KEY
    assert USER_KEY not in str(request.url)
    assert asked(rig)["$filter"] == "Id eq 501"
    for part in ("Phones($expand=Type)", "Tags($expand=Tag)", "OtherProperties", "City($expand=State)", "Owner"):
        assert part in asked(rig)["$expand"]
    assert record is not None
    assert (record.id, record.data["ZipCode"], record.read_at) == ("501", 1310100, hands.now())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("O'Brien", "'O''Brien'"),
        (7, "7"),
        (Decimal("1.50"), "1.50"),
        (True, "true"),
        (None, "null"),
        (datetime(2026, 4, 30, 3, 0, tzinfo=UTC), "2026-04-30T03:00:00.000+00:00"),
    ],
)
def test_literals(value: object, expected: str) -> None:
    assert literal(value) == expected


def test_filters_and_addresses() -> None:
    assert any_of(equal("Id", 1)) == "Id eq 1"
    assert any_of(equal("Id", 1), equal("Id", 2)) == "(Id eq 1 or Id eq 2)"
    assert custom_equal("contact_X", "StringValue", "o'k") == (
        "OtherProperties/any(o: o/FieldKey eq 'contact_X' and o/StringValue eq 'o''k')"
    )
    assert address("Contacts@Status", {"$filter": "Name eq 'a+b & c'", "$top": None, "$expand": ""}) == (
        "Contacts@Status?$filter=Name%20eq%20%27a%2Bb%20%26%20c%27"
    )


async def test_an_awkward_text_arrives_as_it_was_meant(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, NOTHING)
    await rig.gateway().find("tags", Key("name", "D'Ávila & Cia + 100% #1?", {"entity_id": "1"}))
    assert asked(rig)["$filter"] == "Name eq 'D''Ávila & Cia + 100% #1?' and EntityId eq 1"


# --- absence --------------------------------------------------------------------------------------------------------


async def test_absence_needs_two_answers_and_a_living_witness(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, rows(9), NOTHING, NOTHING, rows(9))
    gateway = rig.gateway()
    await gateway.fetch("clients", "9")
    with pytest.raises(Postponed) as first:
        await gateway.fetch("clients", "501")
    assert (first.value.seconds, first.value.cause) == (5.0, "absence")
    hands.at += 5
    assert await gateway.fetch("clients", "501") is None
    assert asked(rig)["$filter"] == "(Id eq 501 or Id eq 9)"


async def test_an_impatient_second_look_waits_for_the_rest(db: Database, hands: ManualClock) -> None:
    gateway = ploomes(db, hands, NOTHING).gateway()
    for passed, left in ((0.0, 5.0), (2.0, 3.0)):
        hands.at += passed
        with pytest.raises(Postponed) as postponed:
            await gateway.fetch("clients", "501")
        assert postponed.value.seconds == pytest.approx(left)


async def test_an_answer_without_the_witness_does_not_count(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, rows(9), NOTHING)
    gateway = rig.gateway()
    await gateway.fetch("clients", "9")
    with pytest.raises(Postponed):
        await gateway.fetch("clients", "501")
    hands.at += 5
    with pytest.raises(VendorError) as silent:
        await gateway.fetch("clients", "501")
    assert silent.value.fault is Fault.TRANSIENT


async def test_a_process_that_knows_no_witness_looks_for_one(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, NOTHING, NOTHING, rows(7), rows(7))
    with pytest.raises(Postponed):
        await rig.gateway().fetch("clients", "501")
    hands.at += 5
    assert await rig.gateway().fetch("clients", "501") is None
    assert asked(rig, 2)["$top"] == "1"
    assert asked(rig, 3)["$filter"] == "(Id eq 501 or Id eq 7)"


async def test_a_record_that_shows_up_again_was_never_gone(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, NOTHING, rows(501), NOTHING)
    with pytest.raises(Postponed):
        await rig.gateway().fetch("clients", "501")
    hands.at += 5
    assert await rig.gateway().fetch("clients", "501") is not None
    with pytest.raises(Postponed) as again:
        await rig.gateway().fetch("clients", "501")
    assert again.value.seconds == 5.0, "the count starts anew"


# --- finding --------------------------------------------------------------------------------------------------------


@pytest.mark.feature("F055", "F056", "F086")
def test_a_document_is_searched_with_and_without_mask() -> None:
    found = filter_of("clients", Key("document", "12.345.678/0001-95"))
    assert found is not None
    for path in ("Register", "CNPJ", "CPF"):
        assert f"{path} eq '12345678000195'" in found
        assert f"{path} eq '12.345.678/0001-95'" in found
    assert masked("12ABC34501DE35") == "12.ABC.345/01DE-35"
    assert masked("12345678909") == "123.456.789-09"
    assert masked("123") == "123"


async def test_the_witness_of_a_search_is_no_hit(db: Database, hands: ManualClock) -> None:
    hit = {"Id": 501, "Register": "12345678000195"}
    rig = ploomes(db, hands, {"value": [hit, {"Id": 9, "Register": None}]}, {"value": [hit]})
    key = Key("document", "12345678000195")
    found = await rig.gateway().find("clients", key, control="9")
    assert [record.id for record in found] == ["501"]
    assert asked(rig)["$filter"].endswith(" or Id eq 9)")
    with pytest.raises(VendorError) as silent:
        await rig.gateway().find("clients", key, control="9")
    assert silent.value.fault is Fault.TRANSIENT


async def test_a_witness_that_has_the_key_itself_is_a_hit(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, {"value": [{"Id": 9, "Register": "12.345.678/0001-95"}]})
    found = await rig.gateway().find("clients", Key("document", "12345678000195"), control="9")
    assert [record.id for record in found] == ["9"]


def carrying(external_id: int, value: str) -> dict[str, Any]:
    return {"Id": external_id, "OtherProperties": [{"FieldKey": "contact_K", "StringValue": value}]}


async def test_a_contact_is_found_by_the_omie_id_it_carries(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, {"value": [carrying(501, "4001"), carrying(9, "x")]})
    found = await rig.gateway().find("clients", Key("omie_id", "4001", {"field": "contact_K"}), control="9")
    assert [record.id for record in found] == ["501"]


async def test_an_account_that_refuses_the_filter_is_searched_by_crawling(db: Database, hands: ManualClock) -> None:
    crawl = [{"value": [carrying(1, "x"), carrying(2, "4001")]}, NOTHING]
    rig = ploomes(db, hands, json({"error": {"message": "Sem permissão"}}, 403), *crawl, *crawl)
    key = Key("omie_id", "4001", {"field": "contact_K"})
    for calls in (3, 5):
        hands.at += 2
        found = await rig.gateway().find("clients", key, control="9")
        assert [record.id for record in found] == ["2"]
        assert len(rig.vendor.requests) == calls, "refused once, remembered after"


@pytest.mark.parametrize("total", [1, 3])
async def test_a_search_by_crawling_does_not_believe_an_early_end(db: Database, hands: ManualClock, total: int) -> None:
    cut = [{"value": [carrying(1, "x")], "@odata.count": total}, NOTHING]
    rig = ploomes(db, hands, json({"error": {"message": "Sem permissão"}}, 403), *cut)
    with pytest.raises(VendorError) as caught:
        await rig.gateway().find("clients", Key("omie_id", "4001", {"field": "contact_K"}), control="9")
    assert (caught.value.fault, caught.value.tag) == (Fault.TRANSIENT, "control" if total == 1 else None)


@pytest.mark.parametrize(
    ("entity", "key", "expected"),
    [
        ("users", Key("email", "Ana@Example.com"), "tolower(Email) eq 'ana@example.com'"),
        ("cities", Key("ibge", "3550308"), "IBGECode eq 3550308"),
        ("cities", Key("name", "São Paulo", {"uf": "SP"}), "Name eq 'São Paulo' and State/Short eq 'SP'"),
        ("states", Key("uf", "SP", {"country_id": "76"}), "Short eq 'SP' and CountryId eq 76"),
        ("fields", Key("external_key", "ponte_omie_id"), "SendExternalKey eq 'ponte_omie_id'"),
        ("products", Key("code", "00123"), "Code eq '00123'"),
        ("form_fields", Key("FormId", "7"), "FormId eq 7"),
    ],
)
@pytest.mark.feature("F066", "F190")
def test_natural_keys(entity: str, key: Key, expected: str) -> None:
    assert filter_of(entity, key) == expected


async def test_many_records_take_one_call_for_fifty(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, rows(*range(1, 50)), rows(51))
    found = await rig.gateway().fetch_many("clients", [str(one) for one in range(1, 52)])
    assert (len(found), len(rig.vendor.requests)) == (50, 2)


# --- crawling -------------------------------------------------------------------------------------------------------


@pytest.mark.feature("F276")
async def test_a_crawl_goes_by_rising_id_and_ends_on_an_empty_page(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, {**rows(1, 5), "@odata.count": 3}, rows(8), NOTHING)
    pages = [page async for page in rig.gateway().pages("clients")]
    assert [[record.id for record in page.records] for page in pages] == [["1", "5"], ["8"], []]
    assert [(page.cursor, page.total) for page in pages] == [("5", 3), ("8", 3), (None, 3)]
    queries = [asked(rig, place) for place in range(3)]
    assert [query.get("$filter") for query in queries] == [None, "Id gt 5", "Id gt 8"]
    assert {(query["$orderby"], query["$top"]) for query in queries} == {("Id", "300")}
    assert [query.get("$count") for query in queries] == ["true", None, None]


async def test_a_sweep_asks_only_for_what_changed_since(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, NOTHING)
    since = datetime(2026, 11, 22, 12, 0, 0, 500_000, tzinfo=UTC)
    [page async for page in rig.gateway().pages("clients", since=since, cursor="7")]
    assert asked(rig)["$filter"] == "Id gt 7 and LastUpdateDate gt 2026-11-22T09:00:00.500-03:00"


async def test_a_singleton_is_a_list_of_one(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, rows(77))
    (page,) = [page async for page in rig.gateway().pages("self")]
    assert [record.id for record in page.records] == ["77"]
    assert "$filter" not in asked(rig)


# --- writing --------------------------------------------------------------------------------------------------------


async def test_a_write_answers_the_whole_record(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, rows(501, Name="Padaria"))
    written = await rig.gateway().write("clients", "create", None, {"Name": "Padaria", "UnitPrice": Decimal("90.50")})
    request = rig.vendor.requests[0]
    assert (request.method, request.url.path, written.id) == ("POST", "/Contacts", "501")
    assert written.data == {"Id": 501, "Name": "Padaria"}
    assert request.content == b'{"Name":"Padaria","UnitPrice":90.50}'
    assert "OtherProperties" in asked(rig)["$expand"]
    await rig.gateway().write("clients", "update", "501", {"Name": None})
    assert (rig.vendor.requests[1].method, rig.vendor.requests[1].url.path) == ("PATCH", "/Contacts(501)")
    assert rig.vendor.requests[1].content == b'{"Name":null}'


async def test_text_keys_are_quoted_and_singletons_are_zero(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, {"value": [{"Id": 1, "Key": "contact_X"}]})
    written = await rig.gateway().write("fields", "update", "contact_X", {"Disabled": True})
    await rig.gateway().write("account", "update", None, {"Name": "x"})
    assert written.id == "contact_X"
    assert [urlsplit(str(request.url)).path for request in rig.vendor.requests] == [
        "/Fields('contact_X')",
        "/Account(0)",
    ]


async def test_a_delete_answers_nothing_and_what_is_gone_is_gone(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, httpx.Response(200), httpx.Response(404))
    for _ in range(2):
        assert (await rig.gateway().write("clients", "delete", "501", {})).id == "501"
    assert rig.vendor.requests[0].method == "DELETE"


async def test_a_create_that_returns_nothing_is_uncertain(db: Database, hands: ManualClock) -> None:
    for answer in (NOTHING, httpx.Response(200)):
        with pytest.raises(VendorError) as unsure:
            await ploomes(db, hands, answer).gateway().write("clients", "create", None, {"Name": "x"})
        assert unsure.value.fault is Fault.UNCERTAIN
        hands.at += 120


async def test_ids_that_are_no_numbers_never_leave(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, NOTHING)
    for act in (rig.gateway().fetch("clients", "1 or true"), rig.gateway().write("clients", "delete", "1)", {})):
        with pytest.raises(VendorError) as refused:
            await act
        assert not refused.value.sent
    assert rig.vendor.requests == []


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "content", "expected", "text"),
    [
        (401, b'{"Message":"Unauthorized"}', Fault.CREDENTIALS, "Unauthorized"),
        (403, b'{"error":{"code":"","message":"Sem permiss\xc3\xa3o"}}', Fault.INVALID, "Sem permissão"),
        (404, b"", Fault.NOT_FOUND, "HTTP 404"),
        (400, '{"error":{"message":"Já existe um cliente com este CNPJ"}}'.encode(), Fault.DUPLICATE, None),
        (400, '{"error":{"message":"Etiqueta não encontrada"}}'.encode(), Fault.MISSING_REFERENCE, None),
        (400, b'{"error":"Invalid column"}', Fault.INVALID, "Invalid column"),
        (405, b"<html><style>x{}</style><h1>Not allowed</h1></html>", Fault.INVALID, "Not allowed"),
        (413, b"plain words", Fault.INVALID, "plain words"),
        (429, b"", Fault.RATE_LIMITED, "HTTP 429"),
        (500, b"<h1>Runtime Error</h1>", Fault.TRANSIENT, "Runtime Error"),
        (503, b"\xff\xfe\x00", Fault.TRANSIENT, None),
        (504, b"", Fault.TRANSIENT, None),
        (418, b"[]", Fault.UNKNOWN, "HTTP 418"),
        (302, b"", Fault.UNKNOWN, "HTTP 302"),
    ],
)
def test_every_kind_of_refusal(status: int, content: bytes, expected: Fault, text: str | None) -> None:
    error = classify(status, content, {}, "GET Contacts")
    assert (error.fault, error.status) == (expected, status)
    assert text is None or error.text == text


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", 60.0), (None, 60.0)])
def test_how_long_a_429_asks_for(header: str | None, seconds: float) -> None:
    headers = {} if header is None else {"retry-after": header}
    assert classify(429, b"", headers, "GET Contacts").wait == seconds


@pytest.mark.parametrize("content", [b"<h1>ok</h1>", b"", b"[]", b'{"value":7}', b"null"])
async def test_a_good_status_without_the_envelope_is_no_answer(
    db: Database, hands: ManualClock, content: bytes
) -> None:
    with pytest.raises(VendorError) as failed:
        await ploomes(db, hands, httpx.Response(200, content=content)).gateway().fetch("clients", "1")
    assert failed.value.fault is Fault.TRANSIENT


def test_credentials_never_show() -> None:
    credentials = PloomesCredentials(USER_KEY, "account-1")
    assert USER_KEY not in repr(credentials) + str(credentials)


@pytest.mark.parametrize("name", SETS)
def test_every_row_of_the_set_table_is_sound(name: str) -> None:
    row = SETS[name]
    assert row.path[0].isupper()
    assert row.expand.count("(") == row.expand.count(")")
    assert row.key in ("Id", "Key")
    assert row.verbs <= {"create", "update", "delete"}


async def test_what_ploomes_does_not_serve_never_leaves(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, NOTHING)
    for entity, verb, one in (("users", "delete", "7"), ("phone_types", "create", None), ("clients", "explode", "7")):
        with pytest.raises(VendorError) as refused:
            await rig.gateway().write(entity, verb, one, {})
        assert not refused.value.sent
    assert rig.vendor.requests == []

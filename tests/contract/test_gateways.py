"""Both gateways over the sandbox, which was written from the vendors' references alone: limits, faults, look-ups.

The contract itself, the same for fakes and for every reading of the references, is `test_contract.py`.
"""

import asyncio
import uuid
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, Postponed, VendorError
from app.core.http import Funnel
from app.core.limit_redis import RedisLimitStore
from app.core.ports import JsonObject, Key, Priority
from app.omie.calls import SETS as OMIE_SETS
from app.omie.client import OmieClient, OmieCredentials
from app.omie.gateway import OmieGateway
from app.ploomes.calls import SETS as PLOOMES_SETS
from app.ploomes.client import PloomesClient, PloomesCredentials
from app.ploomes.gateway import PloomesGateway
from tests.contract.cases import CASES, PRODUCT, SERVICE
from tests.contract.rig import BASE, SPEED, Vendors, behind_the_wire, every, patient
from tests.vendor_rig import APP_KEY, APP_SECRET, limiter

DOCUMENT = "11.444.777/0001-61"
BODIES: dict[str, JsonObject] = {
    "omie": {
        "codigo_cliente_integracao": "PLOOMES-900",
        "razao_social": "Padaria Exemplo Ltda",
        "nome_fantasia": "Padaria Exemplo",
        "cnpj_cpf": DOCUMENT,
        "email": "contato@example.com",
    },
    "ploomes": {
        "TypeId": 1,
        "Name": "Padaria Exemplo",
        "LegalName": "Padaria Exemplo Ltda",
        "Register": "11444777000161",
        "Email": "contato@example.com",
    },
}
EMAIL = {"omie": "email", "ploomes": "Email"}


async def furnish(vendors: Vendors, name: str) -> None:
    """What a new company has none of is typed by a person, or sold."""
    if name == "families":
        await vendors.put("omie", "families", {"codFamilia": "MOV", "nomeFamilia": "Móveis"})
    if name == "projects":
        await vendors.put("omie", "projects", {"nome": "Obra A"})
    if name in ("products", "stock"):
        product = await vendors.put("omie", "products", PRODUCT)
        if name == "stock":
            await vendors.screen("omie", "stock", {"product": int(product), "kind": "ENT", "quantity": 3})
    if name == "services":
        await vendors.put("omie", "services", SERVICE)
    document = next((case for case in CASES if case.vendor == "omie" and case.entity == SOLD.get(name)), None)
    if document is not None:
        room = behind_the_wire(vendors, "omie")
        body = await document.body(room)
        written = await room.gateway.write(document.entity, "create", None, body)
        for verb, change, _ in document.verbs:
            await patient(partial(room.gateway.write, document.entity, verb, written.id, change), vendors.clock)


SOLD = {"orders": "orders", "order_moves": "orders", "service_orders": "service_orders"}


@pytest.mark.parametrize("name", [name for name, row in OMIE_SETS.items() if row.listing and not row.listing.needs])
@pytest.mark.feature("F276", "F277", "F278")
async def test_every_omie_set_can_be_crawled(vendors: Vendors, name: str) -> None:
    await furnish(vendors, name)
    records = await every(vendors.omie(), name)
    assert records
    assert len({record.id for record in records}) == len(records)


@pytest.mark.parametrize("name", [name for name, row in OMIE_SETS.items() if row.listing and row.consult])
async def test_a_record_reads_the_same_in_a_list_and_alone(vendors: Vendors, name: str) -> None:
    """Only what is empty may be missing from one of the two (reference 2.4)."""
    await furnish(vendors, name)
    listed = (await every(vendors.omie(), name))[-1]
    alone = await patient(partial(vendors.omie().consult, name, listed.id), vendors.clock)
    listing = OMIE_SETS[name].listing
    assert listing is not None
    assert alone.id == listed.id
    assert filled(alone.data, listing.untold) == filled(listed.data, listing.untold)


def filled(value: Any, untold: frozenset[str] = frozenset()) -> Any:
    """A record without what is empty."""
    if isinstance(value, dict):
        kept = {name: filled(one) for name, one in value.items() if name not in untold}
        return {name: one for name, one in kept.items() if one not in (None, "", 0, [], {})}
    return [filled(one) for one in value] if isinstance(value, list) else value


MAY_BE_EMPTY = {
    "webhooks", "interaction_records", "orders", "products", "groups", "options_tables", "options", "form_fields",
    "forms", "order_products", "quote_products", "product_parts", "attachments", "account_integrations", "tags",
    "product_lists",
}  # fmt: skip
"""A new account has none of these."""


@pytest.mark.parametrize("name", PLOOMES_SETS)
async def test_every_ploomes_set_can_be_crawled(vendors: Vendors, name: str) -> None:
    records = await every(vendors.ploomes(), name)
    assert len({record.id for record in records}) == len(records)
    if name not in MAY_BE_EMPTY:
        assert records


@pytest.mark.feature("F012", "F190")
async def test_sellers_and_users_are_found_by_mail(vendors: Vendors) -> None:
    seller = (await every(vendors.omie(), "sellers"))[0]
    email = seller.data["email"].upper()
    assert seller.id in [record.id for record in await vendors.omie().find("sellers", Key("email", email))]
    user = next(u for u in await every(vendors.ploomes(), "users") if u.data["Email"])
    found = await vendors.ploomes().find("users", Key("email", user.data["Email"].upper()))
    assert [record.id for record in found] == [user.id]


@pytest.mark.feature("F066")
async def test_cities_are_found_on_both_sides(vendors: Vendors) -> None:
    (by_name,) = await vendors.omie().find("cities", Key("name", "São Paulo", {"uf": "SP"}))
    (by_code,) = await vendors.omie().find("cities", Key("ibge", "3550308"))
    (there,) = await vendors.ploomes().find("cities", Key("ibge", "3550308"))
    (named,) = await vendors.ploomes().find("cities", Key("name", "São Paulo", {"uf": "SP"}))
    assert by_name.data == by_code.data
    assert there.id == named.id


@pytest.mark.feature("F069")
async def test_tags_are_added_and_taken_one_by_one(vendors: Vendors) -> None:
    gateway, clock = vendors.omie(), vendors.clock
    written = await gateway.write("clients", "create", None, {**BODIES["omie"], "tags": [{"tag": "Cliente"}]})
    for verb, tag in (("include_tags", "VIP"), ("include_tags", "Atacado"), ("exclude_tags", "VIP")):
        await patient(lambda v=verb, t=tag: gateway.write("clients", v, written.id, {"tags": [{"tag": t}]}), clock)
    record = await patient(lambda: gateway.fetch("clients", written.id), clock)
    assert {row["tag"] for row in record.data["tags"]} == {"Cliente", "Atacado"}
    assert await vendors.refusals() == {}


@pytest.mark.feature("F086")
async def test_a_duplicate_names_the_record_that_is_there(vendors: Vendors) -> None:
    gateway = vendors.omie()
    written = await gateway.write("clients", "create", None, BODIES["omie"])
    with pytest.raises(VendorError) as duplicate:
        await gateway.write("clients", "create", None, {**BODIES["omie"], "codigo_cliente_integracao": "PLOOMES-901"})
    error = duplicate.value
    assert (error.fault, error.existing_id, error.existing_code) == (Fault.DUPLICATE, written.id, "PLOOMES-900")


async def test_our_code_finds_our_record(vendors: Vendors) -> None:
    gateway = vendors.omie()
    written = await gateway.write("clients", "create", None, BODIES["omie"])
    (found,) = await gateway.find("clients", Key("integration_code", "PLOOMES-900"))
    assert found.id == written.id
    assert await gateway.find("clients", Key("integration_code", "PLOOMES-999")) == []


async def test_a_custom_value_finds_its_contact_with_and_without_the_filter(vendors: Vendors) -> None:
    gateway, clock = vendors.ploomes(), vendors.clock
    (kind,) = [t for t in await every(gateway, "field_types") if t.data["Name"] == "Texto simples"]
    field = await gateway.write(
        "fields", "create", None, {"Name": "Id (Omie)", "EntityId": 1, "TypeId": int(kind.id), "Required": False}
    )
    await gateway.write("fields", "update", field.id, {"SendExternalKey": "ponte_omie_id"})
    (again,) = await gateway.find("fields", Key("external_key", "ponte_omie_id"))
    assert again.id == field.id
    value = [{"FieldKey": field.id, "StringValue": "4001"}]
    written = await patient(
        lambda: gateway.write("clients", "create", None, {**BODIES["ploomes"], "OtherProperties": value}), clock
    )
    assert written.data is not None
    assert [row["StringValue"] for row in written.data["OtherProperties"]] == ["4001"]
    control = next(record.id for record in await every(gateway, "clients") if record.id != written.id)
    key = Key("omie_id", "4001", {"field": field.id})
    for forbidden in (False, True):
        await vendors.quirk(ploomes_any_forbidden=forbidden)
        found = await patient(lambda: gateway.find("clients", key, control=control), clock)
        assert [record.id for record in found] == [written.id]


async def test_a_file_goes_as_a_form(vendors: Vendors) -> None:
    gateway, clock = vendors.ploomes(), vendors.clock
    file = {"FileName": "nota nº 7.pdf", "ContentType": "application/pdf", "Content": b"%PDF-1.7\r\n--x\r\n"}
    written = await gateway.write("attachments", "create", None, file)
    (kept,) = await every(gateway, "attachments")
    assert (kept.id, kept.data["FileName"]) == (written.id, "nota nº 7.pdf")
    assert (kept.data["ContentType"], kept.data["ContentLength"]) == ("application/pdf", len(file["Content"]))
    await patient(lambda: gateway.write("attachments", "delete", written.id, {}), clock)
    assert await every(gateway, "attachments") == []
    with pytest.raises(VendorError) as refused:
        await gateway.write("attachments", "create", None, {"FileName": "x"})
    assert not refused.value.sent


async def test_wrong_credentials_are_told_apart(vendors: Vendors) -> None:
    funnel = vendors.omie_client.funnel
    wrong_omie = OmieClient(funnel, OmieCredentials(APP_KEY, "another-secret"), f"{BASE}/omie/api/v1/")
    wrong_ploomes = PloomesClient(funnel, PloomesCredentials("another-key", "account-1"), f"{BASE}/ploomes/")
    for gateway in (OmieGateway(wrong_omie), PloomesGateway(wrong_ploomes)):
        with pytest.raises(VendorError) as refused:
            await gateway.fetch("clients", "1")
        assert refused.value.fault is Fault.CREDENTIALS


@pytest.mark.parametrize(
    "quirks",
    [
        {"omie_fault_http_200": True},
        {"omie_fault_without_code": True},
        {"omie_html_entities": True},
        {"ploomes_error_shape": "html"},
        {"ploomes_error_shape": "empty"},
    ],
    ids=str,
)
async def test_the_doubtful_readings_make_no_difference(vendors: Vendors, quirks: JsonObject) -> None:
    await vendors.quirk(**quirks)
    body = {**BODIES["omie"], "nome_fantasia": "Bar d'Oeste"}
    written = await vendors.omie().write("clients", "create", None, body)
    record = await vendors.omie().fetch("clients", written.id)
    assert record is not None
    assert record.data["nome_fantasia"] == "Bar d'Oeste"
    assert await vendors.omie().fetch("clients", "999999") is None
    with pytest.raises(VendorError) as refused:
        await vendors.ploomes().write("clients", "create", None, {"Name": "x", "Unicorn": 1})
    assert refused.value.fault in (Fault.INVALID, Fault.MISSING_REFERENCE)


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.feature("F268", "F269", "F270", "F272")
async def test_a_storm_of_reads_and_writes_meets_no_refusal(vendors: Vendors) -> None:
    await vendors.quirk(omie_latency_ms=5, ploomes_rate_per_minute=100_000)
    clock = vendors.clock
    ids = [
        record.id
        for record in await every(vendors.omie(), "clients")
        if record.data["razao_social"].upper() != "CLIENTE CONSUMIDOR"
    ]

    async def work(number: int) -> None:
        one = ids[number % len(ids)]
        await patient(lambda: vendors.omie().fetch("clients", one), clock, 900)
        await patient(
            lambda: vendors.omie(Priority.BULK).write("clients", "update", one, {"contato": f"Pessoa {number}"}),
            clock,
            900,
        )

    await asyncio.gather(*(work(number) for number in range(4 * len(ids))))
    assert await vendors.refusals() == {}


@pytest.mark.services
@pytest.mark.feature("F268", "F269")
async def test_two_processes_together_meet_no_refusal(vendors: Vendors, book: Database, redis_url: str) -> None:
    await vendors.quirk(omie_latency_ms=5)
    prefix = f"test:{uuid.uuid4().hex}:"
    processes = []
    for _ in range(2):
        clock = Clock(SPEED)
        store = RedisLimitStore(Redis.from_url(redis_url), clock, prefix)
        funnel = Funnel(limiter(book, clock, store, patience=1.0), clock, transport=vendors.transport)
        processes.append((clock, OmieClient(funnel, OmieCredentials(APP_KEY, APP_SECRET), f"{BASE}/omie/api/v1/")))

    ids = [record.id for record in await every(OmieGateway(processes[0][1]), "clients")]

    async def work(number: int) -> None:
        clock, client = processes[number % 2]
        gateway = OmieGateway(client, Priority.BULK if number % 3 else Priority.LIVE)
        await patient(lambda: gateway.fetch_many("clients", [ids[number // 2]]), clock, 900)
        await patient(lambda: gateway.find("sellers", Key("email", f"{number}@example.com")), clock, 900)

    await asyncio.gather(*(work(number) for number in range(16)))
    assert await vendors.refusals() == {}
    for _, client in processes:
        await client.funnel.limiter.close()
        await client.funnel.close()


@pytest.mark.feature("F271")
async def test_ploomes_teaches_its_pace_once(vendors: Vendors) -> None:
    clock = vendors.clock
    refused: list[Fault] = []
    for number in range(1, 260):
        try:
            await patient(lambda n=number: vendors.ploomes().fetch_many("users", [str(n)]), clock, 200)
        except VendorError as error:
            refused.append(error.fault)
    # a machine too busy to reach the vendor's limit is refused nothing; one that does is refused once, never again
    assert refused in ([], [Fault.RATE_LIMITED])
    assert (await vendors.refusals()).get("ploomes.rate", 0) == len(refused)


async def test_a_block_is_sat_out_without_a_call(vendors: Vendors) -> None:
    await vendors.quirk(omie_error_limit=1, omie_block_s=120)
    assert await vendors.omie().fetch("clients", "999999") is None
    with pytest.raises(VendorError) as blocked:
        await vendors.omie().fetch("clients", "999998")
    assert blocked.value.fault is Fault.BLOCKED
    before = await vendors.refusals()
    for _ in range(5):
        with pytest.raises(Postponed):
            await vendors.omie().fetch("clients", "999997")
    assert await vendors.refusals() == before
    await vendors.quirk(omie_error_limit=10)
    assert await patient(lambda: vendors.omie().fetch("clients", "999997"), vendors.clock, 200) is None

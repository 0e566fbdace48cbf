"""What every gateway promises, whatever is behind it: a fake in memory, the wire to the sandbox, and the sandbox under
each other reading of what the vendors' references leave doubtful."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from app.core.errors import Fault, Postponed, VendorError
from app.core.ports import JsonObject, Key, Record
from app.omie.calls import SETS as OMIE_SETS
from app.sandbox.quirks import QUIRKS
from tests.contract.cases import CASES, Case, Room, value_at
from tests.contract.rig import Vendors, behind_the_wire, every
from tests.fakes import FakeGateway, FakeOmie, FakePloomes
from tests.vendor_rig import ManualClock

STRANGER = "999999999999"

NUMBERS = {
    "omie_page_cap": (3,),
    "ploomes_page_cap": (2,),
    "ploomes_missing_status": (400, 200),
    "ploomes_visible_after_s": (3,),
}
"""Doubtful figures; other figures are knobs of the sandbox, not readings."""
NO_READINGS = re.compile("omie_limits|.*(webhook|event|deleted_body|finish|put_status|is_duplicate)")
"""Knobs, what only notices carry (the e2e proofs read those), and calls that no gateway makes."""


def readings(vendor: str) -> list[JsonObject]:
    """Every other value of every switch for what the references leave doubtful; a new switch joins by itself."""
    found: list[JsonObject] = []
    for name, quirk in QUIRKS.items():
        if not name.startswith(vendor) or NO_READINGS.match(name):
            continue
        if isinstance(quirk.default, bool):
            found.append({name: not quirk.default})
        found += [{name: choice} for choice in quirk.choices or () if choice != quirk.default]
        found += [{name: number} for number in NUMBERS.get(name, ())]
    return found


TOLD: dict[tuple[str, str], Fault] = {
    ("ploomes_flat_products=refused", "orders"): Fault.INVALID,
}
"""Readings under which a record cannot be written as it is: the refusal is told, never hidden."""


def in_memory(vendor: str) -> Room:
    """The fake."""
    clock = ManualClock()
    fake: FakeGateway = FakeOmie(clock) if vendor == "omie" else FakePloomes(clock)

    async def nothing() -> dict[str, int]:
        return {}

    return Room(vendor, fake, clock, clock.sleep, fake.put, nothing)


@pytest.fixture(params=["fake", "sandbox"])
def open_room(request: pytest.FixtureRequest) -> Callable[[str], Room]:
    """Opens the room of a vendor: in memory, or over the wire to the sandbox."""
    if request.param == "fake":
        return in_memory
    vendors: Vendors = request.getfixturevalue("vendors")
    return lambda vendor: behind_the_wire(vendors, vendor)


async def comes(room: Room, act: Callable[[], Any]) -> Any:
    """What the jobs do: come back when a limit says so."""
    for _ in range(20):
        try:
            return await act()
        except Postponed as postponed:
            await room.wait(postponed.seconds + 0.1)
    raise AssertionError("postponed for ever")


def holds(record: Record | None, *facts: tuple[str, Any]) -> None:
    assert record is not None
    for path, value in facts:
        assert value_at(record.data, path) == value, (path, record.data)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.vendor}-{case.entity}")
@pytest.mark.feature("F003", "F009")
async def test_a_record_is_created_found_read_edited_and_deleted(open_room: Callable[[str], Room], case: Case) -> None:
    room = open_room(case.vendor)
    gateway, entity = room.gateway, case.entity
    body = await comes(room, lambda: case.body(room))
    if case.beside:
        await comes(room, lambda: gateway.write(entity, "create", None, {**body, **case.beside}))
    written = await comes(room, lambda: gateway.write(entity, "create", None, body))
    assert [record.id for record in await comes(room, lambda: gateway.find(entity, case.key))] == [written.id]
    holds(await comes(room, lambda: gateway.fetch(entity, written.id)), case.kept)
    await comes(room, lambda: gateway.write(entity, "update", written.id, case.edit))
    holds(await comes(room, lambda: gateway.fetch(entity, written.id)), case.kept, case.edited)
    for verb, change, fact in case.verbs:
        await comes(room, lambda v=verb, c=change: gateway.write(entity, v, written.id, c))
        holds(await comes(room, lambda: gateway.fetch(entity, written.id)), fact)
    for _ in range(2):
        gone = await comes(room, lambda: gateway.write(entity, "delete", written.id, {}))
        assert gone.id == written.id
    assert await comes(room, lambda: gateway.fetch(entity, written.id)) is None
    assert await room.refusals() == {}


@pytest.mark.parametrize("case", [case for case in CASES if case.last], ids=lambda case: f"{case.vendor}-{case.entity}")
@pytest.mark.feature("F167")
async def test_what_is_cancelled_stays_and_says_so(open_room: Callable[[str], Room], case: Case) -> None:
    room = open_room(case.vendor)
    gateway, entity = room.gateway, case.entity
    body = await comes(room, lambda: case.body(room))
    written = await comes(room, lambda: gateway.write(entity, "create", None, body))
    for verb, change, fact in case.last * 2:  # a repeat after a lost answer finds it done
        await comes(room, lambda v=verb, c=change: gateway.write(entity, v, written.id, c))
        holds(await comes(room, lambda: gateway.fetch(entity, written.id)), fact)


@pytest.mark.parametrize("vendor", ["omie", "ploomes"])
@pytest.mark.feature("F276")
async def test_a_crawl_is_whole_resumable_and_may_be_narrowed(open_room: Callable[[str], Room], vendor: str) -> None:
    room = open_room(vendor)
    for number in range(7):
        await room.put("clients", numbered(vendor, number))
    await room.wait(120)
    everybody = [record.id for record in await every(room.gateway, "clients")]
    assert len(everybody) == len(set(everybody)) >= 7
    await room.wait(61)  # Omie takes the same list once a minute
    pages = [page async for page in room.gateway.pages("clients")]
    assert all(page.complete for page in pages)
    assert pages[-1].cursor is None or not pages[-1].records
    await room.wait(61)
    rest = [page async for page in room.gateway.pages("clients", cursor=pages[0].cursor)] if pages[0].cursor else []
    assert [*(r.id for r in pages[0].records), *(r.id for page in rest for r in page.records)] == everybody
    since = room.clock.now()
    await room.wait(60)
    late = await room.put("clients", numbered(vendor, 8))
    seen = [r.id async for page in room.gateway.pages("clients", since=since) for r in page.records]
    assert seen == [late]
    within = {"tag": "Raro"} if vendor == "omie" else {"name": "Cliente 8"}
    narrowed = [r.id async for page in room.gateway.pages("clients", within=within) for r in page.records]
    assert narrowed == [late]


def numbered(vendor: str, number: int) -> JsonObject:
    name = f"Cliente {number}"
    if vendor == "ploomes":
        return {"TypeId": 1, "Name": name}
    tags = [{"tag": "Raro"}] if number == 8 else []
    document = ("11222333000181", "11444777000161", "12345678000195", "34028316000103", "33000167000101",
                "60746948000112", "00000000000191", "", "90400888000142")[number]  # fmt: skip
    exterior = {} if document else {"estado": "EX", "cidade": "EX", "codigo_pais": "2496"}
    return {
        "codigo_cliente_integracao": f"C-{number}", "razao_social": name, "nome_fantasia": name,
        "cnpj_cpf": document, "tags": tags, **exterior,
    }  # fmt: skip


@pytest.mark.parametrize("vendor", ["omie", "ploomes"])
async def test_strangers_are_left_out(open_room: Callable[[str], Room], vendor: str) -> None:
    room = open_room(vendor)
    one = await room.put("clients", numbered(vendor, 1))
    found = await room.gateway.fetch_many("clients", [one, STRANGER])
    assert list(found) == [one]
    assert await room.gateway.find("clients", Key("document", "29979036000140")) == []


@pytest.mark.parametrize("vendor", ["omie", "ploomes"])
@pytest.mark.parametrize(
    "act",
    [
        lambda gateway: gateway.fetch("unicorns", "1"),
        lambda gateway: gateway.fetch_many("unicorns", ["1"]),
        lambda gateway: gateway.find("clients", Key("horn", "1")),
        lambda gateway: every(gateway, "unicorns"),
        lambda gateway: anext(gateway.pages("clients", within={"horn": "1"})),
        lambda gateway: gateway.write("clients", "explode", "1", {}),
        lambda gateway: gateway.write("clients", "update", None, {}),
        lambda gateway: gateway.write("phone_types" if gateway.vendor == "ploomes" else "cities", "create", None, {}),
    ],
    ids=["fetch", "fetch_many", "find", "pages", "within", "verb", "no id", "read only"],
)
async def test_what_the_vendor_does_not_serve_never_leaves(
    open_room: Callable[[str], Room], vendor: str, act: Callable[..., Any]
) -> None:
    room = open_room(vendor)
    with pytest.raises(VendorError) as refused:
        await act(room.gateway)
    assert (refused.value.fault, refused.value.sent) == (Fault.INVALID, False)


@pytest.mark.parametrize("case", [case for case in CASES if case.vendor == "omie"], ids=lambda case: case.entity)
@pytest.mark.feature("F086")
async def test_a_second_create_with_our_code_names_what_is_there(open_room: Callable[[str], Room], case: Case) -> None:
    room = open_room("omie")
    gateway, entity = room.gateway, case.entity
    body = await comes(room, lambda: case.body(room))
    written = await comes(room, lambda: gateway.write(entity, "create", None, body))
    await room.wait(61)
    with pytest.raises(VendorError) as duplicate:
        await comes(room, lambda: gateway.write(entity, "create", None, body))
    error = duplicate.value
    assert error.fault is Fault.DUPLICATE
    assert error.existing_id in (None, written.id)
    assert error.existing_id or str(error.existing_code) in str(body)


READINGS = [
    pytest.param(case, reading, id=f"{case.vendor}-{case.entity}-{next(iter(reading))}={next(iter(reading.values()))}")
    for case in CASES
    for reading in readings(case.vendor)
]


@pytest.mark.parametrize(("case", "reading"), READINGS)
async def test_the_other_reading_makes_no_difference(vendors: Vendors, case: Case, reading: JsonObject) -> None:
    await vendors.quirk(**reading)
    room = behind_the_wire(vendors, case.vendor)
    gateway, entity = room.gateway, case.entity
    body = await comes(room, lambda: case.body(room))
    ((name, value),) = reading.items()
    told = TOLD.get((f"{name}={value}", entity))
    if told is not None:
        with pytest.raises(VendorError) as refused:
            await gateway.write(entity, "create", None, body)
        assert refused.value.fault is told
        return
    written = await comes(room, lambda: gateway.write(entity, "create", None, body))

    async def found() -> list[str]:
        return [record.id for record in await gateway.find(entity, case.key)]

    async def seen() -> Record | None:
        return await gateway.fetch(entity, written.id)

    if name == "ploomes_visible_after_s":
        await room.wait(value)
    assert await comes(room, found) == [written.id]
    await comes(room, lambda: gateway.write(entity, "update", written.id, case.edit))
    holds(await comes(room, seen), case.kept, case.edited)
    await comes(room, lambda: gateway.write(entity, "delete", written.id, {}))
    if case.vendor == "ploomes" or OMIE_SETS[entity].by_code:  # the same look-up would cost Omie's minute
        assert await comes(room, lambda: gateway.fetch_many(entity, [written.id])) == {}
    assert await room.refusals() == {}

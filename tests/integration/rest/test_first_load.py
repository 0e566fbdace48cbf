"""The first load: links before it creates, gives equal fields their base, and plans writes for the off-hours."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.cli_resync import follow
from app.core.errors import Postponed
from app.core.ports import JsonObject, Priority
from app.sync.config.document import OffHours
from app.sync.models import Event, EventState, KnownRecord, Link, Resync, WriteEntry, WriteState
from app.sync.passes import first_load
from app.sync.passes.first_load import NEVER
from tests.factories import notice
from tests.integration.rest.fakes import FakeVendors
from tests.integration.rest.rig import FixedClock, Parts

CNPJ = ("11222333000181", "11444777000161", "34028316000103", "33000167000101", "00000000000191")


def client(number: int, document: str | None, **changes: Any) -> JsonObject:
    """An Omie client."""
    return {
        "codigo_cliente_omie": 1000 + number,
        "codigo_cliente_integracao": "",
        "razao_social": f"Cliente {number} Ltda",
        "nome_fantasia": f"Cliente {number}",
        "cnpj_cpf": document or "",
        "pessoa_fisica": "N",
        "email": f"c{number}@x.test",
        "inativo": "N",
        "exterior": "N",
        "tags": [{"tag": "Cliente"}],
        **changes,
    }


def contact(number: int, document: str | None, **changes: Any) -> JsonObject:
    """The same as Ploomes keeps it, with Ponte's field filled where told."""
    return {
        "Id": 2000 + number,
        "TypeId": 1,
        "Name": f"Cliente {number}",
        "LegalName": f"Cliente {number} Ltda",
        "Register": document,
        "Email": f"c{number}@x.test",
        "StatusId": 21,
        "Phones": [],
        "Tags": [{"TagId": 5, "Tag": {"Id": 5, "Name": "Cliente"}}],
        "OtherProperties": [],
        **changes,
    }


async def load(ponte: Parts, clock: FixedClock) -> Resync:
    """Runs the load to its end."""
    for _ in range(40):
        await ponte.first_load.tick()
        async with ponte.db.read() as session:
            row = (await session.scalars(select(Resync))).one()
        if row.state not in ("scheduled", "running"):
            break
        clock.ahead += 1
    return row


async def rows(ponte: Parts, table: type[Any]) -> list[Any]:
    async with ponte.db.read() as session:
        return list(await session.scalars(select(table).order_by(table.id)))


async def pairs_of(ponte: Parts, entity: str) -> list[tuple[str, str]]:
    return [(link.omie_id, link.ploomes_id) for link in await rows(ponte, Link) if link.entity == entity]


async def activate(api: httpx.AsyncClient, shop: dict[str, Any], start: str = "window") -> None:
    answer = await api.post(f"/integrations/{shop['id']}/activate", json={"start": start})
    assert answer.status_code == 200, answer.text


@pytest.mark.feature("F086")
async def test_who_watches_a_load_is_told_of_the_writes_to_come(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    vendors.omie.sets["clients"] = [client(1, CNPJ[0])]
    await activate(api, shop, "now")  # at whatever hour this runs
    done = await load(ponte, clock)
    seen = await follow(ponte, done, wait=False, json_output=True)  # type: ignore[arg-type]
    assert (done.state, seen["state"]) == ("completed", "running")
    assert seen["progress"]["records_left"] > 0


@pytest.mark.feature("F086", "F012", "F190", "F191")
async def test_certain_pairs_are_linked_and_the_rest_is_planned(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    vendors.omie.sets["clients"] = [
        client(1, CNPJ[0]),
        client(2, CNPJ[1], codigo_cliente_integracao="PLOOMES-2002"),
        client(3, CNPJ[2]),
        client(4, None),
    ]
    vendors.ploomes.sets["clients"] = [
        contact(1, CNPJ[0]),
        contact(2, None),
        contact(5, CNPJ[3]),
        contact(6, None, TypeId=2, CompanyId=2001),
    ]
    await activate(api, shop)
    written_before = [call for call in vendors.omie.calls + vendors.ploomes.calls if call[0] == "create"]
    done = await load(ponte, clock)
    assert done.state == "completed", done.progress
    assert await pairs_of(ponte, "clients") == [("1001", "2001")]
    assert await pairs_of(ponte, "sellers") == [("71", "32")]
    plan = done.plan["entities"]["clients"]
    assert (plan["link"], plan["create_in_ploomes"], plan["create_in_omie"]) == (2, 1, 1)
    assert (plan["missing_document"], plan["contact_person"]) == (2, 1)
    events = {(event.vendor, event.external_id) for event in await rows(ponte, Event)}
    assert events == {("omie", "1001"), ("omie", "1002"), ("omie", "1003"), ("ploomes", "2005")}
    assert [call for call in vendors.omie.calls + vendors.ploomes.calls if call[0] == "create"] == written_before
    assert done.plan["entities"]["sellers"]["link"] == 1
    assert vendors.opened[-1] is Priority.BULK


async def test_an_id_in_either_record_is_certain(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    vendors.ploomes.sets["fields"] = [{"Id": 1, "Key": "contact_old", "Name": "Id (Omie)", "EntityId": 1, "TypeId": 1}]
    vendors.omie.sets["clients"] = [
        client(1, CNPJ[0], codigo_cliente_integracao="PLOOMES-2009"),
        client(2, CNPJ[1]),
    ]
    earlier = [{"FieldKey": "contact_old", "StringValue": "1002"}]
    vendors.ploomes.sets["clients"] = [contact(9, CNPJ[2]), contact(8, CNPJ[3], OtherProperties=earlier)]
    await activate(api, shop)
    assert (await load(ponte, clock)).state == "completed"
    assert set(await pairs_of(ponte, "clients")) == {("1001", "2009"), ("1002", "2008")}


async def test_a_document_on_two_records_is_no_certain_pair(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    vendors.omie.sets["clients"] = [client(1, CNPJ[0])]
    vendors.ploomes.sets["clients"] = [contact(1, CNPJ[0]), contact(2, CNPJ[0])]
    await activate(api, shop)
    done = await load(ponte, clock)
    assert await pairs_of(ponte, "clients") == []
    assert done.plan["entities"]["clients"]["conflict"] >= 2


async def test_equal_fields_get_their_base_and_differing_ones_wait(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    vendors.omie.sets["clients"] = [client(1, CNPJ[0], email="novo@x.test")]
    vendors.ploomes.sets["clients"] = [contact(1, CNPJ[0])]
    await activate(api, shop)
    await load(ponte, clock)
    link = next(link for link in await rows(ponte, Link) if link.entity == "clients")
    assert link.omie_base["name"] == link.ploomes_base["name"] == "Cliente 1"
    assert "email" not in link.omie_base
    assert "omie_id" not in link.omie_base  # it has yet to be written
    (event,) = await rows(ponte, Event)
    assert (event.source, event.priority, event.topic) == ("resync", Priority.BULK, "first_load")


@pytest.mark.feature("F262", "F263")
@pytest.mark.parametrize("start", ["window", "now"])
async def test_writes_wait_for_the_window_unless_told_otherwise(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock, start: str
) -> None:
    vendors.omie.sets["clients"] = [client(1, CNPJ[0])]
    document = (await api.get(f"/integrations/{shop['id']}/config")).json()
    soon = (clock.now().hour + 12) % 24
    document["window"] = {"start": f"{soon:02}:00", "end": f"{soon:02}:30", "all_day": [], "holidays": False,
                          "time_zone": "UTC"}  # fmt: skip
    assert (await api.put(f"/integrations/{shop['id']}/config", json=document)).status_code == 200
    await activate(api, shop, start)
    await load(ponte, clock)
    (event,) = await rows(ponte, Event)
    wait = event.due_at - clock.time()
    assert wait <= 0 if start == "now" else wait > 3600


async def test_a_load_goes_on_where_it_stopped(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    vendors.omie.sets["clients"] = [client(number, None) for number in range(1, 8)]
    await activate(api, shop)
    pages: list[str] = []

    def limit(verb: str, entity: str) -> None:
        if entity == "clients":
            pages.append(entity)
            if len(pages) == 2:
                raise Postponed(30, "limite")

    vendors.omie.fail = limit
    await ponte.first_load.tick()
    (paused,) = await rows(ponte, Resync)
    assert paused.state == "running"
    assert paused.due_at > clock.time() + 25
    assert len(await rows(ponte, KnownRecord)) > 0
    clock.ahead += 31
    assert (await load(ponte, clock)).state == "completed"
    assert len(pages) == 4  # three pages and the one that was refused


async def test_what_changed_while_reading_is_left_to_its_event(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    vendors.omie.sets["clients"] = [client(1, CNPJ[0])]
    vendors.ploomes.sets["clients"] = [contact(1, CNPJ[0])]
    await activate(api, shop)
    await ponte.inbox.store(shop["id"], notice("1001"), None)
    await load(ponte, clock)
    assert await pairs_of(ponte, "clients") == []
    assert ("ploomes", "2001") in {(event.vendor, event.external_id) for event in await rows(ponte, Event)}


async def test_snapshots_do_not_stay(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    vendors.omie.sets["clients"] = [client(1, CNPJ[0], codigo_cliente_integracao="PLOOMES-1")]
    await activate(api, shop)
    await load(ponte, clock)
    known = await rows(ponte, KnownRecord)
    assert not any("load" in row.data or row.entity == "client_codes" for row in known)
    assert [row.natural_key for row in known if row.entity == "clients"] == [CNPJ[0]]


async def test_a_load_that_cannot_read_says_so_and_tries_again_later(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    await activate(api, shop)

    def broken(verb: str, entity: str) -> None:
        raise RuntimeError("boom")

    vendors.omie.fail = broken
    for _ in range(8):
        await ponte.first_load.tick()
        clock.ahead += 4000
    (failed,) = await rows(ponte, Resync)
    assert failed.state == "failed"
    assert "RuntimeError" in failed.progress["problem"]
    (issue,) = (await api.get(f"/integrations/{shop['id']}/issues")).json()["items"]
    assert (issue["cause"], "RuntimeError" in issue["detail"]) == ("first_load_failed", True)
    vendors.omie.fail = lambda verb, entity: None
    await activate(api, shop)
    assert [row.state for row in await rows(ponte, Resync)] == ["failed", "scheduled"]


async def test_a_failed_load_is_tried_again_the_next_day_and_its_issue_closes(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    await activate(api, shop)

    def broken(verb: str, entity: str) -> None:
        raise RuntimeError("boom")

    vendors.omie.fail = broken
    for _ in range(8):
        await ponte.first_load.tick()
        clock.ahead += 4000
    vendors.omie.fail = lambda verb, entity: None
    await ponte.first_load.tick()
    assert [row.state for row in await rows(ponte, Resync)] == ["failed"]
    clock.ahead += 86400
    assert (await load(ponte, clock)).state == "completed"
    assert (await api.get(f"/integrations/{shop['id']}/issues")).json()["items"] == []


@pytest.mark.parametrize("vendor", ["omie", "ploomes"])
async def test_a_list_that_was_cut_short_is_read_again(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock, vendor: str
) -> None:
    vendors.omie.sets["clients"] = [client(number, None) for number in range(1, 8)]
    vendors.ploomes.sets["clients"] = [contact(number, None) for number in range(1, 8)]
    await activate(api, shop)
    getattr(vendors, vendor).cut["clients"] = 4
    await ponte.first_load.tick()
    (row,) = await rows(ponte, Resync)
    assert "4 de 7" in row.progress["problem"]
    clock.ahead += 31
    done = await load(ponte, clock)
    assert (done.state, done.progress["done"], done.progress["total"]) == ("completed", 14, 14)
    known = [row for row in await rows(ponte, KnownRecord) if row.entity == "clients"]
    assert len(known) == 14


async def test_a_list_that_is_always_cut_short_fails_the_load(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    vendors.omie.sets["clients"] = [client(number, None) for number in range(1, 8)]
    await activate(api, shop)
    for _ in range(8):
        vendors.omie.cut["clients"] = 4
        await ponte.first_load.tick()
        clock.ahead += 4000
    assert [row.state for row in await rows(ponte, Resync)] == ["failed"]


async def test_a_short_or_empty_list_of_look_ups_makes_nobody_disappear(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    users, sellers = vendors.ploomes.sets["users"], vendors.omie.sets["sellers"]
    await activate(api, shop)
    clock.ahead += 200
    vendors.ploomes.cut["users"] = 1
    vendors.omie.sets["sellers"] = []
    await ponte.first_load.tick()

    async def living(entity: str) -> int:
        return len([row for row in await rows(ponte, KnownRecord) if row.entity == entity and row.gone_at is None])

    assert (await living("users"), await living("sellers")) == (len(users), len(sellers))


@pytest.mark.feature("F262")
async def test_a_window_that_never_opens_holds_the_writes_until_it_is_changed(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    vendors.omie.sets["clients"] = [client(1, CNPJ[0])]
    closed = OffHours.model_construct(**{**OffHours().model_dump(), "days": [], "all_day": [], "holidays": False})
    usual = await ponte.configs.get(shop["id"])
    await activate(api, shop)
    ponte.configs._cache[shop["id"]] = (9e9, 1, usual.model_copy(update={"window": closed}))
    done = await load(ponte, clock)
    (event,) = await rows(ponte, Event)
    assert event.due_at == NEVER
    assert "nunca abre" in done.progress["held"]
    assert (await api.get(f"/integrations/{shop['id']}/events")).status_code == 200
    document = (await api.get(f"/integrations/{shop['id']}/config")).json()
    document["window"] = {**OffHours().model_dump(), "start": "21:00"}
    assert (await api.put(f"/integrations/{shop['id']}/config", json=document)).status_code == 200
    (event,), (done,) = await rows(ponte, Event), await rows(ponte, Resync)
    assert event.due_at - clock.time() < 8 * 86400
    assert "held" not in done.progress


@pytest.mark.feature("F263")
async def test_a_planned_load_leaves_live_changes_live(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts
) -> None:
    async with ponte.db.transaction() as session:
        for number in range(120):
            await ponte.inbox.enqueue(
                session, integration_id=active["id"], vendor="omie", entity="clients", external_id=str(number),
                kind="changed", topic="first_load", source="resync", priority=Priority.BULK, due_at=9e9,
            )  # fmt: skip
    stored = await ponte.inbox.store(active["id"], notice("501"), None)
    event = (await api.get(f"/integrations/{active['id']}/events/{stored.id}")).json()
    assert event["priority"] == "live"


async def test_what_a_load_wrote_is_told_when_its_events_are_gone(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> None:
    vendors.omie.sets["clients"] = [client(n, CNPJ[n]) for n in range(3)]
    await activate(api, shop)
    done = await load(ponte, clock)
    async with ponte.db.transaction() as session:
        for hours, event in enumerate(await session.scalars(select(Event).order_by(Event.id))):
            event.state, event.due_at, event.settled_at = EventState.DONE, None, clock.now() + timedelta(hours=hours)
            verb = "update" if hours else "create"
            session.add(
                WriteEntry(integration_id=shop["id"], event_id=event.id, entity="clients", vendor="ploomes", verb=verb,
                           before={}, after={}, notes=[], state=WriteState.DONE, sent_at=clock.now())
            )  # fmt: skip

    async def written() -> JsonObject:
        return dict((await api.get(f"/integrations/{shop['id']}/resyncs/{done.id}")).json()["written"])

    wanted = {"clients": {"create_in_ploomes": 1, "update_in_ploomes": 2}}
    assert await written() == wanted
    for gone in (1, 2):
        clock.ahead += gone * 86400 if gone == 2 else 1800 + 86400
        assert await ponte.inbox.prune(timedelta(days=1), first_load.remember) == gone
        assert await written() == wanted

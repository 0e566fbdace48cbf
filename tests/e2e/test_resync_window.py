"""The off-hours window in the middle of a pass: no call leaves once it is closed; what people wait for still goes."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from stdnum.br import cnpj

from app.core.ports import Kind, Priority
from app.sync import inbox
from app.sync.models import Event, EventSource, EventState, Resync
from app.sync.passes import first_load
from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.shop import Shop
from tests.e2e.test_resync import CNPJS, act, rested, resync, silent

DAILY = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "all_day": [], "holidays": False,
         "time_zone": "UTC"}  # fmt: skip
MANY = 40


@EMBEDDED
@at_speed(20.0)
@pytest.mark.feature("F262", "F264")
@pytest.mark.parametrize("way", ["forced", "published"])
async def test_no_call_of_a_pass_leaves_after_its_window_closed(rig: Rig, speed: float, way: str) -> None:
    """Both vendors take eight seconds to answer, and each new client takes two writes, one after the other."""
    await silent(rig)
    stems = [f"{50_000_000 + number:08d}0001" for number in range(MANY)]
    for stem in stems:
        await rig.contact_new(
            TypeId=1, Name="Nova", LegalName="Nova Ltda", Register=stem + cnpj.calc_check_digits(stem)
        )
    clock = rig.ponte.clock
    closing = (clock.now() + timedelta(minutes=6)).replace(second=0, microsecond=0)
    window = {**DAILY, "start": f"{closing - timedelta(hours=2):%H:%M}", "end": f"{closing:%H:%M}"}
    await rig.configure(window=window)
    await rig.quirk(omie_latency_ms=8000, ploomes_latency_ms=8000)
    answer = await rig.api.post(f"{rig.path}/resyncs", json={"start": "now", "entities": ["clients"]})
    assert answer.status_code == 202, answer.text
    resync_id = answer.json()["id"]
    await asyncio.sleep((closing - clock.now()).total_seconds() / speed)
    calls = len(rig.tap.calls)
    await asyncio.sleep(3.0)  # a minute
    assert rig.tap.calls[calls:] == []
    paused = await rested(rig, resync_id, "paused")
    made = Counter(name for name, _ in rig.tap.calls)
    assert 0 < made["IncluirCliente"] == made["PATCH Contacts"] < MANY
    await rig.quirk(omie_latency_ms=0, ploomes_latency_ms=0)
    if way == "forced":
        await act(rig, paused["id"], "resume", force=True)
    else:  # what waits for a window follows the one that is configured
        await rig.configure(window={**window, "all_day": DAILY["days"]})
    done = await rested(rig, resync_id, "completed", seconds=90)
    assert done["written"] == {"clients": {"create_in_omie": MANY, "update_in_ploomes": MANY}}
    assert len(await rig.clients()) == MANY
    assert await rig.refusals() == {}


async def client_without_notice(rig: Rig, shop: Shop) -> JsonObject:
    """A complete client that only Ploomes has; nothing told of it."""
    await rig.fault("drop", vendor="ploomes", times=1)
    made = await shop.client(settle=False, Name="Confeitaria", LegalName="Confeitaria Ltda", Register=CNPJS[1])
    await rig.settle()
    return made


async def event_of(rig: Rig, contact: JsonObject) -> JsonObject:
    """The event of a contact that was there first."""
    return [one for one in await rig.events_of("ploomes", contact["Id"]) if one["entity"] == "clients"][-1]


@EMBEDDED
@pytest.mark.feature("F262", "F263")
async def test_what_a_record_of_a_pass_depends_on_is_part_of_the_pass(rig: Rig) -> None:
    shop = await Shop(rig).open(products=1, services=0)
    await silent(rig)
    contact = await shop.client(settle=False, Name="Confeitaria", LegalName="Confeitaria Ltda", Register=CNPJS[1])
    sale = await shop.sale(shop.line("Produto 1"), ContactId=contact["Id"], settle=False)
    done = await resync(rig, entities=["orders"])
    assert done["state"] == "completed", done
    assert await shop.order_of(sale)
    async with rig.ponte.db.read() as session:
        found = await session.scalars(select(Event).where(Event.external_id == str(contact["Id"])))
        assert [(one.topic, one.source, one.priority) for one in found if one.entity == "clients"] == [
            (f"resync:{done['id']}", EventSource.DEPENDENCY, Priority.BULK)
        ]
    assert done["requests_used"]["omie"]["IncluirCliente"] == 1


@EMBEDDED
@pytest.mark.feature("F262", "F263")
async def test_a_live_sale_lifts_what_a_pass_asked_for_after_it_came(rig: Rig) -> None:
    """The sale is the older one: what it needs was asked for meanwhile by a pass, and rests until the window opens."""
    shop = await Shop(rig).open(products=1, services=0)
    contact = await client_without_notice(rig, shop)
    await rig.stop_worker()
    sale = await shop.sale(shop.line("Produto 1"), ContactId=contact["Id"], settle=False)
    await rig.until(lambda: rig.events_of("ploomes", sale))
    now = rig.ponte.clock.now()
    async with rig.ponte.db.transaction() as session:
        event = await inbox.enqueue(
            session, integration_id=rig.integration["id"], vendor="ploomes", entity="clients",
            external_id=str(contact["Id"]), kind=Kind.CHANGED, topic="resync:1", source=EventSource.DEPENDENCY,
            priority=Priority.BULK, due_at=now.timestamp() + 40_000, now=now,
        )  # fmt: skip
        event.state, event.cause = EventState.WAITING, "window"
    rig.start_worker()
    await rig.settle()
    assert await shop.order_of(sale)
    assert (await event_of(rig, contact))["state"] == "done"


@EMBEDDED
@pytest.mark.feature("F262", "F263")
@pytest.mark.parametrize("source", [EventSource.RESYNC, EventSource.DEPENDENCY])
async def test_what_a_live_sale_waits_for_does_not_wait_for_the_window(rig: Rig, source: EventSource) -> None:
    """A pass holds a client back until the window opens; then somebody sells to that client."""
    shop = await Shop(rig).open(products=1, services=0)
    contact = await client_without_notice(rig, shop)
    topic = first_load.REASON
    if source is EventSource.DEPENDENCY:
        plan = await resync(rig, entities=["products"], dry_run=True, force=False)
        topic = f"resync:{plan['id']}"
    now = rig.ponte.clock.now()
    async with rig.ponte.db.transaction() as session:
        load = (await session.scalars(select(Resync).where(Resync.reason == first_load.REASON))).one()
        load.start = "window"
        await inbox.enqueue(
            session, integration_id=rig.integration["id"], vendor="ploomes", entity="clients",
            external_id=str(contact["Id"]), kind=Kind.CHANGED, topic=topic, source=source, priority=Priority.BULK,
            due_at=now.timestamp(), now=now,
        )  # fmt: skip
    await rig.ponte.queue.ring("bulk")

    async def held() -> Any:
        event = await event_of(rig, contact)
        return event if event["state"] == "waiting" else None

    assert "janela" in (await rig.until(held))["reason"]
    assert not rig.tap.of("IncluirCliente")[1:]  # the shop's own client
    sale = await shop.sale(shop.line("Produto 1"), ContactId=contact["Id"])
    assert await shop.order_of(sale)
    assert (await event_of(rig, contact))["state"] == "done"
    assert await rig.issues() == []

"""The incremental sweep and the silence of webhooks (F264, F282)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, update

from app.core.config import Settings
from app.sync.models import Event, EventSource, EventState, Integration
from app.sync.passes.models import Watermark
from tests.e2e.rig import APP_KEY, EMBEDDED, Rig, at_speed, running
from tests.e2e.shop import Shop, number
from tests.e2e.test_resync import pairs, silent

CNPJS = ("11222333000181", "11444777000161")


@pytest.fixture
async def swept(product: Settings) -> AsyncIterator[Rig]:
    """A connected integration that is swept every ten minutes, at sixty times the speed."""
    settings = product.model_copy(update={"incremental_sweep_seconds": 600.0, "clock_scale": 60.0})
    async with running(settings, speed=60.0) as rig:
        await rig.connect()
        yield rig


async def loaded(rig: Rig) -> bool:
    return all(row["state"] == "completed" for row in await rig.items("resyncs"))


def sweeps(rig: Rig) -> int:
    """Incremental lists of Omie's clients so far."""
    return len([param for param in rig.tap.of("ListarClientes") if param.get("filtrar_por_data_de")])


@EMBEDDED
@pytest.mark.feature("F264", "F282")
async def test_what_webhooks_lost_is_swept_and_their_silence_is_told_until_they_are_back(swept: Rig) -> None:
    rig = swept
    clients = [
        await rig.omie_new(razao_social=f"Loja {n}", nome_fantasia=f"Loja {n}", cnpj_cpf=CNPJS[n]) for n in range(2)
    ]
    await rig.settle()
    await rig.until(lambda: loaded(rig))
    contact = await rig.pair_of_client(clients[1]["codigo_cliente_omie"])
    start = sweeps(rig)

    async def quiet_sweep() -> Any:
        return sweeps(rig) > start

    events, writes = len(await rig.items("events", limit=200)), await rig.writes()
    await rig.until(quiet_sweep, 60)
    assert len(await rig.items("events", limit=200)) == events
    assert await rig.writes() == writes  # equal systems cost lists only
    hooks = (await rig.control.get(f"/sandbox/omie/{APP_KEY}/webhooks")).json()
    assert (await rig.control.delete(f"/sandbox/omie/{APP_KEY}/webhooks")).is_success
    await rig.omie_edit(clients[0]["codigo_cliente_omie"], email="varrido@omie.test")

    async def swept_over() -> Any:
        pair = await rig.pair_of_client(clients[0]["codigo_cliente_omie"])
        return pair["Email"] == "varrido@omie.test" and "webhooks_silent_omie" in await rig.issues()

    await rig.until(swept_over, 60)
    assert "developer.omie.com.br" in (await rig.issue("webhooks_silent_omie"))["fix"]
    event = next(e for e in await rig.items("events", limit=50) if e["source"] == "sweep")
    assert event["state"] == "done"
    await rig.post(f"/sandbox/omie/{APP_KEY}/webhooks", {"url": hooks[0]["url"]})
    await rig.omie_edit(clients[1]["codigo_cliente_omie"], email="de@volta.test")

    async def back() -> Any:
        return await rig.issues() == []

    await rig.until(back, 60)
    assert (await rig.contact(contact["Id"]) or {})["Email"] == "de@volta.test"
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F264", "F282")
async def test_sales_that_webhooks_lost_are_swept(swept: Rig) -> None:
    """A sale edited, one that is new, and a document edited in Omie: nobody told, the sweep finds all three."""
    rig = swept
    shop = await Shop(rig).open(products=1, services=0)
    line = shop.line("Produto 1", 2)
    edited, other = await shop.sale(line), await shop.sale(line)
    await silent(rig)
    await shop.edit(edited, shop.line("Produto 1", 5), settle=False)
    new = await shop.sale(shop.line("Produto 1", 3), settle=False)
    order = await shop.order_of(other)
    item = {"ide": {"codigo_item": order["det"][0]["ide"]["codigo_item"]}, "produto": {"quantidade": 7}}
    await shop.screen("orders", "PATCH", {"det": [item]}, str(order["cabecalho"]["codigo_pedido"]))

    async def quantities() -> Any:
        codes = {o["cabecalho"].get("codigo_pedido_integracao"): o for o in await shop.orders()}
        held = [codes.get(f"PLOOMES-{sale}") for sale in (edited, new)]
        there = [number(o["det"][0]["produto"]["quantidade"]) for o in held if o]
        shown = number((await shop.sales())[other]["Products"][0]["Quantity"])
        return [*there, shown] == [5, 3, 7]

    await rig.until(quantities, 60)
    await rig.settle()
    assert len(await shop.orders()) == 3
    assert {event["source"] for event in await rig.items("events", limit=6)} >= {"sweep"}
    assert await rig.refusals() == {}


async def marks(rig: Rig) -> dict[str, float]:
    """When each set of the integration is swept next."""
    mine = select(Watermark).where(Watermark.integration_id == rig.integration["id"])
    async with rig.ponte.db.read() as session:
        return {f"{mark.vendor}:{mark.entity}": mark.due_at for mark in await session.scalars(mine)}


async def all_rest(rig: Rig) -> bool:
    """Whether nothing is due to be swept."""
    due = (await marks(rig)).values()
    return bool(due) and min(due) > rig.ponte.clock.time()


async def make_due(rig: Rig) -> None:
    """Every set of every integration is to be swept now."""
    async with rig.ponte.db.transaction() as session:
        await session.execute(update(Watermark).values(due_at=1.0))


@EMBEDDED
@pytest.mark.feature("F264", "F282")
@at_speed(60.0)
async def test_a_set_that_fails_rests_until_the_next_sweep_and_holds_nothing_else_back(rig: Rig) -> None:
    [client] = await pairs(rig, 1)
    contact = await rig.pair_of_client(client["codigo_cliente_omie"])
    await silent(rig)
    await rig.until(lambda: all_rest(rig))
    start, now = sweeps(rig), rig.ponte.clock.now()
    heard = [
        Event(
            integration_id=rig.integration["id"], vendor="ploomes", entity="clients", external_id="1", kind="changed",
            topic="Contacts.Update", source=EventSource.WEBHOOK, state=EventState.DONE,
            received_at=now - timedelta(minutes=minutes),
        )
        for minutes in range(70, 40, -1)
    ]  # fmt: skip
    async with rig.ponte.db.transaction() as session:
        session.add_all(heard)
    await rig.fault("status", vendor="omie", match="ListarClientes", status=500, times=None)
    await rig.contact_edit(contact["Id"], Email="varrido@ploomes.test")
    await make_due(rig)

    async def swept_over() -> Any:
        return await all_rest(rig) and await rig.issues() == ["webhooks_silent_ploomes"]

    await rig.until(swept_over)
    await rig.settle()
    assert (await rig.pair_of_contact(contact["Id"]))["email"] == "varrido@ploomes.test"
    failed = sweeps(rig) - start
    assert 1 <= failed <= 3, failed  # one call, repeated within seconds like any read
    await rig.ponte.clock.sleep(240)
    assert sweeps(rig) - start == failed
    assert (await rig.control.delete("/sandbox/faults")).is_success


@EMBEDDED
@pytest.mark.feature("F264")
async def test_an_integration_that_is_slow_or_cannot_be_opened_holds_no_other_back(rig: Rig) -> None:
    second = await rig.neighbour("1000000000002", "Filial")
    await second.connect()
    await pairs(rig, 1)
    for each in (rig, second):
        await rig.until(partial(all_rest, each))
    await rig.fault("slow", vendor="omie", account=APP_KEY, seconds=600, times=None)
    await make_due(rig)
    await rig.until(partial(all_rest, second))
    assert not await all_rest(rig)  # each of its lists takes until the patience with it ends
    assert (await rig.control.delete("/sandbox/faults")).is_success
    await rig.until(lambda: all_rest(rig))
    async with rig.ponte.db.transaction() as session:
        mine = update(Integration).where(Integration.id == rig.integration["id"])
        await session.execute(mine.values(omie_app_secret=b"sealed with a key that is lost"))
    await make_due(rig)
    await rig.until(partial(all_rest, second))
    await rig.until(lambda: all_rest(rig))

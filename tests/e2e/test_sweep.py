"""The incremental sweep and the silence of webhooks (F264, F282)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.core.config import Settings
from tests.e2e.rig import APP_KEY, EMBEDDED, Rig, running
from tests.e2e.shop import Shop, number
from tests.e2e.test_resync import silent

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

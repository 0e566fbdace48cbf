"""Bursts of edits, lost answers and repeated notices: never two documents, never two lines, few writes."""

import pytest

from tests.e2e.rig import EMBEDDED, SPLIT, Rig, at_speed
from tests.e2e.shop import Shop, number

WRITES = ("IncluirPedido", "AlterarPedidoVenda", "IncluirOS", "AlterarOS")


@SPLIT
@at_speed(8)
@pytest.mark.feature("F272")
async def test_a_burst_of_twenty_edits_costs_at_most_two_writes_per_document(rig: Rig) -> None:
    shop = await Shop(rig).open(products=1)
    sale_id = await shop.sale(shop.line("Produto 1", 1), shop.line("Serviço 1", 1, 50))
    await rig.ponte.clock.sleep(20)
    before = {name: len(rig.tap.of(name)) for name in WRITES}
    for quantity in range(2, 22):
        lines = shop.line("Produto 1", quantity), shop.line("Serviço 1", quantity, 50)
        await shop.edit(sale_id, *lines, settle=False)
        await rig.ponte.clock.sleep(0.5)
    await rig.settle()
    assert {name: len(rig.tap.of(name)) - before[name] for name in WRITES[::2]} == {"IncluirPedido": 0, "IncluirOS": 0}
    assert all(len(rig.tap.of(name)) - before[name] <= 2 for name in WRITES)
    assert number((await shop.order_of(sale_id))["det"][0]["produto"]["quantidade"]) == 21
    assert number((await shop.service_orders())[0]["ServicosPrestados"][0]["nQtde"]) == 21
    assert not await rig.refusals()


@EMBEDDED
@at_speed(60)
@pytest.mark.parametrize("call", ["IncluirPedido", "AlterarPedidoVenda"])
async def test_a_lost_answer_makes_no_second_order_and_no_second_line(rig: Rig, call: str) -> None:
    shop = await Shop(rig).open(products=2, services=0)
    one, two = shop.line("Produto 1", 2), shop.line("Produto 2", 1)
    if call == "IncluirPedido":
        await rig.fault("disconnect", vendor="omie", match=call, when="after", times=1)
    sale_id = await shop.sale(one, settle=call != "IncluirPedido")
    if call == "AlterarPedidoVenda":
        await rig.fault("disconnect", vendor="omie", match=call, when="after", times=1)
        await rig.ponte.clock.sleep(20)
    await shop.edit(sale_id, one, two, settle=False)

    async def whole() -> bool:
        orders = await shop.orders()
        return len(orders) == 1 and len(orders[0]["det"]) == 2

    await rig.until(whole, 60)
    await rig.settle()
    assert await whole()
    assert await rig.issues() == []


@EMBEDDED
@at_speed(30)
@pytest.mark.feature("F049", "F282")
async def test_two_automations_that_undo_each_other_on_a_sale_are_frozen(rig: Rig) -> None:
    shop = await Shop(rig).open(products=1, services=0)
    sale_id = await shop.sale(shop.line("Produto 1"), Description="início")
    order_id = str((await shop.order_of(sale_id))["cabecalho"]["codigo_pedido"])
    turns = 0

    async def notes() -> tuple[str, str]:
        there = (await shop.order_of(sale_id)).get("observacoes") or {}
        return str(there.get("obs_venda") or ""), str((await shop.sales())[sale_id]["Description"] or "")

    async def fighting() -> bool:
        nonlocal turns
        omie, ploomes = await notes()
        if omie != "omie":  # Omie's automation wants one text, Ploomes' another
            turns += 1
            await shop.screen("orders", "PATCH", {"observacoes": {"obs_venda": "omie"}}, order_id)
        elif ploomes == "omie":
            turns += 1
            await shop.edit(sale_id, settle=False, Description="ploomes")
        return await rig.issues() == ["oscillation"]

    await rig.until(fighting, 60)
    assert turns <= 8
    assert "Observações" in (await rig.issue("oscillation"))["detail"]
    assert len(set(await notes())) == 2
    await shop.edit(sale_id, shop.line("Produto 1", 4), settle=False)  # the other fields go on

    async def edited() -> bool:
        return number((await shop.order_of(sale_id))["det"][0]["produto"]["quantidade"]) == 4

    await rig.until(edited)
    assert len(set(await notes())) == 2
    await rig.retry("oscillation")
    assert len(set(await notes())) == 1
    assert await rig.issues() == []
    assert not await rig.refusals()

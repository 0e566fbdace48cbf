"""Nothing of a sale is there twice: items that people add in Omie, and sales whose making was not answered."""

from decimal import Decimal

import pytest

from tests.e2e.rig import EMBEDDED, Rig, at_speed
from tests.e2e.shop import JsonObject, Shop, number
from tests.e2e.test_sales_back import field, typed_order

pytestmark = EMBEDDED


@pytest.fixture
async def shop(rig: Rig) -> Shop:
    return await Shop(rig).open(products=3)


def items_of(shop: Shop, order: JsonObject) -> list[tuple[str, Decimal]]:
    """Product and quantity of each item of an order."""
    names = {omie_id: name for name, (omie_id, _) in shop.products.items()}
    rows = [
        (names[str(row["produto"]["codigo_produto"])], number(row["produto"]["quantidade"])) for row in order["det"]
    ]
    return sorted(rows)


@pytest.mark.feature("F156", "F158")
@at_speed(60.0)
async def test_items_added_and_removed_in_omie_keep_their_lines(shop: Shop) -> None:
    sale_id = await shop.sale(shop.line("Produto 1"), shop.line("Produto 2"))
    order = await shop.order_of(sale_id)
    order_id = str(order["cabecalho"]["codigo_pedido"])
    added = {
        "ide": {"codigo_item_integracao": "typed"},
        "produto": {"codigo_produto": int(shop.products["Produto 3"][0]), "quantidade": 2, "valor_unitario": 10},
    }
    removed = {"ide": {"codigo_item": order["det"][0]["ide"]["codigo_item"], "acao_item": "E"}}
    await shop.screen("orders", "PATCH", {"det": [added, removed]}, order_id)
    await shop.rig.settle()
    lines = (await shop.sales())[sale_id]["Products"]
    assert len(lines) == 2
    await shop.edit(sale_id, shop.line("Produto 2", 4), shop.line("Produto 3", 5))
    assert items_of(shop, await shop.order_of(sale_id)) == [("Produto 2", 4), ("Produto 3", 5)]
    assert await shop.rig.issues() == []


@at_speed(60)
@pytest.mark.feature("F011", "F180")
async def test_a_service_order_without_a_line_left_is_cancelled(shop: Shop) -> None:
    sale_id = await shop.sale(shop.line("Produto 1"), shop.line("Serviço 1", 1, 50))
    await shop.rig.ponte.clock.sleep(61)  # what was seen at the making does not count as read any more
    await shop.edit(sale_id, shop.line("Produto 1", 3))
    [work] = await shop.service_orders()
    assert work["InfoCadastro"]["cCancelada"] == "S"
    assert items_of(shop, await shop.order_of(sale_id)) == [("Produto 1", 3)]


@pytest.mark.feature("F164")
@at_speed(60.0)
async def test_a_sale_whose_making_was_not_answered_gets_no_second_order(shop: Shop) -> None:
    await shop.rig.fault("disconnect", vendor="ploomes", match="Orders", verb="POST", when="after")
    order = await typed_order(shop)
    [(sale_id, sale)] = (await shop.sales()).items()
    assert len(await shop.orders()) == 1
    assert len(sale["Products"]) == 2
    link = await shop.rig.link("omie", order["cabecalho"]["codigo_pedido"], "orders")
    assert link["ploomes_id"] == sale_id
    assert await field(shop, sale_id, "ponte_omie_id") == str(order["cabecalho"]["codigo_pedido"])


@at_speed(30)
@pytest.mark.feature("F180")
async def test_an_order_whose_answer_was_lost_goes_with_its_sale(shop: Shop) -> None:
    await shop.rig.fault("disconnect", vendor="omie", match="IncluirPedido", when="after", times=1)
    sale_id = await shop.sale(shop.line("Produto 1"), settle=False)

    async def made() -> bool:
        return len(await shop.orders()) == 1

    await shop.rig.until(made)
    await shop.delete(sale_id)
    assert (await shop.order_of(sale_id))["infoCadastro"]["cancelado"] == "S"
    assert len(shop.rig.tap.of("IncluirPedido")) == 1
    assert await shop.rig.issues() == []


@pytest.mark.feature("F155")
@at_speed(60.0)
async def test_a_seller_without_a_user_stays_on_the_order(shop: Shop) -> None:
    seller = await shop.rig.seller_new(nome="Sem Usuário", email="ninguem@loja.test", codInt="S9")
    order = await typed_order(shop)
    order_id = str(order["cabecalho"]["codigo_pedido"])
    await shop.screen("orders", "PATCH", {"informacoes_adicionais": {"codVend": int(seller)}}, order_id)
    await shop.rig.settle()
    [sale_id] = await shop.sales()
    await shop.edit(sale_id, Description="Uma nota")
    [held] = await shop.orders()
    assert str(held["informacoes_adicionais"]["codVend"]) == seller
    assert held["observacoes"]["obs_venda"] == "Uma nota"

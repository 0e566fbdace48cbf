"""Service lines of a sale become a service order; a mixed sale has both documents, each with a life of its own."""

from decimal import Decimal

import pytest

from tests.e2e.rig import EMBEDDED, SPLIT, Rig, at_speed
from tests.e2e.shop import JsonObject, Shop, number


@pytest.fixture
async def shop(rig: Rig) -> Shop:
    return await Shop(rig).open(services=2)


async def work_of(shop: Shop, sale_id: str) -> JsonObject:
    """The one service order that carries a sale's code."""
    code = f"PLOOMES-{sale_id}"
    [found] = [o for o in await shop.service_orders() if o["Cabecalho"].get("cCodIntOS") == code]
    return found


@SPLIT
@pytest.mark.feature("F002", "F011", "F132")
@at_speed(60.0)
async def test_a_mixed_sale_gives_one_order_and_one_service_order(shop: Shop) -> None:
    sale_id = await shop.sale(
        shop.line("Produto 1", 2, "10.00"), shop.line("Serviço 1", "1.5", "99.90", 10), shop.line("Serviço 2", 1, 50)
    )
    order, work = await shop.order_of(sale_id), await work_of(shop, sale_id)
    assert [number(item["produto"]["valor_total"]) for item in order["det"]] == [Decimal(20)]
    assert number(work["Cabecalho"]["nValorTotal"]) == Decimal("184.86")
    sale = (await shop.sales())[sale_id]
    values = [row["StringValue"] for row in sale["OtherProperties"]]
    number_of = work["Cabecalho"]["cNumOS"].lstrip("0")
    assert f"Pedido {order['cabecalho']['numero_pedido'].lstrip('0')} / OS {number_of}" in values
    await shop.edit(sale_id, shop.line("Produto 1", 2, "10.00"), shop.line("Serviço 2", 3, 50))
    work = await work_of(shop, sale_id)
    assert [(str(row["nCodServico"]), number(row["nQtde"])) for row in work["ServicosPrestados"]] == [
        (shop.products["Serviço 2"][0], Decimal(3))
    ]
    assert len(await shop.orders()) == len(await shop.service_orders()) == 1
    assert await shop.rig.issues() == []


@SPLIT
@pytest.mark.feature("F167")
@at_speed(60.0)
async def test_deleting_the_product_order_leaves_the_service_order_alive(shop: Shop) -> None:
    sale_id = await shop.sale(shop.line("Produto 1"), shop.line("Serviço 1", 1, 50))
    order = await shop.order_of(sale_id)
    await shop.screen("orders", "DELETE", None, str(order["cabecalho"]["codigo_pedido"]))
    await shop.rig.settle()
    assert sale_id in await shop.sales()
    work = await work_of(shop, sale_id)
    assert work["InfoCadastro"]["cCancelada"] == "N"
    await shop.edit(sale_id, Description="Outra nota")
    assert await shop.orders() == []
    assert (await work_of(shop, sale_id))["Observacoes"]["cObsOS"] == "Outra nota"
    await shop.screen("service_orders", "DELETE", None, str(work["Cabecalho"]["nCodOS"]))
    await shop.rig.settle()
    assert sale_id not in await shop.sales()


@EMBEDDED
@pytest.mark.feature("F011", "F133")
async def test_services_may_go_into_the_product_order(rig: Rig) -> None:
    shop = await Shop(rig).open(services_in_product_order=True)
    service = shop.products["Serviço 1"]
    sold_as = await shop.product("Serviço 1", "50.00")  # the product of Omie with the service's code
    shop.products["Serviço 1"] = service
    sale_id = await shop.sale(shop.line("Produto 1"), shop.line("Serviço 1", 1, 50))
    assert await shop.service_orders() == []
    order = await shop.order_of(sale_id)
    assert [number(item["produto"]["valor_total"]) for item in order["det"]] == [Decimal(10), Decimal(50)]
    assert str(order["det"][1]["produto"]["codigo_produto"]) == sold_as[0]

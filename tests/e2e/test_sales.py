"""A sale of Ploomes becomes the right document in Omie, to the cent, and its edits follow."""

from decimal import Decimal

import pytest

from tests.e2e.rig import SPLIT, Rig, at_speed
from tests.e2e.shop import Shop, number


@pytest.fixture
async def shop(rig: Rig) -> Shop:
    return await Shop(rig).open()


@SPLIT
@pytest.mark.feature("F009", "F154", "F156", "F157", "F158", "F159", "F160", "F169", "F172", "F174", "F175")
async def test_a_sale_becomes_an_order_to_the_cent(shop: Shop) -> None:
    sale_id = await shop.sale(
        shop.line("Produto 1", 3, "33.333", 10), shop.line("Produto 2", "1.5", "7.77"), Description="<p>Entregar já</p>"
    )
    order = await shop.order_of(sale_id)
    sale = (await shop.sales())[sale_id]
    totals = [number(item["produto"]["valor_total"]) for item in order["det"]]
    assert sum(totals) == number(sale["Amount"])
    assert [number(line["Total"]) for line in sale["Products"]] == totals
    assert order["cabecalho"]["etapa"] == "10"
    assert order["informacoes_adicionais"]["codigo_categoria"] == "1.01.03"
    assert order["observacoes"]["obs_venda"] == "Entregar já"
    assert [item["ide"]["codigo_item_integracao"] for item in order["det"]] == ["1", "2"]
    link = (await shop.rig.get_json(f"{shop.rig.path}/records/orders/ploomes/{sale_id}"))["link"]
    assert link["omie_id"] == str(order["cabecalho"]["codigo_pedido"])
    assert await shop.rig.issues() == []
    assert not await shop.rig.refusals()


@SPLIT
@pytest.mark.feature("F168")
@at_speed(60.0)
async def test_edits_follow_line_by_line(shop: Shop) -> None:
    one, two = shop.line("Produto 1", 2, "10.00"), shop.line("Produto 2", 1, "5.00")
    sale_id = await shop.sale(one, two)
    before = await shop.order_of(sale_id)
    await shop.edit(sale_id, shop.line("Produto 1", 4, "10.00"), shop.line("Produto 1", 1, "9.99"))
    after = await shop.order_of(sale_id)
    items = {item["ide"]["codigo_item_integracao"]: item["produto"] for item in after["det"]}
    assert {code: (number(p["quantidade"]), number(p["valor_total"])) for code, p in items.items()} == {
        "1": (Decimal(4), Decimal("40.00")),
        "3": (Decimal(1), Decimal("9.99")),
    }
    assert after["det"][0]["ide"]["codigo_item"] == before["det"][0]["ide"]["codigo_item"]
    assert len(await shop.orders()) == 1
    assert await shop.rig.issues() == []


@SPLIT
@pytest.mark.feature("F091")
async def test_a_client_without_a_partner_is_synced_first_and_a_contact_person_when_a_sale_names_it(shop: Shop) -> None:
    company = shop.contact
    person = await shop.client(
        TypeId=2, Name="João da Padaria", LegalName=None, Register="52998224725", CompanyId=company["Id"]
    )
    assert [c for c in await shop.rig.clients() if c["cnpj_cpf"].startswith("529")] == []
    sale_id = await shop.sale(shop.line("Produto 1"), ContactId=person["Id"])
    [made] = [c for c in await shop.rig.clients() if c["cnpj_cpf"].startswith("529")]
    order = await shop.order_of(sale_id)
    assert order["cabecalho"]["codigo_cliente"] == made["codigo_cliente_omie"]
    assert order["informacoes_adicionais"]["consumidor_final"] == "S"
    assert await shop.rig.issues() == []

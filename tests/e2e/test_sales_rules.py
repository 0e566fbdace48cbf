"""Switches of sending and receiving, sellers both ways, lines that are left out, and what Omie made of a document."""

from decimal import Decimal

import pytest

from app.core.config import Settings
from tests.e2e.rig import EMBEDDED, Rig, at_speed, running
from tests.e2e.shop import Shop, new_field, number, option_id
from tests.e2e.test_sales_back import typed_order

pytestmark = EMBEDDED


@pytest.mark.feature("F172", "F176")
@at_speed(60)
async def test_sales_stay_here_while_sending_is_off_and_nothing_is_asked_of_them(rig: Rig) -> None:
    shop = await Shop(rig).open(products=2, services=0)
    await rig.configure(orders={"send_to_omie": False, "receive_from_omie": False, "omie_account": None})
    sale_id = await shop.sale(shop.line("Produto 1"))
    await typed_order(shop)
    assert len(await shop.orders()) == len(await shop.sales()) == 1  # each side has its own, and only that
    assert await rig.issues() == []
    [event, *_] = await rig.events_of("ploomes", sale_id)
    assert (event["state"], event["reason"].split(" (")[0]) == ("ignored", "A configuração não envia vendas ao Omie")
    account = next(row["nCodCC"] for row in await shop.omie("contacorrente") if row["inativo"] == "N")
    await rig.configure(orders={"send_to_omie": True, "omie_account": account})
    await shop.edit(sale_id, shop.line("Produto 1", 2))
    assert number((await shop.order_of(sale_id))["det"][0]["produto"]["quantidade"]) == 2


@pytest.mark.feature("F173")
@at_speed(60)
async def test_a_sale_goes_when_it_reaches_the_chosen_stage_or_option(rig: Rig) -> None:
    paid = await new_field(rig, "Situação do pagamento", "Opções pré-cadastradas", options=("Pago",))
    shop = await Shop(rig).open(products=1, services=0)
    stage = await rig.ploomes_new("Orders@Stages", Name="Aprovada")
    option = await option_id(rig, "Pago")
    for condition, reached in (
        ({"stage_id": int(stage)}, {"StageId": int(stage)}),
        (
            {"field_key": paid["Key"], "equals": option},
            {"OtherProperties": [{"FieldKey": paid["Key"], "IntegerValue": option}]},
        ),
    ):
        await rig.configure(orders={"send_when": condition})
        before = len(await shop.orders())
        sale_id = await shop.sale(shop.line("Produto 1"))
        assert len(await shop.orders()) == before
        await shop.edit(sale_id, **reached)
        assert number((await shop.order_of(sale_id))["det"][0]["produto"]["valor_total"]) == 10
    assert await rig.issues() == []


@pytest.mark.feature("F155")
@at_speed(60)
async def test_the_seller_of_an_order_is_the_owner_of_its_sale(rig: Rig) -> None:
    users, sellers = [], []
    for name in ("ana", "bia"):
        users.append(int(await rig.user_new(Name=name.title(), Email=f"{name}@loja.test")))
        sellers.append(await rig.seller_new(nome=name.title(), email=f"{name}@loja.test"))
    shop = await Shop(rig).open(products=1, services=1)
    sale_id = await shop.sale(shop.line("Produto 1"), shop.line("Serviço 1", 1, 50), OwnerId=users[0])

    async def told() -> tuple[str, str]:
        order, [work] = await shop.order_of(sale_id), await shop.service_orders()
        return str(order["informacoes_adicionais"]["codVend"]), str(work["Cabecalho"]["nCodVend"])

    assert await told() == (sellers[0], sellers[0])
    await shop.edit(sale_id, OwnerId=users[1])
    assert await told() == (sellers[1], sellers[1])
    order_id = str((await shop.order_of(sale_id))["cabecalho"]["codigo_pedido"])
    await shop.screen("orders", "PATCH", {"informacoes_adicionais": {"codVend": int(sellers[0])}}, order_id)
    await rig.settle()
    assert (await shop.sales())[sale_id]["OwnerId"] == users[0]
    assert await rig.issues() == []


@pytest.mark.feature("F162", "F163")
async def test_lines_without_quantity_or_value_are_left_out_and_that_is_told(rig: Rig) -> None:
    shop = await Shop(rig).open(products=3, services=0)
    sale_id = await shop.sale(
        shop.line("Produto 1", 2, "5.00"), shop.line("Produto 2", 0, "5.00"), shop.line("Produto 3", 1, "0.00")
    )
    [item] = (await shop.order_of(sale_id))["det"]
    assert (str(item["produto"]["codigo_produto"]), number(item["produto"]["valor_total"])) == (
        shop.products["Produto 1"][0], Decimal(10),
    )  # fmt: skip
    assert len((await shop.sales())[sale_id]["Products"]) == 3
    notes = [note for change in await rig.changes() for note in change["notes"]]
    assert "Linhas sem quantidade ou sem valor ficaram de fora: Produto 2, Produto 3." in notes
    assert await rig.issues() == []


@pytest.mark.feature("F159", "F189")
@at_speed(60)
async def test_a_cent_that_omie_counts_otherwise_is_told_with_its_line_until_it_is_mended(rig: Rig) -> None:
    await rig.quirk(omie_rounding="down")
    shop = await Shop(rig).open(products=2, services=0)
    sale_id = await shop.sale(shop.line("Produto 1", 2, "10.00"), shop.line("Produto 2", "1.5", "33.333"))
    issue = await rig.issue("cents_differ")
    assert issue["detail"].endswith(": “Produto 2”: R$ 50,00 no Ploomes, R$ 49,99 no Omie.")
    assert await rig.issues() == ["cents_differ"]
    assert number((await shop.sales())[sale_id]["Amount"]) == 70  # it never travels back as if a person had typed it
    await shop.edit(sale_id, shop.line("Produto 1", 2, "10.00"), shop.line("Produto 2", 2, "33.33"))
    await rig.ponte.clock.sleep(65)  # what was edited may be read again
    await rig.settle()
    totals = [number(item["produto"]["valor_total"]) for item in (await shop.order_of(sale_id))["det"]]
    assert totals == [Decimal(20), Decimal("66.66")]
    assert await rig.issues() == []


@pytest.mark.feature("F189")
@at_speed(30)
async def test_instalments_that_omie_has_otherwise_are_told(product: Settings, speed: float) -> None:
    """Somebody in Omie changes them before they were proved: the proof says so, and writes nothing over them."""
    made: list[str] = []

    async def meddle(boundary: str) -> None:
        if boundary == "written" and not made and (there := await shop.orders()):
            made.append(str(there[0]["cabecalho"]["codigo_pedido"]))
            await shop.screen("orders", "PATCH", {"cabecalho": {"codigo_parcela": "003"}}, made[0])

    async with running(product, speed=speed, trace=meddle) as rig:
        shop = Shop(rig)
        await rig.connect()
        await shop.open(products=1, services=0)
        await rig.configure(orders={"omie_installments": "002"})
        sale_id = await shop.sale(shop.line("Produto 1", 3, "33.33"), settle=False)

        async def told() -> bool:
            return await rig.issues() == ["terms_differ"]

        await rig.until(told, 60)
        assert "condição de pagamento 003 em vez de 002" in (await rig.issue("terms_differ"))["detail"]
        assert (await shop.order_of(sale_id))["cabecalho"]["codigo_parcela"] == "003"

"""What becomes of documents: invoices with their links, returns, cancellation, and deletion by each policy."""

from typing import Any

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.shop import Shop
from tests.e2e.test_sales_back import field, noticed
from tests.e2e.test_service_orders import work_of


@pytest.fixture
async def shop(rig: Rig) -> Shop:
    await rig.quirk(omie_acts_unsigned=False)  # else acts are seen some minutes later, which is proved elsewhere
    return await Shop(rig).open()


async def act_on_work(shop: Shop, work: JsonObject, act: str) -> None:
    """A person does something to a service order on Omie's screen."""
    await shop.screen("service_orders", "POST", {}, str(work["Cabecalho"]["nCodOS"]), act)


def id_of(order: JsonObject) -> str:
    return str(order["cabecalho"]["codigo_pedido"])


@EMBEDDED
@at_speed(30)
@pytest.mark.feature("F171", "F181")
async def test_invoices_come_with_number_and_link_however_late_and_returns_are_told(shop: Shop) -> None:
    await shop.rig.quirk(omie_invoice_number_after_s=200)
    sale_id = await shop.sale(shop.line("Produto 1", 3), shop.line("Serviço 1", 1, 50))
    order, work = await shop.order_of(sale_id), await work_of(shop, sale_id)
    await shop.screen("orders", "POST", {}, id_of(order), "invoice")
    await act_on_work(shop, work, "invoice")
    await noticed(shop, sale_id, "ponte_omie_status", "Pedido: Faturado; OS: Faturado", settle=False)
    asked = len(shop.rig.tap.of("StatusPedido")), len(shop.rig.tap.of("StatusOS"))

    async def numbered() -> str | None:
        text = str(await field(shop, sale_id, "ponte_omie_status"))
        return text if "NF-e" in text and "NFS-e" in text else None

    note, note_of_work = str(await shop.rig.until(numbered, 60)).split("; ")
    assert note.startswith("Pedido: Faturado, NF-e ")
    assert note.endswith(f"(https://app.omie.com.br/sandbox/nfe/{id_of(order)}.pdf)")
    assert note_of_work.startswith("OS: Faturado, NFS-e ")
    assert "(https://nfse.exemplo.gov.br/" in note_of_work
    assert (len(shop.rig.tap.of("StatusPedido")), len(shop.rig.tap.of("StatusOS"))) == tuple(n + 1 for n in asked)
    for quantity, said in ((1, "Devolvido em parte"), (2, "Devolvido")):
        given = {"itens": [{"codigo_produto": int(shop.products["Produto 1"][0]), "quantidade": quantity}]}
        await shop.screen("orders", "POST", given, id_of(order), "return")
        text = await noticed(shop, sale_id, "ponte_omie_status", f"Pedido: {said}, NF-e ")
        assert text.endswith(note_of_work)
    assert await shop.rig.issues() == []
    assert not await shop.rig.refusals()


@EMBEDDED
@at_speed(30)
@pytest.mark.feature("F167", "F011")
async def test_an_invoiced_service_order_is_not_edited_and_its_own_record_shows_why(shop: Shop) -> None:
    sale_id = await shop.sale(shop.line("Serviço 1", 1, 50))
    work = await work_of(shop, sale_id)
    await act_on_work(shop, work, "invoice")
    await noticed(shop, sale_id, "ponte_omie_status", "OS: Faturado, NFS-e ")
    await shop.edit(sale_id, shop.line("Serviço 1", 2, 50))
    path = f"{shop.rig.path}/records/service_orders/omie/{work['Cabecalho']['nCodOS']}"
    [issue] = (await shop.rig.get_json(path))["issues"]
    assert issue["cause"] == "document_invoiced"
    assert not (await shop.rig.get_json(f"{path}/why"))["in_sync"]
    await shop.rig.answer("document_invoiced", "discard")
    assert (await shop.rig.get_json(path))["issues"] == []
    await shop.delete(sale_id)
    assert await shop.rig.issues() == ["delete_invoiced"]
    assert (await work_of(shop, sale_id))["InfoCadastro"]["cCancelada"] == "N"


@EMBEDDED
@at_speed(30)
@pytest.mark.feature("F180", "F181", "F011")
async def test_service_orders_are_cancelled_both_ways(shop: Shop) -> None:
    there, here = await shop.sale(shop.line("Serviço 1", 1, 50)), await shop.sale(shop.line("Serviço 1", 2, 50))
    await act_on_work(shop, await work_of(shop, there), "cancel")
    await noticed(shop, there, "ponte_omie_status", "OS: Cancelado")
    await shop.delete(here)
    assert (await work_of(shop, here))["InfoCadastro"]["cCancelada"] == "S"
    assert [param["cCancelarNfse"] for param in shop.rig.tap.of("CancelarOS")] == ["N"]
    assert await shop.rig.issues() == []


@EMBEDDED
@at_speed(30)
@pytest.mark.feature("F166", "F167")
async def test_a_client_that_changed_after_the_invoice_can_be_put_back(shop: Shop) -> None:
    other = await shop.client(Register="11444777000161", Name="Outra Padaria", LegalName="Outra Padaria Ltda")
    sale_id = await shop.sale(shop.line("Produto 1"))
    await shop.act(id_of(await shop.order_of(sale_id)), "invoice")
    await noticed(shop, sale_id, "ponte_omie_status", "Faturado, NF-e ")
    await shop.edit(sale_id, ContactId=other["Id"])
    assert await shop.rig.issues() == ["document_invoiced"]
    await shop.rig.answer("document_invoiced", "omie")
    assert (await shop.sales())[sale_id]["ContactId"] == shop.contact["Id"]
    changes = len(await shop.rig.changes())
    await shop.edit(sale_id, PersonName="Ana")
    assert await shop.rig.issues() == []
    assert len(await shop.rig.changes()) == changes  # it has settled: nothing is asked or written again


@EMBEDDED
@at_speed(30)
@pytest.mark.feature("F167", "F180", "F181")
@pytest.mark.parametrize("policy", ["inactivate", "ignore"])
async def test_deletions_by_policy(shop: Shop, policy: str) -> None:
    stage = await shop.rig.ploomes_new("Orders@Stages", Name="Canceladas")
    deletes = {"orders": policy, "service_orders": policy}
    await shop.rig.configure(deletes=deletes, orders={"cancelled_stage": int(stage)})
    sales = [await shop.sale(shop.line("Produto 1")) for _ in range(2)]
    works = [await shop.sale(shop.line("Serviço 1", 1, 50)) for _ in range(2)]
    orders, papers = [await shop.order_of(one) for one in sales], [await work_of(shop, one) for one in works]
    await shop.screen("orders", "DELETE", None, id_of(orders[0]))
    await shop.screen("service_orders", "DELETE", None, str(papers[0]["Cabecalho"]["nCodOS"]))
    await shop.delete(sales[1])
    await shop.delete(works[1])
    left = await shop.sales()
    assert {sales[0], works[0]} <= left.keys()
    marked = [str(left[one]["StageId"]) == stage for one in (sales[0], works[0])]
    assert marked == [policy == "inactivate"] * 2
    said: list[Any] = [await field(shop, one, "ponte_omie_status") for one in (sales[0], works[0])]
    assert ["excluído no Omie" in str(text) for text in said] == marked
    assert (await shop.order_of(sales[1]))["infoCadastro"]["cancelado"] == "N"
    assert (await work_of(shop, works[1]))["InfoCadastro"]["cCancelada"] == "N"
    await shop.edit(sales[0], shop.line("Produto 1", 7))
    assert len(await shop.orders()) == 1  # nothing comes back by itself
    assert await shop.rig.issues() == []

"""What happens to an order in Omie is seen on its sale in Ploomes."""

from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.rig import EMBEDDED, SPLIT, JsonObject, Rig, at_speed
from tests.e2e.shop import Shop, custom, number


@pytest.fixture
async def shop(rig: Rig) -> Shop:
    return await Shop(rig).open()


async def noticed(shop: Shop, sale_id: str, name: str, start: str, *, settle: bool = True) -> str:
    """Waits until a field of the sale says so: Omie marks cancelling and invoicing as made by an API (reference 4.2),
    so they are only looked at some minutes later."""

    async def said() -> str | None:
        text = await field(shop, sale_id, name)
        return text if text and text.startswith(start) else None

    found = str(await shop.rig.until(said, 60))
    if settle:
        await shop.rig.settle()
    return found


async def keys(shop: Shop) -> dict[str, str]:
    """FieldKeys of our own fields of sales, by stable name."""
    rows = await shop.rig.ploomes_set("Fields")
    return {row["SendExternalKey"]: row["Key"] for row in rows if row["EntityId"] == 4 and row.get("SendExternalKey")}


async def field(shop: Shop, sale_id: str, name: str) -> Any:
    return custom((await shop.sales())[sale_id], (await keys(shop)).get(name))


async def typed_order(shop: Shop, **head: Any) -> JsonObject:
    """A person types an order in Omie."""
    client = (await shop.rig.link("ploomes", shop.contact["Id"]))["omie_id"]
    account = next(row["nCodCC"] for row in await shop.omie("contacorrente") if row["inativo"] == "N")
    one, two = (int(shop.products[name][0]) for name in ("Produto 1", "Produto 2"))
    given = {
        "cabecalho": {"codigo_cliente": int(client), "data_previsao": "10/12/2030", "etapa": "10",
                      "codigo_parcela": "000", **head},
        "det": [
            {"ide": {"codigo_item_integracao": "a"},
             "produto": {"codigo_produto": one, "quantidade": 2, "valor_unitario": 12.5}},
            {"ide": {"codigo_item_integracao": "b"},
             "produto": {"codigo_produto": two, "quantidade": 1, "valor_unitario": 3, "tipo_desconto": "V",
                         "valor_desconto": 0.5}},
        ],
        "informacoes_adicionais": {"codigo_categoria": "1.01.03", "codigo_conta_corrente": account,
                                   "consumidor_final": "S"},
    }  # fmt: skip
    made = await shop.screen("orders", "POST", given)
    await shop.rig.settle()
    return made


@SPLIT
@pytest.mark.feature("F009", "F164", "F170")
async def test_an_order_typed_in_omie_becomes_a_sale(shop: Shop) -> None:
    order = await typed_order(shop)
    [(sale_id, sale)] = (await shop.sales()).items()
    assert sale["ContactId"] == shop.contact["Id"]
    assert [number(line["Total"]) for line in sale["Products"]] == [Decimal("25.00"), Decimal("2.50")]
    assert number(sale["Amount"]) == Decimal("27.50")
    omie_id = str(order["cabecalho"]["codigo_pedido"])
    assert await field(shop, sale_id, "ponte_omie_id") == omie_id
    assert await field(shop, sale_id, "ponte_omie_number") == order["cabecalho"]["numero_pedido"].lstrip("0")
    assert len(await shop.orders()) == 1
    record = await shop.rig.get_json(f"{shop.rig.path}/records/orders/omie/{omie_id}")
    assert record["link"]["ploomes_id"] == sale_id
    assert record["screens"]["ploomes"]["screen"].endswith(f"/order/{sale_id}")
    assert record["screens"]["ploomes"]["record"].endswith(f"/records/orders/ploomes/{sale_id}")
    assert record["screens"]["omie"]["record"].endswith(f"/records/orders/omie/{omie_id}")


@SPLIT
@pytest.mark.feature("F164")
async def test_both_numbers_are_kept_on_both_sides(shop: Shop) -> None:
    sale_id = await shop.sale(shop.line("Produto 1"))
    order, sale = await shop.order_of(sale_id), (await shop.sales())[sale_id]
    assert order["informacoes_adicionais"]["numero_pedido_cliente"] == str(sale["OrderNumber"])
    assert await field(shop, sale_id, "ponte_omie_number") == str(order["cabecalho"]["numero_pedido"]).lstrip("0")
    assert await field(shop, sale_id, "ponte_omie_status") == "Em aberto"


@SPLIT
@pytest.mark.feature("F156", "F159", "F166")
async def test_an_edit_of_the_order_reaches_the_sale_and_a_new_client_does_not(shop: Shop) -> None:
    sale_id = await shop.sale(shop.line("Produto 1", 2, "10.00"), shop.line("Produto 2", 1, "5.00"))
    order = await shop.order_of(sale_id)
    person = {"razao_social": "Outro Cliente", "nome_fantasia": "Outro", "cnpj_cpf": "52998224725"}
    other = await shop.rig.omie_new(**person, estado="SP", cidade="SAO PAULO (SP)")
    await shop.rig.settle()
    item = order["det"][0]["ide"]["codigo_item"]
    order_id = order["cabecalho"]["codigo_pedido"]
    change = {
        "cabecalho": {"codigo_cliente": other["codigo_cliente_omie"]},
        "det": [{"ide": {"codigo_item": item}, "produto": {"quantidade": 3}}],
    }
    await shop.screen("orders", "PATCH", change, str(order_id))
    await shop.rig.settle()
    sale = (await shop.sales())[sale_id]
    assert sorted(number(line["Total"]) for line in sale["Products"]) == [Decimal(5), Decimal(30)]
    assert number(sale["Amount"]) == Decimal(35)
    assert sale["ContactId"] == shop.contact["Id"]
    notes = [note for change in await shop.rig.changes() for note in change["notes"]]
    assert any("cliente do documento mudou no Omie" in note for note in notes)
    assert str((await shop.order_of(sale_id))["cabecalho"]["codigo_cliente"]) == str(other["codigo_cliente_omie"])


@SPLIT
@at_speed(60)
@pytest.mark.feature("F171", "F181")
async def test_stage_by_name_then_invoiced_with_number(shop: Shop) -> None:
    await shop.rig.configure(orders={"stage_to": "stage"})
    stages = await shop.rig.ploomes_set("Orders@Stages")
    wanted = next(str(row["Id"]) for row in stages if row["Name"] == "Separar Estoque")
    sale_id = await shop.sale(shop.line("Produto 1"))
    order_id = (await shop.order_of(sale_id))["cabecalho"]["codigo_pedido"]
    await shop.act(order_id, "stage", etapa="20")

    async def moved() -> bool:
        return str((await shop.sales())[sale_id]["StageId"]) == wanted

    await shop.rig.until(moved, 60)
    await shop.act(order_id, "invoice")
    await noticed(shop, sale_id, "ponte_omie_status", "Faturado, NF-e ")


@SPLIT
@at_speed(60)
@pytest.mark.feature("F180", "F181")
async def test_a_cancelled_order_marks_its_sale(shop: Shop) -> None:
    stage = await shop.rig.ploomes_new("Orders@Stages", Name="Canceladas")
    await shop.rig.configure(orders={"cancelled_stage": int(stage)})
    sale_id = await shop.sale(shop.line("Produto 1"))
    await shop.act((await shop.order_of(sale_id))["cabecalho"]["codigo_pedido"], "cancel")
    assert await noticed(shop, sale_id, "ponte_omie_status", "Cancelado")
    assert str((await shop.sales())[sale_id]["StageId"]) == stage


@SPLIT
@pytest.mark.feature("F167", "F181")
async def test_the_deletion_matrix(shop: Shop) -> None:
    first, second = await shop.sale(shop.line("Produto 1")), await shop.sale(shop.line("Produto 2"))
    order_id = (await shop.order_of(first))["cabecalho"]["codigo_pedido"]
    await shop.screen("orders", "DELETE", None, str(order_id))
    await shop.rig.settle()
    assert first not in await shop.sales()
    await shop.delete(second)
    assert (await shop.order_of(second))["infoCadastro"]["cancelado"] == "S"
    assert await shop.rig.issues() == []


@EMBEDDED
@pytest.mark.feature("F180")
async def test_cancelling_can_be_switched_off(shop: Shop) -> None:
    await shop.rig.configure(orders={"cancel_in_omie": False})
    sale_id = await shop.sale(shop.line("Produto 1"))
    await shop.delete(sale_id)
    assert (await shop.order_of(sale_id))["infoCadastro"]["cancelado"] == "N"


@SPLIT
@pytest.mark.feature("F167")
@at_speed(60)
async def test_an_invoiced_order_is_never_touched_and_a_person_is_asked(shop: Shop) -> None:
    edited, deleted = await shop.sale(shop.line("Produto 1")), await shop.sale(shop.line("Produto 2"))
    for sale_id in (edited, deleted):
        await shop.act((await shop.order_of(sale_id))["cabecalho"]["codigo_pedido"], "invoice")
    await shop.edit(edited, shop.line("Produto 1", 5))
    await shop.delete(deleted)
    assert await shop.rig.issues() == ["delete_invoiced", "document_invoiced"]
    assert number((await shop.order_of(edited))["det"][0]["produto"]["quantidade"]) == 1
    assert (await shop.order_of(deleted))["infoCadastro"]["cancelado"] == "N"
    await shop.rig.answer("document_invoiced", "omie")
    assert number((await shop.sales())[edited]["Products"][0]["Quantity"]) == 1
    await shop.rig.answer("delete_invoiced", "discard")
    assert await shop.rig.issues() == []

"""Carriers, payments, scenarios, instalments, mapped fields and taxes of an order."""

from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.shop import Shop, number
from tests.e2e.test_sales_preflight import family

CARRIER = "11444777000161"


async def new_field(rig: Rig, name: str, type_name: str, entity: int = 4, options: tuple[str, ...] = ()) -> JsonObject:
    """A custom field of sales (4) or of their lines (20), made by the account's administrator."""
    types = await rig.ploomes_set("Fields@Types")
    body: JsonObject = {
        "Name": name, "EntityId": entity, "TypeId": next(row["Id"] for row in types if row["Name"] == type_name),
    }  # fmt: skip
    if options:
        table = await rig.ploomes_new("Fields@OptionsTables", Name=name)
        for option in options:
            await rig.ploomes_new("Fields@OptionsTables@Options", TableId=int(table), Name=option)
        body["OptionsTableId"] = int(table)
    await rig.post("/sandbox/ploomes/sandbox-user-key/screen/Fields", body)
    rows = await rig.ploomes_set("Fields")
    return next(row for row in rows if row["Name"] == name and row["EntityId"] == entity)


async def option_id(rig: Rig, name: str) -> int:
    return next(int(row["Id"]) for row in await rig.ploomes_set("Fields@OptionsTables@Options") if row["Name"] == name)


@pytest.mark.feature("F177", "F178", "F182", "F183", "F184", "F185", "F186", "F187", "F188", "F189")
async def test_carrier_payment_scenario_and_instalments(rig: Rig) -> None:
    carrier = await new_field(rig, "Transportadora da venda", "Opções pré-cadastradas", options=("Rápida",))
    payment = await new_field(rig, "Forma de pagamento", "Opções pré-cadastradas", options=("Boleto 2x",))
    shop = Shop(rig)
    await shop.open(products=1, services=0, carrier_field=carrier["Key"], carrier_missing="create",
                    payment_field=payment["Key"])  # fmt: skip
    accounts = [row["nCodCC"] for row in await shop.omie("contacorrente") if row["inativo"] == "N"]
    scenario = next(row["nCodigo"] for row in await shop.omie("cenarios") if row["padrao"] == "S")
    fast, slip = await option_id(rig, "Rápida"), await option_id(rig, "Boleto 2x")
    await rig.configure(
        orders={"tax_scenario": scenario},
        carriers=[{"option": fast, "cnpj": CARRIER, "name": "Transportes Rápida", "freight_type": "1"}],
        payments=[{"option": slip, "omie_account": accounts[1], "omie_installments": "002", "payment_method": "15"}],
    )
    chosen = [{"FieldKey": carrier["Key"], "IntegerValue": fast}, {"FieldKey": payment["Key"], "IntegerValue": slip}]
    sale_id = await shop.sale(shop.line("Produto 1", 3, "33.33"), OtherProperties=chosen)
    order = await shop.order_of(sale_id)
    [company] = [c for c in await rig.clients() if c["razao_social"] == "Transportes Rápida"]
    assert {"tag": "Transportadora"} in company["tags"]
    assert str(order["frete"]["codigo_transportadora"]) == str(company["codigo_cliente_omie"])
    assert order["frete"]["modalidade"] == "1"
    assert order["informacoes_adicionais"]["codigo_conta_corrente"] == accounts[1]
    assert order["informacoes_adicionais"]["meio_pagamento"] == "15"
    assert order["cabecalho"]["codigo_parcela"] == "002"
    assert str(order["cabecalho"]["codigo_cenario_impostos"]) == str(scenario)
    assert order["informacoes_adicionais"]["consumidor_final"] == "S"
    assert await rig.issues() == []


@EMBEDDED
@pytest.mark.feature("F185")
async def test_a_carrier_that_is_none_is_refused_by_policy(rig: Rig) -> None:
    carrier = await new_field(rig, "Transportadora da venda", "Opções pré-cadastradas", options=("Rápida",))
    shop = await Shop(rig).open(products=1, services=0, carrier_field=carrier["Key"])
    fast = await option_id(rig, "Rápida")
    await rig.configure(carriers=[{"option": fast, "cnpj": CARRIER, "name": "Rápida", "freight_type": "1"}])
    chosen = [{"FieldKey": carrier["Key"], "IntegerValue": fast}]
    await shop.sale(shop.line("Produto 1"), settle=False, OtherProperties=chosen)

    async def told() -> bool:
        return await rig.issues() == ["preflight"]

    await rig.until(told)
    assert "não é uma transportadora" in (await rig.issue("preflight"))["detail"]
    assert await shop.orders() == []


@pytest.mark.feature("F165", "F220", "F222", "F223", "F227", "F228", "F231", "F232", "F233", "F236")
async def test_mapped_fields_and_taxes_of_the_lines(rig: Rig) -> None:
    wanted: dict[str, tuple[str, int]] = {
        "VendaProduto.Valor do Frete": ("Moeda", 4),
        "VendaProduto.Observações": ("Texto multilinha", 4),
        "VendaProduto.Contato": ("Texto simples", 4),
        "VendaProduto.Número de Parcelas": ("Número inteiro", 4),
        "VendaProduto.Previsão de Faturamento": ("Data", 4),
        "VendaProduto.Valor Total do Pedido": ("Moeda", 4),
        "VendaProduto.Item.Alíquota ICMS": ("Porcentagem", 20),
    }
    keys: dict[str, str] = {}
    for name, (type_name, entity) in wanted.items():
        keys[name] = (await new_field(rig, name.rsplit(".", 1)[-1], type_name, entity))["Key"]
    shop = await Shop(rig).open(products=1, services=0, tax_owner="ploomes")
    rows = [
        {"omie": name, "ploomes": key, "direction": "to_ploomes" if "Total" in name else "both"}
        for name, key in keys.items()
    ]
    await rig.configure(mappings=rows)

    def given(name: str, column: str, value: Any) -> JsonObject:
        return {"FieldKey": keys[f"VendaProduto.{name}"], column: value}

    line = shop.line("Produto 1", 2, "50.00", OtherProperties=[given("Item.Alíquota ICMS", "DecimalValue", 7)])
    sale_id = await shop.sale(
        line,
        OtherProperties=[
            given("Valor do Frete", "DecimalValue", 12.34),
            given("Observações", "BigStringValue", "Deixar na portaria"),
            given("Contato", "StringValue", "Ana"),
            given("Número de Parcelas", "IntegerValue", 7),
            given("Previsão de Faturamento", "DateTimeValue", "2031-05-04T00:00:00-03:00"),
        ],
    )
    order = await shop.order_of(sale_id)
    assert number(order["frete"]["valor_frete"]) == Decimal("12.34")
    assert order["observacoes"]["obs_venda"] == "Deixar na portaria"
    assert order["informacoes_adicionais"]["contato"] == "Ana"
    assert order["cabecalho"]["data_previsao"] == "04/05/2031"
    assert order["cabecalho"]["codigo_parcela"] == "999"
    parts = order["lista_parcelas"]["parcela"]
    assert len(parts) == 7
    assert sum(number(part["valor"]) for part in parts) == Decimal("112.34")
    assert number(order["det"][0]["imposto"]["icms"]["aliq_icms"]) == 7
    assert await rig.issues() == []
    sale = (await shop.sales())[sale_id]
    total = next(
        row["DecimalValue"]
        for row in sale["OtherProperties"]
        if row["FieldKey"] == keys["VendaProduto.Valor Total do Pedido"]
    )
    assert number(total) == number(order["total_pedido"]["valor_total_pedido"])


@EMBEDDED
@at_speed(60)
@pytest.mark.feature("F165")
async def test_a_tax_that_could_not_be_sent_yet_is_sent_once_it_may(rig: Rig) -> None:
    key = (await new_field(rig, "Alíquota ICMS", "Porcentagem", 20))["Key"]
    shop = await Shop(rig).open(products=1, services=0, tax_owner="ploomes")
    row = {"omie": "VendaProduto.Item.Alíquota ICMS", "ploomes": key, "direction": "both"}
    await rig.configure(mappings=[row], entities={"products": False})

    def line(rate: int) -> JsonObject:
        return shop.line("Produto 1", OtherProperties=[{"FieldKey": key, "DecimalValue": rate}])

    async def told() -> bool:
        return await rig.issues() == ["preflight"]

    async def sent() -> bool:
        return number((await shop.order_of(sale_id))["det"][0]["imposto"]["icms"]["aliq_icms"]) == 8

    sale_id = await shop.sale(line(7))
    await family("Outra")(shop, sale_id)
    await shop.edit(sale_id, line(8), settle=False)
    await rig.until(told)
    await family("Produtos")(shop, sale_id)
    await rig.until(sent)
    await rig.settle()
    assert await rig.issues() == []


@EMBEDDED
@pytest.mark.feature("F181", "F222")
async def test_a_sale_whose_notes_are_mapped_counts_as_edited_only_when_they_changed(rig: Rig) -> None:
    key = (await new_field(rig, "Observações", "Texto multilinha"))["Key"]
    shop = await Shop(rig).open(products=1, services=0)
    await rig.configure(mappings=[{"omie": "VendaProduto.Observações", "ploomes": key, "direction": "both"}])

    def notes(text: str) -> list[JsonObject]:
        return [{"FieldKey": key, "BigStringValue": text}]

    left, edited = [
        await shop.sale(shop.line("Produto 1"), Description="Só no Ploomes", OtherProperties=notes("Portaria"))
        for _ in range(2)
    ]
    orders = [str((await shop.order_of(sale_id))["cabecalho"]["codigo_pedido"]) for sale_id in (left, edited)]
    await shop.screen("orders", "DELETE", None, orders[0])
    await rig.settle()
    assert await rig.issues() == []
    assert left not in await shop.sales()
    await rig.stop_worker()
    await shop.edit(edited, settle=False, OtherProperties=notes("Fundos"))
    await shop.screen("orders", "DELETE", None, orders[1])
    rig.start_worker()

    async def asked() -> bool:
        return await rig.issues() == ["delete_edited"]

    await rig.until(asked)
    assert edited in await shop.sales()

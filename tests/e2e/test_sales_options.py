"""Carriers, payments, scenarios, instalments, mapped fields and taxes of an order."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.sync.models import WriteEntry, WriteState
from tests.e2e.rig import APP_KEY, EMBEDDED, SPLIT, JsonObject, Rig, at_speed
from tests.e2e.shop import Shop, custom, move_family, new_field, number, option_id

CARRIER = "11444777000161"


@SPLIT
@pytest.mark.feature("F151", "F160", "F177", "F178", "F182", "F183", "F184", "F185", "F186", "F187", "F188", "F189")
async def test_carrier_payment_scenario_and_instalments(rig: Rig) -> None:
    carrier = await new_field(rig, "Transportadora da venda", "Opções pré-cadastradas", options=("Rápida",))
    payment = await new_field(rig, "Forma de pagamento", "Opções pré-cadastradas", options=("Boleto 2x",))
    shop = Shop(rig)
    await shop.open(products=1, services=0, carrier_field=carrier["Key"], carrier_missing="create",
                    payment_field=payment["Key"])  # fmt: skip
    accounts = [row["nCodCC"] for row in await shop.omie("contacorrente") if row["inativo"] == "N"]
    scenario = next(row["nCodigo"] for row in await shop.omie("cenarios") if row["padrao"] == "S")
    depot = (await rig.omie_put("locations", codigo="L1", descricao="Depósito", tipo="1"))["codigo_local_estoque"]
    fast, slip = await option_id(rig, "Rápida"), await option_id(rig, "Boleto 2x")
    await rig.configure(
        orders={"tax_scenario": scenario, "default_stock_location": str(depot)},
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
    assert [row["inf_adic"]["codigo_local_estoque"] for row in order["det"]] == [depot]
    assert order["informacoes_adicionais"]["codigo_conta_corrente"] == accounts[1]
    assert order["informacoes_adicionais"]["meio_pagamento"] == "15"
    assert order["cabecalho"]["codigo_parcela"] == "002"
    assert str(order["cabecalho"]["codigo_cenario_impostos"]) == str(scenario)
    assert order["informacoes_adicionais"]["consumidor_final"] == "S"
    again = await shop.sale(shop.line("Produto 1"), OtherProperties=chosen)
    carried = (await shop.order_of(again))["frete"]["codigo_transportadora"]
    assert str(carried) == str(company["codigo_cliente_omie"])
    assert all(p["codigo_cliente_omie"] != carried for p in rig.tap.of("ConsultarCliente"))  # the index knows it
    assert await rig.issues() == []


@SPLIT
@at_speed(60)
@pytest.mark.feature("F182", "F184", "F185", "F186", "F187", "F188", "F189")
async def test_another_carrier_or_payment_chosen_later_is_told_until_the_order_is_invoiced(rig: Rig) -> None:
    carrier = await new_field(rig, "Transportadora da venda", "Opções pré-cadastradas", options=("Rápida", "Lenta"))
    payment = await new_field(rig, "Forma de pagamento", "Opções pré-cadastradas", options=("Boleto 2x", "Sem linha"))
    shop = await Shop(rig).open(products=1, services=1, carrier_field=carrier["Key"], carrier_missing="create",
                                payment_field=payment["Key"])  # fmt: skip
    accounts = [row["nCodCC"] for row in await shop.omie("contacorrente") if row["inativo"] == "N"]
    fast, slow = await option_id(rig, "Rápida"), await option_id(rig, "Lenta")
    slip, unlisted = await option_id(rig, "Boleto 2x"), await option_id(rig, "Sem linha")
    await rig.configure(
        carriers=[{"option": fast, "cnpj": CARRIER, "name": "Rápida", "freight_type": "1"},
                  {"option": slow, "cnpj": "11222333000262", "name": "Lenta", "freight_type": "0"}],
        payments=[{"option": slip, "omie_account": accounts[1], "omie_installments": "002", "payment_method": "15"}],
    )  # fmt: skip

    def chosen(carried: int | None, paid: int | None) -> list[JsonObject]:
        return [
            {"FieldKey": carrier["Key"], "IntegerValue": carried},
            {"FieldKey": payment["Key"], "IntegerValue": paid},
        ]

    async def terms() -> tuple[str, str, str, str, str]:
        """Carrier, freight type, account, instalments and means of payment of the order."""
        order = await shop.order_of(sale_id)
        freight, more = order["frete"], order["informacoes_adicionais"]
        names = {str(row["codigo_cliente_omie"]): row["razao_social"] for row in await rig.clients()}
        carried = names.get(str(freight.get("codigo_transportadora") or ""), "")
        account = "boleto" if more["codigo_conta_corrente"] == accounts[1] else "conta"
        return (
            carried, freight["modalidade"], account, order["cabecalho"]["codigo_parcela"],
            more.get("meio_pagamento") or "",
        )  # fmt: skip

    sale_id = await shop.sale(
        shop.line("Produto 1", 2, "50.00"), shop.line("Serviço 1", 1, "30.00"), OtherProperties=chosen(fast, None)
    )
    assert await terms() == ("Rápida", "1", "conta", "000", "")
    await shop.edit(sale_id, OtherProperties=chosen(slow, slip))
    assert await terms() == ("Lenta", "0", "boleto", "002", "15")
    [work] = await shop.service_orders()
    assert (work["Cabecalho"]["cCodParc"], work["InformacoesAdicionais"]["nCodCC"]) == ("002", accounts[1])
    await shop.edit(sale_id, OtherProperties=chosen(None, None))
    assert await terms() == ("", "9", "conta", "000", "")
    writes = await rig.writes()
    await shop.edit(sale_id, shop.line("Produto 1", 3, "50.00"), shop.line("Serviço 1", 1, "30.00"))
    assert await terms() == ("", "9", "conta", "000", "")
    assert await rig.writes() == writes + 1  # the lines alone
    await shop.edit(sale_id, OtherProperties=chosen(None, unlisted), settle=False)

    async def told() -> bool:
        return await rig.issues() == ["preflight"]

    await rig.until(told)
    assert "não está na tabela de pagamentos" in (await rig.issue("preflight"))["detail"]
    await shop.edit(sale_id, OtherProperties=chosen(fast, slip))
    assert await rig.issues() == []
    assert await terms() == ("Rápida", "1", "boleto", "002", "15")
    await shop.act((await shop.order_of(sale_id))["cabecalho"]["codigo_pedido"], "invoice")
    await rig.ponte.clock.sleep(61)  # what was seen at the last edit does not count as read any more
    await shop.edit(sale_id, OtherProperties=chosen(slow, slip))
    assert await rig.issues() == ["document_invoiced"]
    assert (await rig.issue("document_invoiced"))["detail"].endswith("Mudou na venda: Transportadora.")
    assert (await terms())[0] == "Rápida"
    assert not await rig.refusals()


@EMBEDDED
@at_speed(30)
@pytest.mark.feature("F184", "F185")
@pytest.mark.parametrize("there", [False, True])
async def test_a_carrier_whose_answer_was_lost_is_there_once(rig: Rig, there: bool) -> None:
    """Made, or, where a client has the CNPJ without the role, given the role."""
    carrier = await new_field(rig, "Transportadora da venda", "Opções pré-cadastradas", options=("Rápida",))
    shop = await Shop(rig).open(products=1, services=0, carrier_field=carrier["Key"], carrier_missing="create")
    fast = await option_id(rig, "Rápida")
    await rig.configure(carriers=[{"option": fast, "cnpj": CARRIER, "name": "Rápida", "freight_type": "1"}])
    if there:
        await rig.omie_new(razao_social="Rápida", nome_fantasia="Rápida", cnpj_cpf=CARRIER)
        await rig.settle()
    call = "IncluirTags" if there else "IncluirCliente"
    await rig.fault("disconnect", vendor="omie", match=call, when="after", times=1)
    sales = [
        await shop.sale(
            shop.line("Produto 1"), OtherProperties=[{"FieldKey": carrier["Key"], "IntegerValue": fast}], settle=False
        )
        for _ in range(2)
    ]

    async def both() -> bool:
        return len(await shop.orders()) == 2

    await rig.until(both, 60)
    await rig.settle()
    [made] = [c for c in await rig.clients() if c["cnpj_cpf"].startswith("11.444") or c["cnpj_cpf"] == CARRIER]
    assert {"tag": "Transportadora"} in made["tags"]
    carried = {(await shop.order_of(sale_id))["frete"]["codigo_transportadora"] for sale_id in sales}
    assert carried == {made["codigo_cliente_omie"]}
    async with rig.ponte.db.read() as session:
        assert list(await session.scalars(select(WriteEntry.id).where(WriteEntry.state == WriteState.SENT))) == []
    assert await rig.issues() == []


@EMBEDDED
@pytest.mark.feature("F185")
async def test_a_carrier_that_is_none_is_refused_by_policy(rig: Rig) -> None:
    carrier = await new_field(rig, "Transportadora da venda", "Opções pré-cadastradas", options=("Rápida",))
    shop = await Shop(rig).open(products=1, services=0, carrier_field=carrier["Key"])
    fast = await option_id(rig, "Rápida")
    await rig.configure(carriers=[{"option": fast, "cnpj": CARRIER, "name": "Rápida", "freight_type": "1"}])
    chosen = [{"FieldKey": carrier["Key"], "IntegerValue": fast}]
    later = await shop.sale(shop.line("Produto 1"))
    refused = await shop.sale(shop.line("Produto 1"), settle=False, OtherProperties=chosen)

    async def told() -> bool:
        return await rig.issues() == ["preflight"]

    await rig.until(told)
    assert "não é uma transportadora" in (await rig.issue("preflight"))["detail"]
    codes = [order["cabecalho"]["codigo_pedido_integracao"] for order in await shop.orders()]
    assert f"PLOOMES-{refused}" not in codes
    await shop.edit(later, settle=False, OtherProperties=chosen)  # an order that is there waits for it just the same

    async def both_told() -> bool:
        return await rig.issues() == ["preflight", "preflight"]

    await rig.until(both_told)
    await rig.omie_new(
        razao_social="Rápida", nome_fantasia="Rápida", cnpj_cpf=CARRIER, tags=[{"tag": "Transportadora"}]
    )
    await shop.edit(later, settle=False, Description="agora")

    async def carried() -> bool:
        return bool((await shop.order_of(later))["frete"].get("codigo_transportadora"))

    await rig.until(carried, 60)


@SPLIT
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
    await move_family(shop, "Produto 1", "Outra")
    await shop.edit(sale_id, line(8), settle=False)
    await rig.until(told)
    await move_family(shop, "Produto 1", "Produtos")
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


@EMBEDDED
@pytest.mark.feature("F177", "F178")
async def test_taxpayers_of_icms_get_the_second_scenario_and_are_no_final_consumers(rig: Rig) -> None:
    shop = await Shop(rig).open(products=1, services=0)
    first, second = (row["nCodigo"] for row in (await shop.omie("cenarios"))[:2])
    await rig.configure(orders={"tax_scenario": first, "tax_scenario_taxpayer": second})
    payer = await shop.client(Register=CARRIER, Name="Indústria", LegalName="Indústria Ltda")
    await rig.omie_edit((await rig.link("ploomes", payer["Id"]))["omie_id"], contribuinte="S")
    await rig.settle()
    plain, taxed = (
        await shop.sale(shop.line("Produto 1")),
        await shop.sale(shop.line("Produto 1"), ContactId=payer["Id"]),
    )
    told = [await shop.order_of(sale_id) for sale_id in (plain, taxed)]
    assert [str(order["cabecalho"]["codigo_cenario_impostos"]) for order in told] == [str(first), str(second)]
    assert [order["informacoes_adicionais"]["consumidor_final"] for order in told] == ["S", "N"]
    assert await rig.issues() == []


@EMBEDDED
@pytest.mark.feature("F165", "F233")
async def test_a_company_in_simples_nacional_is_told_csosn(rig: Rig) -> None:
    shop = Shop(rig)
    company = (await shop.omie("empresas"))[0]["codigo_empresa"]
    path = f"/sandbox/omie/{APP_KEY}/catalogs/empresas/{company}"
    assert (await rig.control.patch(path, json={"optante_simples_nacional": "S"})).is_success
    key = (await new_field(rig, "Alíquota ICMS", "Porcentagem", 20))["Key"]
    await shop.open(products=1, services=0, tax_owner="ploomes")
    row = {"omie": "VendaProduto.Item.Alíquota ICMS", "ploomes": key, "direction": "both"}
    await rig.configure(mappings=[row])
    tax = {"OtherProperties": [{"FieldKey": key, "DecimalValue": 2.5}]}
    await shop.sale(shop.line("Produto 1", **tax))
    [sent] = rig.tap.of("IncluirPedido")
    assert sent["det"][0]["imposto"] == {"icms_sn": {"aliq_icms_sn": 2.5}}
    assert number((await shop.orders())[0]["det"][0]["imposto"]["icms_sn"]["aliq_icms_sn"]) == Decimal("2.5")
    assert await rig.issues() == []


@SPLIT
@pytest.mark.feature("F171")
async def test_a_text_field_shows_the_stage(rig: Rig) -> None:
    key = (await new_field(rig, "Etapa no Omie", "Texto simples"))["Key"]
    shop = await Shop(rig).open(products=1, services=0, stage_to=key)
    sale_id = await shop.sale(shop.line("Produto 1"))
    before = (await shop.sales())[sale_id]
    assert custom(before, key) == "Pedido de Venda"
    await shop.act((await shop.order_of(sale_id))["cabecalho"]["codigo_pedido"], "stage", etapa="20")
    after = (await shop.sales())[sale_id]
    assert custom(after, key) == "Separar Estoque"
    assert after["StageId"] == before["StageId"]
    assert await rig.issues() == []


@EMBEDDED
@at_speed(40)
@pytest.mark.feature("F227", "F226")
async def test_edits_of_the_freight_go_both_ways_and_stay_in_the_amount(rig: Rig) -> None:
    key = (await new_field(rig, "Frete", "Moeda"))["Key"]
    shop = await Shop(rig).open(products=1, services=0)
    await rig.configure(mappings=[{"omie": "VendaProduto.Valor do Frete", "ploomes": key, "direction": "both"}])

    def sold(freight: str) -> JsonObject:
        amount = Decimal("20.00") + Decimal(freight)
        return {
            "OtherProperties": [{"FieldKey": key, "DecimalValue": float(freight)}], "Amount": float(amount)
        }  # fmt: skip

    async def freight() -> tuple[Decimal, str]:
        there = (await shop.order_of(sale_id))["frete"]
        return number(there.get("valor_frete") or 0), str(there["modalidade"])

    sale_id = await shop.sale(shop.line("Produto 1", 2), **sold("0"))
    assert await freight() == (0, "9")
    await shop.edit(sale_id, **sold("12.34"))
    assert await freight() == (Decimal("12.34"), "0")
    order_id = str((await shop.order_of(sale_id))["cabecalho"]["codigo_pedido"])
    await shop.screen("orders", "PATCH", {"frete": {"valor_frete": 7.5, "modalidade": "1"}}, order_id)
    await rig.settle()
    sale = (await shop.sales())[sale_id]
    shown = next(row["DecimalValue"] for row in sale["OtherProperties"] if row["FieldKey"] == key)
    assert number(shown) == Decimal("7.5")
    assert number(sale["Amount"]) == Decimal("27.5")
    await shop.edit(sale_id, shop.line("Produto 1", 3), Amount=37.5)
    assert await freight() == (Decimal("7.5"), "1")
    await shop.edit(sale_id, **{**sold("0"), "Amount": 30})
    assert await freight() == (0, "9")
    assert await rig.issues() == []

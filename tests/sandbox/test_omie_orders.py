"""Omie's sales orders: totals, items, instalments, stages, invoicing and their webhooks (omie-api.md 3.6, 4.5, 5)."""

from datetime import timedelta
from typing import Any

import pytest

from .conftest import APP_KEY, Bench, client
from .test_omie_products import HOOK, create

ORDERS, INVOICING = "produtos/pedido", "produtos/pedidovendafat"


class Shop:
    """A company with one client, two products and one order after another."""

    def __init__(self, bench: Bench, buyer: int, products: list[int], account: int) -> None:
        self.bench, self.buyer, self.products, self.account = bench, buyer, products, account

    def item(self, code: str, product: int = 0, quantity: Any = 1, price: Any = 10, **fields: Any) -> dict[str, Any]:
        goods = {"codigo_produto": self.products[product], "quantidade": quantity, "valor_unitario": price, **fields}
        return {"ide": {"codigo_item_integracao": code}, "produto": goods}

    def order(self, code: str = "PV-1", items: list[dict[str, Any]] | None = None, head: Any = None,
              extra: Any = None, **blocks: Any) -> dict[str, Any]:  # fmt: skip
        day = self.bench.sandbox.clock.brasilia() + timedelta(days=5)
        base = {"codigo_cliente": self.buyer, "codigo_pedido_integracao": code, "data_previsao": f"{day:%d/%m/%Y}",
                "etapa": "10", "codigo_parcela": "000"}  # fmt: skip
        more = {"codigo_categoria": "1.01.03", "codigo_conta_corrente": self.account, "consumidor_final": "S"}
        return {"cabecalho": base | (head or {}), "det": items if items is not None else [self.item("1")],
                "informacoes_adicionais": more | (extra or {}), **blocks}  # fmt: skip

    async def include(self, *args: Any, **kwargs: Any) -> int:
        answer = await self.bench.omie("IncluirPedido", self.order(*args, **kwargs), ORDERS)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["codigo_pedido"])

    async def alter(self, order: int, head: Any = None, **blocks: Any) -> Any:
        param = {"cabecalho": {"codigo_pedido": order, **(head or {})}, **blocks}
        return (await self.bench.omie("AlterarPedidoVenda", param, ORDERS)).json()

    async def read(self, order: int) -> dict[str, Any]:
        return dict(await self.bench.control("GET", f"omie/{APP_KEY}/orders/{order}"))

    async def act(self, order: int, act: str, **body: Any) -> None:
        await self.bench.omie_screen("POST", f"orders/{order}/{act}", body)


@pytest.fixture
async def shop(bench: Bench) -> Shop:
    full = {"endereco": "Rua A", "endereco_numero": "1", "bairro": "Centro", "cidade": "SAO PAULO (SP)",
            "cep": "01310100", "email": "a@b.com.br"}  # fmt: skip
    made = await bench.omie("IncluirCliente", client(**full))
    products = [await create(bench, "P-1"), await create(bench, "P-2")]
    accounts = await bench.control("GET", f"omie/{APP_KEY}/accounts")
    return Shop(bench, made.json()["codigo_cliente_omie"], products, accounts[0]["nCodCC"])


async def test_answer_pads_the_number_and_lists_do_not(shop: Shop) -> None:
    answer = (await shop.bench.omie("IncluirPedido", shop.order(), ORDERS)).json()
    assert (answer["codigo_status"], len(answer["numero_pedido"])) == ("0", 15)
    row = await shop.read(answer["codigo_pedido"])
    assert row["cabecalho"]["numero_pedido"] == answer["numero_pedido"].lstrip("0")
    assert (row["cabecalho"]["quantidade_itens"], row["cabecalho"]["encerrado"]) == (1, "")


async def test_consult_wraps_and_hides_blanks_but_never_the_flags(shop: Shop) -> None:
    order = await shop.include()
    answer = (await shop.bench.omie("ConsultarPedido", {"codigo_pedido": order}, ORDERS)).json()
    row = answer["pedido_venda_produto"]
    assert "encerrado" not in row["cabecalho"]
    assert "frete" not in row
    assert row["infoCadastro"]["cancelado"] == row["infoCadastro"]["faturado"] == "N"
    assert "dCan" not in row["infoCadastro"]
    listed = (await shop.bench.omie("ListarPedidos", {"pagina": 1}, ORDERS)).json()["pedido_venda_produto"][0]
    assert (listed["cabecalho"]["encerrado"], listed["frete"]) == ("", {})
    assert listed["det"][0]["produto"]["codigo"] == "SKU P-1"


async def test_totals_to_the_cent(shop: Shop) -> None:
    items = [
        shop.item("1", 0, 3, "0.335"),
        shop.item("2", 1, "1.5", 99.99, tipo_desconto="P", percentual_desconto=10),
        shop.item("3", 1, 2, 10, tipo_desconto="V", valor_desconto="0.07"),
    ]
    order = await shop.include(items=items, frete={"modalidade": "0", "valor_frete": 12.5, "outras_despesas": 1})
    row = await shop.read(order)
    lines = [item["produto"] for item in row["det"]]
    assert [(line["valor_mercadoria"], line["valor_desconto"], line["valor_total"]) for line in lines] == [
        (1.01, 0, 1.01), (149.99, 15, 134.99), (20, 0.07, 19.93),
    ]  # fmt: skip
    total = row["total_pedido"]
    assert (total["valor_mercadorias"], total["valor_descontos"]) == (171, 15.07)
    assert total["valor_total_pedido"] == 169.43
    assert total["valor_icms"] == pytest.approx(28.07)


async def test_a_scenario_adds_ipi_and_st_to_the_total(shop: Shop) -> None:
    scenarios = (await shop.bench.omie("ListarCenarios", {"nPagina": 1}, "geral/cenarios")).json()
    second = scenarios["cenariosEncontrados"][1]["nCodigo"]
    order = await shop.include(items=[shop.item("1", quantity=10)], head={"codigo_cenario_impostos": second})
    row = await shop.read(order)
    # IPI 5; ST 18 % on 105 plus a margin of 40 %, less 12 of own ICMS
    assert (row["total_pedido"]["valor_IPI"], row["total_pedido"]["valor_st"]) == (5, 14.46)
    assert row["total_pedido"]["valor_total_pedido"] == 119.46
    assert row["cabecalho"]["codigo_cenario_impostos"] == str(second)


async def test_taxes_sent_override_the_scenario(shop: Shop) -> None:
    item = shop.item("1", quantity=10) | {"imposto": {"icms": {"aliq_icms": 7, "cod_sit_trib_icms": "20"}}}
    row = await shop.read(await shop.include(items=[item]))
    assert row["det"][0]["imposto"]["icms"]["valor_icms"] == 7
    assert row["det"][0]["imposto"]["icms"]["cod_sit_trib_icms"] == "20"
    assert row["det"][0]["imposto"]["icms_sn"] == {}


async def test_an_order_discount_is_spread_and_reads_back_on_items(shop: Shop) -> None:
    items = [shop.item(str(n), quantity=1, price="3.33") for n in range(3)]
    head = {"tipo_desconto_pedido": "V", "valor_desconto_pedido": 1}
    row = await shop.read(await shop.include(items=items, head=head))
    assert [item["produto"]["valor_desconto"] for item in row["det"]] == [0.33, 0.33, 0.34]
    assert row["cabecalho"]["valor_desconto_pedido"] == 0
    items[0]["produto"]["valor_desconto"] = 1
    refused = await shop.bench.fault("IncluirPedido", shop.order("PV-2", items, head), ORDERS)
    assert "[tipo_desconto_pedido] somente deve ser informada quando" in refused


async def test_items_go_by_their_keys(shop: Shop) -> None:
    order = await shop.include(items=[shop.item("1"), shop.item("2", 1, 2, 5)])
    first, second = (item["ide"] for item in (await shop.read(order))["det"])
    assert first["codigo_item"] != second["codigo_item"]
    change = {"ide": {"codigo_item": second["codigo_item"]}, "produto": {"quantidade": 4}}
    gone = {"ide": {"codigo_item_integracao": "1", "acao_item": "E"}}
    await shop.alter(order, det=[change, gone, shop.item("3", 0, 1, 7)])
    row = await shop.read(order)
    assert [(item["ide"]["codigo_item_integracao"], item["produto"]["valor_total"]) for item in row["det"]] == [
        ("2", 20), ("3", 7),
    ]  # fmt: skip
    assert row["det"][0]["ide"]["codigo_item"] == second["codigo_item"]
    kept = await shop.alter(order, observacoes={"obs_venda": "Entregar cedo"})
    assert kept["codigo_status"] == "0"
    assert len((await shop.read(order))["det"]) == 2


async def test_terms_make_parts_and_only_999_takes_them(shop: Shop) -> None:
    order = await shop.include(items=[shop.item("1", price=100)], head={"codigo_parcela": "003"})
    row = await shop.read(order)
    parts = row["lista_parcelas"]["parcela"]
    assert [(part["valor"], part["quantidade_dias"]) for part in parts] == [(33.33, 30), (33.33, 60), (33.34, 90)]
    assert row["cabecalho"]["qtde_parcelas"] == 3
    own = {"parcela": [{"numero_parcela": 1, "valor": 100, "percentual": 100, "data_vencimento": "31/12/2099"}]}
    refused = await shop.bench.fault("IncluirPedido", shop.order("PV-2", lista_parcelas=own), ORDERS)
    assert "[lista_parcelas] somente deve ser informada quando a tag [codigo_parcela] for 999" in refused
    free = {"codigo_parcela": "999", "qtde_parcelas": 1}
    row = await shop.read(await shop.include("PV-3", head=free, lista_parcelas=own))
    assert row["lista_parcelas"]["parcela"][0]["data_vencimento"] == "31/12/2099"
    assert "[lista_parcelas]" in await shop.bench.fault("IncluirPedido", shop.order("PV-4", head=free), ORDERS)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"head": {"codigo_cliente": 5}}, "Cliente não cadastrado para o Código [5] ! - tag: [codigo_cliente]"),
        ({"head": {"etapa": "99"}}, "Preenchimento inválido da tag [etapa]"),
        ({"head": {"etapa": "60"}}, "Preenchimento inválido da tag [etapa]"),
        ({"head": {"etapa": ""}}, "O preenchimento da tag [etapa] é obrigatório!"),
        ({"head": {"data_previsao": "01/01/2020"}}, "não pode ser menor que a data atual"),
        ({"head": {"codigo_parcela": "XYZ"}}, "Parcela não cadastrada para o Código [XYZ] ! - tag: [codigo_parcela]"),
        ({"head": {"cancelado": "S"}}, "Tag [CANCELADO] não faz parte da estrutura do tipo complexo [cabecalho]!"),
        ({"extra": {"codigo_categoria": "9"}}, "Categoria não cadastrada para o Código [9] ! - tag: [codigo_categ"),
        ({"extra": {"codigo_conta_corrente": 1}}, "Conta Corrente não cadastrada para o Código [1] !"),
        ({"extra": {"consumidor_final": ""}}, "O preenchimento da tag [consumidor_final] é obrigatório!"),
        ({"extra": {"codProj": 3}}, "Projeto não cadastrado"),
        ({"extra": {"codVend": 3}}, "Vendedor não cadastrado para o Código [3] ! - tag: [codVend]"),
        ({"items": []}, "O preenchimento da tag [det] é obrigatório!"),
        ({"departamentos": [{"cCodDepto": "77"}, {"cCodDepto": "1"}]}, "Departamento não cadastrado para o Código [77"),
        ({"frete": {"modalidade": "7"}}, "Preenchimento inválido da tag [modalidade]"),
        ({"frete": {"codigo_transportadora": 7}}, "Transportadora não cadastrada para o Código [7] !"),
    ],
)  # fmt: skip
async def test_what_an_order_refuses(shop: Shop, change: dict[str, Any], text: str) -> None:
    assert text in await shop.bench.fault("IncluirPedido", shop.order(**change), ORDERS)


async def test_what_an_item_refuses(shop: Shop) -> None:
    async def refused(item: dict[str, Any]) -> str:
        return await shop.bench.fault("IncluirPedido", shop.order(items=[item]), ORDERS)

    assert "Produto não cadastrado para o Código [9]" in await refused(shop.item("1", codigo_produto=9))
    assert "[quantidade] é obrigatório" in await refused(shop.item("1", quantity=0))
    assert "[codigo_item_integracao] é obrigatório" in await refused(shop.item(""))
    assert "[valor_desconto]" in await refused(shop.item("1", valor_desconto=11))
    place = shop.item("1") | {"inf_adic": {"codigo_local_estoque": 12}}
    assert "Local do Estoque não cadastrado para o Código [12]" in await refused(place)
    await shop.bench.omie_screen("PATCH", f"products/{shop.products[0]}", {"inativo": "S"})
    assert "O produto [SKU P-1] está inativo !(Id: [" in await refused(shop.item("1"))


async def test_duplicates_and_missing_ones_have_their_words(shop: Shop) -> None:
    await shop.include()
    again = await shop.bench.fault("IncluirPedido", shop.order(items=[shop.item("9")]), ORDERS)
    assert again == "ERROR: Pedido já cadastrado para o Código de Integração [PV-1] !"
    missing = await shop.bench.fault("ConsultarPedido", {"codigo_pedido": 1}, ORDERS)
    assert missing == "ERROR: Pedido não cadastrado para o Código [1] !"
    missing = await shop.bench.fault("ConsultarPedido", {"codigo_pedido_integracao": "PV_x"}, ORDERS)
    assert missing == "ERROR: Pedido não cadastrado para o Código de Integração [PV_x] !"
    assert "[pvpConsultarRequest]" in await shop.bench.fault("ConsultarPedido", {"numero": 1}, ORDERS)


async def test_a_client_needs_a_state(shop: Shop) -> None:
    made = await shop.bench.omie("IncluirCliente", client("C-2", cnpj_cpf="39053344705"))
    head = {"codigo_cliente": made.json()["codigo_cliente_omie"]}
    assert "Estado do cliente" in await shop.bench.fault("IncluirPedido", shop.order(head=head), ORDERS)


async def test_stage_changes_stay_on_their_side_of_invoicing(shop: Shop) -> None:
    order = await shop.include()

    async def move(stage: str) -> tuple[str, str]:
        answer = (await shop.bench.omie("TrocarEtapaPedido", {"codigo_pedido": order, "etapa": stage}, ORDERS)).json()
        return answer["codigo_status"], answer["descricao_status"]

    assert (await move("50"))[0] == "0"
    assert (await move("70"))[0] == "1"
    assert "Não é possível" in (await move("60"))[1]
    await shop.act(order, "invoice")
    assert (await shop.read(order))["cabecalho"]["etapa"] == "60"
    await shop.act(order, "stage", etapa="70")
    rows = (await shop.bench.omie("ListarEtapasPedido", {"nCodPed": order}, "produtos/pedidoetapas")).json()
    assert [row["cEtapa"] for row in rows["etapasPedido"]] == ["10", "50", "60", "70"]
    assert rows["etapasPedido"][0]["faturamento"]["cFaturado"] == "S"


async def test_cancelling_keeps_the_stage_and_closes_the_order(shop: Shop) -> None:
    order = await shop.include()
    answer = (await shop.bench.omie("CancelarPedidoVenda", {"nCodPed": order}, INVOICING)).json()
    assert (answer["cCodStatus"], answer["cCodIntPed"]) == ("0", "PV-1")
    row = await shop.read(order)
    assert (row["cabecalho"]["etapa"], row["infoCadastro"]["cancelado"]) == ("10", "S")
    assert row["infoCadastro"]["uCan"] == "WEBSERVICE"
    assert "cancelado" in (await shop.alter(order, observacoes={"obs_venda": "x"}))["faultstring"]
    status = (await shop.bench.omie("StatusPedido", {"codigo_pedido": order}, ORDERS)).json()
    assert (status["cancelada"], status["faturada"], status["ListaNfe"]) == ("S", "N", [])


async def test_an_invoiced_order_moves_stock_and_takes_only_tracking(shop: Shop) -> None:
    order = await shop.include(items=[shop.item("1", quantity=3)])
    place = (await shop.bench.control("GET", f"omie/{APP_KEY}/locations"))[0]["codigo_local_estoque"]
    book = shop.bench.sandbox.world.companies[APP_KEY].stock
    assert book.at(shop.products[0], place).pending == 3
    await shop.bench.omie("FaturarPedidoVenda", {"nCodPed": order}, INVOICING)
    assert (book.at(shop.products[0], place).pending, book.at(shop.products[0], place).physical) == (0, -3)
    assert "faturado" in (await shop.alter(order, head={"codigo_parcela": "001"}))["faultstring"]
    assert "faturado" in await shop.bench.fault("ExcluirPedido", {"codigo_pedido": order}, ORDERS)
    param = {"codigo_pedido": order, "codigo_rastreio": "BR123", "previsao_entrega": "31/12/2099"}
    assert (await shop.bench.omie("AlterarPedFaturado", param, ORDERS)).status_code == 200
    assert (await shop.read(order))["frete"]["codigo_rastreio"] == "BR123"
    status = (await shop.bench.omie("StatusPedido", {"codigo_pedido_integracao": "PV-1"}, ORDERS)).json()
    assert (status["ListaNfe"][0]["status_nfe"], len(status["ListaNfe"][0]["chave_nfe"])) == ("100", 44)
    back = {"codigo_pedido": order, "itens": [{"codigo_produto": shop.products[0], "quantidade": 1}]}
    assert (await shop.bench.omie("DevolverPedido", back, ORDERS)).json()["cCodStatus"] == "0"
    assert (await shop.read(order))["infoCadastro"]["devolvido_parcial"] == "S"
    await shop.act(order, "return", itens=[{"codigo_produto": shop.products[0], "quantidade": 2}])
    assert (await shop.read(order))["infoCadastro"]["devolvido"] == "S"
    assert book.at(shop.products[0], place).physical == 0


async def test_validation_names_what_is_missing(shop: Shop) -> None:
    order = await shop.include()
    await shop.bench.omie_screen("PATCH", f"clients/{shop.buyer}", {"endereco_numero": "", "email": ""})
    answer = (await shop.bench.omie("ValidarPedidoVenda", {"nCodPed": order}, INVOICING)).json()
    assert (answer["cCodStatus"], len(answer["cCodIntPed"])) == ("1", 60)
    assert answer["cDescStatus"] == "Para emitir a NF-e falta preencher o Número do Endereço e o E-mail."
    assert "Número do Endereço" in await shop.bench.fault("FaturarPedidoVenda", {"nCodPed": order}, INVOICING)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"etapa": "20"}, ["PV-2"]),
        ({"etapa": ""}, []),
        ({"etapa": "77"}, []),
        ({"status_pedido": "CANCELADO"}, ["PV-3"]),
        ({"numero_pedido_de": 3402}, ["PV-2", "PV-3"]),
        ({"data_cancelamento_de": "01/01/2026"}, ["PV-3"]),
        ({"filtrar_por_data_de": "01/01/2026", "filtrar_por_data_ate": "31/12/2099"}, ["PV-1", "PV-2", "PV-3"]),
        ({"filtrar_por_data_de": "01/01/2099", "filtrar_por_data_ate": "31/12/2099"}, []),
        ({"ordem_descrescente": "S", "apenas_resumo": "S"}, ["PV-3", "PV-2", "PV-1"]),
    ],
)
async def test_list_filters(shop: Shop, filters: dict[str, Any], found: list[str]) -> None:
    await shop.include()
    await shop.include("PV-2", head={"etapa": "20"})
    await shop.act(await shop.include("PV-3"), "cancel")
    answer = await shop.bench.omie("ListarPedidos", {"pagina": 1, **filters}, ORDERS)
    if not found:
        assert "Não existem registros" in answer.json()["faultstring"]
        return
    rows = answer.json()["pedido_venda_produto"]
    assert [row["cabecalho"]["codigo_pedido_integracao"] for row in rows] == found
    assert ("det" in rows[0]) is ("apenas_resumo" not in filters)


@pytest.mark.parametrize("tag", ["codigo_cliente", "numero_pedido", "filtrar_por_etapa", "ordem_decrescente"])
async def test_list_refuses_other_names(shop: Shop, tag: str) -> None:
    fault = await shop.bench.fault("ListarPedidos", {"pagina": 1, tag: "1"}, ORDERS)
    assert fault == f"ERROR: Tag [{tag.upper()}] não faz parte da estrutura do tipo complexo [pvpListarRequest]!"


async def test_webhooks_tell_each_act(shop: Shop) -> None:
    await shop.bench.control("POST", f"omie/{APP_KEY}/webhooks", {"url": HOOK, "topics": None})
    order = await shop.include()
    await shop.alter(order, head={"etapa": "50"})
    await shop.act(order, "invoice")
    await shop.act(order, "cancel")
    posts = (await shop.bench.delivered())[1:]
    assert [post["topic"] for post in posts] == [
        "VendaProduto.Incluida", "VendaProduto.Alterada", "VendaProduto.EtapaAlterada", "Produto.MovimentacaoEstoque",
        "VendaProduto.Faturada", "VendaProduto.EtapaAlterada", "NFe.NotaAutorizada", "Produto.MovimentacaoEstoque",
        "VendaProduto.Cancelada", "NFe.NotaCancelada",
    ]  # fmt: skip
    made = posts[0]["event"]
    assert (made["idPedido"], made["usuarioInclusao"], made["etapaDescr"]) == (order, "WEBSERVICE", "Pedido de Venda")
    assert set(posts[2]["event"]) == {
        "codIntPedido", "codigoCategoria", "dataPrevisao", "etapa", "etapaDescr", "idCliente", "idContaCorrente",
        "idPedido", "numeroPedido", "valorPedido",
    }  # fmt: skip
    gone = posts[8]
    assert (gone["event"]["cancelada"], gone["event"]["usuarioCancelado"][:4]) == ("S", "P000")
    assert gone["author"]["email"] == "no-reply@omie.com.br"
    assert posts[6]["event"]["id_pedido"] == order


async def test_delete_associate_and_duplicate(shop: Shop) -> None:
    order = await shop.include()
    copy = (await shop.bench.omie("DuplicarPedidoVenda", {"nCodPed": order}, INVOICING)).json()["nCodPed"]
    row = await shop.read(copy)
    assert row["cabecalho"]["codigo_pedido_integracao"] == ""
    param = {"nCodPed": copy, "cCodIntPed": "PV-2"}
    assert (await shop.bench.omie("AssociarCodIntPedidoVenda", param, INVOICING)).status_code == 200
    found = (await shop.bench.omie("ObterPedidosVenda", {"cEtapa": "10"}, INVOICING)).json()["listaPedidosVenda"]
    assert [entry["nIdPed"] for entry in found] == [order, copy]
    await shop.bench.omie("ExcluirPedido", {"codigo_pedido": order}, ORDERS)
    assert len(await shop.bench.control("GET", f"omie/{APP_KEY}/orders")) == 1
    assert "existem movimentos" in await shop.bench.fault("ExcluirCliente", {"codigo_cliente_omie": shop.buyer})


async def test_a_person_need_not_type_what_the_screen_fills_in(shop: Shop) -> None:
    item = {"produto": {"codigo_produto": shop.products[0], "quantidade": 2, "valor_unitario": 5}}
    row = await shop.bench.omie_screen("POST", "orders", {"cabecalho": {"codigo_cliente": shop.buyer}, "det": [item]})
    assert (row["cabecalho"]["etapa"], row["total_pedido"]["valor_total_pedido"]) == ("10", 10)
    assert row["cabecalho"]["codigo_pedido_integracao"] == ""
    change = {"det": [{"ide": {"codigo_item": row["det"][0]["ide"]["codigo_item"]}, "produto": {"quantidade": 3}}]}
    row = await shop.bench.omie_screen("PATCH", f"orders/{row['cabecalho']['codigo_pedido']}", change)
    assert row["total_pedido"]["valor_total_pedido"] == 15


async def test_a_company_in_simples_nacional_has_other_taxes_and_stages_other_names(shop: Shop) -> None:
    bench = shop.bench
    (owner,) = await bench.control("GET", f"omie/{APP_KEY}/empresas")
    place = f"omie/{APP_KEY}/catalogs/empresas/{owner['codigo_empresa']}"
    await bench.control("PATCH", place, {"optante_simples_nacional": "S"})
    row = await shop.read(await shop.include())
    (item,) = row["det"]
    assert item["imposto"]["icms"] == {}
    assert item["imposto"]["icms_sn"]["cod_sit_trib_icms_sn"] == "102"
    assert item["ide"]["simples_nacional"] == "S"
    await bench.control("PATCH", f"omie/{APP_KEY}/catalogs/etapafat/11.20", {"cDescricao": "Separação"})
    answer = (await bench.omie("ListarEtapasFaturamento", {"pagina": 1}, "produtos/etapafat")).json()
    stages = next(row["etapas"] for row in answer["cadastros"] if row.get("cCodOperacao") == "11")
    named = {stage["cCodigo"]: (stage["cDescricao"], stage["cDescrPadrao"]) for stage in stages}
    assert named["20"] == ("Separação", "Separar Estoque")
    unknown = await bench.http.patch(f"/sandbox/omie/{APP_KEY}/catalogs/etapafat/11.99", json={"cDescricao": "x"})
    assert unknown.status_code == 404

"""Omie's auxiliary services: arrays, dialects, ends of lists, filters and what they write (omie-api.md 2.1, 3.10)."""

from typing import Any

import pytest

from app.sandbox.omie.calls import SERVICES, is_write

from .conftest import APP_KEY, Bench, client
from .test_omie_products import HOOK

#: service, call, param, array, tags of a row.
LISTS = (
    ("geral/contacorrente", "ListarContasCorrentes", {"pagina": 1}, "ListarContasCorrentes", "nCodCC descricao"),
    ("geral/contacorrente", "ListarResumoContasCorrentes", {"pagina": 1}, "conta_corrente_lista", "nCodCC tipo"),
    ("geral/categorias", "ListarCategorias", {"pagina": 1}, "categoria_cadastro", "codigo totalizadora"),
    ("geral/parcelas", "ListarParcelas", {"pagina": 1}, "cadastros", "nCodigo cDescricao nParcelas"),
    ("produtos/formaspagvendas", "ListarFormasPagVendas", {"pagina": 1}, "cadastros", "cCodigo nQtdeParc cListaParc"),
    ("geral/meiospagamento", "ListarMeiosPagamento", {"codigo": ""}, "MeiosPagamentoLista", "codigo descricao"),
    ("geral/unidade", "ListarUnidades", {"codigo": ""}, "unidade_cadastro", "codigo descricao"),
    ("geral/tpativ", "ListarTipoAtiv", {"filtrar_por_codigo": ""}, "lista_tipos_atividade", "cCodigo cDescricao"),
    ("produtos/cnae", "ListarCNAE", {"pagina": 1}, "cadastros", "nCodigo cDescricao cEstrutura"),
    ("geral/cidades", "PesquisarCidades", {"filtrar_por_uf": "SP"}, "lista_cidades", "cCod cNome cUF nCodIBGE"),
    ("geral/paises", "ListarPaises", {"filtrar_por_codigo": "1058"}, "lista_paises", "cCodigo cCodigoISO"),
    ("geral/empresas", "ListarEmpresas", {"pagina": 1}, "empresas_cadastro", "codigo_empresa cnpj"),
    ("geral/departamentos", "ListarDepartamentos", {"pagina": 1}, "departamentos", "codigo descricao estrutura"),
    ("geral/cenarios", "ListarCenarios", {"nPagina": 1}, "cenariosEncontrados", "nCodigo cNome padrao dInc"),
    ("produtos/icmscst", "ListarCST", {"pagina": 1}, "cadastros", "nCodigo cDescricao"),
    ("produtos/icmscsosn", "ListarCSOSN", {"pagina": 1}, "cadastros", "nCodigo cDescricao"),
    ("produtos/icmsorigem", "ListarOrigMerc", {"pagina": 1}, "cadastros", "nCodigo cDescricao"),
    ("produtos/ipicst", "ListarCstIpi", {"pagina": 1}, "cadastros", "nCodigo cDescricao"),
    ("produtos/ipienq", "ListarEnqIpi", {"pagina": 1}, "cadastros", "nCodigo cDescricao"),
    ("produtos/tpcalc", "ListarTpCalc", {"pagina": 1}, "cadastros", "nCodigo cDescricao"),
    ("geral/tiposdoc", "PesquisarTipoDocumento", {"codigo": ""}, "tipo_documento_cadastro", "codigo descricao"),
)  # fmt: skip


@pytest.mark.parametrize(("service", "call", "param", "array", "tags"), LISTS)
async def test_lists(bench: Bench, service: str, call: str, param: Any, array: str, tags: str) -> None:
    answer = await bench.omie(call, param, service)
    assert answer.status_code == 200, answer.text
    rows = answer.json()[array]
    assert rows
    assert set(tags.split()) <= set(rows[0])
    assert "não faz parte" in await bench.fault(call, {**param, "inventada": 1}, service)
    again = await bench.omie(call, dict(reversed(param.items())), service)
    assert "REDUNDANT" in again.text


@pytest.mark.parametrize(
    ("service", "call", "array", "total"),
    [
        ("geral/categorias", "ListarCategorias", "categoria_cadastro", 0),
        ("geral/vendedores", "ListarVendedores", "cadastro", 0),
        ("geral/departamentos", "ListarDepartamentos", "departamentos", 0),
        ("geral/empresas", "ListarEmpresas", "empresas_cadastro", 1),
    ],
)
async def test_ends_of_lists_that_are_no_fault(bench: Bench, service: str, call: str, array: str, total: int) -> None:
    answer = (await bench.omie(call, {"pagina": 99}, service)).json()
    assert (answer["total_de_registros"], len(answer[array])) == (total, total)


@pytest.mark.parametrize(("service", "call"), [("geral/parcelas", "ListarParcelas"), ("geral/projetos",
                         "ListarProjetos"), ("produtos/cnae", "ListarCNAE"), ("servicos/os", "ListarOS")])  # fmt: skip
async def test_ends_of_lists_that_are_one(bench: Bench, service: str, call: str) -> None:
    answer = await bench.omie(call, {"pagina": 99}, service)
    assert (answer.status_code, answer.json()["faultcode"]) == (500, "SOAP-ENV:Client-5113")


async def test_stages_begin_with_an_empty_object_and_count_stages(bench: Bench) -> None:
    answer = (await bench.omie("ListarEtapasFaturamento", {"pagina": 1}, "produtos/etapafat")).json()
    first, *operations = answer["cadastros"]
    assert first == {}
    assert answer["registros"] == sum(len(row["etapas"]) for row in operations)
    sale = next(row for row in operations if row["cCodOperacao"] == "11")
    assert {stage["cCodigo"]: stage["cInativo"] for stage in sale["etapas"]}["30"] == "S"


async def test_accounts_are_a_register(bench: Bench) -> None:
    given = {"cCodCCInt": "CC-1", "tipo_conta_corrente": "CC", "codigo_banco": "341", "descricao": "Itaú"}
    made = (await bench.omie("IncluirContaCorrente", given, "geral/contacorrente")).json()
    assert (made["cCodStatus"], made["cCodCCInt"]) == ("0", "CC-1")
    bad = given | {"cCodCCInt": "CC-2", "tipo_conta_corrente": "ZZ"}
    assert "[tipo_conta_corrente]" in await bench.fault("IncluirContaCorrente", bad, "geral/contacorrente")
    change = {"nCodCC": made["nCodCC"], "inativo": "S"}
    await bench.omie("AlterarContaCorrente", change, "geral/contacorrente")
    row = (await bench.omie("ConsultarContaCorrente", {"cCodCCInt": "CC-1"}, "geral/contacorrente")).json()
    assert (row["inativo"], row["user_inc"], row["descricao"]) == ("S", "WEBSERVICE", "Itaú")
    live = await bench.omie("ListarContasCorrentes", {"filtrar_apenas_ativo": "S"}, "geral/contacorrente")
    assert len(live.json()["ListarContasCorrentes"]) == 2
    none = await bench.omie("ListarContasCorrentes", {"codigo": "1"}, "geral/contacorrente")
    assert none.json()["faultcode"] == "SOAP-ENV:Client-101"


async def test_projects_categories_terms_and_departments(bench: Bench) -> None:
    await bench.control("POST", f"omie/{APP_KEY}/webhooks", {"url": HOOK, "topics": None})
    made = (await bench.omie("IncluirProjeto", {"codInt": "PJ", "nome": "Obra"}, "geral/projetos")).json()
    assert "1035" in (await bench.omie("ConsultarProjeto", {"codigo": 3}, "geral/projetos")).text
    listed = (await bench.omie("ListarProjetos", {"nome_projeto": "obr"}, "geral/projetos")).json()["cadastro"]
    assert [(row["codigo"], row["info"]["uInc"]) for row in listed] == [(made["codigo"], "WEBSERVICE")]
    category = {"descricao": "Clientes - Exportação", "categoria_superior": "1.01"}
    answer = (await bench.omie("IncluirCategoria", category, "geral/categorias")).json()
    assert (answer["codigo"], answer["codigo_status"]) == ("1.01.04", "0")
    row = (await bench.omie("ConsultarCategoria", {"codigo": "1.01.04"}, "geral/categorias")).json()
    assert (row["conta_receita"], row["totalizadora"], row["definida_pelo_usuario"]) == ("S", "N", "S")
    await bench.omie("AlterarCategoria", {"codigo": "1.01.04", "conta_inativa": "S"}, "geral/categorias")
    terms = (await bench.omie("IncluirParcela", {"cParcela": "A Vista/40/60"}, "geral/parcelas")).json()
    known = (await bench.omie("IncluirParcela", {"cParcela": "28/35/42"}, "geral/parcelas")).json()
    assert (terms["cCodStatus"], known["cCodParcela"]) == ("0", "S28")
    assert "cParcela" in await bench.fault("IncluirParcela", {"cParcela": "amanhã"}, "geral/parcelas")
    one = (await bench.omie("ConsultarDepartamento", {"codigo": "2"}, "geral/departamentos")).json()
    assert one["descricao"] == "Oficina"
    topics = [post.get("topic") for post in await bench.delivered()]
    assert topics == [None, "Projeto.Incluido", "Categoria.Incluida", "Categoria.Alterada"]


async def test_client_characteristics_have_their_own_service(bench: Bench) -> None:
    key = {"codigo_cliente_omie": (await bench.omie("IncluirCliente", client())).json()["codigo_cliente_omie"]}
    service = "geral/clientescaract"
    await bench.omie("IncluirCaractCliente", {**key, "campo": "Porte", "conteudo": "Média"}, service)
    rows = (await bench.omie("ConsultarCaractCliente", key, service)).json()["caracteristicas"]
    assert rows == [{"campo": "Porte", "conteudo": "Média"}]
    await bench.omie("ExcluirTodasCaractCliente", key, service)
    left = (await bench.omie("ConsultarCliente", key)).json()["caracteristicas"]
    assert left == []


def test_no_call_is_served_that_does_not_exist() -> None:
    calls = {call for table in SERVICES.values() for call in table}
    assert not calls & {
        "UpsertPedido", "UpsertOS", "ListarFamilias", "AssociarCodIntFamilia", "AssociarCodIntVendedor",
        "ExcluirLocalEstoque", "ConsultarLocalEstoque", "ExcluirCategoria", "IncluirPedidoVenda", "ListarPedidosVenda",
    }  # fmt: skip
    assert {call for call in calls if is_write(call)} >= {"IncluirPedido", "AlterarOS", "CancelarOS", "TrocarEtapaOS"}
    assert not any(is_write(call) for call in ("ListarOS", "PosicaoEstoque", "ObterEstoqueProduto", "StatusPedido"))

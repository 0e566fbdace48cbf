"""Omie's products, families and services: what is taken, refused, shown and told (omie-api.md 3.3-3.5 and 4.5)."""

from typing import Any

import pytest

from .conftest import Bench

PRODUCTS, FAMILIES, SERVICES = "geral/produtos", "geral/familias", "servicos/servico"
HOOK = "http://ponte.test/hook"


def product(code: str = "P-1", **fields: Any) -> dict[str, Any]:
    """A param that IncluirProduto accepts."""
    given = {
        "codigo_produto_integracao": code, "codigo": f"SKU {code}", "descricao": f"Parafuso {code}", "unidade": "UN",
        "ncm": "7318.15.00", "valor_unitario": 1.25,
    }  # fmt: skip
    return {**given, **fields}


async def create(bench: Bench, code: str = "P-1", **fields: Any) -> int:
    answer = await bench.omie("IncluirProduto", product(code, **fields), PRODUCTS)
    assert answer.status_code == 200, answer.text
    assert answer.json()["codigo_status"] == "0"
    return int(answer.json()["codigo_produto"])


async def listed(bench: Bench, **filters: Any) -> list[dict[str, Any]]:
    param = {"pagina": 1, "filtrar_apenas_omiepdv": "N", **filters}
    answer = await bench.omie("ListarProdutos", param, PRODUCTS)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["produto_servico_cadastro"])


async def test_record_has_family_name_nulls_and_no_stock(bench: Bench) -> None:
    made = (await bench.omie("IncluirFamilia", {"codInt": "F1", "nomeFamilia": "Fixação"}, FAMILIES)).json()
    assert (made["cCodStatus"], made["codInt"]) == ("0", "F1")
    omie_id = await create(bench, codigo_familia=made["codigo"], quantidade_estoque=50, peso_liq=0.125)
    row = (await bench.omie("ConsultarProduto", {"codigo": "SKU P-1"}, PRODUCTS)).json()
    assert (row["codigo_produto"], row["descricao_familia"], row["codInt_familia"]) == (omie_id, "Fixação", "F1")
    assert (row["videos"], row["componentes_kit"], row["imagens"]) == (None, None, [])
    assert (row["quantidade_estoque"], row["peso_liq"], row["inativo"]) == (0, 0.125, "N")
    assert (row["cst_icms"], row["importado_api"]) == ("", "S")


async def test_lists_hide_what_is_not_asked_for(bench: Bench) -> None:
    trait = {"cNomeCaract": "Cor", "cConteudo": "Azul"}
    omie_id = await create(bench, caracteristicas=[trait], obs_internas="segredo")
    (row,) = await listed(bench)
    assert not {"imagens", "videos", "caracteristicas", "obs_internas", "componentes_kit"} & set(row)
    (row,) = await listed(bench, exibir_caracteristicas="S", exibir_obs="S")
    assert (row["obs_internas"], row["caracteristicas"][0]["cConteudo"]) == ("segredo", "Azul")
    assert row["caracteristicas"][0]["nCodProd"] == omie_id
    short = await bench.omie("ListarProdutosResumido", {"filtrar_apenas_omiepdv": "N"}, PRODUCTS)
    assert set(short.json()["produto_servico_resumido"][0]) == {
        "codigo_produto", "codigo_produto_integracao", "codigo", "descricao", "valor_unitario",
    }  # fmt: skip


async def test_without_the_pdv_flag_only_products_set_up_for_it_are_listed(bench: Bench) -> None:
    await create(bench)
    assert "Não existem registros" in await bench.fault("ListarProdutos", {"pagina": 1}, PRODUCTS)
    sold = await create(bench, "P-2", recomendacoes_fiscais={"cupom_fiscal": "S", "market_place": "S"})
    rows = (await bench.omie("ListarProdutos", {"pagina": 1, "registros_por_pagina": 9}, PRODUCTS)).json()
    assert [(r["codigo_produto"], r["cst_icms"]) for r in rows["produto_servico_cadastro"]] == [(sold, "00")]
    rows_without = await listed(bench)
    assert {row["cst_icms"] for row in rows_without} == {""}
    assert [row["codigo_produto"] for row in await listed(bench, filtrar_apenas_marketplace="S")] == [sold]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"filtrar_apenas_descricao": "%fuso p-2"}, ["P-2"]),
        ({"filtrar_apenas_descricao": "parafuso p-2"}, ["P-2"]),
        ({"filtrar_apenas_descricao": "PARA%"}, ["P-1", "P-2", "P-3"]),
        ({"inativo": "S"}, ["P-3"]),
        ({"filtrar_apenas_tipo": "04"}, ["P-2"]),
        ({"ncm": "73181500"}, ["P-1", "P-3"]),
        ({"produtosPorCodigo": [{"codigo": "SKU P-1"}, {"codigo_produto_integracao": "P-3"}]}, ["P-1", "P-3"]),
        ({"ordem_decrescente": "S", "ordenar_por": "DESCRICAO"}, ["P-3", "P-2", "P-1"]),
    ],
)
async def test_list_filters(bench: Bench, filters: dict[str, Any], found: list[str]) -> None:
    await create(bench)
    await create(bench, "P-2", tipoItem="04", ncm="3923.21.90")
    await create(bench, "P-3", inativo="S")
    assert [row["codigo_produto_integracao"] for row in await listed(bench, **filters)] == found


async def test_incremental_filter_knows_hours(bench: Bench) -> None:
    await create(bench)
    bench.later(7200)
    since = bench.sandbox.clock.brasilia()
    await create(bench, "P-2")
    window = {"filtrar_por_data_de": f"{since:%d/%m/%Y}", "filtrar_por_hora_de": f"{since:%H:%M:%S}",
              "filtrar_por_data_ate": "31/12/2099"}  # fmt: skip
    assert [row["codigo_produto_integracao"] for row in await listed(bench, **window)] == ["P-2"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"codigo": ""}, "O preenchimento da tag [codigo] é obrigatório!"),
        ({"ncm": ""}, "O preenchimento da tag [ncm] é obrigatório!"),
        ({"descricao": "x" * 121}, "para o elemento [descricao] é de 120"),
        ({"codigo_familia": 7}, "Família não cadastrada para o Código [7] ! - tag: [codigo_familia]"),
        ({"tipoItem": "77"}, "Preenchimento inválido da tag [tipoItem]"),
        ({"recomendacoes_fiscais": {"origem_mercadoria": "9"}}, "Preenchimento inválido da tag [origem_mercadoria]"),
        ({"estoque": 1}, "Tag [ESTOQUE] não faz parte da estrutura do tipo complexo [produto_servico_cadastro]!"),
        ({"caracteristicas": [{"campo": "x"}]}, "Tag [CAMPO] não faz parte da estrutura do tipo complexo [carac"),
        ({"codigo_produto": 5}, "somente deve ser informada quando"),
    ],
)
async def test_what_create_refuses(bench: Bench, fields: dict[str, Any], text: str) -> None:
    assert text in await bench.fault("IncluirProduto", product() | fields, PRODUCTS)


async def test_code_description_and_integration_code_are_unique(bench: Bench) -> None:
    omie_id = await create(bench)
    fault = await bench.fault("IncluirProduto", product("P-2", codigo="SKU P-1"), PRODUCTS)
    assert fault == f"ERROR: O código SKU P-1 informado já está sendo utilizado pelo produto com ID {omie_id}."
    fault = await bench.fault("IncluirProduto", product("P-2", descricao="Parafuso P-1"), PRODUCTS)
    assert fault == "ERROR: A descrição informada já está sendo utilizada pelo produto com código SKU P-1."
    fault = await bench.fault("IncluirProduto", product("P-1", codigo="X", descricao="Outro"), PRODUCTS)
    assert fault == "ERROR: Produto já cadastrado para o Código de Integração [P-1] !"


async def test_alter_renames_the_sku_keeps_and_clears(bench: Bench) -> None:
    omie_id = await create(bench, marca="ACME", modelo="M1", recomendacoes_fiscais={"origem_mercadoria": "2"})
    change = {"codigo_produto": omie_id, "codigo": "NOVO", "marca": "", "recomendacoes_fiscais": {"id_cest": "1"}}
    await bench.omie("AlterarProduto", change, PRODUCTS)
    row = (await bench.omie("ConsultarProduto", {"codigo_produto": omie_id}, PRODUCTS)).json()
    assert (row["codigo"], row["marca"], row["modelo"]) == ("NOVO", "", "M1")
    assert row["recomendacoes_fiscais"] == {"origem_mercadoria": "2", "id_cest": "1"}
    assert "Produto não cadastrado para o Código [zzz] !" in await bench.fault(
        "ConsultarProduto", {"codigo": "zzz"}, PRODUCTS
    )


async def test_a_moved_product_can_never_be_deleted(bench: Bench) -> None:
    omie_id = await create(bench)
    await bench.omie_screen("POST", "stock", {"product": omie_id, "kind": "ENT", "quantity": 5, "cost": 2})
    assert "movimentos de estoque" in await bench.fault("ExcluirProduto", {"codigo_produto": omie_id}, PRODUCTS)
    other = await create(bench, "P-2")
    assert (await bench.omie("ExcluirProduto", {"codigo_produto": other}, PRODUCTS)).status_code == 200


async def test_webhooks_are_flat_with_fiscal_fields_unnested(bench: Bench) -> None:
    await bench.control("POST", "omie/1000000000001/webhooks", {"url": HOOK, "topics": None})
    omie_id = await create(bench, recomendacoes_fiscais={"id_cest": "28.038.00", "cupom_fiscal": "S"})
    await bench.omie_screen("PATCH", f"products/{omie_id}", {"valor_unitario": 9.9})
    await bench.omie_screen("DELETE", f"products/{omie_id}")
    posts = (await bench.delivered())[1:]
    assert [post["topic"] for post in posts] == ["Produto.Incluido", "Produto.Alterado", "Produto.Excluido"]
    event = posts[0]["event"]
    assert (event["id_cest"], event["cest"], event["cupom_fiscal"]) == ("28.038.00", "28.038.00", "S")
    assert not {"info", "descricao_familia", "recomendacoes_fiscais"} & set(event)
    assert event["combustivel"]["codigo_anp"] == " " * 9
    assert posts[0]["author"]["email"] == "no-reply@omie.com.br"
    assert posts[1]["author"]["email"] != "no-reply@omie.com.br"


async def test_families_have_no_webhook_and_stay_while_used(bench: Bench) -> None:
    await bench.control("POST", "omie/1000000000001/webhooks", {"url": HOOK, "topics": None})
    row = await bench.omie_screen("POST", "families", {"nomeFamilia": "Tintas"})
    made = await create(bench, codigo_familia=row["codigo"])
    key = {"codigo": row["codigo"]}
    await bench.omie("AlterarFamilia", key | {"nomeFamilia": "Tintas & Vernizes"}, FAMILIES)
    rows = (await bench.omie("PesquisarFamilias", {"pagina": 1}, FAMILIES)).json()["famCadastro"]
    assert [set(r) for r in rows] == [{"codigo", "codInt", "codFamilia", "nomeFamilia", "inativo"}]
    assert rows[0]["nomeFamilia"] == "Tintas & Vernizes"
    assert "registros associados" in await bench.fault("ExcluirFamilia", key, FAMILIES)
    await bench.quirk(omie_family_delete="detached")
    await bench.omie_screen("DELETE", f"families/{row['codigo']}")
    assert (await bench.control("GET", f"omie/1000000000001/products/{made}"))["codigo_familia"] == 0
    assert [post.get("topic") for post in await bench.delivered()] == [None, "Produto.Incluido"]
    assert "Não existem registros" in await bench.fault(
        "PesquisarFamilias", {"pagina": 1, "ordenar_por": "X"}, FAMILIES
    )


async def service(bench: Bench, code: str = "S-1", **head: Any) -> int:
    param = {
        "intIncluir": {"cCodIntServ": code},
        "cabecalho": {"cDescricao": f"Instalação {code}", "cCodigo": code, "nPrecoUnit": 150, **head},
        "impostos": {"nAliqISS": 5, "cRetISS": "N", "lDeduzISS": False},
    }
    answer = await bench.omie("IncluirCadastroServico", param, SERVICES)
    assert answer.json()["cCodStatus"] == "0", answer.text
    return int(answer.json()["nCodServ"])


async def test_services_are_blocks(bench: Bench) -> None:
    omie_id = await service(bench)
    change = {"intEditar": {"nCodServ": omie_id}, "cabecalho": {"nPrecoUnit": 175.5}}
    assert (await bench.omie("AlterarCadastroServico", change, SERVICES)).status_code == 200
    row = (await bench.omie("ConsultarCadastroServico", {"nCodServ": omie_id}, SERVICES)).json()
    assert row["intListar"] == {"cCodIntServ": "S-1", "nCodServ": omie_id}
    assert (row["cabecalho"]["nPrecoUnit"], row["cabecalho"]["cDescricao"]) == (175.5, "Instalação S-1")
    assert (row["impostos"]["nAliqISS"], row["impostos"]["lDeduzISS"], row["info"]["inativo"]) == (5, False, "N")
    fault = await bench.fault("ConsultarCadastroServico", {"cCodIntServ": "teste-010"}, SERVICES)
    assert fault == (
        "ERROR: Serviço não cadastrado para o Código de integração do Serviço [teste-010] ! Tag [cCodIntServ]!"
    )
    fault = await bench.fault("AlterarCadastroServico", {"nCodServ": omie_id}, SERVICES)
    assert "Tag [NCODSERV] não faz parte" in fault


async def test_services_list_in_the_other_dialect(bench: Bench) -> None:
    for code in ("S-1", "S-2", "S-3"):
        await service(bench, code)
    await bench.omie(
        "AlterarCadastroServico", {"intEditar": {"cCodIntServ": "S-2"}, "info": {"inativo": "S"}}, SERVICES
    )
    answer = (await bench.omie("ListarCadastroServico", {"nPagina": 2, "nRegPorPagina": 2}, SERVICES)).json()
    assert (answer["nTotPaginas"], answer["nRegistros"], answer["nTotRegistros"]) == (2, 1, 3)
    idle = (await bench.omie("ListarCadastroServico", {"inativo": "S"}, SERVICES)).json()["cadastros"]
    assert [row["intListar"]["cCodIntServ"] for row in idle] == ["S-2"]
    begins = (await bench.omie("ListarCadastroServico", {"cDescricao": "instal"}, SERVICES)).json()
    assert begins["nTotRegistros"] == 3
    assert "5113" in (await bench.omie("ListarCadastroServico", {"nPagina": 3, "nRegPorPagina": 2}, SERVICES)).text
    assert "5113" in (await bench.omie("ListarCadastroServico", {"dAlteracaoInicial": "01/01/2099"}, SERVICES)).text


async def test_service_webhooks_are_nested(bench: Bench) -> None:
    await bench.control("POST", "omie/1000000000001/webhooks", {"url": HOOK, "topics": ["servico.incluido"]})
    omie_id = await service(bench)
    event = (await bench.delivered())[1]["event"]
    assert set(event) == {"intListar", "cabecalho", "descricao", "impostos"}
    assert event["intListar"]["nCodServ"] == omie_id

"""Omie's clients: what is taken, refused and shown (omie-api.md 3.1, 3.2 and 5)."""

from typing import Any

import pytest

from .conftest import Bench, client


async def create(bench: Bench, **fields: Any) -> int:
    answer = await bench.omie("IncluirCliente", client(**fields))
    assert answer.status_code == 200, answer.text
    return int(answer.json()["codigo_cliente_omie"])


async def read(bench: Bench, omie_id: int) -> dict[str, Any]:
    return dict(await bench.control("GET", f"omie/1000000000001/clients/{omie_id}"))


async def test_create_answers_a_string_zero_and_ten_digit_ids(bench: Bench) -> None:
    answer = (await bench.omie("IncluirCliente", client())).json()
    assert answer["codigo_status"] == "0"
    assert answer["descricao_status"] == "Cliente cadastrado com sucesso!"
    assert len(str(answer["codigo_cliente_omie"])) == 10
    second = await create(bench, code="C-2", cnpj_cpf="39053344705")
    assert second > answer["codigo_cliente_omie"]


async def test_record_shows_mask_audit_and_derived_fields(bench: Bench) -> None:
    omie_id = await create(bench, cnpj_cpf="39053344705", cidade="sao paulo (SP)")
    row = (await bench.omie("ConsultarCliente", {"codigo_cliente_omie": omie_id})).json()
    assert row["cnpj_cpf"] == "390.533.447-05"
    assert (row["pessoa_fisica"], row["exterior"], row["importado_api"]) == ("S", "N", "S")
    assert (row["cidade"], row["cidade_ibge"], row["estado"]) == ("SAO PAULO (SP)", "3550308", "SP")
    assert row["info"]["uInc"] == row["info"]["uAlt"] == "WEBSERVICE"
    assert row["info"]["dInc"] == f"{bench.sandbox.clock.brasilia():%d/%m/%Y}"
    assert row["recomendacoes"] == {}
    assert row["email"] == ""


async def test_a_person_stamps_her_code(bench: Bench) -> None:
    row = await bench.omie_screen("POST", "clients?person=maria@loja.com.br", {"razao_social": "Loja"})
    assert row["info"]["uInc"].startswith("P000")
    assert row["info"]["cImpAPI"] == "N"
    assert row["codigo_cliente_integracao"] == ""


@pytest.mark.parametrize("document", ["12.ABC.345/01DE-35", "12abc34501de35", "11222333000181", "390.533.447-05"])
async def test_documents_are_taken_in_any_mask(bench: Bench, document: str) -> None:
    await create(bench, cnpj_cpf=document)


@pytest.mark.parametrize("document", ["11222333000182", "12ABC34501DE36", "39053344706", "123"])
async def test_bad_check_digits_are_refused(bench: Bench, document: str) -> None:
    fault = await bench.fault("IncluirCliente", client(cnpj_cpf=document))
    assert fault == "ERROR: O CNPJ ou CPF informado está inválido."


async def test_duplicates_name_id_and_code(bench: Bench) -> None:
    omie_id = await create(bench)
    assert await bench.fault("IncluirCliente", client("C-2")) == (
        f"ERROR: Cliente já cadastrado para o CPF/CNPJ [11.222.333/0001-81] com o Id [{omie_id}]"
        " e código de integração [C-1] ! (add)"
    )
    fault = await bench.fault("IncluirCliente", client("C-1", cnpj_cpf="39053344705"))
    assert fault == "ERROR: Cliente já cadastrado para o Código de Integração [C-1] !"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"razao_social": "x" * 61}, "O número máximo de caracteres permitido para o elemento [razao_social] é de 60"),
        ({"razao_social": ""}, "O preenchimento da tag [razao_social] é obrigatório!"),
        ({"codigo_cliente_integracao": ""}, "O preenchimento da tag [codigo_cliente_integracao] é obrigatório!"),
        ({"cnpj_cpf": ""}, "O preenchimento da tag [cnpj_cpf] é obrigatório!"),
        ({"cidade": "São Paulo"}, "Cidade não encontrada"),
        ({"cidade_ibge": "0000000"}, "Cidade não encontrada"),
        ({"estado": "XX"}, "Preenchimento inválido da tag [estado]"),
        ({"inativo": "X"}, "Preenchimento inválido da tag [inativo]"),
        ({"codigo_pais": "9999"}, "- tag: [codigo_pais]"),
        ({"recomendacoes": {"codigo_vendedor": 5}}, "não cadastrado para o Código [5] ! - tag: [codigo_vendedor]"),
        ({"recomendacoes": {"vendedor": 5}}, "[VENDEDOR] não faz parte da estrutura do tipo complexo [recomendacoes]"),
        ({"telefone": "1"}, "Tag [TELEFONE] não faz parte da estrutura do tipo complexo [clientes_cadastro]"),
        ({"codigo_cliente_omie": 7}, "somente deve ser informada quando"),
    ],
)  # fmt: skip
async def test_what_create_refuses(bench: Bench, fields: dict[str, Any], text: str) -> None:
    assert text in await bench.fault("IncluirCliente", client() | fields)


async def test_alter_keeps_omitted_clears_empty_and_replaces_tags(bench: Bench) -> None:
    omie_id = await create(bench, email="a@b.com.br", bairro="Centro", tags=[{"tag": "Cliente"}, {"tag": "VIP"}])
    await bench.omie("AlterarCliente", {"codigo_cliente_omie": omie_id, "email": "", "tags": [{"tag": "Atacado"}]})
    row = await read(bench, omie_id)
    assert (row["email"], row["bairro"], row["tags"]) == ("", "Centro", [{"tag": "Atacado"}])


async def test_city_by_ibge_code_and_cleared(bench: Bench) -> None:
    omie_id = await create(bench, cidade_ibge="4106902")
    assert (await read(bench, omie_id))["cidade"] == "CURITIBA (PR)"
    await bench.omie("AlterarCliente", {"codigo_cliente_omie": omie_id, "cidade": ""})
    row = await read(bench, omie_id)
    assert (row["cidade"], row["cidade_ibge"]) == ("", "")


async def test_a_foreign_client_needs_no_document(bench: Bench) -> None:
    omie_id = await create(bench, cnpj_cpf="", codigo_pais="0639", estado="EX", cidade="BUENOS AIRES")
    assert (await read(bench, omie_id))["exterior"] == "S"


async def test_with_both_keys_the_integration_code_wins(bench: Bench) -> None:
    first = await create(bench)
    second = await create(bench, code="C-2", cnpj_cpf="39053344705")
    await bench.omie(
        "AlterarCliente",
        {"codigo_cliente_omie": first, "codigo_cliente_integracao": "C-2", "bairro": "Vila"},
    )
    assert (await read(bench, first))["bairro"] == ""
    assert (await read(bench, second))["bairro"] == "Vila"
    fault = await bench.fault("ConsultarCliente", {"codigo_cliente_omie": first, "codigo_cliente_integracao": "zzz"})
    assert fault == "ERROR: Cliente não cadastrado para o Código [0] !"


async def test_upserts_and_association(bench: Bench) -> None:
    omie_id = await create(bench)
    await bench.omie("UpsertCliente", client(bairro="Um"))
    await bench.omie("UpsertClienteCpfCnpj", {"cnpj_cpf": "11222333000181", "complemento": "Sala"})
    row = await read(bench, omie_id)
    assert (row["bairro"], row["complemento"]) == ("Um", "Sala")
    answer = await bench.omie(
        "AssociarCodIntCliente", {"codigo_cliente_omie": omie_id, "codigo_cliente_integracao": "PLOOMES-9"}
    )
    assert answer.json()["codigo_cliente_integracao"] == "PLOOMES-9"


async def test_tags_service_adds_and_removes(bench: Bench) -> None:
    omie_id = await create(bench, tags=[{"tag": "Cliente"}])
    added = await bench.omie(
        "IncluirTags", {"nCodCliente": omie_id, "tags": [{"tag": "VIP"}, {"tag": "cliente"}]}, "geral/clientetag"
    )
    assert added.json()["cCodStatus"] == "0"
    assert [row["tag"] for row in added.json()["tagsLista"]] == ["Cliente", "VIP"]
    await bench.omie("ExcluirTags", {"nCodCliente": omie_id, "tags": [{"tag": "VIP"}]}, "geral/clientetag")
    listed = await bench.omie("ListarTags", {"nCodCliente": omie_id}, "geral/clientetag")
    assert [row["tag"] for row in listed.json()["tagsLista"]] == ["Cliente"]


async def test_delete_and_what_protects_from_it(bench: Bench) -> None:
    omie_id = await create(bench)
    await bench.control("POST", f"omie/1000000000001/screen/clients/{omie_id}/movements", {"movements": True})
    assert "existem movimentos" in await bench.fault("ExcluirCliente", {"codigo_cliente_omie": omie_id})
    await bench.control("POST", f"omie/1000000000001/screen/clients/{omie_id}/movements", {"movements": False})
    gone = await bench.omie("ExcluirCliente", {"codigo_cliente_integracao": "C-1"})
    assert gone.status_code == 200
    assert "não cadastrado" in await bench.fault("ConsultarCliente", {"codigo_cliente_omie": omie_id})


async def test_cliente_consumidor_is_protected(bench: Bench) -> None:
    await bench.control("POST", "reset", {"seed": "small"})
    rows = await bench.control("GET", "omie/1000000000001/clients")
    consumer = next(row for row in rows if row["razao_social"] == "Cliente Consumidor")
    param = {"codigo_cliente_omie": consumer["codigo_cliente_omie"], "email": "x@y.com.br"}
    assert "Cliente Consumidor" in await bench.fault("AlterarCliente", param)


async def test_list_filters_caps_and_pages(bench: Bench) -> None:
    await bench.control("POST", "reset", {"seed": "demo"})
    page = (await bench.omie("ListarClientes", {"pagina": 1, "registros_por_pagina": 500})).json()
    assert (page["registros"], page["total_de_paginas"]) == (100, 3)
    assert "observacao" not in page["clientes_cadastro"][0]
    row = page["clientes_cadastro"][5]
    found = await bench.omie("ListarClientes", {"clientesFiltro": {"cnpj_cpf": row["cnpj_cpf"]}})
    assert found.json()["total_de_registros"] == 1
    ignored = await bench.omie("ListarClientes", {"clientesFiltro": {"email": "ninguem@nada.com.br"}})
    assert ignored.json()["total_de_registros"] == page["total_de_registros"]
    by_code = {"clientesPorCodigo": [{"codigo_cliente_omie": row["codigo_cliente_omie"]}]}
    assert (await bench.omie("ListarClientes", by_code)).json()["total_de_registros"] == 1
    assert "[clientesPorCodigo]" in await bench.fault("ListarClientes", {"clientesPorCodigo": [1]})
    short = (await bench.omie("ListarClientesResumido", {"pagina": 1})).json()["clientes_cadastro_resumido"][0]
    assert "codigo_cliente" in short


async def test_incremental_filter_by_date_and_hour(bench: Bench) -> None:
    await create(bench)
    bench.later(7200)
    since = bench.sandbox.clock.brasilia()
    second = await create(bench, code="C-2", cnpj_cpf="39053344705")
    window = {
        "filtrar_por_data_de": f"{since:%d/%m/%Y}", "filtrar_por_hora_de": f"{since:%H:%M:%S}",
        "filtrar_por_data_ate": "31/12/2099",
    }  # fmt: skip
    rows = (await bench.omie("ListarClientes", window)).json()["clientes_cadastro"]
    assert [row["codigo_cliente_omie"] for row in rows] == [second]
    assert "maior que 1900" in await bench.fault("ListarClientes", {"filtrar_por_data_de": "01/01/0026"})


async def test_sellers_register(bench: Bench) -> None:
    made = await bench.omie(
        "IncluirVendedor", {"codInt": "V1", "nome": "Ana", "email": "ana@x.com.br"}, "geral/vendedores"
    )
    assert made.json()["status"] == "0"
    code = made.json()["codigo"]
    await bench.omie("AlterarVendedor", {"codigo": code, "inativo": "S"}, "geral/vendedores")
    row = (await bench.omie("ConsultarVendedor", {"codInt": "V1"}, "geral/vendedores")).json()
    assert (row["codigo"], row["inativo"]) == (code, "S")
    omie_id = await create(bench, recomendacoes={"codigo_vendedor": code})
    assert (await read(bench, omie_id))["recomendacoes"] == {"codigo_vendedor": code}

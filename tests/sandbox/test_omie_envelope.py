"""Omie's envelope, keys and faults (omie-api.md 1)."""

import pytest

from .conftest import Bench


async def test_get_and_bad_json_are_refused(bench: Bench) -> None:
    assert (await bench.http.get("/omie/api/v1/geral/clientes/")).status_code == 405
    answer = await bench.http.post("/omie/api/v1/geral/clientes/", content=b"{")
    assert answer.status_code == 500
    assert "SyntaxError" in answer.json()["faultstring"]


async def test_wrong_secret_is_403_without_prefix(bench: Bench) -> None:
    answer = await bench.omie("ListarClientes", {"pagina": 1}, secret="wrong")
    assert answer.status_code == 403
    assert answer.json() == {
        "faultstring": "A chave de acesso está inválida ou o aplicativo está suspenso.",
        "faultcode": "SOAP-ENV:Server",
    }


async def test_changed_credentials_take_effect(bench: Bench) -> None:
    await bench.control("POST", "omie/1000000000001/credentials", {"app_secret": "another-sandbox-secret"})
    assert (await bench.omie("ListarEmpresas", {"pagina": 1}, "geral/empresas")).status_code == 403
    answer = await bench.omie("ListarEmpresas", {"pagina": 1}, "geral/empresas", secret="another-sandbox-secret")
    assert isinstance(answer.json()["empresas_cadastro"][0]["codigo_empresa"], str)


@pytest.mark.parametrize("param", [[], [{}]])
async def test_empty_param_is_71(bench: Bench, param: list[object]) -> None:
    answer = await bench.omie("ListarClientes", param)
    assert answer.json()["faultcode"] == "SOAP-ENV:Client-71"


async def test_param_must_be_an_array_of_one(bench: Bench) -> None:
    assert "Invalid JSON Object" in await bench.fault("ListarClientes", [{"pagina": 1}, {"pagina": 2}])


async def test_unknown_method_and_unknown_tag(bench: Bench) -> None:
    assert "Method Sumir not exists" in await bench.fault("Sumir", {"pagina": 1})
    answer = await bench.omie("ConsultarCliente", {"cnpj_cpf": "1"})
    assert answer.status_code == 500
    assert answer.json() == {
        "faultstring": "ERROR: Tag [CNPJ_CPF] não faz parte da estrutura do tipo complexo [clientes_cadastro_chave]!",
        "faultcode": "SOAP-ENV:Client-5001",
    }


async def test_texts_come_as_ascii_escapes(bench: Bench) -> None:
    answer = await bench.omie("ListarClientes", {"pagina": 1})
    assert answer.json()["faultstring"] == "ERROR: Não existem registros para a página [1]!"
    assert answer.json()["faultcode"] == "SOAP-ENV:Client-5113"
    assert b"\\u00e3" in answer.content


async def test_fault_shapes_have_switches(bench: Bench) -> None:
    await bench.quirk(omie_fault_http_200=True, omie_fault_without_code=True)
    answer = await bench.omie("ConsultarCliente", {"codigo_cliente_omie": 1})
    assert answer.status_code == 200
    assert answer.json() == {"faultstring": "ERROR: Cliente não cadastrado para o Código [1] !"}


@pytest.mark.parametrize(
    ("service", "call", "param", "array"),
    [
        ("geral/contacorrente", "ListarContasCorrentes", {"pagina": 1}, "ListarContasCorrentes"),
        ("geral/contacorrente", "ListarResumoContasCorrentes", {"pagina": 1}, "conta_corrente_lista"),
        ("geral/empresas", "ListarEmpresas", {"pagina": 9}, "empresas_cadastro"),
        ("geral/categorias", "ListarCategorias", {"filtrar_por_tipo": "R"}, "categoria_cadastro"),
        ("geral/parcelas", "ListarParcelas", {"pagina": 1}, "cadastros"),
        ("produtos/etapafat", "ListarEtapasFaturamento", {"pagina": 1}, "cadastros"),
        ("geral/cidades", "PesquisarCidades", {"filtrar_por_uf": "SP"}, "lista_cidades"),
        ("geral/paises", "ListarPaises", {"filtrar_por_codigo_iso": "PT"}, "lista_paises"),
        ("geral/tpativ", "ListarTipoAtiv", {"filtrar_por_codigo": "2"}, "lista_tipos_atividade"),
    ],
)
async def test_catalogues_answer_under_their_array(
    bench: Bench, service: str, call: str, param: dict[str, object], array: str
) -> None:
    answer = await bench.omie(call, param, service)
    assert answer.status_code == 200, answer.text
    assert answer.json()[array]


async def test_past_the_end_differs_by_service(bench: Bench) -> None:
    empty = await bench.omie("ListarCategorias", {"pagina": 9}, "geral/categorias")
    assert (empty.status_code, empty.json()["total_de_registros"]) == (200, 0)
    assert "página [9]" in await bench.fault("PesquisarCidades", {"pagina": 9}, "geral/cidades")
    sellers = await bench.omie("ListarVendedores", {"pagina": 1}, "geral/vendedores")
    assert sellers.json()["cadastro"] == []

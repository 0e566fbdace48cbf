"""What the Omie gateway sends and how it reads answers, over a vendor that answers from a script."""

import asyncio
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core import wire
from app.core.db import Database
from app.core.errors import Fault, Postponed, VendorError
from app.core.ports import Key, Page, Priority
from app.omie.calls import SETS
from app.omie.client import OmieCredentials
from app.omie.rows import SNAKE, Set
from app.omie.schemas import CLIENT, CLIENT_CREATE, SIZES, clamp, refusal, tidy
from tests.vendor_rig import APP_KEY, APP_SECRET, ManualClock, fault, json, omie

ANSWER = Path(__file__).parents[2] / "payloads" / "omie" / "answer_client.json"
NAMED = {"codigo_cliente_integracao": "PLOOMES-1", "razao_social": "Padaria Exemplo Ltda"}
NOT_FOUND = fault("ERROR: Cliente não cadastrado para o Código [501] !", "SOAP-ENV:Client-105")
EMPTY = fault("ERROR: Não existem registros para a página [1]!", "SOAP-ENV:Client-5113")


@pytest.fixture
def hands() -> ManualClock:
    return ManualClock()


def listed(*ids: int, pages: int = 1, total: int | None = None, **more: Any) -> httpx.Response:
    rows = [{"codigo_cliente_omie": one, **more} for one in ids]
    count = len(ids) if total is None else total
    return json({"pagina": 1, "total_de_paginas": pages, "total_de_registros": count, "clientes_cadastro": rows})


# --- envelope -------------------------------------------------------------------------------------------------------


@pytest.mark.feature("F273", "F279", "F280")
async def test_a_record_is_read_by_its_omie_id_alone(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, wire.loads(ANSWER.read_bytes())["body"])
    record = await rig.gateway().fetch("clients", "617700984")
    request = rig.vendor.requests[0]
    assert (request.method, str(request.url)) == ("POST", "https://app.omie.com.br/api/v1/geral/clientes/")
    assert request.headers["content-type"].startswith("application/json")
    assert rig.vendor.bodies() == [
        {
            "call": "ConsultarCliente",
            "app_key": APP_KEY,
            "app_secret": APP_SECRET,
            "param": [{"codigo_cliente_omie": 617700984}],
        }
    ]
    assert record is not None
    assert (record.id, record.read_at) == ("617700984", hands.now())
    assert record.data["nome_fantasia"] == 'TESTE "A"'
    assert record.data["endereco"] == "RUA D'OESTE"
    assert record.data["valor_limite_credito"] == Decimal("1500.1")
    assert record.data["caracteristicas"] == [{"campo": "Porte", "conteudo": "Media"}], "unknown fields are kept"


async def test_not_found_is_none(db: Database, hands: ManualClock) -> None:
    assert await omie(db, hands, NOT_FOUND).gateway().fetch("clients", "501") is None


async def test_a_fault_counts_also_with_http_200(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, fault("ERROR: O preenchimento da tag [x] é obrigatório!", status=200))
    with pytest.raises(VendorError) as refused:
        await rig.gateway().fetch("clients", "501")
    assert refused.value.fault is Fault.INVALID


async def test_a_status_block_refuses_with_http_200(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, {"codigo_status": "103", "descricao_status": "Algo não foi aceito"})
    with pytest.raises(VendorError) as refused:
        await rig.gateway().write("clients", "update", "501", {"email": "a@example.com"})
    assert (refused.value.fault, refused.value.text) == (Fault.INVALID, "Algo não foi aceito")
    assert not refused.value.outcome_unknown


def test_credentials_never_show() -> None:
    shown = repr(OmieCredentials(APP_KEY, APP_SECRET)) + str(OmieCredentials(APP_KEY, APP_SECRET))
    assert APP_SECRET not in shown
    assert APP_KEY not in shown


# --- reading many ---------------------------------------------------------------------------------------------------


async def test_many_records_take_one_call_for_fifty(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, listed(*range(1, 50)), listed(51))
    found = await rig.gateway().fetch_many("clients", [str(one) for one in range(1, 53)] + ["1"])
    assert sorted(found, key=int) == [*(str(one) for one in range(1, 50)), "51"]
    params = [body["param"][0] for body in rig.vendor.bodies()]
    assert [len(param["clientesPorCodigo"]) for param in params] == [50, 2]
    assert params[0]["clientesPorCodigo"][0] == {"codigo_cliente_omie": 1}
    assert {body["call"] for body in rig.vendor.bodies()} == {"ListarClientes"}


async def test_no_records_is_an_empty_answer(db: Database, hands: ManualClock) -> None:
    assert await omie(db, hands, EMPTY).gateway().fetch_many("clients", ["1"]) == {}


async def test_reads_asked_for_together_go_together(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, listed(1, 2, 3), patience=1.0)
    records = await asyncio.gather(*(rig.gateway().fetch("clients", one) for one in ("1", "2", "3", "2", "4")))
    assert [record.id if record else None for record in records] == ["1", "2", "3", "2", None]
    assert len(rig.vendor.requests) == 1


async def test_reads_gather_while_one_runs(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, {"codigo_cliente_omie": 1}, listed(2, 3), patience=1.0)
    first = asyncio.create_task(rig.gateway().fetch("clients", "1"))
    await rig.vendor.asked.wait()
    rest = await asyncio.gather(*(rig.gateway().fetch("clients", one) for one in ("2", "3")))
    assert [record.id for record in (await first, *rest) if record] == ["1", "2", "3"]
    assert [body["call"] for body in rig.vendor.bodies()] == ["ConsultarCliente", "ListarClientes"]


async def test_a_list_without_any_asked_record_proves_no_absence(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, EMPTY)
    answers = await asyncio.gather(*(rig.gateway().fetch("clients", one) for one in "12"), return_exceptions=True)
    assert [getattr(answer, "fault", None) for answer in answers] == [Fault.TRANSIENT] * 2


async def test_a_failed_batch_fails_for_all_and_the_next_one_works(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, fault("Too Many Requests", status=429), {"codigo_cliente_omie": 1})
    answers = await asyncio.gather(*(rig.gateway().fetch("clients", one) for one in "12"), return_exceptions=True)
    assert [getattr(answer, "fault", None) for answer in answers] == [Fault.RATE_LIMITED] * 2
    record = await rig.gateway().fetch("clients", "1")
    assert record is not None


async def test_one_who_gives_up_takes_nobody_with_him(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, listed(1, 2))
    impatient = asyncio.create_task(rig.gateway().fetch("clients", "1"))
    patient = asyncio.create_task(rig.gateway().fetch("clients", "2"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient is not None


async def test_live_reads_do_not_wait_in_a_bulk_batch(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, listed(1, 2), {"codigo_cliente_omie": 3}, patience=1.0)
    bulk = rig.gateway(Priority.BULK)
    await asyncio.gather(bulk.fetch("clients", "1"), bulk.fetch("clients", "2"), rig.gateway().fetch("clients", "3"))
    assert sorted(body["call"] for body in rig.vendor.bodies()) == ["ConsultarCliente", "ListarClientes"]


# --- finding --------------------------------------------------------------------------------------------------------


@pytest.mark.feature("F055", "F056")
async def test_a_client_is_found_by_document_in_any_form(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, listed(1, cnpj_cpf="12.345.678/0001-95"))
    found = await rig.gateway().find("clients", Key("document", "12345678000195"))
    assert [record.id for record in found] == ["1"]
    assert rig.vendor.bodies()[0]["param"][0]["clientesFiltro"] == {"cnpj_cpf": "12345678000195"}


async def test_what_a_filter_lets_through_wrongly_is_left_out(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, listed(1, 2, cnpj_cpf="99.999.999/9999-99"))
    assert await rig.gateway().find("clients", Key("document", "12345678000195")) == []


async def test_nobody_with_that_document(db: Database, hands: ManualClock) -> None:
    assert await omie(db, hands, EMPTY).gateway().find("clients", Key("document", "12345678000195")) == []


async def test_a_client_is_found_by_our_code_with_its_own_call(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, {"codigo_cliente_omie": 7, "codigo_cliente_integracao": "PLOOMES-1"}, NOT_FOUND)
    found = await rig.gateway().find("clients", Key("integration_code", "PLOOMES-1"))
    assert [record.id for record in found] == ["7"]
    assert rig.vendor.bodies()[0]["param"] == [{"codigo_cliente_integracao": "PLOOMES-1"}]
    assert await rig.gateway().find("clients", Key("integration_code", "PLOOMES-2")) == []


@pytest.mark.feature("F012", "F080", "F190")
async def test_a_seller_is_found_by_mail_whatever_its_case(db: Database, hands: ManualClock) -> None:
    rows = [{"codigo": 1, "email": "Ana@Example.com"}, {"codigo": 2, "email": "mariana@example.com"}]
    rig = omie(db, hands, {"total_de_paginas": 1, "cadastro": rows})
    found = await rig.gateway().find("sellers", Key("email", "ana@example.com"))
    assert [record.id for record in found] == ["1"]


@pytest.mark.feature("F066")
async def test_a_city_is_found_by_name_in_its_state_or_by_ibge(db: Database, hands: ManualClock) -> None:
    rows = [
        {"cCod": "SAO PAULO (SP)", "cNome": "SAO PAULO", "cUF": "SP", "nCodIBGE": "3550308"},
        {"cCod": "SAO PAULO DE OLIVENCA (AM)", "cNome": "SAO PAULO DE OLIVENCA", "cUF": "AM", "nCodIBGE": "1303908"},
    ]
    rig = omie(db, hands, {"total_de_paginas": 1, "lista_cidades": rows})
    by_name = await rig.gateway().find("cities", Key("name", "São Paulo", {"uf": "SP"}))
    by_code = await rig.gateway().find("cities", Key("ibge", "1303908"))
    assert [record.id for record in (*by_name, *by_code)] == ["SAO PAULO (SP)", "SAO PAULO DE OLIVENCA (AM)"]
    params = [body["param"][0] for body in rig.vendor.bodies()]
    assert params[0]["filtrar_cidade_contendo"] == "SAO PAULO"
    assert [param["filtrar_por_uf"] for param in params] == ["SP", "AM"]


async def test_what_omie_cannot_search_by_costs_no_call(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, {})
    for entity, name in (("clients", "email"), ("unicorns", "name")):
        with pytest.raises(VendorError) as refused:
            await rig.gateway().find(entity, Key(name, "x"))
        assert (refused.value.fault, refused.value.sent) == (Fault.INVALID, False)
    assert rig.vendor.requests == []


# --- crawling -------------------------------------------------------------------------------------------------------


async def crawl(rig: Any, **options: Any) -> list[Page]:
    return [page async for page in rig.gateway(Priority.BULK).pages("clients", **options)]


@pytest.mark.feature("F276", "F277", "F278")
async def test_a_crawl_trusts_the_number_of_pages(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, listed(1, 2, pages=2, total=3), listed(2, 3, pages=2, total=3))
    pages = await crawl(rig)
    assert [[record.id for record in page.records] for page in pages] == [["1", "2"], ["3"]]
    assert (pages[0].total, pages[1].cursor, pages[1].complete) == (3, None, True)
    params = [body["param"][0] for body in rig.vendor.bodies()]
    assert params == [
        {
            "pagina": number,
            "registros_por_pagina": 100,
            "apenas_importado_api": "N",
            "exibir_obs": "S",
            "exibir_caracteristicas": "S",
        }
        for number in (1, 2)
    ]


async def test_a_crawl_goes_on_from_its_cursor_with_the_same_window(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, listed(1, pages=3, total=3), listed(2, pages=3, total=3), listed(3, pages=3, total=2))
    since = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
    crawler = rig.gateway().pages("clients", since=since)
    first = await anext(crawler)
    await crawler.aclose()
    hands.at += 3600
    rest = await crawl(rig, since=since, cursor=first.cursor)
    assert [page.complete for page in rest] == [True, False], "the total changed on the way"
    params = [body["param"][0] for body in rig.vendor.bodies()]
    assert [param.pop("pagina") for param in params] == [1, 2, 3]
    assert params[0] == params[1] == params[2]
    assert (params[0]["filtrar_por_data_de"], params[0]["filtrar_por_hora_de"]) == ("21/11/2026", "23:30:00")
    assert (params[0]["filtrar_por_data_ate"], params[0]["filtrar_por_hora_ate"]) == ("22/11/2026", "12:05:00")


async def test_an_empty_set_ends_at_once(db: Database, hands: ManualClock) -> None:
    (page,) = await crawl(omie(db, hands, EMPTY))
    assert (list(page.records), page.cursor, page.total, page.complete) == ([], None, 0, True)


async def test_a_list_that_ends_early_is_not_complete(db: Database, hands: ManualClock) -> None:
    pages = await crawl(omie(db, hands, listed(1, pages=2, total=101), EMPTY))
    assert [page.complete for page in pages] == [True, False]


@pytest.mark.feature("F077")
async def test_stages_are_one_record_each(db: Database, hands: ManualClock) -> None:
    operation = {"cCodOperacao": "11", "cDescOperacao": "Venda", "etapas": [{"cCodigo": "10"}, {"cCodigo": "50"}]}
    rig = omie(db, hands, {"total_de_paginas": 1, "cadastros": [{}, operation]})
    (page,) = [page async for page in rig.gateway().pages("stages")]
    assert [record.id for record in page.records] == ["11.10", "11.50"]


async def test_a_set_without_pages_is_one_page(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, {"lista_paises": [{"cCodigo": "1058", "cDescricao": "BRASIL"}]})
    (page,) = [page async for page in rig.gateway().pages("countries")]
    assert [record.id for record in page.records] == ["1058"]
    assert rig.vendor.bodies()[0]["param"] == [{"filtrar_por_codigo": ""}], "an empty object is refused"


# --- writing --------------------------------------------------------------------------------------------------------


async def test_a_create_names_our_code_and_no_omie_id(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, {"codigo_cliente_omie": 501, "codigo_status": "0", "descricao_status": "ok"})
    body = {**NAMED, "valor_limite_credito": Decimal("10.50")}
    written = await rig.gateway().write("clients", "create", None, body)
    assert (written.id, written.sent_at) == ("501", hands.now())
    assert b'"valor_limite_credito":10.50' in rig.vendor.requests[0].content
    for wrong in ({"codigo_cliente_omie": 1}, {"info": {}}, {"unicorn": "x"}):
        with pytest.raises(VendorError) as refused:
            await rig.gateway().write("clients", "create", None, wrong)
        assert (refused.value.fault, refused.value.sent) == (Fault.INVALID, False)


async def test_a_create_without_an_id_in_its_answer_is_uncertain(db: Database, hands: ManualClock) -> None:
    with pytest.raises(VendorError) as unsure:
        await omie(db, hands, {"codigo_status": "0"}).gateway().write("clients", "create", None, NAMED)
    assert unsure.value.fault is Fault.UNCERTAIN


async def test_an_update_names_the_omie_id_and_never_the_code(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, {"codigo_status": "0"})
    await rig.gateway().write("clients", "update", "501", {"recomendacoes": {"codigo_vendedor": 7}})
    assert rig.vendor.bodies()[0]["param"] == [{"codigo_cliente_omie": 501, "recomendacoes": {"codigo_vendedor": 7}}]
    with pytest.raises(VendorError) as refused:
        await rig.gateway().write("clients", "update", "502", {"codigo_cliente_integracao": "PLOOMES-1"})
    assert not refused.value.sent


@pytest.mark.feature("F069")
async def test_tags_go_through_their_own_calls(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, {"cCodStatus": "0"}, {"cCodStatus": "0"}, {"codigo_status": "0"})
    await rig.gateway().write("clients", "include_tags", "501", {"tags": [{"tag": "VIP"}]})
    hands.at += 21
    await rig.gateway().write("clients", "exclude_tags", "501", {"tags": [{"tag": "Velho"}]})
    hands.at += 21
    await rig.gateway().write("clients", "associate_code", "501", {"codigo_cliente_integracao": "PLOOMES-1"})
    assert [(str(r.url).rsplit("/", 2)[1], b["call"], b["param"][0]) for r, b in zip(
        rig.vendor.requests, rig.vendor.bodies(), strict=True)] == [
        ("clientetag", "IncluirTags", {"nCodCliente": 501, "tags": [{"tag": "VIP"}]}),
        ("clientetag", "ExcluirTags", {"nCodCliente": 501, "tags": [{"tag": "Velho"}]}),
        (
            "clientes",
            "AssociarCodIntCliente",
            {"codigo_cliente_omie": 501, "codigo_cliente_integracao": "PLOOMES-1"},
        ),
    ]  # fmt: skip


@pytest.mark.feature("F272")
async def test_all_alterations_of_a_record_share_its_pause(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, {"codigo_status": "0", "cCodStatus": "0"})
    await rig.gateway().write("clients", "update", "501", {"email": "a@example.com"})
    with pytest.raises(Postponed) as postponed:
        await rig.gateway().write("clients", "include_tags", "501", {"tags": [{"tag": "VIP"}]})
    assert postponed.value.cause == "record_gap"


async def test_deleting_what_is_gone_succeeds(db: Database, hands: ManualClock) -> None:
    written = await omie(db, hands, NOT_FOUND).gateway().write("clients", "delete", "501", {})
    assert written.id == "501"


@pytest.mark.feature("F167")
@pytest.mark.parametrize(
    ("entity", "verb", "text"),
    [
        ("orders", "cancel", "ERROR: O pedido já está cancelado !"),
        ("service_orders", "cancel", "ERROR: OS já cancelada"),
        ("service_orders", "cancel", "ERROR: Esta Ordem de Serviço já foi cancelada !"),
        ("orders", "delete", "ERROR: Pedido não cadastrado para o Código [501] ! - tag: [codigo_pedido]"),
        ("service_orders", "delete", "ERROR: OS não cadastrada para o Código [501] !"),
    ],
)
async def test_a_repeat_finds_it_done(book: Database, hands: ManualClock, entity: str, verb: str, text: str) -> None:
    assert (await omie(book, hands, fault(text)).gateway().write(entity, verb, "501", {})).id == "501"


@pytest.mark.parametrize(
    ("verb", "text"),
    [
        ("delete", "ERROR: Cliente não cadastrado para o Código [7] !"),
        ("delete", "ERROR: Não é possível excluir o pedido pois ele está faturado !"),
        ("cancel", "ERROR: Pedido não cadastrado para o Código [501] !"),
    ],
)
async def test_any_other_refusal_is_told(book: Database, hands: ManualClock, verb: str, text: str) -> None:
    with pytest.raises(VendorError) as refused:
        await omie(book, hands, fault(text)).gateway().write("orders", verb, "501", {})
    assert refused.value.text == text


@pytest.mark.feature("F279")
async def test_the_id_goes_into_the_block_that_omie_looks_in(book: Database, hands: ManualClock) -> None:
    rig = omie(book, hands, {"codigo_status": "0", "cCodStatus": "0"})
    await rig.gateway().write("orders", "update", "501", {"cabecalho": {"etapa": "20"}, "frete": {"modalidade": "9"}})
    hands.at += 21
    await rig.gateway().write("service_orders", "update", "502", {"Observacoes": {"cObsOS": "x"}})
    hands.at += 21
    await rig.gateway().write("service_orders", "cancel", "502", {})
    assert [body["param"][0] for body in rig.vendor.bodies()] == [
        {"cabecalho": {"codigo_pedido": 501, "etapa": "20"}, "frete": {"modalidade": "9"}},
        {"Cabecalho": {"nCodOS": 502}, "Observacoes": {"cObsOS": "x"}},
        {"nCodOS": 502, "cCancelarNfse": "N"},
    ]
    assert [str(r.url).rsplit("/", 3)[1:3] for r in rig.vendor.requests][-1] == ["servicos", "osp"]


async def test_what_omie_requires_is_asked_for_before_it_costs_an_error(book: Database, hands: ManualClock) -> None:
    rig = omie(book, hands, {"codigo_status": "0"})
    order = {"cabecalho": {"codigo_pedido_integracao": "X"}, "det": [{"ide": {"codigo_item_integracao": "1"}}]}
    with pytest.raises(VendorError) as refused:
        await rig.gateway().write("orders", "create", None, order)
    assert (refused.value.tag, refused.value.sent) == ("cabecalho.codigo_cliente", False)
    assert rig.vendor.requests == []


@pytest.mark.feature("F087")
async def test_a_missing_seller_is_a_missing_reference(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, fault("ERROR: Vendedor não cadastrado para o Código [9] !", "SOAP-ENV:Client-105"))
    with pytest.raises(VendorError) as refused:
        await rig.gateway().write("clients", "update", "501", {"recomendacoes": {"codigo_vendedor": 9}})
    assert refused.value.fault is Fault.MISSING_REFERENCE


# --- tables ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "row"), SETS.items())
@pytest.mark.feature("F012", "F278", "F281")
def test_every_row_of_the_call_table_is_sound(name: str, row: Set) -> None:
    assert re.fullmatch(r"[a-z]+/[a-z]+/", row.service)
    assert row.id_fields
    assert row.listing or row.consult
    if row.listing:
        filled = row.listing.paging or row.listing.param or row.listing.needs
        assert filled, "an empty object is refused"
        assert row.listing.needs is None or row.listing.needs in row.listing.narrow
        snake = row.listing.paging is SNAKE and row.listing.since is not None
        assert not snake or row.listing.param.get("apenas_importado_api") == "N"
    assert all(row.consult is not None for search in row.searches.values() if search.consult)
    for verb, spec in row.verbs.items():
        assert (spec.id_field is None) == (verb == "create")
        codes = {"codigo_cliente_integracao", "codigo_pedido_integracao", "cCodIntOS", "cCodIntPed"}
        if spec.id_field:
            block, _, tag = spec.id_field.rpartition(".")
            where = spec.shape[block] if block else spec.shape
            assert tag not in where, f"{name}.{verb}: the id comes from the gateway alone"
            assert verb == "associate_code" or not codes & {*spec.shape, *where}
        else:
            assert any(any(code in path for code in codes) for path in spec.required), "a create names our code"
        for path in spec.required:
            shape = spec.shape
            for part in path.split("."):
                shape = shape[part]
    if name not in ("clients", "orders", "service_orders"):
        assert not row.verbs, "never written"


def test_sizes_refuse_before_omie_does() -> None:
    assert SIZES["razao_social"] == 60
    assert SIZES["enderecoEntrega.entCEP"] == 9
    assert clamp("razao_social", "x" * 100) == "x" * 60
    assert clamp("observacao", "x" * 1000) == "x" * 1000
    assert refusal(CLIENT, {"razao_social": "x" * 60}) is None
    found = refusal(CLIENT, {"razao_social": "x" * 61})
    assert found is not None
    assert found[0] == "razao_social"
    assert "60 caracteres" in found[1]


@pytest.mark.parametrize(
    "body",
    [
        {"codigo_cliente_omie": 1},
        {"pessoa_fisica": "S"},
        {"enderecoEntrega": {"rua": "x"}},
        {"tags": [{"nome": "x"}]},
        {"tags": ["VIP"]},
        {"email": {"a": 1}},
        {"recomendacoes": 7},
    ],
)
def test_an_unknown_tag_never_leaves(body: dict[str, Any]) -> None:
    assert refusal(CLIENT_CREATE, body) is not None


def test_texts_are_decoded_and_unpadded() -> None:
    texts = ["D&apos;Oeste  ", "D'+Chr(39)+'Oeste", "D+chr(39)+Oeste", 1, None]
    assert tidy({"a": texts}) == {"a": ["D'Oeste"] * 3 + [1, None]}

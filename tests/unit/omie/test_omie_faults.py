"""A labelled corpus of Omie's refusals: every line of the reference's catalogue (1.4), with its variants."""

from datetime import UTC, datetime

import pytest

from app.core.errors import Fault, VendorError
from app.omie.faults import TABLE, classify

NOON = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)

F = Fault
CORPUS: list[tuple[Fault, str, str, int]] = [
    (F.EMPTY, "ERROR: Não existem registros para a página [1]!", "SOAP-ENV:Client-5113", 500),
    (F.EMPTY, "ERROR: Nao existem registros para a pagina [12]!", "", 200),
    (F.EMPTY, "", "SOAP-ENV:Client-5113", 500),
    (F.EMPTY, "ERROR: Nenhuma conta corrente foi encontrada!", "SOAP-ENV:Client-101", 500),
    (F.EMPTY, "ERROR: Nenhum registro foi encontrado!", "SOAP-ENV:Client-101", 500),
    (F.NOT_FOUND, "ERROR: Cliente não cadastrado para o Código [999999999] !", "SOAP-ENV:Client-105", 500),
    (F.NOT_FOUND, "ERROR: Cliente não cadastrado para o Código [0] !", "SOAP-ENV:Client-105", 500),
    (F.NOT_FOUND, "ERROR: Pedido não cadastrado para o Código [1] !", "SOAP-ENV:Client-105", 500),
    (F.NOT_FOUND, "ERROR: Pedido não cadastrado para o Código de Integração [PV_x] !", "", 500),
    (F.NOT_FOUND, "ERROR: OS não cadastrada para o Código de Integração [999] !", "SOAP-ENV:Client-103", 500),
    (
        F.NOT_FOUND,
        "ERROR: Serviço não cadastrado para o Código de integração do Serviço [teste-010] ! Tag [cCodIntServ]!",
        "SOAP-ENV:Client-5002",
        500,
    ),
    (F.NOT_FOUND, "ERROR: Produto não cadastrado para o ID [7] !", "", 500),
    (F.NOT_FOUND, "ERROR: Código do Produto não cadastrado para o Código [X] !", "", 500),
    (F.NOT_FOUND, "Produto não encontrado!", "SOAP-ENV:Client-103", 500),
    (
        F.MISSING_REFERENCE,
        "ERROR: Cliente não cadastrado para o Código [11455924790] ! - tag: [codigo_cliente]",
        "",
        500,
    ),
    (
        F.MISSING_REFERENCE,
        "ERROR: Local do Estoque não cadastrado para o Código [12345] !\n- tag: [codigo_local_estoque]",
        "SOAP-ENV:Client-1070",
        500,
    ),
    (F.MISSING_REFERENCE, "ERROR: Cidade não encontrada para [ATLANTIDA] !", "", 500),
    (
        F.DUPLICATE,
        "ERROR: Cliente já cadastrado para o CPF/CNPJ [39.330.543/0001-02] com o Id [5522173861] e código de "
        "integração [65007887191] ! (add)",
        "SOAP-ENV:Client-102",
        500,
    ),
    (F.DUPLICATE, "ERROR: Cliente já cadastrado para o Código de Integração [X] !", "SOAP-ENV:Client-102", 500),
    (F.DUPLICATE, "ERROR: Pedido já cadastrado para o Código de Integração [PV_x] !", "", 500),
    (F.DUPLICATE, "ERROR: OS já foi cadastrada anteriormente para o Código de Integração [X]", "", 500),
    (
        F.DUPLICATE,
        "ERROR: O código ABC 01 informado já está sendo utilizado pelo produto com ID 12123048648.",
        "",
        500,
    ),
    (
        F.DUPLICATE,
        "ERROR: A descrição informada já está sendo utilizada pelo produto com código ABC 01.",
        "SOAP-ENV:Client-143",
        500,
    ),
    (F.DUPLICATE, "ERROR: Lançamento já cadastrado para o Código de Integração [1]", "SOAP-ENV:Client-102", 500),
    (
        F.DUPLICATE,
        "ERROR: Já existe um ajuste de estoque para o código de integração [X] com o ID [7] para o produto de "
        "código [p]",
        "",
        500,
    ),
    (F.INVALID, "ERROR: O preenchimento da tag [cnpj_cpf] é obrigatório!", "SOAP-ENV:Client-1000", 500),
    (
        F.INVALID,
        "ERROR: O preenchimento da tag [codigo_cliente_omie] ou [codigo_cliente_integracao] é obrigatório!",
        "",
        500,
    ),
    (F.INVALID, "ERROR: O número máximo de caracteres permitido para o elemento [razao_social] é de 60", "", 500),
    (
        F.INVALID,
        "ERROR: Tag [CNPJ_CPF] não faz parte da estrutura do tipo complexo [clientes_cadastro_chave]!",
        "SOAP-ENV:Client-5001",
        500,
    ),
    (F.INVALID, "ERROR: Preenchimento inválido da tag [motivo]", "SOAP-ENV:Client-105", 500),
    (
        F.INVALID,
        "ERROR: O ano informado na tag [filtrar_por_data_de] deve ser maior que 1900!",
        "SOAP-ENV:Client-104",
        500,
    ),
    (F.INVALID, "ERROR: Informe o mínimo de três caracteres", "SOAP-ENV:Client-1010", 500),
    (F.INVALID, "ERROR: O CNPJ ou CPF informado está inválido.", "SOAP-ENV:Client-206", 500),
    (F.INVALID, "ERROR: O produto [X] está inativo !(Id: [7] / Integração: [k])", "SOAP-ENV:Client-115", 500),
    (F.INVALID, "ERROR: Não é possível alterar esse código de integração (Cliente Consumidor)!", "", 500),
    (F.INVALID, "ERROR: A tag [x] somente deve ser informada quando y", "SOAP-ENV:Client-1020", 500),
    (F.INVALID, "ERROR: Nenhum parâmetro foi recebido em WS_PARAMS!", "SOAP-ENV:Client-71", 500),
    (F.INVALID, "Method Listar not exists", "", 500),
    (F.INVALID, "Invalid JSON Object", "", 500),
    (F.INVALID, "JSON request with SyntaxError", "", 500),
    (
        F.REDUNDANT,
        "ERROR: Consumo redundante detectado. Aguarde 60 segundos para tentar novamente (REDUNDANT).",
        "SOAP-ENV:Client-6",
        500,
    ),
    (F.REDUNDANT, "ERROR: Consumo redundante detectado. Aguarde 5 segundos para tentar novamente.", "", 200),
    (
        F.REDUNDANT,
        "ERROR: Esta requisição já foi processada ou está sendo processada e você pode tentar novamente às "
        "19:04:08. (1)",
        "SOAP-ENV:Client-8020",
        500,
    ),
    (
        F.BUSY,
        "ERROR: Já existe uma requisição desse método sendo executada e você pode tentar novamente em alguns "
        "instantes. (1)",
        "SOAP-ENV:Client-1880",
        500,
    ),
    (
        F.BUSY,
        "ERROR: Já existe uma requisição desse método sendo executada e você pode tentar novamente.",
        "SOAP-ENV:Client-8020",
        500,
    ),
    (
        F.BLOCKED,
        "ERROR: API bloqueada por consumo indevido. Tente novamente em 1678 segundos.",
        "MISUSE_API_PROCESS",
        425,
    ),
    (F.BLOCKED, "", "", 425),
    (F.BLOCKED, "ERROR: API bloqueada por consumo indevido.", "SOAP-ENV:Client-500", 500),
    (F.RATE_LIMITED, "Too Many Requests", "", 429),
    (F.RATE_LIMITED, "ERROR: Limite de requisições por minuto excedido", "", 500),
    (
        F.CREDENTIALS,
        "A chave de acesso está inválida ou o aplicativo está suspenso.",
        "SOAP-ENV:Server",
        403,
    ),
    (F.CREDENTIALS, "Os dados de autenticação informados são inválidos", "", 500),
    (F.CREDENTIALS, "Omie API is not enabled", "", 500),
    (F.TRANSIENT, "SOAP-ERROR: Broken response from Application Server (4)", "SOAP-ENV:Server", 500),
    (F.TRANSIENT, "PROTO_BYEBYE", "", 500),
    (F.TRANSIENT, "ERROR: O cálculo do saldo de estoque e CMC do produto ainda não foi concluído.", "", 500),
    (F.UNKNOWN, "ERROR: Algo que ninguém viu antes.", "", 500),
    (F.UNKNOWN, "", "", 500),
]


def refusal(text: str, code: str = "", status: int = 500, **more: object) -> VendorError:
    return classify(text, status=status, code=code, method="X", now=NOON, **more)  # type: ignore[arg-type]


@pytest.mark.feature("F274", "F275")
@pytest.mark.parametrize(("expected", "text", "code", "status"), CORPUS, ids=lambda value: str(value)[:60])
def test_every_line_of_the_catalogue(expected: Fault, text: str, code: str, status: int) -> None:
    plain = text.translate(str.maketrans("áãâéêíóôõúçÁÉÍÓÚÇ", "aaaeeiooouc" + "AEIOUC"))
    for variant in (text, text.upper(), text.lower(), plain, f"  {text}\n"):
        assert refusal(variant, code, status).fault is expected


def test_the_corpus_reaches_every_line_of_the_table() -> None:
    from app.core.wire import fold

    reached = {
        next((place for place, row in enumerate(TABLE) if row.fits(fold(text), status, code)), None)
        for _, text, code, status in CORPUS
    }
    assert set(range(len(TABLE))) <= reached


@pytest.mark.parametrize(
    ("text", "status", "seconds"),
    [
        ("API bloqueada por consumo indevido. Tente novamente em 1678 segundos.", 425, 1678.0),
        ("API bloqueada por consumo indevido. Tente novamente em 30 minutos.", 425, 1800.0),
        ("API bloqueada por consumo indevido.", 425, 1800.0),
        ("Consumo redundante detectado. Aguarde 1 segundo para tentar novamente", 500, 1.0),
        ("Consumo redundante detectado. Aguarde 47 segundos para tentar novamente (REDUNDANT).", 500, 47.0),
        ("Consumo redundante detectado.", 500, 60.0),
        ("Esta requisição já foi processada ou está sendo processada e você pode tentar às 12:00:42. (1)", 500, 42.0),
        ("Esta requisição já foi processada ou está sendo processada e pode tentar às 11:59:58.", 500, 1.0),
        ("Esta requisição já foi processada ou está sendo processada e pode tentar às 99:99:99.", 500, 60.0),
        ("Já existe uma requisição desse método sendo executada", 500, 5.0),
        ("Too Many Requests", 429, 60.0),
        ("O preenchimento da tag [x] é obrigatório! Aguarde 9 segundos", 500, None),
    ],
)
def test_how_long_to_wait(text: str, status: int, seconds: float | None) -> None:
    assert refusal(text, status=status).wait == seconds


def test_a_clock_time_after_midnight_is_tomorrow() -> None:
    late = datetime(2026, 11, 23, 2, 59, 50, tzinfo=UTC)
    text = "Esta requisição já foi processada ou está sendo processada e você pode tentar novamente às 00:00:20. (1)"
    assert classify(text, status=500, now=late).wait == 30.0


@pytest.mark.feature("F086")
@pytest.mark.parametrize(
    ("text", "external_id", "code"),
    [
        (
            "ERROR: Cliente já cadastrado para o CPF/CNPJ [39.330.543/0001-02] com o Id [5522173861] e código de "
            "integração [Cli-Ação 7] ! (add)",
            "5522173861",
            "Cli-Ação 7",
        ),
        (
            "Cliente já cadastrado para o CPF/CNPJ [1] com o Id [5522173861] e código de integração [] ! (add)",
            "5522173861",
            None,
        ),
        ("ERROR: Cliente já cadastrado para o Código de Integração [PLOOMES-7] !", None, "PLOOMES-7"),
        ("O código ABC 01 informado já está sendo utilizado pelo produto com ID 12123048648.", "12123048648", None),
        ("A descrição informada já está sendo utilizada pelo produto com código ABC 01.", None, "ABC 01"),
        ("Cliente não cadastrado para o Código [7] !", None, None),
    ],
)
def test_a_duplicate_names_what_is_there(text: str, external_id: str | None, code: str | None) -> None:
    error = refusal(text)
    assert (error.existing_id, error.existing_code) == (external_id, code)


def test_the_tag_that_was_refused_is_named() -> None:
    assert refusal("Cliente não cadastrado para o Código [1] ! - tag: [codigo_cliente]").tag == "codigo_cliente"
    assert refusal("Tag [CNPJ_CPF] não faz parte da estrutura do tipo complexo [x]!").tag == "CNPJ_CPF"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ERROR: Cliente não cadastrado para o Código [1] !", Fault.NOT_FOUND),
        ("ERROR: Vendedor não cadastrado para o Código [1] !", Fault.MISSING_REFERENCE),
        ("ERROR: Projeto não cadastrado para o Código [1] !", Fault.MISSING_REFERENCE),
        ("ERROR: Pedido de compra não cadastrado para o Número [1]", Fault.MISSING_REFERENCE),
    ],
)
def test_another_noun_that_is_missing_is_a_reference(text: str, expected: Fault) -> None:
    assert refusal(text, nouns=("cliente",)).fault is expected


def test_the_text_is_kept_as_omie_says_it() -> None:
    assert refusal("ERROR:  O preenchimento\nda tag [x] é obrigatório!").text == (
        "ERROR: O preenchimento da tag [x] é obrigatório!"
    )

"""What the fault table reads out of Omie's texts beside the class: waits, ids, codes, tags. The corpus has a file."""

from datetime import UTC, datetime

import pytest

from app.core.errors import Fault, VendorError
from app.omie.faults import classify

NOON = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def refusal(text: str, code: str = "", status: int = 500, **more: object) -> VendorError:
    return classify(text, status=status, code=code, method="X", now=NOON, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "status", "seconds"),
    [
        ("API bloqueada por consumo indevido. Tente novamente em 1678 segundos.", 425, 1678.0),
        ("API bloqueada por consumo indevido. Tente novamente em 30 minutos.", 425, 1800.0),
        ("API bloqueada por consumo indevido. Tente novamente em 29 minutos e 30 segundos.", 425, 1770.0),
        ("API bloqueada por consumo indevido. Tente novamente em 1.678 segundos.", 425, 1678.0),
        ("API bloqueada por consumo indevido. Tente novamente em 59,5 segundos.", 425, 60.0),
        ("API bloqueada por consumo indevido. Tente novamente em 1 hora e 5 min.", 425, 3900.0),
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

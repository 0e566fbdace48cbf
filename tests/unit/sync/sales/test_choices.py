"""What the configuration and Omie's lists decide for a document, and what state a document is in."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.sync.config.document import Config, parse
from app.sync.mapping.fields import Refs
from app.sync.sales.choices import (
    account,
    carrier_of,
    category,
    choose,
    final_consumer,
    forecast,
    freight_type,
    payment_of,
    scenario,
    wanted_now,
)
from app.sync.sales.status import Status, order_status, service_status

TODAY = date(2026, 3, 2)


def config(**orders: Any) -> Config:
    return parse({"orders": orders})


@pytest.mark.feature("F160", "F175")
def test_the_sole_usable_choice_is_used_and_anything_else_waits() -> None:
    rows = [account({"nCodCC": 1, "descricao": "Velha", "inativo": "S"}), account({"nCodCC": 2, "descricao": "Banco"})]
    assert choose(None, rows, "conta corrente", "orders.omie_account").code == "2"
    two = [*rows, account({"nCodCC": 3})]
    several = choose(None, two, "conta corrente", "orders.omie_account").problem
    assert several == "Mais de uma conta corrente do Omie serviria (2); escolha uma em orders.omie_account."
    assert "não tem nenhuma conta corrente" in str(choose(None, rows[:1], "conta corrente", "x").problem)
    assert choose("3", two, "conta corrente", "x").code == "3"
    assert "inativa" in str(choose(1, rows, "conta corrente", "x").problem)
    assert "não existe" in str(choose(9, rows, "conta corrente", "x").problem)
    leaf = {"codigo": "1.01.03", "conta_receita": "S", "totalizadora": "N", "conta_inativa": "N", "nao_exibir": "N"}
    assert category(leaf).usable
    assert not category({**leaf, "totalizadora": "S"}).usable
    assert not category({**leaf, "conta_receita": "N"}).usable


def test_the_forecast_is_never_in_the_past() -> None:
    assert forecast(None, TODAY) == (TODAY, None)
    assert forecast(date(2026, 3, 5), TODAY) == (date(2026, 3, 5), None)
    day, note = forecast(date(2026, 2, 1), TODAY)
    assert day == TODAY
    assert "01/02/2026" in str(note)


@pytest.mark.parametrize(
    ("rule", "document", "taxpayer", "wanted"),
    [
        ("auto", "529.982.247-25", True, "S"),
        ("auto", "11222333000181", False, "S"),
        ("auto", "11222333000181", True, "N"),
        ("N", "529.982.247-25", False, "N"),
        ("S", "11222333000181", True, "S"),
    ],
)
def test_final_consumer(rule: str, document: str, taxpayer: bool, wanted: str) -> None:
    assert final_consumer(rule, document, taxpayer=taxpayer) == wanted


@pytest.mark.feature("F177", "F178")
def test_taxpayers_get_their_own_scenario() -> None:
    two = config(tax_scenario=10, tax_scenario_taxpayer="20")
    assert scenario(two, taxpayer=False) == "10"
    assert scenario(two, taxpayer=True) == "20"
    assert scenario(config(tax_scenario=10), taxpayer=True) == "10"
    assert scenario(config(), taxpayer=True) is None


@pytest.mark.feature("F173")
def test_send_when() -> None:
    assert wanted_now(None, {}, Refs())
    stage = config(send_when={"stage_id": 5}).orders.send_when
    assert wanted_now(stage, {"StageId": 5}, Refs())
    assert not wanted_now(stage, {"StageId": 6}, Refs())
    paid = config(send_when={"field_key": "order_paid", "equals": True}).orders.send_when
    assert wanted_now(paid, {"OtherProperties": [{"FieldKey": "order_paid", "BoolValue": True}]}, Refs())
    assert not wanted_now(paid, {"OtherProperties": []}, Refs())


@pytest.mark.feature("F182", "F184", "F186", "F188")
def test_carriers_and_payments_are_found_by_option() -> None:
    tables = parse(
        {
            "orders": {"carrier_field": "order_c", "payment_field": "order_p"},
            "carriers": [{"option": 1, "cnpj": "11222333000181", "name": "Rápida", "freight_type": "1"}],
            "payments": [{"option": 2, "omie_account": 9, "omie_installments": "003", "payment_method": "17"}],
        }
    )
    sale = {"OtherProperties": [{"FieldKey": "order_c", "IntegerValue": 1}, {"FieldKey": "order_p", "IntegerValue": 2}]}
    carrier, payment = carrier_of(tables, sale), payment_of(tables, sale)
    assert carrier is not None
    assert payment is not None
    assert (carrier.name, payment.omie_account, freight_type(carrier, Decimal(0))) == ("Rápida", 9, "1")
    assert carrier_of(tables, {}) is None
    assert [freight_type(None, Decimal(0)), freight_type(None, Decimal(5))] == ["9", "0"]


def test_the_state_comes_from_both_fields() -> None:
    assert order_status({"cabecalho": {"etapa": "00"}}) is Status.QUOTE
    assert order_status({"cabecalho": {"etapa": "50"}, "infoCadastro": {"cancelado": "N"}}) is Status.OPEN
    cancelled = {"cabecalho": {"etapa": "50"}, "infoCadastro": {"cancelado": "S", "faturado": "S"}}
    assert order_status(cancelled) is Status.CANCELLED
    assert order_status({"infoCadastro": {"faturado": "S", "devolvido": "S"}}) is Status.RETURNED
    assert order_status({"infoCadastro": {"autorizado": "S"}}).frozen
    assert service_status({"Cabecalho": {"cEtapa": "60"}, "InfoCadastro": {"cFaturada": "S"}}) is Status.INVOICED
    assert not service_status({"Cabecalho": {"cEtapa": "10"}}).frozen

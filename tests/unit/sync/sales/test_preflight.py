"""The pre-flight: each condition broken alone gives exactly its own reason (X01)."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.sync.sales.preflight import CONDITIONS, Facts, LineFacts, unmet, warnings

D = Decimal


def good() -> Facts:
    contact = {"Name": "Padaria Boa", "Register": "11222333000181", "CityId": 1, "StateId": 2,
               "StreetAddressNumber": "10"}  # fmt: skip
    lines = [LineFacts("Farinha", D(1), D(5), True, "Produtos"), LineFacts("Entrega", D(1), D(5), True, "Serviços")]
    return Facts(contact, owner="Ana", seller="7", lines=lines, amount=D(10))


def contact(**changes: Any) -> Callable[[Facts], None]:
    def change(facts: Facts) -> None:
        facts.contact = {**(facts.contact or {}), **changes}

    return change


def lines(**changes: Any) -> Callable[[Facts], None]:
    def change(facts: Facts) -> None:
        facts.lines = [replace(line, **changes) for line in facts.lines]

    return change


def attribute(name: str, value: Any) -> Callable[[Facts], None]:
    return lambda facts: setattr(facts, name, value)


BREAKS: dict[str, Callable[[Facts], None]] = {
    "client": attribute("contact", None),
    "document": contact(Register=""),
    "city": contact(CityId=None),
    "state": contact(StateId=None),
    "number": contact(StreetAddressNumber=" "),
    "client_linked": attribute("client_waits", "recusado"),
    "lines": attribute("lines", []),
    "quantity": lines(quantity=D(0)),
    "price": lines(value=D(0)),
    "amount": attribute("amount", D(0)),
    "linked": lines(linked=False),
    "family": lines(family="Outra"),
    "totals": attribute("totals", "não fecha"),
    "seller": attribute("seller", None),
    "account": attribute("choices", [("account", "inativa")]),
    "category": attribute("choices", [("category", "nenhuma")]),
    "city_of_service": attribute("choices", [("city", "falta")]),
    "carrier": attribute("choices", [("carrier", "falta")]),
    "payment": attribute("choices", [("payment", "falta")]),
}


def test_a_good_sale_meets_every_condition_and_every_condition_is_tried() -> None:
    assert unmet(good()) == []
    assert warnings(good()) == []
    assert set(BREAKS) == {condition.name for condition in CONDITIONS}


@pytest.mark.feature("X01", "F161", "F162", "F163")
@pytest.mark.parametrize("name", BREAKS)
def test_each_condition_broken_alone_gives_its_own_reason(name: str) -> None:
    facts = good()
    BREAKS[name](facts)
    (found,) = unmet(facts)
    assert found.name == name
    assert found.detail.endswith((".", "recusado", "não fecha", "inativa", "nenhuma", "falta"))
    assert found.fix


def test_a_foreign_client_needs_no_document_and_an_inactive_seller_is_told() -> None:
    facts = good()
    contact(Register=None)(facts)
    facts.country = "PT"
    assert unmet(facts) == []
    facts.seller_active = False
    assert "inativo" in unmet(facts)[0].detail


def test_generic_names_and_left_out_lines_only_warn() -> None:
    facts = good()
    contact(Name="Cliente Teste")(facts)
    facts.lines = [facts.lines[0], replace(facts.lines[1], quantity=D(0))]
    assert unmet(facts) == []
    assert len(warnings(facts)) == 2

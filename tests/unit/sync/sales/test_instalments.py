"""Instalments: a code of Omie where it has one, else parts that add up to the cent."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sync.sales.instalments import code_of, differences, terms

START = date(2026, 3, 2)
CODES = {"000": 1, "001": 1, "002": 2, "003": 3, "A03": 1, "S31": 2, "999": 0}


@pytest.mark.feature("F231")
@given(st.integers(1, 120), st.decimals("0.01", "1000000", places=2))
def test_free_parts_add_up_to_the_cent(count: int, total: Decimal) -> None:
    found = terms(count, "000", {}, total, START)
    assert found.code == "999"
    assert found.count == count
    assert sum(part.value for part in found.parts) == total
    assert sum(part.percent for part in found.parts) == 100
    assert [part.number for part in found.parts] == list(range(1, count + 1))
    dues = [part.due for part in found.parts]
    assert dues == sorted(set(dues))
    assert dues[0] > START


def test_a_code_with_that_many_equal_parts_is_taken() -> None:
    assert terms(3, "000", CODES, Decimal(10), START).code == "003"
    assert terms(None, "002", CODES, Decimal(10), START).code == "002"
    assert terms(4, "000", CODES, Decimal(10), START).code == "999"
    assert code_of(5, {"505": 5}) == "505"
    assert code_of(5, {"505": 5, "506": 5}) is None
    assert code_of(1, {"A03": 1}) is None


@pytest.mark.feature("F189")
def test_what_omie_made_of_it_is_compared() -> None:
    wanted = terms(2, "000", {}, Decimal("10.01"), START)
    held = [(part.value, part.due) for part in wanted.parts]
    assert differences(wanted, "999", held, Decimal("10.01")) == []
    assert differences(wanted, "000", held[:1], Decimal("10.01")) == [
        "condição de pagamento 000 em vez de 999",
        "1 parcela(s) em vez de 2",
    ]
    moved = [(held[0][0], date(2026, 1, 1)), held[1]]
    assert "vence em 01/01/2026" in differences(wanted, "999", moved, Decimal("10.01"))[0]

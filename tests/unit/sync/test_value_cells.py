"""Cells of a table of values: what people type, and what a spreadsheet makes of a number."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sync.desk.value_tables import Unreadable, parsed, shown
from app.sync.mapping.convert import Number, canonical_decimal
from app.sync.mapping.fields import Field, Master
from app.sync.mapping.mappable import DECIMAL, INTEGER, MONEY

pytestmark = pytest.mark.feature("F109")


def row(kind: str = DECIMAL) -> Field:
    return Field("x", "X", "x", "x", Number(), master=Master.EITHER, entity="clients", ploomes_type=kind)


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1.500,50", "1500.5"), ("1.500.000", "1500000"), ("-1.500,5", "-1500.5"), ("1500", "1500"), ("1,500", "1.5"),
     ("1,5", "1.5"), ("19.90", "19.9"), ("1.5", "1.5"), ("0.125", "0.125"), ("1500.125", "1500.125"), (",5", "0.5"),
     ("0", "0"), (" 7 ", "7"), ("", None)],
)  # fmt: skip
def test_a_number_is_what_a_brazilian_reads_in_it(cell: str, value: str | None) -> None:
    assert parsed(row(), cell) == value


@pytest.mark.parametrize("kind", [DECIMAL, MONEY, INTEGER])
@pytest.mark.parametrize("cell", ["1.500", "-12.000", "999.999"])
def test_a_thousand_that_may_be_three_decimals_is_refused(cell: str, kind: str) -> None:
    with pytest.raises(Unreadable) as refused:
        parsed(row(kind), cell)
    assert f"{cell.replace('.', '')} ou {cell.replace('.', ',')}" in str(refused.value)


@pytest.mark.parametrize(
    "cell", ["1,500.00", "1,500,000", "1.50,5", "12.34.567", "1.5.0", "mil", "1 500", "1_500", "1e3", "nan", "-", "١"]
)
def test_what_no_brazilian_writes_is_no_number(cell: str) -> None:
    with pytest.raises(Unreadable, match="não é um número"):
        parsed(row(), cell)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_a_number_that_went_out_comes_back_as_it_was(number: Decimal) -> None:
    value = canonical_decimal(number)
    assert parsed(row(), shown(row(), value)) == value

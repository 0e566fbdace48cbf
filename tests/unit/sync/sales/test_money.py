"""Money of a sale: every discount becomes an item's amount, and nothing is lost by rounding."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sync.sales.money import ZERO, Amounts, TotalsDiffer, brl, cents, nets, percentage, price, spread

D = Decimal
quantities = st.decimals("0.001", "9999", places=3).filter(lambda q: q > 0)
units = st.decimals("0.0001", "99999", places=4).filter(lambda u: u > 0)
percents = st.decimals("0", "99.99", places=2)
lines = st.lists(st.builds(Amounts, quantities, units, percents), min_size=1, max_size=40)


@given(st.decimals("0", "1000000", places=2), st.lists(st.decimals("0", "1000", places=2), min_size=1, max_size=30))
def test_spread_adds_up_and_is_fair(total: Decimal, weights: list[Decimal]) -> None:
    parts = spread(total, weights)
    assert sum(parts) == total
    whole = sum(weights) or D(len(weights))
    shares = weights if sum(weights) else [D(1)] * len(weights)
    assert all(abs(part - total * share / whole) < D("0.01") for part, share in zip(parts, shares, strict=True))


def test_largest_remainder_first_line_wins_a_tie() -> None:
    assert spread(D("10.00"), [D(1), D(1), D(1)]) == [D("3.34"), D("3.33"), D("3.33")]
    assert spread(D("0.01"), [D(0), D(0)]) == [D("0.01"), D("0.00")]
    assert spread(D(5), []) == []


@given(quantities, units, percents)
def test_an_item_comes_to_its_total_exactly(quantity: Decimal, unit: Decimal, percent: Decimal) -> None:
    total = Amounts(quantity, unit, percent).agreed
    item = price(quantity, unit, total)
    assert cents(item.quantity * item.unit) - item.discount == total == item.total
    assert item.discount >= 0
    assert item.unit == unit


def test_a_total_above_quantity_times_unit_raises_the_price_not_a_negative_discount() -> None:
    item = price(D(3), D("3.33"), D("10.00"))
    assert item.discount >= 0
    assert cents(item.quantity * item.unit) - item.discount == D("10.00")


@pytest.mark.feature("F159")
@given(lines, percents, st.decimals("0", "500", places=2))
def test_nets_add_up_to_the_amount_a_person_sees(sale: list[Amounts], percent: Decimal, freight: Decimal) -> None:
    less = cents(sum((line.agreed for line in sale), ZERO) * (100 - percent) / 100)
    assert sum(nets(sale, percent, less, freight)) == less
    assert sum(nets(sale, percent, None, freight)) == less


def test_the_amount_may_include_freight_and_a_cent_per_line_of_rounding() -> None:
    sale = [Amounts(D(3), D("33.333"), total=D("100.00")), Amounts(D(1), D(50))]
    assert sum(nets(sale, ZERO, D("170.00"), D(20))) == D("150.00")
    assert sum(nets(sale, ZERO, D("149.99"), ZERO)) == D("149.99")


def test_a_line_or_amount_that_contradicts_itself_is_named() -> None:
    with pytest.raises(TotalsDiffer) as wrong:
        nets([Amounts(D(1), D(10)), Amounts(D(2), D(10), total=D(10))], ZERO, None, ZERO)
    assert wrong.value.line == 1
    with pytest.raises(TotalsDiffer) as amount:
        nets([Amounts(D(1), D(10))], ZERO, D(9), ZERO)
    assert amount.value.line is None


def test_percentage_and_words() -> None:
    assert percentage(D(3), D(50), D(135)) == D("10.00")
    assert percentage(D(1), D(10), D(11)) == 0
    assert brl(D("1234567.8")) == "R$ 1.234.567,80"

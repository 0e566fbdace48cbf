"""Money of a sale, to the cent (docs/orders.md, "Rounding"). Pure, Decimal throughout.

Ploomes stores what it is sent: lines carry quantity, price, a percentage and their own total, the sale a percentage
and its amount. Omie multiplies and subtracts. So every discount becomes an amount on its item, and what a person
sees in Ploomes is what the items add up to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
UNIT_PLACES = Decimal("0.0000000001")
"""Decimals of a unit price that we send; Omie multiplies before it rounds."""
HUNDRED = Decimal(100)
ZERO = Decimal(0)


def cents(value: Decimal) -> Decimal:
    """Rounded to the cent, halves away from zero: how Brazilian invoices round."""
    return value.quantize(CENT, ROUND_HALF_UP)


def spread(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """`total` in whole cents over the weights by largest remainder; ties go to the earlier one.

    The parts always add up to `total`. Weights that are all zero count as equal ones.
    """
    if not weights:
        return []
    whole = sum(weights)
    shares = list(weights) if whole else [Decimal(1)] * len(weights)
    whole = whole or Decimal(len(weights))
    exact = [total * share / whole for share in shares]
    parts = [part.quantize(CENT, ROUND_FLOOR) for part in exact]
    left = int((total - sum(parts)) / CENT)
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_remainder[:left]:
        parts[index] += CENT
    return parts


@dataclass(frozen=True, slots=True)
class Price:
    """An item as Omie is told: `total` is exactly the rounded product of quantity and unit, less `discount`."""

    quantity: Decimal
    unit: Decimal
    discount: Decimal
    total: Decimal


def price(quantity: Decimal, unit: Decimal, total: Decimal) -> Price:
    """How an item with the agreed quantity and total is told to Omie.

    A total above quantity times unit cannot be a discount: the unit price is raised as little as its decimals allow,
    and the discount takes back what that is too much.
    """
    gross = cents(quantity * unit)
    if gross < total:
        unit = (total / quantity).quantize(UNIT_PLACES, ROUND_CEILING)
        gross = cents(quantity * unit)
    return Price(quantity, unit, gross - total, total)


@dataclass(frozen=True, slots=True)
class Amounts:
    """One line of a sale in Ploomes. `discount` is a percentage, `total` what Ploomes shows, None when it is empty."""

    quantity: Decimal
    unit: Decimal
    discount: Decimal = ZERO
    total: Decimal | None = None

    @property
    def computed(self) -> Decimal:
        """What quantity, price and percentage come to, to the cent."""
        return cents(self.quantity * self.unit * (HUNDRED - self.discount) / HUNDRED)

    @property
    def agreed(self) -> Decimal:
        """The line's total: the one that Ploomes shows, which people agreed on."""
        return self.computed if self.total is None else cents(self.total)


class TotalsDiffer(Exception):
    """The sale contradicts itself by more than rounding. `line` is the position of the line to blame, None for the
    sale's own amount; `shown` is what Ploomes shows and `computed` what its parts come to."""

    def __init__(self, line: int | None, shown: Decimal, computed: Decimal) -> None:
        super().__init__(f"{line}: {shown} != {computed}")
        self.line = line
        self.shown = shown
        self.computed = computed


def nets(lines: Sequence[Amounts], percent: Decimal, amount: Decimal | None, freight: Decimal) -> list[Decimal]:
    """What each line comes to after every discount; they add up to the sale's amount, with or without its freight.

    Raises TotalsDiffer when a line's total is not its quantity, price and percentage (a cent either way is rounding),
    or the amount is not its lines (a cent per line either way is).
    """
    for position, line in enumerate(lines):
        if line.total is not None and abs(cents(line.total) - line.computed) > CENT:
            raise TotalsDiffer(position, cents(line.total), line.computed)
    agreed = [line.agreed for line in lines]
    gross = sum(agreed, ZERO)
    less = cents(gross * (HUNDRED - percent) / HUNDRED)
    if amount is None:
        return spread(less, agreed)
    shown = cents(amount)
    allowed = CENT * max(1, len(lines))
    for target in (less, gross):  # the percentage may already be in the lines
        for extra in (ZERO, freight):
            if abs(shown - extra - target) <= allowed:
                return spread(shown - extra, agreed)
    raise TotalsDiffer(None, shown, less)


def percentage(quantity: Decimal, unit: Decimal, total: Decimal) -> Decimal:
    """The discount that Ploomes shows beside a line's total, in percent with two decimals; the total is what counts."""
    gross = quantity * unit
    if gross <= total or not gross:
        return ZERO
    return ((gross - total) * HUNDRED / gross).quantize(CENT, ROUND_HALF_UP)


def plain(value: Decimal) -> str:
    """A number as normalised text: the same amount always reads the same."""
    text = format(value.normalize(), "f")
    return "0" if text in ("-0", "0") else text


def brl(value: Decimal) -> str:
    """An amount for people: R$ 1.234,56."""
    whole, _, part = f"{cents(value):,.2f}".partition(".")
    return f"R$ {whole.replace(',', '.')},{part}"

"""How many instalments a document has, and which: a code of Omie, or 999 with computed parts. Pure (reference 3.6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from app.sync.sales.money import HUNDRED, spread

FREE = "999"
"""The code whose parts the order itself lists."""
INTERVAL_DAYS = 30


@dataclass(frozen=True, slots=True)
class Part:
    """One instalment. `percent` of the total, with two decimals."""

    number: int
    value: Decimal
    percent: Decimal
    due: date
    days: int


@dataclass(frozen=True, slots=True)
class Terms:
    """The payment terms of a document; `parts` only with code 999."""

    code: str
    parts: Sequence[Part] = ()

    @property
    def count(self) -> int | None:
        """How many parts the code 999 has."""
        return len(self.parts) or None


def code_of(count: int, codes: Mapping[str, int]) -> str | None:
    """Omie's code for `count` equal parts, or None. `codes` holds the number of parts of each code.

    Omie's own codes are their number of parts (`003`); any other of only digits is taken when it is the only one.
    Codes with letters mean days (`A03`: one part in three days).
    """
    own = f"{count:03d}"
    if own in codes and codes[own] in (count, 0):
        return own
    alike = [code for code, parts in codes.items() if parts == count and code.isdigit() and code not in ("000", FREE)]
    return alike[0] if len(alike) == 1 else None


def terms(count: int | None, default: str, codes: Mapping[str, int], total: Decimal, start: date) -> Terms:
    """The terms of a document. Without a count, the default code, which may not be 999 (its parts would be unknown)."""
    if count is None or count < 1:
        return Terms(default) if default != FREE else _free(1, total, start)
    known = code_of(count, codes)
    return Terms(known) if known is not None else _free(count, total, start)


def _free(count: int, total: Decimal, start: date) -> Terms:
    values = spread(total, [Decimal(1)] * count)
    percents = spread(HUNDRED, [Decimal(1)] * count)
    parts = [
        Part(number, value, percent, start + timedelta(days=INTERVAL_DAYS * number), INTERVAL_DAYS * number)
        for number, (value, percent) in enumerate(zip(values, percents, strict=True), start=1)
    ]
    return Terms(FREE, parts)


def differences(wanted: Terms, code: str, held: Sequence[tuple[Decimal, date | None]], total: Decimal) -> list[str]:
    """What is otherwise in Omie than was sent, in Portuguese; nothing when all is well.

    `held` are Omie's parts. Their values are compared with our `total` only when we computed them: Omie adds taxes.
    """
    found = []
    if code != wanted.code:
        found.append(f"condição de pagamento {code} em vez de {wanted.code}")
    if not wanted.parts:
        return found
    if len(held) != len(wanted.parts):
        found.append(f"{len(held)} parcela(s) em vez de {len(wanted.parts)}")
        return found
    for part, (value, due) in zip(wanted.parts, held, strict=True):
        if due is not None and due != part.due:
            found.append(f"parcela {part.number} vence em {due:%d/%m/%Y} em vez de {part.due:%d/%m/%Y}")
        if value != part.value and sum(v for v, _ in held) == total:
            found.append(f"parcela {part.number} de {value} em vez de {part.value}")
    return found

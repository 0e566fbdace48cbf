"""Tables that people open in a spreadsheet and send back: CSV out and in, and what a spreadsheet does to it on the way.

Excel in Brazil saves in Windows-1252 and parts cells with semicolons; it runs a cell that looks like a formula. Pure.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import zip_longest

from app.core.errors import UserError

ENCODINGS = ("utf-8-sig", "cp1252")
"""In the order they are tried: nothing but text is valid in the first, nearly everything is in the second."""
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for a formula's beginning."""
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


@dataclass(frozen=True, slots=True)
class Sheet:
    """The lines of a file under its headings, numbered as a spreadsheet numbers them; empty ones are left out."""

    columns: Sequence[str]
    lines: Sequence[tuple[int, Mapping[str, str | None]]]
    """A cell that its line ends before is None."""


def decoded(content: bytes) -> str:
    """The text of a file. Raises UserError 422 for one that is no text: nothing is ever guessed into a value."""
    for encoding in ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise _invalid("O arquivo não é um texto em UTF-8 nem em Windows-1252; salve-o como CSV UTF-8.")


def read(text: str) -> Sheet:
    """The table in a text, parted by commas or semicolons. Raises UserError 422."""
    sample = text.lstrip("\ufeff")
    head = sample.partition("\n")[0]
    reader = csv.reader(io.StringIO(sample), delimiter=";" if head.count(";") > head.count(",") else ",")
    try:
        names = [name.strip() for name in next(reader, ())]
        rows = list(enumerate(reader, start=2))
    except csv.Error:
        raise _invalid("O arquivo não é uma tabela CSV.") from None
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise _invalid(f"A coluna {twice} aparece mais de uma vez.")
    lines: list[tuple[int, Mapping[str, str | None]]] = []
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if any(cell.strip() for cell in cells[len(names) :]):  # what has no column
            raise _invalid(f"Linha {number}: a linha tem mais células que a primeira.")
        told = zip_longest(names, map(plain, cells[: len(names)]))
        lines.append((number, {name: cell for name, cell in told if name}))
    return Sheet([name for name in names if name], lines)


def line(cells: Sequence[str]) -> str:
    """One line of a table that no spreadsheet runs."""
    out = io.StringIO()
    csv.writer(out).writerow([guarded(cell) for cell in cells])
    return out.getvalue()


def guarded(cell: str) -> str:
    """A cell that a spreadsheet takes for text, whoever typed it; numbers stay numbers."""
    risky = cell.lstrip("'").startswith(FORMULAS) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if risky else cell


def plain(cell: str) -> str:
    """A cell without its guard."""
    return cell[1:] if cell[:1] == "'" and cell.lstrip("'").startswith(FORMULAS) else cell


def _invalid(detail: str) -> UserError:
    return UserError(
        HTTPStatus.UNPROCESSABLE_ENTITY, "Tabela inválida", detail, errors=[{"field": "table", "message": detail}]
    )

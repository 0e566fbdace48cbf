"""The stock of a product as people read it in Ploomes: one table of columns to sources, drawn as HTML (F134-F146).

Pure. Both of Omie's routes tell the same figures under other names (Omie reference 3.9): `ListarPosEstoque` by page and
location, `ObterEstoqueProduto` for one product in all its locations.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from html import unescape

from babel.numbers import format_currency, format_decimal
from markupsafe import Markup

from app.core.ports import JsonObject
from app.sync.mapping.convert import MOST_DIGITS, canonical_decimal, rounded

LOCALE = "pt_BR"
QUANTITY = "#,##0.####"
PLACES, CENTS = 4, 2
"""Places behind the comma of quantities and of money."""
_NOTHING = Decimal(0)
"""Zero without the sign that rounding leaves."""
FIELD, COLUMN = "ponte_stock", "BigStringValue"
"""Name of the custom field in Ploomes that holds the table, and the column of its value."""

Figures = Mapping[str, str]
"""Figure -> exact decimal as text; a figure that is not there is zero."""


@dataclass(frozen=True, slots=True)
class Source:
    """One figure, and where each route tells it."""

    key: str
    listed: str
    """In a row of `ListarPosEstoque`."""
    summed: str
    """In a row of `listaEstoque` of `ObterEstoqueProduto`."""


SOURCES: Sequence[Source] = (
    Source("available", "nSaldo", "nDisponivel"),
    Source("physical", "fisico", "nFisico"),
    Source("cost", "nCMC", "nCMC"),
    Source("minimum", "estoque_minimo", "nEstoqueMinimo"),
    Source("outgoing", "nPendente", "nPrevisaoSaida"),
)
LISTED_PLACE, SUMMED_PLACE = "codigo_local_estoque", "nIdlocal"
KINDS = {"1": "Próprio", "2": "Próprio em poder de terceiros", "3": "De terceiros em nosso poder"}
"""`tipo` of a location."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stock location that the table shows."""

    id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Row:
    """What a product has in one place."""

    place: Place
    figures: Figures
    balance: str
    """Which figure is the balance: `available` or `physical`."""

    def number(self, key: str) -> Decimal:
        """A figure; zero where Omie has none."""
        return Decimal(self.figures.get(key) or 0)

    def quantity(self, key: str) -> Decimal:
        """A figure as people read it: what Omie's sums leave behind the last place that is shown is nothing."""
        return rounded(self.number(key), PLACES) or _NOTHING

    @property
    def held(self) -> Decimal:
        """The balance the integration chose."""
        return self.quantity(self.balance)

    @property
    def status(self) -> str:
        """The balance against the minimum."""
        if self.held <= 0:
            return "Sem estoque"
        return "Abaixo do mínimo" if self.held < self.quantity("minimum") else "Disponível"


def _quantity(number: Decimal) -> str:
    return str(format_decimal(number, format=QUANTITY, locale=LOCALE))


def _money(number: Decimal) -> str:
    return str(format_currency(rounded(number, CENTS) or _NOTHING, "BRL", locale=LOCALE))


def _cost(row: Row, number: Decimal) -> str:
    """A cost of zero means that Omie has not computed it (reference 3.9)."""
    return _money(number) if row.number("cost") else "–"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table."""

    title: str
    cell: Callable[[Row], str]
    is_number: bool = False


COLUMNS: Sequence[Column] = (
    Column("Status do Estoque", lambda row: row.status),
    Column("Local de Estoque", lambda row: row.place.name),
    Column("Estoque Disponível", lambda row: _quantity(row.held), is_number=True),
    Column("CMC Unitário", lambda row: _cost(row, row.number("cost")), is_number=True),
    Column("CMC Total", lambda row: _cost(row, row.number("cost") * row.held), is_number=True),
    Column("Estoque Mínimo", lambda row: _quantity(row.quantity("minimum")), is_number=True),
    Column("Previsão de Saída", lambda row: _quantity(row.quantity("outgoing")), is_number=True),
    Column("Tipo de Local de Estoque", lambda row: KINDS.get(row.place.kind, "–")),
)

# colours of the page, not of ours: the field is shown on light and on dark ground
_TABLE = Markup('<table style="border-collapse:collapse;width:100%;color:inherit;background:transparent">{}{}</table>')
_CELL = "border:1px solid currentColor;padding:4px 8px;text-align:{}"
_EMPTY = Markup('<p style="margin:0">{}</p>')
_STAMP = Markup('<p style="margin:4px 0 0;opacity:.75">{}</p>')
_TAG = re.compile(r"<[^>]*>")
STAMP = "Última alteração:"
NOWHERE = "Nenhum local de estoque ativo e disponível para venda foi escolhido."


def table(rows: Sequence[Row]) -> str:
    """The table without its stamp: it differs only when something that people see differs."""
    if not rows:
        return str(_EMPTY.format(NOWHERE))
    head = Markup("<thead><tr>{}</tr></thead>").format(
        Markup("").join(
            Markup('<th scope="col" style="{}">{}</th>').format(_CELL.format(_side(column)), column.title)
            for column in COLUMNS
        )
    )
    with localcontext(prec=2 * MOST_DIGITS):  # Babel rounds in whatever context there is
        lines = [_line(row) for row in rows]
    body = Markup("<tbody>{}</tbody>").format(Markup("").join(lines))
    return str(_TABLE.format(head, body))


def _line(row: Row) -> Markup:
    cells = (
        Markup('<td style="{}">{}</td>').format(_CELL.format(_side(column)), column.cell(row)) for column in COLUMNS
    )
    return Markup("<tr>{}</tr>").format(Markup("").join(cells))


def _side(column: Column) -> str:
    return "right" if column.is_number else "left"


def stamped(html: str, at: datetime) -> str:
    """The table with the moment of its last change at its end; `at` in the integration's zone."""
    return html + str(_STAMP.format(f"{STAMP} {at.strftime('%d/%m/%Y %H:%M:%S')}"))


def unstamped(html: str) -> str:
    """The table without the stamp that `stamped` gave it."""
    return html.rpartition(str(_STAMP).partition("{}")[0])[0] or html


def digest(html: str) -> str:
    """What tells one text from another; of a table, its stamp aside, what tells whether a figure changed."""
    return hashlib.sha256(html.encode()).hexdigest()


def says_the_same(html: str, text: str | None) -> bool:
    """Whether people read in a text what a table says, moments aside: Ploomes may keep HTML in a form of its own."""
    return text is not None and STAMP in text and _words(html) == _words(text)


def _words(html: str) -> str:
    return " ".join(unescape(_TAG.sub(" ", html)).split()).rpartition(STAMP)[0]


def text_in(record: JsonObject, field_key: str) -> str | None:
    """What a product of Ploomes holds in the field of the table."""
    rows = record.get("OtherProperties") or ()
    return next((row.get(COLUMN) for row in rows if row.get("FieldKey") == field_key), None) or None


def rows_of(places: Sequence[Place], figures: Mapping[str, Figures], balance: str) -> list[Row]:
    """One row for each place, in the order of their names; a place that Omie told nothing of holds nothing."""
    ordered = sorted(places, key=lambda place: (place.name.casefold(), place.id))
    return [Row(place, figures.get(place.id, {}), balance) for place in ordered]


def listed(row: JsonObject) -> tuple[str, Figures]:
    """Place and figures in a row of the page route."""
    return _told(row, LISTED_PLACE, {source.key: source.listed for source in SOURCES})


def position_in(body: JsonObject) -> tuple[str, Figures] | None:
    """The same in the body of a movement, where it carries every figure in a form we can read."""
    told = (body.get(LISTED_PLACE), *(canonical_decimal(body.get(source.listed)) for source in SOURCES))
    return None if None in told else listed(body)


def summed(answer: JsonObject) -> dict[str, Figures]:
    """Figures by place in an answer of the single route."""
    names = {source.key: source.summed for source in SOURCES}
    return dict(_told(row, SUMMED_PLACE, names) for row in answer.get("listaEstoque") or () if isinstance(row, dict))


def _told(row: JsonObject, place: str, names: Mapping[str, str]) -> tuple[str, Figures]:
    told = {key: canonical_decimal(row.get(name)) for key, name in names.items()}
    return str(row.get(place)), {key: number for key, number in told.items() if number not in (None, "0")}

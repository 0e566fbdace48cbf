"""The vocabulary of Omie's call tables: paging dialects, lists, look-ups, searches, writes and the set that holds them.

Plain data; the rows themselves are in `calls/`, what acts on them is `gateway.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.ports import JsonObject, Key
from app.core.wire import fold
from app.omie.schemas import Shape

PAGE_SIZE = 100
"""More is cut silently (reference 2.2)."""

Rows = Callable[[JsonObject], Iterator[JsonObject]]
"""Reads the records out of a list's answer."""


@dataclass(frozen=True, slots=True)
class Paging:
    """A paging dialect: names in the request and in the answer (F277)."""

    page: str
    size: str
    pages: str
    total: str


SNAKE = Paging("pagina", "registros_por_pagina", "total_de_paginas", "total_de_registros")
HUNGARIAN = Paging("nPagina", "nRegPorPagina", "nTotPaginas", "nTotRegistros")


@dataclass(frozen=True, slots=True)
class Since:
    """Names of the incremental filter; without hours the filter works by the day."""

    from_date: str = "filtrar_por_data_de"
    to_date: str = "filtrar_por_data_ate"
    from_hour: str | None = "filtrar_por_hora_de"
    to_hour: str | None = "filtrar_por_hora_ate"


BY_HOUR = Since()
BY_DAY = Since(from_hour=None, to_hour=None)


@dataclass(frozen=True, slots=True)
class Listing:
    """The list call of a set."""

    call: str
    rows: Rows
    paging: Paging | None = SNAKE
    param: Mapping[str, Any] = field(default_factory=dict)
    """Always sent; never empty, an empty object is refused."""
    since: Since | None = None
    stamps: Sequence[tuple[str, str]] = ()
    """Paths of date and hour of what may have happened to a row. With them, rows whose stamps are all older than the
    wanted instant are left out here: the call itself filters by the day, or is doubted (reference 6.1, 6.2)."""
    narrow: Mapping[str, Callable[[str], JsonObject]] = field(default_factory=dict)
    """What a crawl may be narrowed by, and the filter for it."""
    needs: str | None = None
    """The narrowing without which the call answers nothing."""
    today: str | None = None
    """The tag that takes today's date."""
    untold: frozenset[str] = frozenset()
    """Tags that the list answers blank whatever the record holds; left out, for blank would read as cleared."""


@dataclass(frozen=True, slots=True)
class Consult:
    """The call that answers one record by its id."""

    call: str
    keys: Sequence[str]
    """Tags that take the id; a set whose ids have several parts names as many, and the later ones may be left out."""
    wrapped_in: str | None = None
    """Where the record lies in the answer; None is the root (only ConsultarPedido wraps it)."""
    text: bool = False
    """True when the id is text also where it is all digits."""
    today: str | None = None
    """The tag that takes today's date."""
    param: Mapping[str, Any] = field(default_factory=dict)
    """Always sent."""
    anonymous: bool = False
    """True when the answer does not repeat the id."""


@dataclass(frozen=True, slots=True)
class ByCode:
    """The list filter that takes many ids at once."""

    filter: str
    key: str
    most: int = 50


@dataclass(frozen=True, slots=True)
class Search:
    """How records are found by a natural key: a list or consult call, its filter, and which rows truly match."""

    param: Callable[[Key], JsonObject]
    matches: Callable[[JsonObject, Key], bool]
    consult: bool = False
    """True to ask by the consult call: its not-found answers instead of an empty list."""
    every: bool = False
    """True when several records may match, on several pages."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One write. `id_field` carries the record's Omie id; the integration code is never sent beside it (F279)."""

    call: str
    shape: Shape
    id_field: str | None = None
    """Path of the tag; blocks on the way are those of the body."""
    service: str | None = None
    """When it differs from the set's."""
    answers: Sequence[str] = ()
    """Fields of the answer that may carry the record's id."""
    required: Sequence[str] = ()
    """Paths that Omie wants filled; in a list, in every row."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Always sent, whatever the body says."""
    already: str = ""
    """Pattern of refusals that say it is so already, over the folded text."""


@dataclass(frozen=True, slots=True)
class Set:
    """Everything the gateway knows about one set of records."""

    service: str
    id_fields: Sequence[str]
    """Paths of the parts of an id."""
    listing: Listing | None = None
    nouns: Sequence[str] = ()
    """What Omie's texts call a record of this set, folded."""
    consult: Consult | None = None
    by_code: ByCode | None = None
    searches: Mapping[str, Search] = field(default_factory=dict)
    verbs: Mapping[str, Verb] = field(default_factory=dict)

    def id_of(self, row: JsonObject) -> str | None:
        """The record's id, parts joined by a dot; None when a part is missing."""
        parts = [str(at(row, path) or "") for path in self.id_fields]
        return ".".join(parts) if all(parts) else None


def at(row: JsonObject, path: str) -> Any:
    """The value at a dotted path, or None where a block on the way is missing."""
    value: Any = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def array(name: str) -> Rows:
    """Rows that lie in the array `name`; empty ones are skipped (reference 3.6: the first may be `{}`)."""

    def rows(answer: JsonObject) -> Iterator[JsonObject]:
        return (row for row in answer.get(name) or () if isinstance(row, dict) and row)

    return rows


def only_array(answer: JsonObject) -> Iterator[JsonObject]:
    """Rows of the one array of an answer whose name is documented nowhere."""
    arrays = [value for value in answer.values() if isinstance(value, list)]
    return (row for row in (arrays[0] if len(arrays) == 1 else ()) if isinstance(row, dict) and row)


def bare(text: Any) -> str:
    """A document or code in capitals without mask."""
    return "".join(sign for sign in str(text or "").upper() if sign.isalnum())


def same(path: str) -> Callable[[JsonObject, Key], bool]:
    """Whether a row's text equals the key's, case and accents aside."""
    return lambda row, key: fold(str(at(row, path) or "")) == fold(key.value)


def exactly(path: str) -> Callable[[JsonObject, Key], bool]:
    """Whether a row's value is the key's, letter by letter."""
    return lambda row, key: str(at(row, path) or "") == key.value


def by_code(tag: str, path: str) -> Search:
    """A search by the consult call, which takes this tag too."""
    return Search(lambda key: {tag: key.value}, exactly(path), consult=True)

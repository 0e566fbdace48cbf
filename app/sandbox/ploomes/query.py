"""Query options of a request: $select, $expand with nested options, $orderby, paging (ploomes-api.md 1)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..wire import Row
from . import filters
from .faults import bad, unknown_property
from .filters import Predicate, Reader
from .schema import SETS, EntitySet

_OPTIONS = ("$select", "$filter", "$orderby", "$expand", "$top", "$skip", "$count")


@dataclass
class Options:
    """What to answer of a set, and of each expanded navigation of it."""

    entity_set: EntitySet
    select: list[str] | None = None
    expand: dict[str, "Options"] = field(default_factory=dict)
    predicate: Predicate | None = None
    only_id: int | None = None
    after: int | None = None
    order: list[tuple[Callable[[Row], Any], bool]] = field(default_factory=list)
    order_text: str = ""
    top: int | None = None
    skip: int = 0
    count: bool = False

    @property
    def by_id(self) -> bool:
        """True when rows in order of Id need no sorting."""
        return not self.order_text or self.order_text in ("Id", "Id asc")

    def page(self, rows: list[Row], size: int) -> tuple[list[Row], int]:
        """One page and how many rows there are: all when counted, else just enough to know whether more follow.

        `rows` come by Id; without another order the scan ends with the page.
        """
        if self.count or not self.by_id:
            found = self.arrange(rows)
            return found[self.skip : self.skip + size], len(found)
        end = self.skip + size
        if self.predicate is None:
            return rows[self.skip : end], len(rows)
        taken = list(islice(filter(self.predicate, rows), end + 1))
        return taken[self.skip : end], len(taken)

    def arrange(self, rows: list[Row]) -> list[Row]:
        """Filtered and sorted rows, before paging."""
        if self.predicate is not None:
            rows = [row for row in rows if self.predicate(row)]
        for key, descending in reversed(self.order):
            rows = sorted(rows, key=key, reverse=descending)
        return rows


@dataclass(frozen=True)
class Rules:
    """What the account's switches say about reading."""

    reader: Reader
    depth: int
    any_forbidden: bool


def parse(params: dict[str, str], entity_set: EntitySet, rules: Rules) -> Options:
    """The options of a request; parameters without `$` and unknown ones are ignored. Raises Refusal."""
    return _options({name: text for name, text in params.items() if name.startswith("$")}, entity_set, rules, 0)


def _options(given: dict[str, str], entity_set: EntitySet, rules: Rules, depth: int) -> Options:
    options = Options(entity_set)
    if given.get("$select"):
        options.select = _select(given["$select"], entity_set)
    if given.get("$filter"):
        tree = filters.parse(given["$filter"])
        options.only_id = filters.wanted_id(tree)
        options.after = filters.past_id(tree)
        options.predicate = filters.compiled(tree, entity_set, rules.reader, any_forbidden=rules.any_forbidden)
    if given.get("$orderby"):
        options.order_text = " ".join(given["$orderby"].split())
        options.order = [_order(key, entity_set, rules.reader) for key in given["$orderby"].split(",")]
    if given.get("$expand"):
        options.expand = _expand(given["$expand"], entity_set, rules, depth + 1)
    options.top = _whole("$top", given.get("$top"))
    options.skip = _whole("$skip", given.get("$skip")) or 0
    options.count = given.get("$count", "").lower() == "true"
    return options


def _whole(name: str, text: str | None) -> int | None:
    if text is None or text == "":
        return None
    if not text.strip().isdigit():
        raise bad(f"Valor inválido em {name}: {text}")
    return int(text)


def _select(text: str, entity_set: EntitySet) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if "*" in names:
        return list(entity_set.props)
    for name in names:
        if name not in entity_set.props and name not in entity_set.navs:
            raise unknown_property(name, entity_set.name)
    return names


def _order(text: str, entity_set: EntitySet, reader: Reader) -> tuple[Callable[[Row], Any], bool]:
    parts = text.split()
    if not parts or len(parts) > 2 or parts[-1] not in (parts[0], "asc", "desc"):
        raise bad(f"Expressão inválida em $orderby: {text}")
    *way, name = parts[0].split("/")
    here, steps = entity_set, []
    for step in way:
        nav = here.navs.get(step)
        if nav is None or nav.how != ">":
            raise unknown_property(step, here.name)
        steps.append(nav)
        here = SETS[nav.target]
    if name not in here.props:
        raise unknown_property(name, here.name)

    def key(row: Row) -> Any:
        place: Row | None = row
        for nav in steps:
            place = reader.one(place, nav) if place is not None else None
        value = place.get(name) if place is not None else None
        return (value is not None, value if value is not None else 0)

    return key, parts[-1] == "desc"


def _expand(text: str, entity_set: EntitySet, rules: Rules, depth: int) -> dict[str, Options]:
    if depth > rules.depth:
        raise bad(f"$expand com mais de {rules.depth} níveis.")
    expand = {}
    for item in split(text, ","):
        found = re.fullmatch(r"(\w+)\s*(?:\((.*)\))?", item.strip(), re.DOTALL)
        if found is None:
            raise bad(f"Expressão inválida em $expand: {item}")
        nav = entity_set.navs.get(found[1])
        if nav is None:
            raise unknown_property(found[1], entity_set.name)
        given = {}
        for option in split(found[2] or "", ";"):
            name, mark, value = option.strip().partition("=")
            if not mark or name.strip() not in _OPTIONS:
                raise bad(f"Opção inválida em $expand: {option}")
            given[name.strip()] = value
        expand[nav.name] = _options(given, SETS[nav.target], rules, depth)
    return expand


def split(text: str, mark: str) -> list[str]:
    """Splits at `mark` outside parentheses and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif not quoted and letter in "()":
            depth += 1 if letter == "(" else -1
        elif not quoted and depth == 0 and letter == mark:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return [part for part in parts if part.strip()]

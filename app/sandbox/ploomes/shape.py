"""How the table of entity sets is written and read: properties, navigation, defaults (ploomes-api.md 3).

Properties: `Name:kind` with kind int (64 bit), i32, str, num, bool, date; `!` read-only, `*` required, `=x` default.
Navigation: `Nav>Set:Fk` to one, `Nav<Set:Fk` the rows that point back, `Nav[Set` rows kept inside the record,
`Nav~Set:Fk` rows kept inside the record's owner that point at the record (the lines of an order's section).
"""

import re
from dataclasses import dataclass, field
from typing import Any

ALL = frozenset({"GET", "POST", "PATCH", "DELETE"})
READ = frozenset({"GET"})
NO_DELETE = frozenset({"GET", "POST", "PATCH"})
NO_PATCH = frozenset({"GET", "POST", "DELETE"})
INNER: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Prop:
    """One property of a type."""

    name: str
    kind: str
    read_only: bool = False
    required: bool = False
    default: Any = None


@dataclass(frozen=True)
class Nav:
    """One navigation property: how `>` one, `<` many by foreign key, `[` rows inside, `~` rows inside the owner."""

    name: str
    how: str
    target: str
    key: str = ""


@dataclass(frozen=True)
class EntitySet:
    """One set: `entity_id` and `prefix` exist where custom fields or webhooks do.

    `within`: where the rows of a set live that has no register of its own: owner's set, owner's column, list.
    """

    name: str
    props: dict[str, Prop]
    navs: dict[str, Nav]
    verbs: frozenset[str]
    entity_id: int | None = None
    prefix: str = ""
    key: str = "Id"
    singleton: bool = False
    within: tuple[str, str, str] | None = None
    children: dict[str, Nav] = field(default_factory=dict)


_PROP = re.compile(r"(\w+):(\w+)([!*]?)(?:=(\S+))?")
_NAV = re.compile(r"(\w+)([><\[~])([\w@]+)(?::(\w+))?")
_CONSTANTS: dict[str, Any] = {"true": True, "false": False}


def _prop(word: str) -> Prop:
    found = _PROP.fullmatch(word)
    if found is None:
        raise ValueError(word)
    name, kind, mark, default = found.groups()
    value = _CONSTANTS.get(default, int(default) if default and default.isdigit() else default)
    return Prop(name, kind, mark == "!", mark == "*", value)


def _nav(word: str) -> Nav:
    found = _NAV.fullmatch(word)
    if found is None:
        raise ValueError(word)
    return Nav(found[1], found[2], found[3], found[4] or "")


def define(name: str, props: str, navs: str = "", verbs: frozenset[str] = ALL, **more: Any) -> EntitySet:
    """One row of the table from its short form; raises ValueError for a word it cannot read."""
    ways = {nav.name: nav for nav in map(_nav, navs.split())}
    inside = {nav.name: nav for nav in ways.values() if nav.how == "["}
    return EntitySet(name, {p.name: p for p in map(_prop, props.split())}, ways, verbs, children=inside, **more)

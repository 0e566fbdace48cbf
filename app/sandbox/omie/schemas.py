"""Omie's complex types as tables, and the check of a param against them (omie-api.md 3 and fault 5001)."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ..wire import Row
from . import faults
from .shapes import TYPES


@dataclass(frozen=True)
class Tag:
    """One field: kind `s` text, `i` integer, `d` decimal, `f` S/N flag, `b` boolean, `{` object or `[` array."""

    kind: str
    size: int | None = None
    complex_type: str = ""


@lru_cache
def tags_of(complex_type: str) -> dict[str, Tag]:
    """The fields of a complex type in their documented order."""
    return parse_tags(TYPES[complex_type])


def parse_tags(spec: str) -> dict[str, Tag]:
    """Reads the notation of the tables above."""
    tags: dict[str, Tag] = {}
    for word in spec.split():
        name, kind = word.split(":", 1)
        if kind[0] in "{[":
            tags[name] = Tag(kind[0], None, kind.strip("{}[]"))
        else:
            tags[name] = Tag(kind[0], int(kind[1:]) if kind[1:] else None)
    return tags


def check(complex_type: str, param: Row, tags: dict[str, Tag] | None = None) -> Row:
    """The param with its values in their proper kinds; raises Fault for what does not belong to the type."""
    known = tags if tags is not None else tags_of(complex_type)
    for name in param:
        if name not in known:
            raise faults.unknown_tag(name, complex_type.rpartition(".")[2])
    return {name: _value(name, known[name], value) for name, value in param.items()}


def _value(name: str, tag: Tag, value: Any) -> Any:
    if tag.kind == "[":
        return _array(name, tag, value)
    if tag.kind == "{":
        if value in (None, ""):
            return {}
        if not isinstance(value, dict):
            raise faults.invalid(name, f"um objeto do tipo complexo [{tag.complex_type.rpartition('.')[2]}]")
        return check(tag.complex_type, value)
    if isinstance(value, (dict, list)) or (isinstance(value, bool) and tag.kind != "b"):
        raise faults.invalid(name, "um valor simples")
    return _SCALARS[tag.kind](name, tag, value)


def _array(name: str, tag: Tag, value: Any) -> list[Row]:
    if value in (None, ""):
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise faults.Fault(f"ERROR: O elemento [{name}] deve ser uma lista de [{tag.complex_type}] !", 1000)
    return [check(tag.complex_type, item) for item in value]


def _text(name: str, tag: Tag, value: Any) -> str:
    text = "" if value is None else str(value).strip()
    if tag.size is not None and len(text) > tag.size:
        raise faults.too_long(name, tag.size)
    return text


def _integer(name: str, _tag: Tag, value: Any) -> int:
    if value in (None, ""):
        return 0
    if not re.fullmatch(r"-?\d+", str(value).strip()):
        raise faults.invalid(name, "um número inteiro")
    return int(value)


def _decimal(name: str, _tag: Tag, value: Any) -> Decimal:
    if value in (None, ""):
        return Decimal(0)
    if not re.fullmatch(r"-?\d+(\.\d+)?", str(value).strip()):
        raise faults.invalid(name, "um número decimal")
    return Decimal(str(value))


def _flag(name: str, _tag: Tag, value: Any) -> str:
    text = "" if value is None else str(value).strip()
    if text not in ("S", "N", ""):
        raise faults.invalid(name, "S ou N")
    return text


def _boolean(name: str, _tag: Tag, value: Any) -> bool:
    if value in (None, ""):
        return False
    if not isinstance(value, bool):
        raise faults.invalid(name, "true ou false")
    return value


_SCALARS = {"s": _text, "i": _integer, "d": _decimal, "f": _flag, "b": _boolean}

_BLANKS: dict[str, Any] = {"s": "", "f": "", "i": 0, "d": 0, "b": False}


def blank(tag: Tag) -> Any:
    """What a list shows for a field that holds nothing."""
    return [] if tag.kind == "[" else {} if tag.kind == "{" else _BLANKS[tag.kind]


def filled(complex_type: str, row: Row, skipped: frozenset[str] = frozenset()) -> Row:
    """The fields of `row` in documented order, blanks where it holds none."""
    return {
        name: row[name] if name in row else blank(tag)
        for name, tag in tags_of(complex_type).items()
        if name not in skipped
    }

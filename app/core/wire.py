"""JSON from wire to wire: numbers as int or Decimal, never float; hostile input ends in one exception. Pure."""

import hashlib
import re
import unicodedata
from decimal import Decimal
from typing import Any

import simplejson

_BIGGEST_EXPONENT = 100
_LONGEST_INTEGER = 40
_UNSTORABLE = re.compile(r"\\u(0000|d[89a-f])", re.IGNORECASE)


class Unreadable(ValueError):
    """The bytes are no JSON that we are willing to hold."""


def loads(raw: bytes | str) -> Any:
    """Parses JSON; raises `Unreadable` for anything else: bad UTF-8, NaN, absurd numbers, depth beyond the stack."""
    try:
        text = raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw
        value = simplejson.loads(text, parse_float=_decimal, parse_int=_integer)
        return scrub(value) if _UNSTORABLE.search(text) else value
    except (ValueError, RecursionError, ArithmeticError, MemoryError) as problem:
        raise Unreadable(type(problem).__name__) from None


def dumps(value: Any) -> bytes:
    """Compact UTF-8 JSON; a Decimal keeps every digit it has."""
    text: str = simplejson.dumps(value, use_decimal=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def digest(value: Any) -> str:
    """A short hash of a JSON value that does not depend on the order of its keys."""
    canonical: str = simplejson.dumps(value, use_decimal=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()[:32]


def body_key(raw: bytes) -> str:
    """SHA-256 of a body as received, hex."""
    return hashlib.sha256(raw).hexdigest()


def scrub(value: Any) -> Any:
    """The same value without what no database column takes: NUL and lone surrogates in strings."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {scrub(key): scrub(item) for key, item in value.items()}
    return [scrub(item) for item in value] if isinstance(value, list) else value


def plain(value: Any, size: int) -> str | None:
    """A vendor's scalar as text that any database column takes: no NUL, no lone surrogate, at most `size` long."""
    if value is None or isinstance(value, bool | dict | list):
        return None
    text: str = scrub(str(value))
    return text.strip()[:size] or None


def fitted(text: str, size: int) -> str:
    """Text that a column of `size` takes: one that is longer ends in a digest of the whole, and stays itself."""
    if len(text) <= size:
        return text
    return f"{text[: size - 33]}~{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:32]}"


def fold(text: str) -> str:
    """Lower case without accents and with single spaces: the form vendor texts are compared in."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(mark for mark in decomposed if not unicodedata.combining(mark)).split())


def _decimal(literal: str) -> Decimal:
    number = Decimal(literal)
    if not number.is_finite() or abs(number.adjusted()) > _BIGGEST_EXPONENT:
        raise ValueError("number out of bounds")
    return number


def _integer(literal: str) -> int:
    if len(literal) > _LONGEST_INTEGER:
        raise ValueError("integer out of bounds")
    return int(literal)

"""JSON as the vendors exchange it: numbers with a point stay Decimal from wire to wire."""

from datetime import datetime
from typing import Any

import simplejson

Row = dict[str, Any]
"""One record, keyed by the vendor's own field names."""


def loads(text: bytes | str) -> Any:
    """Parses JSON text; raises ValueError when it is not JSON."""
    return simplejson.loads(text, use_decimal=True)


def dumps(value: Any, *, ascii_only: bool = False) -> bytes:
    """Writes JSON; datetimes become ISO text (only the control surface has any left)."""
    text: str = simplejson.dumps(value, use_decimal=True, ensure_ascii=ascii_only, default=_plain, ignore_nan=True)
    return text.encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"not JSON: {type(value).__name__}")

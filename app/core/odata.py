"""OData: literals, filters and addresses, quoted and encoded. Pure; what its users need of OData v4."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote


def literal(value: object) -> str:
    """A value inside a `$filter`: texts quoted, quotes doubled; times with their offset."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return "'" + str(value).replace("'", "''") + "'"


def equal(path: str, value: object) -> str:
    """`path eq value`."""
    return f"{path} eq {literal(value)}"


def any_of(*filters: str) -> str:
    """Filters joined by `or`, in parentheses when there are several."""
    kept = [one for one in filters if one]
    return kept[0] if len(kept) == 1 else "(" + " or ".join(kept) + ")"


def all_of(*filters: str) -> str:
    """Filters joined by `and`."""
    return " and ".join(one for one in filters if one)


def custom_equal(field_key: str, column: str, value: object) -> str:
    """A row of `OtherProperties` has a value (Ploomes reference 3.8)."""
    return f"OtherProperties/any(o: o/FieldKey eq {literal(field_key)} and o/{column} eq {literal(value)})"


def address(path: str, options: Mapping[str, object]) -> str:
    """A path with its query options, percent-encoded; `@`, `(` and `'` of the path stay as they are."""
    query = "&".join(
        f"{name}={quote(str(value), safe='')}" for name, value in options.items() if value not in (None, "")
    )
    return f"{path}?{query}" if query else path

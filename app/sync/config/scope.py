"""Which records of a shared Ploomes account belong to an integration (`scope` of the configuration). Pure."""

from typing import TYPE_CHECKING

from app.core.ports import JsonObject

if TYPE_CHECKING:
    from app.sync.config.document import FieldCondition

_COLUMNS = (
    "StringValue",
    "BigStringValue",
    "IntegerValue",
    "DecimalValue",
    "DateTimeValue",
    "BoolValue",
    "ObjectValueName",
)


def in_scope(condition: "FieldCondition | None", record: JsonObject) -> bool:
    """True when the record carries the wanted value in the wanted field, custom or native."""
    if condition is None:
        return True
    wanted = _plain(condition.equals)
    for row in record.get("OtherProperties") or ():
        if row.get("FieldKey") == condition.field_key:
            return wanted in {_plain(row[c]) for c in _COLUMNS if row.get(c) is not None}
    return _plain(record.get(condition.field_key)) == wanted


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

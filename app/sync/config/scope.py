"""Which records of an account a condition of the configuration means (`scope`, `orders.send_when`). Pure.

A condition names a field by the Key of Ploomes' `/Fields`. A custom field keeps its value in `OtherProperties`, under
that key; a native one in a property of the record, which only `/Fields` names (reference 3.7).
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from app.core.ports import JsonObject
from app.sync.mapping.fields import Refs

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


def in_scope(condition: "FieldCondition | None", record: JsonObject, refs: Refs) -> bool:
    """True when the record carries the wanted value in the wanted field, custom or native."""
    if condition is None:
        return True
    key, wanted = condition.field_key, plain(condition.equals)
    custom = [row for row in record.get("OtherProperties") or () if row.get("FieldKey") == key]
    if custom:  # several rows where the field takes several options
        return any(wanted == plain(row[c]) for row in custom for c in _COLUMNS if row.get(c) is not None)
    return any(wanted in _readings(record.get(name)) for name in refs.properties.get(key, (key,)))


def properties_of(field: JsonObject) -> tuple[str, ...]:
    """Properties in which records keep a native field's value, the one that is written first; none of a custom one."""
    if field.get("Dynamic") is not False:
        return ()
    names = (field.get("UpdatePropertyName"), field.get("PropertyName"))
    return tuple(dict.fromkeys(str(name) for name in names if name))


def patch_for(condition: "FieldCondition", field: JsonObject | None) -> JsonObject:
    """What a new record in Ploomes carries to be in scope; `field` is Ploomes' row of the field, with type and options.
    An option may be named by its id or by its name."""
    if field is not None and field.get("Dynamic") is False:
        name = next(iter(properties_of(field)), condition.field_key)
        return {name: condition.equals}
    options = ((field or {}).get("OptionsTable") or {}).get("Options") or ()
    wanted: bool | int | str = next(
        (int(row["Id"]) for row in options if plain(condition.equals) in (str(row["Id"]), str(row.get("Name")))),
        condition.equals,
    )
    native = ((field or {}).get("Type") or {}).get("NativeType")
    guess = "Bool" if isinstance(wanted, bool) else "Integer" if isinstance(wanted, int) else "String"
    return {"OtherProperties": [{"FieldKey": condition.field_key, f"{native or guess}Value": wanted}]}


def _readings(value: object) -> Iterable[str]:
    """What a property may be compared as; one that leads to another record, as its id and its name."""
    parts = (value.get("Id"), value.get("Name")) if isinstance(value, dict) else (value,)
    return [plain(part) for part in parts if part is not None]


def plain(value: object) -> str:
    """The text by which values are compared, whatever their type."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)

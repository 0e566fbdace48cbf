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


def patch_for(condition: "FieldCondition", field: JsonObject | None) -> JsonObject:
    """What a new record in Ploomes carries to be in scope; `field` is Ploomes' row of the field, with type and options.
    An option may be named by its id or by its name."""
    if field is not None and field.get("Dynamic") is False:
        return {condition.field_key: condition.equals}
    options = ((field or {}).get("OptionsTable") or {}).get("Options") or ()
    wanted: bool | int | str = next(
        (int(row["Id"]) for row in options if _plain(condition.equals) in (str(row["Id"]), str(row.get("Name")))),
        condition.equals,
    )
    native = ((field or {}).get("Type") or {}).get("NativeType")
    guess = "Bool" if isinstance(wanted, bool) else "Integer" if isinstance(wanted, int) else "String"
    return {"OtherProperties": [{"FieldKey": condition.field_key, f"{native or guess}Value": wanted}]}


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

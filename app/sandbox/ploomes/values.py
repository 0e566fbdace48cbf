"""Custom field values: the OtherProperties rows of a record, written and read (ploomes-api.md 3.7 and 3.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..wire import Row
from .faults import bad

if TYPE_CHECKING:
    from .account import Account
    from .schema import EntitySet

#: NativeType + "Value" is the column (ploomes-api.md 3.7).
COLUMNS = {native: f"{native}Value" for native in ("String", "BigString", "Integer", "Decimal", "DateTime", "Bool")}
_STRING_LIMIT = 255
_MONEY = "Moeda"
#: Reference types: what IntegerValue points at, how its columns begin, and what they show of it.
_REFERENCES: dict[str, tuple[str, str, dict[str, str]]] = {
    "Usuário": ("Users", "User", {"Name": "Name", "AvatarUrl": "AvatarUrl"}),
    "Cliente": ("Contacts", "Contact", {"Name": "Name", "TypeId": "TypeId", "Register": "Register"}),
    "Produto": ("Products", "Product", {"Name": "Name"}),
    "Anexo": ("Attachments", "Attachment", {"Name": "FileName"}),
}
OWNER_COLUMN = {
    "Contacts": "ContactId", "Products": "ProductId", "Orders": "OrderId", "Orders@Products": "OrderProductId",
    "Quotes": "QuoteId", "Products@Groups": "GroupId", "Products@Families": "FamilyId",
    "InteractionRecords": "InteractionRecordId", "Deals": "DealId", "Tasks": "TaskId",
}  # fmt: skip


def field_of(account: Account, given: Row, entity_set: EntitySet) -> Row:
    """The custom field a written row names; raises Refusal for one that is not of this entity."""
    fields = account.sets["Fields"]
    field = fields.get(given.get("FieldKey"))
    if field is None and given.get("FieldId") is not None:
        field = next((row for row in fields.values() if row["Id"] == given["FieldId"]), None)
    if field is None:
        raise bad(f"O campo '{given.get('FieldKey')}' não existe.")
    if entity_set.entity_id is not None and field["EntityId"] != entity_set.entity_id:
        raise bad(f"O campo '{field['Key']}' não pertence a esta entidade.")
    return field


def native_type(account: Account, field: Row) -> str:
    """The NativeType of a field's type."""
    return str(account.sets["Fields@Types"][field["TypeId"]]["NativeType"])


def written(account: Account, entity_set: EntitySet, old: list[Row], given: list[Row], *, replace: bool) -> list[Row]:
    """The rows after a write: merged by FieldKey (or all replaced); a row without value clears its field."""
    fresh: dict[str, list[Row]] = {}
    for item in given:
        field = field_of(account, item, entity_set)
        rows = fresh.setdefault(field["Key"], [])
        row = _row(account, field, item)
        if row is not None:
            if rows and not field["Multiple"]:
                raise bad(f"O campo '{field['Key']}' aceita um só valor.")
            rows.append(row)
    kept = [] if replace else [row for row in old if row["FieldKey"] not in fresh]
    return kept + [row for rows in fresh.values() for row in rows]


def _row(account: Account, field: Row, given: Row) -> Row | None:
    column = COLUMNS[native_type(account, field)]
    filled = {name: given[name] for name in COLUMNS.values() if given.get(name) is not None}
    if filled.get("BoolValue") is False and account.kernel.quirks.ploomes_false_checkbox == "none":
        return None
    if not filled:
        return None
    if set(filled) != {column}:
        raise bad(f"O campo '{field['Key']}' espera o valor em {column}.")
    value = filled[column]
    _check(account, field, value)
    row = {"Id": account.kernel.ploomes_id(), "FieldId": field["Id"], "FieldKey": field["Key"], column: value}
    if _kind(account, field) == _MONEY:
        row["CurrencyValueId"] = (
            given.get("CurrencyValueId") or next(iter(account.sets["Account"].values()))["CurrencyId"]
        )
    return row


def _kind(account: Account, field: Row) -> str:
    return str(account.sets["Fields@Types"][field["TypeId"]]["Name"])


def _check(account: Account, field: Row, value: Any) -> None:
    kind = account.sets["Fields@Types"][field["TypeId"]]
    if kind["NativeType"] == "String" and len(value) > _STRING_LIMIT:
        raise bad(f"O valor do campo '{field['Name']}' passa de {_STRING_LIMIT} caracteres.")
    if field["OptionsTableId"] is not None:
        option = account.sets["Fields@OptionsTables@Options"].get(value)
        if option is None or option["TableId"] != field["OptionsTableId"]:
            raise bad(f"A opção {value} não existe no campo '{field['Name']}'.")
    reference = _REFERENCES.get(kind["Name"])
    if reference and value not in account.sets[reference[0]]:
        raise bad(f"O registro {value} do campo '{field['Name']}' não existe.")


def value_of(row: Row) -> Any:
    """The one filled column of a row."""
    return next((row[name] for name in COLUMNS.values() if row.get(name) is not None), None)


def enriched(account: Account, row: Row) -> Row:
    """A row as read: with the name of the option or record it points at."""
    field = account.sets["Fields"].get(row["FieldKey"])
    value = row.get("IntegerValue")
    if field is None or value is None:
        return row
    if field["OptionsTableId"] is not None:
        option = account.sets["Fields@OptionsTables@Options"].get(value)
        return {**row, "ObjectValueId": value, "ObjectValueName": option["Name"] if option else None}
    reference = _REFERENCES.get(_kind(account, field))
    if reference is None:
        return row
    target, name, shown = reference
    relative = account.sets[target].get(value, {})
    return {**row, f"{name}ValueId": value} | {f"{name}Value{s}": relative.get(column) for s, column in shown.items()}


def dictionary(account: Account, rows: list[Row]) -> Row:
    """The form of webhooks: FieldKey -> raw value, several options as a list."""
    found: Row = {}
    for row in rows:
        field = account.sets["Fields"].get(row["FieldKey"])
        if field is not None and field["Multiple"]:
            found.setdefault(row["FieldKey"], []).append(value_of(row))
        else:
            found[row["FieldKey"]] = value_of(row)
    return found


def forget(account: Account, *, field_key: str | None = None, option_id: int | None = None) -> None:
    """Drops the values of a deleted field or option everywhere, in the lines of sales too."""
    for records in account.sets.values():
        for record in records.values():
            _forget_in(record, field_key, option_id)


def _forget_in(record: Row, field_key: str | None, option_id: int | None) -> None:
    for name, rows in record.items():
        if name == "OtherProperties" and rows:
            record[name] = [
                row
                for row in rows
                if row["FieldKey"] != field_key and not (option_id and row.get("IntegerValue") == option_id)
            ]
        elif name in ("Products", "Sections") and isinstance(rows, list):
            for row in rows:
                _forget_in(row, field_key, option_id)

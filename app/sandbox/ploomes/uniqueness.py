"""Fields marked Unique: a second record with the same value is refused (ploomes-api.md 5 and 8)."""

import re
from collections.abc import Iterable
from typing import Any

from ..wire import Row
from . import values
from .account import Account
from .faults import bad
from .schema import EntitySet

_REGISTER = "contact_register"


def refuse_doubles(account: Account, entity_set: EntitySet, row: Row, given: Row) -> None:
    """Raises Refusal (400) when `row` repeats another record's value of a unique field that was just written."""
    if entity_set.entity_id is None or entity_set.within is not None:
        return
    for field in _unique_fields(account, entity_set):
        if (field["PropertyName"] if not field["Dynamic"] else "OtherProperties") not in given:
            continue
        wanted = set(_values(field, row))
        if not wanted:
            continue
        for other in account.sets[entity_set.name].values():
            if other["Id"] != row["Id"] and wanted & set(_values(field, other)):
                raise bad(f"Já existe um registro com este valor no campo '{field['Name']}'.")


def _unique_fields(account: Account, entity_set: EntitySet) -> list[Row]:
    fields = account.sets["Fields"]
    found = [f for f in fields.values() if f["Unique"] and f["EntityId"] == entity_set.entity_id]
    if entity_set.name == "Contacts" and account.kernel.quirks.ploomes_duplicate_documents == "rejected":
        found.append(fields[_REGISTER])
    return found


def _values(field: Row, row: Row) -> Iterable[str]:
    if field["Dynamic"]:
        rows = [item for item in row["OtherProperties"] if item["FieldKey"] == field["Key"]]
        texts = [values.value_of(item) for item in rows]
    else:
        texts = [row.get(field["PropertyName"])]
    return (_folded(field, text) for text in texts if text not in (None, ""))


def _folded(field: Row, value: Any) -> str:
    text = str(value).casefold().strip()
    return re.sub(r"\W", "", text) if field["Key"] == _REGISTER else text

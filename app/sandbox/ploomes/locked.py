"""Fields marked Disabled: a person cannot change them on the form; the API can (ploomes-api.md 3.7 and 8)."""

from ..wire import Row
from . import values
from .account import Account
from .faults import bad
from .schema import EntitySet


def fields(account: Account, entity_set: EntitySet) -> list[Row]:
    """The locked fields of an entity."""
    if entity_set.entity_id is None:
        return []
    return [f for f in account.sets["Fields"].values() if f["Disabled"] and f["EntityId"] == entity_set.entity_id]


def refuse(account: Account, entity_set: EntitySet, key: object, given: Row) -> None:
    """Raises Refusal (400) when the given values change a locked field of the record."""
    row = account.sets[entity_set.name].get(key)
    if row is None:
        return
    for field in fields(account, entity_set):
        if field["Dynamic"]:
            before = sorted(str(values.value_of(r)) for r in row["OtherProperties"] if r["FieldKey"] == field["Key"])
            rows = [r for r in given.get("OtherProperties") or [] if r.get("FieldKey") == field["Key"]]
            after = sorted(str(values.value_of(r)) for r in rows if values.value_of(r) is not None)
            changed = bool(rows) and before != after
        else:
            name = field["PropertyName"]
            changed = name in given and given[name] != row.get(name)
        if changed:
            raise bad(f"O campo '{field['Name']}' está bloqueado para edição.")


def by_api(account: Account, entity_set: EntitySet, given: Row) -> Row:
    """What the API makes of locked fields: nothing special by default, switches for the other readings."""
    reading = account.kernel.quirks.ploomes_disabled_fields
    if reading == "free":
        return given
    keys = {field["Key"] for field in fields(account, entity_set)}
    names = {field["PropertyName"] for field in fields(account, entity_set) if not field["Dynamic"]}
    rows = given.get("OtherProperties") or []
    if reading == "refused" and (names & set(given) or any(row.get("FieldKey") in keys for row in rows)):
        raise bad("O campo está bloqueado para edição.")
    left = {name: value for name, value in given.items() if name not in names}
    if rows:
        left["OtherProperties"] = [row for row in rows if row.get("FieldKey") not in keys]
    return left

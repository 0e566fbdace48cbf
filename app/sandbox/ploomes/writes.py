"""Create, change and delete on any set: kinds checked, references checked, child lists replaced, webhooks fired."""

import re
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from ..clock import BRASILIA
from ..wire import Row
from . import events, rules, values
from .account import Account, moment
from .faults import Refusal, bad, missing, unknown_property
from .schema import SETS, EntitySet, Nav, Prop

_INT32 = 2**31 - 1
_SYSTEM_DATES = ("CreateDate", "LastUpdateDate", "UpdateDate")


def create(account: Account, entity_set: EntitySet, body: Row, user_id: int, *, webhooks: bool = True) -> Row:
    """Stores a new record made of `body`; raises Refusal."""
    given = _cleaned(account, entity_set, body)
    for prop in entity_set.props.values():
        if prop.required and given.get(prop.name) in (None, ""):
            raise bad(f"O campo '{prop.name}' é obrigatório.")
    row: Row = {"Id": account.kernel.ploomes_id()}
    row |= {prop.name: prop.default for prop in entity_set.props.values() if prop.name != "Id"}
    row |= {name: [] for name in entity_set.children}
    prepared = rules.before_create(account, entity_set, row, given, user_id)
    _apply(account, entity_set, row, prepared)
    _sign(account, entity_set, row, user_id, created=True)
    account.sets[entity_set.name][row[entity_set.key]] = row
    rules.after_create(account, entity_set, row, body, user_id)
    if webhooks:
        events.fire(account, entity_set, "Create", None, row, user_id)
    return row


def change(account: Account, entity_set: EntitySet, key: Any, body: Row, user_id: int, *,
           webhooks: bool = True) -> Row:  # fmt: skip
    """Changes what `body` carries: missing stays, null clears, child lists are replaced; raises Refusal."""
    row = find(account, entity_set, key)
    given = _cleaned(account, entity_set, body)
    for prop in entity_set.props.values():
        if prop.required and prop.name in given and given[prop.name] in (None, ""):
            raise bad(f"O campo '{prop.name}' é obrigatório.")
    old = deepcopy(row)
    new = deepcopy(row)
    _apply(account, entity_set, new, rules.before_change(account, entity_set, row, given))
    _sign(account, entity_set, new, user_id, created=False)
    row.clear()
    row.update(new)
    if webhooks:
        events.fire(account, entity_set, "Update", old, row, user_id)
    return row


def remove(account: Account, entity_set: EntitySet, key: Any, user_id: int, *, webhooks: bool = True) -> None:
    """Deletes a record; what pointed at it points at nothing, whatever was its child goes too. Raises Refusal."""
    row = find(account, entity_set, key)
    rules.before_remove(account, entity_set, row, user_id)
    del account.sets[entity_set.name][row[entity_set.key]]
    _loosen(account, entity_set, row)
    rules.after_remove(account, entity_set, row)
    if entity_set.name in account.deleted:
        account.deleted[entity_set.name][row["Id"]] = {**row, "LastUpdateDate": account.now(), "UpdaterId": user_id}
    if webhooks:
        events.fire(account, entity_set, "Delete", row, None, user_id)


def set_values(account: Account, entity_set: EntitySet, key: Any, body: Row, user_id: int) -> Row:
    """The action UpdateOtherProperty: one field, one or several values."""
    if "OtherProperties" not in entity_set.children or set(body) - {"FieldKey", "Values"}:
        raise bad("Corpo inválido em UpdateOtherProperty.")
    rows = [{"FieldKey": body.get("FieldKey"), **value} for value in body.get("Values") or [{}]]
    return change(account, entity_set, key, {"OtherProperties": rows}, user_id)


def find(account: Account, entity_set: EntitySet, key: Any) -> Row:
    """The record with that key; raises Refusal (404)."""
    row = account.sets[entity_set.name].get(key)
    if row is None:
        refusal = missing(f"Registro {key} de {entity_set.name}")
        raise Refusal(account.kernel.quirks.ploomes_missing_status, refusal.message)
    return row


def _cleaned(account: Account, entity_set: EntitySet, body: Row) -> Row:
    """The writable part of a body in stored kinds; unknown names and wrong kinds are refused."""
    given: Row = {}
    for name, value in body.items():
        prop, nav = entity_set.props.get(name), entity_set.navs.get(name)
        if prop is not None:
            if not prop.read_only:
                given[name] = _value(account, prop, value)
        elif nav is None:
            raise unknown_property(name, entity_set.name)
        elif nav.how in "[~":
            given[name] = _children(account, nav, value)
        # A nested related record is ignored: only its key counts (ploomes-api.md 3.1, Tags).
    return given


def _children(account: Account, nav: Nav, value: Any) -> list[Row]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise bad(f"'{nav.name}' deve ser uma lista de objetos.")
    kind = SETS[nav.target]
    cleaned = []
    for item in value:
        child = _cleaned(account, kind, item)
        for prop in kind.props.values():
            if prop.required and child.get(prop.name) in (None, ""):
                raise bad(f"O campo '{prop.name}' é obrigatório em '{nav.name}'.")
        if isinstance(item.get("Id"), int):
            child["Id"] = item["Id"]
        cleaned.append(child)
    return cleaned


def _value(account: Account, prop: Prop, value: Any) -> Any:
    if value is None:
        return None
    fits = _date(account, value) if prop.kind == "date" else _KINDS[prop.kind](value)
    if fits is None:
        raise bad(f"O valor de '{prop.name}' não é do tipo esperado ({prop.kind}).")
    return fits


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None


def _small(value: Any) -> int | None:
    whole = _whole(value)
    return whole if whole is not None and -_INT32 - 1 <= whole <= _INT32 else None


def _number(value: Any) -> Decimal | int | None:
    return value if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else None


def _date(account: Account, value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    zone = UTC if account.kernel.quirks.ploomes_bare_dates == "utc" else BRASILIA
    try:
        return moment(value, zone)
    except ValueError:
        return None


_KINDS: dict[str, Callable[[Any], Any]] = {
    "int": _whole,
    "i32": _small,
    "num": _number,
    "str": lambda value: value if isinstance(value, str) else None,
    # `1` is accepted for true: public code activates webhooks with it (ploomes-api.md 4).
    "bool": lambda value: bool(value) if value in (True, False, 0, 1) and not isinstance(value, str) else None,
}


def _apply(account: Account, entity_set: EntitySet, row: Row, given: Row) -> None:
    for nav in entity_set.navs.values():
        if nav.how == ">" and given.get(nav.key) is not None and given[nav.key] not in account.sets[nav.target]:
            raise bad(f"O registro {given[nav.key]} de '{nav.key}' não existe.")
    quirks = account.kernel.quirks
    for name, value in given.items():
        nav_or_none = entity_set.children.get(name)
        if nav_or_none is None:
            row[name] = value
        elif name == "OtherProperties":
            replace = quirks.ploomes_other_properties == "replace"
            row[name] = values.written(account, entity_set, row[name], value, replace=replace)
            _own(entity_set, row, name)
        else:
            fresh = [_child(account, entity_set, nav_or_none, row, item, place) for place, item in enumerate(value)]
            appended = quirks.ploomes_collections == "append" and name in ("Phones", "Tags")
            row[name] = row[name] + fresh if appended else fresh
    rules.applied(account, entity_set, row, given)


def _child(account: Account, entity_set: EntitySet, nav: Nav, row: Row, given: Row, place: int) -> Row:
    """One row of a child list; a known Id is kept, otherwise it is a new row."""
    kind = SETS[nav.target]
    known = {child["Id"] for child in row.get(nav.name, [])}
    child: Row = {prop.name: prop.default for prop in kind.props.values()}
    child |= {name: [] for name in kind.children}
    child["Id"] = given.get("Id") if given.get("Id") in known else account.kernel.ploomes_id()
    _apply(account, kind, child, {name: value for name, value in given.items() if name != "Id"})
    owner = values.OWNER_COLUMN.get(entity_set.name)
    if owner in kind.props:
        child[owner] = row["Id"]
    return rules.child(account, entity_set, nav, row, child, place)


def _own(entity_set: EntitySet, row: Row, name: str) -> None:
    owner = values.OWNER_COLUMN.get(entity_set.name)
    for child in row[name]:
        if owner:
            child[owner] = row["Id"]


def _sign(account: Account, entity_set: EntitySet, row: Row, user_id: int, *, created: bool) -> None:
    """System columns; LastUpdateDate moves on any change."""
    now = account.now()
    for name in _SYSTEM_DATES:
        if name in entity_set.props and (created or name != "CreateDate"):
            row[name] = now
    if "CreatorId" in entity_set.props and created:
        row["CreatorId"] = user_id
    if "UpdaterId" in entity_set.props:
        row["UpdaterId"] = user_id


def _loosen(account: Account, entity_set: EntitySet, gone: Row) -> None:
    key = gone[entity_set.key]
    columns, lists = _references(entity_set.name)
    for name, column in columns:
        for record in account.sets[name].values():
            if record.get(column) == key:
                record[column] = None
    for name, child, column in lists:
        for record in account.sets[name].values():
            if record[child] and any(row.get(column) == key for row in record[child]):
                record[child] = [row for row in record[child] if row.get(column) != key]


@cache
def _references(target: str) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """Who points at a set: (set, column) of records, (set, child list, column) of rows inside records."""
    columns, lists = [], []
    for entity_set in SETS.values():
        if entity_set.within is None:
            columns += [
                (entity_set.name, n.key) for n in entity_set.navs.values() if n.how == ">" and n.target == target
            ]
        for child in entity_set.children.values():
            ways = SETS[child.target].navs.values()
            lists += [(entity_set.name, child.name, n.key) for n in ways if n.how == ">" and n.target == target]
    return columns, lists


def as_written(entity_set: EntitySet, row: Row) -> Row:
    """A stored row as a body would carry it, its Id kept."""
    given = {name: _bodied(row[name]) for name, prop in entity_set.props.items() if name in row and not prop.read_only}
    for name, nav in entity_set.children.items():
        if name in row:
            given[name] = [as_written(SETS[nav.target], child) for child in row[name]]
    return given | ({"Id": row["Id"]} if "Id" in row else {})


def _bodied(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def key_from(entity_set: EntitySet, text: str) -> Any:
    """The key of a path like `Contacts(12)` or `Fields('contact_x')`; raises Refusal."""
    found = re.fullmatch(r"'(.*)'" if entity_set.key == "Key" else r"(\d+)", text)
    if found is None:
        raise Refusal(400, f"Chave inválida: {text}")
    return found[1].replace("''", "'") if entity_set.key == "Key" else int(found[1])

"""Ploomes' webhook bodies: is it genuine, what does it say. Pure; facts from the Ploomes reference, section 4."""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.core import wire
from app.core.ports import Entity, JsonObject, Kind, Notice, Vendor
from app.ploomes.schemas import LOCAL_TIME, VALUE_COLUMNS

HEADER = "X-Ploomes-Validation-Key"

ENTITIES: Mapping[str, tuple[Entity, str]] = {
    "contact": (Entity.CLIENTS, "Contacts"),
    "product": (Entity.PRODUCTS, "Products"),
    "order": (Entity.ORDERS, "Orders"),
}
"""Set name without its plural ending -> our entity and the name Ploomes documents."""

KINDS: Mapping[str, Kind] = {"create": Kind.CREATED, "delete": Kind.DELETED}
"""Every other action means: changed."""

_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?$")


def decode(raw: bytes) -> JsonObject | None:
    """The body as an object, or None when it is none."""
    try:
        body = wire.loads(raw)
    except wire.Unreadable:
        return None
    return body if isinstance(body, dict) else None


def is_ping(body: JsonObject | None) -> bool:
    """Ploomes sends no test post: always False."""
    return False


def authentic(headers: Mapping[str, str], validation_key: str) -> bool:
    """True when the header carries our validation key; compared in constant time. Header names in any case."""
    given = next((value for name, value in headers.items() if name.casefold() == HEADER.casefold()), "")
    return hmac.compare_digest(given.encode("utf-8", "replace"), validation_key.encode())


def parse(raw: bytes, body: JsonObject | None = None) -> Notice:
    """The notice a body carries; never raises. `body` spares decoding it again."""
    body = decode(raw) if body is None else body
    named = (wire.plain(body.get("Entity"), 60) if body else None) or ""
    action = (wire.plain(body.get("Action"), 19) if body else None) or ""
    entity, set_name = ENTITIES.get(named.casefold().removesuffix("s"), (None, named))
    kind = KINDS.get(action.casefold(), Kind.CHANGED)
    external_id = _external_id(body, kind) if entity and body else None
    if not named or not action or (entity and external_id is None):
        entity, kind = None, Kind.UNREADABLE
    return Notice(
        vendor=Vendor.PLOOMES,
        entity=entity,
        external_id=external_id,
        kind=kind,
        topic=f"{set_name}.{action.capitalize()}" if named or action else "",
        dedupe_key=wire.body_key(raw),
        dedupe_forever=False,
        author=wire.plain(body.get("ActionUserId"), 200) if body else None,
    )


def record_of(body: JsonObject) -> tuple[JsonObject | None, JsonObject | None]:
    """`(new, old)` as the API answers records: custom values as rows, dates with their offset.

    A row fills every value column its raw value could belong to, because a body does not tell the field's type.
    """
    new, old = body.get("New"), body.get("Old")
    return _as_answered(new), _as_answered(old)


def _external_id(body: JsonObject, kind: Kind) -> str | None:
    order = ("Old", "New") if kind is Kind.DELETED else ("New", "Old")
    for side in order:
        record = body.get(side)
        text = (wire.plain(record.get("Id"), 41) if isinstance(record, dict) else None) or ""
        if text.isascii() and text.isdigit() and 0 < len(text) <= 20 and int(text) > 0:
            return str(int(text))
    return None


def _as_answered(record: Any) -> JsonObject | None:
    if not isinstance(record, dict) or not record:
        return None
    shaped = {name: _value(value) for name, value in record.items() if name != "OtherProperties"}
    custom = record.get("OtherProperties")
    if isinstance(custom, dict):
        shaped["OtherProperties"] = [row for key, value in custom.items() for row in _rows(key, value)]
    elif isinstance(custom, list):
        shaped["OtherProperties"] = custom
    return shaped


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return _with_offset(value)
    if isinstance(value, list):
        return [_value(item) for item in value]
    return {name: _value(item) for name, item in value.items()} if isinstance(value, dict) else value


def _with_offset(text: str) -> str:
    if not _LOCAL.match(text):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    offset = moment.replace(tzinfo=LOCAL_TIME).strftime("%z")
    return f"{text}{offset[:3]}:{offset[3:5]}"


def _rows(key: str, value: Any) -> list[JsonObject]:
    rows = [_row(key, item) for item in (value if isinstance(value, list) else [value])]
    return [row for row in rows if row is not None]


def _row(key: str, value: Any) -> JsonObject | None:
    row: JsonObject = {"FieldKey": key, **dict.fromkeys(VALUE_COLUMNS)}
    if isinstance(value, bool):
        row["BoolValue"] = value
    elif isinstance(value, int):
        row.update(IntegerValue=value, DecimalValue=Decimal(value), ObjectValueId=value, UserValueId=value)
    elif isinstance(value, Decimal):
        row["DecimalValue"] = value
    elif isinstance(value, str):
        row.update(StringValue=value, BigStringValue=value)
        dated = _with_offset(value)
        row["DateTimeValue"] = dated if dated != value else None
    else:
        return None
    return row

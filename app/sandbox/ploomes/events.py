"""Ploomes' webhooks: one row per (entity, action), the body of ploomes-api.md 4, retries, switching off."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..courier import Delivery, Policy
from ..wire import Row, dumps
from . import values
from .account import Account, bare
from .schema import SETS, EntitySet

ACTIONS = {"Create": 1, "Update": 2, "Delete": 3}
#: 10 s, three retries with growing delay, no order kept (ploomes-api.md 8).
DELIVERY = Policy(serial=False, timeout=10.0, waits=((2.0, 4.0), (10.0, 20.0), (40.0, 80.0)))
#: Order lines are absent from the body (ploomes-api.md 4).
_ABSENT = ("Products", "Sections", "Parts", "Attachments")


def fire(account: Account, entity_set: EntitySet, action: str, old: Row | None, new: Row | None, user_id: int) -> None:
    """Posts to every active webhook of this entity and action, whoever made the change."""
    wanted = [
        hook
        for hook in account.sets["Webhooks"].values()
        if hook["Active"] and hook["EntityId"] == entity_set.entity_id and hook["ActionId"] == ACTIONS[action]
    ]
    if not wanted or entity_set.entity_id is None:
        return
    if action == "Delete" and account.kernel.quirks.ploomes_delete_fills_new:
        new = old
    body = {
        "AccountId": account.id,
        "Action": action,
        "ActionUserId": user_id,
        "Entity": entity_set.name,
        "SecondaryEntityId": None,
        "Old": _record(account, entity_set, old) if old is not None else None,
        "New": _record(account, entity_set, new) if new is not None else None,
    }
    for hook in wanted:
        _post(account, hook, f"{entity_set.name}.{action}", body)


def _post(account: Account, hook: Row, topic: str, body: Row) -> None:
    signed = body | {"WebhookCreatorId": hook["CreatorId"], "WebhookId": hook["Id"]}
    headers = {"X-Ploomes-Validation-Key": hook["ValidationKey"]} if hook["ValidationKey"] else {}
    url, settled = hook["CallbackUrl"], _settled(account, hook)
    account.kernel.courier.submit(
        Delivery("ploomes", account.user_key, topic, url, dumps(signed), DELIVERY, headers, settled)
    )


def _settled(account: Account, hook: Row) -> Callable[[bool], None]:
    def note(delivered: bool) -> None:
        failures = 0 if delivered else account.failures.get(hook["Id"], 0) + 1
        account.failures[hook["Id"]] = failures
        if failures >= account.kernel.quirks.ploomes_failures_until_inactive:
            hook["Active"] = False

    return note


def _record(account: Account, entity_set: EntitySet, row: Row) -> Row:
    """The full record without nulls, children as bare rows, custom values as an object."""
    record = {name: _plain(row[name]) for name in entity_set.props if row.get(name) is not None}
    for name, nav in entity_set.children.items():
        if name == "OtherProperties":
            record[name] = values.dictionary(account, row[name])
            record[name] = {key: _plain(value) for key, value in record[name].items()}
        elif name not in _ABSENT:
            props = [prop.name for prop in SETS[nav.target].props.values() if not prop.read_only]
            record[name] = [{n: _plain(child[n]) for n in props if child.get(n) is not None} for child in row[name]]
    return record


def _plain(value: Any) -> Any:
    return bare(value) if isinstance(value, datetime) else value

"""Ploomes' webhooks: one row per (entity, action), the body of ploomes-api.md 4, retries, switching off."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..courier import Delivery, Policy
from ..wire import Row, dumps
from . import values
from .account import Account, bare
from .schema import SETS, EntitySet

_ACTIONS = {"Create": 1, "Update": 2, "Delete": 3, "Win": 4, "Lose": 5, "Reopen": 6}
#: Growing delays between attempts; by default the first three are used (ploomes-api.md 8).
_WAITS = ((2.0, 4.0), (10.0, 20.0), (40.0, 80.0), (120.0, 240.0), (300.0, 600.0))
#: Order lines are absent from the body (ploomes-api.md 4).
_ABSENT = ("Products", "Sections", "Parts")


def fire(account: Account, entity_set: EntitySet, action: str, old: Row | None, new: Row | None, user_id: int) -> None:
    """Posts to every active webhook of this entity and action, whoever made the change."""
    quirks = account.kernel.quirks
    number = quirks.ploomes_finish_action_id if action == "Finish" else _ACTIONS[action]
    wanted = [
        hook
        for hook in account.sets["Webhooks"].values()
        if hook["Active"]
        and hook["EntityId"] == entity_set.entity_id
        and hook["ActionId"] == number
        and (quirks.ploomes_own_webhooks or hook["CreatorId"] != user_id)
    ]
    if not wanted or entity_set.entity_id is None:
        return
    if action == "Delete" and quirks.ploomes_delete_fills_new:
        new = old
    sides = {
        "Old": _record(account, entity_set, old) if old is not None else None,
        "New": _record(account, entity_set, new) if new is not None else None,
    }
    if quirks.ploomes_webhook_absent == "missing":
        sides = {name: record for name, record in sides.items() if record is not None}
    singular = quirks.ploomes_webhook_entity == "singular"
    body = {
        "AccountId": account.id,
        "Action": action,
        "ActionUserId": user_id,
        "Entity": entity_set.name.removesuffix("s") if singular else entity_set.name,
        "SecondaryEntityId": None,
    } | sides
    for hook in wanted:
        _post(account, hook, f"{entity_set.name}.{action}", body)


def _post(account: Account, hook: Row, topic: str, body: Row) -> None:
    quirks = account.kernel.quirks
    policy = Policy(serial=False, timeout=float(quirks.ploomes_webhook_timeout_s),
                    waits=_WAITS[: int(quirks.ploomes_webhook_retries)])  # fmt: skip
    signed = body | {"WebhookCreatorId": hook["CreatorId"], "WebhookId": hook["Id"]}
    headers = {"X-Ploomes-Validation-Key": hook["ValidationKey"]} if hook["ValidationKey"] else {}
    url, settled = hook["CallbackUrl"], _settled(account, hook)
    account.kernel.courier.submit(
        Delivery("ploomes", account.user_key, topic, url, dumps(signed), policy, headers, settled)
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
    absent = () if account.kernel.quirks.ploomes_webhook_lines else _ABSENT
    record = {name: _plain(row[name]) for name in entity_set.props if row.get(name) is not None}
    for name, nav in entity_set.children.items():
        if name == "OtherProperties":
            record[name] = values.dictionary(account, row[name])
            record[name] = {key: _plain(value) for key, value in record[name].items()}
        elif name not in absent:
            props = [prop.name for prop in SETS[nav.target].props.values() if not prop.read_only]
            record[name] = [{n: _plain(child[n]) for n in props if child.get(n) is not None} for child in row[name]]
    return record


def _plain(value: Any) -> Any:
    return bare(value) if isinstance(value, datetime) else value

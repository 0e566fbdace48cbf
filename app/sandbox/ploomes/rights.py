"""What a user's profile allows: 403 for a missing right, rows out of sight left out (ploomes-api.md 5)."""

from typing import Any

from ..wire import Row
from .account import Account
from .faults import Refusal, missing
from .schema import EntitySet

#: Sets only the administrator's profile changes; the reference names no rights for them one by one.
_ADMINISTRATION = frozenset({"Users", "Account", "Webhooks", "Forms", "Forms@Fields"})
_ADMINISTRATOR = 1
_OWN_ONLY = 2


def check(account: Account, user: Row, entity_set: EntitySet, verb: str) -> None:
    """Raises Refusal (403) when the user's profile lacks the right."""
    profile = account.sets["Users@Profiles"].get(user["ProfileId"], {})
    changes_fields = verb != "GET" and entity_set.name.startswith("Fields")
    administers = verb != "GET" and entity_set.name in _ADMINISTRATION
    if (
        (changes_fields and not profile.get("FieldsCreatePermission"))
        or (administers and user["ProfileId"] != _ADMINISTRATOR)
        or (_sees_own(account, user, entity_set) and account.kernel.quirks.ploomes_visibility == "forbidden")
    ):
        raise Refusal(403, "O usuário não tem permissão para esta operação.")


def visible(account: Account, user: Row, entity_set: EntitySet, rows: list[Row]) -> list[Row]:
    """The rows the user may see."""
    if not _sees_own(account, user, entity_set):
        return rows
    return [row for row in rows if user["Id"] in (row["OwnerId"], row["CreatorId"])]


def check_row(account: Account, user: Row, entity_set: EntitySet, key: Any) -> None:
    """Raises Refusal (404) for a row out of the user's sight."""
    row = account.sets[entity_set.name].get(key)
    if row is not None and not visible(account, user, entity_set, [row]):
        raise missing(f"Registro {key} de {entity_set.name}")


def _sees_own(account: Account, user: Row, entity_set: EntitySet) -> bool:
    profile = account.sets["Users@Profiles"].get(user["ProfileId"], {})
    return entity_set.name == "Contacts" and profile.get("ContactsView") == _OWN_ONLY

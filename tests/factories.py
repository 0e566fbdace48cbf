"""Rows and notices for tests, believable by default."""

import itertools
from typing import Any

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Entity, Kind, Notice, Vendor
from app.core.vault import Vault, hash_token
from app.sync.models import Integration, IntegrationState

VAULT = Vault(["test-secret-key"])
_count = itertools.count(1)


def integration_row(state: str = IntegrationState.ACTIVE, **changes: Any) -> Integration:
    """An integration with working secrets; its webhook tokens are `omie-token-<n>` and `ploomes-token-<n>`."""
    number = next(_count)
    values: dict[str, Any] = {
        "name": f"Integração {number}",
        "state": state,
        "omie_app_key": f"1000000000{number:03}",
        "omie_app_secret": VAULT.encrypt("sandbox-app-secret"),
        "ploomes_user_key": VAULT.encrypt("sandbox-user-key"),
        "omie_token": VAULT.encrypt(f"omie-token-{number}"),
        "omie_token_hash": hash_token(f"omie-token-{number}"),
        "ploomes_token": VAULT.encrypt(f"ploomes-token-{number}"),
        "ploomes_token_hash": hash_token(f"ploomes-token-{number}"),
        "validation_key": VAULT.encrypt(f"validation-key-{number}"),
        "created_at": Clock().now(),
    }
    return Integration(**{**values, **changes})


async def add_integration(db: Database, state: str = IntegrationState.ACTIVE, **changes: Any) -> Integration:
    """The same, stored."""
    row = integration_row(state, **changes)
    async with db.transaction() as session:
        session.add(row)
    return row


def notice(external_id: str = "501", **changes: Any) -> Notice:
    """A client changed on Omie's screen."""
    values: dict[str, Any] = {
        "vendor": Vendor.OMIE,
        "entity": Entity.CLIENTS,
        "external_id": external_id,
        "kind": Kind.CHANGED,
        "topic": "ClienteFornecedor.Alterado",
        "dedupe_key": f"message-{next(_count)}",
        "dedupe_forever": True,
        "author": "ana@example.com",
    }
    return Notice(**{**values, **changes})


def ploomes_notice(external_id: str = "77", **changes: Any) -> Notice:
    """A contact changed on Ploomes' screen; its key only merges unread bodies."""
    values: dict[str, Any] = {
        "vendor": Vendor.PLOOMES,
        "topic": "Contacts.Update",
        "dedupe_key": "c" * 64,
        "dedupe_forever": False,
        "author": "10000002",
    }
    return notice(external_id, **{**values, **changes})

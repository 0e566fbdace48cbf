"""What keeps an integration in order between its activations: webhooks, credentials, addresses, secrets, traces in
Ploomes that are taken away again, and fields that people should not edit."""

from collections.abc import Collection
from http import HTTPStatus

from sqlalchemy import select

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, Postponed, UserError, VendorError
from app.core.ports import JsonObject, Priority, Vendor
from app.core.vault import Vault, hash_token, new_token
from app.sync import issues
from app.sync.inbox import Inbox
from app.sync.issues import Finding
from app.sync.models import Integration, IntegrationState
from app.sync.setup.checks import Check, Checker
from app.sync.setup.credentials import fingerprint
from app.sync.setup.integrations import LIVING, Integrations, connected_state, living_row
from app.sync.setup.locks import LockedFields, Locks
from app.sync.setup.provisioning import Provisioner
from app.sync.vendors import say

SECRETS = ("omie_app_secret", "ploomes_user_key", "omie_token", "ploomes_token", "validation_key")
"""Columns of an integration that the vault sealed."""


class Upkeep:
    """Actions on one integration, and one on all."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        vault: Vault,
        inbox: Inbox,
        checker: Checker,
        provisioner: Provisioner,
        integrations: Integrations,
        locks: Locks,
    ) -> None:
        self._db = db
        self._clock = clock
        self._vault = vault
        self._inbox = inbox
        self._checker = checker
        self._provisioner = provisioner
        self._integrations = integrations
        self._locks = locks

    async def repair_webhooks(self, row: Integration, priority: Priority = Priority.BULK) -> None:
        """Puts Ploomes webhooks right that were switched off or deleted. Raises Postponed, VendorError."""
        ids = await self._provisioner.repair_webhooks(row, self._integrations.target(row), priority)
        if ids is not None and ids != row.provisioned.get("webhooks"):
            async with self._db.transaction() as session:
                found = await living_row(session, row.id, lock=True)
                found.provisioned = {**found.provisioned, "webhooks": ids}

    async def check_credentials(self, row: Integration) -> list[Check]:
        """The daily look at both credentials: refused ones stop the integration, accepted ones let it go on."""
        checks = await self._checker.run(row)
        refused = [check for check in checks if check.credentials]
        accepted = not refused and all(check.ok for check in checks if check.blocking)
        now = self._clock.now()
        async with self._db.transaction() as session:
            found = await living_row(session, row.id, lock=True)
            changed = fingerprint(found) != fingerprint(row)
            revived = accepted and found.state == IntegrationState.CREDENTIALS_REFUSED and not changed
            if refused and not changed and found.state in LIVING:
                found.state = IntegrationState.CREDENTIALS_REFUSED
                await issues.open_issue(
                    session,
                    integration_id=row.id,
                    entity=None,
                    vendor=None,
                    external_id=None,
                    finding=Finding("credentials", refused[0].detail),
                    now=now,
                )
            if revived:
                found.state = connected_state(found)
                await issues.close_cause(session, row.id, "credentials", now)
        if revived:
            await self._inbox.wake_inactive(row.id)
        return checks

    async def rotate_addresses(self, integration_id: int) -> JsonObject:
        """New unguessable webhook addresses; the old ones answer 404 from now on (F023). Ploomes is told at once, in
        Omie the new one has to be pasted, and until its first post the integration says so."""
        omie_token, ploomes_token = new_token(), new_token()
        async with self._db.transaction() as session:
            row = await living_row(session, integration_id, lock=True)
            row.omie_token, row.omie_token_hash = self._vault.encrypt(omie_token), hash_token(omie_token)
            row.ploomes_token, row.ploomes_token_hash = self._vault.encrypt(ploomes_token), hash_token(ploomes_token)
            row.first_omie_post_at = None
            if row.state == IntegrationState.ACTIVE:
                row.state = IntegrationState.AWAITING_FIRST_WEBHOOK
        if row.activated_at is not None:
            try:
                await self.repair_webhooks(row, Priority.PERSON)
            except (VendorError, Postponed) as error:
                text = (
                    f"Os endereços mudaram, mas o Ploomes ainda não sabe. {say(error, Vendor.PLOOMES)} Repita a ação."
                )
                raise UserError(HTTPStatus.CONFLICT, "Ploomes não avisado", text) from error
        return self._integrations.as_json(row)

    async def undo(self, integration_id: int, confirm: str | None, *, fields: bool) -> JsonObject:
        """Takes out of Ploomes what activation put there: the webhooks, and with `fields` our custom fields and their
        values too. Families and markers stay, because products hang on them. Raises UserError 409, 422."""
        row = await self._integrations.get(integration_id)
        if confirm != row.name:
            raise UserError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "Confirmação necessária",
                f"Para desfazer a preparação do Ploomes, informe confirm com o nome da integração: {row.name}.",
                errors=[{"field": "confirm", "message": "digite o nome da integração"}],
            )
        if row.state in LIVING:
            text = "Desative a integração antes de desfazer a preparação do Ploomes."
            raise UserError(HTTPStatus.CONFLICT, "Integração ativa", text)
        try:
            removed = await self._provisioner.undo(row, self._integrations.target(row), fields=fields)
        except LaneBusy:
            text = "Esta conta Ploomes está sendo preparada; repita em um minuto."
            raise UserError(HTTPStatus.CONFLICT, "Conta ocupada", text) from None
        except (VendorError, Postponed) as error:
            raise UserError(HTTPStatus.CONFLICT, "Não desfeito", say(error, Vendor.PLOOMES)) from error
        async with self._db.transaction() as session:
            found = await living_row(session, integration_id, lock=True)
            gone = {"webhooks", "fields"} if fields else {"webhooks"}
            found.provisioned = {name: fact for name, fact in found.provisioned.items() if name not in gone}
        return removed

    async def lock(self, row: Integration, keys: Collection[str] | None, *, locked: bool) -> list[LockedFields]:
        """Locks fields in Ploomes against edits on its screens, or frees them; None means all that are recommended."""
        return await self._locks.set(row, keys, locked=locked)

    async def reseal(self) -> int:
        """Every stored secret under the newest key of SECRET_KEY; afterwards the older keys may go. Answers how many
        integrations were touched, removed ones included. Raises VaultError when a secret opens with no key."""
        async with self._db.read() as session:
            ids = list(await session.scalars(select(Integration.id).order_by(Integration.id)))
        for integration_id in ids:
            async with self._db.transaction() as session:
                row = await session.get_one(Integration, integration_id, with_for_update=True)
                for name in SECRETS:
                    setattr(row, name, self._vault.rotate(getattr(row, name)))
        return len(ids)

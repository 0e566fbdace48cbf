"""The life of an integration: created, tested, activated, paused, given new credentials, removed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Literal

from babel.dates import format_timedelta
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, LeaseLost, Postponed, UserError, VendorError
from app.core.log import get_logger
from app.core.ports import JsonObject, Priority
from app.core.vault import Vault, hash_token, new_token
from app.sync import issues
from app.sync.config.sharing import neighbours, settle_holds
from app.sync.config.store import ConfigStore, not_found, store_first
from app.sync.inbox import Inbox
from app.sync.lanes import Lanes
from app.sync.lookups import duties, known
from app.sync.lookups.references import References
from app.sync.models import Event, EventState, Integration, IntegrationState
from app.sync.passes import first_load
from app.sync.setup.checks import CACHE_ENTITY, Check, Checker
from app.sync.setup.credentials import Credentials, refuse_blank, refuse_blank_change
from app.sync.setup.provisioning import Provisioned, Provisioner, WebhookTarget
from app.sync.vendors import Gateways, patiently

LIVING = (
    IntegrationState.ACTIVE,
    IntegrationState.AWAITING_FIRST_WEBHOOK,
    IntegrationState.CREDENTIALS_REFUSED,
)
"""States of an integration that was activated and not paused since."""

OPEN_EVENTS = (EventState.RECEIVED, EventState.WAITING)
ACTIVATION_PATIENCE_SECONDS = 30.0

Start = Literal["window", "now"]

_log = get_logger(__name__)


class Integrations:
    """Every action on integrations; REST, the command line and the panel call these."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        vault: Vault,
        inbox: Inbox,
        lanes: Lanes,
        checker: Checker,
        provisioner: Provisioner,
        configs: ConfigStore,
        gateways: Gateways,
        references: References,
        heal: Callable[[int, Priority], Awaitable[None]],
        public_url: str,
    ) -> None:
        """`heal`: makes again what somebody deleted in Ploomes, and what follows from it."""
        self._db = db
        self._clock = clock
        self._vault = vault
        self._inbox = inbox
        self._lanes = lanes
        self._checker = checker
        self._provisioner = provisioner
        self._configs = configs
        self._gateways = gateways
        self._references = references
        self._heal = heal
        self._public_url = public_url.rstrip("/")

    async def create(self, name: str, credentials: Credentials, *, author: str) -> JsonObject:
        """A new integration in state `not_connected`. Raises UserError 422 naming every blank field."""
        refuse_blank(name, credentials)
        omie_token, ploomes_token = new_token(), new_token()
        row = Integration(
            name=name.strip(),
            state=IntegrationState.NOT_CONNECTED,
            omie_app_key=str(credentials.app_key).strip(),
            omie_app_secret=self._vault.encrypt(str(credentials.app_secret).strip()),
            ploomes_user_key=self._vault.encrypt(str(credentials.user_key).strip()),
            omie_token=self._vault.encrypt(omie_token),
            omie_token_hash=hash_token(omie_token),
            ploomes_token=self._vault.encrypt(ploomes_token),
            ploomes_token_hash=hash_token(ploomes_token),
            validation_key=self._vault.encrypt(new_token()),
            provisioned={},
            config_version=1,
            created_at=self._clock.now(),
        )
        async with self._db.transaction() as session:
            session.add(row)
            await session.flush()
            await store_first(session, row.id, author, self._clock)
        return self.as_json(row)

    async def page(self, after: int, limit: int) -> list[JsonObject]:
        """Integrations with an id above `after`, in the order of their making."""
        async with self._db.read() as session:
            rows = await session.scalars(
                select(Integration)
                .where(Integration.id > after, Integration.deleted_at.is_(None))
                .order_by(Integration.id)
                .limit(limit)
            )
            return [self.as_json(row) for row in rows]

    async def get(self, integration_id: int) -> Integration:
        """The row. Raises UserError 404 when there is none or it was removed."""
        async with self._db.read() as session:
            return await living_row(session, integration_id)

    async def change(self, integration_id: int, *, name: str | None, credentials: Credentials) -> JsonObject:
        """A new name or new credentials. Rotation keeps the state; refused credentials get their new chance."""
        refuse_blank_change(name, credentials)
        async with self._db.transaction() as session:
            row = await living_row(session, integration_id, lock=True)
            if name is not None:
                row.name = name.strip()
            if credentials.app_key is not None:
                row.omie_app_key = credentials.app_key.strip()
            if credentials.app_secret is not None:
                row.omie_app_secret = self._vault.encrypt(credentials.app_secret.strip())
            if credentials.user_key is not None:
                row.ploomes_user_key = self._vault.encrypt(credentials.user_key.strip())
            if credentials.given:
                await known.forget(session, row.id, CACHE_ENTITY)
                await duties.due(session, row.id, "credentials", self._clock.now())
            revived = credentials.given and row.state == IntegrationState.CREDENTIALS_REFUSED
            if revived:
                row.state = connected_state(row) if row.activated_at else IntegrationState.NOT_CONNECTED
                await issues.close_cause(session, row.id, "credentials", self._clock.now())
        if revived and row.activated_at:
            await self._inbox.wake_inactive(row.id)
        return self.as_json(row)

    async def remove(self, integration_id: int) -> None:
        """Ends an integration: nothing of it is processed any more, its addresses answer 404, its data stay."""
        row = await self.get(integration_id)
        if row.ploomes_account_id is not None:
            await self._provisioner.remove_webhooks(row, self.target(row))
        now = self._clock.now()
        async with self._db.transaction() as session:
            row = await living_row(session, integration_id, lock=True)
            row.deleted_at = now
            row.state = IntegrationState.INACTIVE
            row.omie_token_hash, row.ploomes_token_hash = hash_token(new_token()), hash_token(new_token())
            await first_load.cancel(session, integration_id, now)
            await session.flush()
            await settle_holds(session, row.ploomes_account_id, now)
            await session.execute(
                update(Event)
                .where(Event.integration_id == integration_id, Event.state.in_(OPEN_EVENTS))
                .values(
                    state=EventState.IGNORED,
                    cause="integration_removed",
                    reason="A integração foi removida.",
                    due_at=None,
                    settled_at=now,
                )
            )

    async def test(self, integration_id: int) -> tuple[bool, list[Check]]:
        """Runs every check; changes nothing."""
        row = await self.get(integration_id)
        checks = await self._checker.run(row)
        return all(check.ok for check in checks), checks

    async def activate(self, integration_id: int, *, start: Start = "window") -> JsonObject:
        """Checks, prepares Ploomes, wakes what was stored meanwhile and plans the first load. Repeating repairs.

        Raises UserError 409 with `checks` when something blocks it.
        """
        async with self._one_at_a_time(integration_id):
            row = await self.get(integration_id)
            await self._pass_checks(row)
            provisioned = await self._provision(row)
            await self._learn(await self.get(integration_id))
            config = await self._configs.get(integration_id)
            async with self._db.transaction() as session:
                row = await living_row(session, integration_id, lock=True)
                row.ploomes_account_id = provisioned.account_id
                row.ploomes_user_id = provisioned.user_id
                row.provisioned = provisioned.facts
                row.activated_at = row.activated_at or self._clock.now()
                row.state = connected_state(row)
                await issues.close_cause(session, row.id, "credentials", self._clock.now())
                load = await first_load.schedule(session, integration_id, start, self._clock.now())
                await session.flush()
                await settle_holds(session, row.ploomes_account_id, self._clock.now())
                await first_load.retime(session, integration_id, first_load.writes_due(load, config, self._clock.now()))
            await self._inbox.wake_inactive(integration_id)
            return self.as_json(row)

    async def deactivate(self, integration_id: int) -> JsonObject:
        """Pauses: webhooks are stored and nothing is applied until the next activation. Idempotent."""
        async with self._db.transaction() as session:
            row = await living_row(session, integration_id, lock=True)
            running = row.state in LIVING
            if running:
                row.state = IntegrationState.INACTIVE
                await first_load.pause(session, integration_id)
                await session.flush()
                await settle_holds(session, row.ploomes_account_id, self._clock.now())
        if running:
            await self._inbox.park_inactive(integration_id)
        return self.as_json(row)

    def as_json(self, row: Integration) -> JsonObject:
        """The contract's shape; secrets never come back."""
        return {
            "id": row.id,
            "name": row.name,
            "state": row.state,
            "state_reason": self.state_reason(row),
            "omie": {"app_key": row.omie_app_key},
            "ploomes": {"account_id": row.ploomes_account_id, "user_id": row.ploomes_user_id},
            "webhook_urls": {
                "omie": self._url("omie", row.omie_token),
                "ploomes": self._url("ploomes", row.ploomes_token),
            },
            "config_version": row.config_version,
            "created_at": row.created_at,
            "activated_at": row.activated_at,
            "last_omie_post_at": row.last_omie_post_at,
            "last_ploomes_post_at": row.last_ploomes_post_at,
            "warnings": row.provisioned.get("warnings", []),
        }

    def state_reason(self, row: Integration) -> str | None:
        """Why it is in this state, and for how long it waits; None while all is well."""
        if row.state == IntegrationState.AWAITING_FIRST_WEBHOOK and row.activated_at:
            waited: str = format_timedelta(self._clock.now() - row.activated_at, locale="pt_BR")
            return (
                f"Aguardando o primeiro webhook do Omie há {waited}. Cadastre o endereço de webhook do Omie no "
                "aplicativo em developer.omie.com.br; enquanto isso a integração já funciona."
            )
        return _REASONS.get(IntegrationState(row.state))

    async def _pass_checks(self, row: Integration) -> None:
        checks = await self._checker.run(row)
        if any(check.credentials for check in checks):
            async with self._db.transaction() as session:
                (await living_row(session, row.id, lock=True)).state = IntegrationState.CREDENTIALS_REFUSED
        if any(check.blocking and not check.ok for check in checks):
            raise _blocked(checks)

    async def _provision(self, row: Integration) -> Provisioned:
        account_id, user_id = await self._provisioner.identify(row)
        async with self._db.read() as session:
            others = await neighbours(session, row, account_id)
        twin = next((o for o in others if o.omie_app_key == row.omie_app_key and o.state in LIVING), None)
        if twin is not None:
            detail = f"A integração “{twin.name}” já mantém este aplicativo Omie e esta conta Ploomes iguais."
            raise _blocked([Check("Par exclusivo", False, detail, "Desative ou remova a outra integração.")])
        if row.ploomes_account_id == account_id:
            row = await self._mend(row)
        suffix = row.provisioned.get("suffix")
        if suffix is None or row.ploomes_account_id not in (None, account_id):
            taken = any(other.provisioned.get("suffix") == "" for other in others)
            suffix = f"_{row.id}" if taken else ""
        row = await self._join(row, account_id)
        return await self._provisioner.run(
            row, account_id=account_id, user_id=user_id, suffix=suffix, target=self.target(row)
        )

    async def _mend(self, row: Integration) -> Integration:
        """What the watch would find missing is told and its records put right, too, where an activation is quicker."""
        try:
            await self._heal(row.id, Priority.PERSON)
        except (LaneBusy, LeaseLost, Postponed, VendorError) as error:  # what comes next says what is wrong
            _log.info("nothing mended before an activation", integration=row.id, problem=type(error).__name__)
        return await self.get(row.id)

    async def _join(self, row: Integration, account_id: str) -> Integration:
        """Names the Ploomes account as soon as it is known: what follows must count on that account's limits, and
        a 429 must find there what led to it."""
        if row.ploomes_account_id is not None:
            return row
        async with self._db.transaction() as session:
            row = await living_row(session, row.id, lock=True)
            row.ploomes_account_id = account_id
        return row

    async def _learn(self, row: Integration) -> None:
        """Reads the look-ups at once, so that no live event has to; the first load reads what is still missing."""
        omie, ploomes = self._gateways.open(row, Priority.PERSON)
        try:
            await patiently(self._clock, lambda: self._references.load(row, omie, ploomes))
        except (Postponed, VendorError) as error:
            _log.info("look-ups are read later", integration=row.id, problem=type(error).__name__)

    @asynccontextmanager
    async def _one_at_a_time(self, integration_id: int) -> AsyncIterator[None]:
        """A second activation of the same integration waits for the first, then finds everything done."""
        end = self._clock.time() + ACTIVATION_PATIENCE_SECONDS
        async with AsyncExitStack() as stack:
            while True:
                try:
                    await stack.enter_async_context(self._lanes.hold(f"activate:{integration_id}"))
                    break
                except LaneBusy:
                    if self._clock.time() > end:
                        raise UserError(
                            HTTPStatus.CONFLICT,
                            "Ativação em andamento",
                            "Esta integração já está sendo ativada; repita em um minuto.",
                        ) from None
                    await self._clock.sleep(0.3)
            yield

    def target(self, row: Integration) -> WebhookTarget:
        """Where Ploomes must post for this integration, and the key it must show."""
        return WebhookTarget(self._url("ploomes", row.ploomes_token), self._vault.decrypt(row.validation_key))

    def _url(self, vendor: str, token: bytes) -> str:
        return f"{self._public_url}/webhooks/{vendor}/{self._vault.decrypt(token)}"


_REASONS = {
    IntegrationState.NOT_CONNECTED: "Ainda não foi ativada. Teste as credenciais e ative a integração.",
    IntegrationState.INACTIVE: "Pausada. Os webhooks continuam guardados e serão aplicados na reativação.",
    IntegrationState.CREDENTIALS_REFUSED: "O Omie ou o Ploomes recusou as credenciais. Informe credenciais válidas; "
    "o teste da integração mostra qual dos dois recusou.",
}


def connected_state(row: Integration) -> IntegrationState:
    """The state of an integration at work: active once Omie has posted."""
    return IntegrationState.ACTIVE if row.first_omie_post_at else IntegrationState.AWAITING_FIRST_WEBHOOK


async def living_row(session: AsyncSession, integration_id: int, *, lock: bool = False) -> Integration:
    """The row, unless it was removed. Raises UserError 404."""
    row = await session.get(Integration, integration_id, with_for_update=lock or None)
    if row is None or row.deleted_at is not None:
        raise not_found()
    return row


def _blocked(checks: list[Check]) -> UserError:
    broken = [check.name for check in checks if check.blocking and not check.ok]
    return UserError(
        HTTPStatus.CONFLICT,
        "Ativação bloqueada",
        f"A integração não pode ser ativada: {', '.join(broken)}.",
        checks=[check.as_json() for check in checks],
    )

"""Duties that keep an integration healthy by the clock, before a record fails on it.

Codes of the configuration that became inactive in Omie, mapped fields and options that drifted in Ploomes, webhooks
that Ploomes switched off, what activation made there and somebody deleted, and credentials: each is looked at in turn,
at the lowest priority, and tells what it found.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, LeaseLost, Postponed, UserError, VendorError
from app.core.log import get_logger
from app.core.ports import JsonObject, Priority
from app.sync import issues
from app.sync.config.code_use import codes_in_use
from app.sync.config.document import Config
from app.sync.config.effects import row_of
from app.sync.config.store import ConfigStore
from app.sync.desk.requests import Requests
from app.sync.entities.sales import ORDERS, chosen_rows
from app.sync.intake import RUNNING
from app.sync.issues import Finding
from app.sync.lookups import duties
from app.sync.lookups.references import References
from app.sync.lookups.vanished import KEY_SIZE, SUSPENDED, suspend
from app.sync.models import Integration, IntegrationState, Issue
from app.sync.setup.healing import Healing
from app.sync.setup.option_tables import OptionTables
from app.sync.setup.pickers import KINDS, Pickers, doubts_of
from app.sync.setup.upkeep import Upkeep

INACTIVE_CODE = "inactive_code"
AT_ONCE = 5
"""Duties done in one tick, so that a tick stays short."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing that is looked at every so often."""

    every_seconds: float
    run: Callable[[Integration], Awaitable[None]]
    states: tuple[IntegrationState, ...] = RUNNING


class Watch:
    """Does what is due; `tick` is called every minute by whichever process has the turn."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        configs: ConfigStore,
        upkeep: Upkeep,
        pickers: Pickers,
        options: OptionTables,
        references: References,
        requests: Requests,
        healing: Healing,
    ) -> None:
        self._db = db
        self._clock = clock
        self._configs = configs
        self._upkeep = upkeep
        self._pickers = pickers
        self._options = options
        self._references = references
        self._requests = requests
        self._healing = healing
        self.duties: Mapping[str, Duty] = {
            "webhooks": Duty(1800.0, self.webhooks),
            "provisioned": Duty(1800.0, self.provisioned),
            "codes": Duty(3600.0, self.codes),
            "fields": Duty(3600.0, self.fields),
            "credentials": Duty(86400.0, self.credentials, (*RUNNING, IntegrationState.CREDENTIALS_REFUSED)),
        }

    async def tick(self) -> None:
        """Every due duty of every integration, a few at a time, the one longest undone first."""
        for row, name in (await self._due())[:AT_ONCE]:
            try:
                await self.duties[name].run(row)
            except LaneBusy:
                continue  # somebody is at the same things, for moments: it stays due
            except (Postponed, VendorError, LeaseLost, UserError) as error:
                _log.info("duty is done later", integration=row.id, duty=name, problem=type(error).__name__)
            async with self._db.transaction() as session:
                await duties.done(session, row.id, name, self._clock.now())

    async def _due(self) -> list[tuple[Integration, str]]:
        now = self._clock.now()
        async with self._db.read() as session:
            rows = list(await session.scalars(select(Integration).where(Integration.deleted_at.is_(None))))
            due: list[tuple[float, Integration, str]] = []
            for row in rows:
                done = await duties.last_done(session, row.id)
                for name, duty in self.duties.items():
                    last = done.get(name, row.activated_at)
                    if row.state in duty.states and last is not None:
                        late = (now - last).total_seconds() - duty.every_seconds
                        due += [(late, row, name)] if late >= 0 else []
        return [(row, name) for _, row, name in sorted(due, key=lambda each: -each[0])]

    async def webhooks(self, row: Integration) -> None:
        """Webhooks that were switched off or deleted in Ploomes come back."""
        await self._upkeep.repair_webhooks(row)

    async def provisioned(self, row: Integration) -> None:
        """Families, markers and fields of ours that somebody deleted in Ploomes are made again."""
        await self._healing.look(row.id)

    async def credentials(self, row: Integration) -> None:
        """Asks both vendors whether the credentials still hold."""
        await self._upkeep.check_credentials(row)

    async def codes(self, row: Integration) -> None:
        """An issue for every code in use that became inactive in Omie or vanished; it closes when that is mended. A
        field that is locked in Ploomes is as good as any."""
        config = await self._configs.get(row.id)
        lists: dict[str, list[JsonObject]] = {}
        uses = codes_in_use(config)
        for kind in dict.fromkeys(use.kind for use in uses):
            picked = await self._pickers.pick(row, kind, refresh=True, priority=Priority.BULK)
            lists[kind] = picked.items
        found = {doubt.use.id: doubt for doubt in doubts_of(uses, lists)}
        async with self._db.transaction() as session:
            now = self._clock.now()
            query = select(Issue).where(
                Issue.integration_id == row.id, Issue.cause == INACTIVE_CODE, Issue.open_key.is_not(None)
            )
            for issue in await session.scalars(query):
                if issue.external_id not in found:
                    issues.close(issue, now)
            for code, doubt in found.items():
                await issues.open_issue(
                    session,
                    integration_id=row.id,
                    entity=None,
                    vendor=KINDS[doubt.use.kind].vendor,
                    external_id=code,
                    finding=Finding(INACTIVE_CODE, doubt.text, {"paths": doubt.paths}),
                    now=now,
                )

    async def fields(self, row: Integration) -> None:
        """Options in step with Omie again, records that waited for one tried again, vanished fields told."""
        config = await self._configs.get(row.id)
        named = _named_fields(config)
        gone = await self._options.gone(row, named, Priority.BULK) if named else set()
        async with self._db.transaction() as session:
            now = self._clock.now()
            query = select(Issue).where(
                Issue.integration_id == row.id, Issue.cause == SUSPENDED, Issue.open_key.is_not(None)
            )
            ends = {key[-KEY_SIZE:] for key in gone}
            for issue in await session.scalars(query):
                if issue.external_id not in ends:
                    issues.close(issue, now)
            for key, (entity, label) in named.items():
                if key in gone:
                    await suspend(session, row.id, entity, label, key, now)
        if (await self._options.equalise(row, config, Priority.BULK)).wrote:
            self._references.forget(row.id)
            await self._requests.retry_cause(row.id, "unknown_option")


def _named_fields(config: Config) -> Mapping[str, tuple[str, str]]:
    """FieldKeys that a configuration names, with entity and label of what they are for."""
    mapped = [(mapping.ploomes, row_of(mapping.omie, config)) for mapping in config.mappings]
    chosen = chosen_rows(ORDERS, config.orders.carrier_field, config.orders.payment_field)
    return {
        **{str(each.field_key): (each.entity, each.label) for each in chosen},
        **{key: (each.entity, each.label) for key, each in mapped},
    }

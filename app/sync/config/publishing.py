"""Publishing a configuration: checked, stored as a version, options brought in step, what changed compared again.

A publish writes the plan of what must be compared as one `resyncs` row with reason `mapping`; a later publish takes an
unfinished one's entities over, so that several become one (F025, F027).
"""

from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, LeaseLost, Postponed, UserError, VendorError
from app.core.ports import JsonObject, Priority, Vendor
from app.sync.config.effects import changed_paths
from app.sync.config.schema import schema_of
from app.sync.config.store import ConfigStore
from app.sync.entities import BUILT
from app.sync.issues import DUTY_OF
from app.sync.lookups import duties, known
from app.sync.lookups.references import References
from app.sync.models import ConfigVersion, Integration, Issue, Resync
from app.sync.passes import pauses
from app.sync.setup.option_tables import OptionTables
from app.sync.stock.book import forget_whole
from app.sync.vendors import say

REASON = "mapping"
UNFINISHED = ("planning", "planned", "scheduled", "running", "paused")

Start = Literal["window", "now"]


class Publishing:
    """What an admin does with configuration documents."""

    def __init__(
        self, db: Database, clock: Clock, configs: ConfigStore, options: OptionTables, references: References
    ) -> None:
        self._db = db
        self._clock = clock
        self._configs = configs
        self._options = options
        self._references = references

    async def publish(
        self, integration: Integration, document: Any, *, author: str, dry_run: bool = False, start: Start = "window"
    ) -> JsonObject:
        """The contract's answer to a PUT. Raises UserError 422 naming fields."""
        answer = await self._configs.publish(integration.id, document, author=author, dry_run=dry_run)
        answer["resync_id"] = None
        if answer["changed"] and not dry_run:
            self._references.forget(integration.id)
            async with self._db.transaction() as session:
                if "entities.stock" in answer["changes"]:
                    await forget_whole(session, integration.id)
                row = await plan(session, integration, answer["touched"], start, self._clock)
                await _look_again(session, integration.id, self._clock)
                answer["resync_id"] = row.id if row is not None else None
            answer["warnings"] += await self._equal_options(integration)
        return answer

    async def _equal_options(self, integration: Integration) -> list[str]:
        """Options are compared with Omie at every update (F255); what fails now is tried again by the watch."""
        config = await self._configs.get(integration.id)
        try:
            return list((await self._options.equalise(integration, config, Priority.PERSON)).told)
        except (LaneBusy, LeaseLost):
            return ["As opções estão sendo igualadas agora por outra atualização."]
        except (VendorError, Postponed) as error:
            vendor = Vendor(getattr(error, "vendor", "") or Vendor.PLOOMES.value)
            return [f"As opções dos campos mapeados serão igualadas em alguns minutos. {say(error, vendor)}"]

    async def versions(self, integration_id: int, before: int | None, limit: int) -> list[JsonObject]:
        """Published versions, newest first: who, when, and which settings each one changed."""
        query = select(ConfigVersion).where(ConfigVersion.integration_id == integration_id)
        if before is not None:
            query = query.where(ConfigVersion.version < before)
        async with self._db.read() as session:
            found = await session.scalars(query.order_by(ConfigVersion.version.desc()).limit(limit + 1))
            rows = list(found)
        shown = []
        for at, row in enumerate(rows[:limit]):
            older = rows[at + 1].document if at + 1 < len(rows) else {}
            changes = changed_paths(older, row.document) if older else []
            shown.append({
                "version": row.version, "author": row.author, "created_at": row.created_at, "changes": changes,
            })  # fmt: skip
        return shown

    async def version(self, integration_id: int, version: int) -> JsonObject:
        """The document of one version. Raises UserError 404."""
        query = select(ConfigVersion).where(
            ConfigVersion.integration_id == integration_id, ConfigVersion.version == version
        )
        async with self._db.read() as session:
            row = (await session.execute(query)).scalars().first()
        if row is None:
            raise UserError(HTTPStatus.NOT_FOUND, "Não encontrada", f"A versão {version} não existe.")
        return dict(row.document)

    async def rollback(
        self, integration: Integration, version: int, *, author: str, dry_run: bool = False, start: Start = "window"
    ) -> JsonObject:
        """Publishes an earlier version's document as a new version. Raises UserError 404, 422."""
        document = await self.version(integration.id, version)
        return await self.publish(integration, document, author=author, dry_run=dry_run, start=start)

    async def schema(self, integration: Integration) -> JsonObject:
        """The document explained, with the conditional parts that matter now marked visible."""
        config = await self._configs.get(integration.id)
        async with self._db.read() as session:
            read_at = await known.whole_at(session, integration.id, Vendor.OMIE, "stock_locations")
            rows = await known.everything(session, integration.id, Vendor.OMIE, "stock_locations")
        return schema_of(config, locations=len(rows) if read_at is not None else None)


async def _look_again(session: AsyncSession, integration_id: int, clock: Clock) -> None:
    """The watch sees soon whether the new document mends what it told of."""
    query = select(Issue.cause).where(
        Issue.integration_id == integration_id, Issue.cause.in_(DUTY_OF), Issue.open_key.is_not(None)
    )
    for cause in set(await session.scalars(query)):
        await duties.due(session, integration_id, DUTY_OF[cause], clock.now())


async def plan(
    session: AsyncSession, integration: Integration, touched: list[str], start: Start, clock: Clock
) -> Resync | None:
    """The pass over what a publish touched; an unfinished one ends and its entities come along, and so does one that
    failed and would be tried again. None when there is nothing to compare yet (never activated, or only later things
    change)."""
    entities = [entity for entity in touched if entity in BUILT]
    if integration.activated_at is None or not entities:
        return None
    now = clock.now()
    earlier = await session.scalars(
        select(Resync)
        .where(
            Resync.integration_id == integration.id,
            Resync.reason == REASON,
            or_(Resync.state.in_(UNFINISHED), and_(Resync.state == "failed", Resync.due_at.is_not(None))),
        )
        .with_for_update()
    )
    for row in earlier.all():
        entities += [entity for entity in row.entities if entity not in entities]
        start = "now" if "now" in (start, row.start) else start
        await pauses.cancel(session, row, "Outra publicação da configuração a substitui.", now)
    row = comparison(integration.id, entities, start, now)
    session.add(row)
    await session.flush()
    return row


def comparison(integration_id: int, entities: list[str], start: Start, now: datetime) -> Resync:
    """A pass that compares both sides of some entities and puts right what differs, ready to be stored."""
    return Resync(
        integration_id=integration_id,
        state="scheduled",
        reason=REASON,
        entities=entities,
        dry_run=False,
        force=False,
        start=start,
        cursor={},
        plan={},
        progress={"done": 0, "total": 0},
        written={},
        requests_used={},
        due_at=now.timestamp(),
        created_at=now,
    )

"""Published versions of the configuration document: read (cached for seconds), compared, checked and stored."""

import json
from http import HTTPStatus
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import UserError
from app.core.ports import JsonObject, Priority, Vendor
from app.sync.config.code_use import codes_in_use
from app.sync.config.document import Config, Mapping_, parse
from app.sync.config.effects import changed_paths, effects_of, row_of, touched_entities, warnings_of
from app.sync.config.field_use import fields_in_use, misfit
from app.sync.config.masking import unmasked
from app.sync.config.sharing import AT_WORK, HELD, clash, neighbours, settle_holds
from app.sync.models import ConfigVersion, Integration, Link, LinkState
from app.sync.passes import first_load, history, off_hours
from app.sync.sales import waits
from app.sync.setup.account_fields import AccountFields, flaw_of
from app.sync.setup.pickers import doubts_known
from app.sync.vendors import Gateways

CACHE_SECONDS = 2.0


async def store_first(session: AsyncSession, integration_id: int, author: str, clock: Clock) -> None:
    """Version 1 of a new integration: every default."""
    session.add(
        ConfigVersion(
            integration_id=integration_id,
            version=1,
            document=Config().document(),
            author=author,
            created_at=clock.now(),
        )
    )


class ConfigStore:
    """Reads and publishes configuration documents."""

    def __init__(self, db: Database, clock: Clock, gateways: Gateways, account_fields: AccountFields) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._account_fields = account_fields
        self._cache: dict[int, tuple[float, int, Config]] = {}

    async def get(self, integration_id: int) -> Config:
        """The published document, at most two seconds old. Raises UserError 404 for an unknown integration."""
        return (await self.current(integration_id))[1]

    async def current(self, integration_id: int) -> tuple[int, Config]:
        """Version and document."""
        cached = self._cache.get(integration_id)
        if cached and cached[0] > self._clock.time():
            return cached[1], cached[2]
        async with self._db.read() as session:
            row = await _latest(session, integration_id)
        # a published version never changes: reading it is cheap, checking it is not
        config = cached[2] if cached and cached[1] == row.version else _stored(row)
        return self._remember(integration_id, row.version, config)

    def _remember(self, integration_id: int, version: int, config: Config) -> tuple[int, Config]:
        """The newest version known: a read that began before a publish must not hide what was published."""
        cached = self._cache.get(integration_id)
        if cached and cached[1] > version:
            return cached[1], cached[2]
        self._cache[integration_id] = (self._clock.time() + CACHE_SECONDS, version, config)
        return version, config

    async def publish(self, integration_id: int, document: Any, *, author: str, dry_run: bool = False) -> JsonObject:
        """Checks and stores a document as a new version, unless it equals the published one.

        Answers `{"version","changed","effects","warnings"}`. An unchanged document costs no vendor call.
        Raises UserError 422 naming fields, 404 for an unknown integration.
        """
        async with self._db.read() as session:
            row = await _latest(session, integration_id)
            config = parse(unmasked(document, row.document))
            before = _stored(row)
            touched = touched_entities(before, config)
            integration = await session.get_one(Integration, integration_id)
            records = await _living_links(session, integration_id, touched)
            tables = await _living_links(session, integration_id, {"products"} if "stock" in touched else set())
            older = await history.left_out(session, integration_id) if before.history != config.history else None
        changed = config != before
        if changed:
            await self._check_scope(integration_id, before, config)
        unproved = await self._check_fields(integration_id, before, config) if changed else []
        warnings = [*unproved, *await self._warnings(integration_id, config)] if changed else []
        version = row.version
        if changed and not dry_run:
            version = await self._store(integration_id, config, author)
        gateways = dict(zip(Vendor, self._gateways.open(integration, Priority.BULK), strict=True))
        effects = await effects_of(records, sum(tables.values()), gateways)
        return {
            "version": version,
            "changed": changed,
            "dry_run": dry_run,
            "changes": changed_paths(before.document(), config.document()),
            "touched": sorted(touched),
            "effects": {**effects, **({"history": older} if older is not None else {})},
            "warnings": warnings,
        }

    async def _warnings(self, integration_id: int, config: Config) -> list[str]:
        """What a person should know, codes included that our own index has as inactive or does not have."""
        async with self._db.read() as session:
            doubts = await doubts_known(session, integration_id, codes_in_use(config))
        return [*warnings_of(config), *(doubt.text for doubt in doubts)]

    async def _store(self, integration_id: int, config: Config, author: str) -> int:
        async with self._db.transaction() as session:
            integration = await session.get(Integration, integration_id, with_for_update=True)
            if integration is None or integration.deleted_at is not None:
                raise not_found()
            version = (await _latest(session, integration_id)).version + 1
            session.add(
                ConfigVersion(
                    integration_id=integration_id,
                    version=version,
                    document=config.document(),
                    author=author,
                    created_at=self._clock.now(),
                )
            )
            integration.config_version = version
            await waits.wake_all(session, integration_id, self._clock.time())
            await first_load.reconfigured(session, integration_id, config, self._clock.now())
            await off_hours.reconfigured(session, integration_id, config, self._clock.now())
            await session.flush()
            await settle_holds(session, integration.ploomes_account_id, self._clock.now())
        self._remember(integration_id, version, config)
        return version

    async def _check_scope(self, integration_id: int, before: Config, after: Config) -> None:
        """Refuses a document by which a sale would belong to two Omie companies at once (F287-F290)."""
        same = (before.scope.orders, before.entities.orders) == (after.scope.orders, after.entities.orders)
        if same:
            return
        async with self._db.read() as session:
            integration = await session.get_one(Integration, integration_id)
            others = await neighbours(session, integration, integration.ploomes_account_id)
            selling = [row for row in others if row.state in AT_WORK and HELD not in row.provisioned]
            at_work = [(row.name, _stored(await _latest(session, row.id))) for row in selling]
        problem = clash(after, at_work)
        if problem is not None:
            raise UserError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "Escopos sobrepostos",
                problem,
                errors=[{"field": "scope.orders", "message": "sobrepõe o escopo de outra integração desta conta"}],
            )

    async def _check_fields(self, integration_id: int, before: Config, after: Config) -> list[str]:
        """Refuses a new mapping row whose Ploomes field has another type than the Omie field needs (F195), and a field
        newly named by a setting that does not fit it. Answers a warning of settings that Ploomes does not let us prove
        now; a mapping is never taken unproved."""
        known = {_need(row, before) for row in before.mappings}
        fresh = [(at, row) for at, row in enumerate(after.mappings) if _need(row, after) not in known]
        named = [use for use in fields_in_use(after) if use not in fields_in_use(before)]
        if not fresh and not named:
            return []
        try:
            fields = await self._account_fields(integration_id)
        except UserError as problem:
            if fresh:
                raise
            paths = ", ".join(use.path for use in named)
            return [f"Os campos do Ploomes em {paths} não puderam ser conferidos agora. {problem.detail}"]
        errors = [
            {"field": f"mappings.{at}.ploomes", "message": flaw}
            for at, row in fresh
            if (flaw := flaw_of(row_of(row.omie, after), row.ploomes, fields)) is not None
        ]
        errors += [{"field": use.path, "message": flaw} for use in named if (flaw := misfit(use, fields)) is not None]
        if errors:
            raise UserError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "Tipos de campo incompatíveis",
                "Há campos do Ploomes que não servem para o que foi escolhido; nada foi alterado.",
                errors=errors,
            )
        return []


def _need(row: Mapping_, config: Config) -> tuple[str, str, str]:
    """A row and the type it asks of its field: that of the brand follows from another setting."""
    return row.omie, row.ploomes, row_of(row.omie, config).ploomes_type


def not_found() -> UserError:
    """The problem of an integration that does not exist."""
    return UserError(HTTPStatus.NOT_FOUND, "Não encontrada", "Esta integração não existe.")


async def _latest(session: AsyncSession, integration_id: int) -> ConfigVersion:
    row = await session.scalar(
        select(ConfigVersion)
        .join(Integration, Integration.id == ConfigVersion.integration_id)
        .where(ConfigVersion.integration_id == integration_id, Integration.deleted_at.is_(None))
        .order_by(ConfigVersion.version.desc())
        .limit(1)
    )
    if row is None:
        raise not_found()
    return row


def _stored(row: ConfigVersion) -> Config:
    return Config.model_validate_json(json.dumps(row.document))


async def _living_links(session: AsyncSession, integration_id: int, entities: set[str]) -> dict[str, int]:
    """How many there are of each entity."""
    rows = await session.execute(
        select(Link.entity, func.count())
        .where(
            Link.integration_id == integration_id,
            Link.entity.in_(entities),
            Link.state.in_((LinkState.ACTIVE, LinkState.SUSPENDED)),
        )
        .group_by(Link.entity)
    )
    return {entity: count for entity, count in rows}

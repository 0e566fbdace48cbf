"""Published versions of the configuration document: read (cached for seconds), compared, checked and stored."""

import json
import math
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import UserError
from app.core.ports import JsonObject
from app.sync import first_load
from app.sync.configuration import Config, parse
from app.sync.mappable import Mappable, mappable
from app.sync.models import ConfigVersion, Integration, Link, LinkState

CACHE_SECONDS = 2.0

FieldTypes = Callable[[int], Awaitable[dict[str, str]]]
"""Reads the Ploomes fields of an integration: field key -> Portuguese type name. The only vendor call of a publish."""


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

    def __init__(self, db: Database, clock: Clock, field_types: FieldTypes) -> None:
        self._db = db
        self._clock = clock
        self._field_types = field_types
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
        self._cache[integration_id] = (self._clock.time() + CACHE_SECONDS, row.version, config)
        return row.version, config

    async def publish(self, integration_id: int, document: Any, *, author: str, dry_run: bool = False) -> JsonObject:
        """Checks and stores a document as a new version, unless it equals the published one.

        Answers `{"version","changed","effects","warnings"}`. An unchanged document costs no vendor call.
        Raises UserError 422 naming fields, 404 for an unknown integration.
        """
        config = parse(document)
        async with self._db.read() as session:
            row = await _latest(session, integration_id)
            before = _stored(row)
            touched = touched_entities(before, config)
            records = await _living_links(session, integration_id, touched)
        changed = config != before
        if changed:
            await self._check_types(integration_id, before, config)
        version = row.version
        if changed and not dry_run:
            version = await self._store(integration_id, config, author)
        return {
            "version": version,
            "changed": changed,
            "dry_run": dry_run,
            "changes": changed_paths(before.document(), config.document()),
            "effects": effects_of(records),
            "warnings": warnings_of(config) if changed else [],
        }

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
            await first_load.reconfigured(session, integration_id, config, self._clock.now())
        self._cache.pop(integration_id, None)
        return version

    async def _check_types(self, integration_id: int, before: Config, after: Config) -> None:
        """Refuses a new mapping row whose Ploomes field has another type than the Omie field needs (F195)."""
        known = {(row.omie, row.ploomes) for row in before.mappings}
        fresh = [(at, row) for at, row in enumerate(after.mappings) if (row.omie, row.ploomes) not in known]
        if not fresh:
            return
        types = await self._field_types(integration_id)
        errors = []
        for at, row in fresh:
            wanted, found = row_of(row.omie, after).ploomes_type, types.get(row.ploomes)
            if found is None:
                text = f"o campo {row.ploomes} não existe no Ploomes"
            elif not same_type(wanted, found):
                text = f"{row.omie} precisa de um campo do tipo “{wanted}”, mas o campo do Ploomes é do tipo “{found}”"
            else:
                continue
            errors.append({"field": f"mappings.{at}.ploomes", "message": text})
        if errors:
            raise UserError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "Tipos de campo incompatíveis",
                "Há campos mapeados com tipos incompatíveis; nada foi alterado.",
                errors=errors,
            )


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


async def _living_links(session: AsyncSession, integration_id: int, entities: set[str]) -> int:
    count = await session.scalar(
        select(func.count())
        .select_from(Link)
        .where(
            Link.integration_id == integration_id,
            Link.entity.in_(entities),
            Link.state.in_((LinkState.ACTIVE, LinkState.SUSPENDED)),
        )
    )
    return count or 0


def same_type(wanted: str, found: str) -> bool:
    """True when a Ploomes type name means the wanted type; accounts spell them with variants ("Data / Data e hora")."""
    return _folded(wanted) in {_folded(part) for part in [found, *found.split("/")]}


def row_of(omie: str, config: Config) -> Mappable:
    """The mappable row of a key that a valid document names."""
    row = mappable(omie, brand_as=config.products.brand_as)
    assert row is not None, omie
    return row


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return " ".join(plain.lower().replace("-", "").split())


_SECTION_TOUCHES: Mapping[str, Sequence[str]] = {
    "scope.clients": ("clients",),
    "scope.orders": ("orders", "service_orders"),
    "clients": ("clients",),
    "products": ("products", "services"),
    "orders": ("orders",),
    "service_orders": ("service_orders",),
    "carriers": ("orders",),
    "payments": ("orders", "service_orders"),
    "stock": ("stock",),
    "sellers": ("clients", "orders", "service_orders"),
    "history": ("orders", "service_orders"),
}
"""Whose records a changed setting can change. Settings that are not here only rule what happens later."""


def changed_paths(old: JsonObject, new: JsonObject, prefix: str = "") -> list[str]:
    """Dotted names of the settings that differ; lists count as one setting."""
    paths: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        path = f"{prefix}{name}"
        if isinstance(before, dict) and isinstance(after, dict) and path != "conflicts.fields":
            paths += changed_paths(before, after, f"{path}.")
        else:
            paths.append(path)
    return paths


def touched_entities(old: Config, new: Config) -> set[str]:
    """Entities whose records must be compared again after a change from `old` to `new`."""
    touched: set[str] = set()
    for path in changed_paths(old.document(), new.document()):
        head, _, rest = path.partition(".")
        if head == "entities":
            touched.add(rest)
        for key in (path, f"{head}.{rest.partition('.')[0]}", head):
            touched.update(_SECTION_TOUCHES.get(key, ()))
    before, after = ({(r.omie, r.ploomes, r.direction) for r in config.mappings} for config in (old, new))
    touched.update(row_of(omie, new).entity for omie, _, _ in before ^ after)
    return touched


OMIE_PAGE, PLOOMES_PAGE = 100, 300
"""Records a list answers per request (references 2.2 and 1)."""
OMIE_SECONDS, PLOOMES_SECONDS = 60 / 240, 1 / 6
"""Seconds a request takes of its budget (design section 6)."""


def effects_of(records: int) -> JsonObject:
    """What comparing `records` linked records again costs: list reads on both sides, at the vendors' pace."""
    omie, ploomes = math.ceil(records / OMIE_PAGE), math.ceil(records / PLOOMES_PAGE)
    seconds = max(omie * OMIE_SECONDS, ploomes * PLOOMES_SECONDS)
    return {
        "records": records,
        "requests": omie + ploomes,
        "requests_by_vendor": {"omie": omie, "ploomes": ploomes},
        "eta_seconds": math.ceil(seconds),
    }


def warnings_of(config: Config) -> list[str]:
    """What a person should know about a valid document."""
    warnings = []
    if config.maps_taxes:
        warnings.append(
            "Os impostos dos pedidos passam a ser responsabilidade do Ploomes: o Omie deixa de calculá-los."
        )
    elif config.orders.tax_owner == "ploomes":
        warnings.append("Nenhum campo de imposto está mapeado: o Omie continua calculando os impostos dos pedidos.")
    if config.orders.carrier_field is None and config.carriers:
        warnings.append("A tabela de transportadoras só vale quando orders.carrier_field indica o campo do Ploomes.")
    if config.orders.payment_field is None and config.payments:
        warnings.append("A tabela de pagamentos só vale quando orders.payment_field indica o campo do Ploomes.")
    for row in config.mappings:
        if row_of(row.omie, config).entity == "products" and row.direction != "to_ploomes":
            warnings.append(
                f"{row.omie}: produtos só vão do Omie para o Ploomes; a direção {row.direction} não tem efeito."
            )
    if config.deletes.pause_above_in_ten_minutes == 0:
        warnings.append("Com deletes.pause_above_in_ten_minutes igual a 0, toda exclusão espera por uma pessoa.")
    return warnings

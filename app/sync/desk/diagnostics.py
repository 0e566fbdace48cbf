"""A bundle for whoever helps: what an integration is, does and fails at, without a single secret (F286)."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.limit_models import LimitBlock
from app.core.ports import JsonObject
from app.sync.config.masking import masked
from app.sync.config.store import ConfigStore
from app.sync.lookups import known
from app.sync.models import Event, Integration, Issue, Link, Resync, WriteEntry, WriteState

LATEST = 50
"""Rows of each kind."""


class Diagnostics:
    """Reads our own tables only."""

    def __init__(self, db: Database, clock: Clock, configs: ConfigStore) -> None:
        self._db = db
        self._clock = clock
        self._configs = configs

    async def bundle(self, integration: Integration, shown: JsonObject) -> JsonObject:
        """Everything at one moment. Webhook addresses are left out, ours and the one that is told of trouble: their
        tokens open the door. No bodies, no names of people beyond what an issue says."""
        version, config = await self._configs.current(integration.id)
        async with self._db.read() as session:
            return {
                "at": self._clock.now(),
                "integration": {name: value for name, value in shown.items() if name not in ("webhook_urls", "omie")},
                "config": {"version": version, "document": masked(config.document())},
                "provisioned": {name: fact for name, fact in integration.provisioned.items() if name != "warnings"},
                "events": await _counts(session, Event.state, Event, integration.id),
                "links": await _counts(session, Link.state, Link, integration.id),
                "known": {
                    f"{vendor}.{entity}": count
                    for (vendor, entity), count in (await known.counts(session, integration.id)).items()
                },
                "failed_events": [
                    _plain(row, ("id", "vendor", "entity", "external_id", "topic", "cause", "reason", "received_at"))
                    for row in await session.scalars(
                        _latest(Event, integration.id).where(Event.state.in_(("failed", "waiting")))
                    )
                ],
                "open_issues": [
                    _plain(row, ("id", "entity", "vendor", "external_id", "cause", "detail", "seen", "updated_at"))
                    for row in await session.scalars(_latest(Issue, integration.id).where(Issue.open_key.is_not(None)))
                ],
                "unanswered_writes": [
                    _plain(row, ("id", "vendor", "entity", "verb", "external_id", "outcome", "sent_at"))
                    for row in await session.scalars(
                        _latest(WriteEntry, integration.id).where(
                            WriteEntry.state.in_((WriteState.SENT, WriteState.REFUSED))
                        )
                    )
                ],
                "resyncs": [
                    _plain(row, ("id", "state", "reason", "entities", "progress", "requests_used", "created_at"))
                    for row in await session.scalars(_latest(Resync, integration.id))
                ],
                "blocks": [
                    {"method": block.scope.rsplit(":", 1)[-1], "until": block.until}
                    for block in await session.scalars(
                        select(LimitBlock).where(
                            LimitBlock.scope.startswith(f"omie:{integration.omie_app_key}:", autoescape=True),
                            LimitBlock.until > self._clock.time(),
                        )
                    )
                ],
            }


def _latest(table: Any, integration_id: int) -> Any:
    return select(table).where(table.integration_id == integration_id).order_by(table.id.desc()).limit(LATEST)


def _plain(row: Any, names: tuple[str, ...]) -> JsonObject:
    return {name: getattr(row, name) for name in names}


async def _counts(session: AsyncSession, column: Any, table: Any, integration_id: int) -> dict[str, int]:
    rows = await session.execute(
        select(column, func.count()).where(table.integration_id == integration_id).group_by(column)
    )
    return {str(state): count for state, count in rows}

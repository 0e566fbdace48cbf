"""Starts the reconcile of every integration once a night, when its window is open."""

from datetime import timedelta

from sqlalchemy import func, or_, select

from app.core.clock import Clock
from app.core.db import Database
from app.sync.config.store import ConfigStore
from app.sync.config.window import opening_of
from app.sync.intake import RUNNING
from app.sync.models import Integration, Resync
from app.sync.passes.models import RECONCILE
from app.sync.passes.resyncs import Resyncs

EVERY = timedelta(hours=20)
"""No two nightly reconciles are closer than this."""


class Nightly:
    """Starts the reconcile of every integration once a night, when its window is open."""

    def __init__(self, db: Database, clock: Clock, configs: ConfigStore, resyncs: Resyncs) -> None:
        self._db = db
        self._clock = clock
        self._configs = configs
        self._resyncs = resyncs

    async def tick(self) -> None:
        """Called every few minutes by one process."""
        now = self._clock.now()
        async with self._db.read() as session:
            last = (
                select(func.max(Resync.created_at))
                .where(Resync.integration_id == Integration.id, Resync.reason == RECONCILE)
                .correlate(Integration)
                .scalar_subquery()
            )
            rows = await session.execute(
                select(Integration.id)
                .where(
                    Integration.state.in_(RUNNING),
                    Integration.activated_at < now - EVERY,
                    or_(last.is_(None), last < now - EVERY),
                )
                .order_by(Integration.id)
            )
            due = [integration_id for (integration_id,) in rows]
        for integration_id in due:
            config = await self._configs.get(integration_id)
            if opening_of(config.window.window(), now) is None and not await self._resyncs.busy(integration_id):
                await self._resyncs.request(integration_id, reason=RECONCILE)

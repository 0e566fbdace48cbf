"""Starts the reconcile of every integration once a night, when its window is open."""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import UserError
from app.core.log import get_logger
from app.sync import issues
from app.sync.config.store import ConfigStore
from app.sync.config.window import opening_of
from app.sync.intake import RUNNING
from app.sync.issues import Finding
from app.sync.models import Integration, Issue, Resync
from app.sync.passes.models import RECONCILE
from app.sync.passes.resyncs import MISSED, Resyncs

EVERY = timedelta(hours=20)
"""No two nightly reconciles are closer than this."""
TWO_NIGHTS = EVERY + timedelta(hours=24)
"""When a second night goes by without one, somebody is told what it waits for."""

_log = get_logger(__name__)


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
        for integration_id, last in await self._due(now):
            config = await self._configs.get(integration_id)
            if opening_of(config.window.window(), now) is not None:
                continue
            working = await self._resyncs.working(integration_id)
            if working is None:
                await self._start(integration_id)
            elif working.state == "paused" and working.due_at is None and last < now - TWO_NIGHTS:
                await self._tell(integration_id, working, now)

    async def _due(self, now: datetime) -> list[tuple[int, datetime]]:
        """Running integrations, and since when each one waits for its reconcile."""
        last = (
            select(func.max(Resync.created_at))
            .where(Resync.integration_id == Integration.id, Resync.reason == RECONCILE)
            .correlate(Integration)
            .scalar_subquery()
        )
        since = func.coalesce(last, Integration.activated_at, type_=Resync.created_at.type)
        query = select(Integration.id, since).where(Integration.state.in_(RUNNING), since < now - EVERY)
        async with self._db.read() as session:
            rows = await session.execute(query.order_by(Integration.id))
            return [(integration_id, at) for integration_id, at in rows]

    async def _start(self, integration_id: int) -> None:
        try:
            await self._resyncs.request(integration_id, reason=RECONCILE)
        except UserError as problem:  # somebody was quicker; the others have their night all the same
            _log.info("no nightly reconcile", integration=integration_id, problem=problem.detail)

    async def _tell(self, integration_id: int, working: Resync, now: datetime) -> None:
        """Once for each pass that waits for a person: it keeps the reconcile from its second night."""
        open_one = select(Issue).where(
            Issue.integration_id == integration_id, Issue.cause == MISSED, Issue.open_key.is_not(None)
        )
        async with self._db.transaction() as session:
            told = await session.scalar(open_one)
            if told is None or told.data.get("resync_id") != working.id:
                why = working.progress.get("paused_because", "")
                text = f"A carga {working.id} está pausada à espera de uma pessoa. {why}".rstrip()
                await issues.open_issue(
                    session, integration_id=integration_id, entity=None, vendor=None, external_id=None,
                    finding=Finding(MISSED, text, {"resync_id": working.id}), now=now,
                )  # fmt: skip

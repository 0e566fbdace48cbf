"""Notices that a vendor's webhooks stopped: a sweep found what they did not tell, or they broke their own rhythm."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Vendor
from app.sync import issues
from app.sync.issues import Finding
from app.sync.models import Event, EventSource, Integration, Issue

CAUSES: Mapping[Vendor, str] = {Vendor.OMIE: "webhooks_silent_omie", Vendor.PLOOMES: "webhooks_silent_ploomes"}
RHYTHM = 200
"""Webhooks whose gaps make the rhythm."""
ENOUGH = 20
"""Fewer make none."""
SHORTEST = timedelta(minutes=30)
"""No pause shorter than this is a silence."""


def broken(received: Sequence[datetime], now: datetime) -> timedelta | None:
    """How long it has been quiet, when that is more than twice the longest gap so far; None while the rhythm holds.

    `received`: newest first. Pure.
    """
    if len(received) < ENOUGH:
        return None
    longest = max((later - earlier for later, earlier in pairwise(received)), default=SHORTEST)
    quiet = now - received[0]
    return quiet if quiet > max(SHORTEST, 2 * longest) else None


class Silence:
    """Opens and closes the issues of silent webhooks; an open one is the mark that a vendor is silent."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def is_silent(self, integration_id: int, vendor: Vendor) -> bool:
        """Whether the webhooks of a vendor are known to be silent."""
        async with self._db.read() as session:
            return await self._open(session, integration_id, vendor) is not None

    async def judge(self, integration: Integration, missed: Mapping[Vendor, Sequence[datetime]]) -> None:
        """After a sweep: `missed` holds the times of changes that no webhook told of."""
        for vendor in Vendor:
            async with self._db.transaction() as session:
                row = await session.get_one(Integration, integration.id)
                heard = row.last_omie_post_at if vendor is Vendor.OMIE else row.last_ploomes_post_at
                issue = await self._open(session, integration.id, vendor)
                if issue is not None:
                    if heard is not None and heard > issue.updated_at and not self._since(missed[vendor], heard):
                        issues.close(issue, self._clock.now())
                    continue
                detail = await self._why(session, integration.id, vendor, heard, missed[vendor])
                if detail is not None:
                    await issues.open_issue(
                        session, integration_id=integration.id, entity=None, vendor=vendor, external_id=None,
                        finding=Finding(CAUSES[vendor], detail), now=self._clock.now(),
                    )  # fmt: skip

    async def _why(
        self,
        session: AsyncSession,
        integration_id: int,
        vendor: Vendor,
        heard: datetime | None,
        missed: Sequence[datetime],
    ) -> str | None:
        later = self._since(missed, heard)
        if later:
            count = len(later)
            return f"A varredura encontrou {count} alteração(ões) que os webhooks do {vendor.label} não avisaram."
        received = await session.scalars(
            select(Event.received_at)
            .where(
                Event.integration_id == integration_id,
                Event.vendor == vendor.value,
                Event.source == EventSource.WEBHOOK,
            )
            .order_by(Event.id.desc())
            .limit(RHYTHM)
        )
        quiet = broken(list(received), self._clock.now())
        if quiet is None:
            return None
        hours = quiet.total_seconds() / 3600
        return f"O {vendor.label} não envia webhooks há {hours:.1f} h, muito mais que o intervalo habitual."

    @staticmethod
    def _since(missed: Sequence[datetime], heard: datetime | None) -> list[datetime]:
        """Missed changes after the last post: those before it were lost one by one, not by a silence."""
        return [at for at in missed if heard is None or at > heard]

    @staticmethod
    async def _open(session: AsyncSession, integration_id: int, vendor: Vendor) -> Issue | None:
        query = select(Issue).where(
            Issue.integration_id == integration_id, Issue.cause == CAUSES[vendor], Issue.open_key.is_not(None)
        )
        return (await session.execute(query.limit(1))).scalars().first()

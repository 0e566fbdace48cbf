"""The end of every event: link, issues and event in one commit, fenced by the lease."""

from collections.abc import Sequence

from sqlalchemy import tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Vendor
from app.sync import inbox, issues, links
from app.sync.intake import INACTIVE
from app.sync.issues import Finding
from app.sync.lookups import known
from app.sync.models import Event, EventState, Link
from app.sync.sales import waits
from app.sync.trip import Outcome, Side, Trip


class Endings:
    """Settles or parks events, and keeps links and issues in step with them."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def close(
        self, trip: Trip, outcome: Outcome, link: Link | None = None, held: dict[Vendor, Side] | None = None
    ) -> None:
        """Settles (or parks) the event in a commit of its own."""
        async with self._db.transaction() as session:
            await self.close_in(session, trip, outcome, link, held)

    async def close_in(
        self,
        session: AsyncSession,
        trip: Trip,
        outcome: Outcome,
        link: Link | None = None,
        held: dict[Vendor, Side] | None = None,
    ) -> None:
        """The end of every event: link, issues and event in the caller's commit, fenced by the lease."""
        if link is not None:
            await self.save(session, trip, link, held or {})
            trip.event.link_id = link.id
        records = [(trip.event.vendor, trip.record_id)]
        if link is not None:
            records += [("omie", link.omie_id), ("ploomes", link.ploomes_id)]
            if outcome.state is not EventState.WAITING:
                await self._settle_waiting(session, trip, records)
        findings = [*trip.findings, *([outcome.finding] if outcome.finding else [])]
        await self._settle_issues(session, trip, link, records, findings)
        await inbox.conclude(session, trip.event, outcome, now=self._clock.now())
        settled = [(vendor, trip.entity, external_id) for vendor, external_id in records]
        await waits.wake(session, trip.integration.id, settled, self._clock.time())
        await trip.lease.extend(session)

    async def _settle_waiting(self, session: AsyncSession, trip: Trip, records: Sequence[tuple[str, str]]) -> None:
        """What records of the pair waited for, data or a person, is over: this event saw both sides."""
        await session.execute(
            update(Event)
            .where(
                Event.integration_id == trip.integration.id,
                Event.entity == trip.entity,
                tuple_(Event.vendor, Event.external_id).in_(records),
                Event.id != trip.event.id,
                Event.state == EventState.WAITING,
                Event.due_at.is_(None),
                Event.cause != INACTIVE,
            )
            .values(
                state=EventState.SUPERSEDED,
                cause="superseded",
                settled_at=self._clock.now(),
                reason=f"O par foi acertado pelo evento {trip.event.id}.",
            )
            .execution_options(synchronize_session=False)
        )

    async def _settle_issues(
        self,
        session: AsyncSession,
        trip: Trip,
        link: Link | None,
        records: Sequence[tuple[str, str]],
        findings: Sequence[Finding],
    ) -> None:
        now = self._clock.now()
        causes = {finding.cause for finding in findings}
        for issue in await issues.open_of(session, trip.integration.id, trip.entity, records):
            if issue.cause not in causes:
                issues.close(issue, now)
        for finding in findings:
            vendor, external_id = await issues.home_of(session, trip.integration.id, trip.entity, records, finding)
            await issues.open_issue(
                session,
                integration_id=trip.integration.id,
                entity=trip.entity,
                vendor=vendor,
                external_id=external_id,
                finding=finding,
                now=now,
                link_id=link.id if link else None,
                event_id=trip.event.id,
            )

    async def save(self, session: AsyncSession, trip: Trip, link: Link, held: dict[Vendor, Side]) -> None:
        """Stores the link with what each side was seen to hold."""
        for vendor, side in held.items():
            links.saw(link, vendor, side.values, side.read_at)
        link.version += 1
        keys = (side.values.get(trip.rules.KEY) for side in held.values())
        link.natural_key = links.shown_key(next((str(key) for key in keys if key), link.natural_key))
        await session.merge(link)
        await known.upsert(
            session,
            trip.integration.id,
            [known.known_of(side.record) for side in held.values() if side.record is not None],
            self._clock.now(),
        )

"""Passes and the off-hours window: who keeps to it, and from when on those that wait for it may go on."""

from datetime import datetime

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.sync.config.document import Config
from app.sync.config.window import opening_of
from app.sync.models import Event, EventState
from app.sync.passes.first_load import tell_held
from app.sync.passes.models import MAPPING, RECONCILE, REFRESH, REQUESTED, Resync, topic_of

WINDOW = "window"
"""Cause of an event that its closed window holds back."""
KEEPING = (REQUESTED, MAPPING, RECONCILE)
"""Reasons of passes that keep to the window; a first load follows rules of its own."""


def unhindered(row: Resync) -> bool:
    """Whether somebody wants a pass at once, whatever the hour."""
    return row.force or row.reason == REFRESH or (row.reason == MAPPING and row.start == "now")


def opening_for(row: Resync, config: Config, now: datetime) -> float | None:
    """When a pass that must not work now may go on, epoch seconds; `NEVER` while the window never opens. None while it
    may work: a dry run does at any hour, and so does what is no bulk work."""
    free = row.reason not in KEEPING or row.dry_run or unhindered(row)
    return None if free else opening_of(config.window.window(), now)


async def wake(session: AsyncSession, row: Resync, due_at: float) -> None:
    """Moves what the closed window held back of a pass, to when the pass goes on."""
    await session.execute(
        update(Event)
        .where(
            Event.integration_id == row.integration_id,
            Event.topic == topic_of(row.id),
            Event.state == EventState.WAITING,
            Event.cause == WINDOW,
            Event.claim.is_(None),
        )
        .values(due_at=due_at)
        .execution_options(synchronize_session=False)
    )


async def reconfigured(session: AsyncSession, integration_id: int, config: Config, now: datetime) -> None:
    """A new configuration: passes that wait for another window, or for one that never opened, follow this one. One that
    a person paused, or that asks, has no due time, and keeps waiting."""
    resting = or_(Resync.state == "scheduled", and_(Resync.state == "paused", Resync.due_at.is_not(None)))
    rows = await session.scalars(
        select(Resync)
        .where(Resync.integration_id == integration_id, Resync.reason.in_(KEEPING), resting, Resync.claim.is_(None))
        .with_for_update()
    )
    for row in rows.all():
        row.due_at = opening_for(row, config, now) or now.timestamp()
        tell_held(row, row.due_at)
        await wake(session, row, row.due_at)

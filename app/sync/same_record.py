"""Other events of an event's record: which came later, which it takes in, which was the last to tell of a change."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import metrics
from app.sync.inbox import closed_key, rows_moved
from app.sync.models import Event, EventSource, EventState


async def newer_open(session: AsyncSession, event: Event, siblings: Sequence[str] = ()) -> Event | None:
    """The newest open event of the same record that came after this one: then this one need not be looked at.
    `siblings`: entities under which the same record's events may be filed too."""
    mine = _of_same(event, siblings)
    # one of lower priority may be due at night only: it must not stand for a live change
    newer = and_(Event.id > event.id, Event.due_at.is_not(None), Event.priority <= event.priority)
    query = select(Event).where(mine, newer).order_by(Event.id.desc()).limit(1)
    return (await session.execute(query)).scalars().first()


async def supersede_older(session: AsyncSession, event: Event, siblings: Sequence[str] = (), *, now: datetime) -> int:
    """Settles what the same record left open before this event, which takes it all in; returns how many."""
    done = await session.execute(
        update(Event)
        .where(
            _of_same(event, siblings),
            Event.id < event.id,
            Event.state.in_((EventState.RECEIVED.value, EventState.WAITING.value)),
            Event.claim.is_(None),
        )
        .values(
            state=EventState.SUPERSEDED.value,
            cause="superseded",
            due_at=None,
            dedupe_key=closed_key(),
            settled_at=now,
            reason=f"Um aviso mais novo do mesmo registro (evento {event.id}) o substitui.",
        )
        .execution_options(synchronize_session=False)
    )
    metrics.EVENTS_SETTLED.labels(event.entity or "none", EventState.SUPERSEDED.value).inc(rows_moved(done))
    return rows_moved(done)


async def latest_of(
    session: AsyncSession,
    integration_id: int,
    vendor: str,
    entity: str,
    external_id: str,
    *,
    after: datetime | None = None,
) -> Event | None:
    """The last webhook of a record that told of a change (echoes and events of our own making do not)."""
    query = select(Event).where(
        Event.integration_id == integration_id,
        Event.vendor == vendor,
        Event.entity == entity,
        Event.external_id == external_id,
        Event.source == EventSource.WEBHOOK,
        Event.state != EventState.ECHO,
    )
    if after is not None:
        query = query.where(Event.received_at > after)
    return (await session.execute(query.order_by(Event.received_at.desc(), Event.id.desc()).limit(1))).scalars().first()


def _of_same(event: Event, siblings: Sequence[str]) -> ColumnElement[bool]:
    return and_(
        Event.integration_id == event.integration_id,
        Event.vendor == event.vendor,
        Event.entity.in_((event.entity, *siblings)),
        Event.external_id == event.external_id,
    )

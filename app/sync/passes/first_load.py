"""The first load of an activation: reads both sides, links what is certain, and plans the rest for the off-hours.

Reading runs at any hour at the lowest priority; the load's writes are `resync` events due when the window opens, or
at once if the caller said so (design section 8). A load is one row of `resyncs`: whoever claims it goes on where its
cursor stands, one page per commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from app.sync.config.document import Config
from app.sync.config.window import NEVER, opening_of
from app.sync.entities import BUILT
from app.sync.intake import INACTIVE
from app.sync.models import Event, EventSource, EventState, Resync, WriteEntry, WriteState
from app.sync.passes.models import REFRESH, TOPIC, topic_of

REASON = "first_load"
FAILED = "first_load_failed"
"""Cause of the issue of a load that failed."""
NEVER_OPENS = "A janela de horários configurada nunca abre: as gravações desta carga esperam até a configuração mudar."
WRITES_LATER = (REASON, REFRESH)
"""Reasons of passes whose last step leaves events behind: they have read everything long before all is written."""
OPEN_STATES = ("planning", "planned", "scheduled", "running", "paused")


async def schedule(session: AsyncSession, integration_id: int, start: str, now: datetime) -> Resync:
    """Plans the load of an activation, or goes on with the one there is; `start` "now" brings its writes forward."""
    load = await _latest(session, integration_id)
    if load is not None and load.state == "failed":
        load.due_at = None  # the new one takes its place
    if load is None or load.state in ("failed", "cancelled"):
        load = Resync(
            integration_id=integration_id,
            state="scheduled",
            reason=REASON,
            entities=list(BUILT),
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
        session.add(load)
    elif load.state == "paused":
        load.state, load.due_at = "running", now.timestamp()
    if start == "now":
        load.start = "now"
    await session.flush()
    return load


async def retime(session: AsyncSession, integration_id: int, due_at: float) -> None:
    """Moves what the load left to do: to `due_at`, or to an earlier moment it already has. Before the wake-up."""
    mine = (
        *_events_of(integration_id, REASON),
        Event.state.in_((EventState.RECEIVED, EventState.WAITING)),
        Event.claim.is_(None),
    )
    await session.execute(
        update(Event)
        .where(*mine, or_(Event.due_at > due_at, Event.cause == INACTIVE))
        .values(state=EventState.RECEIVED, due_at=due_at, cause=None, reason=None)
        .execution_options(synchronize_session=False)
    )
    load = await _latest(session, integration_id)
    if load is not None:
        tell_held(load, due_at)


async def reconfigured(session: AsyncSession, integration_id: int, config: Config, now: datetime) -> None:
    """A new configuration: writes that waited for another window, or for one that never opened, follow this one."""
    load = await _latest(session, integration_id)
    if load is not None and load.state not in ("failed", "cancelled"):
        await retime(session, integration_id, writes_due(load, config, now))


def writes_due(load: Resync, config: Config, now: datetime) -> float:
    """When the load's writes may run: at once if the caller said so, else when the off-hours window opens; `NEVER`
    while it never does."""
    opening = None if load.start == "now" else opening_of(config.window.window(), now)
    return now.timestamp() if opening is None else opening


def tell_held(load: Resync, due_at: float) -> None:
    """Shows in a load's progress that its writes wait for a window that never opens, or no longer do."""
    progress = {name: value for name, value in load.progress.items() if name != "held"}
    load.progress = {**progress, "held": NEVER_OPENS} if due_at == NEVER else progress


async def held_until(session: AsyncSession, event: Event, opening: float | None) -> float | None:
    """Until when an event of a load must rest because its window closed; None lets it go on."""
    load = await _latest(session, event.integration_id)
    return opening if load is not None and load.start != "now" else None


async def pause(session: AsyncSession, integration_id: int) -> None:
    """Stops an unfinished load until the next activation."""
    await session.execute(
        update(Resync)
        .where(
            Resync.integration_id == integration_id,
            Resync.reason == REASON,
            Resync.state.in_(("scheduled", "running")),
        )
        .values(state="paused", claim=None, due_at=None)
    )


async def cancel(session: AsyncSession, integration_id: int, now: datetime) -> None:
    """Ends an unfinished load for good."""
    await session.execute(
        update(Resync)
        .where(
            Resync.integration_id == integration_id,
            or_(Resync.state.in_(OPEN_STATES), and_(Resync.state == "failed", Resync.due_at.is_not(None))),
        )
        .values(state="cancelled", claim=None, due_at=None, finished_at=now)
    )


@dataclass(frozen=True, slots=True)
class Left:
    """What became of the writes that a pass planned."""

    written: dict[str, dict[str, int]]
    """By entity: `create_in_omie` and so on -> count."""
    total: int
    """Records that it looks at one by one."""
    open: int
    """Those that are not through yet; what waits for data is none of them."""
    due_at: float | None
    """When the next of these may go."""


async def left_of(session: AsyncSession, load: Resync) -> Left:
    """Counts the events of a load, or of another pass that `WRITES_LATER`. What pruned events wrote is in the pass
    itself."""
    topic = REASON if load.reason == REASON else topic_of(load.id)
    mine = (*_events_of(load.integration_id, topic), Event.received_at >= load.created_at)
    counts = select(func.count(), func.count(Event.due_at), func.min(Event.due_at)).where(*mine)
    total, unsettled, due_at = (await session.execute(counts)).one()
    rows = await session.execute(
        select(WriteEntry.entity, WriteEntry.vendor, WriteEntry.verb, func.count())
        .join(Event, Event.id == WriteEntry.event_id)
        .where(*mine, WriteEntry.state == WriteState.DONE)
        .group_by(WriteEntry.entity, WriteEntry.vendor, WriteEntry.verb)
    )
    written = {entity: dict(counts) for entity, counts in load.written.items()}
    for entity, vendor, verb, count in rows:
        _count(written, entity, vendor, verb, count)
    return Left(written, total, unsettled, due_at)


async def remember(session: AsyncSession, event_ids: Sequence[int]) -> None:
    """Keeps with their passes what events wrote that are about to be pruned."""
    rows = await session.execute(
        select(Event, WriteEntry.entity, WriteEntry.vendor, WriteEntry.verb)
        .join(WriteEntry, WriteEntry.event_id == Event.id)
        .where(Event.id.in_(event_ids), Event.source == EventSource.RESYNC, WriteEntry.state == WriteState.DONE)
    )
    for event, entity, vendor, verb in rows.all():
        load = await _planner(session, event)
        if load is not None:
            load.written = _count(
                {name: dict(counts) for name, counts in load.written.items()}, entity, vendor, verb, 1
            )


def _count(
    written: dict[str, dict[str, int]], entity: str, vendor: str, verb: str, count: int
) -> dict[str, dict[str, int]]:
    """Adds writes to the counts of a load, which it answers."""
    name = f"{verb if verb in ('create', 'delete') else 'update'}_in_{vendor}"
    done = written.setdefault(entity, {})
    done[name] = done.get(name, 0) + count
    return written


async def _planner(session: AsyncSession, event: Event) -> Resync | None:
    """The pass that planned an event, where it is one that `WRITES_LATER`: any other counts for itself."""
    if event.topic == REASON:
        return await _latest(session, event.integration_id, event.received_at)
    number = event.topic.removeprefix(TOPIC)
    row = await session.get(Resync, int(number)) if number.isdigit() else None
    return row if row is not None and row.reason == REFRESH else None


def _events_of(integration_id: int, topic: str) -> Sequence[ColumnElement[bool]]:
    """Conditions of the events that passes of an integration planned under a topic."""
    return (
        Event.integration_id == integration_id,
        Event.source == EventSource.RESYNC,
        Event.topic == topic,
    )


async def _latest(session: AsyncSession, integration_id: int, before: datetime | None = None) -> Resync | None:
    """The load of an integration; `before`: the one that was the latest then."""
    asked = Resync.created_at <= before if before is not None else true()
    query = (
        select(Resync)
        .where(Resync.integration_id == integration_id, Resync.reason == REASON, asked)
        .order_by(Resync.id.desc())
        .limit(1)
    )
    return (await session.execute(query)).scalars().first()

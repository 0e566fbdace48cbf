"""Named queries over the items of a pass: what it found to differ and what became of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, delete, func, not_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import Priority, Vendor
from app.core.wire import fitted
from app.sync import links, sizes
from app.sync.entities import set_of
from app.sync.models import Event, EventSource, EventState, Link
from app.sync.passes import first_load
from app.sync.passes.models import TOPIC, Resync, ResyncItem, topic_of
from app.sync.passes.resync_compare import Difference
from app.sync.passes.subject import Subject
from app.sync.reading import WITHDRAWN

_CHUNK = 100
FOUND, STALE, OPEN, SENT, DONE, DROPPED, KNOWN = "found", "stale", "open", "sent", "done", "dropped", "known"
"""`known`: the difference was there before, and an issue or a wait says why."""


async def pass_of(session: AsyncSession, event: Event, *, locked: bool = False) -> Resync | None:
    """The pass of an event, by the event's topic."""
    number = event.topic.removeprefix(TOPIC)
    if number == event.topic or not number.isdigit():
        return None
    return await session.get(Resync, int(number), with_for_update=locked)


def of_pass(event: Event) -> bool:
    """Whether a pass made an event, or it is what such an event depends on."""
    if event.source == EventSource.RESYNC:
        return True
    named = event.topic == first_load.REASON or event.topic.startswith(TOPIC)
    return event.source == EventSource.DEPENDENCY and named


def dependency_of(event: Event, topic: str) -> tuple[str, int]:
    """Topic and priority of what an event depends on: for a pass that is part of the pass, and keeps to its window;
    where somebody waits it is as urgent as a person's wish, and tells `topic`."""
    if of_pass(event) and event.priority >= Priority.BULK:
        return event.topic, event.priority
    return topic, min(event.priority, Priority.PERSON)


def key_of(vendor: str, external_id: str) -> str:
    """The key of an item of a record without a link."""
    return f"{vendor}:{external_id}"


async def keep(
    session: AsyncSession, resync_id: int, visit: Subject, vendor: Vendor, differences: Iterable[Difference]
) -> None:
    """Stores what a page showed to differ; the two pages of a pair meet in one item."""
    values = [_values(resync_id, visit, vendor, each) for each in differences]
    dialect = session.get_bind().dialect.name
    insert: Callable[..., Any] = postgresql.insert if dialect == "postgresql" else sqlite.insert
    for start in range(0, len(values), _CHUNK):
        statement = insert(ResyncItem).values(values[start : start + _CHUNK])
        stale = case((statement.excluded.state == STALE, STALE), else_=ResyncItem.state)
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["resync_id", "entity", "key"],
                set_={vendor.value: statement.excluded[vendor.value], "state": stale},
            )
        )


def _values(resync_id: int, visit: Subject, vendor: Vendor, difference: Difference) -> dict[str, Any]:
    record, link = difference.row.record, difference.link
    side = difference.row.as_json(raw=link is None or visit.keeps_raw)
    return {
        "resync_id": resync_id,
        "entity": visit.entity,
        "key": f"link:{link.id}" if link is not None else key_of(vendor.value, record.id),
        "vendor": vendor.value,
        "external_id": record.id,
        "link_id": link.id if link is not None else None,
        "link_version": link.version if link is not None else None,
        "natural_key": _natural_key(difference),
        "twin_id": difference.twin,
        "omie": side if vendor is Vendor.OMIE else None,
        "ploomes": side if vendor is Vendor.PLOOMES else None,
        "state": STALE if difference.stale else FOUND,
        "stage": 0,
        "actions": [],
        "calls": {},
    }


def _natural_key(difference: Difference) -> str | None:
    return fitted(difference.key, sizes.ITEM_KEY) if difference.key else None


async def of_state(
    session: AsyncSession,
    resync_id: int,
    state: str,
    limit: int,
    *,
    entity: str | None = None,
    target: str | None = None,
) -> list[ResyncItem]:
    """The next items in a state, in the order of their execution."""
    query = select(ResyncItem).where(ResyncItem.resync_id == resync_id, ResyncItem.state == state)
    if entity is not None:
        query = query.where(ResyncItem.entity == entity)
    if target is not None:
        query = query.where(ResyncItem.target == target)
    return list(await session.scalars(query.order_by(ResyncItem.stage, ResyncItem.id).limit(limit)))


async def possible_twins(
    session: AsyncSession, resync_id: int, entity: str, vendor: Vendor, items: Sequence[ResyncItem]
) -> list[ResyncItem]:
    """Items of the other vendor without a link that may be the twins of these, and rivals that share their keys."""
    carried = {key_of(vendor.other.value, item.twin_id) for item in items if item.twin_id}
    keys = {item.natural_key for item in items if item.natural_key}
    query = select(ResyncItem).where(
        ResyncItem.resync_id == resync_id,
        ResyncItem.entity == entity,
        ResyncItem.link_id.is_(None),
        ResyncItem.state != DROPPED,
        or_(
            ResyncItem.key.in_(carried),
            ResyncItem.natural_key.in_(keys),
            ResyncItem.twin_id.in_([item.external_id for item in items]),
        ),
    )
    return list(await session.scalars(query))


async def count_by_state(session: AsyncSession, resync_id: int) -> dict[tuple[str, str], int]:
    """How many items of each (entity, state)."""
    rows = await session.execute(
        select(ResyncItem.entity, ResyncItem.state, func.count())
        .where(ResyncItem.resync_id == resync_id)
        .group_by(ResyncItem.entity, ResyncItem.state)
    )
    return {(entity, state): count for entity, state, count in rows}


async def planned(session: AsyncSession, resync_id: int, after: int) -> list[ResyncItem]:
    """The next items that a plan tells of."""
    query = select(ResyncItem).where(
        ResyncItem.resync_id == resync_id, ResyncItem.state.in_((OPEN, DONE, KNOWN)), ResyncItem.id > after
    )
    return list(await session.scalars(query.order_by(ResyncItem.id).limit(500)))


async def open_count(session: AsyncSession, resync_id: int) -> int:
    """How many items are still to be sent."""
    query = (
        select(func.count()).select_from(ResyncItem).where(ResyncItem.resync_id == resync_id, ResyncItem.state == OPEN)
    )
    return int((await session.execute(query)).scalar_one())


async def sent_by_target(session: AsyncSession, resync_id: int) -> dict[str, int]:
    """How many events run towards each vendor."""
    rows = await session.execute(
        select(ResyncItem.target, func.count())
        .where(ResyncItem.resync_id == resync_id, ResyncItem.state == SENT)
        .group_by(ResyncItem.target)
    )
    return {str(target): count for target, count in rows}


def _over() -> ColumnElement[bool]:
    """Whether an event has ended, or waits for data or a person."""
    return or_(
        Event.state.in_(
            (EventState.DONE, EventState.ECHO, EventState.SUPERSEDED, EventState.IGNORED, EventState.FAILED)
        ),
        (Event.state == EventState.WAITING) & Event.due_at.is_(None),
    )


def unfinished() -> ColumnElement[bool]:
    """Items that are still to be done, or whose event has yet to end."""
    under_way = ResyncItem.event_id.in_(select(Event.id).where(not_(_over())))
    return or_(ResyncItem.state.in_((OPEN, STALE)), (ResyncItem.state == SENT) & under_way)


async def finished(session: AsyncSession, resync_id: int, limit: int) -> list[ResyncItem]:
    """Sent items whose event is over: settled, waiting for data or a person, or pruned."""
    over = or_(Event.id.is_(None), _over())
    query = (
        select(ResyncItem)
        .outerjoin(Event, Event.id == ResyncItem.event_id)
        .where(ResyncItem.resync_id == resync_id, ResyncItem.state == SENT, over)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def withdraw(session: AsyncSession, resync_id: int, reason: str, now: Any) -> None:
    """Takes back the events nobody has in hand; their items are open again."""
    mine = select(ResyncItem.event_id).where(ResyncItem.resync_id == resync_id, ResyncItem.state == SENT)
    taken = await session.execute(
        update(Event)
        .where(
            Event.topic == topic_of(resync_id),
            Event.state.in_((EventState.RECEIVED, EventState.WAITING)),
            Event.due_at.is_not(None),
            Event.claim.is_(None),
            Event.id.in_(mine),
        )
        .values(state=EventState.IGNORED, cause=WITHDRAWN, reason=reason, due_at=None, settled_at=now, memo=None)
        .returning(Event.id)
        .execution_options(synchronize_session=False)
    )
    ids = list(taken.scalars())
    await session.execute(
        update(ResyncItem)
        .where(ResyncItem.resync_id == resync_id, ResyncItem.event_id.in_(ids))
        .values(state=OPEN, event_id=None)
        .execution_options(synchronize_session=False)
    )


async def outdate(session: AsyncSession, resync_id: int, entity: str) -> None:
    """Pairs that differ are to be read again: their rows were told under another configuration. What has no link yet
    keeps its raw row, from which its event tells the values anew."""
    await session.execute(
        update(ResyncItem)
        .where(
            ResyncItem.resync_id == resync_id,
            ResyncItem.entity == entity,
            ResyncItem.link_id.is_not(None),
            ResyncItem.state.in_((FOUND, OPEN)),
            ResyncItem.stage % 10 != DELETE_STAGE,
        )
        .values(state=STALE)
        .execution_options(synchronize_session=False)
    )


async def drop_all(session: AsyncSession, resync_id: int) -> None:
    """Removes the items of a pass that is over."""
    await session.execute(delete(ResyncItem).where(ResyncItem.resync_id == resync_id))


async def deletes_left(session: AsyncSession, resync_id: int) -> dict[str, int]:
    """By entity: how many records the pass is still to delete."""
    rows = await session.execute(
        select(ResyncItem.entity, func.count())
        .where(
            ResyncItem.resync_id == resync_id,
            ResyncItem.state == OPEN,
            cast(ResyncItem.actions, Text).contains("delete_in_", autoescape=True),
        )
        .group_by(ResyncItem.entity)
    )
    return {entity: count for entity, count in rows}


async def drop_deletes(session: AsyncSession, resync_id: int, entity: str) -> None:
    """Forgets the deletions of an entity: a person does not want them."""
    await session.execute(
        update(ResyncItem)
        .where(
            ResyncItem.resync_id == resync_id,
            ResyncItem.entity == entity,
            ResyncItem.state == OPEN,
            ResyncItem.stage % 10 == DELETE_STAGE,
        )
        .values(state=DROPPED)
        .execution_options(synchronize_session=False)
    )


LINK_STAGE, UPDATE_STAGE, CREATE_STAGE, DELETE_STAGE = 0, 1, 2, 3
"""Linking comes before any create, deletions come last; the entity's place in tens."""


async def linked(session: AsyncSession, integration_id: int, entity: str) -> int:
    """How many pairs of an entity are linked."""
    query = (
        select(func.count())
        .select_from(Link)
        .where(Link.integration_id == integration_id, Link.entity == entity, Link.state.in_(links.LIVING))
    )
    return int((await session.execute(query)).scalar_one())


async def expected(session: AsyncSession, integration_id: int, entities: Iterable[str]) -> dict[str, int]:
    """About how many records each list (`omie:clients`) will tell of: those that are linked."""
    counts: Counter[str] = Counter()
    for entity in entities:
        count = await linked(session, integration_id, entity)
        counts.update({f"{vendor.value}:{set_of(entity, vendor)}": count for vendor in Vendor})
    return dict(counts)


async def ploomes_id(session: AsyncSession, link_id: int) -> str | None:
    """The Ploomes record of a link."""
    return await session.scalar(select(Link.ploomes_id).where(Link.id == link_id))

"""A page of one vendor against our book: which rows differ from their half of the base, and which have no link yet.

Nothing is read from a vendor here and nothing decided: what differs is handed on, everything equal ends here.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import Vendor
from app.sync.links import LIVING
from app.sync.models import Event, EventSource, EventState, Issue, KnownRecord, Link
from app.sync.passes.subject import Row, Subject
from app.sync.stock.book import edited_of
from app.sync.stock.table import text_in

MARGIN = timedelta(seconds=5)
"""What an event settled this shortly before a page was asked for may not be in the page yet."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that must be looked at. `link` is None for a record without one."""

    row: Row
    link: Any | None = None
    twin: str | None = None
    key: str | None = None
    """The natural key of a record without a link."""
    stale: bool = False
    """True when an event touched the pair around the time of the page: the row proves nothing."""


@dataclass(slots=True)
class Comparison:
    """What became of a page."""

    differing: list[Difference] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """Rows that are none of ours or wait for data, by cause."""
    edited: list[str] = field(default_factory=list)
    """Products (Omie ids) whose table of stock somebody edited in Ploomes."""


async def compare(
    session: AsyncSession,
    visit: Subject,
    vendor: Vendor,
    rows: Sequence[Row],
    asked_at: datetime,
    *,
    besides: Collection[EventSource] = (),
) -> Comparison:
    """Sorts a page. A row counts only if nothing touched its pair since the page was asked for, events of the sources
    `besides` apart: the caller answers those itself."""
    integration_id, entity = visit.integration.id, visit.entity
    ids = [row.record.id for row in rows]
    links = await _links(session, integration_id, entity, vendor, ids)
    ended = await _ended(session, integration_id, entity, vendor, ids)
    theirs = [link.ploomes_id if vendor is Vendor.OMIE else link.omie_id for link in links.values()]
    touched = await touched_since(session, visit, {vendor: ids, vendor.other: theirs}, asked_at - MARGIN, besides)
    comparison = Comparison()
    suspects: list[Row] = []
    for row in rows:
        link = links.get(row.record.id)
        if link is None:
            suspects.append(row)
        elif not visit.equal(row, link, vendor):
            pair = {(Vendor.OMIE, link.omie_id), (Vendor.PLOOMES, link.ploomes_id)}
            comparison.differing.append(Difference(row, link, stale=bool(pair & touched)))
    if vendor is Vendor.PLOOMES and visit.table_key is not None:
        linked = [(links[row.record.id].omie_id, row.record.data) for row in rows if row.record.id in links]
        texts = {product: text_in(record, visit.table_key) for product, record in linked}
        comparison.edited = await edited_of(session, integration_id, texts)
    free = [row for row in suspects if row.record.id not in ended]
    comparison.counts["ended"] += len(suspects) - len(free)
    settled = await _told(session, visit, vendor, free)
    for row in free:
        cause = visit.refusal(vendor, row)
        if cause is not None:
            comparison.counts[cause] += 1
        elif (vendor, row.record.id) in touched:
            comparison.counts["live"] += 1  # its event looks at it, with newer eyes
        elif row.record.id in settled:
            comparison.counts["waiting"] += 1
        else:
            comparison.differing.append(Difference(row, None, visit.twin(vendor, row), visit.natural_key(row)))
    return comparison


async def _links(
    session: AsyncSession, integration_id: int, entity: str, vendor: Vendor, ids: Sequence[str]
) -> Mapping[str, Any]:
    """Living links of records, with what a comparison needs, by the record's id."""
    own = Link.omie_id if vendor is Vendor.OMIE else Link.ploomes_id
    halves = (Link.omie_base, Link.omie_seen) if vendor is Vendor.OMIE else (Link.ploomes_base, Link.ploomes_seen)
    query = select(Link.id, Link.version, Link.state, Link.omie_id, Link.ploomes_id, *halves).where(
        Link.integration_id == integration_id, Link.entity == entity, own.in_(ids), Link.state.in_(LIVING)
    )
    return {row.omie_id if vendor is Vendor.OMIE else row.ploomes_id: row for row in await session.execute(query)}


async def _ended(
    session: AsyncSession, integration_id: int, entity: str, vendor: Vendor, ids: Sequence[str]
) -> set[str]:
    """Records whose link ended for good."""
    own = Link.omie_id if vendor is Vendor.OMIE else Link.ploomes_id
    query = select(own, Link.document).where(
        Link.integration_id == integration_id, Link.entity == entity, own.in_(ids), Link.state.not_in(LIVING)
    )
    return {str(one) for one, document in await session.execute(query) if not (document or {}).get("replaceable")}


async def touched_since(
    session: AsyncSession,
    visit: Subject,
    ids: Mapping[Vendor, Sequence[str]],
    since: datetime,
    besides: Collection[EventSource] = (),
) -> set[tuple[Vendor, str]]:
    """Records with an open event, or with one that came or was settled after an instant."""
    found: set[tuple[Vendor, str]] = set()
    for vendor, wanted in ids.items():
        query = select(Event.external_id).where(
            Event.integration_id == visit.integration.id,
            Event.vendor == vendor.value,
            Event.entity.in_(visit.told_as),
            Event.external_id.in_(wanted),
            Event.source.not_in(besides),
            or_(Event.due_at.is_not(None), Event.received_at >= since, Event.settled_at >= since),
        )
        found |= {(vendor, str(each)) for each in await session.scalars(query)}
    return found


async def _told(session: AsyncSession, visit: Subject, vendor: Vendor, rows: Sequence[Row]) -> set[str]:
    """Records whose trouble is known, an open issue or a wait for data, and that have not changed since."""
    integration_id = visit.integration.id
    ids = [row.record.id for row in rows]
    if not ids:
        return set()
    waiting = select(Event.external_id).where(
        Event.integration_id == integration_id,
        Event.vendor == vendor.value,
        Event.entity == visit.filed[vendor],
        Event.external_id.in_(ids),
        Event.state == EventState.WAITING,
        Event.due_at.is_(None),
    )
    issues = select(Issue.external_id).where(
        Issue.integration_id == integration_id,
        Issue.vendor == vendor.value,
        Issue.entity == visit.issue_entity,
        Issue.external_id.in_(ids),
        Issue.open_key.is_not(None),
    )
    told = {*await session.scalars(waiting), *await session.scalars(issues)}
    digests = {
        row.external_id: row.digest
        for row in await session.execute(
            select(KnownRecord.external_id, KnownRecord.digest).where(
                KnownRecord.integration_id == integration_id,
                KnownRecord.vendor == vendor.value,
                KnownRecord.entity == visit.index[vendor],
                KnownRecord.external_id.in_(told),
            )
        )
    }
    return {row.record.id for row in rows if row.record.id in told and digests.get(row.record.id) == row.digest}


async def linked_ids(session: AsyncSession, visit: Subject, vendor: Vendor, ids: Sequence[str]) -> set[str]:
    """Which of these records have a living link of the visit's entity."""
    own = Link.omie_id if vendor is Vendor.OMIE else Link.ploomes_id
    query = select(own).where(
        Link.integration_id == visit.integration.id,
        Link.entity == visit.entity,
        own.in_(ids),
        Link.state.in_(LIVING),
    )
    return set(await session.scalars(query))

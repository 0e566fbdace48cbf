"""A page of one vendor against our book: which rows differ from their half of the base, and which have no link yet.

Nothing is read from a vendor here and nothing decided: what differs is handed on, everything equal ends here.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import wire
from app.core.ports import JsonObject, Record, Vendor
from app.sync.entities.rules import Rules
from app.sync.links import LIVING
from app.sync.lookups.snapshots import learn
from app.sync.mapping.canonical import canonical
from app.sync.mapping.fields import Field, Master, MissingReference, Refs, Value, Values
from app.sync.models import Event, EventSource, EventState, Issue, KnownRecord, Link, LinkState
from app.sync.passes.load_pairing import Visit

T = TypeVar("T")

MARGIN = timedelta(seconds=5)
"""What an event settled this shortly before a page was asked for may not be in the page yet."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a page in canonical values."""

    record: Record
    values: Values
    digest: str

    def as_json(self, *, raw: bool) -> JsonObject:
        """What an item keeps of it; the raw record where its event will need it."""
        kept: JsonObject = {"values": self.values, "read_at": self.record.read_at.isoformat()}
        return {**kept, "data": wire.dumps(self.record.data).decode()} if raw else kept


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


async def rows_of_page(visit: Visit, records: Sequence[Record], linked: Collection[str] = ()) -> list[Row]:
    """Canonical values and digests of those records just read that are of the visit's entity, or `linked` as such.

    Raises Postponed or VendorError for a look-up it misses.
    """
    rows = []
    for record in records:
        if record.id not in linked and not visit.rules.recognisable(record.vendor, record.data, visit.refs):
            continue
        learn(record.data, visit.refs)
        rows.append(await planned(visit, lambda: _row(visit.rows, record, visit.refs)))  # noqa: B023  (awaited here)
    return rows


def _row(fields: Sequence[Field], record: Record, refs: Refs) -> Row:
    values = canonical(record.vendor, fields, record.data, refs)
    return Row(record, values, comparable_digest(record.vendor, fields, values, refs))


def comparable_digest(vendor: Vendor, fields: Sequence[Field], values: Values, refs: Refs) -> str:
    """A hash of the values in one form: equal on both sides of a pair in agreement. Raises MissingReference.

    The form is Omie's, and Ploomes' where Omie alone decides: only the way to the follower is certain.
    """
    return wire.digest({row.id: _form(row, vendor, values.get(row.id), refs) for row in fields if not row.noted})


def _form(row: Field, vendor: Vendor, value: Value, refs: Refs) -> Value:
    if row.master is Master.OMIE:
        return row.by.widen(value, None, refs) if vendor is Vendor.OMIE else value
    return value if vendor is Vendor.OMIE else row.by.narrow(value, refs)


PLACEHOLDER = "?"


def without_creating(refs: Refs) -> Refs:
    """Look-ups that a plan may fill with what does not exist yet, without anybody else seeing it."""
    return replace(
        refs,
        tag_ids=dict(refs.tag_ids),
        default_groups=dict(refs.default_groups),
        group_of_family=dict(refs.group_of_family),
        option_ids={name: dict(options) for name, options in refs.option_ids.items()},
    )


def _pretend(refs: Refs, missing: MissingReference) -> bool:
    """Fills in what the road would create; False when it is only to be looked up."""
    if missing.kind == "tag":
        refs.tag_ids[missing.key.casefold()] = None
    elif missing.kind == "group":
        refs.default_groups[missing.key] = PLACEHOLDER
    elif missing.kind == "family":
        refs.group_of_family[missing.key] = PLACEHOLDER
    elif missing.kind == "option_id":
        name, _, value = missing.key.partition(":")
        refs.option_ids.setdefault(name, {})[value] = PLACEHOLDER
    else:
        return False
    return True


async def planned(visit: Visit, work: Callable[[], T]) -> T:
    """Runs pure work over the look-ups of a visit made by `without_creating`: what is missing is looked up, what does
    not exist is pretended, and nothing is made. Raises Postponed, VendorError."""

    def pretending() -> T:
        while True:
            try:
                return work()
            except MissingReference as missing:
                if not _pretend(visit.refs, missing):
                    raise

    return await visit.resolving(pretending)


async def compare(
    session: AsyncSession,
    visit: Visit,
    vendor: Vendor,
    rows: Sequence[Row],
    asked_at: datetime,
    *,
    besides: Collection[EventSource] = (),
) -> Comparison:
    """Sorts a page. A row counts only if nothing touched its pair since the page was asked for, events of the sources
    `besides` apart: the caller answers those itself."""
    integration_id, entity = visit.integration.id, visit.rules.ENTITY
    ids = [row.record.id for row in rows]
    links = await _links(session, integration_id, entity, vendor, ids)
    ended = await _ended(session, integration_id, entity, vendor, ids)
    theirs = [link.ploomes_id if vendor is Vendor.OMIE else link.omie_id for link in links.values()]
    touched = await touched_since(
        session, integration_id, visit.rules, {vendor: ids, vendor.other: theirs}, asked_at - MARGIN, besides
    )
    comparison = Comparison()
    suspects: list[Row] = []
    for row in rows:
        link = links.get(row.record.id)
        if link is None:
            suspects.append(row)
        elif not _equal(row, link, vendor, visit.rows):
            pair = {(Vendor.OMIE, link.omie_id), (Vendor.PLOOMES, link.ploomes_id)}
            comparison.differing.append(Difference(row, link, stale=bool(pair & touched)))
    free = [row for row in suspects if row.record.id not in ended]
    comparison.counts["ended"] += len(suspects) - len(free)
    settled = await _told(session, visit, vendor, free)
    for row in free:
        _unlinked(comparison, visit, vendor, row, settled, touched)
    return comparison


def _unlinked(
    comparison: Comparison,
    visit: Visit,
    vendor: Vendor,
    row: Row,
    settled: set[str],
    touched: set[tuple[Vendor, str]],
) -> None:
    rules = visit.rules
    refusal = rules.qualify(vendor, row.record.data, row.values, visit.config)
    if refusal is not None:
        comparison.counts[refusal.cause] += 1
    elif (vendor, row.record.id) in touched:
        comparison.counts["live"] += 1  # its event looks at it, with newer eyes
    elif row.record.id in settled or not _may_enter(visit, vendor, row):
        comparison.counts["waiting"] += 1
    else:
        carried = row.values.get("omie_id") if vendor is Vendor.PLOOMES else None
        twin = rules.other_id(vendor, row.record.data, str(carried) if carried else None)
        key = row.values.get(rules.KEY)
        comparison.differing.append(Difference(row, None, twin, str(key) if key else None))


def _equal(row: Row, link: Any, vendor: Vendor, fields: Sequence[Field]) -> bool:
    """A row equals its half of the base in every field; one that waits for data equals its last look."""
    base, seen = (link.omie_base, link.omie_seen) if vendor is Vendor.OMIE else (link.ploomes_base, link.ploomes_seen)
    if link.state == LinkState.SUSPENDED:
        return bool(seen == row.values)
    return all(each.id in base and base[each.id] == row.values.get(each.id) for each in fields)


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
    own = Link.omie_id if vendor is Vendor.OMIE else Link.ploomes_id
    query = select(own).where(
        Link.integration_id == integration_id, Link.entity == entity, own.in_(ids), Link.state.not_in(LIVING)
    )
    return set(await session.scalars(query))


async def touched_since(
    session: AsyncSession,
    integration_id: int,
    rules: Rules,
    ids: Mapping[Vendor, Sequence[str]],
    since: datetime,
    besides: Collection[EventSource] = (),
) -> set[tuple[Vendor, str]]:
    """Records with an open event, or with one that came or was settled after an instant."""
    found: set[tuple[Vendor, str]] = set()
    for vendor, wanted in ids.items():
        query = select(Event.external_id).where(
            Event.integration_id == integration_id,
            Event.vendor == vendor.value,
            Event.entity.in_((rules.ENTITY, *rules.SIBLINGS)),
            Event.external_id.in_(wanted),
            Event.source.not_in(besides),
            or_(Event.due_at.is_not(None), Event.received_at >= since, Event.settled_at >= since),
        )
        found |= {(vendor, str(each)) for each in await session.scalars(query)}
    return found


async def _told(session: AsyncSession, visit: Visit, vendor: Vendor, rows: Sequence[Row]) -> set[str]:
    """Records whose trouble is known, an open issue or a wait for data, and that have not changed since."""
    integration_id, entity = visit.integration.id, visit.rules.ENTITY
    ids = [row.record.id for row in rows]
    if not ids:
        return set()
    waiting = select(Event.external_id).where(
        Event.integration_id == integration_id,
        Event.vendor == vendor.value,
        Event.entity == entity,
        Event.external_id.in_(ids),
        Event.state == EventState.WAITING,
        Event.due_at.is_(None),
    )
    issues = select(Issue.external_id).where(
        Issue.integration_id == integration_id,
        Issue.vendor == vendor.value,
        Issue.entity == entity,
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
                KnownRecord.entity == visit.rules.SETS[vendor],
                KnownRecord.external_id.in_(told),
            )
        )
    }
    return {row.record.id for row in rows if row.record.id in told and digests.get(row.record.id) == row.digest}


def _may_enter(visit: Visit, vendor: Vendor, row: Row) -> bool:
    """Nothing is created in Omie where Omie is master; a record that carries a twin's id may still be linked."""
    if vendor is Vendor.OMIE or visit.rules.MASTER is not Master.OMIE:
        return True
    return bool(row.values.get("omie_id") or row.values.get(visit.rules.KEY))


async def linked_ids(session: AsyncSession, visit: Visit, vendor: Vendor, ids: Sequence[str]) -> set[str]:
    """Which of these records have a living link of the visit's entity."""
    own = Link.omie_id if vendor is Vendor.OMIE else Link.ploomes_id
    query = select(own).where(
        Link.integration_id == visit.integration.id,
        Link.entity == visit.rules.ENTITY,
        own.in_(ids),
        Link.state.in_(LIVING),
    )
    return set(await session.scalars(query))

"""One record as people look at it: both sides as last seen, what differs, its timeline and its issues.

Reads our own tables only; with `fresh` both vendors are read once, at a person's priority.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, UserError, VendorError
from app.core.ports import JsonObject, Priority, Vendor
from app.sync import links
from app.sync.config.document import Config
from app.sync.config.sharing import SALES
from app.sync.config.store import ConfigStore
from app.sync.entities import custom_fields_of, set_of
from app.sync.lookups import known
from app.sync.lookups.references import References
from app.sync.lookups.snapshots import learn
from app.sync.mapping.canonical import canonical
from app.sync.mapping.catalogue import rows_of
from app.sync.mapping.fields import Field, MissingReference, Refs, Values
from app.sync.models import Change, Event, Integration, Issue, KnownRecord, Link, LinkState, WriteEntry, WriteState
from app.sync.vendors import Gateways, patiently, say

T = TypeVar("T")

SCREENS = {
    (Vendor.PLOOMES, "clients"): "https://app10.ploomes.com/contact/{id}",
    (Vendor.PLOOMES, "orders"): "https://app10.ploomes.com/order/{id}",
    **{(Vendor.OMIE, name): "https://app.omie.com.br/" for name in ("clients", "products", "services", "orders")},
    (Vendor.OMIE, "service_orders"): "https://app.omie.com.br/",
}
"""Screens by vendor and set (Ploomes reference 1). Omie publishes no address of a record, only that of its start."""

TIMELINE = 100
"""Rows of a record's timeline, newest first."""


@dataclass(slots=True)
class RecordView:
    """Everything we hold about one record and its pair."""

    integration: Integration
    config: Config
    entity: str
    vendor: Vendor
    external_id: str
    link: Link | None = None
    """The living link, else the last ended one."""
    ids: dict[Vendor, str] = field(default_factory=dict)
    sides: dict[Vendor, Values | None] = field(default_factory=dict)
    bases: dict[Vendor, Values] = field(default_factory=dict)
    known: KnownRecord | None = None
    events: Sequence[Event] = ()
    changes: Sequence[Change] = ()
    writes: Sequence[WriteEntry] = ()
    issues: Sequence[Issue] = ()
    differences: list[JsonObject] = field(default_factory=list)
    pending: bool = False
    """True when a side has changed against its base, or a field was never agreed on."""

    @property
    def linked(self) -> bool:
        """True while the link lives."""
        return self.link is not None and self.link.state in links.LIVING

    @property
    def exists(self) -> bool:
        """True when we know anything of the record."""
        return bool(self.link or self.known or self.events)

    def as_json(self) -> JsonObject:
        """The contract's shape."""
        link = self.link
        return {
            "entity": self.entity,
            "vendor": self.vendor.value,
            "external_id": self.external_id,
            "link": _link_json(link) if link is not None else None,
            "omie": self.sides.get(Vendor.OMIE),
            "ploomes": self.sides.get(Vendor.PLOOMES),
            "base": {vendor.value: self.bases.get(vendor, {}) for vendor in Vendor},
            "differences": self.differences,
            "timeline": timeline(self),
            "issues": [issue_json(issue) for issue in self.issues],
            "screens": self.screens(),
        }

    def screens(self) -> JsonObject:
        """Where people see both records: each side's own screen, as far as its address is known, and ours (F170)."""
        ids = {self.vendor: self.external_id}
        if self.link is not None:
            ids = {vendor: links.id_of(self.link, vendor) for vendor in Vendor}
        base = f"/api/v1/integrations/{self.integration.id}/records/{self.entity}"
        found: JsonObject = {}
        for vendor, external_id in ids.items():
            screen = SCREENS.get((vendor, set_of(self.entity, vendor)))
            found[vendor.value] = {
                "record": f"{base}/{vendor.value}/{external_id}",
                "screen": screen.format(id=external_id) if screen is not None else None,
            }
        return found


class Records:
    """Builds views."""

    def __init__(
        self, db: Database, clock: Clock, gateways: Gateways, configs: ConfigStore, references: References
    ) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._configs = configs
        self._references = references

    async def view(
        self, integration: Integration, entity: str, vendor: Vendor, external_id: str, *, fresh: bool = False
    ) -> RecordView:
        """The record and its pair. Raises UserError 503 when `fresh` and a vendor does not answer."""
        config = await self._configs.get(integration.id)
        view = RecordView(integration, config, entity, vendor, external_id)
        async with self._db.read() as session:
            await _gather(session, view)
        rows = rows_of(entity, config)
        if fresh:
            await self._read_both(view, rows)
        if rows and all(view.sides.get(side) is not None for side in Vendor):
            refs = await self._refs(view)
            view.differences = [
                {"field": row.id, "label": row.label, "omie": omie, "ploomes": ploomes}
                for row in rows
                if not _same(
                    row, omie := _held(view, Vendor.OMIE, row), ploomes := _held(view, Vendor.PLOOMES, row), refs
                )
            ]
            view.pending = any(_pending(view, difference["field"]) for difference in view.differences)
        return view

    async def _refs(self, view: RecordView) -> Refs:
        omie, ploomes = self._gateways.open(view.integration, Priority.PERSON)
        return await self._references.of(view.integration, view.config, omie, ploomes, custom_fields_of(view.entity))

    async def _read_both(self, view: RecordView, rows: Sequence[Field]) -> None:
        gateways = dict(zip(Vendor, self._gateways.open(view.integration, Priority.PERSON), strict=True))
        vendor = view.vendor
        try:
            refs = await self._refs(view)
            for vendor, external_id in view.ids.items():
                gateway = gateways[vendor]
                record = await patiently(self._clock, lambda: gateway.fetch(set_of(view.entity, vendor), external_id))  # noqa: B023
                if record is None:
                    view.sides[vendor] = None
                    continue
                learn(record.data, refs)
                data = record.data
                view.sides[vendor] = await self._resolving(
                    view,
                    refs,
                    lambda: canonical(vendor, rows, data, refs),  # noqa: B023  (awaited here)
                )
        except (VendorError, Postponed) as error:
            raise UserError(503, "Leitura adiada", say(error, vendor)) from error

    async def _resolving(self, view: RecordView, refs: Refs, work: Callable[[], T]) -> T:
        omie, ploomes = self._gateways.open(view.integration, Priority.PERSON)
        while True:
            try:
                return work()
            except MissingReference as missing:
                await self._references.resolve(view.integration, missing, refs, omie, ploomes)


async def _gather(session: AsyncSession, view: RecordView) -> None:
    integration_id, entity = view.integration.id, view.entity
    kin = (
        SALES if entity in SALES else {entity}
    )  # notices and trouble of a sale are filed under orders for both documents
    for living in (True, False):
        if view.link is None:
            view.link = await links.find(session, integration_id, entity, view.vendor, view.external_id, living=living)
    view.ids = {view.vendor: view.external_id}
    if view.link is not None:
        view.ids = {side: links.id_of(view.link, side) for side in Vendor}
        view.bases = {Vendor.OMIE: view.link.omie_base, Vendor.PLOOMES: view.link.ploomes_base}
        view.sides = {side: links.seen(view.link, side)[0] or view.bases[side] for side in Vendor}
    view.known = await known.get(session, integration_id, view.vendor, set_of(entity, view.vendor), view.external_id)
    records = or_(*(and_(Event.vendor == side.value, Event.external_id == each) for side, each in view.ids.items()))
    view.events = (
        await session.scalars(
            select(Event)
            .where(Event.integration_id == integration_id, Event.entity.in_(kin), records)
            .order_by(Event.id.desc())
            .limit(TIMELINE)
        )
    ).all()
    view.changes = (
        await session.scalars(select(Change).where(_of_pair(view, Change)).order_by(Change.id.desc()).limit(TIMELINE))
    ).all()
    view.writes = (
        await session.scalars(
            select(WriteEntry)
            .where(_of_pair(view, WriteEntry), WriteEntry.state.in_((WriteState.SENT, WriteState.REFUSED)))
            .order_by(WriteEntry.id.desc())
            .limit(TIMELINE)
        )
    ).all()
    view.issues = (
        await session.scalars(
            select(Issue)
            .where(
                Issue.integration_id == integration_id,
                Issue.entity.in_(kin),
                Issue.open_key.is_not(None),
                or_(*(and_(Issue.vendor == side.value, Issue.external_id == each) for side, each in view.ids.items())),
            )
            .order_by(Issue.id)
        )
    ).all()


def _of_pair(view: RecordView, table: type[Change] | type[WriteEntry]) -> Any:
    """Rows about either record of the pair, in an index's order of columns."""
    of_ids = or_(*(and_(table.vendor == side.value, table.external_id == each) for side, each in view.ids.items()))
    return and_(table.integration_id == view.integration.id, table.entity == view.entity, of_ids)


def _held(view: RecordView, vendor: Vendor, row: Field) -> Any:
    return (view.sides.get(vendor) or {}).get(row.id)


def _same(row: Field, omie: Any, ploomes: Any, refs: Refs) -> bool:
    """True when both sides hold one thing, each in its own form. A look-up we do not hold settles nothing."""
    try:
        return row.agree(omie, ploomes, refs) or row.by.widen(omie, ploomes, refs) == ploomes
    except MissingReference:
        return False


def _pending(view: RecordView, row_id: str) -> bool:
    """False for a difference that was agreed on: both sides still hold their own half of the base."""
    return any(
        row_id not in view.bases.get(side, {}) or (view.sides[side] or {}).get(row_id) != view.bases[side][row_id]
        for side in Vendor
    )


def timeline(view: RecordView) -> list[JsonObject]:
    """Changes, events and writes without an outcome, newest first."""
    rows: list[tuple[datetime, JsonObject]] = [(change.at, change_json(change)) for change in view.changes]
    rows += [
        (
            event.received_at,
            {
                "kind": "event",
                "id": event.id,
                "vendor": event.vendor,
                "topic": event.topic,
                "source": event.source,
                "state": event.state,
                "reason": event.reason,
                "author": event.author,
            },
        )
        for event in view.events
    ]
    rows += [
        (
            write.sent_at,
            {
                "kind": "write",
                "id": write.id,
                "vendor": write.vendor,
                "verb": write.verb,
                "state": write.state,
                "outcome": write.outcome,
                "after": write.after,
            },
        )
        for write in view.writes
    ]
    rows.sort(key=lambda row: row[0], reverse=True)
    return [{"at": at, **what} for at, what in rows[:TIMELINE]]


def change_json(change: Change) -> JsonObject:
    """A finished write as history shows it."""
    return {
        "kind": "change",
        "id": change.id,
        "vendor": change.vendor,
        "action": change.action,
        "before": change.before,
        "after": change.after,
        "lost": change.lost,
        "notes": change.notes,
        "cause": change.cause,
        "event_id": change.event_id,
    }


def issue_json(issue: Issue) -> JsonObject:
    """An issue as REST shows it."""
    return {
        "id": issue.id,
        "state": "open" if issue.open_key is not None else "closed",
        "entity": issue.entity,
        "vendor": issue.vendor,
        "external_id": issue.external_id,
        "cause": issue.cause,
        "title": issue.title,
        "detail": issue.detail,
        "fix": issue.fix,
        "who": issue.who,
        "asks": issue.asks,
        "answer": issue.answer,
        "seen": issue.seen,
        "event_id": issue.event_id,
        "opened_at": issue.opened_at,
        "updated_at": issue.updated_at,
        "closed_at": issue.closed_at,
    }


def _link_json(link: Link) -> JsonObject:
    return {
        "id": link.id,
        "omie_id": link.omie_id,
        "ploomes_id": link.ploomes_id,
        "state": link.state,
        "state_reason": link.state_reason,
        "living": link.state in (LinkState.ACTIVE, LinkState.SUSPENDED),
        "created_at": link.created_at,
        "ended_at": link.ended_at,
    }

"""What our own index says about a batch of a first load: certain twins, rivals, links, and what changed meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import JsonObject, Vendor
from app.sync.entities.rules import Rules
from app.sync.models import Event, EventState, KnownRecord, Link, Resync

BATCH = 40


def codes_of(rules: Rules) -> str:
    """Auxiliary index set of a load: Ploomes id that an Omie record carries in its code -> that Omie record."""
    return f"{rules.ENTITY}_codes"


@dataclass(slots=True)
class Found:
    """What the index says about one batch of records and their possible twins."""

    twins: dict[str, KnownRecord] = field(default_factory=dict)
    """Row's own id -> the certain twin on the other side."""
    rivals: set[str] = field(default_factory=set)
    """Rows whose natural key several records share: a person or the road must look."""
    taken: set[tuple[str, str]] = field(default_factory=set)
    """(vendor, id) of records with a link, living or ended."""
    touched: set[tuple[str, str]] = field(default_factory=set)
    """(vendor, id) of records that an event told of after they were read."""


async def rows_after(
    session: AsyncSession, integration_id: int, sets: Sequence[tuple[Vendor, str]], after: int
) -> list[KnownRecord]:
    """The next batch of known records of some sets."""
    query = (
        select(KnownRecord)
        .where(
            KnownRecord.integration_id == integration_id,
            tuple_(KnownRecord.vendor, KnownRecord.entity).in_([(vendor.value, name) for vendor, name in sets]),
            KnownRecord.gone_at.is_(None),
            KnownRecord.id > after,
        )
        .order_by(KnownRecord.id)
        .limit(BATCH)
    )
    return list(await session.scalars(query))


@dataclass(frozen=True, slots=True)
class Pass:
    """One side's walk over one entity in a load."""

    rules: Rules
    vendor: Vendor
    load: Resync

    def known(self, vendor: Vendor) -> Sequence[Any]:
        """Conditions of the living records of this entity's set on a vendor."""
        return (
            KnownRecord.integration_id == self.load.integration_id,
            KnownRecord.vendor == vendor.value,
            KnownRecord.entity == self.rules.SETS[vendor],
            KnownRecord.gone_at.is_(None),
        )

    def mine(self, row: KnownRecord) -> bool:
        """True for a record that this load read as one of this entity."""
        snapshot = snapshot_of(row, self.load)
        return snapshot is not None and snapshot["entity"] == self.rules.ENTITY


async def look_up(session: AsyncSession, walk: Pass, rows: Sequence[KnownRecord]) -> Found:
    """Everything a batch must know before it may be linked, in a handful of queries."""
    found = Found()
    await _carried_twins(session, walk, rows, found)
    await _keyed_twins(session, walk, rows, found)
    found.taken = await linked_of(session, walk, [*rows, *found.twins.values()])
    found.touched = await _touched(session, walk, [*rows, *found.twins.values()])
    return found


async def _carried_twins(session: AsyncSession, walk: Pass, rows: Sequence[KnownRecord], found: Found) -> None:
    """Twins by an id that one of the two records carries."""
    carried = {row.external_id: str(twin) for row in rows if (twin := (snapshot_of(row, walk.load) or {}).get("twin"))}
    if walk.vendor is Vendor.PLOOMES:
        ids = [row.external_id for row in rows]
        codes = await session.scalars(
            select(KnownRecord).where(
                KnownRecord.integration_id == walk.load.integration_id,
                KnownRecord.vendor == Vendor.OMIE.value,
                KnownRecord.entity == codes_of(walk.rules),
                KnownRecord.external_id.in_(ids),
            )
        )
        carried = {code.external_id: str(code.natural_key) for code in codes} | carried
    others = await session.scalars(
        select(KnownRecord).where(*walk.known(walk.vendor.other), KnownRecord.external_id.in_(set(carried.values())))
    )
    by_id = {other.external_id: other for other in others if walk.mine(other)}
    used: set[str] = set()
    for own, other_id in carried.items():
        if other_id in by_id and other_id not in used:
            found.twins[own] = by_id[other_id]
            used.add(other_id)


async def _keyed_twins(session: AsyncSession, walk: Pass, rows: Sequence[KnownRecord], found: Found) -> None:
    """Twins by a natural key that exactly one record of each side has."""
    keys = {row.natural_key for row in rows if row.natural_key and row.external_id not in found.twins}
    holders: dict[tuple[str, str], list[KnownRecord]] = {}
    for side in Vendor:
        same = await session.scalars(select(KnownRecord).where(*walk.known(side), KnownRecord.natural_key.in_(keys)))
        for holder in same:
            if walk.mine(holder) and refused(holder, walk.load) is None:
                holders.setdefault((side.value, str(holder.natural_key)), []).append(holder)
    used = {twin.external_id for twin in found.twins.values()}
    for row in rows:
        if row.external_id in found.twins or not row.natural_key or refused(row, walk.load):
            continue
        own, others = (holders.get((side.value, row.natural_key), []) for side in (walk.vendor, walk.vendor.other))
        if len(own) == 1 and len(others) == 1 and others[0].external_id not in used:
            found.twins[row.external_id] = others[0]
        elif others:
            found.rivals.add(row.external_id)


async def linked_of(session: AsyncSession, walk: Pass, rows: Sequence[KnownRecord]) -> set[tuple[str, str]]:
    """(vendor, id) of those with a link, also an ended one: nothing comes back by itself."""
    taken: set[tuple[str, str]] = set()
    for side, column in ((Vendor.OMIE, Link.omie_id), (Vendor.PLOOMES, Link.ploomes_id)):
        ids = [row.external_id for row in rows if row.vendor == side.value]
        query = select(column).where(
            Link.integration_id == walk.load.integration_id, Link.entity == walk.rules.ENTITY, column.in_(ids)
        )
        taken |= {(side.value, each) for each in await session.scalars(query)}
    return taken


async def _touched(session: AsyncSession, walk: Pass, rows: Sequence[KnownRecord]) -> set[tuple[str, str]]:
    """Records that an event told of since they were read, or whose event is still open: the snapshot is no proof."""
    touched: set[tuple[str, str]] = set()
    for side in Vendor:
        read = {row.external_id: read_at_of(row) for row in rows if row.vendor == side.value}
        if not read:
            continue
        events = await session.execute(
            select(Event.external_id, Event.received_at, Event.due_at).where(
                Event.integration_id == walk.load.integration_id,
                Event.vendor == side.value,
                Event.entity.in_((walk.rules.ENTITY, *walk.rules.SIBLINGS)),
                Event.external_id.in_(read),
                or_(Event.received_at >= min(read.values()), Event.due_at.is_not(None)),
                Event.state != EventState.ECHO,
            )
        )
        touched |= {
            (side.value, str(each))
            for each, received_at, due_at in events
            if due_at is not None or received_at >= read[str(each)]
        }
    return touched


def snapshot_of(row: KnownRecord, load: Resync) -> JsonObject | None:
    """What this load read of a record; None when somebody else wrote the row since."""
    snapshot: JsonObject | None = row.data.get("load")
    return snapshot if snapshot and snapshot["run"] == load.id else None


def values_of(row: KnownRecord, load: Resync) -> JsonObject:
    """Canonical values in a row's snapshot."""
    return (snapshot_of(row, load) or {})["values"]  # type: ignore[no-any-return]


def refused(row: KnownRecord, load: Resync) -> str | None:
    """Machine word for why a record may not enter the other side, or None."""
    return (snapshot_of(row, load) or {}).get("refused")


def read_at_of(row: KnownRecord) -> datetime:
    """When a row was read."""
    snapshot = row.data.get("load") or {}
    return datetime.fromisoformat(snapshot["read_at"]) if "read_at" in snapshot else row.seen_at

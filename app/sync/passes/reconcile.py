"""The proof after a resync: both sides of every pair compared with each other, healed, compared again, and a report.

A pair whose digests differ although each side equals its base is read again; a difference that is nobody's edit loses
its base, so that the rule of a first link puts it right. What is still different in the last round is an exception.
Pairs that live traffic touched after their pages were read are read once more before the report (`report.py`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import JsonObject, Vendor
from app.sync import issues, links
from app.sync.mapping.decide import Sides
from app.sync.mapping.fields import Field
from app.sync.models import KnownRecord, Link, LinkState
from app.sync.passes import resync_items as book
from app.sync.passes.models import Resync, ResyncItem
from app.sync.passes.passes import Turn
from app.sync.passes.report import excepted
from app.sync.passes.resync_absence import touched_pairs
from app.sync.passes.resync_again import batch_of
from app.sync.passes.resync_items import DONE, KNOWN, UPDATE_STAGE
from app.sync.passes.resync_judge import Ground, ground_of, open_item, sharers
from app.sync.passes.resync_read import Reader, remember
from app.sync.passes.subject import ACCEPTED, Subject, planned
from app.sync.passes.subject import Row as PageRow

ROUNDS = 3
BATCH = 49

_OMIE, _PLOOMES = aliased(KnownRecord), aliased(KnownRecord)
_DIFFERENT = _OMIE.digest != _PLOOMES.digest
_UNREAD = or_(_OMIE.digest.is_(None), _PLOOMES.digest.is_(None))
"""An event or a write was there after the pages: it leaves no digest."""


class Reconciler:
    """The steps that a reconcile has beside those of a resync."""

    def __init__(self, db: Database, clock: Clock, reader: Reader) -> None:
        self._db = db
        self._clock = clock
        self._reader = reader

    async def cross(self, visit: Subject, number: int, resync: Resync, turn: Turn) -> None:
        """The next pairs whose two sides differ from each other and of which nothing else is known."""
        place = resync.cursor.get("place") or {}
        since = datetime.fromisoformat(resync.plan["crawls"][visit.entity])
        wanted = or_(_DIFFERENT, _UNREAD) if visit.heals else _DIFFERENT  # what is not healed is read in the end
        async with self._db.read() as session:
            pairs = await _pairs(session, visit, int(place.get("after", 0)), BATCH, wanted, _unjudged(resync.id))
        if not pairs:
            async with turn.commit(None):
                return
        rows = await self._reader.both(visit, pairs) if visit.heals else {}
        last = resync.plan.get("round", 1) >= ROUNDS
        ground = ground_of(visit, number, since)
        exceptions: list[JsonObject] = []
        healed: dict[int, tuple[Link, dict[Vendor, PageRow], set[str]]] = {}
        for link in pairs:
            both = rows.get(link.id)
            if both is None and visit.heals:
                continue  # gone on a side: the missing step or its event says so
            differing = await _differing(visit, link, both)
            if visit.heals and not differing:
                continue
            reason = await self._known_reason(visit, link)
            if both is None or reason is not None:
                exceptions.append(_exception(link, differing, reason or ACCEPTED))
                continue
            nobodys = _nobodys(link, both, differing)
            if not last:
                healed[link.id] = (link, both, nobodys)
            elif nobodys:  # an edit of this moment is no exception: its event answers for it
                exceptions.append(_exception(link, differing, ACCEPTED))
        async with self._db.read() as session:
            shared = await sharers(session, visit, {link.ploomes_id: link.id for link, _, _ in healed.values()})
        items = [await _item(ground, resync.id, *each, shared) for each in healed.values()]
        async with turn.commit({"after": pairs[-1].id}) as (session, row):
            for link, _, row_ids in healed.values():
                await _forget_base(session, link, row_ids)
            session.add_all([item for item in items if item is not None])
            await remember(session, visit, rows.values())
            row.plan = excepted(row.plan, visit.entity, exceptions)

    async def _known_reason(self, visit: Subject, link: Link) -> str | None:
        """Why a difference is known to stand: an issue, frozen fields, or data that are waited for."""
        if link.state == LinkState.SUSPENDED:
            return link.state_reason or "O vínculo espera dados."
        if any(until > self._clock.time() for until in link.frozen.values()):
            return "Campos congelados: duas automações disputam o valor."
        async with self._db.read() as session:
            found = await issues.open_of(session, link.integration_id, visit.issue_entity, links.records(link))
        return found[0].title if found else None

    async def verify(self, resync: Resync, turn: Turn) -> None:
        """Another round when this one wrote something; the last one is the proof."""
        number = int(resync.plan.get("round", 1))
        async with self._db.read() as session:
            counts = await book.count_by_state(session, resync.id)
        wrote = any(state == DONE for _, state in counts)
        async with turn.commit(None) as (session, row):
            rounds = [*row.plan.get("rounds", ()), {"written": row.written, "entities": row.plan.get("entities", {})}]
            if wrote and number < ROUNDS:
                await book.drop_all(session, row.id)
                row.plan = {**row.plan, "round": number + 1, "rounds": rounds, "entities": {}, "exceptions": {}}
                row.progress = {"done": 0, "total": 0, "round": number + 1}
                turn.goto = "references"
            else:
                row.plan = {**row.plan, "rounds": rounds, "proven": not wrote}

    async def live(self, visit: Subject, resync: Resync, turn: Turn) -> None:
        """The next pairs that an event saw after their pages: both sides are read once more. Those that an event has in
        hand are left to it."""
        place = resync.cursor.get("place") or {}
        began = str(place.get("began") or self._clock.now().isoformat())
        size = batch_of(visit.entity, visit.omie)
        async with self._db.read() as session:
            pairs = await _pairs(session, visit, int(place.get("after", 0)), size, _UNREAD)
            busy = await touched_pairs(session, visit, pairs, None)
        asked_at = self._clock.now()
        rows = await self._reader.both(visit, [link for link in pairs if link.id not in busy])
        exceptions: list[JsonObject] = []
        for link in pairs:
            both = rows.get(link.id)
            if both is None or both[Vendor.OMIE].digest == both[Vendor.PLOOMES].digest:
                continue
            reason = await self._known_reason(visit, link)
            if reason is not None:
                exceptions.append(_exception(link, await _differing(visit, link, both), reason))
        async with turn.commit({"began": began, "after": pairs[-1].id} if pairs else None) as (session, row):
            touched = await touched_pairs(session, visit, pairs, asked_at)
            await remember(session, visit, [read for one, read in rows.items() if one not in touched])
            plan = excepted(row.plan, visit.entity, exceptions)
            row.plan = {**plan, "looks": {**plan.get("looks", {}), visit.entity: began}}


async def _pairs(
    session: AsyncSession, visit: Subject, after: int, most: int, *wanted: ColumnElement[bool]
) -> list[Link]:
    """The next linked pairs whose digests answer some conditions."""
    own = visit.integration.id
    query = (
        select(Link)
        .outerjoin(_OMIE, links.indexed(_OMIE, Vendor.OMIE, visit.index[Vendor.OMIE]))
        .outerjoin(_PLOOMES, links.indexed(_PLOOMES, Vendor.PLOOMES, visit.index[Vendor.PLOOMES]))
        .where(
            Link.integration_id == own,
            Link.entity == visit.entity,
            Link.state.in_(links.LIVING),
            Link.id > after,
            *wanted,
        )
    )
    return list(await session.scalars(query.order_by(Link.id).limit(most)))


def _unjudged(resync_id: int) -> ColumnElement[bool]:
    """Pairs in no item of the pass, or in one whose difference was there before."""
    mine = exists().where(ResyncItem.resync_id == resync_id, ResyncItem.link_id == Link.id, ResyncItem.state != KNOWN)
    return ~mine


async def _differing(visit: Subject, link: Link, both: Mapping[Vendor, PageRow] | None) -> list[Field]:
    """The fields in which the sides of a pair differ: as they were just read, else as they were seen last."""
    omie = both[Vendor.OMIE].values if both else {**link.omie_base, **(link.omie_seen or {})}
    ploomes = both[Vendor.PLOOMES].values if both else {**link.ploomes_base, **(link.ploomes_seen or {})}
    return await planned(visit, lambda: visit.differing(Sides(omie, ploomes, {}, {})))


def _nobodys(link: Link, both: Mapping[Vendor, PageRow], differing: Sequence[Field]) -> set[str]:
    """Rows that differ although each side equals its base. One that does not was edited since its page was read: it
    keeps its base, so that the edit goes over like any other."""
    halves = ((link.omie_base, both[Vendor.OMIE].values), (link.ploomes_base, both[Vendor.PLOOMES].values))
    return {row.id for row in differing if all(base.get(row.id) == values.get(row.id) for base, values in halves)}


async def _forget_base(session: AsyncSession, link: Link, row_ids: Collection[str]) -> None:
    """Takes rows out of both halves, unless somebody was quicker."""
    omie = {name: value for name, value in link.omie_base.items() if name not in row_ids}
    ploomes = {name: value for name, value in link.ploomes_base.items() if name not in row_ids}
    await session.execute(
        update(Link)
        .where(Link.id == link.id, Link.version == link.version)
        .values(omie_base=omie, ploomes_base=ploomes, version=Link.version + 1)
        .execution_options(synchronize_session=False)
    )


async def _item(
    ground: Ground,
    resync_id: int,
    link: Link,
    both: dict[Vendor, PageRow],
    gone: Collection[str],
    shared: Mapping[str, frozenset[str]],
) -> ResyncItem | None:
    """The item that heals a pair: the decision without the base of some rows."""
    halves = [
        {name: value for name, value in half.items() if name not in gone}
        for half in (link.omie_base, link.ploomes_base)
    ]
    sides = Sides(both[Vendor.OMIE].values, both[Vendor.PLOOMES].values, halves[0], halves[1])
    work = ground.visit.work(link, await ground.visit.decided(sides, shared.get(link.ploomes_id)), sides)
    if not work.actions:
        return None
    source = work.target.other
    item = ResyncItem(
        resync_id=resync_id,
        entity=ground.entity,
        key=f"link:{link.id}",
        vendor=source.value,
        external_id=links.id_of(link, source),
        link_id=link.id,
        link_version=link.version + 1,
        omie=both[Vendor.OMIE].as_json(raw=True),
        ploomes=both[Vendor.PLOOMES].as_json(raw=True),
    )
    open_item(item, ground, UPDATE_STAGE, replace(work, fresh=False))  # both were read just now
    return item


def _exception(link: Link, differing: Sequence[Field], reason: str) -> JsonObject:
    return {
        "omie_id": link.omie_id,
        "ploomes_id": link.ploomes_id,
        "fields": [row.label for row in differing],
        "reason": reason,
    }

"""What a pass read under another configuration, or too long ago, is read again before anything is written from it: in
batches, and judged anew."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Gateway, Vendor
from app.sync import links
from app.sync.entities import set_of
from app.sync.models import Link
from app.sync.passes import pace
from app.sync.passes import resync_items as book
from app.sync.passes.models import Resync, ResyncItem
from app.sync.passes.passes import Turn
from app.sync.passes.resync_absence import BATCH, touched_pairs
from app.sync.passes.resync_compare import linked_ids, touched_since
from app.sync.passes.resync_items import DELETE_STAGE, DROPPED, OPEN, STALE
from app.sync.passes.resync_judge import FRESH, Ground, ground_of, judge_pairs, sharers, verdicts_of
from app.sync.passes.resync_read import Reader, living_links, remember
from app.sync.passes.subject import Row, Subject
from app.sync.reading import TRUST

AGED = TRUST - timedelta(minutes=10)
"""A row this old is read again before its event is made: that may wait some minutes, and then it would read alone."""
AGING = TRUST - timedelta(minutes=20)
"""A row this old goes along with a batch."""

ONE_BY_ONE = 10
"""Batch of documents, of which Omie has no list by code: what is read is kept before a limit may end the step."""

Rows = dict[Vendor, Row]


async def outdated(visit: Subject, resync: Resync, turn: Turn, goto: str | None = None) -> bool:
    """Whether a publish changed what the rows of an entity tell since its lists were read. Then its pairs are to be
    read again (in the step `goto`, where that is another one); what the lists showed to be equal is compared by the
    pass that each publish plans."""
    entity, version = visit.entity, visit.config_version
    if resync.plan.get("configs", {}).get(entity) == version:
        return False
    async with turn.commit({}) as (session, row):
        await book.outdate(session, row.id, entity)
        row.plan = {**row.plan, "configs": {**row.plan.get("configs", {}), entity: version}}
        row.progress = pace.stopped(row.progress)
        turn.goto = goto
    return True


def batch_of(entity: str, omie: Gateway) -> int:
    """Items of an entity that are read again together."""
    return BATCH if omie.price(set_of(entity, Vendor.OMIE), "read").rows > 1 else ONE_BY_ONE


class Again:
    """Reads items again right before they are sent."""

    def __init__(self, db: Database, clock: Clock, reader: Reader) -> None:
        self._db = db
        self._clock = clock
        self._reader = reader

    async def step(
        self, visits: Mapping[str, Subject], resync: Resync, turn: Turn, coming: Sequence[ResyncItem]
    ) -> bool:
        """Reads a batch again when one of those that come next needs it; False when they may be sent."""
        async with self._db.read() as session:
            items = await book.of_state(session, resync.id, STALE, BATCH)
            first = next((item for item in coming if self._older(item, AGED)), None)
            if first is not None and not items:
                most = BATCH + len(coming)
                near = await book.of_state(session, resync.id, OPEN, most, entity=first.entity, target=first.target)
                items = [item for item in near if self._older(item, AGING)]
        if not items:
            return False
        visit = visits[items[0].entity]
        items = [item for item in items if item.entity == visit.entity][: batch_of(visit.entity, visit.omie)]
        crawled_at = datetime.fromisoformat(resync.plan["crawls"][visit.entity])
        await self._batch(ground_of(visit, list(visits).index(visit.entity), crawled_at), items, turn)
        return True

    def _older(self, item: ResyncItem, age: timedelta) -> bool:
        sides = [side for side in (item.omie, item.ploomes) if side is not None]
        return any(self._clock.now() - datetime.fromisoformat(side["read_at"]) > age for side in sides)

    async def _batch(self, ground: Ground, items: Sequence[ResyncItem], turn: Turn) -> None:
        visit = ground.visit
        async with self._db.read() as session:
            pairs = await living_links(session, items)
            left = await _left_alone(session, visit, items, pairs)
        wanted = {item.id: ids for item in items if item.id not in left and (ids := _ids_of(item, pairs))}
        linked = [item.id for item in items if item.link_id is not None]
        rows = await self._reader.together(visit, wanted, linked=linked)
        for item in items:
            _refill(item, rows.get(item.id), pairs)
        judged = [item for item in items if item.id in rows and _is_pair(item)]
        async with self._db.read() as session:
            shared = await sharers(
                session, visit, {pairs[item.link_id or 0].ploomes_id: item.link_id for item in judged}
            )
        verdicts = await verdicts_of(ground, judged, pairs, shared)
        anew = {item.id: item for item in items}
        async with turn.commit({}) as (session, _):
            query = select(ResyncItem).where(ResyncItem.id.in_(anew), ResyncItem.state.in_((OPEN, STALE)))
            mine = list(await session.scalars(query))
            for item in mine:
                fresh = anew[item.id]
                item.omie, item.ploomes, item.link_version = fresh.omie, fresh.ploomes, fresh.link_version
                item.state = DROPPED if item.id in left or _refused(visit, item, rows.get(item.id)) else OPEN
            verdicts.links = await living_links(session, mine)
            await judge_pairs(session, ground, [item for item in mine if item.id in verdicts.verdicts], verdicts)
            await remember(session, visit, rows.values())


def _is_pair(item: ResyncItem) -> bool:
    return item.link_id is not None and item.stage % 10 != DELETE_STAGE


def _ids_of(item: ResyncItem, pairs: Mapping[int, Link]) -> dict[Vendor, str]:
    """The records that an item is about, as far as they were there."""
    if _is_pair(item):
        link = pairs[item.link_id or 0]
        return {vendor: links.id_of(link, vendor) for vendor in Vendor}
    sides = {vendor: getattr(item, vendor.value) for vendor in Vendor}
    return {vendor: str(side["id"]) for vendor, side in sides.items() if side is not None}


async def _left_alone(
    session: AsyncSession, visit: Subject, items: Sequence[ResyncItem], pairs: Mapping[int, Link]
) -> set[int]:
    """Items that are somebody else's by now: an open event looks at the record, with newer eyes; the pair is no more;
    or a record without a partner has found one."""
    busy = await touched_pairs(session, visit, list(pairs.values()), None)
    left = {
        item.id for item in items if item.link_id is not None and (item.link_id not in pairs or item.link_id in busy)
    }
    for vendor in Vendor:
        alone = {item.external_id: item.id for item in items if item.link_id is None and item.vendor == vendor.value}
        far = datetime.max.replace(tzinfo=visit.integration.created_at.tzinfo)
        touched = await touched_since(session, visit, {vendor: list(alone)}, far)
        paired = await linked_ids(session, visit, vendor, list(alone))
        left |= {number for one, number in alone.items() if one in paired or (vendor, one) in touched}
    return left


def _refill(item: ResyncItem, rows: Rows | None, pairs: Mapping[int, Link]) -> None:
    """Puts what was read just now into an item; where a record did not come, its event finds out why."""
    fresh = bool(item.ploomes and item.ploomes.get(FRESH)) and not _is_pair(item)  # a pair is judged anew
    item.omie, item.ploomes = (
        rows[vendor].as_json(raw=True) if rows is not None and vendor in rows else None for vendor in Vendor
    )
    if item.ploomes is not None and fresh:
        item.ploomes = {**item.ploomes, FRESH: True}
    link = pairs.get(item.link_id or 0)
    if link is not None:
        item.link_version = link.version


def _refused(visit: Subject, item: ResyncItem, rows: Rows | None) -> bool:
    """Whether a record without a partner may not enter the other side any more."""
    if item.link_id is not None or rows is None or len(rows) != 1:
        return False
    [(vendor, row)] = rows.items()
    return visit.refusal(vendor, row) is not None

"""What a complete list did not show: candidates for a deletion, and the items of those that are gone."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import Vendor
from app.sync import links
from app.sync.models import KnownRecord, Link
from app.sync.passes.models import Resync, ResyncItem
from app.sync.passes.resync_compare import touched_since
from app.sync.passes.resync_items import DELETE_STAGE, OPEN
from app.sync.passes.resync_judge import FRESH
from app.sync.passes.subject import Subject

CONTROLS = 2
"""Records that the crawl has just shown and a by-code list must show too, so that what it leaves out counts as gone."""
BATCH = 50 - CONTROLS
"""Candidates of one by-code list; with the living records beside them it is one call of both vendors."""


async def unseen(session: AsyncSession, visit: Subject, vendor: Vendor, since: datetime, after: int) -> list[Link]:
    """The next linked pairs whose record of a vendor no page since an instant showed."""
    own = Link.omie_id if vendor is Vendor.OMIE else Link.ploomes_id
    same = and_(
        KnownRecord.integration_id == Link.integration_id,
        KnownRecord.vendor == vendor.value,
        KnownRecord.entity == visit.sets[vendor],
        KnownRecord.external_id == own,
    )
    query = (
        select(Link)
        .outerjoin(KnownRecord, same)
        .where(
            Link.integration_id == visit.integration.id,
            Link.entity == visit.entity,
            Link.state.in_(links.LIVING),
            Link.created_at < since,
            Link.id > after,
            or_(KnownRecord.id.is_(None), KnownRecord.seen_at < since),
        )
        .order_by(Link.id)
        .limit(BATCH)
    )
    return list(await session.scalars(query))


async def touched_pairs(
    session: AsyncSession, visit: Subject, pairs: Sequence[Link], since: datetime | None
) -> set[int]:
    """Ids of links whose records have an open event, or one that came or ended after `since`."""
    ids = {vendor: [links.id_of(link, vendor) for link in pairs] for vendor in Vendor}
    far = datetime.max.replace(tzinfo=visit.integration.created_at.tzinfo) if since is None else since
    touched = await touched_since(session, visit, ids, far) if pairs else set()
    return {link.id for link in pairs if {(v, links.id_of(link, v)) for v in Vendor} & touched}


async def plan_delete(
    session: AsyncSession,
    row: Resync,
    visit: Subject,
    gone: Vendor,
    link: Link,
    stage: int,
    since: datetime,
) -> None:
    """The item of a linked record that is not there any more, whatever else was found about the pair."""
    entity, other = visit.entity, gone.other
    work = visit.ending(link, gone)
    key = f"link:{link.id}"
    item = await session.scalar(
        select(ResyncItem).where(ResyncItem.resync_id == row.id, ResyncItem.entity == entity, ResyncItem.key == key)
    )
    if item is None:
        item = ResyncItem(resync_id=row.id, entity=entity, key=key, link_id=link.id, link_version=link.version)
        base = link.omie_base if other is Vendor.OMIE else link.ploomes_base
        side = {"id": links.id_of(link, other), "values": base, "read_at": since.isoformat()}
        setattr(item, other.value, side)
        session.add(item)
    elif item.stage % 10 == DELETE_STAGE:
        item.omie = item.ploomes = None  # gone on both sides: its event finds out
    item.vendor, item.external_id, item.target = gone.value, links.id_of(link, gone), other.value
    item.state, item.stage = OPEN, stage * 10 + DELETE_STAGE
    item.actions, item.calls = work.actions, work.calls
    if work.fresh and item.ploomes is not None:
        item.ploomes = {**item.ploomes, FRESH: True}

"""What is to be done about the items of a pass: the same decision as on the road, made in bulk and only counted.

Pairs whose sides turn out to agree get their base here; everything else becomes actions, requests and a place in the
order of execution. Nothing is written to a vendor and nothing is linked.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import JsonObject, Vendor
from app.sync import issues, links
from app.sync.config.sharing import linked_elsewhere
from app.sync.mapping.decide import Sides, Verdict
from app.sync.models import Event, EventState, Link, LinkState
from app.sync.passes import resync_items as book
from app.sync.passes.models import ResyncItem
from app.sync.passes.resync_items import CREATE_STAGE, DROPPED, KNOWN, LINK_STAGE, OPEN, UPDATE_STAGE
from app.sync.passes.subject import Subject, Work, sides_of

FRESH = "fresh"
"""Marks, in an item's Ploomes side, that it must be read again right before its event."""
NEEDS = "needs"
"""Names, beside the vendors of an item's requests, what has to be made first."""


@dataclass(slots=True)
class Ground:
    """What one batch of items stands on."""

    visit: Subject
    stage: int
    """The entity's place in the order, in tens."""
    crawled_at: datetime
    """When the first page was asked for: what was not told to differ held its base since then."""

    @property
    def entity(self) -> str:
        """The entity of the items."""
        return self.visit.entity


def ground_of(visit: Subject, place: int, crawled_at: datetime) -> Ground:
    """What a batch stands on."""
    return Ground(visit, place * 10, crawled_at)


@dataclass(slots=True)
class Judged:
    """Links, sides and verdicts of a batch, by link or item id."""

    links: dict[int, Link]
    sides: dict[int, Sides]
    verdicts: dict[int, Verdict]


async def judge_pairs(session: AsyncSession, ground: Ground, items: Sequence[ResyncItem], verdicts: Judged) -> None:
    """Writes what was decided about pairs into their items."""
    for item in items:
        link, verdict = verdicts.links.get(item.link_id or 0), verdicts.verdicts.get(item.id)
        ended = link is not None and link.state not in (LinkState.ACTIVE, LinkState.SUSPENDED)
        if link is None or verdict is None or ended or link.version != item.link_version:
            item.state = DROPPED  # an event of the pair saw both sides meanwhile
        elif link.state == LinkState.SUSPENDED:
            open_item(item, ground, UPDATE_STAGE, Work(["unchanged"], {}, Vendor.PLOOMES))
        else:
            await _pair(session, ground, item, link, verdict, verdicts.sides[item.id])


async def _pair(
    session: AsyncSession, ground: Ground, item: ResyncItem, link: Link, verdict: Verdict, sides: Sides
) -> None:
    work = ground.visit.work(link, verdict, sides)
    if not work.actions:
        await _agree(session, link, verdict, sides)
        item.state = DROPPED
        return
    if await _told(session, ground, link, sides):
        item.state, item.actions = KNOWN, ["conflict"]
        return
    item.vendor = work.target.other.value
    item.external_id = links.id_of(link, work.target.other)
    fill_sides(item, ground, link)
    open_item(item, ground, UPDATE_STAGE, work)


async def _told(session: AsyncSession, ground: Ground, link: Link, sides: Sides) -> bool:
    """Whether the difference is known, an issue is open or a person is waited for, and nothing moved since."""
    for seen, now in ((link.omie_seen, sides.omie), (link.ploomes_seen, sides.ploomes)):
        if seen is None or any(seen.get(row.id) != now.get(row.id) for row in ground.visit.rows):
            return False
    if await issues.open_of(session, link.integration_id, ground.visit.issue_entity, links.records(link)):
        return True
    waiting = select(Event.id).where(
        Event.integration_id == link.integration_id,
        Event.entity.in_(ground.visit.told_as),
        tuple_(Event.vendor, Event.external_id).in_(links.records(link)),
        Event.state == EventState.WAITING,
        Event.due_at.is_(None),
    )
    return (await session.execute(waiting.limit(1))).first() is not None


async def _agree(session: AsyncSession, link: Link, verdict: Verdict, sides: Sides) -> None:
    """Both sides came to hold the same thing: it becomes the base, unless somebody was quicker."""
    omie = {name: sides.omie.get(name) for name in verdict.agreed}
    ploomes = {name: sides.ploomes.get(name) for name in verdict.agreed}
    if not verdict.agreed or (omie.items() <= link.omie_base.items() and ploomes.items() <= link.ploomes_base.items()):
        return
    await session.execute(
        update(Link)
        .where(Link.id == link.id, Link.version == link.version)
        .values(
            omie_base={**link.omie_base, **omie},
            ploomes_base={**link.ploomes_base, **ploomes},
            version=Link.version + 1,
        )
        .execution_options(synchronize_session=False)
    )


def fill_sides(item: ResyncItem, ground: Ground, link: Link) -> None:
    """The side that no page told to differ held what it held before."""
    for vendor in Vendor:
        if getattr(item, vendor.value) is None:
            side = {
                "id": links.id_of(link, vendor),
                "values": ground.visit.held(link, vendor),
                "read_at": ground.crawled_at.isoformat(),
            }
            setattr(item, vendor.value, side)


async def sharers(
    session: AsyncSession, visit: Subject, records: Mapping[str, int | None]
) -> dict[str, frozenset[str]]:
    """Ploomes records that another company of the account linked before a link of ours (before now without one), with
    the fields it maps."""
    if not visit.refs.rival_keys:
        return {}
    found = {
        ploomes_id: await linked_elsewhere(session, visit.integration, visit.entity, ploomes_id, before=link_id)
        for ploomes_id, link_id in records.items()
    }
    return {ploomes_id: theirs for ploomes_id, theirs in found.items() if theirs is not None}


async def verdicts_of(
    ground: Ground, items: Sequence[ResyncItem], pairs: dict[int, Link], shared: Mapping[str, frozenset[str]]
) -> Judged:
    """Decides on every pair of a batch. May read look-ups, so no transaction is open here."""
    judged = Judged(pairs, {}, {})
    for item in items:
        link = pairs.get(item.link_id or 0)
        if link is None:
            continue
        sides = sides_of(item.omie, item.ploomes, link)
        judged.sides[item.id] = sides
        judged.verdicts[item.id] = await ground.visit.decided(sides, shared.get(link.ploomes_id))
    return judged


# --- records without a link --------------------------------------------------------------------------------------


def judge_single(ground: Ground, items: Sequence[ResyncItem], others: Sequence[ResyncItem]) -> list[ResyncItem]:
    """Pairs records of the two sides that are the same thing; answers those pairs, everything else is decided here.

    A pair is certain when one record carries the other's id, or when exactly one record of each side has the key.
    """
    by_key = {other.key: other for other in others}
    pairs: list[ResyncItem] = []
    for item in items:
        if item.state == DROPPED:
            continue
        own_vendor = Vendor(item.vendor)
        twin = _carried(item, others, by_key, own_vendor) or _keyed(item, others, own_vendor)
        if twin is not None and twin.id != item.id and twin.state != DROPPED:
            pairs.append(_merge(item, twin))
            continue
        rivals = item.natural_key and any(
            other.natural_key == item.natural_key and other.vendor != item.vendor and other.state != DROPPED
            for other in others
        )
        work = ground.visit.creation(getattr(item, item.vendor) or {}, own_vendor.other, item.natural_key)
        if work is None:
            item.state = DROPPED  # nothing is created there
            continue
        open_item(item, ground, CREATE_STAGE, Work(["conflict"], {}, work.target) if rivals else work)
    return pairs


def _carried(
    item: ResyncItem, others: Sequence[ResyncItem], by_key: dict[str, ResyncItem], vendor: Vendor
) -> ResyncItem | None:
    if item.twin_id and (found := by_key.get(book.key_of(vendor.other.value, item.twin_id))):
        return found
    return next((o for o in others if o.twin_id == item.external_id and o.vendor != item.vendor), None)


def _keyed(item: ResyncItem, others: Sequence[ResyncItem], vendor: Vendor) -> ResyncItem | None:
    if not item.natural_key:
        return None
    same = [o for o in others if o.natural_key == item.natural_key and o.state != DROPPED]
    there = [o for o in same if o.vendor != item.vendor]
    here = [o for o in same if o.vendor == item.vendor and o.id != item.id]
    return there[0] if len(there) == 1 and not here else None


def _merge(item: ResyncItem, twin: ResyncItem) -> ResyncItem:
    """One item of both, named by the Ploomes record: its twin in Omie is found in our index without a call."""
    kept, gone = (item, twin) if item.vendor == Vendor.PLOOMES else (twin, item)
    kept.omie = gone.omie
    gone.state = DROPPED
    return kept


async def open_link(ground: Ground, item: ResyncItem, shared: Mapping[str, frozenset[str]]) -> None:
    """Decides about a pair that is to be linked, like about any other."""
    sides = sides_of(item.omie, item.ploomes, None)
    work = ground.visit.work(None, await ground.visit.decided(sides, shared.get(item.external_id)), sides)
    open_item(item, ground, LINK_STAGE, replace(work, actions=["link", *work.actions]))


async def open_needs(ground: Ground, items: Sequence[ResyncItem]) -> None:
    """Tells what the new records among the items planned need made first."""
    for item in items:
        for target in Vendor:
            row = item.omie if target is Vendor.PLOOMES else item.ploomes
            if item.state == OPEN and row is not None and f"create_in_{target.value}" in item.actions:
                item.calls = with_needs(item.calls, await ground.visit.needs(row, target))


def with_needs(calls: JsonObject, needs: Collection[str]) -> JsonObject:
    """Requests with what has to be made for them: priced once for all items, when everything is added up."""
    return {**calls, NEEDS: sorted(needs)} if needs else calls


def open_item(item: ResyncItem, ground: Ground, kind: int, work: Work) -> None:
    """The item is planned."""
    item.state, item.stage, item.target = OPEN, ground.stage + kind, work.target.value
    item.actions, item.calls = work.actions, with_needs(work.calls, work.needs)
    if work.fresh:
        item.ploomes = {**(item.ploomes or {}), FRESH: True}

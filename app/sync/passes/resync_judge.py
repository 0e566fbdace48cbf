"""What is to be done about the items of a pass: the same decision as on the road, made in bulk and only counted.

Pairs whose sides turn out to agree get their base here; everything else becomes actions, requests and a place in the
order of execution. Nothing is written to a vendor and nothing is linked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import JsonObject, Vendor
from app.sync import issues, links
from app.sync.mapping.decide import Policy, Sides, Verdict, decide
from app.sync.mapping.fields import Field, Master, Values
from app.sync.models import Event, EventState, Link, LinkState
from app.sync.passes import resync_items as book
from app.sync.passes.load_pairing import Visit
from app.sync.passes.models import ResyncItem
from app.sync.passes.resync_compare import planned
from app.sync.passes.resync_items import CREATE_STAGE, DONE, DROPPED, LINK_STAGE, OPEN, UPDATE_STAGE
from app.sync.writing import WHOLE, needs_record

FRESH = "fresh"
"""Marks, in an item's Ploomes side, that it must be read again right before its event."""


@dataclass(slots=True)
class Ground:
    """What one batch of items stands on."""

    visit: Visit
    stage: int
    """The entity's place in the order, in tens."""
    crawled_at: datetime
    """When the first page was asked for: what was not told to differ held its base since then."""

    @property
    def entity(self) -> str:
        """The entity of the items."""
        return self.visit.rules.ENTITY

    @property
    def rows(self) -> Sequence[Field]:
        """Its field rows."""
        return self.visit.rows


def ground_of(visit: Visit, place: int, crawled_at: datetime) -> Ground:
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
            _open(item, ground, UPDATE_STAGE, ["unchanged"], {}, Vendor.PLOOMES)
        else:
            await _pair(session, ground, item, link, verdict, verdicts.sides[item.id])


async def _pair(
    session: AsyncSession, ground: Ground, item: ResyncItem, link: Link, verdict: Verdict, sides: Sides
) -> None:
    actions = actions_of(verdict)
    if not actions:
        await _agree(session, link, verdict, sides)
        item.state = DROPPED
        return
    if await _told(session, ground, link, sides):
        item.state, item.actions = DONE, ["conflict"]
        return
    target = Vendor.PLOOMES if verdict.to_ploomes and not verdict.to_omie else Vendor.OMIE
    item.vendor = target.other.value
    item.external_id = link.omie_id if target is Vendor.PLOOMES else link.ploomes_id
    fill_sides(item, sides, ground.crawled_at)
    if needs_record(ground.rows, verdict.to_ploomes):
        item.ploomes = {**(item.ploomes or {}), FRESH: True}
    _open(item, ground, UPDATE_STAGE, actions, calls_of(ground.rows, verdict, sides), target)


async def _told(session: AsyncSession, ground: Ground, link: Link, sides: Sides) -> bool:
    """Whether the difference is known, an issue is open or a person is waited for, and nothing moved since."""
    for seen, now in ((link.omie_seen, sides.omie), (link.ploomes_seen, sides.ploomes)):
        if seen is None or any(seen.get(row.id) != now.get(row.id) for row in ground.rows):
            return False
    if await issues.open_of(session, link.integration_id, ground.entity, links.records(link)):
        return True
    waiting = select(Event.id).where(
        Event.integration_id == link.integration_id,
        Event.entity == ground.entity,
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


def fill_sides(item: ResyncItem, sides: Sides, read_at: datetime) -> None:
    """The side that no page told to differ held its base."""
    for name, values in (("omie", sides.omie), ("ploomes", sides.ploomes)):
        if getattr(item, name) is None:
            setattr(item, name, {"values": values, "read_at": read_at.isoformat()})


async def verdicts_of(ground: Ground, items: Sequence[ResyncItem], pairs: dict[int, Link]) -> Judged:
    """Decides on every pair of a batch. May read look-ups, so no transaction is open here."""
    judged = Judged(pairs, {}, {})
    for item in items:
        link = pairs.get(item.link_id or 0)
        if link is None:
            continue
        sides = sides_of(item, link)
        judged.sides[item.id] = sides
        judged.verdicts[item.id] = await decided(ground, sides)
    return judged


async def decided(ground: Ground, sides: Sides) -> Verdict:
    """The road's decision, with its default policy. A marker that Ploomes lacks is not made, only counted."""
    visit = ground.visit
    conflicts = visit.config.conflicts
    policy = Policy(conflicts.default, conflicts.fields)
    rules = visit.rules

    return await planned(visit, lambda: rules.adjust(decide(ground.rows, sides, policy, visit.refs), sides))


def sides_of(item: ResyncItem, link: Link | None) -> Sides:
    """Both sides as the pages held them; a side without a page row held its base."""
    omie_base, ploomes_base = (link.omie_base, link.ploomes_base) if link is not None else ({}, {})
    omie: Values = item.omie["values"] if item.omie else omie_base
    ploomes: Values = item.ploomes["values"] if item.ploomes else ploomes_base
    return Sides(omie, ploomes, omie_base, ploomes_base)


def actions_of(verdict: Verdict) -> list[str]:
    """Words of the plan for a verdict; none when nothing leaves."""
    words = []
    if verdict.to_omie:
        words.append("update_in_omie")
    if verdict.to_ploomes:
        words.append("update_in_ploomes")
    if verdict.asks or verdict.lost:
        words.append("conflict")
    return words


def calls_of(rows: Sequence[Field], verdict: Verdict, sides: Sides) -> JsonObject:
    """Requests a verdict takes, by vendor and verb; tags go to Omie by calls of their own."""
    omie: dict[str, int] = {}
    if any(name != "tags" for name in verdict.to_omie):
        omie["update"] = 1
    if "tags" in verdict.to_omie:
        held, wanted = _folded(sides.omie.get("tags")), _folded(verdict.to_omie["tags"])
        omie |= {verb: 1 for verb, some in (("include_tags", wanted - held), ("exclude_tags", held - wanted)) if some}
    ploomes = {"update": 1} if verdict.to_ploomes else {}
    return {"omie": omie, "ploomes": ploomes}


def _folded(value: Any) -> set[str]:
    return {str(name).casefold() for name in value} if isinstance(value, list) else set()


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
        target = own_vendor.other
        if target is Vendor.OMIE and ground.visit.rules.MASTER is Master.OMIE:
            item.state = DROPPED  # nothing is created there
            continue
        actions = ["conflict"] if rivals else [f"create_in_{target.value}"]
        _open(item, ground, CREATE_STAGE, actions, {} if rivals else _creation(item, target), target)
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


def open_link(ground: Ground, item: ResyncItem, verdict: Verdict, sides: Sides) -> None:
    """The item of a pair that is to be linked."""
    calls = calls_of(ground.rows, verdict, sides)
    if any(row.id in verdict.to_ploomes and isinstance(row.by, WHOLE) for row in ground.rows):
        item.ploomes = {**(item.ploomes or {}), FRESH: True}
    target = Vendor.OMIE if verdict.to_omie else Vendor.PLOOMES
    _open(item, ground, LINK_STAGE, ["link", *actions_of(verdict)], calls, target)


def _creation(item: ResyncItem, target: Vendor) -> JsonObject:
    """A new record in Omie tells Ploomes its id; one without a natural key is looked for in Ploomes before."""
    if target is Vendor.OMIE:
        return {"omie": {"create": 1}, "ploomes": {"update": 1}}
    return {"ploomes": {"create": 1} if item.natural_key else {"find": 1, "create": 1}}


def _open(item: ResyncItem, ground: Ground, kind: int, actions: list[str], calls: JsonObject, target: Vendor) -> None:
    item.state, item.stage, item.target = OPEN, ground.stage + kind, target.value
    item.actions, item.calls = actions, calls

"""What a pass has still to do, in requests and in seconds at the limits: its items at the gateways' prices, and the
rows that will have to be read again because they are too old by the time it is their turn."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Gateway, Priority, Vendor
from app.sync.config.document import Config
from app.sync.config.window import Window
from app.sync.entities import set_of
from app.sync.lookups import foreseen
from app.sync.lookups.references import References
from app.sync.models import Integration
from app.sync.passes import flight_plan
from app.sync.passes import resync_items as book
from app.sync.passes.flight_plan import Requests
from app.sync.passes.models import Resync, ResyncItem
from app.sync.passes.resync_again import AGED, batch_of
from app.sync.passes.resync_items import DELETE_STAGE, STALE
from app.sync.passes.resync_judge import FRESH, NEEDS
from app.sync.passes.traffic import hour_like, traffic
from app.sync.vendors import Gateways

READS = ("list", "read", "find")
PAGE = 500


@dataclass(frozen=True, slots=True)
class Left:
    """What is still to be done."""

    requests: Requests
    seconds: float
    record_writes: int
    """Writes to the records themselves."""
    made: Counter[foreseen.Call]
    """Requests that make what records need first."""

    @property
    def writes(self) -> int:
        """All writes."""
        return self.record_writes + sum(count for (_, word), count in self.made.items() if _writes(word))


@dataclass(slots=True)
class _Line:
    """The items of one entity that go to one vendor, in the order of their execution."""

    target: str
    entity: str
    stage: int
    """The entity's place in the order."""
    items: int = 0
    stale: int = 0
    """Items that are read again in any case."""
    sides: Counter[str] = field(default_factory=Counter)
    """Items that hold a row of a vendor."""


@dataclass(slots=True)
class _Sum:
    """Items, added up."""

    calls: Counter[tuple[Vendor, str, str]] = field(default_factory=Counter)
    """Requests by vendor, entity and verb (`set:verb` where it is another set)."""
    fresh: Counter[str] = field(default_factory=Counter)
    """Items by entity of which Ploomes' side is read right before its event."""
    needs: set[str] = field(default_factory=set)
    """What has to be made first."""
    lines: dict[tuple[str, str], _Line] = field(default_factory=dict)
    """By target and entity."""
    most: int = 0
    """Writes in Omie that one record takes."""

    def line(self, target: str, entity: str, stage: int) -> _Line:
        """The line of an item."""
        return self.lines.setdefault((target, entity), _Line(target, entity, stage))


@dataclass(slots=True)
class _Bill:
    """Requests by vendor and method, at the prices of the gateways."""

    gateways: Mapping[Vendor, Gateway]
    traffic: Mapping[Vendor, Mapping[str, float]]
    """Calls a second, by method, that go on meanwhile."""
    requests: Requests = field(default_factory=dict)

    def add(self, vendor: Vendor, entity: str, word: str, count: int) -> None:
        """So many calls of a verb (`set:verb` where it is another set than the entity's)."""
        named, _, verb = word.rpartition(":")
        price = self.gateways[vendor].price(named or set_of(entity, vendor), verb)
        self._add(vendor, price.method, count)

    def add_reads(self, vendor: Vendor, entity: str, records: int, batches: int | None = None) -> None:
        """So many records read by id: as many a call as the vendor takes, or in so many `batches` of several."""
        price = self.gateways[vendor].price(set_of(entity, vendor), "read")
        calls = math.ceil(records / price.rows)
        self._add(vendor, price.method, calls if batches is None else max(calls, min(records, batches)))

    def _add(self, vendor: Vendor, method: str, count: int) -> None:
        if count:
            mine = self.requests.setdefault(vendor.value, {})
            mine[method] = mine.get(method, 0) + count

    async def seconds(self, most: int) -> float:
        """How long it takes at the limits: both vendors work at the same time. `most`: writes of one record of Omie."""
        omie, ploomes = (self.requests.get(vendor.value, {}) for vendor in Vendor)
        omie_traffic, ploomes_traffic = (self.traffic[vendor] for vendor in Vendor)
        return max(
            await self.gateways[Vendor.OMIE].seconds(omie, of_one_record=most, traffic=omie_traffic),
            await self.gateways[Vendor.PLOOMES].seconds(ploomes, traffic=ploomes_traffic),
        )


class Pricing:
    """Prices passes."""

    def __init__(
        self, db: Database, clock: Clock, gateways: Gateways, references: References, entities: Sequence[str]
    ) -> None:
        """`entities`: those whose live traffic is reckoned with."""
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._references = references
        self._entities = entities

    async def left(self, integration: Integration, config: Config, row: Resync, window: Window | None) -> Left:
        """What the planned items of a pass take from now on, at work only inside the window, beside the live traffic
        to be expected then."""
        total, now = await self._sum(row), self._clock.now()
        gateways = dict(zip(Vendor, self._gateways.open(integration, Priority.BULK), strict=True))
        if foreseen.of_families(total.needs):
            await self._references.read_anew(integration, Vendor.OMIE, "families", gateways[Vendor.OMIE])
        async with self._db.read() as session:
            made = await foreseen.taken(session, integration, config, total.needs)
            hour = hour_like(flight_plan.starts_at(window, now), now)
            beside = await traffic(session, integration, gateways, self._entities, hour)
        bill = _Bill(gateways, beside)
        for (vendor, entity, word), count in total.calls.items():
            bill.add(vendor, entity, word, count)
        for (vendor, word), count in made.items():
            bill.add(vendor, "", word, count)
        for entity, count in total.fresh.items():
            bill.add_reads(Vendor.PLOOMES, entity, count)
        work = await bill.seconds(total.most)
        for line, aged in self._aged(row, total, window, work):
            batches = math.ceil(aged / batch_of(line.entity, gateways[Vendor.OMIE]))
            for side, count in line.sides.items():
                bill.add_reads(Vendor(side), line.entity, math.ceil(aged * count / line.items), batches)
        record_writes = sum(count for (_, _, word), count in total.calls.items() if _writes(word))
        return Left(bill.requests, await bill.seconds(total.most), record_writes, made)

    async def _sum(self, row: Resync) -> _Sum:
        total, after = _Sum(), 0
        fresh = ResyncItem.ploomes[FRESH].as_boolean()
        told = ResyncItem
        columns = (
            told.id, told.entity, told.vendor, told.link_id, told.stage, told.state, told.target, told.actions,
            told.calls,
        )  # fmt: skip
        while True:
            query = select(*columns, fresh.label("fresh")).where(
                told.resync_id == row.id, book.unfinished(), told.id > after
            )
            async with self._db.read() as session:
                items = (await session.execute(query.order_by(told.id).limit(PAGE))).all()
            if not items:
                return total
            after = items[-1].id
            for item in items:
                for vendor in Vendor:
                    verbs = item.calls.get(vendor.value, {})
                    total.calls.update({(vendor, item.entity, verb): count for verb, count in verbs.items()})
                total.needs.update(item.calls.get(NEEDS, ()))
                omie = item.calls.get(Vendor.OMIE.value, {}).items()
                total.most = max(total.most, sum(count for verb, count in omie if _writes(verb)))
                total.fresh[item.entity] += bool(item.fresh)
                line = total.line(str(item.target), item.entity, item.stage // 10)
                line.items += 1
                line.stale += item.state == STALE
                line.sides.update(_sides(item.vendor, item.stage, item.link_id, item.actions))

    def _aged(self, row: Resync, total: _Sum, window: Window | None, work: float) -> list[tuple[_Line, int]]:
        """How many items of each line will be too old: a vendor's items go one after the other, evenly."""
        now = self._clock.now()
        crawls = row.plan.get("crawls", {})
        lengths: Counter[str] = Counter()
        for line in total.lines.values():
            lengths[line.target] += line.items
        before: Counter[str] = Counter()
        aged: list[tuple[_Line, int]] = []
        for line in sorted(total.lines.values(), key=lambda each: each.stage):
            begin = before[line.target]
            before[line.target] += line.items
            if line.entity not in crawls:
                continue  # tables of stock are drawn from what is stored
            young = flight_plan.worked(window, now, datetime.fromisoformat(crawls[line.entity]) + AGED)
            share = min(1.0, young / work) if work else float(young > 0)
            late = before[line.target] - max(begin, math.floor(lengths[line.target] * share))
            aged.append((line, max(line.stale, late, 0)))
        return aged


def _sides(vendor: str, stage: int, link_id: int | None, actions: list[str]) -> list[str]:
    """Of which vendors an item holds a row that is read again."""
    if stage % 10 == DELETE_STAGE:
        return [Vendor(vendor).other.value]
    both = link_id is not None or "link" in actions
    return [each.value for each in Vendor] if both else [vendor]


def _writes(word: str) -> bool:
    return word.rpartition(":")[2] not in READS

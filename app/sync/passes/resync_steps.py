"""The road of a resync: look-ups, then each entity's lists, what is missing, what is stale, the decision; then the
plan, and once it may, the writes. A dry run ends at the plan; resuming it executes exactly that plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Entity, JsonObject, Priority, Vendor
from app.core.queue import Queue
from app.core.usage import added
from app.core.vault import Vault
from app.sync.config.document import Config
from app.sync.config.store import ConfigStore
from app.sync.config.window import NEVER
from app.sync.entities import RULES, custom_fields_of, set_of
from app.sync.lookups.references import References
from app.sync.models import Integration, Link
from app.sync.passes import flight_plan, pace, pauses
from app.sync.passes import resync_items as book
from app.sync.passes.first_load import NEVER_OPENS
from app.sync.passes.load_steps import LoadSteps
from app.sync.passes.models import MAPPING, RECONCILE, Resync, ResyncItem
from app.sync.passes.off_hours import opening_for, unhindered
from app.sync.passes.passes import Rest, Road, Step, Turn, stop
from app.sync.passes.reconcile import Reconciler
from app.sync.passes.report import Reports
from app.sync.passes.resync_again import Again, outdated
from app.sync.passes.resync_execute import WRITES, Executor
from app.sync.passes.resync_items import FOUND
from app.sync.passes.resync_judge import (
    ground_of,
    judge_pairs,
    judge_single,
    open_link,
    open_needs,
    sharers,
    verdicts_of,
)
from app.sync.passes.resync_price import Left, Pricing
from app.sync.passes.resync_read import Reader
from app.sync.passes.subject import Subject, without_creating
from app.sync.passes.tables import Tables
from app.sync.passes.visit import Visit
from app.sync.sales.passing import SALES, SaleVisit
from app.sync.vendors import Gateways

SELLERS, STOCK = Entity.SELLERS.value, Entity.STOCK.value
FAILED = "resync_failed"
BATCH = 100
EXECUTE = "execute"
LIVE = ":live"
"""How the steps are named that read what live traffic touched during a reconcile."""
PASSED = (*RULES, *SALES)
"""Entities that a pass compares side by side, dependencies first."""
OUTSIDE = "Fora da janela de horários; continua sozinha quando ela abrir."


def ordered(entities: Sequence[str], config: Config) -> list[str]:
    """The entities that are kept as pairs and switched on, dependencies first."""
    on = config.entities.model_dump()
    kept = [each.value for each in Entity if each.value in entities and each.value in (SELLERS, STOCK, *PASSED)]
    return [each for each in kept if on.get(each, True)]


class ResyncSteps:
    """Builds the road for one row."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        queue: Queue,
        gateways: Gateways,
        configs: ConfigStore,
        references: References,
        load: LoadSteps,
        vault: Vault,
        stock: Mapping[str, Step],
        tables: Tables,
    ) -> None:
        self._stock = stock
        self._tables = tables
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._configs = configs
        self._references = references
        self._look_ups = load.table()["references"]
        self._reader = Reader(db, clock)
        self._pricing = Pricing(db, clock, gateways, references, PASSED)
        self._executor = Executor(db, clock, queue, Again(db, clock, self._reader))
        self._reconciler = Reconciler(db, clock, self._reader)
        self._reports = Reports(db, clock, vault)

    def road(self) -> Road:
        """How resyncs go."""
        return Road(self.steps, FAILED, self.rests, _state, _in_the_window, self._take_back)

    def steps(self, row: Resync) -> Mapping[str, Step]:
        """Steps by name, in order, for the entities of a row."""
        steps: dict[str, Step] = {"references": self._look_ups} if needs_look_ups(row) else {}
        if not row.dry_run and row.reason != MAPPING:  # a look writes nothing, and a publish did it a moment ago
            steps |= self._tables.steps(row)
        for entity in _paired(row):
            group = _group(row, entity)
            if group[0] == entity:
                steps[f"{'+'.join(group)}:read"] = partial(self._read, group)
        for number, entity in enumerate(_paired(row)):
            for vendor in Vendor:
                steps[f"{entity}:missing:{vendor.value}"] = partial(self._missing, entity, number, vendor)
            steps[f"{entity}:again"] = partial(self._again, entity)
            steps[f"{entity}:pairs"] = partial(self._pairs, entity, number)
            for vendor in (Vendor.PLOOMES, Vendor.OMIE):
                steps[f"{entity}:single:{vendor.value}"] = partial(self._single, entity, number, vendor)
            if row.reason == RECONCILE:
                steps[f"{entity}:cross"] = partial(self._cross, entity, number)
        if STOCK in row.entities:
            steps |= self._stock
        steps |= {"plan": self._plan, EXECUTE: self._execute}
        if row.reason == RECONCILE:
            steps["verify"] = self._verify
            steps |= {f"{entity}{LIVE}": partial(self._live, entity) for entity in _paired(row)}
            steps["certify"] = self._certify
        return steps

    async def rests(self, row: Resync, integration: Integration) -> Rest | None:
        """A dry run may read at any hour; everything else keeps to the window, unless somebody forced it."""
        opening = opening_for(row, await self._configs.get(integration.id), self._clock.now())
        return None if opening is None else Rest(opening, NEVER_OPENS if opening == NEVER else OUTSIDE)

    async def _take_back(self, session: AsyncSession, row: Resync) -> None:
        """Events that would rest until the window opens: by then their rows are old, and are read again together."""
        await book.withdraw(session, row.id, OUTSIDE, self._clock.now())

    async def visit(self, integration: Integration, entity: str) -> Subject:
        """Access to both vendors at the lowest priority."""
        version, config = await self._configs.current(integration.id)
        omie, ploomes = self._gateways.open(integration, Priority.BULK)
        refs = await self._references.of(integration, config, omie, ploomes, custom_fields_of(entity))
        given = (omie, ploomes, self._references, without_creating(refs))
        made: Visit | SaleVisit
        if entity in RULES:
            made = Visit(integration, config, RULES[entity], *given)
        else:
            made = SaleVisit(self._db, integration, config, entity, *given)
        made.config_version = version
        return made

    async def _read(self, group: Sequence[str], integration: Integration, row: Resync, turn: Turn) -> None:
        async with self._db.read() as session:
            expected = {} if "lists" in row.progress else await book.expected(session, integration.id, _paired(row))
        await self._reader.lists([await self.visit(integration, entity) for entity in group], row, turn, expected)

    async def _missing(
        self, entity: str, number: int, vendor: Vendor, integration: Integration, row: Resync, turn: Turn
    ) -> None:
        await self._reader.missing(await self.visit(integration, entity), vendor, row, turn, number)

    async def _again(self, entity: str, integration: Integration, row: Resync, turn: Turn) -> None:
        await self._reader.again(await self.visit(integration, entity), row, turn)

    async def _pairs(self, entity: str, number: int, integration: Integration, row: Resync, turn: Turn) -> None:
        """The next batch of linked pairs of which a side differs from its base."""
        visit = await self.visit(integration, entity)
        if await outdated(visit, row, turn, f"{entity}:again"):
            return
        ground = ground_of(visit, number, datetime.fromisoformat(row.plan["crawls"][entity]))
        async with self._db.read() as session:
            items = await _found(session, row.id, entity, linked=True)
            pairs = await _links(session, items)
            shared = await sharers(session, visit, {link.ploomes_id: link.id for link in pairs.values()})
        judged = await verdicts_of(ground, items, pairs, shared)
        async with turn.commit({} if items else None) as (session, _):
            mine = await _same(session, items)
            judged.links = await _links(session, mine)
            await judge_pairs(session, ground, mine, judged)

    async def _single(
        self, entity: str, number: int, vendor: Vendor, integration: Integration, row: Resync, turn: Turn
    ) -> None:
        """The next batch of records without a link; certain pairs of them are decided like any other pair."""
        visit = await self.visit(integration, entity)
        ground = ground_of(visit, number, datetime.fromisoformat(row.plan["crawls"][entity]))
        async with self._db.read() as session:
            items = await _found(session, row.id, entity, vendor=vendor)
            others = await book.possible_twins(session, row.id, entity, vendor, items) if items else []
        found = judge_single(ground, items, others)
        async with self._db.read() as session:
            shared = await sharers(session, visit, {pair.external_id: None for pair in found})
        for pair in found:
            await open_link(ground, pair, shared)
        await open_needs(ground, items)
        async with turn.commit({} if items else None) as (session, _):
            for each in {one.id: one for one in [*others, *items]}.values():
                await session.merge(each)

    # --- the proof -----------------------------------------------------------------------------------------------

    async def _cross(self, entity: str, number: int, integration: Integration, row: Resync, turn: Turn) -> None:
        await self._reconciler.cross(await self.visit(integration, entity), number, row, turn)

    async def _verify(self, integration: Integration, row: Resync, turn: Turn) -> None:
        await self._reconciler.verify(row, turn)

    async def _live(self, entity: str, integration: Integration, row: Resync, turn: Turn) -> None:
        await self._reconciler.live(await self.visit(integration, entity), row, turn)

    async def _certify(self, integration: Integration, row: Resync, turn: Turn) -> None:
        visits = [await self.visit(integration, entity) for entity in _paired(row)]
        await self._reports.certify(integration, visits, row, turn)

    # --- the plan ------------------------------------------------------------------------------------------------

    async def _plan(self, integration: Integration, row: Resync, turn: Turn) -> None:
        """Adds everything up; a dry run ends here, and too many deletions ask first."""
        config = await self._configs.get(integration.id)
        foreseen = await self._foreseen(integration, config, row)
        entities = await self._counted(integration, row, foreseen.left)
        async with turn.commit(None) as (session, own):
            own.plan = {
                **own.plan,
                **_told(own, turn, foreseen),
                "entities": entities,
                "writes": foreseen.left.writes,
                "record_writes": foreseen.left.record_writes,
                "deletes_allowed": {},
                "above_accepted": False,
            }
            total = await book.open_count(session, own.id)
            own.progress = {**pace.paced(own.progress, "writing", 0, total, self._clock.time()), WRITES: 0}
            if own.dry_run:
                stop(own, "planned")
                own.finished_at, own.progress = None, pace.stopped(own.progress)
            else:
                await self._ask_about_deletes(session, own, config)

    async def _foreseen(self, integration: Integration, config: Config, row: Resync) -> "Foreseen":
        """What the items still take, and when that will be done."""
        window = None if unhindered(row) else config.window.window()
        left = await self._pricing.left(integration, config, row, window)
        now = self._clock.now()
        end = flight_plan.ends_at(window, now, left.seconds)
        return Foreseen(left, None if end is None else round((end - now).total_seconds()))

    async def _counted(self, integration: Integration, row: Resync, left: Left) -> JsonObject:
        """What will be done, in the words of a plan, per entity."""
        entities: JsonObject = {name: dict(counts) for name, counts in row.plan.get("entities", {}).items()}
        busy: dict[str, set[int]] = {}
        after = 0
        while True:
            async with self._db.read() as session:
                items = await book.planned(session, row.id, after)
            if not items:
                break
            after = items[-1].id
            for item in items:
                counts = entities.setdefault(item.entity, {})
                for action in item.actions:
                    counts[action] = counts.get(action, 0) + 1
                if item.link_id:
                    busy.setdefault(item.entity, set()).add(item.link_id)
        for (asked, word), count in left.made.items():
            made, _, verb = word.rpartition(":")
            if verb == "create":
                counts = entities[made] = flight_plan.counted(entities.get(made, {}))
                counts[f"create_in_{asked.value}"] += count
        async with self._db.read() as session:
            for entity in _paired(row):
                linked = await book.linked(session, integration.id, entity)
                counts = flight_plan.counted(entities.get(entity, {}))
                counts["unchanged"] = max(0, linked - len(busy.get(entity, ()))) + counts["unchanged"]
                entities[entity] = counts
        if STOCK in entities:
            entities[STOCK] = flight_plan.counted(entities[STOCK])
        return entities

    async def _ask_about_deletes(self, session: AsyncSession, row: Resync, config: Config) -> None:
        """The tripwire: the pass pauses and an issue asks, once per entity, before so many are deleted. A yes is one
        to that entity's deletions of this plan, a no is one for the whole pass."""
        percent, most = config.deletes.pause_above_percent, config.deletes.pause_above_in_ten_minutes
        for entity, deletes in (await book.deletes_left(session, row.id)).items():
            if entity in row.plan.get("deletes_refused", ()):
                await book.drop_deletes(session, row.id, entity)
                continue
            linked = await book.linked(session, row.integration_id, entity)
            allowed = row.plan.get("deletes_allowed", {}).get(entity, 0)
            if deletes > allowed and flight_plan.too_many_deletes(deletes, linked, percent, most):
                text = f"A carga excluiria {deletes} de {linked} registros ({entity}); nenhum deles foi excluído ainda."
                await pauses.ask(session, row, pauses.DELETES, text, self._clock.now(), entity=entity, deletes=deletes)

    async def _execute(self, integration: Integration, row: Resync, turn: Turn) -> None:
        if row.plan.get("check_deletes"):  # what was resumed asks again: a dry run never did, and an answer may be due
            config = await self._configs.get(integration.id)
            async with turn.commit({}) as (session, own):
                own.plan = {name: value for name, value in own.plan.items() if name != "check_deletes"}
                await self._ask_about_deletes(session, own, config)
            return
        visits = {entity: await self.visit(integration, entity) for entity in _paired(row)}
        for visit in visits.values():
            if await outdated(visit, row, turn):
                return
        if pace.rested(row.progress, self._clock.time()):
            await self._begin(integration, row, turn)
        else:
            await self._executor.step(visits, row, turn)

    async def _begin(self, integration: Integration, row: Resync, turn: Turn) -> None:
        """The writes begin, or begin again after a rest: what is left is told anew, with what grew old meanwhile."""
        foreseen = await self._foreseen(integration, await self._configs.get(integration.id), row)
        async with turn.commit({}) as (_, own):
            own.plan = {**own.plan, **_told(own, turn, foreseen)}
            own.progress = {**own.progress, pace.AT: self._clock.time()}


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is left of a pass, and in how many seconds it will be over; None where its window never opens."""

    left: Left
    eta: int | None


def _told(row: Resync, turn: Turn, foreseen: Foreseen) -> JsonObject:
    """For a plan: the requests used and those to come, and the time."""
    used = added(row.requests_used, turn.usage)
    return {
        "requests": flight_plan.merged({vendor.value: {} for vendor in Vendor}, used, foreseen.left.requests),
        "work_seconds": round(foreseen.left.seconds, 1),
        "eta_seconds": foreseen.eta,
    }


def _state(step: str) -> str:
    return "running" if step.endswith(LIVE) or step in (EXECUTE, "verify", "certify", "done") else "planning"


def _in_the_window(row: Resync) -> None:
    """Whoever wanted a pass at once wanted it at that hour: what is tried again a day later keeps to the window."""
    row.force, row.start = False, "window"


def needs_look_ups(row: Resync) -> bool:
    """Tables of stock are compared with what was written, not with Ploomes. A reconcile begins each round with them."""
    return row.reason == RECONCILE or set(row.entities) != {STOCK}


def _paired(row: Resync) -> list[str]:
    """The row's entities that have two sides to compare; people are paired by the look-ups."""
    return [entity for entity in PASSED if entity in row.entities]


def _group(row: Resync, entity: str) -> list[str]:
    """The row's entities whose lists are read together: those that share a set with this one."""
    mine = {(vendor, set_of(entity, vendor)) for vendor in Vendor}
    return [other for other in _paired(row) if mine & {(vendor, set_of(other, vendor)) for vendor in Vendor}]


async def _found(
    session: AsyncSession, resync_id: int, entity: str, *, linked: bool = False, vendor: Vendor | None = None
) -> list[ResyncItem]:
    query = select(ResyncItem).where(
        ResyncItem.resync_id == resync_id, ResyncItem.entity == entity, ResyncItem.state == FOUND
    )
    query = query.where(ResyncItem.link_id.is_not(None) if linked else ResyncItem.link_id.is_(None))
    if vendor is not None:
        query = query.where(ResyncItem.vendor == vendor.value)
    return list(await session.scalars(query.order_by(ResyncItem.id).limit(BATCH)))


async def _same(session: AsyncSession, items: Sequence[ResyncItem]) -> list[ResyncItem]:
    """The same items inside another transaction."""
    query = select(ResyncItem).where(ResyncItem.id.in_([item.id for item in items]), ResyncItem.state == FOUND)
    return list(await session.scalars(query))


async def _links(session: AsyncSession, items: Sequence[ResyncItem]) -> dict[int, Link]:
    ids = [item.link_id for item in items if item.link_id]
    return {link.id: link for link in await session.scalars(select(Link).where(Link.id.in_(ids)))}

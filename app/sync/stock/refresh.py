"""The stock of all products: read in pages per place, compared with what Ploomes shows, only differences become events.

A first load reads the pages before it makes products, so that a new one carries its table in its first write; a
refresh that a person asked for (F145) reads and compares alone. A publish changes no figure: its pass draws again from
what is stored, and reads only the places that it stored nothing of.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import VendorError
from app.core.ports import Gateway, JsonObject, Kind, Page, Priority, Vendor
from app.sync import inbox
from app.sync.config.document import Config
from app.sync.config.store import ConfigStore
from app.sync.links import LIVING
from app.sync.lookups import known
from app.sync.models import EventSource, Integration, Link, Resync, StockLevel
from app.sync.passes.first_load import tell_held, writes_due
from app.sync.passes.models import MAPPING, REFRESH, ResyncItem, topic_of
from app.sync.passes.passes import CUT, Road, Step, Turn
from app.sync.passes.resync_items import OPEN
from app.sync.stock.book import (
    EMPTY,
    Places,
    Whole,
    draw,
    field_gone,
    field_key_of,
    is_on,
    levels_of,
    seen_whole,
    whole,
)
from app.sync.stock.request import STOCK, plan_with
from app.sync.stock.table import Figures, Place, listed
from app.sync.vendors import Gateways, one_page, refuse_cut

FAILED = "stock_refresh_failed"
"""Cause of the issue of a refresh that failed."""
ONCE = timedelta(days=1)
BATCH = 200
"""Products compared per commit."""
AGAIN = "again"
"""Marks, in a step's place, that Omie refused a list: the places are read anew before the next."""
LAST_STAGE = 990
"""Tables come behind everything else."""


class StockPass:
    """Builds the steps that passes over stock walk."""

    def __init__(self, db: Database, clock: Clock, gateways: Gateways, configs: ConfigStore) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._configs = configs
        self._places = Places(db, clock)

    def road(self) -> Road:
        """How refreshes go; they may work at any hour, a person waits for them."""
        steps = self.steps(Priority.PERSON)
        return Road(lambda row: steps, FAILED)

    def steps(self, priority: Priority) -> dict[str, Step]:
        """Steps by name, in order: `stock_pages` before products are made, `stock_compare` after they are linked."""
        return {"stock_pages": partial(self._pages, priority), "stock_compare": self._compare}

    def planned(self, priority: Priority) -> dict[str, Step]:
        """The same for a pass with a plan: what differs becomes its items."""
        return {"stock_pages": partial(self._pages, priority), "stock_plan": self._plan_items}

    # --- reading -------------------------------------------------------------------------------------------------

    async def _pages(self, priority: Priority, integration: Integration, row: Resync, turn: Turn) -> None:
        """One page of the stock in some places: together they cost the fewest pages, and a place that holds nothing
        costs no error, which Omie counts."""
        place = row.cursor.get("place") or {}
        omie, _ = self._gateways.open(integration, priority)
        async with self._db.read() as session:
            stored = await whole(session, integration.id)
        ids = place.get("ids") or await self._places_to_read(integration, row, omie, stored, anew=AGAIN in place)
        if not ids:
            async with turn.commit(None):
                return
        config = await self._configs.get(integration.id)
        added = stored if reading_of(row, config, stored) is Reading.MISSING else None
        asked_at = self._clock.now()
        try:
            page = await one_page(omie, "stock", cursor=place.get("cursor"), within={"locations": ",".join(ids)})
        except VendorError as error:
            if not error.permanent or place.get(AGAIN):
                raise
            async with turn.commit({AGAIN: True}) as (_, own):  # a place may be gone: once more, with those there are
                own.progress = {**own.progress, "done": max(0, own.progress.get("done", 0) - place.get("seen", 0))}
            return
        read_at = min((record.read_at for record in page.records), default=asked_at)
        seen, total = place.get("seen", 0) + len(page.records), place.get("total", page.total)
        if page.cursor is None:
            await self._refuse_cut(page, place, seen, total, turn)
        began = str(place.get("began") or read_at.isoformat())
        following: JsonObject = {
            **place, "cursor": page.cursor, "seen": seen, "total": total, "ids": ids, "began": began,
        }  # fmt: skip
        async with turn.commit(following if page.cursor is not None else None) as (session, own):
            await _note(session, own, _figures(page), read_at, datetime.fromisoformat(began), added)
            _count(own, len(page.records), None if "total" in place else page.total)
            if page.cursor is None:
                told = _told(added, datetime.fromisoformat(began), ids, seen)
                await seen_whole(session, integration.id, told, empty=not seen and added is None)

    async def _places_to_read(
        self, integration: Integration, row: Resync, omie: Gateway, stored: Whole | None, *, anew: bool
    ) -> list[str]:
        """The ids of the places whose stock a pass reads; none where what is stored serves."""
        config = await self._configs.get(integration.id)
        reading = reading_of(row, config, stored)
        lately = row.reason != REFRESH and reading is Reading.WHOLE and await self._empty_lately(integration.id)
        if reading is Reading.NOTHING or lately:
            return []
        since = self._clock.now() - row.created_at  # the list of places must be no older than the wish
        seconds = 0.0 if anew else since.total_seconds()
        chosen = {place.id for place in await self._places.of(integration, config, omie, seconds=seconds)}
        known_of = stored.places if stored is not None and reading is Reading.MISSING else ()
        return sorted(chosen.difference(known_of))

    async def _empty_lately(self, integration_id: int) -> bool:
        """A list that was empty counts as an error in Omie: it is read again after a day, or once something moved."""
        async with self._db.read() as session:
            empty_at = await known.whole_at(session, integration_id, Vendor.OMIE, EMPTY)
            if empty_at is None or self._clock.now() - empty_at >= ONCE:
                return False
            query = select(StockLevel.id).where(
                StockLevel.integration_id == integration_id, StockLevel.read_at > empty_at
            )
            return (await session.execute(query.limit(1))).first() is None

    async def _refuse_cut(self, page: Page, place: JsonObject, seen: int, total: int | None, turn: Turn) -> None:
        """A list that was cut short is read again from its start."""
        try:
            refuse_cut(page, seen, total, Vendor.OMIE, "stock")
        except VendorError:
            async with turn.commit({CUT: place.get(CUT, 0) + 1}):
                pass
            raise

    # --- comparing -----------------------------------------------------------------------------------------------

    async def _compare(self, integration: Integration, row: Resync, turn: Turn) -> None:
        """A batch of linked products: what differs from what Ploomes shows becomes an event."""
        config, places, links = await self._batch(integration, row)
        async with turn.commit({"after": links[-1].id} if links else None) as (session, own):
            differing, equal = await self._differing(session, own, config, places, links)
            for link in differing:
                await self._plan(session, own, config, link.omie_id)
            if own.reason == REFRESH:
                _, ploomes = self._gateways.open(integration, Priority.PERSON)
                own.plan = plan_with(own.plan, len(differing), equal, ploomes)

    async def _plan_items(self, integration: Integration, row: Resync, turn: Turn) -> None:
        """The same for a pass with a plan. A product made by the pass carries its table in its first write."""
        config, places, links = await self._batch(integration, row)
        async with turn.commit({"after": links[-1].id} if links else None) as (session, own):
            differing, equal = await self._differing(session, own, config, places, links)
            session.add_all(_item(own, link) for link in differing)
            entities = own.plan.get("entities", {})
            equal += entities.get(STOCK, {}).get("unchanged", 0)
            own.plan = {**own.plan, "entities": {**entities, STOCK: {"unchanged": equal}}}

    async def _batch(self, integration: Integration, row: Resync) -> tuple[Config, Sequence[Place], Sequence[Link]]:
        """The next linked products; none where nobody wants, or can see, tables."""
        config = await self._configs.get(integration.id)
        async with self._db.read() as session:
            hidden = not is_on(config) or await field_gone(session, integration.id, field_key_of(integration))
        if hidden:
            return config, [], []
        omie, _ = self._gateways.open(integration, Priority.BULK)
        places = await self._places.of(integration, config, omie)
        query = select(Link).where(
            Link.integration_id == integration.id,
            Link.entity == "products",
            Link.state.in_(LIVING),
            Link.id > int((row.cursor.get("place") or {}).get("after", 0)),
        )
        async with self._db.read() as session:
            return config, places, list(await session.scalars(query.order_by(Link.id).limit(BATCH)))

    async def _differing(
        self,
        session: AsyncSession,
        row: Resync,
        config: Config,
        places: Sequence[Place],
        links: Sequence[Link],
    ) -> tuple[list[Link], int]:
        """Products whose table in Ploomes is another one than their levels give, and how many have the right one."""
        levels = await levels_of(session, row.integration_id, [link.omie_id for link in links])
        stored = await whole(session, row.integration_id)
        anew = bool(places) and reads_anew(row, config, stored)  # of no place at all nothing was read
        first = row.reason == REFRESH or config.stock.after_product_import
        found, equal = [], 0
        for link in links:
            level = levels.get(link.omie_id)
            if anew or (level is None and first and stored is not None):
                told_at = stored.at if stored is not None and not anew else self._clock.now()
                level = _settled(session, row, link.omie_id, level, told_at)
            if level is None or (level.shown is None and not first):
                continue  # nobody wants its first table yet
            if level.edited or draw(places, level, config, self._clock.now()).digest != level.shown:
                found.append(link)
            else:
                equal += 1
        return found, equal

    async def _plan(self, session: AsyncSession, row: Resync, config: Config, product: str) -> None:
        now = self._clock.now()
        asked = row.reason == REFRESH
        due_at = now.timestamp() if asked else writes_due(row, config, now)
        if not asked:
            tell_held(row, due_at)
        row.progress = {**row.progress, "differs": row.progress.get("differs", 0) + 1}
        await inbox.enqueue(
            session,
            integration_id=row.integration_id,
            vendor=Vendor.OMIE.value,
            entity="stock",
            external_id=product,
            kind=Kind.CHANGED.value,
            topic=topic_of(row.id) if asked else row.reason,
            source=EventSource.RESYNC.value,
            priority=Priority.BULK,
            due_at=due_at,
            now=now,
        )


class Reading(StrEnum):
    """What a pass reads of Omie's stock before it compares."""

    WHOLE = "whole"
    """All places that count: what the pages do not tell of has nothing there."""
    MISSING = "missing"
    """The places of which nothing is stored yet."""
    NOTHING = "nothing"


def reading_of(row: Resync, config: Config, stored: Whole | None) -> Reading:
    """A refresh reads everything, and so does an import of products where the configuration says so (F149). Any other
    pass, and a publish, which changes no figure, read what is missing: tables are drawn of it. Pure."""
    if not is_on(config):
        return Reading.NOTHING
    if row.reason == REFRESH or (config.stock.after_product_import and (row.reason != MAPPING or stored is None)):
        return Reading.WHOLE
    return Reading.MISSING if stored is not None else Reading.NOTHING


def reads_anew(row: Resync, config: Config, stored: Whole | None) -> bool:
    """Whether, by the time it compares, a pass has read all stock: so has the first publish of all. Pure."""
    if reading_of(row, config, stored) is Reading.WHOLE:
        return True
    return row.reason == MAPPING and stored is not None and row.started_at is not None and stored.at >= row.started_at


def _told(added: Whole | None, read_at: datetime, ids: Sequence[str], rows: int) -> Whole:
    """What is stored after a list; where some places were added, the others are as old as they were."""
    if added is None:
        return Whole(read_at, frozenset(ids), rows)
    return Whole(added.at, added.places.union(ids), None if added.rows is None else added.rows + rows)


def _item(row: Resync, link: Link) -> ResyncItem:
    """What a differing table takes: the product as it is now, and one write."""
    return ResyncItem(
        resync_id=row.id, entity=STOCK, key=f"link:{link.id}", vendor=Vendor.OMIE.value, external_id=link.omie_id,
        link_id=link.id, link_version=link.version, state=OPEN, stage=LAST_STAGE, target=Vendor.PLOOMES.value,
        actions=["update_in_ploomes"], calls={"ploomes": {"products:read": 1, "update": 1}},
    )  # fmt: skip


def _figures(page: Page) -> dict[str, dict[str, Figures]]:
    """Product -> place -> figures, in a page."""
    found: dict[str, dict[str, Figures]] = {}
    for record in page.records:
        place, figures = listed(record.data)
        found.setdefault(str(record.data.get("nCodProd")), {})[place] = figures
    return found


async def _note(
    session: AsyncSession,
    row: Resync,
    figures: Mapping[str, Mapping[str, Figures]],
    read_at: datetime,
    began: datetime,
    added: Whole | None,
) -> None:
    """Puts a page into the levels, but not over what was read after it. Places that are `added` leave the others be.

    A product may lie on two pages, and another pass may have read it between them: what was read since this list
    `began` is kept.
    """
    levels = await levels_of(session, row.integration_id, list(figures))
    for product, told in figures.items():
        level = levels.get(product)
        if level is None:
            level = StockLevel(integration_id=row.integration_id, product_id=product, figures={}, asked={})
            session.add(level)
        elif level.read_at is not None and level.read_at > read_at:
            continue
        if added is not None:
            level.figures, level.read_at = {**level.figures, **told}, level.read_at or added.at
            continue
        since = level.read_at is not None and level.read_at >= began
        mine = level.figures if level.pass_id == row.id or since else {}
        level.figures, level.pass_id, level.read_at = {**mine, **told}, row.id, read_at


def _settled(session: AsyncSession, row: Resync, product: str, level: StockLevel | None, now: datetime) -> StockLevel:
    """The level after a pass: a product that its pages did not tell of has nothing anywhere.

    That was so when the pages were asked for, not `now`: a movement that came since must still be read.
    """
    asked_at = min(row.started_at or now, now)
    if level is None:
        level = StockLevel(
            integration_id=row.integration_id, product_id=product, figures={}, asked={}, read_at=asked_at
        )
        session.add(level)
    elif level.pass_id != row.id and (level.read_at is None or level.read_at < asked_at):
        level.figures, level.read_at = {}, asked_at
    level.pass_id = row.id
    return level


def _count(row: Resync, records: int, total: int | None) -> None:
    progress = dict(row.progress)
    progress["done"] = progress.get("done", 0) + records
    progress["total"] = max(progress.get("total", 0) + (total or 0), progress["done"])
    row.progress = progress

"""What we know of stock: levels of products, the places that count, and the table both make."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Gateway, Kind, Vendor
from app.sync import inbox
from app.sync.config.document import Config
from app.sync.entities import RULES
from app.sync.lookups import known
from app.sync.lookups.sets import Sets
from app.sync.models import EventSource, Integration, KnownRecord, Link
from app.sync.stock.models import StockLevel
from app.sync.stock.table import FIELD, Place, digest, rows_of, stamped, table, unstamped

EMPTY = "stock_empty"
"""Under this name the index remembers when the list of all stock was empty; under `stock` when it was not."""
PLACES_SET = "stock_locations"
PLACES_SECONDS = 3600.0
"""How old the list of places may be where a movement is shown; passes read it when they begin."""
EDITED = "stock_edited"
"""Topic of an event that puts back a table which somebody edited in Ploomes."""
LINKED = "stock_linked"
"""Topic of an event that shows a product's stock in the product of Ploomes it was linked to."""


def is_on(config: Config) -> bool:
    """Whether products show their stock."""
    return config.entities.stock and config.entities.products


async def level_of(session: AsyncSession, integration_id: int, product_id: str) -> StockLevel | None:
    """What we know of a product's stock."""
    return await session.scalar(
        select(StockLevel).where(StockLevel.integration_id == integration_id, StockLevel.product_id == product_id)
    )


async def levels_of(session: AsyncSession, integration_id: int, product_ids: Sequence[str]) -> dict[str, StockLevel]:
    """The same of many, by product."""
    found = await session.scalars(
        select(StockLevel).where(StockLevel.integration_id == integration_id, StockLevel.product_id.in_(product_ids))
    )
    return {level.product_id: level for level in found}


async def ensured(session: AsyncSession, integration_id: int, product_id: str) -> StockLevel:
    """The level of a product, made when there is none; in the caller's transaction."""
    level = await level_of(session, integration_id, product_id)
    if level is None:
        level = StockLevel(integration_id=integration_id, product_id=product_id, figures={}, asked={})
        session.add(level)
        await session.flush()
    return level


@dataclass(frozen=True, slots=True)
class Whole:
    """The last time the stock of all products was read in pages: what they did not tell of has nothing there."""

    at: datetime
    places: frozenset[str]
    """The places it was read of."""
    rows: int | None = None
    """How many rows that list had; None when nobody counted."""


async def whole(session: AsyncSession, integration_id: int) -> Whole | None:
    """None when it never was."""
    names = ("stock", EMPTY)
    rows = [await known.get(session, integration_id, Vendor.OMIE, known.WHOLE_SETS, name) for name in names]
    row = max((row for row in rows if row is not None), key=lambda row: row.seen_at, default=None)
    return Whole(row.seen_at, frozenset(row.data.get("places", ())), row.data.get("rows")) if row is not None else None


def covers(level: StockLevel | None, stored: Whole | None, places: Sequence[Place]) -> bool:
    """Whether what is stored tells of all these places: a product's own read tells of every place there is, a list of
    those it was read of. A place that was enabled for sale since is none of them, and not empty. Pure."""
    if level is not None and level.read_at is not None and level.read_at.timestamp() in level.asked.values():
        return True
    return stored is not None and stored.places.issuperset(place.id for place in places)


async def seen_whole(session: AsyncSession, integration_id: int, seen: Whole, *, empty: bool) -> None:
    """Remembers that the stock of all products was read in pages."""
    name, data = EMPTY if empty else "stock", {"places": sorted(seen.places), "rows": seen.rows}
    row = known.Known(Vendor.OMIE, known.WHOLE_SETS, name, data=data)
    await known.upsert(session, integration_id, [row], seen.at)


async def forget_whole(session: AsyncSession, integration_id: int) -> None:
    """What is stored ages while nobody listens to movements: the next pass reads the stock of all products anew."""
    for name in ("stock", EMPTY):
        await known.forget_one(session, integration_id, Vendor.OMIE, known.WHOLE_SETS, name)


async def show(
    session: AsyncSession, level_id: int, shown: str, text: str | None, changed_at: datetime | None = None
) -> None:
    """Remembers what Ploomes shows of a product's stock: the table's digest, the text as Ploomes answered it, and the
    moment in its stamp where it was written."""
    held = digest(text) if text is not None else None
    values = {"shown": shown, "held": held, "edited": False, **({"changed_at": changed_at} if changed_at else {})}
    await session.execute(update(StockLevel).where(StockLevel.id == level_id).values(**values))


def is_ours(level: StockLevel, text: str | None) -> bool:
    """Whether Ploomes holds what it was told last; without a table of ours, whatever people typed is theirs. Pure."""
    if level.shown is None:
        return True
    if level.held is not None:
        return text is not None and digest(text) == level.held
    return text is not None and digest(unstamped(text)) == level.shown


async def edited_of(session: AsyncSession, integration_id: int, texts: Mapping[str, str | None]) -> list[str]:
    """Products (Omie ids) whose table somebody edited in Ploomes; `texts`: what it holds of them now."""
    levels = await levels_of(session, integration_id, list(texts))
    return [product for product, level in levels.items() if not is_ours(level, texts[product])]


async def mark_edited(session: AsyncSession, integration_id: int, products: Collection[str]) -> None:
    """Remembers that the tables of these products are to be put back."""
    if not products:
        return
    mine = (StockLevel.integration_id == integration_id, StockLevel.product_id.in_(products))
    await session.execute(update(StockLevel).where(*mine).values(edited=True))


async def put_back(
    session: AsyncSession, integration_id: int, products: Collection[str], priority: int, now: datetime
) -> None:
    """Events that draw the tables of these products again, from what is known of their stock (F005)."""
    await mark_edited(session, integration_id, products)
    for product in products:
        await _draw_again(session, integration_id, product, EDITED, EventSource.DEPENDENCY, priority, now)


async def show_linked(
    session: AsyncSession, link: Link, config: Config, source: EventSource, priority: int, now: datetime
) -> None:
    """A product that was linked to one which Ploomes had shows its stock there like a new one (F112, F149): that a
    product linked to it before shows the same does not count."""
    if not is_on(config) or link.entity not in RULES or RULES[link.entity].STOCK_FIELD is None:
        return
    await mark_edited(session, link.integration_id, [link.omie_id])
    await _draw_again(session, link.integration_id, link.omie_id, LINKED, source, priority, now)


async def _draw_again(
    session: AsyncSession,
    integration_id: int,
    product: str,
    topic: str,
    source: EventSource,
    priority: int,
    now: datetime,
) -> None:
    await inbox.enqueue(
        session, integration_id=integration_id, vendor=Vendor.OMIE.value, entity="stock", external_id=product,
        kind=Kind.CHANGED.value, topic=topic, source=source.value, priority=priority, due_at=now.timestamp(), now=now,
    )  # fmt: skip


def field_key_of(integration: Integration) -> str | None:
    """The key of the field that holds the table in this account."""
    key = integration.provisioned.get("fields", {}).get(FIELD, {}).get("products")
    return str(key) if key else None


async def field_gone(session: AsyncSession, integration_id: int, field_key: str | None) -> bool:
    """Whether the field is known to be in Ploomes no more, or never was: nothing is sent that would be refused."""
    if field_key is None:
        return True
    row = await known.get(session, integration_id, Vendor.PLOOMES, "fields", field_key)
    return row is not None and row.gone_at is not None


class Places:
    """The places whose stock an integration shows."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._sets = Sets(db, clock)

    async def of(
        self, integration: Integration, config: Config, omie: Gateway, *, seconds: float = PLACES_SECONDS
    ) -> list[Place]:
        """Active places that are enabled for sale, and chosen (F135, F148), from a list that is at most so old. Raises
        Postponed, VendorError."""
        if not await self._sets.lately(integration.id, Vendor.OMIE, PLACES_SET, seconds):
            await self._sets.read(integration.id, Vendor.OMIE, PLACES_SET, omie)
        async with self._db.read() as session:
            rows = await known.everything(session, integration.id, Vendor.OMIE, PLACES_SET)
        return chosen(rows, config)

    async def learn(self, integration: Integration, told: Collection[str], omie: Gateway) -> bool:
        """Reads the list again when figures tell of a place (ids) that it never had; what it still does not have is
        remembered as gone. Whether it was read. Raises Postponed, VendorError."""
        if not await self._strangers(integration.id, told):
            return False
        await self._sets.read(integration.id, Vendor.OMIE, PLACES_SET, omie)
        rows = [known.Known(Vendor.OMIE, PLACES_SET, place) for place in await self._strangers(integration.id, told)]
        async with self._db.transaction() as session:
            await known.upsert(session, integration.id, rows, self._clock.now(), gone=True)
        return True

    async def _strangers(self, integration_id: int, told: Collection[str]) -> set[str]:
        if not told:
            return set()
        query = select(KnownRecord.external_id).where(
            KnownRecord.integration_id == integration_id,
            KnownRecord.vendor == Vendor.OMIE,
            KnownRecord.entity == PLACES_SET,
            KnownRecord.external_id.in_(told),
        )
        async with self._db.read() as session:
            return set(told).difference(await session.scalars(query))


def chosen(rows: Sequence[KnownRecord], config: Config) -> list[Place]:
    """Which of Omie's locations count; a choice names them by id or by code. Pure."""
    wanted = None if config.stock.locations == "all" else {str(code) for code in config.stock.locations}
    return [
        Place(row.external_id, row.name or row.external_id, str(row.data.get("tipo") or ""))
        for row in rows
        if row.active
        and row.data.get("dispVenda") == "S"
        and (wanted is None or wanted & {row.external_id, str(row.data.get("codigo"))})
    ]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A table as it is written."""

    html: str
    """With its stamp."""
    digest: str
    at: datetime
    """The moment in the stamp."""


def draw(places: Sequence[Place], level: StockLevel, config: Config, now: datetime) -> Drawn:
    """The table of a level; what Ploomes was told already changed when it was told. Pure."""
    html = table(rows_of(places, level.figures, config.stock.balance))
    mark = digest(html)
    at = level.changed_at if level.changed_at is not None and mark == level.shown else now
    return Drawn(stamped(html, at.astimezone(ZoneInfo(config.window.time_zone))), mark, at)

"""What we know of stock: levels of products, the places that count, and the table both make."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Gateway, Vendor
from app.sync.config.document import Config
from app.sync.lookups import known
from app.sync.lookups.sets import Sets
from app.sync.models import Integration, KnownRecord
from app.sync.stock.models import StockLevel
from app.sync.stock.table import Figures, Place, digest, rows_of, stamped, table

EMPTY = "stock_empty"
"""Under this name the index remembers when the list of all stock was empty; under `stock` when it was not."""
PLACES_SET = "stock_locations"
PLACES_SECONDS = 900.0
"""How old the list of places may be."""


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


async def pages_at(session: AsyncSession, integration_id: int) -> datetime | None:
    """When the stock of all products was last read in pages: what they did not tell of has nothing anywhere."""
    read = [await known.whole_at(session, integration_id, Vendor.OMIE, name) for name in ("stock", EMPTY)]
    return max((at for at in read if at is not None), default=None)


async def show(session: AsyncSession, level_id: int, shown: str) -> None:
    """Remembers what Ploomes shows of a product's stock."""
    await session.execute(update(StockLevel).where(StockLevel.id == level_id).values(shown=shown))


class Places:
    """The places whose stock an integration shows."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._sets = Sets(db, clock)

    async def of(self, integration: Integration, config: Config, omie: Gateway) -> list[Place]:
        """Active places that are enabled for sale, and chosen (F135, F148). Raises Postponed, VendorError."""
        if not await self._sets.lately(integration.id, Vendor.OMIE, PLACES_SET, PLACES_SECONDS):
            await self._sets.read(integration.id, Vendor.OMIE, PLACES_SET, omie)
        async with self._db.read() as session:
            rows = await known.everything(session, integration.id, Vendor.OMIE, PLACES_SET)
        return chosen(rows, config)


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


def draw(places: Sequence[Place], figures: dict[str, Figures], config: Config, at: datetime) -> tuple[str, str]:
    """The table with its stamp, and its digest. Pure."""
    html = table(rows_of(places, figures, config.stock.balance))
    return stamped(html, at.astimezone(ZoneInfo(config.window.time_zone))), digest(html)

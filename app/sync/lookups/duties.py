"""When each duty of the watch was last done, kept in our own index."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import Vendor
from app.sync.lookups import known

DUTIES = "duties"
"""The set of our index that remembers them."""
LONG_AGO = timedelta(days=7)


async def last_done(session: AsyncSession, integration_id: int) -> Mapping[str, datetime]:
    """Moment by duty, of those that were ever done."""
    rows = await known.everything(session, integration_id, Vendor.OMIE, DUTIES)
    return {row.external_id: row.seen_at for row in rows}


async def done(session: AsyncSession, integration_id: int, duty: str, at: datetime) -> None:
    """Remembers when a duty was last done."""
    await known.upsert(session, integration_id, [known.Known(Vendor.OMIE, DUTIES, duty)], at)


async def due(session: AsyncSession, integration_id: int, duty: str, now: datetime) -> None:
    """Makes a duty due, whenever it was last done."""
    await done(session, integration_id, duty, now - LONG_AGO)

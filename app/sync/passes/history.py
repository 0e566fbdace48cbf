"""Orders and sales from before the activation: asked for by two switches and a date, counted first (F258-F260).

The pass that follows an activation, or the publishing that turns a switch on, is a resync like any other: it lists both
sides, counts, and writes in the window. What the switches leave out is counted by side in every plan.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import Entity, JsonObject, Vendor
from app.sync.config.document import Config
from app.sync.passes.models import Resync
from app.sync.sales.gate import HISTORY

ENTITIES = (Entity.ORDERS.value, Entity.SERVICE_ORDERS.value)
LOOKED_AT = 20
"""How many of the latest passes may hold the last count."""


def wished(config: Config) -> bool:
    """Whether anything from before the activation is to be synced."""
    return config.history.omie_orders or config.history.ploomes_sales


async def left_out(session: AsyncSession, integration_id: int) -> JsonObject | None:
    """How many records the last complete list of sales left out because they are older; None before the first one."""
    query = select(Resync.plan).where(Resync.integration_id == integration_id).order_by(Resync.id.desc())
    for plan in await session.scalars(query.limit(LOOKED_AT)):
        counts = plan.get("entities", {})
        if "writes" in plan and ENTITIES[0] in counts:
            return {
                vendor.value: sum(counts.get(entity, {}).get(f"{HISTORY}_in_{vendor.value}", 0) for entity in ENTITIES)
                for vendor in Vendor
            }
    return None

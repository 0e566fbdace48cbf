"""What people do with the stock of all products: ask for it to be read again, and see what that takes (F145)."""

from collections.abc import Mapping
from http import HTTPStatus

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import UserError
from app.core.ports import Gateway, JsonObject, Priority, Vendor
from app.sync.config.document import Config
from app.sync.config.store import ConfigStore
from app.sync.intake import RUNNING
from app.sync.lookups import known
from app.sync.models import Integration, Resync
from app.sync.passes import resync_items as book
from app.sync.passes.flight_plan import merged
from app.sync.passes.models import REFRESH
from app.sync.stock.book import PLACES_SET, chosen, whole
from app.sync.vendors import Gateways

STOCK = "stock"
WORKING = ("scheduled", "running")
OFF: Mapping[str, tuple[str, str]] = {
    "stock": ("Estoque desligado", "A sincronização de estoque está desligada na configuração (entities.stock)."),
    "products": (
        "Produtos desligados",
        "A sincronização de produtos está desligada na configuração (entities.products): o estoque é mostrado neles.",
    ),
}
"""Why there is nothing to refresh while an entity is switched off."""


class StockRefresh:
    """What people do: ask for the stock of all products to be read again."""

    def __init__(self, db: Database, clock: Clock, configs: ConfigStore, gateways: Gateways) -> None:
        self._db = db
        self._clock = clock
        self._configs = configs
        self._gateways = gateways

    async def request(self, integration_id: int) -> Resync:
        """The refresh at work, else a new one, with the requests that it will take. Raises UserError 409 when the
        integration is not active, or stock or the products that show it are switched off."""
        config = await self._configs.get(integration_id)
        for entity, off in OFF.items():
            if not getattr(config.entities, entity):
                raise UserError(HTTPStatus.CONFLICT, *off)
        async with self._db.transaction() as session:
            integration = await session.get(Integration, integration_id, with_for_update=True)
            if integration is None or integration.state not in RUNNING:
                raise UserError(HTTPStatus.CONFLICT, "Integração parada", "Ative a integração antes de atualizar.")
            query = select(Resync).where(
                Resync.integration_id == integration_id, Resync.reason == REFRESH, Resync.state.in_(WORKING)
            )
            row = (await session.execute(query)).scalars().first()
            if row is None:
                row = Resync(
                    integration_id=integration_id, state="scheduled", reason=REFRESH, entities=["stock"],
                    dry_run=False, force=False, start="now", cursor={}, progress={"done": 0, "total": 0}, written={},
                    plan=await self._plan(session, integration, config), requests_used={}, due_at=self._clock.time(),
                    created_at=self._clock.now(),
                )  # fmt: skip
                session.add(row)
        return row

    async def _plan(self, session: AsyncSession, integration: Integration, config: Config) -> JsonObject:
        """The lists that a refresh reads (F145): of stock as long as the last one was, before the first one at most
        every linked product in every place. What differs joins the plan once it is found."""
        omie, _ = self._gateways.open(integration, Priority.PERSON)
        known_places = await known.everything(session, integration.id, Vendor.OMIE, PLACES_SET)
        places, stored = chosen(known_places, config), await whole(session, integration.id)
        rows = stored.rows if stored is not None else None
        if rows is None:
            rows = len(places) * await book.linked(session, integration.id, "products")
        lists = {PLACES_SET: len(known_places), STOCK: rows}
        if known_places and not places:
            lists.pop(STOCK, None)
        calls: dict[str, int] = {}
        for name, count in lists.items():
            price = omie.price(name, "list")
            calls[price.method] = max(1, -(-count // price.rows))
        requests = {Vendor.OMIE.value: calls, Vendor.PLOOMES.value: {}}
        return {"entities": {STOCK: {}}, "requests": requests, "eta_seconds": None}


def plan_with(plan: JsonObject, differing: int, equal: int, ploomes: Gateway) -> JsonObject:
    """The plan of a refresh with what a batch of products takes: of each that differs, a read and a write."""
    counts = plan.get("entities", {}).get(STOCK, {})
    told = {"update_in_ploomes": differing, "unchanged": equal}
    calls = {ploomes.price("products", verb).method: differing for verb in ("read", "update")} if differing else {}
    return {
        **plan,
        "entities": {STOCK: {name: counts.get(name, 0) + count for name, count in told.items()}},
        "requests": merged(plan.get("requests", {}), {Vendor.PLOOMES.value: calls}),
    }

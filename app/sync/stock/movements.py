"""Stock movements: of one product, read once for a burst of them, and shown in Ploomes when a figure changed (F144).

A movement's body is a hint. Two routes of Omie tell a product's stock in every place; each may be asked once a minute
(redundancy interval), so a burst within COALESCE_SECONDS costs two questions at most: one at once, one for the rest.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed
from app.core.ports import Key, Vendor
from app.sync import journal, links
from app.sync.agreement import cause_of
from app.sync.creating import Extra
from app.sync.endings import Endings
from app.sync.lanes import record_lane
from app.sync.models import EventSource, Link, WriteEntry, WriteState
from app.sync.stock.book import Places, draw, ensured, level_of, pages_at, show
from app.sync.stock.models import StockLevel
from app.sync.stock.table import Figures, listed, summed
from app.sync.trip import Trip, done, ignored
from app.sync.writing import Draft, Writer, keep_custom_fields

COALESCE_SECONDS = 15.0
"""Movements of one product this close together are one."""
AGAIN_SECONDS = 61.0
"""Omie refuses the same question about a product before that (reference 1.5)."""
PAGE_HOURS = timedelta(hours=24)
"""A page of a pass counts as read this long, unless a movement came."""
FIELD = "ponte_stock"
COLUMN = "BigStringValue"
REFRESH = "stock_refresh"
"""Reason of a pass over the stock of all products, and topic of its events."""


class Stock:
    """Reads the stock of single products and puts it into Ploomes."""

    def __init__(self, db: Database, clock: Clock, writer: Writer, endings: Endings) -> None:
        self._db = db
        self._clock = clock
        self._writer = writer
        self._endings = endings
        self._places = Places(db, clock)
        self._routes: Mapping[str, Callable[[Trip, str], Awaitable[dict[str, Figures]]]] = {
            "summed": self._summed,
            "listed": self._listed,
        }

    async def moved(self, trip: Trip) -> None:
        """The road of a stock event; ends with it settled. Raises Postponed, LaneBusy, VendorError, LeaseLost."""
        async with self._db.read() as session:
            link = await links.find(session, trip.integration.id, "products", Vendor.OMIE, trip.record_id)
        if link is None:
            text = f"O produto {trip.record_id} do Omie não tem vínculo no Ploomes: o estoque dele não é mostrado lá."
            await self._endings.close(trip, ignored("unlinked", text))
            return
        await trip.lease.take([record_lane(trip.integration, Vendor.PLOOMES, "products", link.ploomes_id)])
        await self._writer.trace("locked")
        await self._resolve(trip)
        level = await self._read(trip, trip.record_id)
        await self._writer.trace("read")
        html, digest = await self._drawn(trip, level)
        if digest == level.shown:
            await self._endings.close(trip, done("unchanged", "Nenhum número do estoque mudou."))
        else:
            await self._write(trip, link, level, html, digest)

    async def first_write(self, trip: Trip) -> Extra | None:
        """The table that a new product carries; None where the configuration wants none (F149)."""
        field_key = trip.refs.field_keys.get(FIELD)
        if not (trip.config.entities.stock and trip.config.stock.after_product_import) or field_key is None:
            return None
        level = await self._read(trip, trip.record_id)
        html, digest = await self._drawn(trip, level)

        async def committed(session: AsyncSession) -> None:
            await show(session, level.id, digest)

        return Extra({"OtherProperties": [{"FieldKey": field_key, COLUMN: html}]}, committed)

    # --- reading -------------------------------------------------------------------------------------------------

    async def _read(self, trip: Trip, product: str) -> StockLevel:
        """The level as Omie tells it now, or as it was told since the event came."""
        async with self._db.read() as session:
            level = await level_of(session, trip.integration.id, product)
            pages = await pages_at(session, trip.integration.id)
        if level is not None and level.read_at is not None and self._counts(trip, level.read_at):
            return level
        if level is None and pages is not None and self._counts(trip, pages):
            return await self._store(trip, product, {}, pages, None)  # pages tell only of what ever moved
        route = await self._free_route(level)
        asked_at = self._clock.now()
        return await self._store(trip, product, await self._routes[route](trip, product), asked_at, route)

    def _counts(self, trip: Trip, read_at: datetime) -> bool:
        """Whether a read takes the event in: it is newer than the event, or a page of the pass that made it."""
        if trip.event.source == EventSource.RESYNC or trip.event.topic == REFRESH:
            return self._clock.now() - read_at < PAGE_HOURS
        return read_at > trip.event.received_at

    async def _free_route(self, level: StockLevel | None) -> str:
        """A route that may be asked about this product now. Raises Postponed until one may."""
        if level is None:
            return "summed"
        now = self._clock.time()
        since = now - max(level.asked.values(), default=0.0)
        if since < COALESCE_SECONDS:
            raise Postponed(COALESCE_SECONDS - since, "juntando movimentos do mesmo produto", "coalescing")
        waits = {route: level.asked.get(route, 0.0) + AGAIN_SECONDS - now for route in self._routes}
        route = min(waits, key=lambda name: max(0.0, waits[name]))
        if waits[route] > 0:
            raise Postponed(waits[route], "o Omie recusa a mesma consulta em menos de um minuto", "redundancy")
        return route

    async def _summed(self, trip: Trip, product: str) -> dict[str, Figures]:
        record = await trip.omie.fetch("stock_summaries", product)
        return summed(record.data) if record is not None else {}

    async def _listed(self, trip: Trip, product: str) -> dict[str, Figures]:
        return dict(listed(row.data) for row in await trip.omie.find("stock", Key("product", product)))

    async def _store(
        self, trip: Trip, product: str, figures: Mapping[str, Figures], read_at: datetime, route: str | None
    ) -> StockLevel:
        async with self._db.transaction() as session:
            level = await ensured(session, trip.integration.id, product)
            level.figures, level.read_at = dict(figures), read_at
            if route is not None:
                level.asked = {**level.asked, route: read_at.timestamp()}
            return level

    # --- writing -------------------------------------------------------------------------------------------------

    async def _drawn(self, trip: Trip, level: StockLevel) -> tuple[str, str]:
        places = await self._places.of(trip.integration, trip.config, trip.omie)
        return draw(places, level.figures, trip.config, self._clock.now())

    async def _write(self, trip: Trip, link: Link, level: StockLevel, html: str, digest: str) -> None:
        field_key = trip.refs.field_keys.get(FIELD)
        record = await trip.ploomes.fetch("products", link.ploomes_id)
        if record is None or field_key is None:
            text = "O produto ou o campo “Estoque (Omie)” não existe no Ploomes."
            await self._endings.close(trip, ignored("no_field", text))
            return
        await self._writer.trace("decided")
        body = keep_custom_fields({"OtherProperties": [{"FieldKey": field_key, COLUMN: html}]}, record.data)
        draft = Draft(Vendor.PLOOMES, "update", link.ploomes_id, body, {"stock": digest}, {"stock": level.shown})
        entry, _ = await self._writer.send(trip, draft)
        async with self._db.transaction() as session:
            row = await session.get_one(WriteEntry, entry.id)
            row.link_id = link.id
            journal.finish(row, WriteState.DONE, self._clock.now())
            version = trip.integration.config_version
            change = journal.change_of(
                row, cause=cause_of(trip.event), at=self._clock.now(), lost={}, config_version=version
            )
            change.notes = [*change.notes, "A tabela de estoque foi atualizada."]
            session.add(change)
            await show(session, level.id, digest)
            trip.event.link_id = link.id
            await self._endings.close_in(session, trip, done("written", "O estoque foi atualizado no Ploomes."))
        await self._writer.trace("committed")

    async def _resolve(self, trip: Trip) -> None:
        """A write whose answer was lost is simply made again: the same table twice is the same table."""
        if not trip.unfinished:
            return
        async with self._db.transaction() as session:
            for entry in trip.unfinished:
                row = await session.get_one(WriteEntry, entry.id)
                journal.finish(row, WriteState.RESOLVED, self._clock.now(), "resposta perdida; enviado de novo")
        trip.unfinished = ()

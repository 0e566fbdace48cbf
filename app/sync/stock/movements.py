"""Stock movements: of one product, read once for a burst of them, and shown in Ploomes when a figure changed (F144).

A movement's body is a hint. Two routes of Omie tell a product's stock in every place; each may be asked once a minute
(redundancy interval), so a burst within COALESCE_SECONDS costs two questions at most: one at once, one for the rest.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed
from app.core.ports import JsonObject, Key, Vendor
from app.sync import journal, links
from app.sync.agreement import FREEZE_SECONDS, cause_of
from app.sync.creating import Extra
from app.sync.endings import Endings
from app.sync.issues import Finding
from app.sync.lanes import record_lane
from app.sync.lookups import known
from app.sync.mapping.decide import fights
from app.sync.mapping.fields import Values
from app.sync.models import Event, EventSource, EventState, Link, WriteEntry, WriteState
from app.sync.passes.models import MAPPING
from app.sync.passes.resync_items import pass_of
from app.sync.stock.book import (
    EDITED,
    LINKED,
    Drawn,
    Places,
    covers,
    draw,
    ensured,
    field_gone,
    is_ours,
    level_of,
    show,
    whole,
)
from app.sync.stock.models import StockLevel
from app.sync.stock.table import (
    COLUMN,
    FIELD,
    Figures,
    Place,
    listed,
    position_in,
    says_the_same,
    summed,
    text_in,
)
from app.sync.trip import Outcome, Trip, done, ignored
from app.sync.writing import Draft, Writer

COALESCE_SECONDS = 15.0
"""Movements of one product this close together are one."""
AGAIN_SECONDS = 61.0
"""Omie refuses the same question about a product before that (reference 1.5)."""
MOVED = (EventSource.WEBHOOK, EventSource.FOREIGN)
BODIES_MOST = 20
"""Movements since the last read whose bodies are looked into; more of them are read."""
PAGE_HOURS = timedelta(hours=24)
"""A page of a pass counts as read this long, unless a movement came."""
NO_FIRST = ignored("no_first_table", "Pela configuração, o estoque aparece só depois do próximo movimento.")
NO_FIELD = ignored("no_field", "O produto ou o campo “Estoque (Omie)” não existe no Ploomes.")
BodyReader = Callable[[str], tuple[JsonObject | None, JsonObject | None]]
"""Takes a webhook body to (record now, record before), in the shape of Omie's API."""
UPDATED, RESTORED = "A tabela de estoque foi atualizada.", "A tabela de estoque foi restaurada."


class Stock:
    """Reads the stock of single products and puts it into Ploomes."""

    def __init__(self, db: Database, clock: Clock, writer: Writer, endings: Endings, body_reader: BodyReader) -> None:
        self._db = db
        self._clock = clock
        self._body_reader = body_reader
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
        if trip.event.topic == LINKED and not await self._wants_table(trip):
            await self._endings.close(trip, NO_FIRST)
            return
        level, drawn = await self._look(trip)
        await self._writer.trace("read")
        if drawn.digest == level.shown and not level.edited:
            await self._endings.close(trip, done("unchanged", "Nenhum número do estoque mudou."))
        else:
            await self._write(trip, link, level, drawn)

    async def _wants_table(self, trip: Trip) -> bool:
        """Whether a product that was linked shows its stock at once (F149), or does so already."""
        async with self._db.read() as session:
            level = await level_of(session, trip.integration.id, trip.record_id)
        return trip.config.stock.after_product_import or (level is not None and level.shown is not None)

    async def first_write(self, trip: Trip) -> Extra | None:
        """The table that a new product carries; None where the configuration wants none (F149)."""
        field_key = trip.refs.field_keys.get(FIELD)
        if not (trip.config.entities.stock and trip.config.stock.after_product_import) or field_key is None:
            return None
        level, drawn = await self._look(trip)

        async def committed(session: AsyncSession, record: JsonObject) -> None:
            await show(session, level.id, drawn.digest, text_in(record, field_key), drawn.at)

        return Extra({"OtherProperties": [{"FieldKey": field_key, COLUMN: drawn.html}]}, committed)

    # --- reading -------------------------------------------------------------------------------------------------

    async def _look(self, trip: Trip) -> tuple[StockLevel, Drawn]:
        """The level of the trip's product, and the table it gives."""
        places = await self._places.of(trip.integration, trip.config, trip.omie)
        level = await self._read(trip, trip.record_id, places)
        if await self._places.learn(trip.integration, level.figures.keys() - {each.id for each in places}, trip.omie):
            places = await self._places.of(trip.integration, trip.config, trip.omie)
        return level, draw(places, level, trip.config, self._clock.now())

    async def _read(self, trip: Trip, product: str, places: Sequence[Place]) -> StockLevel:
        """The level as Omie tells it now, or as it was told of all these places since the event came."""
        async with self._db.read() as session:
            level = await level_of(session, trip.integration.id, product)
            pages = await whole(session, trip.integration.id)
            told_at = level.read_at if level is not None else pages.at if pages is not None else None
            counts = (
                told_at is not None
                and covers(level, pages, places)
                and await self._counts(session, trip, product, told_at, level)
            )
        if counts and level is not None:
            return level
        if counts and told_at is not None:
            return await self._store(trip, product, {}, told_at, None)  # pages tell only of what ever moved
        route = await self._free_route(level)
        asked_at = self._clock.now()
        return await self._store(trip, product, await self._routes[route](trip, product), asked_at, route)

    async def _counts(
        self, session: AsyncSession, trip: Trip, product: str, read_at: datetime, level: StockLevel | None
    ) -> bool:
        """Whether a read takes the event in, and every movement that came before: one that this event superseded too.
        A movement that came since tells nothing where its body carries the figures that are known: bodies only screen.

        A page of a pass counts a day, also for a product just linked; what only draws again, whatever is known.
        """
        event = trip.event
        moved = select(Event.body).where(
            Event.integration_id == trip.integration.id,
            Event.vendor == Vendor.OMIE,
            Event.entity == "stock",
            Event.external_id == product,
            Event.source.in_(MOVED),
            Event.state != EventState.ECHO,
            Event.received_at >= read_at,
        )
        bodies = (await session.scalars(moved.limit(BODIES_MOST))).all()
        if bodies:
            if level is None or len(bodies) == BODIES_MOST:
                return False
            if not all(self._is_known(body, level.figures) for body in bodies):
                return False
            if event.source in MOVED:
                return True
        if event.source == EventSource.RESYNC or event.topic == LINKED:
            return self._clock.now() - read_at < PAGE_HOURS or await _redraws(session, event)
        return event.topic == EDITED or read_at > event.received_at

    def _is_known(self, body: str | None, figures: Mapping[str, Figures]) -> bool:
        position, _ = self._body_reader(body) if body else (None, None)
        told = position_in(position) if position is not None else None
        return told is not None and figures.get(told[0], {}) == told[1]

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

    async def _write(self, trip: Trip, link: Link, level: StockLevel, drawn: Drawn) -> None:
        field_key = trip.refs.field_keys.get(FIELD)
        async with self._db.read() as session:
            gone = await field_gone(session, trip.integration.id, field_key)
        if field_key is None or gone:
            await self._endings.close(trip, NO_FIELD)
            return
        record = await trip.ploomes.fetch("products", link.ploomes_id)
        text = text_in(record.data, field_key) if record is not None else None
        cleared = text is None and level.shown is not None
        if record is None or (cleared and await self._vanished(trip, field_key)):
            await self._endings.close(trip, NO_FIELD)
            return
        restores = drawn.digest == level.shown
        if restores and (is_ours(level, text) or says_the_same(drawn.html, text)):
            async with self._db.transaction() as session:
                await show(session, level.id, drawn.digest, text)
                ending = done("unchanged", "O Ploomes mostra a tabela que foi gravada.")
                await self._endings.close_in(session, trip, ending)
            return
        if restores and await self._fights(link, drawn.digest):
            detail = "A tabela de estoque é alterada no Ploomes cada vez que é restaurada."
            finding, due = Finding("oscillation", detail), self._clock.time() + FREEZE_SECONDS
            await self._endings.close(trip, Outcome(EventState.WAITING, finding.cause, detail, due, finding))
            return
        await self._writer.trace("decided")
        body = {"OtherProperties": [{"FieldKey": field_key, COLUMN: drawn.html}]}
        after: Values = {"stock": drawn.digest}
        before: Values = {"stock": level.shown}
        draft = Draft(Vendor.PLOOMES, "update", link.ploomes_id, body, after, before, over=record.data)
        entry, written = await self._writer.send(trip, draft)
        async with self._db.transaction() as session:
            row = await session.get_one(WriteEntry, entry.id)
            row.link_id = link.id
            journal.finish(row, WriteState.DONE, self._clock.now())
            version = trip.integration.config_version
            change = journal.change_of(
                row, cause=cause_of(trip.event), at=self._clock.now(), lost={}, config_version=version
            )
            change.notes = [*change.notes, RESTORED if restores and trip.event.topic != LINKED else UPDATED]
            session.add(change)
            await show(session, level.id, drawn.digest, text_in(written.data or {}, field_key), drawn.at)
            trip.event.link_id = link.id
            await self._endings.close_in(session, trip, done("written", "O estoque foi atualizado no Ploomes."))
        await self._writer.trace("committed")

    async def _fights(self, link: Link, digest: str) -> bool:
        """Whether an automation of Ploomes undoes the table as often as it is put back."""
        async with self._db.read() as session:
            turns = await journal.recent_turns(session, link.id, ["stock"], self._clock.now())
        return fights(turns["stock"], Vendor.PLOOMES, digest, restores=True)

    async def _vanished(self, trip: Trip, field_key: str) -> bool:
        """A table that is gone may have gone with its field: looked up once, and remembered."""
        found = await trip.ploomes.fetch("fields", field_key)
        if found is not None:
            return False
        async with self._db.transaction() as session:
            gone = known.Known(Vendor.PLOOMES, "fields", field_key)
            await known.upsert(session, trip.integration.id, [gone], self._clock.now(), gone=True)
        return True

    async def _resolve(self, trip: Trip) -> None:
        """A write whose answer was lost is simply made again: the same table twice is the same table."""
        if not trip.unfinished:
            return
        async with self._db.transaction() as session:
            for entry in trip.unfinished:
                row = await session.get_one(WriteEntry, entry.id)
                journal.finish(row, WriteState.RESOLVED, self._clock.now(), "resposta perdida; enviado de novo")
        trip.unfinished = ()


async def _redraws(session: AsyncSession, event: Event) -> bool:
    """Whether a publish made the event: it changes no figure, so the stored ones serve however old they are."""
    row = await pass_of(session, event)
    return row is not None and row.reason == MAPPING

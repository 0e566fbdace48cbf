"""The road of one event, from its claim to its settlement; reads top to bottom as design section 5.

claimed -> lanes -> newer notice? -> body screen -> read both sides -> agreement | placing | deletion -> settled
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import metrics
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, VendorError
from app.core.ports import JsonObject, Kind, Priority, Vendor
from app.core.usage import Usage, counting
from app.sync import inbox, issues, journal, links, same_record
from app.sync.agreement import Agreement
from app.sync.config.document import Config
from app.sync.config.sharing import HELD, OVERLAP, SALES
from app.sync.config.store import ConfigStore
from app.sync.config.window import opening_of
from app.sync.deletion import RETIRED_TOPIC, Deletion
from app.sync.endings import Endings
from app.sync.entities import BUILT, RULES, custom_fields_of
from app.sync.lanes import Lanes
from app.sync.lookups import known
from app.sync.lookups.references import References
from app.sync.mapping.canonical import body_values
from app.sync.mapping.fields import MissingReference, get_path
from app.sync.models import Event, EventSource, EventState, Integration, IntegrationState, Link, LinkState, WriteEntry
from app.sync.passes import first_load, resync_execute
from app.sync.passes.off_hours import WINDOW
from app.sync.passes.resync_items import of_pass
from app.sync.placing import Placing, ended_outcome
from app.sync.reading import Reading, recall, remember
from app.sync.sales import waits
from app.sync.sales.road import SalesRoad
from app.sync.scoping import Scoping
from app.sync.sellers import Sellers
from app.sync.setup.credentials import fingerprint
from app.sync.stock.book import edited_of, put_back
from app.sync.stock.movements import Stock
from app.sync.stock.table import text_in
from app.sync.trip import Outcome, Tracer, Trip, ignored
from app.sync.twins import Twins
from app.sync.vendors import Gateways
from app.sync.writing import Writer

LIVE_STATES = (IntegrationState.ACTIVE, IntegrationState.AWAITING_FIRST_WEBHOOK)

BodyReader = Callable[[str], tuple[JsonObject | None, JsonObject | None]]
"""Takes a webhook body to (record now, record before), in the shape of the vendor's API."""


class Engine:
    """Processes events. Everything it needs is handed in; it owns no state of its own."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        lanes: Lanes,
        gateways: Gateways,
        configs: ConfigStore,
        body_readers: Mapping[Vendor, BodyReader],
        trace: Tracer,
    ) -> None:
        self._db = db
        self._clock = clock
        self._lanes = lanes
        self._gateways = gateways
        self._configs = configs
        self._body_readers = body_readers
        self._trace = trace
        writer = Writer(db, clock, trace)
        endings = self._endings = Endings(db, clock)
        self.references = References(db, clock, lanes)
        self.agreement = Agreement(db, clock, self.references, writer, endings, trace)
        self._reading = Reading(db, clock, self.agreement)
        stock = Stock(db, clock, writer, endings, body_readers[Vendor.OMIE])
        twins = Twins(db, clock, self.agreement, self._reading)
        self._placing = Placing(
            db, clock, self.agreement, writer, self._reading, endings, twins,
            {"products": stock.first_write, "clients": Scoping(db, clock).of_client},
        )  # fmt: skip
        self._deletion = Deletion(db, clock, self.agreement, writer, self._reading, endings, twins)
        self._roads: Mapping[str, Callable[[Trip], Awaitable[None]]] = {
            "sellers": Sellers(db, clock, self.references, endings).refresh,
            "stock": stock.moved,
            **SalesRoad(db, clock, writer, self.agreement, trace).roads(),
        }
        """Entities that are not kept as pairs, and what processes their events."""

    async def process(self, event: Event) -> None:
        """Takes a claimed event down the road and settles or parks it.

        Raises Postponed, LaneBusy, LeaseLost, VendorError, RefusedBefore: the caller decides when to come back.
        """
        await self._trace("claimed")
        version, config = await self._configs.current(event.integration_id)
        async with self._db.read() as session:
            integration = await session.get_one(Integration, event.integration_id)
            opening = await self._held_until(session, event, config)
        closed = gate(integration, event, config.entities.model_dump(), opening)
        if closed is not None:
            async with self._db.transaction() as session:
                await inbox.conclude(session, event, closed, now=self._clock.now())
            return
        usage = Usage()
        try:
            with counting(usage):
                await self._drive(event, integration, config, version)
        except VendorError as error:
            error.used = fingerprint(integration)
            raise
        finally:
            await resync_execute.spent(self._db, event, usage)

    async def _held_until(self, session: AsyncSession, event: Event, config: Config) -> float | None:
        """Until when an event of a pass must rest because the off-hours window is closed, or about to. What a person or
        a live record waits for by now rests no more."""
        if not of_pass(event) or event.priority < Priority.BULK:
            return None
        opening = opening_of(config.window.window(), self._clock.now())
        if event.topic == first_load.REASON:
            return await first_load.held_until(session, event, opening)
        return await resync_execute.held_until(session, event, opening)

    async def _drive(self, event: Event, integration: Integration, config: Config, version: int) -> None:
        omie, ploomes = self._gateways.open(integration, Priority(event.priority))
        refs = await self.references.of(integration, config, omie, ploomes, custom_fields_of(str(event.entity)))
        async with self._lanes.hold() as lease:
            trip = Trip(event, integration, config, omie, ploomes, lease, refs, config_version=version)
            trip.reads, trip.paged = recall(event.memo)
            try:
                if await self._enter(trip):
                    await self._travel(trip)
            except Exception:
                event.memo = remember(trip.reads, trip.paged)
                raise
            if trip.wrote:
                seconds = (self._clock.now() - event.received_at).total_seconds()
                metrics.ROAD_SECONDS.labels(trip.entity, event.vendor).observe(seconds)

    # --- entering the lane ---------------------------------------------------------------------------------------

    async def _enter(self, trip: Trip) -> bool:
        """Takes the lanes of the pair and looks at the book once; False when the event ends here."""
        event, integration = trip.event, trip.integration
        async with self._db.transaction() as session:
            await trip.lease.take_in(session, [trip.lane(trip.vendor, trip.record_id)])
            trip.link = await self._link_of(session, trip)
            newer = await same_record.newer_open(session, event, trip.siblings)
            if newer is not None:
                reason = f"Um aviso mais novo do mesmo registro (evento {newer.id}) o substitui."
                await inbox.settle(session, event, EventState.SUPERSEDED, reason, "superseded", now=self._clock.now())
                return False
            await same_record.supersede_older(session, event, trip.siblings, now=self._clock.now())
            if trip.link is None:
                ended = await links.find(
                    session, integration.id, trip.entity, trip.vendor, trip.record_id, living=False
                )
                if ended is not None and trip.entity in RULES:
                    if not await self._asked_again(session, trip, ended):
                        await self._honour(session, trip, ended)
                        return False
                    trip.link = ended
            if trip.link is not None:
                other = trip.vendor.other
                await trip.lease.take_in(session, [trip.lane(other, links.id_of(trip.link, other))])
            trip.unfinished = await self._unfinished(session, trip)
        await self._trace("locked")
        return True

    async def _honour(self, session: AsyncSession, trip: Trip, ended: Link) -> None:
        """Nothing comes back by itself. When the half that was left is deleted too, or a person said to leave it so,
        nothing is left to be asked."""
        gone = trip.event.kind == Kind.DELETED and await known.mark_gone(
            session, ended.integration_id, trip.vendor, trip.set_of(trip.vendor), trip.record_id, self._clock.now()
        )
        asked = await issues.open_of(session, ended.integration_id, trip.entity, links.records(ended))
        if gone or any(issue.answer == "discard" for issue in asked):
            await self._endings.close_in(session, trip, ended_outcome(ended), ended)
        else:
            await inbox.conclude(session, trip.event, ended_outcome(ended), now=self._clock.now())

    async def _asked_again(self, session: AsyncSession, trip: Trip, ended: Link) -> bool:
        """True when a person wants a refused deletion tried again, or nothing uses a retired record any more, and the
        record has not found another partner."""
        asked = trip.event.source == EventSource.PERSON or trip.event.topic == RETIRED_TOPIC
        if not asked or trip.event.kind != Kind.DELETED:
            return False
        other = trip.vendor.other
        partner = await links.holder(session, ended.integration_id, ended.entity, other, links.id_of(ended, other))
        return ended.state == LinkState.DELETED and partner is None

    async def _link_of(self, session: AsyncSession, trip: Trip) -> Link | None:
        """The living link of the event's record. Where entities share a set in Ploomes, its webhook does not tell
        which of them the record is: its link does, and the event becomes one of that entity."""
        for living in (True, False):
            for entity in (trip.entity, *trip.siblings):
                link = await links.find(
                    session, trip.integration.id, entity, trip.vendor, trip.record_id, living=living
                )
                if link is not None:
                    await inbox.become(session, trip.event, entity)
                    return link if living else None
        return None

    async def _unfinished(self, session: AsyncSession, trip: Trip) -> list[WriteEntry]:
        ids = {trip.vendor: trip.record_id}
        if trip.link is not None:
            ids = {vendor: links.id_of(trip.link, vendor) for vendor in Vendor}
        return [
            entry
            for vendor, external_id in ids.items()
            for entry in await journal.unfinished(session, trip.integration.id, trip.entity, vendor, external_id)
        ]

    # --- the road ------------------------------------------------------------------------------------------------

    async def _travel(self, trip: Trip) -> None:
        if (own := self._roads.get(trip.entity)) is not None:
            await own(trip)
        elif trip.event.kind == Kind.DELETED:
            if trip.link is None:
                await self._placing.gone(trip)  # a delete event is believed: asking would cost a counted error
            else:
                await self._deletion.mirror(trip, trip.link, trip.vendor)
        elif trip.link is None:
            await self._await_twin(trip)
            await self._placing.place(trip)
        elif (gone := await self._gone_half(trip, trip.link)) is not None:
            await self._deletion.mirror(trip, trip.link, gone)  # it waits for a person; reading would prove nothing new
        elif not await self._screened(trip, trip.link):
            await self._compare(trip, trip.link)

    async def _await_twin(self, trip: Trip) -> None:
        """The echo of a create of ours may come before its link is committed: whose id the body carries tells whom to
        wait for, which spares a read. Raises LaneBusy while the twin is in hand, or was linked meanwhile."""
        event = trip.event
        if trip.vendor is not Vendor.PLOOMES or event.source != EventSource.WEBHOOK or not event.body:
            return
        new, _ = self._body_readers[trip.vendor](event.body)
        held = get_path(new, "@ponte_omie_id:StringValue", trip.refs) if new else None
        carried = trip.rules.other_id(trip.vendor, new, str(held)) if new and held else None
        if carried is None:
            return
        name = trip.lane(Vendor.OMIE, carried)
        await trip.lease.take([name])
        async with self._db.read() as session:
            linked = await links.find(session, trip.integration.id, trip.entity, trip.vendor, trip.record_id)
        if linked is not None:
            raise LaneBusy(name)

    async def _gone_half(self, trip: Trip, link: Link) -> Vendor | None:
        """The side of a living link whose record is known to be deleted."""
        async with self._db.read() as session:
            for vendor in Vendor:
                row = await known.get(
                    session, link.integration_id, vendor, trip.set_of(vendor), links.id_of(link, vendor)
                )
                if row is not None and row.gone_at is not None:
                    return vendor
        return None

    async def _screened(self, trip: Trip, link: Link) -> bool:
        """Settles the event without a vendor call when its body equals the base in every mapped field."""
        event = trip.event
        if trip.unfinished or event.source != EventSource.WEBHOOK or not event.body or event.repeats:
            return False
        if link.state != LinkState.ACTIVE or event.cause not in (None, "lane", "limit"):
            return False  # what waited for something else than its turn was found to differ
        new, old = self._body_readers[trip.vendor](event.body)
        if new is None:
            return False
        try:
            values = body_values(trip.vendor, trip.rows, new, old, trip.refs)
        except MissingReference:
            return False
        base = link.omie_base if trip.vendor is Vendor.OMIE else link.ploomes_base
        if values is None or any(row_id not in base or base[row_id] != value for row_id, value in values.items()):
            return False
        if trip.vendor is Vendor.PLOOMES:
            await self._look_at_table(trip, link, new)
        if trip.vendor is Vendor.PLOOMES and event.author == trip.integration.ploomes_user_id:
            outcome = Outcome(EventState.ECHO, "own_write", "Eco da nossa própria gravação: nada mudou.")
        else:
            outcome = Outcome(EventState.DONE, "unchanged", "Nenhum campo mapeado mudou.")
        async with self._db.transaction() as session:
            if await self._stands_for_others(session, trip, links.seen(link, trip.vendor)[1]):
                return False
            if await issues.open_of(session, event.integration_id, event.entity, links.records(link)):
                return False  # a value typed back may solve it, and that is for the road to find out
            event.link_id = link.id
            await inbox.conclude(session, event, outcome, now=self._clock.now())
            await waits.wake(
                session, event.integration_id, [(event.vendor, trip.entity, trip.record_id)], self._clock.time()
            )
        return True

    async def _stands_for_others(self, session: AsyncSession, trip: Trip, seen_at: datetime | None) -> bool:
        """True when it superseded events newer than our last look: bodies may come in another order than edits."""
        event = trip.event
        query = (
            select(Event.id)
            .where(
                Event.integration_id == event.integration_id,
                Event.vendor == event.vendor,
                Event.entity.in_((event.entity, *trip.siblings)),
                Event.external_id == event.external_id,
                Event.id < event.id,
                Event.state == EventState.SUPERSEDED,
            )
            .limit(1)
        )
        if seen_at is not None:
            query = query.where(Event.received_at >= seen_at)
        return (await session.execute(query)).first() is not None

    async def _compare(self, trip: Trip, link: Link) -> None:
        omie, ploomes = await asyncio.gather(
            self._reading.side(trip, link, Vendor.OMIE), self._reading.side(trip, link, Vendor.PLOOMES)
        )
        await self._trace("read")
        if omie is None or ploomes is None:
            await self._deletion.mirror(trip, link, Vendor.OMIE if omie is None else Vendor.PLOOMES)
        else:
            if ploomes.record is not None:
                await self._look_at_table(trip, link, ploomes.record.data)
            await self.agreement.agree(trip, link, omie, ploomes)

    async def _look_at_table(self, trip: Trip, link: Link, record: JsonObject) -> None:
        """A table of stock that somebody edited in Ploomes is put back (F005). A body only hints: the event reads."""
        field_key = trip.refs.field_keys.get(trip.rules.STOCK_FIELD or "")
        if field_key is None or not trip.config.entities.stock:
            return
        texts = {link.omie_id: text_in(record, field_key)}
        async with self._db.read() as session:
            edited = await edited_of(session, trip.integration.id, texts)
        if edited:
            async with self._db.transaction() as session:
                await put_back(session, trip.integration.id, edited, trip.event.priority, self._clock.now())


def gate(
    integration: Integration, event: Event, entities: Mapping[str, bool], opening: float | None = None
) -> Outcome | None:
    """Why an event goes no further than the door of the engine; None lets it in. `opening` holds a load back. Pure."""
    if integration.deleted_at is not None:
        return ignored("integration_deleted", "A integração foi excluída.")
    if integration.state not in LIVE_STATES:
        return Outcome(EventState.WAITING, "inactive", "A integração não está ativa; o aviso é aplicado na reativação.")
    if event.kind == Kind.UNREADABLE:
        return ignored("unreadable", "O conteúdo do aviso não pôde ser entendido.")
    if event.entity is None or event.external_id is None:
        return ignored("unknown_topic", f"O tópico {event.topic} não interessa à sincronização.")
    if event.entity not in BUILT:
        return ignored("not_built", f"A sincronização de {event.entity} ainda não existe nesta versão.")
    if not entities.get(event.entity, True):
        return ignored("switched_off", f"A sincronização de {event.entity} está desligada na configuração.")
    held = integration.provisioned.get(HELD)
    if held is not None and event.entity in SALES:
        return Outcome(EventState.WAITING, OVERLAP, held)
    if opening is not None:
        return Outcome(EventState.WAITING, WINDOW, "Aguardando a janela fora do horário comercial.", opening)
    return None

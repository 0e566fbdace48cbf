"""The road of sales: one sale of Ploomes, its product order and its service order in Omie (design sections 5 and 8).

find the sale -> read it and its documents -> partners -> pre-flight -> agree or create -> show -> settled
"""

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, VendorError
from app.core.ports import Kind as NoticeKind
from app.core.ports import Vendor
from app.sync import journal, links
from app.sync.agreement import Agreement, RefusedBefore
from app.sync.issues import REFUSED_BY
from app.sync.lanes import record_lane
from app.sync.models import Event, EventState, Link, LinkState, WriteEntry
from app.sync.sales.book import PROOF, Book
from app.sync.sales.building import Building
from app.sync.sales.carriers import CarrierMissing, Carriers
from app.sync.sales.choices import wanted_now
from app.sync.sales.companies import Companies
from app.sync.sales.documents import KINDS, ORDERS
from app.sync.sales.ends import Ends
from app.sync.sales.gate import sale_refused
from app.sync.sales.gathering import LINES_ONLY, Gathering
from app.sync.sales.looks import Looks
from app.sync.sales.preflight import Facts, unmet, warnings
from app.sync.sales.proof import Proof
from app.sync.sales.receiving import Receiving
from app.sync.sales.sale import Sale, read_sale
from app.sync.sales.sending import Sending
from app.sync.sales.showing import Showing
from app.sync.sales.visit import Held, Visit
from app.sync.sales.waits import PREFLIGHT
from app.sync.scoping import Scoping
from app.sync.trip import Outcome, Tracer, Trip, done, ignored
from app.sync.writing import Writer

ASK_AGAIN_SECONDS = 600.0
"""How often a sale looks again at what no notice tells of: accounts, categories, users, families."""
REFUSALS = frozenset({Fault.INVALID, Fault.MISSING_REFERENCE, Fault.DUPLICATE, Fault.UNKNOWN})


class SalesRoad:
    """Processes events of sales and of their documents."""

    def __init__(self, db: Database, clock: Clock, writer: Writer, agreement: Agreement, trace: Tracer) -> None:
        self._db = db
        self._clock = clock
        self._trace = trace
        self._gathering = Gathering(db, clock)
        self._book = Book(db, clock)
        self._looks = Looks(db, clock)
        self._proof = Proof(db, clock, self._book)
        carriers = Carriers(db, clock, writer)
        building = Building(clock, agreement, self._gathering, carriers)
        self._sending = Sending(db, clock, writer, agreement, building, self._book)
        self._showing = Showing(db, clock, writer, self._book)
        self._ends = Ends(db, clock, writer, self._book)
        self._companies = Companies(db, clock)
        self._receiving = Receiving(
            db, clock, writer, self._gathering, self._book, self._showing, self._proof, Scoping(db, clock)
        )

    def roads(self) -> dict[str, Callable[[Trip], Awaitable[None]]]:
        """What the engine calls, by entity."""
        return dict.fromkeys(KINDS, self.travel)

    async def travel(self, trip: Trip) -> None:
        """Ends with the event settled. Raises LaneBusy, Postponed, VendorError, LeaseLost."""
        visit = await self._open(trip)
        try:
            await self._go(visit)
        except RefusedBefore as before:
            text = f"O {before.vendor.label} recusou e os dados não mudaram desde então: {before.text}"
            await self._refused(visit, before.vendor, text)
        except VendorError as error:
            if error.fault not in REFUSALS or not error.permanent:
                raise
            vendor = Vendor(error.vendor)
            await self._refused(visit, vendor, f"O {vendor.label} recusou: {error.text}", error.fault)

    # --- the sale of an event ------------------------------------------------------------------------------------

    async def _open(self, trip: Trip) -> Visit:
        """The sale of the event, its links, and the lanes of everything they name."""
        sale_id = trip.record_id if trip.vendor is Vendor.PLOOMES else trip.link.ploomes_id if trip.link else ""
        visit = Visit(trip, sale_id, self._clock.now())
        async with self._db.transaction() as session:
            if sale_id:
                await self._book_of(session, visit)
            lanes = [record_lane(trip.integration, "omie", link.entity, link.omie_id) for link in visit.links.values()]
            if sale_id:
                lanes.append(record_lane(trip.integration, "ploomes", ORDERS, sale_id))
            await trip.lease.take_in(session, lanes)
            await self._unfinished(session, visit)
        return visit

    async def _book_of(self, session: AsyncSession, visit: Visit) -> None:
        found = await session.scalars(
            select(Link)
            .where(
                Link.integration_id == visit.integration_id,
                Link.entity.in_(KINDS),
                Link.ploomes_id == visit.sale_id,
            )
            .order_by(Link.id)
        )
        for link in found:
            if link.state in links.LIVING:
                visit.links[link.entity] = link
                continue
            visit.past[link.entity] = visit.past.get(link.entity, 0) + 1
            if link.state == LinkState.EXCLUDED or not link.document.get("replaceable"):
                visit.closed.add(link.entity)

    async def _unfinished(self, session: AsyncSession, visit: Visit) -> None:
        for entity in KINDS:
            found: list[WriteEntry] = []
            if visit.sale_id:
                found += await journal.unfinished(session, visit.integration_id, entity, Vendor.PLOOMES, visit.sale_id)
            link = visit.links.get(entity)
            omie_id = link.omie_id if link is not None else None
            if omie_id is None and visit.trip.vendor is Vendor.OMIE and visit.trip.entity == entity:
                omie_id = visit.trip.record_id
            if omie_id is not None:
                found += await journal.unfinished(session, visit.integration_id, entity, Vendor.OMIE, omie_id)
            if found:
                visit.unfinished[entity] = found

    # --- the road ------------------------------------------------------------------------------------------------

    async def _go(self, visit: Visit) -> None:
        trip = visit.trip
        if trip.event.kind == NoticeKind.DELETED:
            await self._deleted(visit)
            return
        if trip.vendor is Vendor.OMIE and trip.link is None:
            await self._received(visit)
            return
        record = await self._looks.sale(visit)
        if record is None:
            await self._without_sale(visit)
            return
        visit.sale, visit.read_at = read_sale(record.data), record.read_at
        fresh = await self._seen_created(visit, trip.vendor)
        if not visit.links and (ending := self._not_ours(visit, visit.sale, fresh=fresh)) is not None:
            await self._book.close(visit, ending)
            return
        if not visit.links and (maker := await self._receiving.maker(visit)) is not None:
            await self._book.close(visit, maker)
            return
        if not visit.links and (elsewhere := await self._companies.other(visit)) is not None:
            await self._book.close(visit, elsewhere)
            return
        if trip.vendor is Vendor.PLOOMES and (moved := self._companies.moved(visit)) is not None:
            await self._book.close(visit, moved)
            return
        await self._read_documents(visit)
        await self._trace("read")
        if visit.outcome is None:
            await self._agree(visit)
        await self._finish(visit)

    async def _without_sale(self, visit: Visit) -> None:
        await self._ends.left_behind(visit)
        if visit.links:
            await self._ends.sale_gone(visit)
            await self._finish(visit)
        else:
            await self._book.close(visit, done("gone", "A venda não existe mais e não tinha vínculo."))

    async def _deleted(self, visit: Visit) -> None:
        """A delete notice is believed: asking would cost a counted error."""
        trip = visit.trip
        if trip.vendor is Vendor.PLOOMES:
            await self._ends.left_behind(visit)
        if not visit.links:
            visit.outcome = done("gone", "O registro não existe mais e não tinha vínculo.")
        elif trip.vendor is Vendor.PLOOMES:
            await self._ends.sale_gone(visit)
        elif trip.link is None or trip.entity not in visit.links:
            visit.outcome = done("gone", "O documento não existe mais e não tinha vínculo.")
        else:
            await self._ends.document_gone(visit, KINDS[trip.entity])
            await self._show_what_is_left(visit)
        await self._finish(visit)

    async def _show_what_is_left(self, visit: Visit) -> None:
        if visit.outcome is not None or not visit.links:
            return
        record = await visit.trip.ploomes.fetch(ORDERS, visit.sale_id)
        if record is not None:
            visit.sale, visit.read_at = read_sale(record.data), record.read_at
            await self._showing.show(visit)

    async def _received(self, visit: Visit) -> None:
        trip = visit.trip
        kind = KINDS[trip.entity]
        async with self._db.read() as session:
            ended = await links.find(
                session, visit.integration_id, kind.entity, Vendor.OMIE, trip.record_id, living=False
            )
        if ended is not None:
            await self._book.close(visit, ignored("deleted", ended.state_reason or "O par deste registro acabou."))
            return
        record = await self._looks.record(visit, kind, trip.record_id)
        if record is None:
            await self._book.close(visit, done("gone", "O documento não existe mais e não tinha vínculo."))
            return
        created = await self._seen_created(visit, trip.vendor)
        fresh = await self._receiving.receive(visit, kind, record, created=created)
        if fresh is None:
            outcome = visit.outcome
            assert outcome is not None
            await self._book.close(visit, outcome, visit.wanted)
            return
        await self._showing.show(fresh)
        await self._finish(fresh)

    async def _seen_created(self, visit: Visit, vendor: Vendor) -> bool:
        """Whether a notice told of the record's creation: then it is newer than the activation, whatever the vendor's
        clock says."""
        query = (
            select(Event.id)
            .where(
                Event.integration_id == visit.integration_id,
                Event.vendor == vendor.value,
                Event.entity == visit.trip.entity,
                Event.external_id == visit.trip.record_id,
                Event.kind == NoticeKind.CREATED.value,
                Event.received_at >= (visit.trip.integration.activated_at or Event.received_at),
            )
            .limit(1)
        )
        async with self._db.read() as session:
            return (await session.execute(query)).first() is not None

    def _not_ours(self, visit: Visit, sale: Sale, *, fresh: bool) -> Outcome | None:
        """Why a sale without documents gets none."""
        trip = visit.trip
        if visit.closed and not set(KINDS) - visit.closed:
            return ignored("deleted", "Os documentos desta venda acabaram; eles não voltam sozinhos.")
        return sale_refused(trip.config, trip.refs, trip.integration.activated_at, sale, fresh=fresh)

    # --- documents -----------------------------------------------------------------------------------------------

    async def _read_documents(self, visit: Visit) -> None:
        """What Omie holds: the document of the event, or all of a sale's; memory counts inside the interval."""
        trip = visit.trip
        entities = [trip.entity] if trip.vendor is Vendor.OMIE else list(visit.links)
        for entity in entities:
            link, kind = visit.links[entity], KINDS[entity]
            paged = await self._looks.paged(visit, Vendor.OMIE, link.omie_id)
            if paged is not None and paged.record is None:
                visit.held[entity] = Held(dict(paged.values))
                continue
            seen, seen_at = links.seen(link, Vendor.OMIE)
            fresh = entity in visit.unfinished or trip.event.topic == PROOF or paged is not None
            if (
                seen is not None
                and seen_at is not None
                and not fresh
                and await self._looks.still_counts(visit, entity, link.omie_id, seen_at)
            ):
                visit.held[entity] = Held(dict(seen))
                continue
            record = await self._looks.record(visit, kind, link.omie_id)
            if record is None:
                await self._ends.document_gone(visit, kind)
                continue
            document = kind.read(record.data)
            visit.held[entity] = Held(self._proof.values_of(visit, kind, document), document)
            links.saw(link, Vendor.OMIE, visit.held[entity].values, record.read_at)

    # --- agreement -----------------------------------------------------------------------------------------------

    async def _agree(self, visit: Visit) -> None:
        await self._gathering.partners(visit)
        facts = await self._gathering.facts(visit)
        visit.unmet = [one for one in unmet(facts) if one.name in LINES_ONLY]
        await self._trace("decided")
        for entity in list(visit.held):
            try:
                await self._sending.agree(visit, KINDS[entity], visit.links[entity])
            except CarrierMissing as problem:
                visit.unmet = [problem.unmet]
        for entity in sorted(visit.emptied):
            await self._ends.emptied(visit, KINDS[entity])
        await self._create(visit, facts)
        await self._showing.show(visit)
        await self._showing.news(visit)

    async def _create(self, visit: Visit, facts: Facts) -> None:
        """Makes the documents that the sale should have and has not."""
        trip, sale = visit.trip, visit.sale
        assert sale is not None
        shares = visit.shares or {}
        on = {entity: getattr(trip.config.entities, entity) for entity in KINDS}
        missing = [name for name in shares if name not in visit.links and name not in visit.closed and on[name]]
        told = not visit.links and visit.shares is None  # it cannot even be divided: the conditions say why
        if not (missing or told or (not visit.links and not sale.lines)):
            return
        if visit.links and (
            not trip.config.orders.send_to_omie or not wanted_now(trip.config.orders.send_when, sale.raw, trip.refs)
        ):
            return
        await self._gathering.facts_of_new(visit, facts, missing)
        visit.unmet += [one for one in unmet(facts) if one.name not in {told.name for told in visit.unmet}]
        visit.notes += warnings(facts)
        if visit.unmet:
            return
        for entity in missing:
            try:
                await self._sending.create(visit, KINDS[entity], shares[entity])
            except CarrierMissing as problem:
                visit.unmet = [problem.unmet]
                return
            await self._trace("committed")

    # --- the end -------------------------------------------------------------------------------------------------

    async def _finish(self, visit: Visit) -> None:
        outcome = visit.outcome or self._outcome(visit)
        wanted = visit.wanted if outcome.state is EventState.WAITING else ()
        await self._book.close(visit, outcome, wanted)
        await self._trace("committed")

    def _outcome(self, visit: Visit) -> Outcome:
        if visit.unmet:
            return self._waits(visit)
        asking = next((f for f in visit.findings if f.cause in ASKING), None)
        if asking is not None:
            return Outcome(EventState.WAITING, asking.cause, asking.detail)
        if visit.thaws:
            fight = next(f for f in visit.findings if f.cause == "oscillation")
            return Outcome(EventState.WAITING, fight.cause, fight.detail, visit.thaws)
        if visit.trip.wrote or visit.made:
            return done("written", "A venda e seus documentos foram igualados.")
        own = visit.trip.integration.ploomes_user_id
        if visit.trip.vendor is Vendor.PLOOMES and visit.trip.event.author == own:
            return Outcome(EventState.ECHO, "own_write", "Eco da nossa própria gravação: nada mudou.")
        return done("unchanged", "Nenhum campo mapeado mudou.")

    def _waits(self, visit: Visit) -> Outcome:
        """The sale waits for its conditions, each named with what to do; the client's timeline tells them too."""
        text = " ".join(one.text for one in visit.unmet)
        visit.found(PREFLIGHT, text, conditions=[one.as_json() for one in visit.unmet])
        visit.wanted = self._watched(visit)
        untold = any(one.who == "admin" for one in visit.unmet)
        due = self._clock.time() + ASK_AGAIN_SECONDS if untold else None
        return Outcome(EventState.WAITING, PREFLIGHT, text, due)

    def _watched(self, visit: Visit) -> Sequence[tuple[str, str, str]]:
        """The records whose change may end the wait."""
        sale = visit.sale
        if sale is None:
            return ()
        found = [("ploomes", entity, line.product_id) for line in sale.lines for entity in ("products", "services")]
        if sale.contact is not None:
            found.append(("ploomes", "clients", sale.contact))
        return found

    async def _refused(self, visit: Visit, vendor: Vendor, text: str, fault: Fault | None = None) -> None:
        """A vendor's no: one call, one issue; it goes again when the sale, its client or a product changed."""
        visit.findings.clear()
        cause = "unknown_fault" if fault is Fault.UNKNOWN else "refused"
        visit.found(cause, text, **{REFUSED_BY: vendor.value})
        await self._book.close(visit, Outcome(EventState.WAITING, PREFLIGHT, text), self._watched(visit))


ASKING = frozenset({"conflict", "document_invoiced", "document_cancelled", "delete_invoiced", "delete_paused"})
"""Causes that wait for a person's answer."""

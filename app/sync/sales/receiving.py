"""An order of Omie that no sale stands for: our own, whose answer was lost, or a new one that becomes a sale."""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, Postponed
from app.core.ports import JsonObject, Key, Record, Vendor
from app.core.ports import Kind as NoticeKind
from app.sync import inbox, journal, links
from app.sync.creating import REPEAT_AFTER
from app.sync.entities.rules import typed_id
from app.sync.lanes import record_lane
from app.sync.lookups import known
from app.sync.lookups.living import CONTROLS, find_beside_living
from app.sync.mapping.canonical import wire
from app.sync.mapping.fields import Values, completed, merge_patches
from app.sync.models import EventSource, WriteEntry
from app.sync.passes.resync_items import dependency_of
from app.sync.sales.book import Book
from app.sync.sales.documents import ORDERS, Document, Kind
from app.sync.sales.gate import document_refused
from app.sync.sales.gathering import Gathering
from app.sync.sales.lines import Pair
from app.sync.sales.money import ZERO
from app.sync.sales.proof import Proof
from app.sync.sales.rows import mapped, sale_rows
from app.sync.sales.sale import read_sale, rich_text
from app.sync.sales.sending import sale_of_code
from app.sync.sales.showing import BRL, Showing, new_line
from app.sync.sales.visit import Held, Visit, remember
from app.sync.scoping import Scoping
from app.sync.trip import Outcome, Trip, done, waits
from app.sync.writing import Draft, Writer

OWN_ROWS = ("client", "owner", "items", "notes")
"""Fixed rows of a sale: both halves hold Omie's words."""


class Receiving:
    """Makes sales of orders."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        writer: Writer,
        gathering: Gathering,
        book: Book,
        showing: Showing,
        proof: Proof,
        scoping: Scoping,
    ) -> None:
        self._db = db
        self._clock = clock
        self._writer = writer
        self._gathering = gathering
        self._book = book
        self._showing = showing
        self._proof = proof
        self._scoping = scoping

    async def receive(self, visit: Visit, kind: Kind, record: Record, *, created: bool) -> Visit | None:
        """The visit of the sale that stands for a document now; None when it has none, and then `visit.outcome` says
        why. `created`: a notice told of its creation. Raises LaneBusy, Postponed, VendorError."""
        trip, document = visit.trip, kind.read(record.data)
        sale_id = sale_of_code(document.code)
        if sale_id is not None and await self._ours(visit, kind, document, sale_id):
            return None
        outcome = document_refused(trip.config, trip.integration.activated_at, kind, document, fresh=created)
        if outcome is not None:
            visit.outcome = outcome
            return None
        partners = await self._partners(visit, kind, document)
        if partners is None:
            return None
        contact, products = partners
        await self._settle_lost_creates(visit, kind)
        twin = await self._made_before(visit, document)
        if twin is not None:
            return await self._link(visit, kind, document, twin, products)
        return await self._create(visit, kind, document, contact, products)

    async def maker(self, visit: Visit) -> Outcome | None:
        """How the event of a sale without documents ends when the sale is of our own making: its notice came before
        its link was committed, or the answer was lost; then the order's road finds and links it. A copy that a person
        made carries the id of an order that has its sale. Raises LaneBusy while the order is in hand."""
        omie_id = typed_id(visit.custom("ponte_omie_id"))
        if omie_id is None:
            return None
        name = record_lane(visit.trip.integration, Vendor.OMIE, ORDERS, omie_id)
        await visit.trip.lease.take([name])
        async with self._db.transaction() as session:
            order = await links.find(session, visit.integration_id, ORDERS, Vendor.OMIE, omie_id)
            if order is not None and order.ploomes_id == visit.sale_id:
                raise LaneBusy(name)  # linked since this event began
            sent = await journal.unfinished(session, visit.integration_id, ORDERS, Vendor.OMIE, omie_id)
            if order is not None or not any(entry.verb == "create" for entry in sent):
                return None
            await self._ask_for(session, visit.trip, Vendor.OMIE, omie_id, f"sale.{visit.sale_id}")
        return done("of_order", f"A venda é do pedido {omie_id} do Omie, que cuida dela.")

    async def _ask_for(self, session: AsyncSession, trip: Trip, vendor: Vendor, external_id: str, topic: str) -> None:
        """An event of the record that another one belongs to."""
        topic, priority = dependency_of(trip.event, topic)
        await inbox.enqueue(
            session,
            integration_id=trip.integration.id,
            vendor=vendor.value,
            entity=ORDERS,
            external_id=external_id,
            kind=NoticeKind.CHANGED.value,
            topic=topic,
            source=EventSource.DEPENDENCY.value,
            priority=priority,
            due_at=self._clock.time(),
            now=self._clock.now(),
        )

    async def _ours(self, visit: Visit, kind: Kind, document: Document, sale_id: str) -> bool:
        """A document that carries a sale's code belongs to that sale: its own road finds and links it."""
        trip = visit.trip
        async with self._db.transaction() as session:
            taken = await links.find(session, visit.integration_id, kind.entity, Vendor.PLOOMES, sale_id)
            ended = await links.find(session, visit.integration_id, kind.entity, Vendor.OMIE, document.id, living=False)
            if taken is not None and taken.omie_id == document.id:  # linked since this event began
                raise LaneBusy(record_lane(trip.integration, Vendor.OMIE, kind.entity, document.id))
            if taken is not None or ended is not None:
                return False
            await self._ask_for(session, trip, Vendor.PLOOMES, sale_id, f"document.{document.id}")
        visit.outcome = done("of_sale", f"O documento pertence à venda {sale_id} do Ploomes, que cuida dele.")
        return True

    async def _partners(self, visit: Visit, kind: Kind, document: Document) -> tuple[str, Mapping[str, str]] | None:
        """Ploomes ids of client and products; what is missing is synced first."""
        trip = visit.trip
        ids = sorted({item.product for item in document.items})
        products = await self._showing.partners(visit, kind, ids)
        async with self._db.read() as session:
            client = await links.find(session, visit.integration_id, "clients", Vendor.OMIE, document.client or "")
        wanted = [(Vendor.OMIE, kind.products, one) for one in ids if one not in products]
        if client is None and document.client:
            wanted.append((Vendor.OMIE, "clients", document.client))
        await self._gathering.depend(trip, wanted)
        if not wanted and client is not None:
            return client.ploomes_id, products
        missing = [f"{'cliente' if entity == 'clients' else 'produto'} {one}" for _, entity, one in wanted]
        text = f"O pedido {document.number or document.id} espera: {', '.join(missing) or 'cliente'}."
        finding = visit.found("order_waits", text)
        visit.outcome = waits("preflight", text, finding)
        visit.wanted = [(vendor.value, entity, one) for vendor, entity, one in wanted]
        return None

    async def _settle_lost_creates(self, visit: Visit, kind: Kind) -> None:
        for entry in visit.unfinished.get(kind.entity, ()):
            age = self._clock.time() - entry.sent_at.timestamp()
            if entry.verb == "create" and age < REPEAT_AFTER[Vendor.PLOOMES]:
                raise Postponed(
                    REPEAT_AFTER[Vendor.PLOOMES] - age, "a resposta de uma inclusão se perdeu", "answer_lost"
                )

    async def _made_before(self, visit: Visit, document: Document) -> Record | None:
        """The sale that a create of ours made before its answer was lost: it carries the order's id."""
        key = visit.field_key("ponte_omie_id")
        lost = [row for row in visit.unfinished.get(ORDERS, ()) if row.verb == "create"]
        if key is None or not lost:
            return None
        async with self._db.read() as session:
            controls = await known.living(session, visit.integration_id, Vendor.PLOOMES, ORDERS, CONTROLS)

        async def gone(external_id: str) -> None:
            async with self._db.transaction() as session:
                now = self._clock.now()
                await known.mark_gone(session, visit.integration_id, Vendor.PLOOMES, ORDERS, external_id, now)

        wanted = Key("omie_id", document.id, {"field": key})
        found = await find_beside_living(visit.trip.ploomes, ORDERS, wanted, controls, gone)
        return found[0] if found else None

    async def _create(
        self, visit: Visit, kind: Kind, document: Document, contact: str, products: Mapping[str, str]
    ) -> Visit:
        trip = visit.trip
        rows = mapped(sale_rows(kind.entity, trip))
        values = self._proof.values_of(visit, kind, document)
        wide = {
            row.id: row.by.widen(values.get(row.id), None, trip.refs) for row in rows if row.flows_to(Vendor.PLOOMES)
        }
        lines = [{**new_line(item, products[item.product]), "Ordination": n} for n, item in enumerate(document.items)]
        owner = trip.refs.user_of_seller.get(document.seller or "")
        body: JsonObject = {
            "ContactId": int(contact),
            "CurrencyId": BRL,
            "Amount": sum((item.total for item in document.items), ZERO),
            "Discount": Decimal(0),
            "Products": lines,
        }
        if owner is not None:
            body["OwnerId"] = int(owner)
        if document.notes and "notes" in {row.key for row in sale_rows(kind.entity, trip)}:
            body["Description"] = rich_text(document.notes)
        given: Values = {key: value for key, value in wide.items() if value is not None}
        body = merge_patches(body, wire(Vendor.PLOOMES, rows, given, None, trip.refs))
        body = completed(body, await self._scoping.patch(trip, trip.config.scope.orders))
        key = visit.field_key("ponte_omie_id")
        if key is not None:
            body = merge_patches(body, {"OtherProperties": [{"FieldKey": key, "StringValue": document.id}]})
        after: Values = {name: values.get(name) for name in (*OWN_ROWS, *given)}
        draft = Draft(
            Vendor.PLOOMES, "create", None, body, after, entity=ORDERS, source_id=document.id,
        )  # fmt: skip
        entry, written = await self._writer.send(trip, draft)
        fresh = await self._sale_visit(visit, written.id, written.data or {**body, "Id": int(written.id)})
        await self._made(fresh, kind, document, entry, {})
        return fresh

    async def _link(
        self, visit: Visit, kind: Kind, document: Document, twin: Record, products: Mapping[str, str]
    ) -> Visit:
        await visit.trip.lease.take([record_lane(visit.trip.integration, Vendor.PLOOMES, ORDERS, twin.id)])
        fresh = await self._sale_visit(visit, twin.id, twin.data)
        entry = next((row for row in visit.unfinished.get(ORDERS, ()) if row.verb == "create"), None)
        await self._made(fresh, kind, document, entry, entry.after if entry is not None else {})
        await self._book.look_again(fresh, fresh.links[kind.entity])
        return fresh

    async def _sale_visit(self, visit: Visit, sale_id: str, data: JsonObject) -> Visit:
        fresh = Visit(visit.trip, sale_id, visit.began, sale=read_sale(data), read_at=self._clock.now())
        await self._gathering.partners(fresh)
        return fresh

    async def _made(self, visit: Visit, kind: Kind, document: Document, entry: WriteEntry | None, sent: Values) -> None:
        """Link and base of a pair that was made equal. `sent`: what a create without an answer told Ploomes, so that
        what was edited since, on either side, still counts as changed."""
        values, trip = self._proof.values_of(visit, kind, document), visit.trip
        base = {row.id: values.get(row.id) for row in sale_rows(kind.entity, trip) if row.flows_to(Vendor.PLOOMES)}
        base |= {name: value for name, value in sent.items() if name in OWN_ROWS and name in base}
        assert visit.sale is not None
        shown = dict(base)
        if str(base.get("owner")) not in trip.refs.user_of_seller:  # Ploomes has no such person
            shown["owner"] = trip.refs.seller_of_user.get(visit.sale.owner or "")
        free = list(visit.sale.counted)
        pairs = []
        for item in document.items:
            line = next(
                (one for one in free if (p := visit.products.get(one.product_id)) and p.omie_id == item.product), None
            )
            if line is not None:
                free.remove(line)
            line_id = line.id if line is not None else None
            pairs.append(Pair(str(item.code), item.product, line_id, item.item_id, item.canonical).as_json())
        link = await self._book.linked(
            visit,
            kind,
            document.id,
            {"pairs": pairs},
            (base, shown),
            entry,
        )
        visit.made = True
        visit.held[kind.entity] = Held(values, document)
        links.saw(link, Vendor.OMIE, values, self._clock.now())
        remember(link, shown_stage=None)

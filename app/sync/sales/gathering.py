"""What a sale needs to know before it may become a document: partners, people, lists of Omie, the pre-flight's facts.

Dependencies first (design section 5): a client or product without a partner gets an event of its own; the sale's event
gives its lanes back meanwhile and comes again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed
from app.core.ports import Kind, Record, Vendor
from app.sync import inbox, links
from app.sync.lookups import known
from app.sync.mapping.fields import Field, Refs
from app.sync.models import EventSource, EventState, Integration, KnownRecord
from app.sync.passes.resync_items import dependency_of
from app.sync.sales import choices
from app.sync.sales.documents import ORDERS, SERVICE_ORDERS, decimal
from app.sync.sales.money import ZERO, TotalsDiffer
from app.sync.sales.preflight import Facts, LineFacts
from app.sync.sales.rows import FREIGHT, sale_rows
from app.sync.sales.sale import Product, Sale, say_difference, shares
from app.sync.sales.visit import Visit
from app.sync.sales.waits import asked_since
from app.sync.trip import Trip
from app.sync.vendors import read_all

LIST_SECONDS = 120.0
"""How long a list of Omie (accounts, categories, ...) counts as read."""
KEPT: Mapping[str, Sequence[str]] = {
    "accounts": ("nCodCC", "descricao", "inativo"),
    "categories": ("codigo", "descricao", "conta_receita", "totalizadora", "conta_inativa", "nao_exibir"),
    "installments": ("nCodigo", "nParcelas"),
    "companies": ("cidade", "estado", "optante_simples_nacional"),
}
"""What is stored of each list."""
STORED = "list_"
A_DAY = timedelta(days=1)
TAXPAYER = "contribuinte"
COME_BACK_SECONDS = 1.0
"""A sale looks this often whether what it depends on is there."""
ON_THE_WAY = (EventState.RECEIVED, EventState.PROCESSING)
PRODUCT_ENTITIES = ("products", "services")
LINES_ONLY = frozenset({"lines", "quantity", "price", "amount", "linked", "family", "totals"})
"""Conditions that also hold back an edit; the others were met when the document was made."""


class Gathering:
    """Gathers for a visit."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._lists: dict[tuple[int, str], tuple[float, list[Record]]] = {}

    # --- partners ------------------------------------------------------------------------------------------------

    async def partners(self, visit: Visit) -> None:
        """Partners of client, seller and products, if there are any. Raises Postponed while one is on its way."""
        sale, trip = visit.sale, visit.trip
        assert sale is not None
        async with self._db.read() as session:
            ids = sorted({line.product_id for line in sale.lines})
            found: dict[str, Product] = {}
            for entity in PRODUCT_ENTITIES:
                linked = await links.of_ids(session, visit.integration_id, entity, Vendor.PLOOMES, ids)
                found |= {ploomes_id: Product(entity, link.omie_id) for ploomes_id, link in linked.items()}
            if trip.config.orders.services_in_product_order:
                found = await self._as_products(session, visit, found)
            visit.products = found
            contact = await self._link(session, visit, "clients", sale.contact)
        visit.client = contact
        visit.seller = trip.refs.seller_of_user.get(sale.owner) if sale.owner else None
        wanted = [
            (Vendor.PLOOMES, "products", line.product_id) for line in sale.counted if line.product_id not in found
        ]
        if sale.contact and contact is None:
            wanted.append((Vendor.PLOOMES, "clients", sale.contact))
        await self.depend(trip, wanted)

    async def _as_products(
        self, session: AsyncSession, visit: Visit, found: Mapping[str, Product]
    ) -> dict[str, Product]:
        """Omie's product orders take products only: a service is told as the product with its code (older behaviour,
        F133). One without such a product has no partner."""
        assert visit.sale is not None
        told: dict[str, Product] = {}
        for line in visit.sale.lines:
            partner = found.get(line.product_id)
            if partner is not None and partner.entity == "products":
                told[line.product_id] = partner
            elif partner is not None and line.code is not None:
                rows = await known.find(session, visit.integration_id, Vendor.OMIE, "products", line.code)
                if rows:
                    told[line.product_id] = Product("products", rows[0].external_id)
        return told

    async def _link(self, session: AsyncSession, visit: Visit, entity: str, ploomes_id: str | None) -> str | None:
        if ploomes_id is None:
            return None
        link = await links.find(session, visit.integration_id, entity, Vendor.PLOOMES, ploomes_id)
        return link.omie_id if link is not None else None

    async def depend(self, trip: Trip, wanted: Sequence[tuple[Vendor, str, str]]) -> None:
        """Asks for records that have no partner yet, once per event. Raises Postponed until they are settled."""
        busy = False
        for vendor, entity, external_id in dict.fromkeys(wanted):
            busy |= await self._ask(trip, vendor, entity, external_id)
        if busy:
            raise Postponed(COME_BACK_SECONDS, "primeiro o cliente e os produtos da venda", "dependency")

    async def _ask(self, trip: Trip, vendor: Vendor, entity: str, external_id: str) -> bool:
        """True while the record is on its way."""
        entities = PRODUCT_ENTITIES if entity in PRODUCT_ENTITIES and vendor is Vendor.PLOOMES else (entity,)
        event = trip.event
        async with self._db.transaction() as session:
            latest = await asked_since(
                session, trip.integration.id, vendor.value, entities, external_id, event.received_at
            )
            topic, priority = dependency_of(event, f"dependency.{event.id}")
            waits = latest is not None and latest.state == EventState.WAITING and latest.due_at is not None
            # one that a pass asked for may rest until its window opens: who is more urgent lifts it
            if latest is not None and not (waits and latest.claim is None and latest.priority > priority):
                return waits or latest.state in ON_THE_WAY
            now = self._clock.now()
            await inbox.enqueue(
                session,
                integration_id=trip.integration.id,
                vendor=vendor.value,
                entity=entity,
                external_id=external_id,
                kind=Kind.CHANGED.value,
                topic=topic,
                source=EventSource.DEPENDENCY.value,
                priority=priority,
                due_at=self._clock.time(),
                now=now,
            )
        return True

    async def why_not(self, trip: Trip, vendor: Vendor, entity: str, external_id: str) -> str | None:
        """The reason with which a dependency ended without a partner."""
        async with self._db.read() as session:
            latest = await asked_since(
                session, trip.integration.id, vendor.value, (entity,), external_id, trip.event.received_at
            )
        return latest.reason if latest is not None else None

    # --- the sale as documents -----------------------------------------------------------------------------------

    async def facts(self, visit: Visit) -> Facts:
        """The pre-flight's facts about the lines; `facts_of_new` adds what only a new document needs."""
        sale, trip = visit.sale, visit.trip
        assert sale is not None
        facts = facts_of(sale, visit.products, trip.integration)
        facts.totals = self._split(visit, sale)
        return facts

    def _split(self, visit: Visit, sale: Sale) -> str | None:
        """Divides the sale into its documents; answers how it contradicts itself, if it does."""
        if any(line.product_id not in visit.products for line in sale.counted):
            return None
        together = visit.trip.config.orders.services_in_product_order
        try:
            freight = freight_of(sale, sale_rows(ORDERS, visit.trip), visit.trip.refs)
            visit.shares = shares(sale, visit.products, freight, together=together)
        except TotalsDiffer as problem:
            return say_difference(sale, problem)
        return None

    async def facts_of_new(self, visit: Visit, facts: Facts, entities: Sequence[str]) -> None:
        """What only new documents (of these entities) need: the client's record, people, lists of Omie."""
        sale, trip = visit.sale, visit.trip
        assert sale is not None
        contact = await trip.ploomes.fetch("clients", sale.contact) if sale.contact else None
        facts.contact = contact.data if contact is not None else None
        if facts.contact is not None:
            facts.country = trip.refs.ploomes_countries.get(str(facts.contact.get("CountryId")), "BR")
        if sale.contact and visit.client is None:
            reason = await self.why_not(trip, Vendor.PLOOMES, "clients", sale.contact)
            facts.client_waits = f"O cliente não está no Omie: {reason or 'sem vínculo'}"
        default = trip.config.sellers.default_seller
        if sale.owner is not None:
            facts.owner = await self._name(visit, sale.owner)
            visit.seller = visit.seller or (str(default) if default is not None else None)
            facts.seller = visit.seller
            facts.seller_active = trip.refs.sellers.get(str(facts.seller), True)
        facts.choices = await self.open_choices(visit, entities)

    async def _name(self, visit: Visit, user_id: str) -> str:
        async with self._db.read() as session:
            row = await known.get(session, visit.integration_id, Vendor.PLOOMES, "users", user_id)
        return (row.name if row is not None else None) or user_id

    async def open_choices(self, visit: Visit, entities: Sequence[str]) -> list[tuple[str, str]]:
        """Options that name something Omie does not have, for these documents of a sale."""
        config, sale, found = visit.trip.config, visit.sale, []
        assert sale is not None
        for entity in entities:
            for name, chosen in (await self.chosen(visit, entity)).items():
                if chosen.problem is not None:
                    found.append((name, chosen.problem))
        if SERVICE_ORDERS in entities and await self.city(visit) is None:
            found.append(("city", "A cidade da prestação do serviço não é conhecida."))
        option = choices.option_of(sale.raw, config.orders.carrier_field)
        if option is not None and choices.carrier_of(config, sale.raw) is None:
            found.append(("carrier", f"A opção {option} não está na tabela de transportadoras."))
        option = choices.option_of(sale.raw, config.orders.payment_field)
        if option is not None and choices.payment_of(config, sale.raw) is None:
            found.append(("payment", f"A opção {option} não está na tabela de pagamentos."))
        return found

    async def chosen(self, visit: Visit, entity: str) -> dict[str, choices.Chosen]:
        """Account and category of a new document."""
        sale, config = visit.sale, visit.trip.config
        assert sale is not None
        section = getattr(config, entity)
        payment = choices.payment_of(config, sale.raw)
        account = payment.omie_account if payment is not None and payment.omie_account is not None else None
        account = account if account is not None else section.omie_account
        accounts = [choices.account(row.data) for row in await self.listed(visit.trip, "accounts")]
        categories = [choices.category(row.data) for row in await self.listed(visit.trip, "categories")]
        return {
            "account": choices.choose(account, accounts, "conta corrente", f"{entity}.omie_account"),
            "category": choices.choose(section.omie_category, categories, "categoria", f"{entity}.omie_category"),
        }

    async def city(self, visit: Visit) -> str | None:
        """Where services are rendered: as configured, else where the Omie company is."""
        wanted = visit.trip.config.service_orders.city
        if wanted is not None:
            return wanted
        for row in await self.listed(visit.trip, "companies"):
            city, state = str(row.data.get("cidade") or ""), str(row.data.get("estado") or "")
            if city:
                return city if "(" in city or not state else f"{city.upper()} ({state.upper()})"
        return None

    async def simples(self, trip: Trip) -> bool:
        """Whether the Omie company is in Simples Nacional: its items have `icms_sn` where others have `icms`."""
        companies = await self.listed(trip, "companies")
        return any(row.data.get("optante_simples_nacional") == "S" for row in companies)

    async def listed(self, trip: Trip, entity: str) -> list[Record]:
        """A small list of Omie, at most some minutes old: in memory, else as any process stored it, else read now.

        Omie refuses the same list twice a minute, and several workers want it.
        """
        key = (trip.integration.id, entity)
        kept = self._lists.get(key)
        if kept is None or self._clock.time() - kept[0] >= LIST_SECONDS:
            kept = await self._stored(trip, entity) or await self._alone(trip, entity)
            self._lists[key] = kept
        return kept[1]

    async def _alone(self, trip: Trip, entity: str) -> tuple[float, list[Record]]:
        """The list read by one at a time: who asks beside it would be sent away for a minute, and comes back in a
        moment instead. Raises LaneBusy."""
        await trip.lease.take([f"list:{trip.integration.id}:{entity}"])
        return await self._stored(trip, entity) or (self._clock.time(), await self._read(trip, entity))

    async def _stored(self, trip: Trip, entity: str) -> tuple[float, list[Record]] | None:
        name = f"{STORED}{entity}"
        async with self._db.read() as session:
            whole_at = await known.whole_at(session, trip.integration.id, Vendor.OMIE, name)
            if whole_at is None or self._clock.time() - whole_at.timestamp() >= LIST_SECONDS:
                return None
            rows = await known.everything(session, trip.integration.id, Vendor.OMIE, name)
        records = [Record(Vendor.OMIE, entity, row.external_id, row.data, row.seen_at) for row in rows]
        return whole_at.timestamp(), records

    async def _read(self, trip: Trip, entity: str) -> list[Record]:
        name, began = f"{STORED}{entity}", self._clock.now()
        records = await read_all(self._clock, trip.omie, entity, seconds=1.0)
        rows = [
            known.Known(
                Vendor.OMIE, name, record.id, data={key: record.data[key] for key in KEPT[entity] if key in record.data}
            )
            for record in records
        ]
        async with self._db.transaction() as session:
            await known.upsert(session, trip.integration.id, rows, began)
            await known.mark_unseen_gone(
                session, trip.integration.id, Vendor.OMIE, name, seen_before=began, at=self._clock.now()
            )
            await known.seen_whole(session, trip.integration.id, Vendor.OMIE, name, began)
        return records

    async def taxpayer(self, trip: Trip, omie_client: str) -> tuple[str | None, bool]:
        """Document of an Omie client, and whether it pays ICMS: from our index, read again once a day.

        Many sales name one client, and Omie refuses to read it twice a minute. Raises LaneBusy, Postponed.
        """
        row = await self._as_known(trip, omie_client)
        if row is None:
            await trip.lease.take([f"taxpayer:{trip.integration.id}:{omie_client}"])  # as for lists
            row = await self._as_known(trip, omie_client)
        if row is not None:
            return row.natural_key, row.data[TAXPAYER] == "S"
        record = await trip.omie.fetch("clients", omie_client)
        if record is None:
            return None, False
        told = known.known_of(record)
        told = replace(
            told, data={**told.data, TAXPAYER: record.data.get(TAXPAYER) or "N"}
        )  # absent is no, and is known
        async with self._db.transaction() as session:
            await known.upsert(session, trip.integration.id, [told], self._clock.now())
        return told.natural_key, told.data[TAXPAYER] == "S"

    async def _as_known(self, trip: Trip, omie_client: str) -> KnownRecord | None:
        async with self._db.read() as session:
            row = await known.get(session, trip.integration.id, Vendor.OMIE, "clients", omie_client)
        fresh = row is not None and TAXPAYER in row.data and self._clock.now() - row.seen_at < A_DAY
        return row if fresh else None


def freight_of(sale: Sale, rows: Sequence[Field], refs: Refs) -> Decimal:
    """The freight a mapped field of the sale tells; zero without one."""
    row = next((row for row in rows if row.key == FREIGHT), None)
    return ZERO if row is None else decimal(row.read(Vendor.PLOOMES, sale.raw, refs))


def facts_of(sale: Sale, products: Mapping[str, Product], integration: Integration) -> Facts:
    """What the pre-flight looks at in the sale itself."""
    families = {str(value): name for name, value in integration.provisioned.get("families", {}).items()}
    lines = [
        LineFacts(
            line.name,
            line.quantity,
            line.value if line.unit > 0 else ZERO,
            line.product_id in products,
            families.get(line.family_id or ""),
        )
        for line in sale.lines
    ]
    amount = sale.amount if sale.amount is not None else sum((line.amounts.agreed for line in sale.counted), ZERO)
    return Facts(contact={}, lines=lines, amount=amount)

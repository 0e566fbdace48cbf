"""Sales in passes over whole entities: what a resync, a sweep or a reconcile asks of a sale and its documents.

A row of either side is reduced to the same values as on the money road; partners come from our links, a page at a time.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from app.core import wire
from app.core.db import Database
from app.core.ports import Gateway, JsonObject, Record, Vendor
from app.sync import links
from app.sync.config.document import Config
from app.sync.entities import index_of, set_of
from app.sync.lookups import known
from app.sync.lookups.references import References
from app.sync.mapping.canonical import canonical
from app.sync.mapping.convert import canonical_document
from app.sync.mapping.decide import Policy, Sides, Verdict, decide, same
from app.sync.mapping.fields import Field, Refs, Values
from app.sync.models import Integration, Link
from app.sync.passes.subject import (
    Access,
    Row,
    Work,
    actions_of,
    comparable_digest,
    equals_base,
    foreseen,
    planned,
    target_of,
)
from app.sync.sales.choices import carrier_of
from app.sync.sales.documents import KINDS, ORDERS, SERVICE_ORDERS
from app.sync.sales.gate import HISTORY, document_refused, sale_refused
from app.sync.sales.gathering import LINES_ONLY, PRODUCT_ENTITIES, facts_of, freight_of
from app.sync.sales.money import TotalsDiffer
from app.sync.sales.preflight import unmet
from app.sync.sales.rows import mapped, only_noted, sale_rows
from app.sync.sales.sale import Product, Sale, Share, read_sale, sale_values, say_difference, shares
from app.sync.sales.sending import sale_of_code
from app.sync.sales.showing import NO_STAGE
from app.sync.sales.status import Status
from app.sync.sales.visit import ISSUE_ENTITY
from app.sync.trip import Outcome

SALES = (ORDERS, SERVICE_ORDERS)
WAITS = "waiting"
"""The word of a plan for a sale whose own lines keep it from becoming a document: it is told, nothing is written."""
LINES = Work([WAITS], {Vendor.PLOOMES.value: {"clients:read": 1}}, Vendor.OMIE)
SHOWING: Mapping[str, int] = {"read": 1, "update": 1}
"""A sale is read once more before its lists are written: what people typed meanwhile stays."""
SHOWN = ("stage", "status")
"""What of a document is shown on its sale without being one of its rows."""


class Partners:
    """What a page of sales names, as far as it is linked."""

    def __init__(self) -> None:
        self.products: dict[str, Product] = {}
        self.clients: dict[str, str] = {}
        self.documents: dict[str, set[str]] = {}
        """Entities of which a sale has a document."""


class SaleVisit(Access):
    """The documents of one kind, and the sales they belong to."""

    keeps_raw = True
    heals = False
    proves_absence: Collection[Vendor] = (Vendor.PLOOMES,)
    """Omie has no list by code of documents: the event of a missing one asks for it."""

    def __init__(
        self,
        db: Database,
        integration: Integration,
        config: Config,
        entity: str,
        omie: Gateway,
        ploomes: Gateway,
        references: References,
        refs: Refs,
    ) -> None:
        super().__init__(integration, config, entity, omie, ploomes, references, refs)
        self._db = db
        self.kind = KINDS[entity]
        self.rows = sale_rows(entity, self)
        self.sets: Mapping[Vendor, str] = {vendor: set_of(entity, vendor) for vendor in Vendor}
        self.index: Mapping[Vendor, str] = {vendor: index_of(entity, vendor) for vendor in Vendor}
        self.filed: Mapping[Vendor, str] = self.sets
        self.told_as: Sequence[str] = tuple(KINDS)
        self.issue_entity = ISSUE_ENTITY
        self._refused: dict[tuple[Vendor, str], str | None] = {}

    # --- rows ----------------------------------------------------------------------------------------------------

    async def read(self, records: Sequence[Record], linked: Collection[str] = ()) -> list[Row]:
        """Raises Postponed or VendorError for a look-up it misses."""
        documents = [await self._document(record) for record in records if record.vendor is Vendor.OMIE]
        sales = [record for record in records if record.vendor is Vendor.PLOOMES]
        partners = await self._partners([read_sale(record.data) for record in sales])
        rows = [await self._sale(record, partners, record.id in linked) for record in sales]
        return [*documents, *(row for row in rows if row is not None)]

    async def _document(self, record: Record) -> Row:
        document = self.kind.read(record.data)
        own = await self._mapped(record)
        values: Values = {**document.values(), **own}
        refused = document_refused(self.config, self.integration.activated_at, self.kind, document, fresh=False)
        twin = sale_of_code(document.code)
        self._refused[Vendor.OMIE, record.id] = _cause(refused, Vendor.OMIE) if twin is None else None
        return Row(record, values, await self._digest(Vendor.OMIE, values), {"twin": twin})

    async def _sale(self, record: Record, partners: Partners, linked: bool) -> Row | None:
        """The part of a sale that belongs to documents of this kind; None when there is none."""
        sale = read_sale(record.data)
        own = await self._mapped(record)
        divided, problem = self._divide(sale, partners)
        others = partners.documents.get(sale.id, set()) - {self.entity}
        mine = self.entity in divided if divided is not None else self.entity == ORDERS and not others
        if not linked and not mine:
            return None
        share = (divided or {}).get(self.entity)
        client = partners.clients.get(sale.contact or "")
        told = {**sale_values(sale, share, client, self._seller(sale)), **own}
        untold = {name for name, lost in (("items", divided is None), ("client", client is None)) if lost}
        values: Values = {row.id: told.get(row.id) for row in self.rows if row.id not in untold}
        facts = facts_of(sale, partners.products, self.integration)
        facts.totals = problem
        failed = [one.name for one in unmet(facts) if one.name in LINES_ONLY]
        self._refused[Vendor.PLOOMES, record.id] = self._refusal(sale, partly=bool(others))
        digest = await self._digest(Vendor.PLOOMES, values)
        if not linked:  # everything that may end its wait counts
            digest = wire.digest({"values": values, "lines": [line.raw for line in sale.lines], "amount": sale.amount})
        return Row(record, values, digest, {"unmet": failed})

    def _refusal(self, sale: Sale, *, partly: bool) -> str | None:
        """Why a sale gets no document of this kind; one that has another document passed the gate before."""
        activated = None if partly else self.integration.activated_at
        return _cause(sale_refused(self.config, self.refs, activated, sale, fresh=False), Vendor.PLOOMES)

    def _seller(self, sale: Sale) -> str | None:
        return self.refs.seller_of_user.get(sale.owner or "")

    async def _mapped(self, record: Record) -> Values:
        rows = mapped(self.rows, record.vendor)
        return await planned(self, lambda: canonical(record.vendor, rows, record.data, self.refs))

    async def _digest(self, vendor: Vendor, values: Values) -> str:
        """Of the rows; a client changed in Omie is only noted, and a default seller stands for an owner without one."""
        rows = [row for row in self.rows if row.key != "client"]
        told = {**values, "owner": values.get("owner") or self._default_seller()}
        return await planned(self, lambda: comparable_digest(vendor, rows, told, self.refs))

    def _default_seller(self) -> str | None:
        default = self.config.sellers.default_seller
        return str(default) if default is not None else None

    def _divide(self, sale: Sale, partners: Partners) -> tuple[Mapping[str, Share] | None, str | None]:
        """The sale by document, or how it contradicts itself; neither while a product has no partner."""
        if any(line.product_id not in partners.products for line in sale.counted):
            return None, None
        together = self.config.orders.services_in_product_order
        try:
            freight = freight_of(sale, sale_rows(ORDERS, self), self.refs)
            return shares(sale, partners.products, freight, together=together), None
        except TotalsDiffer as differ:
            return None, say_difference(sale, differ)

    async def _partners(self, sales: Sequence[Sale]) -> Partners:
        """Every partner that a page of sales names."""
        found = Partners()
        if not sales:
            return found
        products = sorted({line.product_id for sale in sales for line in sale.lines})
        clients = sorted({sale.contact for sale in sales if sale.contact})
        integration_id = self.integration.id
        async with self._db.read() as session:
            for entity in PRODUCT_ENTITIES:
                linked = await links.of_ids(session, integration_id, entity, Vendor.PLOOMES, products)
                found.products |= {one: Product(entity, link.omie_id) for one, link in linked.items()}
            contacts = await links.of_ids(session, integration_id, "clients", Vendor.PLOOMES, clients)
            found.clients = {one: link.omie_id for one, link in contacts.items()}
            query = select(Link.ploomes_id, Link.entity).where(
                Link.integration_id == integration_id,
                Link.entity.in_(KINDS),
                Link.ploomes_id.in_([sale.id for sale in sales]),
                Link.state.in_(links.LIVING),
            )
            for sale_id, entity in await session.execute(query):
                found.documents.setdefault(sale_id, set()).add(entity)
            if self.config.orders.services_in_product_order:
                for line in (line for sale in sales for line in sale.lines):
                    partner = found.products.get(line.product_id)
                    if partner is not None and partner.entity != "products":
                        rows = await known.find(session, integration_id, Vendor.OMIE, "products", line.code or "")
                        del found.products[line.product_id]
                        if rows:
                            found.products[line.product_id] = Product("products", rows[0].external_id)
        return found

    # --- what is asked of a row ----------------------------------------------------------------------------------

    def equal(self, row: Row, link: Any, vendor: Vendor) -> bool:
        """A document also shows the stage and the state it was seen in last."""
        base = link.omie_base if vendor is Vendor.OMIE else link.ploomes_base
        if not equals_base(row, link, vendor, [each for each in self.rows if not each.watched or each.id in base]):
            return False
        return vendor is Vendor.PLOOMES or not _moved(link.omie_seen, row.values)

    def refusal(self, vendor: Vendor, row: Row) -> str | None:
        """By the switches, the scope and the history."""
        return self._refused.get((vendor, row.record.id))

    def twin(self, vendor: Vendor, row: Row) -> str | None:
        """A document of ours carries the code of its sale."""
        found = row.facts.get("twin")
        return str(found) if found else None

    def natural_key(self, row: Row) -> str | None:
        """Sales have none."""
        return None

    async def decided(self, sides: Sides, theirs: frozenset[str] | None = None) -> Verdict:
        """As on the money road; a sale is of one company."""
        conflicts = self.config.conflicts
        policy = Policy(conflicts.default, conflicts.fields)
        rows = [row for row in self.rows if (row.id in sides.omie or row.watched) and not only_noted(row, sides)]
        made, needs = await foreseen(self, lambda: decide(rows, sides, policy, self.refs))
        made.needs = needs
        return made

    def held(self, link: Link, vendor: Vendor) -> Values:
        """A document also had a stage and a state."""
        return {**(link.omie_seen or {}), **link.omie_base} if vendor is Vendor.OMIE else link.ploomes_base

    def work(self, link: Link | None, verdict: Verdict, sides: Sides) -> Work:
        """A document that is no longer open is never edited: a person is asked."""
        seen: Values = (link.omie_seen or {}) if link is not None else {}
        status = str(sides.omie.get("status") or seen.get("status") or Status.OPEN.value)
        words = actions_of(verdict)
        edits = bool(verdict.to_omie) and status == Status.OPEN
        if verdict.to_omie and not edits:
            words = [*(word for word in words if word not in ("update_in_omie", "conflict")), "conflict"]
        shows = link is not None and sides.omie.get("status") not in (None, seen.get("status"))
        staged = self.config.orders.stage_to != NO_STAGE and sides.omie.get("stage") not in (None, seen.get("stage"))
        if (shows or staged) and "update_in_ploomes" not in words:
            words.append("update_in_ploomes")
        moved = link is not None and _moved(seen, sides.omie)
        if not words and moved:
            words = ["unchanged"]
        ploomes = SHOWING if "update_in_ploomes" in words else {}
        omie: dict[str, int] = {"update": 1} if edits else {}
        if shows and Status(status) in (Status.INVOICED, Status.RETURNED, Status.PARTLY_RETURNED):
            omie[f"{self.kind.states}:read"] = 1
        target = Vendor.OMIE if edits else Vendor.PLOOMES if moved else target_of(verdict)
        return Work(words, {"omie": omie, "ploomes": ploomes}, target, fresh=True, needs=verdict.needs)

    def creation(self, row: JsonObject, target: Vendor, key: str | None) -> Work | None:
        """A new document needs its client's record, is read back and shown; a new sale is told its order's number."""
        if target is Vendor.PLOOMES:
            return Work(["create_in_ploomes"], {"ploomes": {"create": 1, **SHOWING}}, target)
        if row.get("unmet"):
            return LINES
        calls = {"omie": {"create": 1, "read": 1}, "ploomes": {"clients:read": 1, **SHOWING}}
        return Work(["create_in_omie"], calls, target)

    async def needs(self, row: JsonObject, target: Vendor) -> frozenset[str]:
        """Options of a new sale's mapped fields; the carrier of a new order, where the configuration has it made."""
        if target is Vendor.PLOOMES:
            rows, values = mapped(self.rows), row["values"]
            widen = lambda: [each.by.widen(values.get(each.id), None, self.refs) for each in rows]  # noqa: E731
            return (await foreseen(self, widen))[1]
        if self.entity != ORDERS or self.config.orders.carrier_missing != "create":
            return frozenset()
        carrier = carrier_of(self.config, wire.loads(row["data"]))
        return frozenset() if carrier is None else frozenset({f"carrier:{canonical_document(carrier.cnpj)}"})

    def ending(self, link: Link, gone: Vendor) -> Work:
        """A sale that is gone cancels its document, as far as that is open; a document that is gone takes its sale."""
        deletes = self.config.deletes
        policy = getattr(deletes, self.entity)
        other = gone.other
        if gone is Vendor.OMIE:
            verb = {"mirror": "delete", "inactivate": "update"}.get(policy)
            calls = {"omie": {"read": 1}, **({"ploomes": {verb: 1}} if verb else {})}
            return Work([f"{verb}_in_ploomes"] if verb else ["ended"], calls, other)
        if policy != "mirror" or not self.config.orders.cancel_in_omie:
            return Work(["ended"], {}, other)
        if Status(str((link.omie_seen or {}).get("status") or Status.OPEN.value)).frozen:
            return Work(["conflict"], {"omie": {"read": 1}}, other)
        return Work(["delete_in_omie"], {"omie": {"read": 1, "cancel": 1}}, other)

    def differing(self, sides: Sides) -> list[Field]:
        """A client changed in Omie is only noted."""
        return [row for row in self.rows if row.key != "client" and not same(row, sides, self.refs)]


def _cause(refused: Outcome | None, vendor: Vendor) -> str | None:
    """The word under which a record is counted; what the history leaves out is counted by side (F258-F260)."""
    if refused is None:
        return None
    return f"{HISTORY}_in_{vendor.value}" if refused.cause == HISTORY else refused.cause


def _moved(seen: Values | None, now: Values) -> bool:
    """Whether a document is in another stage or state than it was seen in."""
    return any(name in now and now[name] != (seen or {}).get(name) for name in SHOWN)

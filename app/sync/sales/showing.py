"""From the documents to their sale: what a person in Ploomes sees of them, in one PATCH.

Rows that changed in Omie, and what only ever goes one way: number, id, state with invoices, stage (F154-F171).
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed
from app.core.ports import JsonObject, Vendor
from app.sync import links
from app.sync.custom_fields import PROPERTIES, Habit, habit_of, values_in
from app.sync.lookups import known
from app.sync.mapping.canonical import wire
from app.sync.mapping.fields import Values, merge_patches
from app.sync.mapping.places import fold
from app.sync.models import EventSource, Link
from app.sync.sales.book import Book
from app.sync.sales.documents import KINDS, ORDERS, Kind, decimal
from app.sync.sales.invoices import Invoices
from app.sync.sales.lines import Item, parse_items
from app.sync.sales.money import ZERO, percentage
from app.sync.sales.news import messages, words
from app.sync.sales.rows import FREIGHT, mapped, sale_rows
from app.sync.sales.sale import Line, Product, read_sale, rich_text
from app.sync.sales.status import Status
from app.sync.sales.visit import Visit, pairs_of, remember
from app.sync.writing import Draft, Writer

TEXT_FIELDS = ("ponte_omie_id", "ponte_omie_number", "ponte_omie_status")
NO_STAGE, BY_STAGE = "none", "stage"
JUST_READ = timedelta(seconds=1)
BRL = 1
"""The currency of Omie (reference 2)."""


class Showing:
    """Writes sales in Ploomes."""

    def __init__(self, db: Database, clock: Clock, writer: Writer, book: Book) -> None:
        self._db = db
        self._clock = clock
        self._writer = writer
        self._book = book
        self._invoices = Invoices(clock)

    async def show(self, visit: Visit) -> None:
        """Brings the sale to what its documents say; nothing leaves when nothing differs."""
        sale, trip = visit.sale, visit.trip
        assert sale is not None
        values: Values = {}
        patch: JsonObject = {}
        for entity, wanted in visit.to_ploomes.items():
            if entity not in visit.links or not wanted:
                continue
            piece, told = await self._rows(visit, KINDS[entity], wanted)
            patch = merge_patches(patch, piece)
            visit.to_ploomes[entity] = told
            values |= told
        for name, text in (await self.faces(visit)).items():
            key = visit.field_key(name)
            if key is not None and text is not None and visit.custom(name) != text:
                patch = merge_patches(patch, {"OtherProperties": [{"FieldKey": key, "StringValue": text}]})
                values[name] = text
        stage = await self._stage(visit)
        patch, values = merge_patches(patch, stage), {**values, **stage}
        if not patch:
            self._remember(visit, None)
            return
        over = await self._as_it_is(visit, patch)
        before: Values = {name: visit.custom(name) for name in values if name in TEXT_FIELDS}
        source = next((entity for entity, wanted in visit.to_ploomes.items() if wanted), "")
        link = visit.links.get(source) or next(iter(visit.links.values()), None)
        draft = Draft(
            Vendor.PLOOMES, "update", sale.id, patch, values, before, list(visit.notes),
            entity=ORDERS, link_id=link.id if link is not None else None,
            source_id=link.omie_id if link is not None else None, over=over,
        )  # fmt: skip
        entry, written = await self._writer.send(trip, draft)
        visit.notes.clear()
        self._remember(visit, written.data)
        await self._book.written(visit, None, entry)

    async def _as_it_is(self, visit: Visit, patch: JsonObject) -> JsonObject:
        """The sale that a list is written over. Ploomes may replace lists whole, and Omie took its time since the sale
        was read: what people typed meanwhile must stay. An account that keeps what is not named needs no look for its
        custom fields. A pass always asks, so that its plan can count it. Raises Postponed when they changed lines that
        we would set."""
        sale, trip = visit.sale, visit.trip
        assert sale is not None
        habit = habit_of(trip.integration)
        live = trip.event.source != EventSource.RESYNC
        named = patch.keys() & ({"Products"} if live and habit is Habit.KEEPS else {PROPERTIES, "Products"})
        young = live and visit.read_at is not None and self._clock.now() - visit.read_at < JUST_READ
        if not named or (young and habit is not Habit.REPLACES):
            return sale.raw
        record = await visit.trip.ploomes.fetch(ORDERS, sale.id)
        if record is None:
            return sale.raw
        now = read_sale(record.data)
        if "Products" in patch and [line.raw for line in now.lines] != [line.raw for line in sale.lines]:
            raise Postponed(1.0, "a venda mudou enquanto era lida")
        return record.data

    async def _rows(self, visit: Visit, kind: Kind, wanted: Values) -> tuple[JsonObject, Values]:
        """Wire patch and values of the rows that changed in Omie."""
        sale, trip = visit.sale, visit.trip
        assert sale is not None
        rows = mapped(sale_rows(kind.entity, trip))
        patch = wire(
            Vendor.PLOOMES, rows, {row.id: wanted[row.id] for row in rows if row.id in wanted}, sale.raw, trip.refs
        )
        told: Values = {row.id: wanted[row.id] for row in rows if row.id in wanted}
        if "items" in wanted:
            lines = await self._lines(visit, kind, parse_items(wanted["items"]))
            if lines is not None:
                patch |= lines
                told["items"] = wanted["items"]
        freight = next((row for row in rows if row.key == FREIGHT and row.id in wanted), None)
        if freight is not None and "Amount" not in patch:
            patch |= _amount_with(visit, decimal(wanted[freight.id]))
        if "owner" in wanted:
            user = trip.refs.user_of_seller.get(str(wanted["owner"]))
            if user is not None or wanted["owner"] is None:
                patch["OwnerId"] = int(user) if user is not None else None
            else:
                visit.notes.append("O vendedor do documento não tem usuário no Ploomes; o responsável da venda fica.")
            told["owner"] = wanted["owner"]
        if "client" in wanted:  # only a person's answer brings it here (F166)
            contact = await self._contact(visit, str(wanted["client"]))
            told["client"] = wanted["client"] if contact is not None else visit.client
            if contact is not None:
                patch["ContactId"] = int(contact)
            else:
                visit.notes.append("O cliente do documento não tem par no Ploomes; o da venda fica.")
        if "notes" in wanted:
            patch["Description"] = rich_text(str(wanted["notes"])) if wanted["notes"] else None
            told["notes"] = wanted["notes"]
        return patch, told

    async def _contact(self, visit: Visit, omie_client: str) -> str | None:
        async with self._db.read() as session:
            link = await links.find(session, visit.integration_id, "clients", Vendor.OMIE, omie_client)
        return link.ploomes_id if link is not None else None

    async def _lines(self, visit: Visit, kind: Kind, items: Sequence[Item]) -> JsonObject | None:
        """The sale's lines with those of one document replaced: Ploomes takes the whole list (reference 3.4).

        The percentages of the sale are spent on the lines, so its own one goes. None when a product has no partner.
        """
        sale = visit.sale
        assert sale is not None
        partners = await self.partners(visit, kind, [item.product for item in items])
        missing = [item for item in items if item.product not in partners]
        if missing:
            names = ", ".join(item.label for item in missing)
            visit.found("product_not_linked", f"Itens do {kind.noun} sem produto no Ploomes: {names}.")
            return None
        together = visit.trip.config.orders.services_in_product_order
        mine: list[Line] = []
        rows: list[JsonObject] = []
        for line in sale.lines:
            partner = visit.products.get(line.product_id)
            of_kind = partner is not None and (kind.entity == ORDERS if together else partner.entity == kind.products)
            if line.counts and of_kind:
                mine.append(line)
            else:
                rows.append(_kept_line(line, visit))
        for item in items:
            old = next((line for line in mine if line.product_id == partners[item.product]), None)
            if old is not None:
                mine.remove(old)
            rows.append(new_line(item, partners[item.product], old))
        for place, row in enumerate(rows):
            row["Ordination"] = place
        amount = sum((Decimal(str(row["Total"])) for row in rows), ZERO)
        return {"Products": rows, "Discount": 0, "Amount": amount}

    async def partners(self, visit: Visit, kind: Kind, products: Sequence[str]) -> dict[str, str]:
        """Ploomes ids of Omie products or services."""
        found: dict[str, str] = {}
        async with self._db.read() as session:
            for entity in ("products", "services"):
                linked = await links.of_ids(session, visit.integration_id, entity, Vendor.OMIE, sorted(set(products)))
                if entity == kind.products or visit.trip.config.orders.services_in_product_order:
                    found |= {omie_id: link.ploomes_id for omie_id, link in linked.items()}
        return found

    # --- what only ever goes this way ----------------------------------------------------------------------------

    async def faces(self, visit: Visit) -> dict[str, str | None]:
        """Our own text fields on the sale: ids, numbers and states of its documents."""
        kinds = [KINDS[entity] for entity in KINDS if entity in visit.links]
        if not kinds:
            return {}
        numbers, states = [], []
        for kind in kinds:
            held = self._held(visit, kind)
            number = str(held.get("number") or "")
            several = len(kinds) > 1 or kind.entity != ORDERS
            numbers.append(f"{kind.noun} {number}" if several and number else number)
            status = Status(str(held.get("status") or Status.OPEN.value))
            state = status.label
            for name, url in await self._invoices.of(visit, kind, status):
                state += f", {name}" + (f" ({url})" if url else "")
            states.append(f"{kind.noun}: {state}" if several else state)
        return {
            "ponte_omie_id": visit.links[kinds[0].entity].omie_id,
            "ponte_omie_number": " / ".join(number for number in numbers if number) or None,
            "ponte_omie_status": "; ".join(states)[:250],
        }

    def _held(self, visit: Visit, kind: Kind) -> Values:
        """What is known of a document now, or was seen last."""
        link = visit.links[kind.entity]
        seen: Values = dict(link.omie_seen or {})
        if kind.entity in visit.held:
            now = visit.held[kind.entity].values
            seen |= {key: value for key, value in now.items() if value is not None}
        return seen

    async def _stage(self, visit: Visit) -> JsonObject:
        """Stage of the sale by the name of Omie's, or the one for cancelled sales (F171, F181); or a field shows it.

        Only a change in Omie moves a sale, its making does not; what people do with it in Ploomes stays.
        """
        sale, orders = visit.sale, visit.trip.config.orders
        assert sale is not None
        states = {entity: self._held(visit, KINDS[entity]) for entity in visit.links}
        if not states:
            return {}
        cancelled = all(held.get("status") == Status.CANCELLED.value for held in states.values())
        main = visit.links[next(entity for entity in KINDS if entity in visit.links)]
        shown = main.document.get("shown_stage")
        now = "cancelled" if cancelled else str(states[main.entity].get("stage") or "")
        if shown == now or not now:
            return {}
        remember(main, shown_stage=now)
        if cancelled:
            wanted = None if orders.cancelled_stage is None else str(orders.cancelled_stage)
            return _to_stage(sale.stage, wanted)
        moves = orders.stage_to == BY_STAGE
        if orders.stage_to == NO_STAGE or (moves and shown is None and visit.made):
            return {}
        name = await self._stage_name(visit, main.entity, now)
        if moves:
            return _to_stage(sale.stage, await self._stage_of(visit, name))
        return {"OtherProperties": [{"FieldKey": orders.stage_to, "StringValue": name}]} if name else {}

    async def _stage_name(self, visit: Visit, entity: str, code: str) -> str | None:
        """Omie's name of a stage: per account and operation (reference 3.6)."""
        operation = {"orders": "11", "service_orders": "01"}[entity]
        async with self._db.read() as session:
            row = await known.get(session, visit.integration_id, Vendor.OMIE, "stages", f"{operation}.{code}")
        if row is not None and row.name:
            return row.name
        record = await visit.trip.omie.fetch("stages", f"{operation}.{code}")
        if record is None:
            return None
        return str(record.data.get("cDescricao") or record.data.get("cDescrPadrao") or "") or None

    async def _stage_of(self, visit: Visit, name: str | None) -> str | None:
        """The stage of Ploomes with the same name."""
        if name is None:
            return None
        async for page in visit.trip.ploomes.pages("stages"):
            for record in page.records:
                if fold(str(record.data.get("Name") or "")) == fold(name):
                    return record.id
        return None

    async def news(self, visit: Visit) -> None:
        """Messages for documents that have just reached a stage; sent later, stored with the end of the visit."""
        rows = visit.trip.config.notifications.orders
        for entity, held in visit.held.items():
            document, link = held.document, visit.links.get(entity)
            if document is None or link is None or link.document.get("told_stage") == document.stage:
                continue
            before = link.document.get("told_stage")
            remember(link, told_stage=document.stage)
            if not rows or (before is None and not visit.made):
                continue
            stage = await self._stage_name(visit, entity, document.stage) or document.stage
            assert visit.sale is not None
            client = str(visit.sale.raw.get("ContactName") or "")
            said = words(KINDS[entity].noun, document, stage, client, visit.sale.number or visit.sale.id)
            visit.messages += [(entity, one) for one in messages(rows, document.stage, said)]

    def _remember(self, visit: Visit, data: JsonObject | None) -> None:
        """The sale's half after the write, and the new ids of its lines."""
        if data is not None:
            visit.sale = read_sale(data)
        assert visit.sale is not None
        refs = visit.trip.refs
        for entity, wanted in visit.to_ploomes.items():
            link = visit.links.get(entity)
            if link is None or not wanted:
                continue
            held, shown = visit.held[entity].values, dict(wanted)
            if shown.get("owner") is not None and str(shown["owner"]) not in refs.user_of_seller:
                shown["owner"] = refs.seller_of_user.get(visit.sale.owner or "")  # the owner stayed
            links.rebase(link, {key: held.get(key) for key in wanted}, shown)
        visit.to_ploomes.clear()
        if data is None:
            return
        for link in visit.links.values():
            remember(link, pairs=_with_line_ids(link, visit))


def _with_line_ids(link: Link, visit: Visit) -> list[JsonObject]:
    """Pairs with the ids that the sale's lines have now."""
    assert visit.sale is not None
    free = list(visit.sale.counted)
    rows = []
    for one in pairs_of(link):
        row = one.as_json()
        line = next((line for line in free if _is_of(line, visit, one.product)), None)
        if line is not None:
            free.remove(line)
            row["line_id"] = line.id
        rows.append(row)
    return rows


def _is_of(line: Line, visit: Visit, product: str) -> bool:
    partner: Product | None = visit.products.get(line.product_id)
    return partner is not None and partner.omie_id == product


def _amount_with(visit: Visit, freight: Decimal) -> JsonObject:
    """The sale's amount with another freight, where people count the freight in it: else it would contradict itself."""
    sale, shares = visit.sale, visit.shares
    assert sale is not None
    if not shares or sale.amount is None:
        return {}
    before = sum((share.freight for share in shares.values()), ZERO)
    items = sum((share.total for share in shares.values()), ZERO) - before
    return {"Amount": items + freight} if before and sale.amount == items + before else {}


def _to_stage(now: str | None, wanted: str | None) -> JsonObject:
    return {"StageId": int(wanted)} if wanted is not None and wanted != now else {}


def _kept_line(line: Line, visit: Visit) -> JsonObject:
    """A line that stays, with the discount of the sale spent on it."""
    total = line.amounts.agreed
    if visit.shares is not None:
        for share in visit.shares.values():
            total = next((item.total for item in share.items if item.line_id == line.id), total)
    row: JsonObject = {
        "ProductId": int(line.product_id),
        "Quantity": line.quantity,
        "UnitPrice": line.unit,
        "Discount": percentage(line.quantity, line.unit, total),
        "Total": total,
    }
    if line.raw.get("CurrencyId") is not None:
        row["CurrencyId"] = line.raw["CurrencyId"]
    return {**row, **_custom(line)}


def _custom(line: Line) -> JsonObject:
    """The custom values of a line: a list replaced whole would lose them."""
    custom = values_in(line.raw)
    return {"OtherProperties": custom} if custom else {}


def new_line(item: Item, ploomes_id: str, old: Line | None = None) -> JsonObject:
    """A line of a sale as an item of Omie says it; the custom values of the line it replaces stay."""
    row = {
        "ProductId": int(ploomes_id),
        "Quantity": item.quantity,
        "UnitPrice": item.unit,
        "Discount": percentage(item.quantity, item.unit, item.total),
        "Total": item.total,
        "CurrencyId": BRL,
    }
    return row if old is None else {**row, **_custom(old)}

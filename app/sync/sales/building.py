"""Puts a document together: what a new one is told, and what an edit changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from app.core.clock import Clock
from app.core.ports import JsonObject, Vendor
from app.sync.agreement import Agreement
from app.sync.entities.sales import CARRIER, PAYMENT
from app.sync.mapping.canonical import canonical, wire
from app.sync.mapping.catalogue import line_rows_of
from app.sync.mapping.decide import Verdict
from app.sync.mapping.fields import Field, Value, Values, merge_patches
from app.sync.models import Link
from app.sync.sales import choices
from app.sync.sales.bodies import Edit, Order
from app.sync.sales.carriers import Carriers
from app.sync.sales.documents import ORDERS, Kind, decimal
from app.sync.sales.gathering import Gathering
from app.sync.sales.instalments import FREE, Part, Terms, terms
from app.sync.sales.lines import Item, Pair, Pairing, edited, pair
from app.sync.sales.money import ZERO
from app.sync.sales.preflight import Unmet, unmet_choices
from app.sync.sales.rows import CONTACT, FORECAST, FREIGHT, FREIGHT_TYPE, INSTALMENTS, NOTES, mapped, sale_rows
from app.sync.sales.sale import Share
from app.sync.sales.visit import Visit, pairs_of
from app.sync.trip import Trip

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
TOLD_APART = frozenset({INSTALMENTS, FORECAST})
"""Mapped rows that Omie is told in another form than theirs."""
MET_BY: Mapping[str, Sequence[str]] = {CARRIER: ("carrier",), PAYMENT: ("payment", "account")}
"""Conditions that an option chosen anew must meet, by the key of its row."""


@dataclass(frozen=True, slots=True)
class Built:
    """An edit, and what to remember of it."""

    edit: Edit
    pairs: Sequence[Pair]
    terms: JsonObject | None


class Building:
    """Builds orders and edits of a visit."""

    def __init__(self, clock: Clock, agreement: Agreement, gathering: Gathering, carriers: Carriers) -> None:
        self._clock = clock
        self._agreement = agreement
        self._gathering = gathering
        self._carriers = carriers

    def today(self) -> date:
        """Today where Omie is."""
        return self._clock.now().astimezone(SAO_PAULO).date()

    async def mapped_values(self, visit: Visit, rows: Sequence[Field]) -> Values:
        """What the sale holds in its mapped fields."""
        sale, trip = visit.sale, visit.trip
        assert sale is not None
        return await self._agreement.resolving(
            trip, lambda: canonical(Vendor.PLOOMES, mapped(rows), sale.raw, trip.refs)
        )

    async def line_rows(self, trip: Trip) -> list[Field]:
        """The mapped rows of an item that Omie is told, those whose field is gone from Ploomes among them."""
        rows = line_rows_of(ORDERS, trip.config, simples=await self._gathering.simples(trip))
        return [row for row in rows if row.flows_to(Vendor.OMIE)]

    async def taxed(self, visit: Visit, kind: Kind, items: Sequence[Item]) -> list[Item]:
        """Items with the taxes that people mapped on the lines; Omie computes the others (F165, F233-F254)."""
        trip, sale = visit.trip, visit.sale
        assert sale is not None
        if kind.entity != ORDERS or not trip.config.maps_taxes:
            return list(items)
        sent = [row for row in await self.line_rows(trip) if row.field_key not in trip.refs.gone_fields]
        lines = {line.id: line.raw for line in sale.lines}

        def told(item: Item) -> Item:
            raw = lines.get(item.line_id or "", {})
            read = {row.id: row.by.narrow(row.read(Vendor.PLOOMES, raw, trip.refs), trip.refs) for row in sent}
            values: Values = {key: value for key, value in read.items() if value is not None}
            return replace(item, extra=wire(Vendor.OMIE, sent, values, None, trip.refs))

        return await self._agreement.resolving(trip, lambda: [told(item) for item in items])

    async def order(self, visit: Visit, kind: Kind, code: str, share: Share) -> Order:
        """Everything a new document is told. The pre-flight has passed."""
        trip, sale = visit.trip, visit.sale
        assert sale is not None
        assert visit.client is not None
        config, is_order = trip.config, kind.entity == ORDERS
        rows = sale_rows(kind.entity, trip)
        held = await self.mapped_values(visit, rows)
        told = {row.key: held.get(row.id) for row in mapped(rows)}
        payment, carrier = choices.payment_of(config, sale.raw), choices.carrier_of(config, sale.raw)
        chosen = await self._gathering.chosen(visit, kind.entity)
        document, taxpayer = await self._gathering.taxpayer(trip, visit.client)
        return Order(
            code=code,
            client=visit.client,
            stage=kind.setting(config, "omie_stage"),
            forecast=self.forecast(visit, told.get(FORECAST)),
            terms=await self.terms(visit, kind, told.get(INSTALMENTS), share.total),
            account=str(chosen["account"].code),
            category=str(chosen["category"].code),
            items=await self.taxed(visit, kind, share.items),
            freight=share.freight,
            freight_type=str(told.get(FREIGHT_TYPE) or choices.freight_type(carrier, share.freight)),
            carrier=await self._carriers.omie_id(visit, carrier) if is_order and carrier is not None else None,
            seller=visit.seller,
            contact=None if told.get(CONTACT) else sale.person,
            notes=None if NOTES in told else sale.notes,
            sale_number=sale.number,
            scenario=choices.scenario(config, taxpayer=taxpayer),
            consumer=choices.final_consumer(config.orders.final_consumer, document, taxpayer=taxpayer),
            payment_method=payment.payment_method if payment is not None else None,
            stock_location=text(config.orders.default_stock_location),
            city=None if is_order else await self._gathering.city(visit),
            extra=self._mapped_patch(visit, rows, {key: value for key, value in held.items() if value is not None}),
        )

    async def edit(self, visit: Visit, kind: Kind, link: Link, verdict: Verdict, used: Sequence[str]) -> Built:
        """What a verdict changes in a document. `used`: item codes of earlier edits whose answer was lost."""
        values, stored = verdict.to_omie, pairs_of(link)
        rows = sale_rows(kind.entity, visit.trip)
        share = (visit.shares or {}).get(kind.entity)
        paired: Pairing | None = None
        kept: list[Item] = []
        if "items" in values and share is not None:
            paired = pair(stored, await self.taxed(visit, kind, share.items), used)
            held = visit.held[kind.entity]
            there = texts(held.values.get("items"))
            items = held.document.items if held.document is not None else None
            anew = kind.entity in visit.retaxed
            kept = list(paired.kept) if anew else edited(paired.kept, stored, there, items)
        new_terms = await self._new_terms(visit, kind, link, rows, values, share)
        edit = Edit(
            kept=kept,
            added=paired.added if paired is not None else (),
            removed=paired.removed if paired is not None else (),
            client=text(values.get("client")),
            seller=(text(values["owner"]) or "0") if "owner" in values else None,
            notes=(text(values["notes"]) or "") if "notes" in values else None,
            terms=new_terms,
            stock_location=text(visit.trip.config.orders.default_stock_location),
            **await self._rechosen(visit, kind, rows, values, share),
            extra=merge_patches(self._who_pays(visit, link, rows, values), self._mapped_patch(visit, rows, values)),
        )
        remembered = terms_json(new_terms, share.total) if new_terms is not None and share is not None else None
        return Built(edit, paired.pairs if paired is not None else stored, remembered)

    async def unmet(self, visit: Visit, kind: Kind, verdict: Verdict) -> list[Unmet]:
        """Conditions that options chosen anew do not meet."""
        keys = chosen_anew(sale_rows(kind.entity, visit.trip), verdict.to_omie)
        names = {name for key in keys for name in MET_BY[key]}
        if not names:
            return []
        found = await self._gathering.open_choices(visit, [kind.entity])
        return unmet_choices([(name, problem) for name, problem in found if name in names])

    async def _rechosen(
        self, visit: Visit, kind: Kind, rows: Sequence[Field], values: Values, share: Share | None
    ) -> JsonObject:
        """What a carrier or a means of payment that was chosen anew changes (F182-F188). Raises CarrierMissing."""
        assert visit.sale is not None
        config, sale = visit.trip.config, visit.sale.raw
        keys, found = chosen_anew(rows, values), JsonObject()
        if CARRIER in keys:
            carrier = choices.carrier_of(config, sale)
            found["carrier"] = await self._carriers.omie_id(visit, carrier) if carrier is not None else ""
            if not any(row.key == FREIGHT_TYPE for row in rows):
                found["freight_type"] = choices.freight_type(carrier, share.freight if share is not None else ZERO)
        if PAYMENT in keys:
            payment = choices.payment_of(config, sale)
            found["account"] = (await self._gathering.chosen(visit, kind.entity))["account"].code
            if kind.entity == ORDERS:
                found["payment_method"] = (payment.payment_method if payment is not None else None) or ""
        return found

    def _mapped_patch(self, visit: Visit, rows: Sequence[Field], values: Values) -> JsonObject:
        """The mapped fields as Omie is told them; the forecast as late as it may be (design section 8)."""
        own = [row for row in mapped(rows) if row.id in values and row.flows_to(Vendor.OMIE)]
        plain = [row for row in own if row.key not in TOLD_APART]
        patch = wire(Vendor.OMIE, plain, {row.id: values[row.id] for row in plain}, None, visit.trip.refs)
        for row in own:
            if row.key == FORECAST and values[row.id] is not None:
                day = self.forecast(visit, values[row.id])
                patch.setdefault("cabecalho", {})["data_previsao"] = f"{day:%d/%m/%Y}"
        return patch

    def _who_pays(self, visit: Visit, link: Link, rows: Sequence[Field], values: Values) -> JsonObject:
        """Omie is told who pays for a freight that was none before, and that there is none any more; else it keeps its
        own answer, or the field has one that people mapped."""
        assert visit.sale is not None
        freight = next((row for row in rows if row.key == FREIGHT and row.id in values), None)
        if freight is None or any(row.key == FREIGHT_TYPE for row in rows):
            return {}
        before, now = decimal(link.omie_base.get(freight.id)), decimal(values[freight.id])
        if bool(before) == bool(now):
            return {}
        carrier = choices.carrier_of(visit.trip.config, visit.sale.raw)
        return {"frete": {"modalidade": choices.freight_type(carrier, now)}}

    def forecast(self, visit: Visit, told: Value) -> date:
        """The day Omie is told; a date that has passed is noted."""
        mapped_day = date.fromisoformat(str(told)) if told else None
        day, note = choices.forecast(mapped_day, self.today())
        if note is not None and note not in visit.notes:
            visit.notes.append(note)
        return day

    async def terms(self, visit: Visit, kind: Kind, count: Value, total: Decimal) -> Terms:
        """Instalments: as many as the sale says, else as the means of payment or the configuration says."""
        assert visit.sale is not None
        payment = choices.payment_of(visit.trip.config, visit.sale.raw)
        default = payment.omie_installments if payment is not None else None
        default = default or str(kind.setting(visit.trip.config, "omie_installments"))
        codes = choices.parts_of([row.data for row in await self._gathering.listed(visit.trip, "installments")])
        return terms(int(str(count)) if count else None, default, codes, total, self.today())

    async def _new_terms(
        self, visit: Visit, kind: Kind, link: Link, rows: Sequence[Field], values: Values, share: Share | None
    ) -> Terms | None:
        """New instalments when their number changed, when computed parts no longer add up, or when another means of
        payment has others; a number that the sale itself tells is not the payment's to change."""
        if share is None:
            return None
        row = next((row for row in rows if row.key == INSTALMENTS), None)
        before = link.document.get("terms") or {}
        stale = before.get("code") == FREE and Decimal(before.get("total", "0")) != share.total
        counted = row is not None and row.id in values
        if not stale and not counted and PAYMENT not in chosen_anew(rows, values):
            return None
        held = await self.mapped_values(visit, rows)
        count = held.get(row.id) if row is not None else None
        found = await self.terms(visit, kind, count, share.total)
        same = count is not None or (found.code == before.get("code") and not found.parts)
        return None if same and not stale and not counted else found


def chosen_anew(rows: Sequence[Field], values: Values) -> set[str]:
    """Keys of the options among the values that go to Omie."""
    return {row.key for row in rows if row.watched and row.id in values}


def taxes_text(items: Sequence[Item]) -> list[str]:
    """The mapped taxes of items as comparable texts."""
    return sorted(f"{item.product}|{item.extra}" for item in items if item.extra)


def terms_json(found: Terms, total: Decimal) -> JsonObject:
    """Terms, to be compared with Omie's later."""
    parts = [[str(part.value), str(part.percent), part.due.isoformat(), part.days] for part in found.parts]
    return {"code": found.code, "total": str(total), "parts": parts}


def terms_of_json(data: JsonObject) -> Terms:
    """The same, back."""
    parts = [
        Part(number, Decimal(value), Decimal(percent), date.fromisoformat(due), int(days))
        for number, (value, percent, due, days) in enumerate(data.get("parts") or (), start=1)
    ]
    return Terms(str(data.get("code")), parts)


def text(value: Any) -> str | None:
    """A code as text; nothing is None."""
    return str(value) if value not in (None, "", 0, "0") else None


def texts(value: Value) -> list[str]:
    """A canonical list."""
    return list(value) if isinstance(value, list) else []

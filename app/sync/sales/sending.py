"""From the sale to its documents: agree on what differs, create, edit, and prove the cents afterwards.

Every write is journalled before it leaves; what a document's items are called is chosen before, so that a lost answer
is found again by the same names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, Postponed, VendorError
from app.core.ports import JsonObject, Key, Vendor
from app.sync import issues, journal, links
from app.sync.agreement import Agreement, RefusedBefore, frozen_text
from app.sync.entities.rules import CODE_PREFIX, typed_id
from app.sync.lookups.vanished import line_fields_gone, rest_vanished
from app.sync.mapping.decide import Policy, Sides, Verdict, decide
from app.sync.mapping.fields import Field, Values
from app.sync.models import EventSource, Link, WriteEntry
from app.sync.sales.bodies import BODIES
from app.sync.sales.book import Book
from app.sync.sales.building import Building, taxes_text, terms_json
from app.sync.sales.documents import ORDERS, Kind
from app.sync.sales.lines import pair
from app.sync.sales.proof import Proof
from app.sync.sales.rows import only_noted, sale_rows
from app.sync.sales.sale import Share, sale_values
from app.sync.sales.status import Status
from app.sync.sales.visit import Held, Visit, remember, sale_records
from app.sync.same_record import latest_of
from app.sync.writing import Draft, Writer

APART_SECONDS = 20.0
"""Omie takes edits of one record this far apart (design section 6); the first one counts from its creation."""


class Sending:
    """Writes documents in Omie."""

    def __init__(
        self, db: Database, clock: Clock, writer: Writer, agreement: Agreement, building: Building, book: Book
    ) -> None:
        self._db = db
        self._clock = clock
        self._writer = writer
        self._agreement = agreement
        self._building = building
        self._book = book
        self._proof = Proof(db, clock, book)

    # --- a document that is there --------------------------------------------------------------------------------

    async def agree(self, visit: Visit, kind: Kind, link: Link) -> None:
        """Decides for one document: what goes to Omie is written now, what goes to Ploomes is gathered in the visit."""
        trip = visit.trip
        self._proof.check(visit, kind, link)
        held = visit.held[kind.entity]
        rows = sale_rows(kind.entity, trip)
        ploomes = await self._ploomes_values(visit, kind, link, rows)
        if visit.read_at is not None:
            links.saw(link, Vendor.PLOOMES, ploomes, visit.read_at)
        sides = Sides(held.values, ploomes, link.omie_base, link.ploomes_base)
        noted = [row for row in rows if only_noted(row, sides)]
        if noted:
            visit.notes.append("O cliente do documento mudou no Omie; a venda no Ploomes fica com o seu.")
            links.rebase(link, {row.id: held.values.get(row.id) for row in noted}, {})
        present = [row for row in rows if row not in noted and (row.id in held.values or row.watched)]
        policy = await self._policy(visit, kind, link)
        verdict = await self._agreement.resolving(trip, lambda: decide(present, sides, policy, trip.refs))
        frozen = await self._agreement.freeze(trip, link, verdict)
        await rest_vanished(self._db, self._clock.now(), trip, link, sides, verdict, present)
        taxes = await self._retax(visit, kind, link, verdict, ploomes)
        visit.to_ploomes[kind.entity] = dict(verdict.to_ploomes)
        agreed = verdict.agreed - verdict.asks
        links.rebase(link, {key: held.values.get(key) for key in agreed}, {key: ploomes.get(key) for key in agreed})
        await self._book.settle_unfinished(visit, kind)
        if verdict.asks:
            labels = ", ".join(row.label for row in rows if row.id in verdict.asks)
            visit.found("conflict", f"Mudaram dos dois lados: {labels}.", rows=sorted(verdict.asks))
        if frozen:
            visit.found("oscillation", frozen_text(rows, frozen), rows=sorted(frozen))
            visit.thaws = max(visit.thaws, *frozen.values())
        settled = bool(verdict.to_omie) and await self._edit(visit, kind, link, verdict, sides)
        if settled and "items" in verdict.to_omie and not verdict.asks:
            remember(link, taxes=taxes)

    async def _retax(self, visit: Visit, kind: Kind, link: Link, verdict: Verdict, ploomes: Values) -> list[str] | None:
        """Mapped taxes changed on the lines: their items are sent again, whatever else is equal."""
        share = (visit.shares or {}).get(kind.entity)
        if share is None or not visit.trip.config.maps_taxes:
            return None
        taxes = taxes_text(await self._building.taxed(visit, kind, share.items))
        told = link.document.get("taxes")
        if told is not None and told != taxes and "items" not in verdict.to_ploomes:
            if await self._lines_rest(visit):
                return list(told)
            verdict.to_omie.setdefault("items", ploomes.get("items"))
            visit.retaxed.add(kind.entity)
        return taxes

    async def _lines_rest(self, visit: Visit) -> bool:
        """Whether a mapped field of the lines is gone from Ploomes: its values are gone with it, which is no clearing.
        It is looked up when a field holds nothing on any line."""
        trip, sale = visit.trip, visit.sale
        assert sale is not None
        rows = await self._building.line_rows(trip)
        if any(row.field_key in trip.refs.gone_fields for row in rows):
            return True
        held = {each.get("FieldKey") for line in sale.lines for each in line.raw.get("OtherProperties") or ()}
        if all(row.field_key in held for row in rows):
            return False
        return await line_fields_gone(self._db, self._clock.now(), trip, rows)

    async def _ploomes_values(self, visit: Visit, kind: Kind, link: Link, rows: Sequence[Field]) -> Values:
        """The sale's half in Omie's words; what cannot be told now counts as unchanged."""
        sale, trip = visit.sale, visit.trip
        assert sale is not None
        share = (visit.shares or {}).get(kind.entity)
        values = sale_values(sale, share, visit.client, trip.refs.seller_of_user.get(sale.owner or ""))
        if visit.shares is None:
            values["items"] = link.ploomes_base.get("items")
        if visit.client is None:
            values["client"] = link.ploomes_base.get("client")
        values |= await self._building.mapped_values(visit, rows)
        return {row.id: values.get(row.id) for row in rows}

    async def _policy(self, visit: Visit, kind: Kind, link: Link) -> Policy:
        async with self._db.read() as session:
            omie = await latest_of(session, visit.integration_id, Vendor.OMIE, kind.entity, link.omie_id)
            ploomes = await latest_of(session, visit.integration_id, Vendor.PLOOMES, ORDERS, visit.sale_id)
            records = sale_records(visit.sale_id, visit.links)
            found = await issues.open_of(session, visit.integration_id, ORDERS, records)
        later = ploomes is not None and (omie is None or ploomes.received_at > omie.received_at)
        answered = {
            row_id: issue.answer
            for issue in found
            if issue.cause == "conflict" and issue.answer
            for row_id in issue.data.get("rows", ())
        }
        conflicts = visit.trip.config.conflicts
        return Policy(conflicts.default, conflicts.fields, Vendor.PLOOMES if later else Vendor.OMIE, answered)

    async def _edit(self, visit: Visit, kind: Kind, link: Link, verdict: Verdict, sides: Sides) -> bool:
        """Whether the edit is settled: Omie has it, or a person decided that it never gets it."""
        status = Status(str(visit.held[kind.entity].values["status"]))
        if status is not Status.OPEN:
            return await self._untouchable(visit, kind, link, verdict, sides, status)
        if visit.unmet:
            return False  # told at the end of the road; until the conditions hold, nothing leaves
        if "items" in verdict.to_omie and not (visit.shares or {}).get(kind.entity):
            visit.emptied.add(kind.entity)  # a document without items: it is cancelled, not edited
            return False
        age = self._clock.time() - link.created_at.timestamp()
        if age < APART_SECONDS:
            raise Postponed(APART_SECONDS - age, "o documento acabou de ser criado", "pace")
        visit.unmet = await self._building.unmet(visit, kind, verdict)
        if visit.unmet:
            return False
        used = [str(code) for entry in visit.unfinished.get(kind.entity, ()) for code in _codes(entry)]
        built = await self._building.edit(visit, kind, link, verdict, used)
        after: Values = {**verdict.to_omie, "item_codes": [one.code for one in built.pairs]}
        draft = Draft(
            Vendor.OMIE, "update", link.omie_id, BODIES[kind.entity].edit(built.edit), after,
            journal.known_values(sides.omie, list(verdict.to_omie)), list(visit.notes),
            entity=kind.entity, link_id=link.id, source_id=visit.sale_id,
        )  # fmt: skip
        await self._refused_before(visit, kind, draft)
        entry, written = await self._writer.send(visit.trip, draft)
        values = {**visit.held[kind.entity].values, **verdict.to_omie}
        links.rebase(link, verdict.to_omie, {row_id: sides.ploomes.get(row_id) for row_id in verdict.to_omie})
        remember(link, pairs=[one.as_json() for one in built.pairs], differs=None, unproved=True)
        if built.terms is not None:
            remember(link, terms=built.terms)
        visit.held[kind.entity] = Held(values)
        links.saw(link, Vendor.OMIE, values, written.sent_at)
        await self._book.written(visit, link, entry, proof=True)
        return True

    async def _untouchable(
        self, visit: Visit, kind: Kind, link: Link, verdict: Verdict, sides: Sides, status: Status
    ) -> bool:
        """Invoiced, authorised and cancelled documents are never edited: a person is asked (design section 8). True
        when one decided that the edit stays here."""
        cause = "document_cancelled" if status is Status.CANCELLED else "document_invoiced"
        changed = verdict.to_omie
        choice = await self._book.answer(visit, cause)
        if choice == "proceed" and status is Status.CANCELLED:
            reason = "Substituído por um novo documento, a pedido de uma pessoa."
            await self._book.ended(visit, kind, link, reason, replaceable=True)
            return False
        if choice == "discard":
            links.rebase(
                link, {key: sides.omie.get(key) for key in changed}, {key: sides.ploomes.get(key) for key in changed}
            )
            return True
        if choice == "omie":
            visit.to_ploomes[kind.entity] |= {key: sides.omie.get(key) for key in changed}
            return True
        labels = ", ".join(row.label for row in sale_rows(kind.entity, visit.trip) if row.id in changed)
        name = f"{kind.noun} {visit.held[kind.entity].values.get('number') or link.omie_id}"
        text = f"{name} está “{status.label}” no Omie e não foi alterado. Mudou na venda: {labels}."
        visit.found(cause, text, document=kind.entity)
        return False

    # --- a new document ------------------------------------------------------------------------------------------

    async def create(self, visit: Visit, kind: Kind, share: Share) -> None:
        """Makes the document of a share, once: a lost answer is repeated under the same code (design section 5)."""
        trip, sale = visit.trip, visit.sale
        assert sale is not None
        self._book.wait_for_creates(visit, kind)
        await self._book.settle_unfinished(visit, kind)
        code = code_of(sale.id, visit.past.get(kind.entity, 0))
        paired = pair([], share.items)
        share = replace(share, items=paired.items)
        order = await self._building.order(visit, kind, code, share)
        rows = sale_rows(kind.entity, trip)
        source = sale_values(sale, share, visit.client, trip.refs.seller_of_user.get(sale.owner or ""))
        source |= await self._building.mapped_values(visit, rows)
        sent: Values = {
            row.id: row.by.narrow(source.get(row.id), trip.refs) for row in rows if row.flows_to(Vendor.OMIE)
        }
        sent["owner"] = order.seller
        draft = Draft(
            Vendor.OMIE, "create", None, BODIES[kind.entity].create(order),
            {**sent, "item_codes": [one.code for one in paired.pairs]},
            notes=list(visit.notes), code=code, entity=kind.entity, source_id=sale.id,
        )  # fmt: skip
        await self._refused_before(visit, kind, draft)
        document: JsonObject = {
            "pairs": [one.as_json() for one in paired.pairs],
            "terms": terms_json(order.terms, share.total),
            "taxes": taxes_text(order.items) if trip.config.maps_taxes else None,
            "unproved": True,
        }
        halves = sent, {row_id: source.get(row_id) for row_id in sent}
        try:
            entry, written = await self._writer.send(trip, draft)
        except VendorError as error:
            if error.fault is not Fault.DUPLICATE:
                raise
            await self._adopt(visit, kind, code, error, document, halves)
            return
        visit.made = True
        link = await self._book.linked(visit, kind, written.id, document, halves, entry)
        links.saw(link, Vendor.OMIE, {**sent, "status": Status.OPEN.value, "stage": order.stage}, written.sent_at)
        visit.held[kind.entity] = Held({**sent, "status": Status.OPEN.value, "stage": order.stage})
        await self._proof.read(visit, kind, link)

    async def _adopt(
        self,
        visit: Visit,
        kind: Kind,
        code: str,
        error: VendorError,
        document: JsonObject,
        halves: tuple[Values, Values],
    ) -> None:
        """Omie has this document already: an answer of ours was lost. What was sent then is the base, so that what
        was edited since, on either side, still counts as changed."""
        trip = visit.trip
        found = await trip.omie.find(kind.entity, Key(kind.key, code))
        if not found:
            raise error
        async with self._db.read() as session:
            taken = await links.find(session, visit.integration_id, kind.entity, Vendor.OMIE, found[0].id)
            first = await journal.first_create(session, visit.integration_id, kind.entity, code)
        if taken is not None:
            raise error
        if first is not None:
            sent = {key: value for key, value in first.after.items() if key != "item_codes"}
            halves = sent, {**halves[1], **sent}
        visit.made = True
        link = await self._book.linked(visit, kind, found[0].id, document, halves, first)
        read = kind.read(found[0].data)
        visit.held[kind.entity] = Held(self._proof.values_of(visit, kind, read), read)
        await self._proof.take(visit, kind, link, found[0].read_at)

    async def _refused_before(self, visit: Visit, kind: Kind, draft: Draft) -> None:
        """What Omie refused is not sent again until it changed (design section 6)."""
        if visit.trip.event.source == EventSource.PERSON:
            return
        async with self._db.read() as session:
            last = await journal.refused(session, visit.integration_id, kind.entity, Vendor.PLOOMES, visit.sale_id)
        if last is not None and last.verb == draft.verb and last.after == draft.after and last.code == draft.code:
            raise RefusedBefore(Vendor.OMIE, last.outcome or "")


def code_of(sale_id: str, ended: int) -> str:
    """The integration code of a sale's document; a replacement is counted (contract section 6)."""
    return f"{CODE_PREFIX}{sale_id}" + (f"-{ended + 1}" if ended else "")


def sale_of_code(code: str | None) -> str | None:
    """The sale whose document carries an integration code."""
    if not code or not code.startswith(CODE_PREFIX):
        return None
    sale_id = code.removeprefix(CODE_PREFIX).partition("-")[0]
    return typed_id(sale_id)


def _codes(entry: WriteEntry) -> Sequence[object]:
    codes: Mapping[str, object] = entry.after
    found = codes.get("item_codes")
    return found if isinstance(found, list) else ()

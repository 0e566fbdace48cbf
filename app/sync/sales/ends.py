"""A sale or one of its documents is gone (design section 8, deletion). Invoiced documents are never touched.

A sale of two documents is deleted or marked only when both are; ended links stay, and nothing comes back by itself.
"""

from datetime import timedelta

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, VendorError
from app.core.ports import JsonObject, Key, Vendor
from app.sync import journal, links
from app.sync.lanes import record_lane
from app.sync.lookups import known
from app.sync.mapping.canonical import canonical
from app.sync.models import Link, LinkState, WriteEntry
from app.sync.sales.book import Book
from app.sync.sales.documents import KINDS, ORDERS, Document, Kind
from app.sync.sales.rows import NOTES, sale_rows
from app.sync.sales.sale import read_sale
from app.sync.sales.status import Status
from app.sync.sales.visit import Held, Visit
from app.sync.trip import done, waits
from app.sync.writing import Draft, Writer

TRIPWIRE = timedelta(minutes=10)
STATUS_FIELD = "ponte_omie_status"


class Ends:
    """Mirrors the end of sales and documents by the integration's policy."""

    def __init__(self, db: Database, clock: Clock, writer: Writer, book: Book) -> None:
        self._db = db
        self._clock = clock
        self._writer = writer
        self._book = book

    # --- the sale is gone ----------------------------------------------------------------------------------------

    async def left_behind(self, visit: Visit) -> None:
        """Documents whose creation was sent and never answered, and whose sale is gone before it could be repeated:
        Omie is asked for them by the code they were given, so that they go with their sale. Raises Postponed."""
        for entity, kind in KINDS.items():
            lost = [one for one in visit.unfinished.get(entity, ()) if one.vendor == Vendor.OMIE and one.code]
            creates = [one for one in lost if one.verb == "create"]
            if not creates or entity in visit.links:
                continue
            self._book.wait_for_creates(visit, kind)
            await self._claim(visit, kind, creates[0])
            await self._book.settle_unfinished(visit, kind)

    async def _claim(self, visit: Visit, kind: Kind, entry: WriteEntry) -> None:
        found = await visit.trip.omie.find(kind.entity, Key(kind.key, str(entry.code)))
        if not found:
            return
        record = found[0]
        await visit.trip.lease.take([record_lane(visit.trip.integration, "omie", kind.entity, record.id)])
        async with self._db.read() as session:
            if await links.find(session, visit.integration_id, kind.entity, Vendor.OMIE, record.id) is not None:
                return
        sent = {key: value for key, value in entry.after.items() if key != "item_codes"}
        await self._book.linked(visit, kind, record.id, {}, (sent, sent), entry)
        document = kind.read(record.data)
        visit.held[kind.entity] = Held(document.values(), document)

    async def sale_gone(self, visit: Visit) -> None:
        """Cancels its documents in Omie, as far as policy and their state allow."""
        await self._forget(visit, Vendor.PLOOMES, ORDERS, visit.sale_id)
        for entity in list(visit.links):
            kind, link = KINDS[entity], visit.links[entity]
            if not await self._unproved(visit, kind, link, Vendor.PLOOMES):
                await self._drop(visit, kind, link, "A venda foi excluída no Ploomes.")
        if visit.links:
            visit.outcome = waits(visit.findings[-1].cause, visit.findings[-1].detail, visit.findings[-1])
        elif visit.outcome is None:
            visit.outcome = done("deleted", "A venda foi excluída; seus documentos foram tratados.")

    async def _unproved(self, visit: Visit, kind: Kind, link: Link, gone: Vendor) -> bool:
        """A pair that was never proved ends, and nothing else does; True when this is one."""
        if links.proved(link):
            return False
        finding = links.unproved(link, gone)
        visit.findings.append(finding)
        await self._book.ended(visit, kind, link, finding.detail, state=LinkState.EXCLUDED)
        if not visit.links:
            visit.outcome = done("unlinked", finding.detail)
        return True

    async def emptied(self, visit: Visit, kind: Kind) -> None:
        """The sale has no line of this kind any more: its document is cancelled, and lines added later make another."""
        link = visit.links[kind.entity]
        await self._drop(visit, kind, link, "A venda não tem mais itens deste documento.", replaceable=True)

    async def _drop(self, visit: Visit, kind: Kind, link: Link, reason: str, *, replaceable: bool = False) -> None:
        config = visit.trip.config
        if not (getattr(config.deletes, kind.entity) == "mirror" and config.orders.cancel_in_omie):
            text = f"{reason} Pela configuração, o documento fica como está no Omie."
            await self._book.ended(visit, kind, link, text)
            return
        document = await self._now(visit, kind, link)
        if document is None:
            await self._book.ended(visit, kind, link, f"{reason} O documento já não existia.", replaceable=replaceable)
            return
        name = f"{kind.noun} {document.number or document.id}"
        if document.status.frozen:
            if await self._book.answer(visit, "delete_invoiced") == "discard":
                await self._book.ended(visit, kind, link, f"{reason} {name} foi mantido, a pedido de uma pessoa.")
                return
            visit.found("delete_invoiced", f"{reason} {name} está “{document.status.label}” e não foi cancelado.")
            return
        if document.status is Status.CANCELLED:
            await self._book.ended(visit, kind, link, f"{reason} {name} já estava cancelado.", replaceable=replaceable)
            return
        if await self._paused(visit):
            return
        draft = Draft(
            Vendor.OMIE, "cancel", link.omie_id, {}, {"status": Status.CANCELLED.value},
            {"status": document.status.value}, [reason], entity=kind.entity, link_id=link.id, source_id=visit.sale_id,
        )  # fmt: skip
        try:
            entry, _ = await self._writer.send(visit.trip, draft)
        except VendorError as error:
            if error.fault is Fault.NOT_FOUND:
                await self._book.ended(visit, kind, link, f"{reason} O documento já não existia.")
                return
            if not error.permanent or error.fault is Fault.CREDENTIALS:
                raise
            visit.found("delete_refused", f"{name}: o Omie recusou o cancelamento: {error.text}")
            return
        await self._book.ended(visit, kind, link, f"{reason} {name} foi cancelado.", entry, replaceable=replaceable)

    async def _now(self, visit: Visit, kind: Kind, link: Link) -> Document | None:
        """The document as this visit read it: Omie would refuse to tell the same twice a minute."""
        held = visit.held.get(kind.entity)
        if held is not None and held.document is not None:
            return held.document
        record = await visit.trip.omie.fetch(kind.entity, link.omie_id)
        return kind.read(record.data) if record is not None else None

    async def _paused(self, visit: Visit) -> bool:
        """Too many deletions at once: a person is asked first."""
        if await self._book.answer(visit, "delete_paused") == "proceed":
            return False
        await visit.trip.lease.take([f"deletions:{visit.integration_id}"])
        limit = visit.trip.config.deletes.pause_above_in_ten_minutes
        async with self._db.read() as session:
            recent = await journal.deletes_since(session, visit.integration_id, self._clock.now() - TRIPWIRE)
        if recent < limit:
            return False
        visit.found("delete_paused", f"Já houve {recent} exclusões em dez minutos (limite: {limit}).")
        return True

    # --- a document is gone --------------------------------------------------------------------------------------

    async def document_gone(self, visit: Visit, kind: Kind) -> None:
        """A document was deleted in Omie; its sale follows when it was the last one."""
        link = visit.links[kind.entity]
        await self._forget(visit, Vendor.OMIE, kind.entity, link.omie_id)
        if await self._unproved(visit, kind, link, Vendor.OMIE):
            return
        policy = getattr(visit.trip.config.deletes, kind.entity)
        name = f"{kind.noun} {(link.omie_seen or {}).get('number') or link.omie_id}"
        if len(visit.links) > 1 or policy == "ignore":
            await self._book.ended(visit, kind, link, f"{name} foi excluído no Omie.")
            visit.notes.append(f"{name} foi excluído no Omie; a venda fica.")
            return
        record = await visit.trip.ploomes.fetch(ORDERS, visit.sale_id)
        if record is None:
            await self._book.ended(visit, kind, link, f"{name} e a venda foram excluídos.")
            visit.outcome = done("deleted", "Excluído dos dois lados.")
            return
        visit.sale = read_sale(record.data)
        answer = await self._book.answer(visit, "delete_edited")
        if answer == "discard":
            await self._book.ended(visit, kind, link, f"{name} foi excluído no Omie; a venda foi mantida.")
            visit.outcome = done("unlinked", "A venda foi mantida, sem vínculo.")
        elif answer is None and visit.trip.entity == kind.entity and self._edited(visit, kind, link):
            finding = visit.found("delete_edited", f"{name} foi excluído no Omie, mas a venda foi editada no Ploomes.")
            visit.outcome = waits(finding.cause, finding.detail, finding)
        elif policy == "inactivate":
            await self._mark(visit, kind, link, f"{name} foi excluído no Omie")
        elif await self._paused(visit):
            visit.outcome = waits("delete_paused", visit.findings[-1].detail, visit.findings[-1])
        else:
            await self._delete_sale(visit, kind, link, name)

    def _edited(self, visit: Visit, kind: Kind, link: Link) -> bool:
        """Whether the sale was edited since the two last agreed, as far as notes and lines tell."""
        assert visit.sale is not None
        known_lines = [row.get("line_id") for row in link.document.get("pairs", ()) if row.get("line_id")]
        now = {line.id for line in visit.sale.counted}
        return bool(known_lines and not set(known_lines) <= now) or self._notes_edited(visit, kind, link)

    def _notes_edited(self, visit: Visit, kind: Kind, link: Link) -> bool:
        """Whether the notes changed, where the sale keeps them: in its description, or in the field people mapped."""
        sale, trip = visit.sale, visit.trip
        assert sale is not None
        row = next((row for row in sale_rows(kind.entity, trip) if row.key in ("notes", NOTES)), None)
        if row is None or not row.flows_to(Vendor.OMIE):
            return False
        held = sale.notes if row.fixed else canonical(Vendor.PLOOMES, [row], sale.raw, trip.refs).get(row.id)
        return (link.ploomes_base.get(row.id) or None) != (held or None)

    async def _delete_sale(self, visit: Visit, kind: Kind, link: Link, name: str) -> None:
        draft = Draft(
            Vendor.PLOOMES, "delete", visit.sale_id, {}, {}, dict(link.ploomes_base), [f"{name} foi excluído no Omie."],
            entity=ORDERS, link_id=link.id, source_id=link.omie_id,
        )  # fmt: skip
        try:
            entry, _ = await self._writer.send(visit.trip, draft)
        except VendorError as error:
            if not error.permanent or error.fault is Fault.CREDENTIALS:
                raise
            visit.found("delete_refused", f"O Ploomes recusou a exclusão da venda: {error.text}")
            await self._mark(visit, kind, link, f"{name} foi excluído no Omie")
            return
        await self._forget(visit, Vendor.PLOOMES, ORDERS, visit.sale_id)
        await self._book.ended(visit, kind, link, f"{name} foi excluído no Omie; a venda foi excluída.", entry)
        visit.outcome = done("deleted", "A venda foi excluída no Ploomes.")

    async def _mark(self, visit: Visit, kind: Kind, link: Link, why: str) -> None:
        """Marks the sale as cancelled: its stage where one is chosen, and our own field."""
        assert visit.sale is not None
        patch: JsonObject = {}
        stage = visit.trip.config.orders.cancelled_stage
        if stage is not None:
            patch["StageId"] = int(stage)
        key = visit.field_key(STATUS_FIELD)
        if key is not None:
            patch["OtherProperties"] = [{"FieldKey": key, "StringValue": why}]
        entry = None
        if patch:
            draft = Draft(
                Vendor.PLOOMES, "update", visit.sale_id, patch, {"status": Status.CANCELLED.value}, {}, [why],
                entity=ORDERS, link_id=link.id, source_id=link.omie_id, over=visit.sale.raw,
            )  # fmt: skip
            entry, _ = await self._writer.send(visit.trip, draft)
        await self._book.ended(visit, kind, link, f"{why}; a venda foi marcada como cancelada.", entry)
        visit.outcome = done("inactivated", "A venda foi marcada como cancelada.")

    async def _forget(self, visit: Visit, vendor: Vendor, entity: str, external_id: str) -> None:
        async with self._db.transaction() as session:
            await known.mark_gone(session, visit.integration_id, vendor, entity, external_id, self._clock.now())

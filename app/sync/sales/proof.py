"""The cent proof: what Omie made of a document against what it was told (design section 8).

Items and freight are compared; taxes that Omie adds are no difference. A difference of one cent opens an issue that
names the line and stays until a later look finds the two equal; it never travels back as if a person had made it.
"""

from dataclasses import replace
from datetime import datetime

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed
from app.core.ports import Vendor
from app.sync import links
from app.sync.mapping.canonical import canonical
from app.sync.mapping.fields import Values
from app.sync.models import Link
from app.sync.sales.book import PROOF, Book
from app.sync.sales.building import terms_of_json
from app.sync.sales.documents import Document, Kind
from app.sync.sales.instalments import differences
from app.sync.sales.lines import Item, blame, follow, parse_items
from app.sync.sales.money import brl
from app.sync.sales.rows import mapped, sale_rows
from app.sync.sales.visit import Held, Visit, pairs_of, remember


class Proof:
    """Reads documents back."""

    def __init__(self, db: Database, clock: Clock, book: Book) -> None:
        self._db = db
        self._clock = clock
        self._book = book

    def values_of(self, visit: Visit, kind: Kind, document: Document) -> Values:
        """Comparable values of a document just read, mapped fields included."""
        trip = visit.trip
        values = document.values()
        values |= canonical(Vendor.OMIE, mapped(sale_rows(kind.entity, trip), Vendor.OMIE), document.raw, trip.refs)
        return values

    async def read(self, visit: Visit, kind: Kind, link: Link) -> None:
        """Looks at a document just made: its number, its items' ids, its cents. Later, if a limit says so."""
        try:
            record = await visit.trip.omie.fetch(kind.entity, link.omie_id)
        except Postponed:
            record = None
        if record is None:
            await self._book.look_again(visit, link)
            return
        document = kind.read(record.data)
        visit.held[kind.entity] = Held(self.values_of(visit, kind, document), document)
        await self.take(visit, kind, link, record.read_at)

    async def take(self, visit: Visit, kind: Kind, link: Link, read_at: datetime) -> None:
        """Compares what was read, and remembers it."""
        links.saw(link, Vendor.OMIE, visit.held[kind.entity].values, read_at)
        self.check(visit, kind, link, always=True)

    def check(self, visit: Visit, kind: Kind, link: Link, *, always: bool = False) -> None:
        """Compares a document just read with what it was told, when that is still to be proved.

        Only our own look proves: what a notice from Omie brought us to may hold a person's edit.
        """
        event, document = visit.trip.event, visit.held[kind.entity].document
        if document is not None:
            if link.document.get("unproved") and (always or event.topic == PROOF):
                self._compare(visit, kind, link, document, just_made=always)
            elif visit.trip.vendor is Vendor.OMIE:
                remember(link, unproved=None)
            self._pair_items(link, document)
        for cause, text in (link.document.get("differs") or {}).items():
            if all(finding.cause != cause for finding in visit.findings):
                visit.found(cause, text)

    def _compare(self, visit: Visit, kind: Kind, link: Link, document: Document, *, just_made: bool) -> None:
        told = link.omie_base
        found: dict[str, str] = {}
        cents = self._cents(kind, link, document)
        if cents is not None:
            found["cents_differ"] = cents
        if link.document.get("terms"):
            terms = terms_of_json(link.document["terms"])
            odd = differences(terms, document.terms, document.parts, document.total)
            if odd:
                found["terms_differ"] = f"{kind.noun} {document.number or document.id}: {'; '.join(odd)}."
        remember(link, unproved=None, differs=found or None)
        held = visit.held[kind.entity].values
        # Omie's own form of what it was told (rounding, a later day) is its half from now on
        keys = [key for key in told if key in held] if just_made else ["items"]
        links.rebase(link, {key: held.get(key) for key in keys}, {})

    def _cents(self, kind: Kind, link: Link, document: Document) -> str | None:
        """The line to blame, when totals are not what was sent."""
        sent = told_items(link)
        if sum(item.total for item in sent) == sum(item.total for item in document.items):
            return None
        names = {item.product: item.name for item in document.items}
        parts = []
        for ours, theirs in blame(sent, document.items):
            name = (theirs or ours).name if theirs or ours else ""  # type: ignore[union-attr]
            product = (ours or theirs).product  # type: ignore[union-attr]
            here = brl(ours.total) if ours is not None else "nada"
            there = brl(theirs.total) if theirs is not None else "nada"
            parts.append(f"“{name or names.get(product) or product}”: {here} no Ploomes, {there} no Omie")
        return f"{kind.noun} {document.number or document.id}: {'; '.join(parts)}."

    def _pair_items(self, link: Link, document: Document) -> None:
        """The pairs as the items are now, so that an edit names them: with Omie's ids, with those that people typed
        there, and without those they removed. An item without a pair would be added once more by the next edit."""
        pairs, left = follow(pairs_of(link), document.items)
        kept = left if link.document.get("unproved") else ()  # what is still to be proved may be missing
        remember(link, pairs=[one.as_json() for one in (*pairs, *kept)])


def told_items(link: Link) -> list[Item]:
    """The items that a document was told, with their codes."""
    pairs = [one for one in pairs_of(link) if one.told]
    items = parse_items([one.told for one in pairs])
    return [replace(item, code=one.code) for item, one in zip(items, pairs, strict=True)]

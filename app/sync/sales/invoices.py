"""Numbers and links of a document's invoices. Omie tells them apart from the document, sometimes days later (F171)."""

from collections.abc import Sequence

from app.core.clock import Clock
from app.core.errors import Postponed, VendorError
from app.sync.sales.documents import Kind, invoices
from app.sync.sales.status import Status
from app.sync.sales.visit import Visit, remember

INVOICED = (Status.INVOICED, Status.RETURNED, Status.PARTLY_RETURNED)
WAITS: Sequence[float] = [300.0 * 2**n for n in range(14)]
"""Seconds between the questions: five minutes, then twice as long each time, for some two months."""


class Invoices:
    """Asks for invoices."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def of(self, visit: Visit, kind: Kind, status: Status) -> list[tuple[str, str | None]]:
        """What is known of a document's invoices: asked for when it becomes one, and again, ever more seldom, while
        they have no number (a town hall may take days)."""
        link, now = visit.links[kind.entity], self._clock.time()
        document = link.document
        kept = [(row[0], row[1]) for row in document.get("invoices") or ()]
        asked = int(document.get("invoice_asks") or 0)
        settled = (kept and document.get("invoiced_as") == status) or asked >= len(WAITS)
        if status not in INVOICED or settled:
            return kept
        due = float(document.get("invoice_due") or 0)
        if due > now:
            visit.looks[kind.entity] = due
            return kept
        try:
            record = await visit.trip.omie.fetch(kind.states, link.omie_id)
            found = invoices(kind, record.data) if record is not None else []
        except (Postponed, VendorError):
            found = []
        if found:
            facts = {"invoices": [list(row) for row in found], "invoiced_as": status.value}
            remember(link, **facts, invoice_asks=None, invoice_due=None)
            return found
        visit.looks[kind.entity] = due = now + WAITS[asked]
        remember(link, invoice_asks=asked + 1, invoice_due=due)
        return kept

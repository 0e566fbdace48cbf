"""Creating a record on the other side, once: what a lost answer may have made is looked for before a repeat."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, Postponed, VendorError
from app.core.ports import JsonObject, Record, Vendor, Written
from app.sync import journal, links
from app.sync.agreement import Agreement, RefusedBefore, cause_of, withhold
from app.sync.endings import Endings
from app.sync.entities.rules import CODE_PREFIX
from app.sync.lookups import known
from app.sync.mapping.canonical import wire
from app.sync.mapping.fields import Values, completed
from app.sync.models import EventSource, WriteEntry, WriteState
from app.sync.trip import Side, Trip, waits
from app.sync.writing import Draft, Writer, loss_notes

REPEAT_AFTER = {Vendor.OMIE: 61.0, Vendor.PLOOMES: 31.0}
"""Seconds before a create whose answer was lost may be repeated: Omie's redundancy interval, Ploomes' time-out."""


@dataclass(frozen=True, slots=True)
class Extra:
    """What a new record carries beside its rows, and what is remembered when it is committed."""

    body: JsonObject
    committed: Callable[[AsyncSession, JsonObject], Awaitable[None]]
    """Takes the record as Ploomes answered it."""


Extras = Mapping[str, Callable[[Trip], Awaitable[Extra | None]]]
"""By entity: what its new records in Ploomes carry beside their rows."""


class Creation:
    """Makes the other half of a record that has none."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        agreement: Agreement,
        writer: Writer,
        endings: Endings,
        extras: Extras,
    ) -> None:
        self._extras = extras
        self._db = db
        self._clock = clock
        self._agreement = agreement
        self._writer = writer
        self._endings = endings

    def values_for(self, trip: Trip, vendor: Vendor, values: Values) -> Values:
        """What a new record on a vendor gets of the other side's values. Raises MissingReference."""
        if vendor is Vendor.PLOOMES:
            rows = [row for row in trip.rows if row.flows_to(vendor)]
            wide = {row.id: row.by.widen(values.get(row.id), None, trip.refs) for row in rows}
            return trip.rules.new_in_ploomes(trip.rules.complete(vendor, wide), trip.config)
        source = trip.rules.complete(vendor, values)
        rows = [row for row in trip.rows if row.flows_to(vendor)]
        narrow = {row.id: row.by.narrow(source.get(row.id), trip.refs) for row in rows}
        return trip.rules.new_in_omie(narrow, trip.config)

    async def in_ploomes(self, trip: Trip, omie: Side) -> None:
        """Ends with the event settled. Raises Postponed, VendorError, RefusedBefore, LeaseLost."""
        await self._settle_lost_creates(trip, Vendor.PLOOMES)
        withheld: set[str] = set()

        def prepare() -> tuple[Values, JsonObject]:
            values = self.values_for(trip, Vendor.PLOOMES, omie.values)
            filled: Values = {key: value for key, value in values.items() if value is not None}
            withheld.update(held.row_id for held in trip.rules.withhold(Vendor.PLOOMES, filled, trip.refs))
            filled = {key: value for key, value in filled.items() if key not in withheld}
            return filled, wire(Vendor.PLOOMES, trip.rows, filled, None, trip.refs)

        values, body = await self._agreement.resolving(trip, prepare)
        extra = await self._extras[trip.entity](trip) if trip.entity in self._extras else None
        if extra is not None:
            body = completed(body, extra.body)
        draft = Draft(Vendor.PLOOMES, "create", None, body, values)
        await self._refused_before(trip, draft)
        entry, written = await self._writer.send(trip, draft)
        set_name = trip.set_of(Vendor.PLOOMES)
        record = Record(Vendor.PLOOMES, set_name, written.id, written.data or body, written.sent_at)
        ploomes = await self._agreement.side(trip, record)
        await self._created(trip, entry, written, omie, ploomes, withheld, extra)

    async def in_omie(self, trip: Trip, ploomes: Side) -> VendorError | None:
        """The same in Omie; answers Omie's fault when it says that it has the record already."""
        await self._settle_lost_creates(trip, Vendor.OMIE)
        values = await self._agreement.resolving(trip, lambda: self.values_for(trip, Vendor.OMIE, ploomes.values))
        withhold(trip, Vendor.OMIE, values, trip.record_id)
        if trip.waits_for:
            finding = trip.waits_for[0]
            await self._endings.close(trip, waits(finding.cause, finding.detail))
            return None
        sent: Values = {key: value for key, value in values.items() if value is not None}
        code = code_of(trip)
        body = wire(Vendor.OMIE, trip.rows, sent, None, trip.refs)
        body = {name: value for name, value in body.items() if value not in ("", None)}
        body[trip.rules.INTEGRATION_CODE] = code
        notes = loss_notes(Vendor.OMIE, trip.rows, trip.rules.complete(Vendor.OMIE, ploomes.values), values)
        draft = Draft(Vendor.OMIE, "create", None, body, sent, notes=notes, code=code)
        await self._refused_before(trip, draft)
        try:
            entry, written = await self._writer.send(trip, draft)
        except VendorError as error:
            if error.fault is not Fault.DUPLICATE:
                raise
            return error
        values["omie_id"] = written.id
        await self._created(trip, entry, written, Side(values, written.sent_at), ploomes)
        return None

    async def _created(
        self,
        trip: Trip,
        entry: WriteEntry,
        written: Written,
        omie: Side,
        ploomes: Side,
        withheld: Collection[str] = (),
        extra: Extra | None = None,
    ) -> None:
        """The new id is committed at once, with link, base and change; agreement then writes what is left (our id).
        What was withheld gets no base, so that agreement says why."""
        omie_id, ploomes_id = id_of(omie), id_of(ploomes)
        async with self._db.transaction() as session:
            link = links.make(
                trip.integration.id,
                trip.entity,
                omie_id,
                ploomes_id,
                text_or_none(omie.values.get(trip.rules.KEY)),
                self._clock.now(),
            )
            returned = {name for name in trip.rules.RETURNED if ploomes.values.get(name) is None} | set(withheld)
            keep = [row.id for row in trip.rows if row.id not in returned]
            links.rebase(link, {k: omie.values.get(k) for k in keep}, {k: ploomes.values.get(k) for k in keep})
            session.add(link)
            await session.flush()
            row = await session.get_one(WriteEntry, entry.id)
            row.external_id, row.link_id = written.id, link.id
            journal.finish(row, WriteState.DONE, self._clock.now())
            session.add(
                journal.change_of(
                    row,
                    cause=cause_of(trip.event),
                    at=self._clock.now(),
                    lost={},
                    config_version=trip.integration.config_version,
                )
            )
            await known.upsert(
                session,
                trip.integration.id,
                [_known(trip, Vendor(row.vendor), written.id, omie, ploomes)],
                self._clock.now(),
            )
            if extra is not None:
                await extra.committed(session, ploomes.record.data if ploomes.record is not None else {})
            await trip.lease.extend(session)
        trip.link, trip.linked = link, True
        await self._writer.trace("committed")
        await self._agreement.agree(trip, link, omie, ploomes)

    async def _settle_lost_creates(self, trip: Trip, vendor: Vendor) -> None:
        """An earlier create without an answer: it may be repeated only when it can no longer arrive unseen."""
        lost = [w for w in trip.unfinished if w.verb == "create" and w.vendor == vendor]
        for entry in lost:
            age = self._clock.time() - entry.sent_at.timestamp()
            if age < REPEAT_AFTER[vendor]:
                raise Postponed(REPEAT_AFTER[vendor] - age, "a resposta de uma inclusão se perdeu; conferindo de novo")
        await self._resolve(lost, "não encontrado; enviado de novo")

    async def _resolve(
        self, entries: Sequence[WriteEntry], outcome: str, state: WriteState = WriteState.RESOLVED
    ) -> None:
        async with self._db.transaction() as session:
            for entry in entries:
                row = await session.get_one(WriteEntry, entry.id)
                journal.finish(row, state, self._clock.now(), outcome)

    async def _refused_before(self, trip: Trip, draft: Draft) -> None:
        if trip.event.source == EventSource.PERSON:
            return
        async with self._db.read() as session:
            last = await journal.refused(session, trip.integration.id, trip.entity, trip.vendor, trip.record_id)
        if last is not None and last.verb == "create" and last.after == draft.after:
            raise RefusedBefore(draft.vendor, last.outcome or "")


def code_of(trip: Trip) -> str:
    """The integration code that a record we create in Omie carries."""
    return f"{CODE_PREFIX}{trip.record_id}"


def id_of(side: Side) -> str:
    """The id of a side's record, just read or just made."""
    return side.record.id if side.record is not None else str(side.values["omie_id"])


def _known(trip: Trip, vendor: Vendor, external_id: str, omie: Side, ploomes: Side) -> known.Known:
    if vendor is Vendor.PLOOMES and ploomes.record is not None:
        return known.known_of(ploomes.record)
    return known.Known(
        vendor,
        trip.set_of(vendor),
        external_id,
        text_or_none(omie.values.get(trip.rules.KEY)),
        text_or_none(omie.values.get("name")),
    )


def text_or_none(value: object) -> str | None:
    """A canonical value as text."""
    return str(value) if value not in (None, "") else None

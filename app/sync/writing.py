"""Sending one write: journal it (commit), make sure the lease outlives it, send it, store how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core import metrics
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, VendorError
from app.core.ports import JsonObject, Vendor, Written
from app.sync import journal
from app.sync.custom_fields import CustomFields, Target
from app.sync.entities import set_of
from app.sync.mapping.canonical import wire
from app.sync.mapping.convert import Text
from app.sync.mapping.fields import Field, Values
from app.sync.mapping.goods import Marked
from app.sync.mapping.phones import Phones
from app.sync.mapping.tags import Tags
from app.sync.models import EventSource, WriteEntry, WriteState
from app.sync.trip import Side, Tracer, Trip

WHOLE = (Phones, Tags, Marked)
"""Lists that Ploomes replaces whole: never written from a row that may be old (design section 4)."""

WRITE_SECONDS = 35.0
"""A write is over after its time-out of 30 s; the lease must outlive it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One write to be sent: canonical values for the journal, wire body for the vendor.

    `over` is the record that an update of Ploomes was decided upon; what becomes of the custom fields that its body
    does not name is the business of `custom_fields.py`.
    """

    vendor: Vendor
    verb: str
    external_id: str | None
    body: JsonObject
    after: Values
    before: Values = field(default_factory=dict)
    notes: Sequence[str] = ()
    code: str | None = None
    """Integration code that a create carries."""
    entity: str | None = None
    """When it is not the event's; then `source_id` and `link_id` say what it copies and belongs to."""
    source_id: str | None = None
    link_id: int | None = None
    over: JsonObject | None = None


class Writer:
    """Sends drafts of a trip."""

    def __init__(self, db: Database, clock: Clock, trace: Tracer) -> None:
        self._db = db
        self._clock = clock
        self._custom_fields = CustomFields(db)
        self.trace = trace

    async def send(self, trip: Trip, draft: Draft) -> tuple[WriteEntry, Written]:
        """The journal row, still open, and the vendor's answer; the caller finishes the row with its own commit.

        Raises Postponed or VendorError. After a fault whose outcome is unknown the row stays `sent`.
        """
        entry = self._entry(trip, draft)
        target = trip.set_of(draft.vendor) if draft.entity is None else set_of(draft.entity, draft.vendor)
        async with self._db.transaction() as session:
            session.add(entry)
            await trip.lease.extend(session, WRITE_SECONDS)
        await self.trace("journaled")
        try:
            written = await self._write(trip, target, draft)
        except Postponed as postponed:
            await self._finish(entry, WriteState.RESOLVED, f"{journal.NOT_SENT}: {postponed.reason}")
            raise
        except VendorError as error:
            if not error.sent:
                await self._finish(entry, WriteState.RESOLVED, f"{journal.NOT_SENT}: sem conexão")
            elif error.permanent:
                await self._finish(entry, WriteState.REFUSED, error.text)
            elif not error.outcome_unknown:
                await self._finish(entry, WriteState.RESOLVED, f"{journal.NOT_TAKEN}: {error.text}")
            raise
        trip.wrote = True
        metrics.WRITES.labels(draft.vendor.value, entry.entity, draft.verb).inc()
        await self.trace("written")
        return entry, written

    async def sent(self, trip: Trip, draft: Draft) -> Written:
        """The same for a write that nothing else is committed with: its row is finished here."""
        entry, written = await self.send(trip, draft)
        async with self._db.transaction() as session:
            row = await session.get_one(WriteEntry, entry.id)
            row.external_id = written.id
            journal.finish(row, WriteState.DONE, self._clock.now())
        return written

    async def _write(self, trip: Trip, set_name: str, draft: Draft) -> Written:
        gateway = trip.gateway(draft.vendor)
        if draft.vendor is not Vendor.PLOOMES or draft.verb != "update" or draft.external_id is None:
            return await gateway.write(set_name, draft.verb, draft.external_id, draft.body)

        async def hold() -> None:
            async with self._db.transaction() as session:
                await trip.lease.extend(session, WRITE_SECONDS)

        asks = trip.event.source != EventSource.RESYNC
        entity = draft.entity or trip.entity
        record = Target(trip.integration, gateway, set_name, entity, draft.external_id, hold, asks)
        return await self._custom_fields.patch(record, draft.body, draft.over)

    def _entry(self, trip: Trip, draft: Draft) -> WriteEntry:
        source = draft.vendor.other
        source_id = trip.record_id if trip.vendor is source else None
        link_id = trip.link.id if trip.link else None
        if trip.link is not None:
            source_id = trip.link.omie_id if source is Vendor.OMIE else trip.link.ploomes_id
        if draft.entity is not None:
            source_id, link_id = draft.source_id, draft.link_id
        return WriteEntry(
            integration_id=trip.integration.id,
            event_id=trip.event.id,
            link_id=link_id,
            entity=draft.entity or trip.entity,
            vendor=draft.vendor.value,
            verb=draft.verb,
            external_id=draft.external_id,
            source_vendor=source.value,
            source_id=source_id,
            code=draft.code,
            before=draft.before,
            after=draft.after,
            notes=list(draft.notes),
            state=WriteState.SENT,
            sent_at=self._clock.now(),
        )

    async def _finish(self, entry: WriteEntry, state: WriteState, outcome: str) -> None:
        async with self._db.transaction() as session:
            row = await session.get_one(WriteEntry, entry.id)
            journal.finish(row, state, self._clock.now(), outcome)


def update_drafts(
    trip: Trip, vendor: Vendor, external_id: str, values: Values, side: Side, other: Values
) -> list[Draft]:
    """The writes that set `values` on an existing record, one request each. `other` is what the other side holds.

    Omie's tags go by IncluirTags and ExcluirTags, because AlterarCliente replaces the whole list (reference 5.8).
    """
    sets = [row.id for row in trip.rows if row.id in values and vendor is Vendor.OMIE and isinstance(row.by, Tags)]
    plain = {key: value for key, value in values.items() if key not in sets}
    drafts = []
    if plain:
        current = side.record.data if side.record else None
        body = wire(vendor, trip.rows, plain, current, trip.refs)
        notes = loss_notes(vendor, trip.rows, other, plain)
        before = journal.known_values(side.values, list(plain))
        drafts.append(Draft(vendor, "update", external_id, body, plain, before, notes, over=current))
    for row_id in sets:
        held, wanted = _names(side.values.get(row_id)), _names(values[row_id])
        for verb, names in (
            ("include_tags", wanted.keys() - held.keys()),
            ("exclude_tags", held.keys() - wanted.keys()),
        ):
            if names:
                body = {"tags": [{"tag": (wanted | held)[name]} for name in sorted(names)]}
                before = {row_id: side.values.get(row_id)}
                drafts.append(Draft(vendor, verb, external_id, body, {row_id: values[row_id]}, before))
    return drafts


def needs_record(rows: Sequence[Field], values: Values) -> bool:
    """Whether writing `values` to Ploomes needs the record as it is at that moment: lists, custom fields."""
    lists = any(row.id in values and isinstance(row.by, WHOLE) for row in rows)
    return lists or names_custom(rows, values)


def names_custom(rows: Sequence[Field], values: Values) -> bool:
    """Whether writing `values` to Ploomes names a custom field."""
    return any(row.id in values and row.ploomes.startswith("@") for row in rows)


def _names(value: Any) -> dict[str, str]:
    return {name.casefold(): name for name in value} if isinstance(value, list) else {}


def loss_notes(vendor: Vendor, rows: Sequence[Field], held: Values, sent: Values) -> list[str]:
    """What a vendor could not take, or not whole, in Portuguese, for the record's history (F066, F075, F089)."""
    notes = []
    for row in rows:
        value, took = held.get(row.id), sent.get(row.id)
        if row.id not in sent or value == took:
            continue
        if isinstance(value, str) and took is None:
            notes.append(f"{row.label}: “{value}” não tem correspondente no {vendor.label} e ficou de fora.")
        elif isinstance(value, str) and isinstance(took, str) and isinstance(row.by, Text) and value.startswith(took):
            sizes = f"de {len(value)} para {len(took)} caracteres"
            notes.append(f"{row.label}: reduzido {sizes}, o máximo do {vendor.label}.")
        elif isinstance(row.by, Phones) and isinstance(value, list) and vendor is Vendor.OMIE:
            left_out = len(value) - sum(1 for slot in took or () if slot) if isinstance(took, list) else len(value)
            if left_out > 0:
                notes.append(f"{left_out} telefone(s) não enviado(s): o Omie guarda dois telefones e um fax.")
    return notes

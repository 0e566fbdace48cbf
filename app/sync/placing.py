"""A record without a link: recognise its twin, or create it on the other side. Never two where there should be one.

Order of recognition (F086): the other side's id that the record carries, then the natural key, then a create. Omie is
searched sparingly: our own index answers, and its duplicate fault names the twin (design section 5).
"""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, VendorError
from app.core.ports import Key, Record, Vendor
from app.sync import inbox, journal, links
from app.sync.agreement import Agreement, cause_of
from app.sync.creating import Creation, Extras, code_of, id_of, text_or_none
from app.sync.endings import Endings
from app.sync.entities import RULES
from app.sync.entities.rules import CODE_PREFIX, Ignore, Wait
from app.sync.issues import Finding
from app.sync.lanes import key_lane
from app.sync.lookups import known
from app.sync.mapping.fields import Field, Master, Value, Values
from app.sync.models import Change, EventSource, Link, LinkState, WriteEntry, WriteState
from app.sync.reading import Reading
from app.sync.stock.book import show_linked
from app.sync.trip import Outcome, Side, Trip, done, ignored, waits
from app.sync.twins import Twins
from app.sync.writing import Writer, update_drafts


class Placing:
    """Gives a record without a link its place."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        agreement: Agreement,
        writer: Writer,
        reading: Reading,
        endings: Endings,
        twins: Twins,
        extras: Extras,
    ) -> None:
        self._db = db
        self._clock = clock
        self._agreement = agreement
        self._writer = writer
        self._reading = reading
        self._endings = endings
        self._twins = twins
        self._creation = Creation(db, clock, agreement, writer, endings, extras)

    async def place(self, trip: Trip) -> None:
        """Links or creates; ends with the event settled. Raises LaneBusy, Postponed, VendorError, LeaseLost."""
        record = await self._reading.record(trip, trip.vendor, trip.record_id)
        if record is None:
            await self.gone(trip)
            return
        await self._writer.trace("read")
        side = await self._agreement.side(trip, record)
        await self._twins.remember(trip, record)
        if await self._another_kind(trip, record):
            return
        verdict = trip.rules.qualify(trip.vendor, record.data, side.values, trip.config, trip.refs)
        if isinstance(verdict, Wait):
            await self._endings.close(trip, waits(verdict.cause, verdict.reason))
        elif isinstance(verdict, Ignore) and not self._named(trip, verdict, side):
            await self._endings.close(trip, ignored(verdict.cause, verdict.reason))
        else:
            await self._recognise(trip, side)

    def _named(self, trip: Trip, verdict: Ignore, side: Side) -> bool:
        """Whether a sale names a record that is not sent by itself (design section 8, contact persons)."""
        named = verdict.unless_named and trip.event.source == EventSource.DEPENDENCY
        return named and side.values.get(trip.rules.KEY) is not None

    async def _another_kind(self, trip: Trip, record: Record) -> bool:
        """A record that is not of the event's entity is one of its siblings, and comes back as that; True when so."""
        if trip.rules.recognisable(trip.vendor, record.data, trip.refs):
            return False
        for entity in trip.siblings:
            if RULES[entity].recognisable(trip.vendor, record.data, trip.refs):
                async with self._db.transaction() as session:
                    await inbox.become(session, trip.event, entity)
                raise Postponed(0.0, "o registro é de outro cadastro")
        return False

    async def link(self, trip: Trip, own: Side, twin: Side) -> None:
        """Makes the link of two records that exist and brings them into agreement.

        Its base is what a create of ours sent, if it made one of them and its answer was lost; else there is none,
        and the rules of a first link hold.
        """
        sides = {trip.vendor: own, trip.vendor.other: twin}
        made = await self._maker(trip, sides, _record_id(twin))
        halves = await self._sent_halves(trip, made, sides) if made is not None else {}
        omie, ploomes = sides[Vendor.OMIE], sides[Vendor.PLOOMES]
        link = await self._make_link(trip, id_of(omie), id_of(ploomes), own.values.get(trip.rules.KEY), made, halves)
        await self._agreement.agree(trip, link, omie, ploomes)

    async def _maker(self, trip: Trip, sides: Mapping[Vendor, Side], twin_id: str) -> WriteEntry | None:
        """The create of ours that made one of two records. In Omie its code says so, however many tries there were
        since; in Ploomes a create is repeated only when the one before is known not to have arrived."""
        async with self._db.read() as session:
            of_twin = await journal.unfinished(session, trip.integration.id, trip.entity, trip.vendor.other, twin_id)
            trip.unfinished = [*trip.unfinished, *of_twin]
            code = f"{CODE_PREFIX}{_record_id(sides[Vendor.PLOOMES])}"
            if _record_of(sides[Vendor.OMIE]).data.get(trip.rules.INTEGRATION_CODE) == code:
                return await journal.first_create(session, trip.integration.id, trip.entity, code)
        ploomes = sides[Vendor.PLOOMES]
        carried = trip.rules.other_id(
            Vendor.PLOOMES, _record_of(ploomes).data, text_or_none(ploomes.values.get("omie_id"))
        )
        creates = [row for row in trip.unfinished if row.verb == "create" and row.vendor == Vendor.PLOOMES]
        return next((row for row in reversed(creates) if row.source_id == carried), None)

    async def _sent_halves(self, trip: Trip, entry: WriteEntry, sides: Mapping[Vendor, Side]) -> dict[Vendor, Values]:
        """What both sides held when a create was sent: a value that would be sent otherwise now was edited since."""
        there, here = Vendor(entry.vendor), Vendor(entry.vendor).other
        source = sides[here].values
        now = await self._agreement.resolving(trip, lambda: self._creation.values_for(trip, there, source))

        def before(row: Field) -> Value:
            sent: Value = entry.after[row.id]
            if now.get(row.id) == sent:
                return source.get(row.id)
            return row.by.narrow(sent, trip.refs) if here is Vendor.OMIE else row.by.widen(sent, None, trip.refs)

        rows = [row for row in trip.rows if row.id in entry.after and row.id not in trip.rules.RETURNED]
        return {there: {row.id: entry.after[row.id] for row in rows}, here: {row.id: before(row) for row in rows}}

    # --- recognition ---------------------------------------------------------------------------------------------

    async def _recognise(self, trip: Trip, side: Side) -> None:
        assert side.record is not None
        key = side.values.get(trip.rules.KEY)
        carried = trip.rules.other_id(trip.vendor, side.record.data, text_or_none(side.values.get("omie_id")))
        names = [key_lane(trip.integration, trip.entity, str(key))] if key else []
        if carried:
            names.append(trip.lane(trip.vendor.other, carried))
        await trip.lease.take(names)
        if await self._linked_meanwhile(trip):
            raise Postponed(0.05, "vinculado enquanto isso")
        twin: Record | Finding | None = await self._carried_twin(trip, side, carried) if carried else None
        if twin is None:
            twin = await self._keyed_twin(trip, str(key)) if key else await self._twins.foreign(trip)
        if isinstance(twin, Finding):
            await self._endings.close(trip, waits(twin.cause, twin.detail, twin))
        elif twin is not None:
            await self.link(trip, side, await self._agreement.side(trip, twin))
        else:
            await self._writer.trace("decided")
            if trip.vendor is Vendor.OMIE:
                await self._creation.in_ploomes(trip, side)
            elif trip.rules.MASTER is Master.OMIE:
                await self._endings.close(
                    trip, ignored("one_way", "Este cadastro só vem do Omie; nada é enviado para lá.")
                )
            elif (duplicate := await self._creation.in_omie(trip, side)) is not None:
                await self._duplicate_in_omie(trip, side, duplicate)

    async def _carried_twin(self, trip: Trip, side: Side, carried: str) -> Record | None:
        """The twin whose id the record carries, unless a copy of a linked record carries it (design section 4)."""
        other = trip.vendor.other
        async with self._db.read() as session:
            taken = await self._holder(session, trip, carried)
            absent = other is Vendor.OMIE and await self._not_in_index(session, trip, side, carried)
        if taken is None:
            return None if absent else await self._reading.record(trip, other, carried)
        if trip.vendor is Vendor.PLOOMES:
            await self._clear_copied_id(trip, side)
        return None

    async def _holder(self, session: AsyncSession, trip: Trip, carried: str) -> Link | None:
        """The link of the record whose id is carried. A copy that left its family carries the id of a sibling, unless
        our index knows one of this entity by that id."""
        other = trip.vendor.other
        found = await links.holder(session, trip.integration.id, trip.entity, other, carried)
        if found is not None or not trip.siblings:
            return found
        row = await known.get(session, trip.integration.id, other, trip.set_of(other), carried)
        if row is not None and row.gone_at is None:
            return None
        for entity in trip.siblings:
            found = found or await links.holder(session, trip.integration.id, entity, other, carried)
        return found

    async def _not_in_index(self, session: AsyncSession, trip: Trip, side: Side, omie_id: str) -> bool:
        """Whether our index, once Omie's list was read whole, says that there is no such record: asking Omie would
        count as an error each time. Believed only of a record with a natural key, where Omie's duplicate fault still
        names a twin whose webhook was lost."""
        set_name = trip.set_of(Vendor.OMIE)
        whole_at = await known.whole_at(session, trip.integration.id, Vendor.OMIE, set_name)
        if whole_at is None or not side.values.get(trip.rules.KEY):
            return False
        row = await known.get(session, trip.integration.id, Vendor.OMIE, set_name, omie_id)
        return row is None or row.gone_at is not None

    async def _clear_copied_id(self, trip: Trip, side: Side) -> None:
        cleared: Values = {"omie_id": None}
        for draft in update_drafts(trip, Vendor.PLOOMES, trip.record_id, cleared, side, {}):
            entry, _ = await self._writer.send(trip, draft)
            entry.notes = ["Cópia de um registro vinculado: o Id (Omie) foi limpo."]
            async with self._db.transaction() as session:
                row = await session.get_one(WriteEntry, entry.id)
                row.notes = entry.notes
                journal.finish(row, WriteState.DONE, self._clock.now())
                session.add(self._change(trip, row))
        side.values["omie_id"] = None

    async def _keyed_twin(self, trip: Trip, key: str) -> Record | Finding | None:
        """The record of the other side that carries this one's id, else one with the same natural key."""
        other, by_id = trip.vendor.other, self._twins.by_id(trip)
        free, taken = await self._twins.carriers(trip, other, key, by_id)
        for external_id in free:
            twin = await self._twins.verified(trip, other, external_id, key, by_id)
            if twin is not None:
                return twin
        return _duplicate(trip, key, taken[0]) if taken and trip.rules.KEY_IS_UNIQUE else None

    async def _duplicate_in_omie(self, trip: Trip, ploomes: Side, error: VendorError) -> None:
        """Omie knows this client already: its fault names it, and that becomes the link."""
        twin_id = error.existing_id
        if twin_id is None:
            found = await trip.omie.find(trip.set_of(Vendor.OMIE), Key("integration_code", code_of(trip)))
            twin_id = found[0].id if found else None
        if twin_id is None:
            raise error
        async with self._db.read() as session:
            taken = await links.find(session, trip.integration.id, trip.entity, Vendor.OMIE, twin_id)
        if taken is not None:
            finding = _duplicate(trip, str(ploomes.values.get(trip.rules.KEY)), twin_id)
            await self._endings.close(trip, waits(finding.cause, finding.detail, finding))
            return
        await trip.lease.take([trip.lane(Vendor.OMIE, twin_id)])
        twin = await self._reading.record(trip, Vendor.OMIE, twin_id)
        if twin is None:
            raise error
        await self.link(trip, ploomes, await self._agreement.side(trip, twin))

    # --- small steps ---------------------------------------------------------------------------------------------

    async def _make_link(
        self,
        trip: Trip,
        omie_id: str,
        ploomes_id: str,
        key: object,
        made: WriteEntry | None,
        halves: Mapping[Vendor, Values],
    ) -> Link:
        creates = [row for row in trip.unfinished if row.verb == "create"]
        async with self._db.transaction() as session:
            link = links.make(
                trip.integration.id, trip.entity, omie_id, ploomes_id, text_or_none(key), self._clock.now()
            )
            links.rebase(link, halves.get(Vendor.OMIE, {}), halves.get(Vendor.PLOOMES, {}))
            session.add(link)
            await session.flush()
            if made is not None:
                entry = await session.get_one(WriteEntry, made.id)
                entry.external_id, entry.link_id = (ploomes_id if made.vendor == "ploomes" else omie_id), link.id
                journal.finish(entry, WriteState.DONE, self._clock.now(), "resposta perdida; encontrado")
                session.add(self._change(trip, entry))
            for row in creates:
                entry = await session.get_one(WriteEntry, row.id)
                if entry.state == WriteState.SENT:
                    text = "resposta perdida; os registros já existiam"
                    journal.finish(entry, WriteState.RESOLVED, self._clock.now(), text)
            await show_linked(
                session, link, trip.config, EventSource.DEPENDENCY, trip.event.priority, self._clock.now()
            )
            await trip.lease.extend(session)
        trip.link, trip.linked = link, True
        trip.unfinished = [row for row in trip.unfinished if row.verb != "create"]
        return link

    def _change(self, trip: Trip, entry: WriteEntry) -> Change:
        version = trip.integration.config_version
        return journal.change_of(entry, cause=cause_of(trip.event), at=entry.sent_at, lost={}, config_version=version)

    async def _linked_meanwhile(self, trip: Trip) -> bool:
        async with self._db.read() as session:
            found = await links.find(session, trip.integration.id, trip.entity, trip.vendor, trip.record_id)
        return found is not None

    async def gone(self, trip: Trip) -> None:
        """The record of a trip without a link does not exist any more; ends with the event settled."""
        await self._twins.forget(trip, trip.vendor, trip.record_id)
        await self._endings.close(trip, done("gone", "O registro não existe mais e não tinha vínculo."))


def ended_outcome(link: Link) -> Outcome:
    """Ended links are honoured: nothing comes back by itself."""
    if link.state == LinkState.EXCLUDED:
        return ignored("excluded", "O vínculo deste registro foi desfeito por uma pessoa; ele não volta sozinho.")
    return ignored("deleted", "O par deste registro foi excluído; ele não volta sozinho.")


def _duplicate(trip: Trip, key: str, taken_by: str) -> Finding:
    cause, detail = trip.rules.duplicate(key, trip.vendor.other, taken_by)
    return Finding(cause, detail, {trip.rules.KEY: key, "other_id": taken_by})


def _record_of(side: Side) -> Record:
    assert side.record is not None
    return side.record


def _record_id(side: Side) -> str:
    return _record_of(side).id

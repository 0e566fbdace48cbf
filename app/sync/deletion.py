"""A linked record is gone on one side (design section 8, deletion). Ended links stay as memory."""

from collections.abc import Mapping
from datetime import timedelta

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, VendorError
from app.core.ports import Gateway, Key, Record, Vendor
from app.sync import issues, journal, links
from app.sync.agreement import Agreement, cause_of, withhold
from app.sync.config.sharing import others_linked
from app.sync.endings import Endings
from app.sync.issues import Finding
from app.sync.lookups import known
from app.sync.mapping.fields import Master, Values
from app.sync.models import EventSource, Link, LinkState, WriteEntry, WriteState
from app.sync.reading import Reading
from app.sync.stock.book import show_linked
from app.sync.trip import Outcome, Side, Trip, done, waits
from app.sync.twins import Twins
from app.sync.vendors import one_page
from app.sync.writing import Draft, Writer, update_drafts

TRIPWIRE = timedelta(minutes=10)
RETIRED = "retired"
"""In `links.document` of a record that is suspended because it is used: when it is looked at again, epoch seconds."""
RETIRED_TOPIC = "retired"
"""Topic of an event about one that nothing uses any more."""
REFUSALS = frozenset({Fault.INVALID, Fault.MISSING_REFERENCE, Fault.DUPLICATE, Fault.UNKNOWN})


class Deletion:
    """Mirrors a deletion, or asks, or inactivates, by the integration's policy."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        agreement: Agreement,
        writer: Writer,
        reading: Reading,
        endings: Endings,
        twins: Twins,
    ) -> None:
        self._db = db
        self._clock = clock
        self._agreement = agreement
        self._writer = writer
        self._reading = reading
        self._endings = endings
        self._twins = twins

    async def mirror(self, trip: Trip, link: Link, gone: Vendor) -> None:
        """Ends with the event settled. Raises LaneBusy, Postponed, VendorError, LeaseLost."""
        link.document = {name: value for name, value in link.document.items() if name != RETIRED}
        choice = await self._choice(trip, link)
        if choice == "discard":
            await self._end(trip, link, LinkState.EXCLUDED, done("unlinked", "O registro foi mantido, sem vínculo."))
            return
        await self._twins.forget(trip, gone, links.id_of(link, gone))
        if not links.proved(link):
            wrong = links.unproved(link, gone)
            trip.findings.append(wrong)
            await self._end(trip, link, LinkState.EXCLUDED, done("unlinked", wrong.detail))
            return
        if await self._relinked(trip, link, gone):
            return
        policy = getattr(trip.config.deletes, trip.entity)
        other = gone.other
        if gone is Vendor.PLOOMES and trip.rules.MASTER is Master.OMIE:
            text = "Excluído no Ploomes; no Omie fica como está, porque nada deste cadastro é enviado para lá."
            await self._end(trip, link, LinkState.DELETED, done("deleted_there", text))
            return
        if policy == "ignore":
            await self._end(
                trip,
                link,
                LinkState.DELETED,
                done("deleted", f"Excluído no {gone.label}; pela configuração, o outro lado fica como está."),
            )
            return
        side = await self._reading.side(trip, link, other)
        await self._writer.trace("read")
        if side is None:
            await self._end(trip, link, LinkState.DELETED, done("deleted", "Excluído dos dois lados."), arrived=True)
            return
        if other is Vendor.PLOOMES and await self._shared(trip, link):
            ending = done("kept", "Excluído no Omie; o registro fica no Ploomes, porque outra integração o usa.")
            await self._end(trip, link, LinkState.DELETED, ending)
            return
        if trip.event.topic == RETIRED_TOPIC and _taken_back(trip, side):
            text = f"Alguém voltou a usar o registro no {other.label}: ele fica."
            await self._end(trip, link, LinkState.DELETED, done("kept", text))
            return
        # one deletion of an integration at a time, so that the tripwire counts every one before it
        await trip.lease.take([f"deletions:{trip.integration.id}"])
        # a person wants what was refused before
        again = link.state == LinkState.DELETED and trip.event.source == EventSource.PERSON
        asked = choice == "proceed" or again
        finding = None if asked else await self._objection(trip, link, gone, side)
        refusal = await self._refused_before(trip, link, gone)
        if finding is not None:
            await self._endings.close(trip, waits(finding.cause, finding.detail, finding), link)
        elif policy == "inactivate":
            await self._inactivate(trip, link, other, side, done("inactivated", "Inativado no outro lado."))
        elif refusal is not None:
            await self._inactivate_refused(trip, link, other, side, refusal)
        elif await self._used(trip, other, links.id_of(link, other)):
            text = f"Excluído no {gone.label}: suspenso e marcado no {other.label}, enquanto estiver em uso."
            link.document = {**link.document, RETIRED: self._clock.time()}
            await self._inactivate(trip, link, other, side, done("inactivated", text))
        else:
            await self._delete(trip, link, other, side)

    async def _used(self, trip: Trip, vendor: Vendor, external_id: str) -> bool:
        """Whether rows of another set use a record, so that deleting it would tear them."""
        return vendor is Vendor.PLOOMES and await is_used(trip.ploomes, trip.rules.USED_IN, external_id)

    async def _shared(self, trip: Trip, link: Link) -> bool:
        """Another integration of the account links the same Ploomes record."""
        async with self._db.read() as session:
            return bool(await others_linked(session, trip.integration, trip.entity, link.ploomes_id))

    async def _choice(self, trip: Trip, link: Link) -> str | None:
        """What a person answered to an earlier question about this deletion."""
        async with self._db.read() as session:
            found = await issues.open_of(session, trip.integration.id, trip.entity, links.records(link))
        return next((i.answer for i in found if i.cause in ("delete_edited", "delete_paused") and i.answer), None)

    async def _relinked(self, trip: Trip, link: Link, gone: Vendor) -> bool:
        """A record with the same natural key lives on: the deletion was one half of a merge, it takes the link. Not
        where keys may repeat, and not one whose own link ended: nothing comes back by itself."""
        if not link.natural_key or not trip.rules.KEY_IS_UNIQUE:
            return False
        free, _ = await self._twins.carriers(trip, gone, link.natural_key)
        for survivor in free:
            if survivor == links.id_of(link, gone) or await self._ended(trip, gone, survivor):
                continue
            twin = await self._twins.verified(trip, gone, survivor, link.natural_key)
            if twin is not None:
                return await self._relink(trip, link, gone, twin)
        return False

    async def _ended(self, trip: Trip, vendor: Vendor, external_id: str) -> bool:
        """Whether a record had a link that ended."""
        async with self._db.read() as session:
            query = links.find(session, trip.integration.id, trip.entity, vendor, external_id, living=False)
            return await query is not None

    async def _relink(self, trip: Trip, link: Link, gone: Vendor, twin: Record) -> bool:
        survivor = twin.id
        record = await self._reading.record(trip, gone.other, links.id_of(link, gone.other))
        if record is None:
            return False
        sides = {gone: await self._agreement.side(trip, twin), gone.other: await self._agreement.side(trip, record)}
        now = self._clock.now()
        async with self._db.transaction() as session:
            links.end(link, LinkState.DELETED, f"Unido ao registro {survivor}.", now)
            await session.merge(link)
            await session.flush()
            ids = {gone: survivor, gone.other: links.id_of(link, gone.other)}
            fresh = links.make(
                trip.integration.id, trip.entity, ids[Vendor.OMIE], ids[Vendor.PLOOMES], link.natural_key, now
            )
            session.add(fresh)
            await session.flush()
            await show_linked(session, fresh, trip.config, EventSource.DEPENDENCY, trip.event.priority, now)
            await trip.lease.extend(session)
        trip.link, trip.linked = fresh, True
        await self._agreement.agree(trip, fresh, sides[Vendor.OMIE], sides[Vendor.PLOOMES])
        return True

    async def _refused_before(self, trip: Trip, link: Link, gone: Vendor) -> str | None:
        """The words with which this very deletion was refused; it is sent again once for a person who asks."""
        async with self._db.read() as session:
            last = await journal.refused(session, trip.integration.id, trip.entity, gone, links.id_of(link, gone))
        if last is None or last.verb != "delete":
            return None
        asked_since = trip.event.source == EventSource.PERSON and last.sent_at < trip.event.received_at
        return None if asked_since else last.outcome or ""

    async def _objection(self, trip: Trip, link: Link, gone: Vendor, side: Side) -> Finding | None:
        """Deleted here and edited there; or too many deletions at once."""
        half = link.omie_base if gone is Vendor.PLOOMES else link.ploomes_base
        edited = [row.label for row in trip.rows if row.id in half and half[row.id] != side.values.get(row.id)]
        if edited and trip.rules.MASTER is Master.EITHER:
            return Finding(
                "delete_edited", f"Excluído no {gone.label}, mas editado no {gone.other.label}: {', '.join(edited)}."
            )
        limit = trip.config.deletes.pause_above_in_ten_minutes
        async with self._db.read() as session:
            recent = await journal.deletes_since(session, trip.integration.id, self._clock.now() - TRIPWIRE)
        accepted = trip.paged is not None and trip.paged.accepted  # a person saw the plan of the pass
        if recent >= limit and not accepted:
            return Finding("delete_paused", f"Já houve {recent} exclusões em dez minutos (limite: {limit}).")
        return None

    async def _delete(self, trip: Trip, link: Link, other: Vendor, side: Side) -> None:
        await self._writer.trace("decided")
        draft = Draft(other, "delete", links.id_of(link, other), {}, {}, side.values)
        try:
            entry, _ = await self._writer.send(trip, draft)
        except VendorError as error:
            if error.fault is Fault.NOT_FOUND:
                ending = done("deleted", "Já não existia no outro lado.")
                await self._end(trip, link, LinkState.DELETED, ending, arrived=True)
                return
            if error.fault not in REFUSALS:
                raise
            await self._inactivate_refused(trip, link, other, side, error.text)
            return
        await self._end(trip, link, LinkState.DELETED, done("deleted", f"Excluído no {other.label}."), entry)

    async def _inactivate_refused(self, trip: Trip, link: Link, other: Vendor, side: Side, text: str) -> None:
        detail = f"O {other.label} recusou a exclusão: {text}"
        trip.findings.append(Finding("delete_refused", detail))
        await self._inactivate(trip, link, other, side, done("inactivated", detail))

    async def _inactivate(self, trip: Trip, link: Link, other: Vendor, side: Side, outcome: Outcome) -> None:
        values = _inactivating(trip, side)
        if other is Vendor.PLOOMES and (newer := await self._agreement.read_again(trip, link, values, side)):
            side, values = newer, _inactivating(trip, newer)
        entry = None
        left = withhold(trip, other, values, link.ploomes_id)
        if left:
            outcome = done("kept", left[0].detail)
        for draft in update_drafts(trip, other, links.id_of(link, other), values, side, {}):
            entry, _ = await self._writer.send(trip, draft)
        await self._end(trip, link, LinkState.DELETED, outcome, entry)

    async def _end(
        self,
        trip: Trip,
        link: Link,
        state: LinkState,
        outcome: Outcome,
        entry: WriteEntry | None = None,
        *,
        arrived: bool = False,
    ) -> None:
        """The link ends and the event settles in one commit. `arrived`: a delete whose answer was lost did its work."""
        now = self._clock.now()
        links.end(link, state, outcome.reason, now)
        async with self._db.transaction() as session:
            for row in [*trip.unfinished, *([entry] if entry else [])]:
                stored = await session.get_one(WriteEntry, row.id)
                if row is not entry and not (row.verb == "delete" and arrived):
                    journal.finish(stored, WriteState.RESOLVED, now, "resposta perdida; o registro foi excluído")
                    continue
                journal.finish(stored, WriteState.DONE, now)
                session.add(
                    journal.change_of(
                        stored,
                        cause=cause_of(trip.event),
                        at=now,
                        lost={},
                        config_version=trip.integration.config_version,
                    )
                )
            if state == LinkState.DELETED:
                for vendor in (Vendor.OMIE, Vendor.PLOOMES):
                    if vendor is trip.vendor or outcome.cause == "deleted":
                        await known.mark_gone(
                            session, trip.integration.id, vendor, trip.set_of(vendor), links.id_of(link, vendor), now
                        )
            await self._endings.close_in(session, trip, outcome, link)
        await self._writer.trace("committed")


async def is_used(ploomes: Gateway, used_in: Mapping[str, str], external_id: str) -> bool:
    """Whether a record is used in any of some sets of Ploomes; where one cannot be read, it may be. Raises Postponed,
    VendorError."""
    for set_name, column in used_in.items():
        try:
            if await _names(ploomes, set_name, column, external_id):
                return True
        except VendorError as error:
            if not error.permanent:
                raise
            return True
    return False


async def _names(ploomes: Gateway, set_name: str, column: str, external_id: str) -> bool:
    """Whether a row of a set names a record. An empty answer counts beside a row known to live, or when the whole set
    is empty twice."""
    for _ in range(2):
        page = await one_page(ploomes, set_name)
        if page.records:
            found = await ploomes.find(set_name, Key(column, external_id), control=page.records[0].id)
            return any(str(row.data.get(column)) == external_id for row in found)
        if page.total:
            return True  # it has rows and shows none
    return False


def _inactivating(trip: Trip, side: Side) -> Values:
    """What a record lacks to be inactive. Pure."""
    return {name: value for name, value in trip.rules.INACTIVE.items() if side.values.get(name) != value}


def _taken_back(trip: Trip, side: Side) -> bool:
    """Whether a person undid what the record got when it was inactivated. Pure."""
    return bool(_inactivating(trip, side))

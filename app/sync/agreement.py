"""Bringing a linked pair into agreement: decide, write what differs, remember what each side holds.

Every write is committed with its base, its change and its journal row as soon as its answer is in; the last one also
settles the event. A second write that must wait finds the first already remembered.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed
from app.core.ports import Record, Vendor, Written
from app.sync import arrivals, issues, journal, links
from app.sync.config.sharing import linked_before, restrain
from app.sync.custom_fields import Habit, habit_of
from app.sync.endings import Endings
from app.sync.entities.rules import Held
from app.sync.issues import Finding
from app.sync.journal import finish
from app.sync.lookups.references import References
from app.sync.lookups.snapshots import learn
from app.sync.lookups.vanished import options_may_be_old, rest_vanished
from app.sync.mapping.canonical import canonical
from app.sync.mapping.decide import Policy, Sides, Verdict, decide, fights
from app.sync.mapping.fields import Field, MissingReference, Values
from app.sync.models import Change, Event, EventSource, EventState, Link, LinkState, WriteEntry, WriteState
from app.sync.same_record import latest_of
from app.sync.trip import Outcome, Side, Tracer, Trip, done, waits
from app.sync.writing import Draft, Writer, names_custom, needs_record, update_drafts

FREEZE_SECONDS = 3600.0
PAGE_IS_NEW = timedelta(seconds=60)
"""A page row this old counts as just read."""

T = TypeVar("T")


class Agreement:
    """The last half of the road, shared by linked, newly linked and newly created pairs."""

    def __init__(
        self, db: Database, clock: Clock, references: References, writer: Writer, endings: Endings, trace: Tracer
    ) -> None:
        self._db = db
        self._clock = clock
        self._references = references
        self._writer = writer
        self._endings = endings
        self._trace = trace

    async def resolving(self, trip: Trip, work: Callable[[], T]) -> T:
        """Runs pure work over the trip's references, fetching each look-up it misses."""
        while True:
            try:
                return work()
            except MissingReference as missing:
                await self._references.resolve(
                    trip.integration, missing, trip.refs, trip.omie, trip.ploomes, trip.event
                )

    async def side(self, trip: Trip, record: Record) -> Side:
        """Canonical values of a record just read."""
        learn(record.data, trip.refs)
        values = await self.resolving(trip, lambda: canonical(record.vendor, trip.rows, record.data, trip.refs))
        return Side(values, record.read_at, record)

    async def agree(self, trip: Trip, link: Link, omie: Side, ploomes: Side, *, newest: bool = False) -> None:
        """Decides and writes; ends with the event settled. `newest`: Ploomes' side was read for this very write.
        Raises Postponed, VendorError, LeaseLost."""
        await self._settle_unfinished(trip, link, omie, ploomes)
        sides = Sides(omie.values, ploomes.values, link.omie_base, link.ploomes_base)
        if await self._suspends(trip, link, sides, omie, ploomes):
            return
        theirs = await self._linked_before(trip, link)
        policy = await self._policy(trip, link, first=Vendor.OMIE if theirs is None else Vendor.PLOOMES)
        verdict = await self._decided(trip, sides, policy)
        if options_may_be_old(trip.rows, link, verdict):
            await self._references.options_anew(trip.integration, trip.refs)
            verdict = await self._decided(trip, sides, policy)
        again = None if newest else await self.read_again(trip, link, verdict.to_ploomes, ploomes)
        if again is not None:
            await self.agree(trip, link, omie, again, newest=True)
            return
        for vendor in Vendor:
            withhold(trip, vendor, verdict.to(vendor), link.ploomes_id)
        if theirs is not None:
            restrain(trip.rows, trip.refs, verdict, theirs)
        await rest_vanished(self._db, self._clock.now(), trip, link, sides, verdict, trip.rows)
        await self._freeze(trip, link, verdict)
        await self._trace("decided")
        drafts = [
            *update_drafts(trip, Vendor.PLOOMES, link.ploomes_id, verdict.to_ploomes, ploomes, omie.values),
            *update_drafts(trip, Vendor.OMIE, link.omie_id, verdict.to_omie, omie, ploomes.values),
        ]
        ground = Ground(verdict, omie, ploomes)
        for position, draft in enumerate(drafts):
            await self._refuse_again(trip, draft)
            entry, written = await self._writer.send(trip, draft)
            ground.held[draft.vendor] = await self._after(trip, ground.held[draft.vendor], draft, written)
            await self._commit_write(trip, link, ground, entry, drafts[position + 1 :])
        if not drafts:
            async with self._db.transaction() as session:
                await self._finish_agreed(session, trip, link, ground)
        await self._trace("committed")

    async def _decided(self, trip: Trip, sides: Sides, policy: Policy) -> Verdict:
        return await self.resolving(trip, lambda: trip.rules.adjust(decide(trip.rows, sides, policy, trip.refs), sides))

    async def read_again(self, trip: Trip, link: Link, values: Values, ploomes: Side) -> Side | None:
        """Ploomes' side read again, when `values` would write a list that it replaces whole from a row of some time
        ago; where that is true of custom fields too, at every write of one but a pass's, whose plan counts its own
        reads. Raises Postponed, VendorError."""
        if ploomes.paged:
            fresh = ploomes.record is not None and self._clock.now() - ploomes.read_at < PAGE_IS_NEW
            stale = needs_record(trip.rows, values) and not fresh
        else:
            replaced = habit_of(trip.integration) is Habit.REPLACES and trip.event.source != EventSource.RESYNC
            stale = replaced and names_custom(trip.rows, values)
        if not stale:
            return None
        record = await trip.ploomes.fetch(trip.set_of(Vendor.PLOOMES), link.ploomes_id)
        if record is None:
            trip.paged = None
            raise Postponed(1.0, "o registro sumiu do Ploomes; conferindo de novo")
        return await self.side(trip, record)

    # --- before writing ------------------------------------------------------------------------------------------

    async def _suspends(self, trip: Trip, link: Link, sides: Sides, omie: Side, ploomes: Side) -> bool:
        records = [side.record.data for side in (omie, ploomes) if side.record is not None]
        wait = trip.rules.suspends(sides, records)
        if wait is None:
            link.state, link.state_reason = LinkState.ACTIVE, None
            return False
        outcome = waits(wait.cause, wait.reason)
        link.state, link.state_reason = LinkState.SUSPENDED, outcome.reason
        await self._endings.close(trip, outcome, link, {Vendor.OMIE: omie, Vendor.PLOOMES: ploomes})
        return True

    async def _linked_before(self, trip: Trip, link: Link) -> frozenset[str] | None:
        """What other integrations map that linked the Ploomes record first; None where nobody did."""
        if not trip.refs.rival_keys:  # nobody else works on the account
            return None
        async with self._db.read() as session:
            return await linked_before(session, trip.integration, link)

    async def _policy(self, trip: Trip, link: Link, first: Vendor) -> Policy:
        async with self._db.read() as session:
            heard = {
                vendor: await latest_of(session, link.integration_id, vendor, trip.entity, links.id_of(link, vendor))
                for vendor in Vendor
            }
            open_now = await issues.open_of(session, trip.integration.id, trip.entity, links.records(link))
        omie, ploomes = heard[Vendor.OMIE], heard[Vendor.PLOOMES]
        later = ploomes is not None and (omie is None or ploomes.received_at > omie.received_at)
        newest = Vendor.PLOOMES if later else Vendor.OMIE
        answered = {
            row_id: issue.answer
            for issue in open_now
            if issue.cause == "conflict" and issue.answer
            for row_id in issue.data.get("rows", ())
        }
        conflicts = trip.config.conflicts
        return Policy(conflicts.default, conflicts.fields, newest, answered, first)

    async def freeze(self, trip: Trip, link: Link, verdict: Verdict) -> dict[str, float]:
        """Stops two automations that undo each other through us (design section 4): the rows that rest, out of the
        verdict, and until when."""
        now = self._clock.time()
        if trip.event.source == EventSource.PERSON:
            link.frozen = {}
        frozen = {row_id: until for row_id, until in link.frozen.items() if until > now}
        written = {*verdict.to_omie, *verdict.to_ploomes}
        async with self._db.read() as session:
            turns = await journal.recent_turns(session, link.id, sorted(written), self._clock.now())
        for vendor in Vendor:
            values = verdict.to(vendor)
            for row_id in list(values):
                if (
                    row_id not in frozen
                    and trip.event.source != EventSource.PERSON
                    and fights(turns[row_id], vendor, values[row_id], restores=row_id in verdict.restored)
                ):
                    frozen[row_id] = now + FREEZE_SECONDS
                if row_id in frozen:
                    del values[row_id]
        link.frozen = frozen = {row_id: until for row_id, until in frozen.items() if row_id in written}
        return frozen

    async def _freeze(self, trip: Trip, link: Link, verdict: Verdict) -> None:
        frozen = await self.freeze(trip, link, verdict)
        if frozen:
            finding = Finding("oscillation", frozen_text(trip.rows, frozen), {"rows": sorted(frozen)})
            trip.findings.append(finding)
            trip.waits_for.append(finding)
        if verdict.resting:
            labels = ", ".join(row.label for row in trip.rows if row.id in verdict.resting)
            trip.findings.append(
                Finding("unknown_option", f"Sem opção correspondente: {labels}.", {"rows": sorted(verdict.resting)})
            )
        if verdict.asks:
            labels = ", ".join(row.label for row in trip.rows if row.id in verdict.asks)
            trip.findings.append(
                Finding("conflict", f"Mudaram dos dois lados: {labels}.", {"rows": sorted(verdict.asks)})
            )

    async def _refuse_again(self, trip: Trip, draft: Draft) -> None:
        """A record that a vendor refused is not sent again until its values changed (design section 6)."""
        if trip.event.source == EventSource.PERSON or trip.link is None:
            return
        source_id = links.id_of(trip.link, draft.vendor.other)
        async with self._db.read() as session:
            last = await journal.refused(session, trip.integration.id, trip.entity, draft.vendor.other, source_id)
        if last is not None and last.verb == draft.verb and last.after == draft.after:
            raise RefusedBefore(draft.vendor, last.outcome or "")

    async def _settle_unfinished(self, trip: Trip, link: Link, omie: Side, ploomes: Side) -> None:
        """Earlier writes without an outcome, before anything is decided upon their base: see `arrivals.py`."""
        if not trip.unfinished:
            return
        settled = await self.resolving(trip, lambda: arrivals.settled(trip, link, omie, ploomes))
        async with self._db.transaction() as session:
            for each in settled:
                entry = await session.get_one(WriteEntry, each.entry.id)
                if entry.state != WriteState.SENT:
                    continue
                finish(entry, each.state, self._clock.now(), each.outcome)
                links.rebase(link, each.omie, each.ploomes)
                if each.state is WriteState.DONE:
                    version = trip.integration.config_version
                    cause = cause_of(trip.event)
                    session.add(
                        journal.change_of(entry, cause=cause, at=entry.sent_at, lost=each.lost, config_version=version)
                    )
            await self._endings.save(session, trip, link, {})
            await trip.lease.extend(session)
        trip.unfinished = ()

    # --- after an answer -----------------------------------------------------------------------------------------

    async def _after(self, trip: Trip, before: Side, draft: Draft, written: Written) -> Side:
        """What a side holds after a write: its own answer where it gives one, else what was sent."""
        if written.data is not None and draft.vendor is Vendor.PLOOMES:
            record = Record(draft.vendor, trip.set_of(draft.vendor), written.id, written.data, written.sent_at)
            return await self.side(trip, record)
        values = dict(before.values)
        if draft.verb in ("include_tags", "exclude_tags"):
            [row_id] = draft.after
            names = {str(row["tag"]).casefold(): str(row["tag"]) for row in draft.body["tags"]}
            held = {str(n).casefold(): str(n) for n in before.values.get(row_id) or ()}  # type: ignore[union-attr]
            kept = held | names if draft.verb == "include_tags" else {k: v for k, v in held.items() if k not in names}
            values[row_id] = [kept[key] for key in sorted(kept)] or None
        else:
            values.update(draft.after)
        return Side(values, before.read_at, before.record)

    async def _commit_write(
        self, trip: Trip, link: Link, ground: "Ground", entry: WriteEntry, remaining: Sequence[Draft]
    ) -> None:
        """One commit: the rows that are through get their new halves, with change and journal row."""
        pending = {key for draft in remaining for key in draft.after}
        links.rebase(link, *ground.halves(set(entry.after) - pending))
        async with self._db.transaction() as session:
            row = await session.get_one(WriteEntry, entry.id)
            finish(row, WriteState.DONE, self._clock.now())
            lost = {key: ground.verdict.lost[key] for key in entry.after if key in ground.verdict.lost}
            change = journal.change_of(
                row,
                cause=cause_of(trip.event),
                at=self._clock.now(),
                lost=lost,
                config_version=trip.integration.config_version,
            )
            change.notes = [*change.notes, *restored_notes(trip, ground.verdict, entry)]
            session.add(change)
            if remaining:
                await self._endings.save(session, trip, link, ground.held)
                await trip.lease.extend(session)
            else:
                await self._finish_agreed(session, trip, link, ground)

    async def _finish_agreed(self, session: AsyncSession, trip: Trip, link: Link, ground: "Ground") -> None:
        verdict = ground.verdict
        links.rebase(link, *ground.halves(verdict.agreed - verdict.asks - set(link.frozen)))
        await self._note(session, trip, link, verdict)
        await self._endings.close_in(session, trip, self._verdict_outcome(trip, verdict), link, ground.held)

    def _verdict_outcome(self, trip: Trip, verdict: Verdict) -> Outcome:
        if verdict.asks:
            return waits("conflict", "Os dois lados mudaram o mesmo campo; aguardando a escolha de uma pessoa.")
        held_back = trip.waits_for[0] if trip.waits_for else None
        if held_back is not None:
            due = max(trip.link.frozen.values(), default=None) if trip.link else None
            return Outcome(EventState.WAITING, held_back.cause, held_back.detail, due)
        if trip.wrote:
            return done("written", "Os dois lados foram igualados.")
        if trip.linked:
            return done("linked", "Os registros foram vinculados; nada precisou ser escrito.")
        if trip.vendor is Vendor.PLOOMES and trip.event.author == trip.integration.ploomes_user_id:
            return Outcome(EventState.ECHO, "own_write", "Eco da nossa própria gravação: nada mudou.")
        return done("unchanged", "Nenhum campo mapeado mudou.")

    async def _note(self, session: AsyncSession, trip: Trip, link: Link, verdict: Verdict) -> None:
        """A difference that is never applied is written into the history once (F085)."""
        if not verdict.noted:
            return
        labels = ", ".join(row.label for row in trip.rows if row.id in verdict.noted)
        session.add(_history_note(trip, link, f"{labels}: a mudança não se aplica ao outro lado.", self._clock.now()))


@dataclass(slots=True)
class Ground:
    """What a verdict stands on, and what each side holds after the writes so far."""

    verdict: Verdict
    omie: Side
    ploomes: Side
    held: dict[Vendor, Side] = field(init=False)

    def __post_init__(self) -> None:
        self.held = {Vendor.OMIE: self.omie, Vendor.PLOOMES: self.ploomes}

    def halves(self, row_ids: Collection[str]) -> tuple[Values, Values]:
        """New halves of the base for rows that agree now.

        A row written to a side takes that side's answer; any other value is the one decided upon, because a
        person may have edited in between and that edit must still count as a change.
        """
        halves: dict[Vendor, Values] = {}
        for vendor, decided in ((Vendor.OMIE, self.omie), (Vendor.PLOOMES, self.ploomes)):
            wrote = self.verdict.to(vendor)
            halves[vendor] = {
                row_id: (self.held[vendor] if row_id in wrote else decided).values.get(row_id) for row_id in row_ids
            }
        return halves[Vendor.OMIE], halves[Vendor.PLOOMES]


class RefusedBefore(Exception):
    """The very same values were refused before; nothing is sent."""

    def __init__(self, vendor: Vendor, text: str) -> None:
        super().__init__(text)
        self.vendor = vendor
        self.text = text


def withhold(trip: Trip, vendor: Vendor, values: Values, ploomes_id: str) -> list[Held]:
    """Takes out of `values` what must not be written to a vendor now, and has an issue say so; the rest is written."""
    held = [each for each in trip.rules.withhold(vendor, values, trip.refs) if each.row_id in values]
    for each in held:
        del values[each.row_id]
        finding = Finding(each.cause, each.detail, {"ploomes_id": ploomes_id})
        trip.findings.append(finding)
        if each.waits:
            trip.waits_for.append(finding)
    return held


def frozen_text(rows: Sequence[Field], frozen: Collection[str]) -> str:
    """Which rows rest, for people."""
    return f"Campos congelados por uma hora: {', '.join(row.label for row in rows if row.id in frozen)}."


def cause_of(event: Event) -> str:
    """Why a change was made, for the history."""
    return f"event:{event.id} {event.source} {event.vendor} {event.topic}"


def restored_notes(trip: Trip, verdict: Verdict, entry: WriteEntry) -> list[str]:
    """Which rows a write put back to the master's value (F005, F078)."""
    labels = [row.label for row in trip.rows if row.id in verdict.restored and row.id in entry.after]
    return [f"{label}: o valor do Omie foi restaurado." for label in labels]


def _history_note(trip: Trip, link: Link, text: str, at: datetime) -> Change:
    return Change(
        integration_id=trip.integration.id,
        link_id=link.id,
        event_id=trip.event.id,
        entity=trip.entity,
        vendor=trip.event.vendor,
        external_id=trip.record_id,
        action="note",
        before={},
        after={},
        lost={},
        notes=[text],
        cause=cause_of(trip.event),
        config_version=trip.integration.config_version,
        at=at,
    )

"""What of a sale is stored: links, outcomes of writes, issues and the end of its event. Each step is one commit."""

from collections.abc import Collection, Sequence

from sqlalchemy import or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed
from app.core.ports import JsonObject, Priority, Vendor
from app.core.ports import Kind as NoticeKind
from app.sync import inbox, issues, journal, links
from app.sync.agreement import cause_of
from app.sync.creating import REPEAT_AFTER
from app.sync.lookups import known
from app.sync.mapping.fields import Values
from app.sync.models import Change, Event, EventSource, EventState, Integration, Link, LinkState, WriteEntry, WriteState
from app.sync.sales import waits
from app.sync.sales.documents import Kind
from app.sync.sales.models import OrderMessage
from app.sync.sales.news import Message
from app.sync.sales.visit import ISSUE_ENTITY, Visit, remember, sale_records
from app.sync.trip import Outcome

PROOF_SECONDS = 61.0
"""When an edited document may be read again without being redundant (reference 1.5)."""
LOOK_SECONDS = 1.0
"""When a sale looks again at what changed while it was looked at."""
PROOF = "proof"
"""Topic of our own looks at a document: after an edit, and for an invoice that has no number yet."""


class Book:
    """Commits."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def linked(
        self,
        visit: Visit,
        kind: Kind,
        omie_id: str,
        document: JsonObject,
        halves: tuple[Values, Values],
        entry: WriteEntry | None,
    ) -> Link:
        """The new id is committed at once, with link, base, pairs and change."""
        trip = visit.trip
        async with self._db.transaction() as session:
            link = links.make(visit.integration_id, kind.entity, omie_id, visit.sale_id, None, self._clock.now())
            link.document = {name: value for name, value in document.items() if value is not None}
            links.rebase(link, *halves)
            session.add(link)
            await session.flush()
            if entry is not None:
                row = await session.get_one(WriteEntry, entry.id)
                row.link_id = link.id
                row.external_id = omie_id if row.vendor == Vendor.OMIE else visit.sale_id
                journal.finish(row, WriteState.DONE, self._clock.now())
                session.add(self._change(visit, row))
            await self._know(session, visit, link)
            await trip.lease.extend(session)
        visit.links[kind.entity] = link
        trip.linked = True
        return link

    async def written(self, visit: Visit, link: Link | None, entry: WriteEntry, *, proof: bool = False) -> None:
        """A finished write: journal, change and link in one commit, and our own look at it later."""
        async with self._db.transaction() as session:
            row = await session.get_one(WriteEntry, entry.id)
            journal.finish(row, WriteState.DONE, self._clock.now())
            session.add(self._change(visit, row))
            for each in visit.links.values():
                await self._save(session, each)
            if proof and link is not None:
                await self._look_again(session, visit, link, self._clock.time() + PROOF_SECONDS)
            await visit.trip.lease.extend(session)

    async def look_again(self, visit: Visit, link: Link) -> None:
        """An event of our own that reads a document once it may be read."""
        async with self._db.transaction() as session:
            await self._look_again(session, visit, link, self._clock.time() + PROOF_SECONDS)

    async def _look_again(self, session: AsyncSession, visit: Visit, link: Link, due_at: float) -> None:
        await inbox.enqueue(
            session,
            integration_id=visit.integration_id,
            vendor=Vendor.OMIE.value,
            entity=link.entity,
            external_id=link.omie_id,
            kind=NoticeKind.CHANGED.value,
            topic=PROOF,
            source=EventSource.DEPENDENCY.value,
            priority=Priority.BULK,
            due_at=due_at,
            now=self._clock.now(),
        )

    def wait_for_creates(self, visit: Visit, kind: Kind) -> None:
        """A create without an answer may be repeated, or believed not to have arrived, once it can no longer be
        refused as redundant. Raises Postponed until then."""
        for entry in visit.unfinished.get(kind.entity, ()):
            age = self._clock.time() - entry.sent_at.timestamp()
            if entry.verb == "create" and age < REPEAT_AFTER[Vendor.OMIE]:
                wait = REPEAT_AFTER[Vendor.OMIE] - age
                raise Postponed(wait, "a resposta de uma inclusão se perdeu; conferindo de novo", "answer_lost")

    async def settle_unfinished(self, visit: Visit, kind: Kind) -> None:
        """Writes whose outcome nobody stored are decided again on what is read now: that settles them."""
        left = visit.unfinished.pop(kind.entity, ())
        if not left:
            return
        held = visit.held[kind.entity].values if kind.entity in visit.held else {}
        async with self._db.transaction() as session:
            for entry in left:
                row = await session.get_one(WriteEntry, entry.id)
                if row.state != WriteState.SENT:
                    continue
                sent = {key: value for key, value in row.after.items() if key != "item_codes"}
                arrived = row.verb == "update" and all(held.get(key) == value for key, value in sent.items())
                text = "resposta perdida; a leitura confirma" if arrived else "resposta perdida; decidido de novo"
                journal.finish(row, WriteState.DONE if arrived else WriteState.RESOLVED, self._clock.now(), text)
                if arrived:
                    session.add(self._change(visit, row))

    async def ended(
        self,
        visit: Visit,
        kind: Kind,
        link: Link,
        reason: str,
        entry: WriteEntry | None = None,
        *,
        replaceable: bool = False,
        state: LinkState = LinkState.DELETED,
    ) -> None:
        """A document is no more part of its sale; its link stays as memory. `replaceable`: the sale may get another."""
        links.end(link, state, reason, self._clock.now())
        remember(link, replaceable=replaceable or None)
        if not replaceable:
            visit.closed.add(kind.entity)
        async with self._db.transaction() as session:
            await session.merge(link)
            if entry is not None:
                row = await session.get_one(WriteEntry, entry.id)
                journal.finish(row, WriteState.DONE, self._clock.now())
                session.add(self._change(visit, row))
            await visit.trip.lease.extend(session)
        visit.links.pop(kind.entity, None)
        visit.held.pop(kind.entity, None)
        visit.past[kind.entity] = visit.past.get(kind.entity, 0) + 1

    async def note(self, visit: Visit, text: str) -> None:
        """A line in the history of a sale that is no write."""
        async with self._db.transaction() as session:
            session.add(self._note(visit, text))

    async def answer(self, visit: Visit, cause: str) -> str | None:
        """What a person answered to a question about this sale."""
        async with self._db.read() as session:
            records = sale_records(visit.sale_id, visit.links)
            found = await issues.open_of(session, visit.integration_id, ISSUE_ENTITY, records)
        return next((issue.answer for issue in found if issue.cause == cause and issue.answer), None)

    async def close(self, visit: Visit, outcome: Outcome, wanted: Collection[tuple[str, str, str]] = ()) -> None:
        """The end of every event of a sale: links, issues, what it waits for and the event in one commit."""
        trip, now = visit.trip, self._clock.now()
        async with self._db.transaction() as session:
            for link in visit.links.values():
                await self._save(session, link)
                trip.event.link_id = link.id
            for text in visit.notes if visit.links and not trip.wrote else ():
                session.add(self._note(visit, text))
            records = sale_records(visit.sale_id, visit.links)
            await self._settle_issues(session, visit, records)
            waiting = (Vendor.PLOOMES.value, visit.sale_id)
            await waits.watch(session, visit.integration_id, waiting, wanted)
            if wanted and (trip.event.vendor, trip.record_id) != waiting:
                await waits.watch(session, visit.integration_id, (trip.event.vendor, trip.record_id), wanted)
            for entity, due in visit.looks.items():
                if entity in visit.links:
                    await self._look_again(session, visit, visit.links[entity], due)
            for entity, message in visit.messages:
                await self._message(session, visit, entity, message)
            await inbox.conclude(session, trip.event, outcome, now=now)
            await trip.lease.extend(session)
        if outcome.state is EventState.WAITING and outcome.cause == waits.PREFLIGHT:
            await self._look_once_more(visit, wanted)

    async def _look_once_more(self, visit: Visit, wanted: Collection[tuple[str, str, str]]) -> None:
        """Rings a sale that has just begun to wait, when what it waits for changed while it was looked at: who settled
        it then saw nobody waiting. What is still in hand, or not committed yet, counts as changed."""
        trip, now = visit.trip, self._clock.now()
        async with self._db.transaction() as session:
            version = await session.scalar(
                select(Integration.config_version)
                .where(Integration.id == visit.integration_id)
                .with_for_update(read=True)  # a publish that is on its way may have rung before this sale waited
            )
            changed = (
                select(Event.id)
                .where(
                    Event.integration_id == visit.integration_id,
                    tuple_(Event.vendor, Event.entity, Event.external_id).in_(sorted(wanted)),
                    or_(Event.state == EventState.PROCESSING, Event.settled_at >= (visit.began or now)),
                )
                .limit(1)
            )
            if version != trip.config_version or (wanted and (await session.execute(changed)).first() is not None):
                await waits.ring(session, trip.event, self._clock.time() + LOOK_SECONDS)

    async def _message(self, session: AsyncSession, visit: Visit, entity: str, message: Message) -> None:
        """Stores a message once: a document reaches a stage for the second time in silence."""
        omie_id = visit.links[entity].omie_id
        known_one = await session.scalar(
            select(OrderMessage.id).where(
                OrderMessage.integration_id == visit.integration_id,
                OrderMessage.entity == entity,
                OrderMessage.omie_id == omie_id,
                OrderMessage.stage == message.stage,
                OrderMessage.place == message.row,
            )
        )
        if known_one is not None:
            return
        session.add(
            OrderMessage(
                integration_id=visit.integration_id,
                entity=entity,
                omie_id=omie_id,
                stage=message.stage,
                place=message.row,
                way=message.to,
                recipient=await self._recipient(session, visit, message.to),
                subject=message.subject[:300],
                text=message.text,
                state="pending",
                created_at=self._clock.now(),
            )
        )

    async def _recipient(self, session: AsyncSession, visit: Visit, way: str) -> str | None:
        """The owner's address, or the client whose timeline it is."""
        sale = visit.sale
        if sale is None or way == "interaction":
            return sale.contact if sale is not None else None
        user = await known.get(session, visit.integration_id, Vendor.PLOOMES, "users", sale.owner or "")
        return str(user.data["Email"]) if user is not None and user.data.get("Email") else None

    async def _settle_issues(self, session: AsyncSession, visit: Visit, records: Sequence[tuple[str, str]]) -> None:
        now, trip = self._clock.now(), visit.trip
        causes = {finding.cause for finding in visit.findings}
        own = [*records, (trip.event.vendor, trip.record_id)]
        for issue in await issues.open_of(session, visit.integration_id, ISSUE_ENTITY, own):
            if issue.cause not in causes:
                issues.close(issue, now)
        for finding in visit.findings:
            vendor, external_id = await issues.home_of(
                session, visit.integration_id, ISSUE_ENTITY, own if not visit.sale_id else records, finding
            )
            await issues.open_issue(
                session,
                integration_id=visit.integration_id,
                entity=ISSUE_ENTITY,
                vendor=vendor,
                external_id=external_id,
                finding=finding,
                now=now,
                link_id=trip.event.link_id,
                event_id=trip.event.id,
            )

    async def _save(self, session: AsyncSession, link: Link) -> None:
        link.version += 1
        await session.merge(link)

    async def _know(self, session: AsyncSession, visit: Visit, link: Link) -> None:
        rows = [
            known.Known(Vendor.OMIE, link.entity, link.omie_id),
            known.Known(Vendor.PLOOMES, ISSUE_ENTITY, visit.sale_id),
        ]
        await known.upsert(session, visit.integration_id, rows, self._clock.now())

    def _change(self, visit: Visit, entry: WriteEntry) -> Change:
        return journal.change_of(
            entry,
            cause=cause_of(visit.trip.event),
            at=self._clock.now(),
            lost={},
            config_version=visit.trip.integration.config_version,
        )

    def _note(self, visit: Visit, text: str) -> Change:
        link = next(iter(visit.links.values()), None)
        return Change(
            integration_id=visit.integration_id,
            link_id=link.id if link is not None else None,
            event_id=visit.trip.event.id,
            entity=ISSUE_ENTITY,
            vendor=Vendor.PLOOMES.value,
            external_id=visit.sale_id,
            action="note",
            before={},
            after={},
            lost={},
            notes=[text],
            cause=cause_of(visit.trip.event),
            config_version=visit.trip.integration.config_version,
            at=self._clock.now(),
        )

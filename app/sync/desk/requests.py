"""What a person asks for: process this record now, replay or ignore an event, retry or answer an issue."""

from collections.abc import Sequence
from http import HTTPStatus

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import UserError
from app.core.ports import Kind, Priority, Vendor
from app.core.queue import Queue
from app.sync import inbox, issues
from app.sync.issues import DUTY_OF
from app.sync.lookups import duties
from app.sync.models import Event, EventSource, EventState, Issue
from app.sync.passes.resyncs import Resyncs

IGNORABLE = (EventState.RECEIVED, EventState.WAITING, EventState.FAILED)
RETRY_LIMIT = 1000
"""Issues that one retry by cause takes up; a second call takes the next ones."""


class Requests:
    """Acts on events and issues at the priority of a person, and rings for it."""

    def __init__(self, db: Database, clock: Clock, queue: Queue, resyncs: Resyncs) -> None:
        self._resyncs = resyncs
        self._db = db
        self._clock = clock
        self._queue = queue

    async def sync(self, integration_id: int, vendor: str, entity: str, external_id: str) -> Event:
        """An event for this record, due now, whatever else is known of it."""
        async with self._db.transaction() as session:
            event = self._ask(integration_id, vendor, entity, external_id, Kind.CHANGED.value)
            session.add(event)
            await session.flush()
        await self._queue.ring("live")
        return event

    async def replay(self, integration_id: int, event_id: int) -> Event:
        """Puts an event back in line. Raises UserError 404, or 409 while a worker has it in hand."""
        async with self._db.transaction() as session:
            event = await self._event(session, integration_id, event_id)
            if not await inbox.reopen(session, event, due_at=self._clock.time()):
                raise _in_hand()
            await session.refresh(event)
        await self._queue.ring("live")
        return event

    async def ignore(self, integration_id: int, event_id: int) -> Event:
        """Settles an open or failed event without processing it. Raises UserError 404 or 409."""
        async with self._db.transaction() as session:
            event = await self._event(session, integration_id, event_id)
            done = await session.execute(
                update(Event)
                .where(Event.id == event.id, Event.state.in_(IGNORABLE))
                .values(
                    state=EventState.IGNORED,
                    cause="person",
                    reason="Ignorado por uma pessoa.",
                    claim=None,
                    due_at=None,
                    settled_at=self._clock.now(),
                )
                .returning(Event.id)
                .execution_options(synchronize_session=False)
            )
            await session.refresh(event)
            if done.first() is None and event.state == EventState.PROCESSING:
                raise _in_hand()
        return event

    async def retry(self, integration_id: int, issue_id: int) -> Issue:
        """Processes an issue's record again. Raises UserError 404, or 409 when it is closed."""
        async with self._db.transaction() as session:
            issue = await self._open_issue(session, integration_id, issue_id)
            await self._again(session, issue)
        await self._queue.ring("live")
        return issue

    async def retry_cause(self, integration_id: int, cause: str) -> int:
        """Processes every record with an open issue of a cause again. Answers how many."""
        async with self._db.transaction() as session:
            found: Sequence[Issue] = (
                await session.scalars(
                    select(Issue)
                    .where(Issue.integration_id == integration_id, Issue.cause == cause, Issue.open_key.is_not(None))
                    .order_by(Issue.id)
                    .limit(RETRY_LIMIT)
                )
            ).all()
            for issue in found:
                await self._again(session, issue)
        await self._queue.ring("live")
        return len(found)

    async def refused_again(
        self, session: AsyncSession, integration_id: int, vendor: Vendor, entities: Sequence[str], topic: str
    ) -> None:
        """Inside a transaction of the caller: what a vendor refused is sent again although no value changed, because
        what stood in the way is gone. There may be many, so live traffic goes first."""
        for entity in entities:
            for issue in await issues.open_refusals(session, integration_id, entity):
                if issue.data.get(issues.REFUSED_BY) == vendor:
                    await self._again(session, issue, topic, Priority.BULK)

    async def answer(self, integration_id: int, issue_id: int, choice: str) -> Issue:
        """Stores a person's choice and lets the road act on it. Raises UserError 404, 409, or 422 (no such choice)."""
        async with self._db.transaction() as session:
            issue = await self._open_issue(session, integration_id, issue_id)
            if not issue.asks:
                raise UserError(HTTPStatus.CONFLICT, "Sem pergunta", "Esta pendência não espera uma escolha.")
            if choice not in issue.asks:
                text = f"escolha uma destas opções: {', '.join(issue.asks)}"
                raise UserError(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    "Escolha inválida",
                    f"A escolha não vale para esta pendência; {text}.",
                    errors=[{"field": "choice", "message": text}],
                )
            issue.answer = choice
            issue.updated_at = self._clock.now()
            if not await self._resyncs.answered(session, issue, choice):
                await self._again(session, issue)
        await self._queue.ring("live")
        return issue

    async def _again(
        self, session: AsyncSession, issue: Issue, topic: str = "person", priority: Priority = Priority.PERSON
    ) -> None:
        """A new event of the issue's record; a deletion stays a deletion. What the watch found, it looks at again."""
        if issue.cause in DUTY_OF:
            await duties.due(session, issue.integration_id, DUTY_OF[issue.cause], self._clock.now())
            return
        if issue.entity is None or issue.vendor is None or issue.external_id is None:
            return
        before = await session.get(Event, issue.event_id) if issue.event_id else None
        of_record = before is not None and (before.vendor, before.external_id) == (issue.vendor, issue.external_id)
        kind = before.kind if before is not None and of_record else Kind.CHANGED.value
        event = self._ask(issue.integration_id, issue.vendor, issue.entity, issue.external_id, kind)
        event.topic, event.priority = topic, priority.value
        session.add(event)

    def _ask(self, integration_id: int, vendor: str, entity: str, external_id: str, kind: str) -> Event:
        return Event(
            integration_id=integration_id,
            vendor=vendor,
            entity=entity,
            external_id=external_id,
            kind=kind,
            topic="person",
            source=EventSource.PERSON.value,
            priority=Priority.PERSON.value,
            state=EventState.RECEIVED.value,
            received_at=self._clock.now(),
            due_at=self._clock.time(),
            attempts=0,
            crashes=0,
            repeats=0,
        )

    async def _event(self, session: AsyncSession, integration_id: int, event_id: int) -> Event:
        event = await session.get(Event, event_id)
        if event is None or event.integration_id != integration_id:
            raise UserError(HTTPStatus.NOT_FOUND, "Não encontrado", "Este evento não existe nesta integração.")
        return event

    async def _open_issue(self, session: AsyncSession, integration_id: int, issue_id: int) -> Issue:
        issue = await session.get(Issue, issue_id, with_for_update=True)
        if issue is None or issue.integration_id != integration_id:
            raise UserError(HTTPStatus.NOT_FOUND, "Não encontrada", "Esta pendência não existe nesta integração.")
        if issue.open_key is None:
            raise UserError(HTTPStatus.CONFLICT, "Já resolvida", "Esta pendência já foi resolvida.")
        return issue


def _in_hand() -> UserError:
    return UserError(
        HTTPStatus.CONFLICT, "Em processamento", "Este evento está sendo processado agora; repita em alguns segundos."
    )

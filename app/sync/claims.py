"""Hands out due events: every integration its turn, one worker per event, crashed ones again and not for ever."""

import heapq
import secrets
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Row, and_, case, func, not_, null, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import metrics
from app.core.clock import Clock
from app.core.db import Database
from app.core.log import get_logger
from app.sync import issues
from app.sync.intake import OPEN_KEY
from app.sync.issues import Finding
from app.sync.models import Event, EventState, Integration

CRASHES_ALLOWED = 3
QUARANTINE = "quarantine"
QUARANTINE_REASON = (
    "O processamento parou três vezes sem resposta neste evento; ele foi separado para não travar os outros. "
    "Use Tentar de novo depois de verificar o registro."
)
SUSPECT = Event.crashes + case((Event.state == EventState.PROCESSING, 1), else_=0) >= CRASHES_ALLOWED - 1
"""Its worker died twice, counting a claim that has just expired."""
_log = get_logger(__name__)


class Claims:
    """Chooses due events fairly and marks them as taken."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def claim(self, priorities: Sequence[int], limit: int, holder: str, seconds: float) -> list[Event]:
        """Up to `limit` due events, theirs for `seconds`: smaller priority first, then the integration with the
        fewest in work, then the oldest."""
        taken: list[Event] = []
        for priority in sorted(priorities):
            while len(taken) < limit:
                async with self._db.read() as session:
                    chosen = await self._choose(session, priority, limit - len(taken))
                if not chosen:
                    break
                async with self._db.transaction() as session:
                    rows = await self._take(session, chosen, holder, seconds)
                taken += self._fit(rows, chosen)
        return taken

    async def _choose(self, session: AsyncSession, priority: int, limit: int) -> list[int]:
        waiting = await self._integrations(session, priority)
        if not waiting or limit <= 0:
            return []
        watched = await self._suspect_in_work(session)
        due = await session.execute(
            union_all(
                *(
                    select(
                        select(Event.id, Event.integration_id, Event.due_at, SUSPECT.label("suspect"))
                        .where(
                            Event.integration_id == row.id,
                            Event.priority == priority,
                            Event.due_at <= self._clock.time(),
                            *([not_(SUSPECT)] if watched else []),
                        )
                        .order_by(Event.due_at, Event.id)
                        .limit(limit)
                        .subquery()
                    )
                    for row in waiting[:limit]
                )
            )
        )
        rows = due.all()
        suspects = [row for row in rows if row.suspect][1:]
        return _fair([row for row in rows if row not in suspects], {row.id: row.busy for row in waiting}, limit)

    async def _suspect_in_work(self, session: AsyncSession) -> bool:
        """Whether somebody processes an event whose worker died twice. They go one at a time, so that the one that
        kills its worker is found out, and not put aside together with all that ran beside it."""
        query = select(Event.id).where(
            Event.state == EventState.PROCESSING,
            Event.crashes >= CRASHES_ALLOWED - 1,
            Event.due_at > self._clock.time(),
        )
        return (await session.execute(query.limit(1))).first() is not None

    async def _integrations(self, session: AsyncSession, priority: int) -> Sequence[Row[tuple[int, float, int]]]:
        """Who has something due: two index probes each, however long a backlog is."""
        mine = Event.integration_id == Integration.id
        oldest = (
            select(func.min(Event.due_at))
            .where(mine, Event.priority == priority, Event.due_at.is_not(None))
            .correlate(Integration)
            .scalar_subquery()
        )
        busy = (
            select(func.count())
            .where(mine, Event.state == EventState.PROCESSING, Event.due_at > self._clock.time())
            .correlate(Integration)
            .scalar_subquery()
        )
        found = (
            select(Integration.id, oldest.label("oldest"), busy.label("busy"))
            .where(oldest <= self._clock.time())
            .order_by("busy", "oldest")
        )
        return (await session.execute(found)).all()

    async def _take(self, session: AsyncSession, chosen: Sequence[int], holder: str, seconds: float) -> Sequence[Event]:
        now = self._clock.time()
        free = select(Event.id).where(Event.id.in_(chosen), Event.due_at <= now).with_for_update(skip_locked=True)
        crashed = Event.state == EventState.PROCESSING
        lost: ColumnElement[bool] = and_(crashed, Event.crashes >= CRASHES_ALLOWED - 1)
        result = await session.execute(
            update(Event)
            .where(Event.id.in_(free))
            .values(
                state=case((lost, EventState.FAILED.value), else_=EventState.PROCESSING.value),
                claim=case((lost, null()), else_=f"{secrets.token_hex(8)}:{holder}"[:40]),
                due_at=case((lost, null()), else_=now + seconds),
                settled_at=case((lost, self._clock.now()), else_=null()),
                cause=case((lost, QUARANTINE), else_=Event.cause),
                reason=case((lost, QUARANTINE_REASON), else_=Event.reason),
                crashes=case((crashed, Event.crashes + 1), else_=Event.crashes),
                dedupe_key=case((Event.dedupe_key.startswith(OPEN_KEY), null()), else_=Event.dedupe_key),
            )
            .returning(Event)
            .execution_options(synchronize_session=False)
        )
        taken = result.scalars().all()
        for event in taken:
            if event.state == EventState.FAILED:
                finding = Finding(QUARANTINE, f"{QUARANTINE_REASON} Evento {event.id}.")
                await issues.open_issue(
                    session,
                    integration_id=event.integration_id,
                    entity=event.entity,
                    vendor=event.vendor,
                    external_id=event.external_id,
                    finding=finding,
                    now=self._clock.now(),
                    link_id=event.link_id,
                    event_id=event.id,
                )
        return taken

    def _fit(self, rows: Sequence[Event], chosen: Sequence[int]) -> list[Event]:
        for event in rows:
            if event.state == EventState.FAILED:
                metrics.EVENTS_QUARANTINED.inc()
                _log.error("event quarantined", event_id=event.id, entity=event.entity)
        rank = {event_id: place for place, event_id in enumerate(chosen)}
        return sorted((row for row in rows if row.state == EventState.PROCESSING), key=lambda row: rank[row.id])


def _fair(due: Sequence[Row[tuple[int, int, float]]], busy: dict[int, int], limit: int) -> list[int]:
    """Ids in the order of turns: whoever has the fewest in work and chosen comes next, then the oldest event."""
    lines: dict[int, list[tuple[float, int]]] = {}
    for row in due:
        lines.setdefault(row.integration_id, []).append((row.due_at, row.id))
    turns = [(busy.get(owner, 0), line[0], owner, 0) for owner, line in ((o, sorted(n)) for o, n in lines.items())]
    heapq.heapify(turns)
    chosen: list[int] = []
    while turns and len(chosen) < limit:
        load, (_, event_id), owner, place = heapq.heappop(turns)
        chosen.append(event_id)
        line = sorted(lines[owner])
        if place + 1 < len(line):
            heapq.heappush(turns, (load + 1, line[place + 1], owner, place + 1))
    return chosen

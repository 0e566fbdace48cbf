"""Hands out due events: every integration its turn, one worker per event, crashed ones again and not for ever."""

import heapq
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, func, not_, null, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import metrics
from app.core.clock import Clock
from app.core.db import Database
from app.core.log import get_logger
from app.sync import issues
from app.sync.intake import OPEN_KEY
from app.sync.issues import Finding
from app.sync.models import Event, EventState, Integration

SUSPECT_AFTER = 2
"""Deaths that may be anybody's who was in the same hands. From then on an event is a suspect: it is tried in calm, when
no worker has died for a while, and with no other suspect in work."""
CRASHES_ALLOWED = SUSPECT_AFTER + 2
"""Two deaths in calm are its own."""
CALM_SECONDS = 120.0
"""How long suspects rest after a worker died, whoever it held; as much again for every further death of their own.
Workers that are killed again and again for another reason convict nobody, and those who survive get on meanwhile."""
QUARANTINE = "quarantine"
QUARANTINE_REASON = (
    f"O processamento parou {CRASHES_ALLOWED} vezes sem resposta neste evento, também sem nenhum outro suspeito por "
    "perto; ele foi separado para não travar os outros. Use Tentar de novo depois de verificar o registro."
)
RESTS = "suspect"
RESTS_REASON = "O processamento parou mais de uma vez neste evento; ele é tentado sozinho, daqui a alguns minutos."
SUSPECT = and_(Event.state != EventState.PROCESSING, Event.crashes >= SUSPECT_AFTER)
OLDEST = ("oldest_first", "oldest_second", "oldest_third")
"""Labels of the first due moment by priority, in the order of priorities."""
_log = get_logger(__name__)


@dataclass(slots=True)
class Rooms:
    """How much of a worker one integration may fill, and what each has of it already: a saturated integration only
    waits for its vendors' limits, and must not make others wait for a place meanwhile."""

    most: int
    held: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Chosen:
    """Events to take. `all` when nothing else that is due could be taken; `death` when a dead worker held one."""

    ids: list[int]
    all: bool
    death: bool = False


class Claims:
    """Chooses due events fairly and marks them as taken."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def claim(
        self, priorities: Sequence[int], limit: int, holder: str, seconds: float, rooms: "Rooms | None" = None
    ) -> list[Event]:
        """Up to `limit` due events, theirs for `seconds`: smaller priority first, then the integration with the
        fewest in work, then the oldest. `rooms` bounds what each integration may have."""
        taken: list[Event] = []
        rooms = rooms or Rooms(limit)
        while len(taken) < limit:
            async with self._db.read() as session:
                chosen = await self._choose(session, priorities, limit - len(taken), rooms)
            if not chosen.ids:
                break
            async with self._db.transaction() as session:
                rows = await self._take(session, chosen, holder, seconds)
            fit = self._fit(rows, chosen.ids)
            taken += fit
            for event in fit:
                rooms.held[event.integration_id] = rooms.held.get(event.integration_id, 0) + 1
            if chosen.all and len(rows) == len(chosen.ids):
                break
        return taken

    async def _choose(self, session: AsyncSession, priorities: Sequence[int], limit: int, rooms: "Rooms") -> "Chosen":
        waiting = await self._integrations(session, priorities)
        watched = any(row.watched for row in waiting)
        busy = {row.id: row.busy for row in waiting}
        left = {row.id: rooms.most - rooms.held.get(row.id, 0) for row in waiting}
        chosen = Chosen([], True)
        for priority, oldest in zip(sorted(priorities), OLDEST, strict=False):
            now = self._clock.time()
            owners = [row for row in waiting if left[row.id] > 0 and (getattr(row, oldest) or math.inf) <= now]
            owners.sort(key=lambda row: (busy[row.id], getattr(row, oldest)))
            wanted = limit - len(chosen.ids)
            if not owners or wanted <= 0:
                continue
            due = await self._due(session, [row.id for row in owners], priority, wanted, watched)
            suspects = [row for row in due if row.suspect][1:]
            ids = _fair([row for row in due if row not in suspects], busy, left, wanted)
            watched = watched or any(row.suspect for row in due)
            chosen.ids += ids
            chosen.death = chosen.death or any(row.crashed for row in due if row.id in ids)
            chosen.all = chosen.all and not suspects and len(ids) < wanted
        return chosen

    async def _due(
        self, session: AsyncSession, owners: Sequence[int], priority: int, limit: int, watched: bool
    ) -> Sequence[Row[tuple[int, int, float, bool, bool]]]:
        """The oldest due events of some integrations. Of suspects the caller takes one at a time, so that the one that
        kills its worker is found out, and not put aside with all that ran beside it."""
        found = await session.execute(
            union_all(
                *(
                    select(
                        select(
                            Event.id,
                            Event.integration_id,
                            Event.due_at,
                            SUSPECT.label("suspect"),
                            (Event.state == EventState.PROCESSING).label("crashed"),
                        )
                        .where(
                            Event.integration_id == owner,
                            Event.priority == priority,
                            Event.due_at <= self._clock.time(),
                            *([not_(SUSPECT)] if watched else []),
                        )
                        .order_by(Event.due_at, Event.id)
                        .limit(limit)
                        .subquery()
                    )
                    for owner in owners[:limit]
                )
            )
        )
        return found.all()

    async def _integrations(self, session: AsyncSession, priorities: Sequence[int]) -> Sequence[Row[Any]]:
        """Who has something due: a few index probes each, however long a backlog is."""
        mine, now = Event.integration_id == Integration.id, self._clock.time()
        oldest = [
            select(func.min(Event.due_at))
            .where(mine, Event.priority == priority, Event.due_at.is_not(None))
            .correlate(Integration)
            .scalar_subquery()
            for priority in sorted(priorities)
        ]
        busy = (
            select(func.count())
            .where(mine, Event.state == EventState.PROCESSING, Event.due_at > now)
            .correlate(Integration)
            .scalar_subquery()
        )
        watched = select(Event.id).where(
            Event.state == EventState.PROCESSING, Event.crashes >= SUSPECT_AFTER, Event.due_at > now
        )
        labels = [first.label(name) for first, name in zip(oldest, OLDEST, strict=False)]
        found = select(Integration.id, busy.label("busy"), watched.exists().label("watched"), *labels)
        return (await session.execute(found.where(or_(*(first <= now for first in oldest))))).all()

    async def _take(self, session: AsyncSession, chosen: Chosen, holder: str, seconds: float) -> Sequence[Event]:
        now = self._clock.time()
        free = select(Event.id).where(Event.id.in_(chosen.ids), Event.due_at <= now).with_for_update(skip_locked=True)
        crashed = Event.state == EventState.PROCESSING
        lost: ColumnElement[bool] = and_(crashed, Event.crashes >= CRASHES_ALLOWED - 1)
        rests: ColumnElement[bool] = and_(crashed, Event.crashes >= SUSPECT_AFTER - 1)
        result = await session.execute(
            update(Event)
            .where(Event.id.in_(free))
            .values(
                state=case(
                    (lost, EventState.FAILED.value),
                    (rests, EventState.WAITING.value),
                    else_=EventState.PROCESSING.value,
                ),
                claim=case((rests, null()), else_=f"{secrets.token_hex(8)}:{holder}"[:40]),
                due_at=case((lost, null()), (rests, now + CALM_SECONDS * Event.crashes), else_=now + seconds),
                settled_at=case((lost, self._clock.now()), else_=null()),
                cause=case((lost, QUARANTINE), (rests, RESTS), else_=Event.cause),
                reason=case((lost, QUARANTINE_REASON), (rests, RESTS_REASON), else_=Event.reason),
                crashes=case((crashed, Event.crashes + 1), else_=Event.crashes),
                dedupe_key=case((Event.dedupe_key.startswith(OPEN_KEY), null()), else_=Event.dedupe_key),
            )
            .returning(Event)
            .execution_options(synchronize_session=False)
        )
        taken = result.scalars().all()
        if chosen.death:
            await self._calm(session, now)
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

    async def _calm(self, session: AsyncSession, now: float) -> None:
        """A worker died: suspects rest, whoever it held."""
        rested = now + CALM_SECONDS * (Event.crashes - 1)
        due = and_(Event.due_at.is_not(None), Event.due_at < now + CALM_SECONDS * CRASHES_ALLOWED)
        resting = select(Event.id).where(SUSPECT, due, Event.due_at < rested).with_for_update(skip_locked=True)
        await session.execute(
            update(Event)
            .where(Event.id.in_(resting))
            .values(due_at=rested)
            .execution_options(synchronize_session=False)
        )

    def _fit(self, rows: Sequence[Event], chosen: Sequence[int]) -> list[Event]:
        for event in rows:
            if event.state == EventState.FAILED:
                metrics.EVENTS_QUARANTINED.inc()
                _log.error("event quarantined", event_id=event.id, entity=event.entity)
        rank = {event_id: place for place, event_id in enumerate(chosen)}
        return sorted((row for row in rows if row.state == EventState.PROCESSING), key=lambda row: rank[row.id])


def _fair(
    due: Sequence[Row[tuple[int, int, float, bool, bool]]], busy: Mapping[int, int], left: dict[int, int], limit: int
) -> list[int]:
    """Ids in the order of turns: whoever has the fewest in work and chosen comes next, then the oldest event.
    `left` is how many each may still take, and is used up."""
    lines: dict[int, list[tuple[float, int]]] = {}
    for row in due:
        lines.setdefault(row.integration_id, []).append((row.due_at, row.id))
    for line in lines.values():
        line.sort(reverse=True)
    turns = [(busy.get(owner, 0), line[-1], owner) for owner, line in lines.items()]
    heapq.heapify(turns)
    chosen: list[int] = []
    while turns and len(chosen) < limit:
        load, (_, event_id), owner = heapq.heappop(turns)
        chosen.append(event_id)
        lines[owner].pop()
        left[owner] -= 1
        if lines[owner] and left[owner] > 0:
            heapq.heappush(turns, (load + 1, lines[owner][-1], owner))
    return chosen

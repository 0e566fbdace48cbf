"""Changes in Omie made by other API apps carry our own author mark; what no write of ours explains is looked at.

Each `echo` event is examined once, two minutes after it came; its `cause` then says what was found (design section 4).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Kind, Priority, Vendor
from app.sync.config.store import ConfigStore
from app.sync.inbox import Inbox
from app.sync.intake import API_AUTHOR, RUNNING
from app.sync.models import Event, EventSource, EventState, Integration, WriteEntry, WriteState

EXPLAINS_WITHIN = timedelta(minutes=2)
"""How far apart a write and the event it caused may be."""
SWEEP_SECONDS = 600
"""Grid of the incremental sweep that unexplained records join."""
SPREAD = (math.sqrt(5) - 1) / 2
"""Its multiples, without their whole parts, lie as far apart as can be, however many there are."""
AFTER_SWEEP_SECONDS = 90.0
"""A named record that the sweep did not settle is looked at by itself this much later."""
BATCH = 500

CALL_FIRES: Mapping[str, frozenset[Kind]] = {
    "create": frozenset({Kind.CREATED}),
    "update": frozenset({Kind.CHANGED}),
    "include_tags": frozenset({Kind.CHANGED}),
    "exclude_tags": frozenset({Kind.CHANGED}),
    "associate_code": frozenset({Kind.CHANGED}),
    "delete": frozenset({Kind.DELETED}),
    "change_stage": frozenset({Kind.CHANGED}),
    "cancel": frozenset({Kind.CANCELLED}),
}
"""What each verb of ours can make Omie tell. Invoiced and returned are never ours."""

OWN_WRITE, FOREIGN, NOT_FOLLOWED = "own_write", "foreign_api", "foreign_ignored"
REASONS: Mapping[str, str] = {
    OWN_WRITE: "Eco da nossa própria gravação.",
    FOREIGN: "Alteração feita por outra aplicação via API; o registro será conferido.",
    NOT_FOLLOWED: "Alteração feita por outra aplicação via API; a configuração manda ignorar.",
}


def explained(event: Event, writes: Iterable[WriteEntry]) -> bool:
    """True when one of our writes can have caused the event. Pure."""
    return any(
        write.entity == event.entity
        and write.external_id == event.external_id
        and event.kind in CALL_FIRES.get(write.verb, frozenset())
        and abs(write.sent_at - event.received_at) <= EXPLAINS_WITHIN
        for write in writes
    )


def next_sweep(now: float, every: float = SWEEP_SECONDS, integration_id: int = 0) -> float:
    """The next point of an integration's grid (of ten minutes, unless told otherwise), epoch seconds; the grids of
    several are shifted against each other, so that they do not all ask at once. Pure."""
    shift = math.floor(every * (integration_id * SPREAD % 1.0))
    return math.floor((now - shift) / every + 1) * every + shift


class Foreign:
    """Examines echoes; called about once a minute by one process."""

    def __init__(self, db: Database, clock: Clock, inbox: Inbox, configs: ConfigStore) -> None:
        self._db = db
        self._clock = clock
        self._inbox = inbox
        self._configs = configs

    async def sweep(self) -> int:
        """Examines what is old enough, of every running integration. Answers how many records will be looked at."""
        async with self._db.read() as session:
            ids = list(await session.scalars(select(Integration.id).where(Integration.state.in_(RUNNING))))
        return sum([await self._integration(integration_id) for integration_id in ids])

    async def _integration(self, integration_id: int) -> int:
        option = (await self._configs.get(integration_id)).foreign_api_events
        followed = 0
        while True:
            async with self._db.transaction() as session:
                events = await self._unexamined(session, integration_id)
                writes = await _writes_around(session, integration_id, events)
                for event in events:
                    followed += await self._examine(session, event, writes.get(str(event.external_id), ()), option)
            if len(events) < BATCH:
                return followed

    async def _unexamined(self, session: AsyncSession, integration_id: int) -> Sequence[Event]:
        query = (
            select(Event)
            .where(
                Event.integration_id == integration_id,
                Event.state == EventState.ECHO,
                Event.vendor == Vendor.OMIE.value,
                Event.cause == API_AUTHOR,
                Event.received_at <= self._clock.now() - EXPLAINS_WITHIN,
            )
            .order_by(Event.id)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        return (await session.scalars(query)).all()

    async def _examine(self, session: AsyncSession, event: Event, writes: Sequence[WriteEntry], option: str) -> int:
        if event.entity is None or event.external_id is None or explained(event, writes):
            cause = OWN_WRITE
        else:
            cause = NOT_FOLLOWED if option == "ignore" else FOREIGN
        await session.execute(
            update(Event)
            .where(Event.id == event.id)
            .values(cause=cause, reason=REASONS[cause])
            .execution_options(synchronize_session=False)
        )
        if cause != FOREIGN:
            return 0
        now = self._clock.time()
        swept_at = next_sweep(now, integration_id=event.integration_id)
        await self._inbox.enqueue(
            session,
            integration_id=event.integration_id,
            vendor=event.vendor,
            entity=str(event.entity),
            external_id=str(event.external_id),
            kind=event.kind,
            topic=event.topic,
            source=EventSource.FOREIGN.value,
            priority=Priority.BULK,
            due_at=now if option == "now" else swept_at + AFTER_SWEEP_SECONDS,
        )
        return 1


async def _writes_around(
    session: AsyncSession, integration_id: int, events: Sequence[Event]
) -> Mapping[str, list[WriteEntry]]:
    """Our writes to Omie near the events, by the record they changed. A refused write changed nothing."""
    moments: list[datetime] = [event.received_at for event in events]
    found: dict[str, list[WriteEntry]] = {}
    if not moments:
        return found
    query = select(WriteEntry).where(
        WriteEntry.integration_id == integration_id,
        WriteEntry.vendor == Vendor.OMIE.value,
        WriteEntry.external_id.in_({event.external_id for event in events if event.external_id}),
        WriteEntry.sent_at >= min(moments) - EXPLAINS_WITHIN,
        WriteEntry.sent_at <= max(moments) + EXPLAINS_WITHIN,
        WriteEntry.state != WriteState.REFUSED,
    )
    for write in await session.scalars(query):
        found.setdefault(str(write.external_id), []).append(write)
    return found

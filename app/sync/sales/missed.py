"""Sales whose notices were missed: lists of what changed lately make events of records that nobody told of (F051).

Read in Ploomes every ten minutes from the last change seen on. In Omie only once an order is known: an empty list
counts as an error there, so each list reaches back to the last order seen (design section 5).
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, VendorError
from app.core.log import get_logger
from app.core.ports import Gateway, Kind, Priority, Record, Vendor
from app.core.queue import Queue
from app.sync import inbox, links
from app.sync.config.store import ConfigStore
from app.sync.intake import RUNNING
from app.sync.models import Event, EventSource, Integration
from app.sync.passes.foreign import next_sweep
from app.sync.sales.documents import ORDERS, SERVICE_ORDERS
from app.sync.vendors import Gateways, one_page

TOPIC = "sweep"
SKEW = timedelta(minutes=2)
"""A notice and the change it tells of may be this far apart: clocks differ, and webhooks take their time."""
NEAR = timedelta(seconds=15)
"""A notice received this long before a change may still be the one that tells of it."""
LISTS = ((Vendor.PLOOMES, ORDERS), (Vendor.OMIE, ORDERS), (Vendor.OMIE, SERVICE_ORDERS))
_log = get_logger(__name__)


class Missed:
    """Called about once a minute by one process."""

    def __init__(
        self, db: Database, clock: Clock, queue: Queue, gateways: Gateways, configs: ConfigStore, every_seconds: float
    ) -> None:
        self._db = db
        self._clock = clock
        self._queue = queue
        self._gateways = gateways
        self._configs = configs
        self._every = every_seconds
        self._due: dict[tuple[int, str, str], float] = {}
        self._since: dict[tuple[int, str, str], datetime] = {}

    async def tick(self) -> None:
        """Reads the lists that are due of every running integration; one that fails does not stop the others."""
        async with self._db.read() as session:
            rows = list(await session.scalars(select(Integration).where(Integration.state.in_(RUNNING))))
        for integration in rows:
            config = await self._configs.get(integration.id)
            for vendor, entity in LISTS:
                key = integration.id, vendor.value, entity
                due = self._due.setdefault(key, next_sweep(self._clock.time(), self._every))
                if not getattr(config.entities, entity) or due > self._clock.time():
                    continue
                self._due[key] = next_sweep(self._clock.time(), self._every)
                try:
                    await self._list(integration, vendor, entity, key)
                except (VendorError, Postponed) as problem:
                    _log.info("sales not listed", integration=integration.id, problem=type(problem).__name__)

    async def _list(self, integration: Integration, vendor: Vendor, entity: str, key: tuple[int, str, str]) -> None:
        since = self._since.get(key) or await self._start(integration, vendor, entity)
        if since is None:
            return
        gateway = self._gateways.open(integration, Priority.BULK)[0 if vendor is Vendor.OMIE else 1]
        records = await self._read(gateway, entity, since)
        changed = [record for record in records if record.changed_at is not None]
        async with self._db.transaction() as session:
            found = [record for record in changed if await self._untold(session, integration, record, entity)]
            for record in found:
                await self._event(session, integration, record, entity)
        if changed:
            self._since[key] = max(record.changed_at for record in changed if record.changed_at is not None)
        if found:
            await self._queue.ring("bulk")

    async def _start(self, integration: Integration, vendor: Vendor, entity: str) -> datetime | None:
        """Where the first list of this process begins: at the last record heard of, else at the activation."""
        async with self._db.read() as session:
            last = await session.scalar(
                select(func.max(Event.received_at)).where(
                    Event.integration_id == integration.id,
                    Event.vendor == vendor.value,
                    Event.entity == entity,
                    Event.received_at < self._clock.now() - timedelta(seconds=self._every),
                )
            )
        if isinstance(last, datetime):
            return last - SKEW
        return None if vendor is Vendor.OMIE else integration.activated_at

    async def _read(self, gateway: Gateway, entity: str, since: datetime) -> list[Record]:
        records: list[Record] = []
        cursor: str | None = None
        while True:
            page = await one_page(gateway, entity, cursor=cursor, since=since - SKEW)
            records += page.records
            cursor = page.cursor
            if cursor is None:
                return records

    async def _untold(self, session: AsyncSession, integration: Integration, record: Record, entity: str) -> bool:
        """Whether a change is old enough for its notice to be here, and neither that came nor our own look later."""
        at = record.changed_at
        assert at is not None
        if self._clock.now() - at < SKEW or at < (integration.activated_at or at) - SKEW:
            return False
        told = await session.scalar(
            select(Event.id)
            .where(
                Event.integration_id == integration.id,
                Event.vendor == record.vendor.value,
                Event.entity == entity,
                Event.external_id == record.id,
                Event.received_at >= at - NEAR,
            )
            .limit(1)
        )
        if told is not None:
            return False
        link = await links.find(session, integration.id, entity, record.vendor, record.id)
        seen_at = links.seen(link, record.vendor)[1] if link is not None else None
        return seen_at is None or seen_at < at

    async def _event(self, session: AsyncSession, integration: Integration, record: Record, entity: str) -> None:
        await inbox.enqueue(
            session,
            integration_id=integration.id,
            vendor=record.vendor.value,
            entity=entity,
            external_id=record.id,
            kind=Kind.CHANGED.value,
            topic=TOPIC,
            source=EventSource.SWEEP.value,
            priority=Priority.BULK,
            due_at=self._clock.time(),
            now=self._clock.now(),
        )

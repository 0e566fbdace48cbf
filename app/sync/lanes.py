"""Lanes: one worker at a time on a pair of records, a natural key or an auxiliary create.

A lane is a row with a token and an end by the database's own clock, so it survives without an open transaction and
a paused worker finds out. A pair is held by the lanes of both its records; lanes are tried, never waited for, and
taken all or none, so two workers cannot wait for each other.
"""

import uuid
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import Float, case, cast, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from app.core.db import Database
from app.core.errors import LaneBusy, LeaseLost
from app.core.wire import fitted
from app.sync import sizes
from app.sync.models import Integration, Lane

BLIND = {"synchronize_session": False}
"""No session keeps lanes."""


def record_lane(integration: Integration, vendor: str, entity: str, external_id: str) -> str:
    """The lane of one record: per Omie app or per Ploomes account, because integrations may share an account."""
    scope = integration.omie_app_key if vendor == "omie" else integration.ploomes_account_id or f"i{integration.id}"
    return f"{vendor}:{scope}:{entity}:{external_id}"


def key_lane(integration: Integration, entity: str, key: str) -> str:
    """The lane of a natural key, held while a record without a link is placed. Our index may know it cut."""
    return f"key:{integration.id}:{entity}:{fitted(key, sizes.KNOWN_KEY)}"


class Lease:
    """The lanes one worker holds, with one token."""

    def __init__(self, lanes: "Lanes", seconds: float) -> None:
        self._lanes = lanes
        self.seconds = seconds
        self.token = uuid.uuid4().hex
        self.names: set[str] = set()
        self.lingers = 0.0
        """Seconds for which the lanes stay taken when the work is over."""

    async def take(self, names: Collection[str]) -> None:
        """Takes further lanes, all or none. Raises LaneBusy."""
        async with self._lanes.db.transaction() as session:
            await self._lanes.take(session, self, names)

    async def take_in(self, session: AsyncSession, names: Collection[str]) -> None:
        """The same inside a transaction of the caller."""
        await self._lanes.take(session, self, names)

    async def extend(self, session: AsyncSession, seconds: float = 0) -> None:
        """Inside a transaction: every lane is still ours and stays so for `seconds`, else nothing is committed.

        Called before every write with its time-out, and by the last commit with none. Raises LeaseLost.
        """
        await self._lanes.extend(session, self, seconds)


class Lanes:
    """Takes, extends and gives back lanes."""

    def __init__(self, db: Database, seconds: float, scale: float = 1.0) -> None:
        """`scale`: how much faster than the database's clock the product's runs; leases are in the product's time."""
        self.db = db
        self.seconds = seconds
        self.scale = scale
        self._insert = sqlite_insert if db.is_sqlite else pg_insert

    @asynccontextmanager
    async def hold(self, *names: str) -> AsyncIterator[Lease]:
        """Holds lanes for the length of the block. Raises LaneBusy at once when one of them is taken."""
        lease = Lease(self, self.seconds)
        await lease.take(names)
        try:
            yield lease
        finally:
            await self._give_back(lease)

    def now(self) -> ColumnElement[float]:
        """The database's own clock in epoch seconds."""
        if self.db.is_sqlite:
            return literal_column("(julianday('now') - 2440587.5) * 86400.0", Float)
        return cast(func.extract("epoch", func.clock_timestamp()), Float)

    def _in(self, seconds: float) -> ColumnElement[float]:
        """The database's time in so many seconds of the product's."""
        return self.now() + seconds / self.scale

    async def take(self, session: AsyncSession, lease: Lease, names: Collection[str]) -> None:
        """Takes lanes inside a transaction of the caller. Raises LaneBusy."""
        fitting = {fitted(name, sizes.LANE) for name in names}  # a natural key may be any text
        wanted = sorted(fitting - lease.names)
        await self._alone(session, wanted)
        for name in wanted:
            row = self._insert(Lane).values(name=name, token=lease.token, fence=1, until=self._in(lease.seconds))
            won = await session.execute(
                row.on_conflict_do_update(
                    index_elements=[Lane.name],
                    set_={"token": lease.token, "fence": Lane.fence + 1, "until": row.excluded.until},
                    where=Lane.until < self.now(),
                ).returning(Lane.name)
            )
            if won.first() is None:
                raise LaneBusy(name, await self._held(session, lease, name))
        lease.names |= fitting

    async def _give_back(self, lease: Lease) -> None:
        mine = Lane.token == lease.token
        async with self.db.transaction() as session:
            if lease.lingers:
                await session.execute(
                    update(Lane).where(mine).values(until=self._in(lease.lingers)), execution_options=BLIND
                )
            else:
                await session.execute(delete(Lane).where(mine))

    async def _held(self, session: AsyncSession, lease: Lease, name: str) -> float:
        """For how long somebody has had a lane: every lease is as long as ours when it begins."""
        rest = await session.scalar(select(Lane.until - self.now()).where(Lane.name == name))
        return 0.0 if rest is None else max(0.0, lease.seconds - rest * self.scale)

    async def _alone(self, session: AsyncSession, names: Sequence[str]) -> None:
        """Raises LaneBusy when somebody else is taking one of these lanes.

        In PostgreSQL an insert would wait for a rival's uncommitted row, and two takers of a pair for each other; in
        SQLite one transaction writes at a time.
        """
        if self.db.is_sqlite or not names:
            return
        locks = [func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)) for name in names]
        for name, mine in zip(names, (await session.execute(select(*locks))).one(), strict=True):
            if not mine:
                raise LaneBusy(name)

    async def extend(self, session: AsyncSession, lease: Lease, seconds: float) -> None:
        """Raises LeaseLost unless every lane is still held; lengthens the lease when it would end within `seconds`."""
        longer = case((Lane.until < self._in(seconds), self._in(max(seconds, lease.seconds))), else_=Lane.until)
        mine = (Lane.token == lease.token, Lane.until >= self.now())
        held = await session.scalars(
            update(Lane).where(*mine).values(until=longer).returning(Lane.name), execution_options=BLIND
        )
        if len(held.all()) < len(lease.names):
            raise LeaseLost(f"{len(lease.names)} lanes")

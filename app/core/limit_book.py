"""What of the limits must survive a restart: named queries over `limit_models`. All times are the clock's epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Base, Database
from app.core.limit_models import LimitBlock, LimitError, LimitPace, LimitStamp

ERROR_MEMORY_SECONDS = 1800.0
STAMP_MEMORY_SECONDS = 900.0
RECORD_MARK = ":record:"
"""Tells the stamp of a record's last alteration from the stamp of an account's last call."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """Everything still of use, by scope."""

    stamps: Mapping[str, float]
    blocks: Mapping[str, float]
    errors: Sequence[tuple[str, float]]
    paces: Mapping[str, tuple[float, float]]


class LimitBook:
    """Reads and writes the limiter's tables; every method is one transaction."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._insert: Any = sqlite.insert if db.is_sqlite else postgresql.insert

    async def load(self) -> Remembered:
        """What is still of use."""
        now = self._clock.time()
        async with self._db.read() as session:
            stamps = await session.execute(select(LimitStamp.scope, LimitStamp.at))
            blocks = await session.execute(select(LimitBlock.scope, LimitBlock.until).where(LimitBlock.until > now))
            errors = await session.execute(
                select(LimitError.scope, LimitError.at).where(LimitError.at > now - ERROR_MEMORY_SECONDS)
            )
            paces = await session.execute(select(LimitPace.scope, LimitPace.failed, LimitPace.since))
            return Remembered(
                {scope: at for scope, at in stamps},
                {scope: until for scope, until in blocks},
                [(scope, at) for scope, at in errors],
                {scope: (failed, since) for scope, failed, since in paces},
            )

    async def stamp(self, stamps: Mapping[str, float]) -> None:
        """Moves stamps forward, never back; drops those of records nobody can trip over any more."""
        async with self._db.transaction() as session:
            for scope in sorted(stamps):
                await self._raise(session, LimitStamp, scope, "at", stamps[scope])
            old = self._clock.time() - STAMP_MEMORY_SECONDS
            await session.execute(delete(LimitStamp).where(LimitStamp.scope.contains(RECORD_MARK), LimitStamp.at < old))

    async def settle_stamps(self, stamps: Mapping[str, float]) -> None:
        """Sets stamps to their true value, also back: the last call of a process that ends in order."""
        async with self._db.transaction() as session:
            for scope in sorted(stamps):
                row = await session.get(LimitStamp, scope)
                if row is not None:
                    row.at = stamps[scope]

    async def block(self, scope: str, until: float) -> None:
        """Prolongs a block; drops those that ended."""
        async with self._db.transaction() as session:
            await self._raise(session, LimitBlock, scope, "until", until)
            await session.execute(delete(LimitBlock).where(LimitBlock.until < self._clock.time()))

    async def error(self, scope: str) -> None:
        """Adds an error; drops those out of every window."""
        now = self._clock.time()
        async with self._db.transaction() as session:
            session.add(LimitError(scope=scope, at=now))
            await session.execute(delete(LimitError).where(LimitError.at < now - ERROR_MEMORY_SECONDS))

    async def pace(self, scope: str, failed: float) -> None:
        """Replaces what an account taught us."""
        values = {"failed": failed, "since": self._clock.time()}
        statement = self._insert(LimitPace).values(scope=scope, **values)
        async with self._db.transaction() as session:
            await session.execute(statement.on_conflict_do_update(index_elements=["scope"], set_=values))

    async def _raise(self, session: AsyncSession, table: type[Base], scope: str, column: str, value: float) -> None:
        greatest = func.max if self._db.is_sqlite else func.greatest
        statement = self._insert(table).values({"scope": scope, column: value})
        newer = greatest(getattr(table, column), statement.excluded[column])
        await session.execute(statement.on_conflict_do_update(index_elements=["scope"], set_={column: newer}))

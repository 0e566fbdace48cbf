"""How far the incremental sweep of each set is. A list starts at the last record seen, so that it is never empty."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import JsonObject, Record, Vendor
from app.sync.lookups import known
from app.sync.passes.models import Watermark

KEPT = 5
"""Records remembered, so that one that goes does not empty the list."""
UNKNOWN = timedelta(hours=1)
"""How far back to begin where no record tells when it was changed."""


def note(side: JsonObject, records: Sequence[Record], until: datetime) -> None:
    """Remembers, in the place of a crawl, the records changed last before it began; later ones belong to the sweep."""
    marks = {record.id: record.changed_at for record in records if record.changed_at and record.changed_at <= until}
    side["marks"] = newest([*side.get("marks", ()), *([one, at.isoformat()] for one, at in marks.items())])


def newest(marks: Sequence[Any]) -> list[Any]:
    """The marks of the records changed last, newest first, one per record."""
    latest: dict[str, str] = {}
    for external_id, at in marks:
        latest[external_id] = max(at, latest.get(external_id, ""))
    ordered = sorted(latest.items(), key=lambda mark: (datetime.fromisoformat(mark[1]), mark[0]), reverse=True)
    return [list(mark) for mark in ordered[:KEPT]]


async def crawled(
    session: AsyncSession, integration_id: int, vendor: Vendor, entity: str, side: JsonObject, began: datetime
) -> None:
    """A complete crawl: the sweep goes on from the last record changed before it began."""
    marks = side.get("marks") or []
    since = datetime.fromisoformat(marks[0][1]) if marks else began - UNKNOWN
    dialect = session.get_bind().dialect.name
    insert: Callable[..., Any] = postgresql.insert if dialect == "postgresql" else sqlite.insert
    values = {"since": since, "last": list(marks), "place": {}}
    statement = insert(Watermark).values(
        integration_id=integration_id, vendor=vendor.value, entity=entity, due_at=0.0, **values
    )
    await session.execute(
        statement.on_conflict_do_update(index_elements=["integration_id", "vendor", "entity"], set_=values)
    )


async def begin(
    session: AsyncSession, integration_id: int, vendor: Vendor, entity: str, since: datetime, due_at: float
) -> None:
    """A set that was never read whole: its sweep begins at an instant."""
    dialect = session.get_bind().dialect.name
    insert: Callable[..., Any] = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(Watermark).values(
        integration_id=integration_id, vendor=vendor.value, entity=entity, since=since, last=[], due_at=due_at, place={}
    )
    await session.execute(statement.on_conflict_do_nothing(index_elements=["integration_id", "vendor", "entity"]))


async def of(session: AsyncSession, integration_id: int) -> list[Watermark]:
    """Every watermark of an integration."""
    return list(await session.scalars(select(Watermark).where(Watermark.integration_id == integration_id)))


async def start_of(session: AsyncSession, mark: Watermark) -> datetime:
    """Where the next list begins: at the newest remembered record that is not known to be gone."""
    for external_id, at in mark.last:
        row = await known.get(session, mark.integration_id, Vendor(mark.vendor), mark.entity, str(external_id))
        if row is None or row.gone_at is None:
            return min(datetime.fromisoformat(at), mark.since)
    return mark.since

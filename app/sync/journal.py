"""The write journal and the history: every write before it is sent, its outcome, and the change people read."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import Vendor
from app.sync.mapping.fields import Value, Values
from app.sync.models import Change, WriteEntry, WriteState

NOT_SENT = "não enviado"
NOT_TAKEN = "não aceito agora"
"""How the outcome of a write begins that certainly did not arrive, although nobody refused the record."""


async def unfinished(
    session: AsyncSession, integration_id: int, entity: str, source: Vendor, source_id: str
) -> Sequence[WriteEntry]:
    """Writes that copy a record and whose outcome nobody stored: a process died, or the answer was lost."""
    query = (
        select(WriteEntry)
        .where(
            WriteEntry.integration_id == integration_id,
            WriteEntry.source_vendor == source.value,
            WriteEntry.entity == entity,
            WriteEntry.source_id == source_id,
            WriteEntry.state == WriteState.SENT,
        )
        .order_by(WriteEntry.id)
    )
    return (await session.execute(query)).scalars().all()


async def refused(
    session: AsyncSession, integration_id: int, entity: str, source: Vendor, source_id: str
) -> WriteEntry | None:
    """The last write of a record when it was refused: the same values are not sent again (design section 6)."""
    query = (
        select(WriteEntry)
        .where(
            WriteEntry.integration_id == integration_id,
            WriteEntry.source_vendor == source.value,
            WriteEntry.entity == entity,
            WriteEntry.source_id == source_id,
            WriteEntry.state.in_((WriteState.REFUSED, WriteState.DONE)),
        )
        .order_by(WriteEntry.id.desc())
        .limit(1)
    )
    last = (await session.execute(query)).scalars().first()
    return last if last is not None and last.state == WriteState.REFUSED else None


async def first_create(session: AsyncSession, integration_id: int, entity: str, code: str) -> WriteEntry | None:
    """The first create under an integration code that may have arrived: what the record it made was told. None when
    the one that made it is known. A later one is no answer: Omie refuses it as a duplicate of the first, and values
    that were edited between the two would look like a change made in Omie."""
    query = (
        select(WriteEntry)
        .where(
            WriteEntry.integration_id == integration_id,
            WriteEntry.entity == entity,
            WriteEntry.vendor == Vendor.OMIE.value,
            WriteEntry.verb == "create",
            WriteEntry.code == code,
            WriteEntry.state.in_((WriteState.SENT, WriteState.RESOLVED, WriteState.DONE)),
            WriteEntry.outcome.is_(None) | ~WriteEntry.outcome.startswith(NOT_SENT),
            WriteEntry.outcome.is_(None) | ~WriteEntry.outcome.startswith(NOT_TAKEN),
        )
        .order_by(WriteEntry.id)
    )
    sent = (await session.execute(query)).scalars().all()
    return None if any(entry.state == WriteState.DONE for entry in sent) else next(iter(sent), None)


async def recent_turns(
    session: AsyncSession, link_id: int, row_ids: Sequence[str], now: datetime
) -> dict[str, list[tuple[Vendor, Value]]]:
    """Our own writes of each row in the last ten minutes, oldest first, for the oscillation freeze."""
    query = (
        select(Change)
        .where(Change.link_id == link_id, Change.at > now - timedelta(minutes=10), Change.action == "update")
        .order_by(Change.id)
    )
    turns: dict[str, list[tuple[Vendor, Value]]] = {row_id: [] for row_id in row_ids}
    for change in (await session.execute(query)).scalars():
        for row_id in turns.keys() & change.after.keys():
            turns[row_id].append((Vendor(change.vendor), change.after[row_id]))
    return turns


async def deletes_since(session: AsyncSession, integration_id: int, since: datetime) -> int:
    """How many deletes left or are leaving since an instant, for the tripwire of design section 8."""
    query = select(func.count(WriteEntry.id)).where(
        WriteEntry.integration_id == integration_id,
        WriteEntry.verb.in_(("delete", "cancel")),
        WriteEntry.state.in_((WriteState.SENT, WriteState.DONE)),
        WriteEntry.sent_at > since,
    )
    return int((await session.execute(query)).scalar_one())


def finish(entry: WriteEntry, state: WriteState, now: datetime, outcome: str | None = None) -> None:
    """Stores a write's outcome."""
    entry.state = state
    entry.outcome = outcome
    entry.settled_at = now


def change_of(entry: WriteEntry, *, cause: str, config_version: int, at: datetime, lost: dict[str, Any]) -> Change:
    """The history row of a finished write."""
    return Change(
        integration_id=entry.integration_id,
        link_id=entry.link_id,
        event_id=entry.event_id,
        write_id=entry.id,
        entity=entry.entity,
        vendor=entry.vendor,
        external_id=entry.external_id,
        action=_action(entry.verb),
        before=entry.before,
        after=entry.after,
        lost=lost,
        notes=entry.notes,
        cause=cause,
        config_version=config_version,
        at=at,
    )


def _action(verb: str) -> str:
    return verb if verb in ("create", "update", "delete") else "update"


def known_values(values: Values, keys: Sequence[str]) -> Values:
    """The part of `values` about to be replaced: the before-image of a write."""
    return {key: values.get(key) for key in keys}

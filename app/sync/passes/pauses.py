"""What stops a pass: a question to a person, which belongs to the one that asks it; a cancellation; a successor."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.sync import issues
from app.sync.issues import Finding
from app.sync.models import Issue
from app.sync.passes import resync_items as book
from app.sync.passes.models import Resync, topic_of
from app.sync.passes.passes import stop

DELETES = "resync_deletes"
"""It would delete too many records."""
ABOVE_PLAN = "resync_above_plan"
"""It writes more than its plan holds."""
CUT = "resync_cut"
"""A list ended early."""
EMPTY = "resync_empty"
"""A whole list showed nothing although pairs are linked."""
QUESTIONS = (DELETES, ABOVE_PLAN, CUT, EMPTY)
"""Causes of issues that a paused pass waits for."""


async def ask(
    session: AsyncSession,
    row: Resync,
    cause: str,
    text: str,
    now: datetime,
    *,
    entity: str | None = None,
    **data: Any,
) -> None:
    """Pauses a pass until a person answers; `data` is what the answer needs to know."""
    stop(row, "paused")
    row.progress = {**row.progress, "paused_because": text}
    await issues.open_issue(
        session,
        integration_id=row.integration_id,
        entity=entity,
        vendor=None,
        external_id=None,
        finding=Finding(cause, text, {"resync_id": row.id, **data}),
        now=now,
        asker=topic_of(row.id),
    )


async def questions(session: AsyncSession, row: Resync) -> Sequence[Issue]:
    """The open questions of a pass."""
    query = select(Issue).where(
        Issue.integration_id == row.integration_id, Issue.cause.in_(QUESTIONS), Issue.open_key.is_not(None)
    )
    return [issue for issue in await session.scalars(query) if issue.data.get("resync_id") == row.id]


async def cancel(session: AsyncSession, row: Resync, reason: str, now: datetime) -> None:
    """Ends a pass for good, with everything it had planned or asked; what its workers hold is finished."""
    row.state, row.claim, row.due_at, row.finished_at = "cancelled", None, None, now
    await book.withdraw(session, row.id, reason, now)
    await book.drop_all(session, row.id)
    for issue in await questions(session, row):
        issues.close(issue, now)


async def retire(session: AsyncSession, integration_id: int, reasons: Collection[str], now: datetime) -> None:
    """A pass takes the place of those of its kind that failed: they are not tried again. Before it looks whether one is
    at work."""
    failed = await session.scalars(
        select(Resync)
        .where(
            Resync.integration_id == integration_id,
            Resync.reason.in_(reasons),
            Resync.state == "failed",
            Resync.due_at.is_not(None),
        )
        .with_for_update()
    )
    for row in failed.all():
        row.due_at = None
        await book.withdraw(session, row.id, "Outra carga tomou o lugar desta.", now)
        await book.drop_all(session, row.id)

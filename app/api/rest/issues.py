"""`/integrations/{id}/issues`: open reasons why records are not in agreement; retry and answer."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import read_session, require
from app.api.rest.common import Body, Cursor, IntegrationDep, Limit, Listing, PartsDep, RowId, listing
from app.core.ports import Entity
from app.sync.desk.records import issue_json
from app.sync.issues import CAUSES
from app.sync.models import Issue

router = APIRouter(prefix="/integrations/{integration_id}/issues", tags=["pendências"])

Ops = Depends(require("ops"))
Session = Annotated[AsyncSession, Depends(read_session)]
Cause = Annotated[str, Field(pattern=r"^[a-z_]{1,60}$", examples=sorted(CAUSES)[:1])]


class IssueOut(BaseModel):
    """One reason on one record: what, how to mend it, and who can."""

    id: int
    state: str
    entity: str | None
    vendor: str | None
    external_id: str | None
    cause: str
    title: str
    detail: str
    fix: str
    who: str
    asks: list[str]
    answer: str | None
    seen: int
    event_id: int | None
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None


class RetryByCause(Body):
    """Which issues to take up again."""

    cause: Cause


class Retried(BaseModel):
    """How many records are processed again."""

    retried: int


class Answer(Body):
    """A person's choice, one of the issue's `asks`."""

    choice: Literal["omie", "ploomes", "proceed", "discard"]


@router.get("", response_model=Listing[IssueOut], dependencies=[Depends(require("read"))])
async def index(
    row: IntegrationDep,
    session: Session,
    state: Literal["open", "closed", "all"] = "open",
    cause: Annotated[str | None, Query(pattern=r"^[a-z_]{1,60}$")] = None,
    entity: Entity | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Any:
    """Lista as pendências, da mais nova para a mais antiga."""
    query = select(Issue).where(Issue.integration_id == row.id)
    if state != "all":
        query = query.where(Issue.closed_at.is_(None) if state == "open" else Issue.closed_at.is_not(None))
    if cause is not None:
        query = query.where(Issue.cause == cause)
    if entity is not None:
        query = query.where(Issue.entity == entity.value)
    if cursor is not None:
        query = query.where(Issue.id < int(cursor))
    rows = list(await session.scalars(query.order_by(Issue.id.desc()).limit(limit + 1)))
    return listing(rows, limit, [issue_json(issue) for issue in rows])


@router.post("/retry", status_code=202, response_model=Retried, dependencies=[Ops])
async def retry_cause(row: IntegrationDep, body: RetryByCause, ponte: PartsDep) -> Any:
    """Tenta de novo todas as pendências abertas de uma causa."""
    return {"retried": await ponte.requests.retry_cause(row.id, body.cause)}


@router.post("/{issue_id}/retry", status_code=202, response_model=IssueOut, dependencies=[Ops])
async def retry(row: IntegrationDep, issue_id: RowId, ponte: PartsDep) -> Any:
    """Tenta de novo o registro de uma pendência."""
    return issue_json(await ponte.requests.retry(row.id, issue_id))


@router.post("/{issue_id}/answer", status_code=202, response_model=IssueOut, dependencies=[Ops])
async def answer(row: IntegrationDep, issue_id: RowId, body: Answer, ponte: PartsDep) -> Any:
    """Responde a uma pendência que pede uma escolha."""
    return issue_json(await ponte.requests.answer(row.id, issue_id, body.choice))

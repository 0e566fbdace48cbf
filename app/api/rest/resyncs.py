"""`/integrations/{id}/resyncs`: passes over whole entities; the first load of an activation is one."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import read_session, require
from app.api.rest.common import Cursor, IntegrationDep, Limit, Listing, RowId, listing, missing
from app.sync.models import Resync

router = APIRouter(
    prefix="/integrations/{integration_id}/resyncs", tags=["cargas"], dependencies=[Depends(require("read"))]
)

Session = Annotated[AsyncSession, Depends(read_session)]


class ResyncOut(BaseModel):
    """A pass: its plan, how far it is, and what it used."""

    id: int
    state: str
    reason: str
    dry_run: bool
    start: str
    entities: list[str]
    plan: dict[str, Any]
    progress: dict[str, Any]
    written: dict[str, Any]
    requests_used: dict[str, Any]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@router.get("", response_model=Listing[ResyncOut])
async def index(row: IntegrationDep, session: Session, cursor: Cursor = None, limit: Limit = 50) -> Any:
    """Lista as cargas, da mais nova para a mais antiga."""
    query = select(Resync).where(Resync.integration_id == row.id)
    if cursor is not None:
        query = query.where(Resync.id < int(cursor))
    rows = list(await session.scalars(query.order_by(Resync.id.desc()).limit(limit + 1)))
    return listing(rows, limit, [_json(resync) for resync in rows])


@router.get("/{resync_id}", response_model=ResyncOut)
async def show(row: IntegrationDep, resync_id: RowId, session: Session) -> Any:
    """Mostra uma carga."""
    resync = await session.get(Resync, resync_id)
    if resync is None or resync.integration_id != row.id:
        raise missing("Esta carga não existe nesta integração.")
    return _json(resync)


def _json(resync: Resync) -> dict[str, Any]:
    return {name: getattr(resync, name) for name in ResyncOut.model_fields}

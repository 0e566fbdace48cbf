"""`/integrations/{id}/resyncs`: passes over whole entities; the first load of an activation is one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import read_session, require
from app.api.rest.common import Body, Cursor, IntegrationDep, Limit, Listing, PartsDep, RowId, listing
from app.core.ports import Entity
from app.sync.models import Resync
from app.sync.passes.resyncs import ENDED, Resyncs, as_json, shown

router = APIRouter(
    prefix="/integrations/{integration_id}/resyncs", tags=["cargas"], dependencies=[Depends(require("read"))]
)

Ops = Depends(require("ops"))
Session = Annotated[AsyncSession, Depends(read_session)]
STREAM_SECONDS = 1.0
"""How often a stream looks."""
SILENT_LOOKS = 15
"""Looks without news after which a stream says that it lives."""


class ResyncOut(BaseModel):
    """A pass: its plan, how far it is, and what it used."""

    id: int
    state: str
    reason: str
    dry_run: bool
    start: str
    force: bool
    entities: list[str]
    plan: dict[str, Any]
    progress: dict[str, Any]
    written: dict[str, Any]
    requests_used: dict[str, Any]
    resumes_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ResyncIn(Body):
    """What to pass over, and when. `start` "now" outside the window needs `force`."""

    entities: list[Entity] | None = None
    dry_run: bool = False
    start: Literal["window", "now"] = "window"
    force: bool = False


class Resume(Body):
    """Whether to go on outside the window."""

    force: bool = False


@router.get("", response_model=Listing[ResyncOut])
async def index(
    row: IntegrationDep, session: Session, ponte: PartsDep, cursor: Cursor = None, limit: Limit = 50
) -> Any:
    """Lista as cargas, da mais nova para a mais antiga."""
    query = select(Resync).where(Resync.integration_id == row.id)
    if cursor is not None:
        query = query.where(Resync.id < int(cursor))
    rows = list(await session.scalars(query.order_by(Resync.id.desc()).limit(limit + 1)))
    return listing(rows, limit, [await shown(session, resync, ponte.clock.time()) for resync in rows[:limit]])


@router.post("", status_code=202, response_model=ResyncOut, dependencies=[Ops])
async def create(row: IntegrationDep, ponte: PartsDep, body: ResyncIn | None = None) -> Any:
    """Pede uma carga completa, ou só o plano dela (`dry_run`)."""
    wanted = body or ResyncIn()
    entities = None if wanted.entities is None else [each.value for each in wanted.entities]
    return as_json(
        await ponte.resyncs.request(
            row.id, entities=entities, dry_run=wanted.dry_run, start=wanted.start, force=wanted.force
        )
    )


@router.get("/{resync_id}", response_model=ResyncOut)
async def show(row: IntegrationDep, resync_id: RowId, ponte: PartsDep) -> Any:
    """Mostra uma carga."""
    return await ponte.resyncs.look(row.id, resync_id)


@router.post("/{resync_id}/pause", status_code=202, response_model=ResyncOut, dependencies=[Ops])
async def pause(row: IntegrationDep, resync_id: RowId, ponte: PartsDep) -> Any:
    """Pausa uma carga."""
    return as_json(await ponte.resyncs.pause(row.id, resync_id))


@router.post("/{resync_id}/resume", status_code=202, response_model=ResyncOut, dependencies=[Ops])
async def resume(row: IntegrationDep, resync_id: RowId, ponte: PartsDep, body: Resume | None = None) -> Any:
    """Retoma uma carga pausada, ou executa o plano de um ensaio."""
    return as_json(await ponte.resyncs.resume(row.id, resync_id, force=body is not None and body.force))


@router.post("/{resync_id}/cancel", status_code=202, response_model=ResyncOut, dependencies=[Ops])
async def cancel(row: IntegrationDep, resync_id: RowId, ponte: PartsDep) -> Any:
    """Cancela uma carga."""
    return as_json(await ponte.resyncs.cancel(row.id, resync_id))


@router.get(
    "/{resync_id}/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Eventos `progress` até o fim da carga."}},
)
async def stream(row: IntegrationDep, resync_id: RowId, ponte: PartsDep) -> StreamingResponse:
    """Acompanha uma carga por eventos do servidor (SSE)."""
    await ponte.resyncs.get(row.id, resync_id)  # 404 before the stream begins
    return StreamingResponse(
        _events(ponte.resyncs, row.id, resync_id),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(resyncs: Resyncs, integration_id: int, resync_id: int) -> AsyncIterator[str]:
    """One `progress` event at once and at every change, a comment when nothing changes, `end` at the end."""
    before, silent = "", 0
    while True:
        resync = await resyncs.look(integration_id, resync_id)
        text = ResyncOut.model_validate(resync).model_dump_json()
        if text != before:
            before, silent = text, 0
            yield f"event: progress\ndata: {text}\n\n"
        elif silent >= SILENT_LOOKS:
            silent = 0
            yield ": -\n\n"
        if resync["state"] in (*ENDED, "planned"):
            yield f"event: end\ndata: {text}\n\n"
            return
        silent += 1
        await asyncio.sleep(STREAM_SECONDS)

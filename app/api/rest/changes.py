"""`/integrations/{id}/changes`: what was written, where, why, before and after; JSON, CSV or JSON Lines by `Accept`."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import Select, select

from app.api.deps import require
from app.api.rest.common import Cursor, IntegrationDep, Limit, Listing, Parts, PartsDep, listing
from app.core.ports import Entity, Vendor
from app.sync.desk import sheets
from app.sync.models import Change

router = APIRouter(prefix="/integrations/{integration_id}/changes", tags=["histórico"])

COLUMNS = (
    "id",
    "at",
    "entity",
    "vendor",
    "external_id",
    "action",
    "before",
    "after",
    "lost",
    "notes",
    "cause",
    "config_version",
    "link_id",
    "event_id",
)
BATCH = 500
CSV, JSON_LINES = "text/csv", "application/x-ndjson"


class ChangeOut(BaseModel):
    """A finished write."""

    id: int
    at: datetime
    entity: str
    vendor: str
    external_id: str | None
    action: str
    before: dict[str, Any]
    after: dict[str, Any]
    lost: dict[str, Any]
    notes: list[Any]
    cause: str
    config_version: int
    link_id: int | None
    event_id: int | None


@router.get(
    "",
    response_model=Listing[ChangeOut],
    dependencies=[Depends(require("read"))],
    responses={200: {"content": {CSV: {}, JSON_LINES: {}}}},
)
async def index(
    row: IntegrationDep,
    ponte: PartsDep,
    accept: Annotated[str, Header(include_in_schema=False)] = "*/*",
    entity: Entity | None = None,
    vendor: Vendor | None = None,
    external_id: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_.\-]{1,40}$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Any:
    """Lista as mudanças, da mais nova para a mais antiga. Em CSV e JSON Lines vem tudo, sem páginas."""
    query = select(Change).where(Change.integration_id == row.id)
    for column, value in ((Change.entity, entity), (Change.vendor, vendor), (Change.external_id, external_id)):
        if value is not None:
            query = query.where(column == str(value))
    wanted = accept.lower()
    if CSV in wanted:
        return _stream(_export(ponte, query, _csv_line, header=sheets.line(COLUMNS)), CSV, "mudancas.csv")
    if JSON_LINES in wanted or "application/jsonl" in wanted:
        return _stream(_export(ponte, query, _json_line), JSON_LINES, "mudancas.jsonl")
    if cursor is not None:
        query = query.where(Change.id < int(cursor))
    async with ponte.db.read() as session:
        rows = list(await session.scalars(query.order_by(Change.id.desc()).limit(limit + 1)))
    return listing(rows, limit, [_json(change) for change in rows])


async def _export(
    ponte: Parts, query: Select[Change], line: Callable[[Change], str], header: str = ""
) -> AsyncIterator[str]:
    """Every row, newest first, read in batches that hold no session while the client is slow."""
    if header:
        yield header
    last: int | None = None
    while True:
        page = query if last is None else query.where(Change.id < last)
        async with ponte.db.read() as session:
            rows = list(await session.scalars(page.order_by(Change.id.desc()).limit(BATCH)))
        if not rows:
            return
        yield "".join(line(change) for change in rows)
        last = rows[-1].id


def _stream(lines: AsyncIterator[str], media_type: str, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type=media_type, headers=headers)


def _json(change: Change) -> dict[str, Any]:
    return {name: getattr(change, name) for name in COLUMNS}


def _json_line(change: Change) -> str:
    return json.dumps(_json(change), ensure_ascii=False, default=_text) + "\n"


def _csv_line(change: Change) -> str:
    return sheets.line([_cell(value) for value in _json(change).values()])


def _cell(value: Any) -> str:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, default=_text)
    return "" if value is None else _text(value)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

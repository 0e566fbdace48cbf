"""`/integrations/{id}/certificates`: signed reports that both systems agree; asking for one starts a reconcile."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import read_session, require
from app.api.rest.common import Body, Cursor, IntegrationDep, Limit, Listing, PartsDep, RowId, listing
from app.api.rest.resyncs import ResyncOut
from app.core.errors import UserError
from app.sync.passes.models import RECONCILE, Certificate
from app.sync.passes.resyncs import as_json

router = APIRouter(
    prefix="/integrations/{integration_id}/certificates", tags=["certificados"], dependencies=[Depends(require("read"))]
)

Session = Annotated[AsyncSession, Depends(read_session)]


class CertificateOut(BaseModel):
    """A report: whether it found both systems equal, and the pass that made it."""

    id: int
    resync_id: int
    clean: bool
    created_at: datetime


class ReconcileIn(Body):
    """When to reconcile; outside the window "now" needs `force`."""

    start: Literal["window", "now"] = "window"
    force: bool = False


@router.get("", response_model=Listing[CertificateOut])
async def index(row: IntegrationDep, session: Session, cursor: Cursor = None, limit: Limit = 50) -> Any:
    """Lista os certificados, do mais novo para o mais antigo."""
    query = select(Certificate).where(Certificate.integration_id == row.id)
    if cursor is not None:
        query = query.where(Certificate.id < int(cursor))
    rows = list(await session.scalars(query.order_by(Certificate.id.desc()).limit(limit + 1)))
    shown = [{name: getattr(each, name) for name in CertificateOut.model_fields} for each in rows]
    return listing(rows, limit, shown)


@router.post("", status_code=202, response_model=ResyncOut, dependencies=[Depends(require("ops"))])
async def create(row: IntegrationDep, ponte: PartsDep, body: ReconcileIn | None = None) -> Any:
    """Pede uma conferência completa, que termina em um certificado."""
    wanted = body or ReconcileIn()
    return as_json(await ponte.resyncs.request(row.id, start=wanted.start, force=wanted.force, reason=RECONCILE))


@router.get(
    "/{certificate_id}",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}, "description": "O certificado assinado, para guardar."}},
)
async def download(row: IntegrationDep, certificate_id: RowId, session: Session) -> Response:
    """Baixa um certificado assinado."""
    found = await session.get(Certificate, certificate_id)
    if found is None or found.integration_id != row.id:
        raise UserError(HTTPStatus.NOT_FOUND, "Não encontrado", "Este certificado não existe nesta integração.")
    name = f"ponte-certificado-{row.id}-{found.id}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(found.document, media_type="application/json", headers=headers)

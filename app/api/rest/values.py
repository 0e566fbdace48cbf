"""`/integrations/{id}/values/{entity}`: mapped values of an entity, out and in as a table (F109)."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query
from fastapi.responses import StreamingResponse

from app.api.deps import require
from app.api.rest.common import EntityName, IntegrationDep, PartsDep
from app.sync.desk.sheets import decoded

CSV = "text/csv"

router = APIRouter(prefix="/integrations/{integration_id}/values", tags=["mapeamento"])


@router.get("/{entity}", dependencies=[Depends(require("read"))], responses={200: {"content": {CSV: {}}}})
async def export(row: IntegrationDep, entity: EntityName, ponte: PartsDep) -> StreamingResponse:
    """Os valores mapeados de todos os registros vinculados, em CSV. Os números têm vírgula decimal."""
    await ponte.value_tables.columns(row.id, entity.value)
    headers = {"Content-Disposition": f'attachment; filename="valores-{entity.value}.csv"'}
    return StreamingResponse(ponte.value_tables.export(row.id, entity.value), media_type=CSV, headers=headers)


@router.post("/{entity}/import", dependencies=[Depends(require("admin"))])
async def take_in(
    row: IntegrationDep,
    entity: EntityName,
    ponte: PartsDep,
    table: Annotated[bytes, Body(media_type=CSV, max_length=5_000_000)],
    dry_run: Annotated[bool, Query()] = False,
) -> dict[str, Any]:
    """Grava no Ploomes os valores de um CSV (UTF-8 ou Windows-1252). Um campo de opções recebe o código do Omie ou o
    nome da opção; um número, a escrita brasileira (`1.500,50`) ou um ponto decimal que não se confunda com milhar:
    `1.500` é recusado. Uma célula igual à que seria exportada agora não muda nada, também a de um campo que só vem do
    Omie. Com qualquer linha errada nada é gravado, e cada erro é indicado com linha e coluna."""
    return await ponte.value_tables.take_in(row, entity.value, decoded(table), dry_run=dry_run)

"""`/integrations/{id}/stock`: the stock of all products is read again when a person asks (F145)."""

from typing import Any

from fastapi import APIRouter, Depends

from app.api.deps import require
from app.api.rest.common import IntegrationDep, PartsDep
from app.api.rest.resyncs import ResyncOut
from app.sync.passes.resyncs import as_json

router = APIRouter(prefix="/integrations/{integration_id}/stock", tags=["estoque"])


@router.post("/refresh", status_code=202, response_model=ResyncOut, dependencies=[Depends(require("ops"))])
async def refresh(row: IntegrationDep, ponte: PartsDep) -> Any:
    """Lê o estoque de todos os produtos e atualiza no Ploomes o que mudou; o andamento está nas cargas.

    `plan.requests` diz as requisições da leitura; as de cada produto que mudou se somam conforme são encontrados.
    """
    return as_json(await ponte.stock_refresh.request(row.id))

"""`/integrations/{id}/catalog/{kind}`: the codes a configuration may name."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict

from app.api.deps import require
from app.api.rest.common import IntegrationDep, PartsDep
from app.sync.setup.pickers import KINDS

router = APIRouter(tags=["listas de códigos"], dependencies=[Depends(require("read"))])

KindName = Annotated[str, Path(pattern=r"^[a-z_]{1,40}$", description=f"uma de: {', '.join(KINDS)}")]


class Item(BaseModel):
    """One code; some lists tell more than this."""

    model_config = ConfigDict(extra="allow")
    code: str
    name: str
    active: bool


class KindOut(BaseModel):
    """One list there is."""

    kind: str
    label: str
    vendor: str


@router.get("/catalog", response_model=list[KindOut])
async def kinds() -> Any:
    """Mostra quais listas de códigos existem."""
    return [{"kind": name, "label": kind.label, "vendor": kind.vendor.value} for name, kind in KINDS.items()]


@router.get("/integrations/{integration_id}/catalog/{kind}", response_model=list[Item])
async def pick(
    row: IntegrationDep,
    kind: KindName,
    ponte: PartsDep,
    response: Response,
    refresh: Annotated[bool, Query(description="lê de novo no sistema de origem, se o intervalo permitir")] = False,
) -> Any:
    """Lista os códigos de um tipo. O cabeçalho `X-Read-At` diz quando foram lidos; códigos inativos vêm marcados."""
    picked = await ponte.pickers.pick(row, kind, refresh=refresh)
    response.headers["X-Read-At"] = picked.read_at.isoformat()
    if picked.warning:
        response.headers["Warning"] = f'110 - "{picked.warning.encode("ascii", "ignore").decode()}"'
    return picked.items

"""`/integrations/{id}/sellers`: Omie's sellers beside Ploomes' users."""

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from app.api.deps import require
from app.api.rest.common import IntegrationDep, PartsDep

router = APIRouter(prefix="/integrations/{integration_id}/sellers", tags=["vendedores"])


class PersonOut(BaseModel):
    """A seller of Omie or a user of Ploomes."""

    code: str
    name: str
    email: str | None
    active: bool


class PairOut(BaseModel):
    """The same person on both sides; `by` tells who says so: an e-mail or a pair made by hand."""

    omie: PersonOut
    ploomes: PersonOut
    by: str


class SellersOut(BaseModel):
    """Everybody known."""

    pairs: list[PairOut]
    sellers_without_user: list[PersonOut]
    users_without_seller: list[PersonOut]
    default_seller: str | None


@router.get("", response_model=SellersOut, dependencies=[Depends(require("read"))])
async def overview(row: IntegrationDep, ponte: PartsDep) -> Any:
    """Mostra quem está pareado, por e-mail ou à mão, e quem está sem par. Pares à mão ficam em `sellers.pairs`."""
    return await ponte.people.overview(row.id)

"""`/integrations`: create, list, change, test, activate, pause, remove."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from app.api.deps import Caller, require
from app.api.rest.common import Body, Cursor, IntegrationDep, IntegrationId, Limit, Listing, PartsDep
from app.sync.setup.credentials import Credentials

router = APIRouter(tags=["integrações"])

Admin = Annotated[Caller, Depends(require("admin"))]
Read = Depends(require("read"))


class OmieCredentials(Body):
    """App Key and App Secret of the Omie app."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)
    app_key: str = ""
    app_secret: str = ""


class PloomesCredentials(Body):
    """User-Key of the integration user."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)
    user_key: str = ""


class NewIntegration(Body):
    """What a new integration needs; blank credentials are refused by name."""

    name: str = ""
    omie: OmieCredentials = OmieCredentials()
    ploomes: PloomesCredentials = PloomesCredentials()


class OmieRotation(Body):
    """New credentials of Omie; what is left out stays."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)
    app_key: str | None = None
    app_secret: str | None = None


class PloomesRotation(Body):
    """A new User-Key."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)
    user_key: str | None = None


class IntegrationChange(Body):
    """A new name or new credentials; what is left out stays."""

    name: str | None = None
    omie: OmieRotation = OmieRotation()
    ploomes: PloomesRotation = PloomesRotation()


class Activation(Body):
    """When the first load writes: in the off-hours window, or now."""

    start: Literal["window", "now"] = "window"


class OmieOut(BaseModel):
    """The Omie app; its secret never comes back."""

    app_key: str


class PloomesOut(BaseModel):
    """The Ploomes account, known after the first activation."""

    account_id: str | None
    user_id: str | None


class WebhookUrls(BaseModel):
    """Where each vendor posts."""

    omie: str
    ploomes: str


class IntegrationOut(BaseModel):
    """One Omie app and one Ploomes account."""

    id: int
    name: str
    state: str
    state_reason: str | None
    omie: OmieOut
    ploomes: PloomesOut
    webhook_urls: WebhookUrls
    config_version: int
    created_at: datetime
    activated_at: datetime | None
    last_omie_post_at: datetime | None
    last_ploomes_post_at: datetime | None
    warnings: list[str]


class CheckOut(BaseModel):
    """One answer of the test."""

    name: str
    ok: bool
    detail: str
    fix: str | None
    blocking: bool


class TestResult(BaseModel):
    """All answers; `ok` when every one is well."""

    ok: bool
    checks: list[CheckOut]


@router.post("/integrations", status_code=201, response_model=IntegrationOut)
async def create(body: NewIntegration, ponte: PartsDep, caller: Admin) -> Any:
    """Cria uma integração. Os segredos nunca são devolvidos."""
    credentials = Credentials(body.omie.app_key, body.omie.app_secret, body.ploomes.user_key)
    return await ponte.integrations.create(body.name, credentials, author=caller.name)


@router.get("/integrations", response_model=Listing[IntegrationOut], dependencies=[Read])
async def index(ponte: PartsDep, cursor: Cursor = None, limit: Limit = 50) -> Any:
    """Lista as integrações."""
    rows = await ponte.integrations.page(min(int(cursor or 0), 2**31 - 1), limit + 1)
    return {"items": rows[:limit], "next": str(rows[limit - 1]["id"]) if len(rows) > limit else None}


@router.get("/integrations/{integration_id}", response_model=IntegrationOut, dependencies=[Read])
async def show(row: IntegrationDep, ponte: PartsDep) -> Any:
    """Mostra uma integração."""
    return ponte.integrations.as_json(row)


@router.patch("/integrations/{integration_id}", response_model=IntegrationOut)
async def change(integration_id: IntegrationId, body: IntegrationChange, ponte: PartsDep, caller: Admin) -> Any:
    """Muda o nome ou troca as credenciais, sem perder o estado."""
    credentials = Credentials(body.omie.app_key, body.omie.app_secret, body.ploomes.user_key)
    return await ponte.integrations.change(integration_id, name=body.name, credentials=credentials)


@router.delete("/integrations/{integration_id}", status_code=204)
async def remove(integration_id: IntegrationId, ponte: PartsDep, caller: Admin) -> None:
    """Remove uma integração: nada mais dela é processado."""
    await ponte.integrations.remove(integration_id)


@router.post("/integrations/{integration_id}/test", response_model=TestResult, dependencies=[Depends(require("ops"))])
async def test(integration_id: IntegrationId, ponte: PartsDep) -> Any:
    """Confere credenciais, módulos, permissões, famílias e contas, sem mudar nada."""
    ok, checks = await ponte.integrations.test(integration_id)
    return {"ok": ok, "checks": [check.as_json() for check in checks]}


@router.post("/integrations/{integration_id}/activate", response_model=IntegrationOut)
async def activate(
    integration_id: IntegrationId, ponte: PartsDep, caller: Admin, body: Activation | None = None
) -> Any:
    """Ativa: confere, prepara o Ploomes e agenda a primeira carga. Repetir conserta o que faltar."""
    return await ponte.integrations.activate(integration_id, start=(body or Activation()).start)


@router.post("/integrations/{integration_id}/deactivate", response_model=IntegrationOut)
async def deactivate(integration_id: IntegrationId, ponte: PartsDep, caller: Admin) -> Any:
    """Pausa: os webhooks ficam guardados até a reativação."""
    return await ponte.integrations.deactivate(integration_id)

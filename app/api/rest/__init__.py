"""The REST interface, `/api/v1` (contract section 4): one module per resource."""

from fastapi import APIRouter

from app.api.rest import (
    catalog,
    certificates,
    changes,
    config,
    events,
    guide,
    integrations,
    issues,
    links,
    records,
    resyncs,
    sellers,
    stock,
    values,
)

router = APIRouter(prefix="/api/v1")
for _module in (
    integrations,
    guide,
    config,
    catalog,
    sellers,
    links,
    events,
    records,
    issues,
    changes,
    resyncs,
    certificates,
    stock,
    values,
):
    router.include_router(_module.router)

__all__ = ["router"]

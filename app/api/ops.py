"""Health and metrics: no token, no secret, nothing of any integration."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.deps import Container, container
from app.core import metrics, migrate

router = APIRouter(tags=["operação"])
CHECK_SECONDS = 3.0
"""A part that takes longer than this to answer is not ready."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that must work, and what is the matter when it does not (Portuguese)."""

    name: str
    ok: bool
    detail: str


@router.get("/health/live", description="Diz se o processo responde.")
async def live() -> dict[str, str]:
    """For restarts: says nothing about the parts around the process."""
    return {"status": "ok"}


@router.get(
    "/health/ready",
    description="Confere as partes que precisam funcionar, uma a uma. 503 diz qual não está pronta.",
)
async def ready(request: Request) -> Response:
    """200 when every part works, else 503 naming the one that does not. Webhooks need the database only: do not
    take the door out of service because a worker lags."""
    parts = await asyncio.gather(*(_checked(name, check, container(request)) for name, check in PARTS.items()))
    ok = all(part.ok for part in parts)
    body = {"ready": ok, "parts": [asdict(part) for part in parts]}
    content = json.dumps(body, ensure_ascii=False).encode()
    return Response(content, 200 if ok else 503, {"Cache-Control": "no-store"}, "application/json")


@router.get("/metrics", include_in_schema=False)
async def exposed() -> Response:
    """What this process counted."""
    return Response(metrics.expose(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _checked(name: str, check: Callable[[Container], Awaitable[str | None]], ponte: Container) -> Part:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            trouble = await check(ponte)
    except Exception as problem:
        trouble = f"sem resposta ({type(problem).__name__})"
    return Part(name, trouble is None, trouble or "ok")


async def _database(ponte: Container) -> str | None:
    await ponte.db.ping()
    return None


async def _migrations(ponte: Container) -> str | None:
    return "há migrações por aplicar; rode ponte migrate" if await migrate.pending(ponte.db) else None


async def _queue(ponte: Container) -> str | None:
    return None if await ponte.queue.healthy() else "o Redis não responde"


async def _events(ponte: Container) -> str | None:
    overdue = (await ponte.inbox.summary())["live"].overdue
    if overdue <= ponte.settings.ready_lag_seconds:
        return None
    return f"o evento não processado mais antigo está vencido há {overdue:.0f} s; há um worker rodando?"


PARTS: Mapping[str, Callable[[Container], Awaitable[str | None]]] = {
    "database": _database,
    "migrations": _migrations,
    "queue": _queue,
    "events": _events,
}

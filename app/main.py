"""Door 1, the web process: webhooks, REST, health and metrics around one container."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import structlog
from fastapi import FastAPI
from prometheus_client import Counter
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import openapi, ops, problems, reference, webhooks
from app.api.deps import Container
from app.core import metrics
from app.core.log import get_logger
from app.worker import Workshop

_log = get_logger(__name__)
_plain_log = logging.getLogger(__name__)

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
CONTENT_POLICY = b"default-src 'none'; frame-ancestors 'none'"
"""For answers that are data; pages bring their own."""
REST_BODY_BYTES = 10_000_000
"""Room for a table of values or links of a whole account."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Counted by name; a stranger may send any other word."""


class Ponte(Container, Workshop, Protocol):
    """The container, which also works events when asked to."""


def create_app(ponte: Ponte, *, with_worker: bool = False) -> FastAPI:
    """The ASGI application over `ponte`, which lives as long as the application does.

    `with_worker` also works events in this process (`ponte serve`).
    """
    app = FastAPI(
        title="Ponte Omie–Ploomes",
        description="Mantém o ERP Omie e o CRM Ploomes iguais. Erros seguem a RFC 9457.",
        version="0.1.0",
        lifespan=_lifespan(ponte, with_worker),
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.ponte = ponte
    problems.install(app)
    app.include_router(ops.router)
    app.include_router(reference.router)
    if find_spec("app.api.rest") is not None:
        app.include_router(import_module("app.api.rest").router)
    _speak_portuguese(app)
    app.add_middleware(Measured)
    app.add_middleware(webhooks.Doors)
    app.add_middleware(Shell)
    return app


def _speak_portuguese(app: FastAPI) -> None:
    """The interface's document is made once, when it is first asked for."""
    made = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = openapi.portuguese(made())
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


class Measured:
    """Around REST: a body that is too large is refused while it comes, before anybody has asked who sends it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry; answers 413 through the handlers of `problems`."""
        size = 0

        async def measured() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > REST_BODY_BYTES:
                raise HTTPException(413, headers={"Connection": "close"})
            return message

        await self._app(scope, measured if scope["type"] == "http" else receive, send)


class Shell:
    """Around every request: a request id, security headers, a count, and 500 without a stack trace."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, request_id = time.perf_counter(), 0, secrets.token_hex(8)
        # a request has a task and so a context of its own: nothing to take back at its end
        structlog.contextvars.bind_contextvars(request_id=request_id)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_security(message.get("headers", ()), request_id)
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception:
            _log.exception("request failed", method=scope["method"], path=_safe_path(scope))
            if status:
                raise
            await problems.problem(500)(scope, receive, answer)
        _counter(scope["method"], status).inc()
        if _plain_log.isEnabledFor(logging.DEBUG):
            took = round((time.perf_counter() - started) * 1000, 1)
            _log.debug("request", method=scope["method"], path=_safe_path(scope), status=status, ms=took)


def _with_security(given: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    headers = [*given, *SECURITY_HEADERS, (b"x-request-id", request_id.encode())]
    if all(name.lower() != b"content-security-policy" for name, _ in headers):
        headers.append((b"content-security-policy", CONTENT_POLICY))
    return headers


@lru_cache(maxsize=256)
def _counter(method: str, status: int) -> Counter:
    return metrics.HTTP_REQUESTS.labels(method if method in METHODS else "other", str(status))


def _safe_path(scope: Scope) -> str:
    """The path without a webhook's token."""
    parts = str(scope["path"]).split("/")
    return "/".join([*parts[:3], "***"]) if parts[1:2] == ["webhooks"] else "/".join(parts)


def _lifespan(ponte: Ponte, with_worker: bool) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        work = asyncio.create_task(ponte.work(stop)) if with_worker else None
        if work is not None:
            work.add_done_callback(_say_why)
        try:
            yield
        finally:
            stop.set()
            if work is not None:
                await asyncio.gather(work, return_exceptions=True)
            await ponte.close()

    return life


def _say_why(work: asyncio.Task[None]) -> None:
    if not work.cancelled() and (error := work.exception()) is not None:
        _log.critical("the worker half of this process died", exc_info=error)

"""Door 1, the web process: webhooks, REST, health and metrics around one container."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import ops, problems, webhooks
from app.api.deps import Container
from app.core import metrics
from app.core.log import correlation, get_logger
from app.worker import Workshop

_log = get_logger(__name__)

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
CONTENT_POLICY = b"default-src 'none'; frame-ancestors 'none'"
"""For answers that are data. Pages (the API's docs, the panel) bring their own."""
DOCS = ("/docs", "/redoc")


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
        docs_url="/docs",
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.ponte = ponte
    problems.install(app)
    app.router.routes.extend(webhooks.routes())
    app.include_router(ops.router)
    if find_spec("app.api.rest") is not None:
        app.include_router(import_module("app.api.rest").router)
    app.add_middleware(Shell)
    return app


class Shell:
    """Around every request: a request id, security headers, one log line, and 500 without a stack trace."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answered = _Answer(scope["path"], send)
        started = time.perf_counter()
        with correlation(request_id=answered.request_id):
            try:
                await self._app(scope, receive, answered.send)
            except Exception:
                _log.exception("request failed", method=scope["method"], path=_safe_path(scope))
                if answered.status:
                    raise
                await problems.problem(500)(scope, receive, answered.send)
            took = (time.perf_counter() - started) * 1000
            _log.debug(
                "request", method=scope["method"], path=_safe_path(scope), status=answered.status, ms=round(took, 1)
            )
        metrics.HTTP_REQUESTS.labels(scope["method"], str(answered.status)).inc()


class _Answer:
    """Adds headers to an answer under way and remembers its status."""

    def __init__(self, path: str, send: Send) -> None:
        self._path = path
        self._send = send
        self.status = 0
        self.request_id = uuid.uuid4().hex[:16]

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._add_headers(message)
        await self._send(message)

    def _add_headers(self, message: MutableMapping[str, Any]) -> None:
        headers = [*message.get("headers", ()), *SECURITY_HEADERS, (b"x-request-id", self.request_id.encode())]
        own_policy = any(name.lower() == b"content-security-policy" for name, _ in headers)
        if not own_policy and not self._path.startswith(DOCS):
            headers.append((b"content-security-policy", CONTENT_POLICY))
        message["headers"] = headers


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

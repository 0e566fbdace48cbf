"""The door for vendors: who is it, is it genuine, store it, commit, answer (contract section 3, ADR 0001).

It stands before the framework's router: nothing lies between the socket and the inbox that a webhook does not need.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from types import ModuleType
from typing import cast

from prometheus_client import Counter
from sqlalchemy import case, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.deps import Container
from app.api.problems import RETRY_SECONDS, problem
from app.core import metrics
from app.core.errors import Unavailable
from app.core.log import get_logger
from app.core.ports import JsonObject, Vendor
from app.core.vault import hash_token
from app.omie import webhooks as omie
from app.ploomes import webhooks as ploomes
from app.sync.models import Integration, IntegrationState

KNOWN_SECONDS = 2.0
"""How long a token's integration is remembered: the longest a rotated token still works."""
KNOWN_TOKENS = 5_000
DROPPED_BYTES = 16_000_000
"""How much of a body that is too large is read to let its sender hear the refusal."""
STAMP = timedelta(seconds=30)
"""`last_..._post_at` moves at most this often."""

_log = get_logger(__name__)


@dataclass(slots=True)
class _Sender:
    """What the door must know of an integration to judge its posts."""

    id: int
    secret: str
    """Omie: the app key. Ploomes: the validation key."""
    awaiting: bool
    stamp_due: float
    """Epoch seconds from which a genuine post moves the stamp again."""


class _TooLarge(Exception):
    pass


class Door:
    """One vendor's webhook address."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self._words: ModuleType = omie if vendor is Vendor.OMIE else ploomes
        self._seconds = metrics.WEBHOOK_SECONDS.labels(vendor.value)
        self._known: dict[str, tuple[float, _Sender | None]] = {}
        self._asking: dict[str, asyncio.Task[_Sender | None]] = {}

    async def answer(self, request: Request, token: str) -> Response:
        """POST brings a notice; with GET and HEAD vendors and people check that somebody lives here (Omie
        reference 4.1)."""
        if request.method == "POST":
            return await self._timed(request, token)
        if request.method in ("GET", "HEAD"):
            return _json({"status": "ok"})
        return problem(405, headers={"Allow": "GET, HEAD, POST"})

    async def _timed(self, request: Request, token: str) -> Response:
        started = time.perf_counter()
        try:
            outcome, response = await self._take(request, token)
        except (Unavailable, SQLAlchemyError, OSError, TimeoutError) as away:
            _log.error("webhook not stored", vendor=self.vendor.value, problem=type(away).__name__)
            outcome, response = "unavailable", problem(503, headers={"Retry-After": RETRY_SECONDS})
        _counter(self.vendor.value, outcome).inc()
        if outcome == "accepted":
            self._seconds.observe(time.perf_counter() - started)
        return response

    async def _take(self, request: Request, token: str) -> tuple[str, Response]:
        ponte = cast(Container, request.app.state.ponte)
        limit = ponte.settings.body_limit_bytes
        if _announced(request) > limit:
            await _drop(request, ponte.settings.body_seconds)
            return "too_large", _closing(413)
        sender = await self._sender(ponte, token)
        if sender is None:
            return "unknown", _closing(404)
        if self.vendor is Vendor.PLOOMES and not ploomes.authentic(request.headers, sender.secret):
            return "refused", _closing(401, "A chave de validação não confere.")
        try:
            async with asyncio.timeout(ponte.settings.body_seconds):
                raw = await _read(request, limit)
        except _TooLarge:
            return "too_large", _closing(413)
        except TimeoutError:
            return "slow", _closing(408)
        except ClientDisconnect:
            return "gone", Response(status_code=400)
        return await self._judge(ponte, sender, raw)

    async def _judge(self, ponte: Container, sender: _Sender, raw: bytes) -> tuple[str, Response]:
        body: JsonObject | None = self._words.decode(raw)
        if self.vendor is Vendor.OMIE and not omie.authentic(body, sender.secret):
            return "refused", problem(401, "A chave do aplicativo (appKey) não é a desta integração.")
        await self._heard(ponte, sender)
        if self._words.is_ping(body):
            return "ping", _json({"status": "ok", "ping": "success"})
        notice = self._words.parse(raw, body)
        stored = await ponte.inbox.store(sender.id, notice, raw.decode("utf-8", "replace"))
        return stored.status, _json({"status": stored.status, "id": stored.id})

    async def _sender(self, ponte: Container, token: str) -> _Sender | None:
        key, now = hash_token(token), time.monotonic()
        until, sender = self._known.get(key, (0.0, None))
        if now < until:
            return sender
        asked = self._asking.get(key)
        if asked is None:  # one look-up, however many requests wait for it
            asked = self._asking[key] = asyncio.create_task(self._look_up(ponte, key, sender))
            asked.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(asked)

    async def _look_up(self, ponte: Container, key: str, before: _Sender | None) -> _Sender | None:
        found = await self._find(ponte, key)
        if found is not None and before is not None:
            found.stamp_due = max(found.stamp_due, before.stamp_due)
        if len(self._known) >= KNOWN_TOKENS:  # somebody is guessing; forgetting costs one look-up each
            self._known.clear()
        self._known[key] = (time.monotonic() + KNOWN_SECONDS, found)
        return found

    async def _find(self, ponte: Container, key: str) -> _Sender | None:
        is_omie = self.vendor is Vendor.OMIE
        column = Integration.omie_token_hash if is_omie else Integration.ploomes_token_hash
        async with ponte.db.read() as session:
            row = (
                await session.execute(select(Integration).where(column == key, Integration.deleted_at.is_(None)))
            ).scalar_one_or_none()
        if row is None:
            return None
        last = row.last_omie_post_at if is_omie else row.last_ploomes_post_at
        return _Sender(
            id=row.id,
            secret=row.omie_app_key if is_omie else ponte.vault.decrypt(row.validation_key),
            awaiting=is_omie and row.state == IntegrationState.AWAITING_FIRST_WEBHOOK,
            stamp_due=(last + STAMP).timestamp() if last else 0.0,
        )

    async def _heard(self, ponte: Container, sender: _Sender) -> None:
        """Stamps that this vendor reaches us; Omie's first genuine post makes a waiting integration active."""
        now = ponte.clock.now()
        if not sender.awaiting and now.timestamp() < sender.stamp_due:
            return
        sender.awaiting, sender.stamp_due = False, (now + STAMP).timestamp()
        changed = update(Integration).where(Integration.id == sender.id)
        if self.vendor is Vendor.OMIE:
            waiting = Integration.state == IntegrationState.AWAITING_FIRST_WEBHOOK
            changed = changed.values(
                last_omie_post_at=now,
                first_omie_post_at=func.coalesce(Integration.first_omie_post_at, now),
                state=case((waiting, IntegrationState.ACTIVE.value), else_=Integration.state),
            )
        else:
            changed = changed.values(last_ploomes_post_at=now)
        async with ponte.db.transaction() as session:
            await session.execute(changed.execution_options(synchronize_session=False))


class Doors:
    """ASGI middleware: answers `/webhooks/{vendor}/{token}` and hands everything else on.

    `app.state.ponte` must be the container.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._doors = {vendor.value: Door(vendor) for vendor in Vendor}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        room, _, rest = scope["path"][1:].partition("/") if scope["type"] == "http" else ("", "", "")
        vendor, _, token = rest.partition("/")
        door = self._doors.get(vendor) if room == "webhooks" else None
        if door is None or not token or "/" in token:
            await self._app(scope, receive, send)
            return
        answer = await door.answer(Request(scope, receive), token)
        await answer(scope, receive, send)


@cache
def _counter(vendor: str, outcome: str) -> Counter:
    return metrics.WEBHOOKS.labels(vendor, outcome)


def _announced(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


async def _drop(request: Request, seconds: float) -> None:
    """Reads away a body that says it is too large, within bounds: who is still sending when the connection closes
    never sees the answer."""
    size = 0
    with suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > DROPPED_BYTES:
                    return


async def _read(request: Request, limit: int) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _TooLarge
        chunks.append(chunk)
    return b"".join(chunks)


def _closing(status: int, detail: str | None = None) -> Response:
    """A refusal before the whole body is read: the connection cannot be used again."""
    return problem(status, detail, headers={"Connection": "close"})


def _json(body: Mapping[str, object]) -> Response:
    return Response(json.dumps(body).encode(), media_type="application/json")

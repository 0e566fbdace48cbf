"""What endpoints ask for: the container, a session to read with, and a caller with a scope."""

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, Protocol, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.problems import PROBLEMS
from app.core.clock import Clock
from app.core.config import Settings
from app.core.db import Database
from app.core.errors import UserError
from app.core.queue import Queue
from app.core.vault import Vault, hash_token
from app.sync.inbox import Inbox
from app.sync.models import ApiToken

Scope = Literal["read", "ops", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "ops", "admin")
"""Each may do what those before it may."""
USED_STAMP = timedelta(minutes=1)
"""`last_used_at` moves at most this often."""

_bearer = HTTPBearer(auto_error=False, description="Token de API (`ponte token create`) ou ADMIN_TOKEN")


class Container(Protocol):
    """The parts of `app.wiring.Ponte` that the web process itself needs."""

    settings: Settings
    db: Database
    clock: Clock
    vault: Vault
    queue: Queue
    inbox: Inbox


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the token's name, for the history, and its scope."""

    name: str
    scope: Scope


def container(request: Request) -> Container:
    """The container the process was built with."""
    return cast(Container, request.app.state.ponte)


async def read_session(request: Request) -> AsyncIterator[AsyncSession]:
    """A session for looking only."""
    async with container(request).db.read() as session:
        yield session


def require(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """A dependency that lets in callers of at least this scope: 401 without a valid token, 403 with too little."""

    async def check(
        request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Caller:
        caller = await authenticate(container(request), given.credentials if given else "")
        if caller is None:
            raise UserError(401, *PROBLEMS[401])
        if SCOPES.index(caller.scope) < SCOPES.index(scope):
            raise UserError(403, PROBLEMS[403][0], f"Esta operação pede um token com escopo {scope}.")
        return caller

    return check


async def authenticate(ponte: Container, token: str) -> Caller | None:
    """Who a bearer token belongs to; compared by hash, so in constant time."""
    if not token:
        return None
    given, admin = hash_token(token), ponte.settings.admin_token.get_secret_value()
    if admin and hmac.compare_digest(given, hash_token(admin)):
        return Caller("ADMIN_TOKEN", "admin")
    async with ponte.db.read() as session:
        query = select(ApiToken).where(ApiToken.token_hash == given, ApiToken.revoked_at.is_(None))
        row = (await session.execute(query)).scalar_one_or_none()
    if row is None or row.scope not in SCOPES:
        return None
    now = ponte.clock.now()
    if row.last_used_at is None or now - row.last_used_at > USED_STAMP:
        async with ponte.db.transaction() as session:
            await session.execute(update(ApiToken).where(ApiToken.id == row.id).values(last_used_at=now))
    return Caller(row.name, row.scope)

"""Looks over an installation: settings, database, migrations, Redis, secrets, the way to both vendors. Read-only."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import select

from app.core import migrate
from app.core.vault import VaultError
from app.sync.models import Integration
from app.wiring import Ponte

SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


class Amiss(Exception):
    """What was looked at is not well; the text says what to do."""


async def examine(ponte: Ponte) -> list[Finding]:
    """Every finding; a look that fails or hangs is a finding that is not well."""
    return [await _look(name, look(ponte)) for name, look in LOOKS]


async def _look(name: str, answer: Awaitable[str]) -> Finding:
    try:
        async with asyncio.timeout(SECONDS):
            return Finding(name, True, await answer)
    except Amiss as finding:
        return Finding(name, False, str(finding))
    except Exception as error:
        return Finding(name, False, f"{type(error).__name__}: {_short(error)}")


def _short(error: Exception) -> str:
    """The first line of an error; connection errors may quote an address, never a password."""
    return (str(error).splitlines() or [""])[0][:200]


async def _settings(ponte: Ponte) -> str:
    settings = ponte.settings
    return f"environment {settings.environment}, webhooks at {settings.public_url}/webhooks/"


async def _database(ponte: Ponte) -> str:
    await ponte.db.ping()
    return "SQLite answers" if ponte.db.is_sqlite else "PostgreSQL answers"


async def _migrations(ponte: Ponte) -> str:
    if await migrate.pending(ponte.db):
        raise Amiss("the schema is not up to date: run `ponte migrate`")
    return "the schema is up to date"


async def _redis(ponte: Ponte) -> str:
    if not ponte.settings.redis_url:
        return "not used: the queue is embedded (one process, `ponte serve`)"
    if not await ponte.queue.healthy():
        raise Amiss("Redis does not answer at REDIS_URL")
    return "Redis answers"


async def _secrets(ponte: Ponte) -> str:
    if await migrate.pending(ponte.db):
        raise Amiss("not looked at: first run `ponte migrate`")
    async with ponte.db.read() as session:
        rows = (await session.scalars(select(Integration).where(Integration.deleted_at.is_(None)))).all()
    closed = []
    for row in rows:
        try:
            for token in (row.omie_app_secret, row.ploomes_user_key, row.omie_token, row.ploomes_token):
                ponte.vault.decrypt(token)
        except VaultError:
            closed.append(row.id)
    if closed:
        raise Amiss(f"no key of SECRET_KEY opens the secrets of integrations {closed}")
    return f"SECRET_KEY opens the secrets of {len(rows)} integration(s)"


def _reaches(address: Callable[[Ponte], str]) -> Callable[[Ponte], Awaitable[str]]:
    async def look(ponte: Ponte) -> str:
        """A bare connection: no request, so nothing is spent of the vendor's limits."""
        url = urlsplit(address(ponte))
        port = url.port or (443 if url.scheme == "https" else 80)
        _, writer = await asyncio.open_connection(url.hostname, port, ssl=url.scheme == "https" or None)
        writer.close()
        return f"{url.hostname}:{port} can be reached"

    return look


LOOKS: tuple[tuple[str, Callable[[Ponte], Awaitable[str]]], ...] = (
    ("settings", _settings),
    ("database", _database),
    ("migrations", _migrations),
    ("redis", _redis),
    ("secrets", _secrets),
    ("omie", _reaches(lambda ponte: ponte.settings.omie_url)),
    ("ploomes", _reaches(lambda ponte: ponte.settings.ploomes_url)),
)
"""What is looked at, in order."""

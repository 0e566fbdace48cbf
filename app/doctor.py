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
    label: str
    """Its name for people."""
    ok: bool
    detail: str


class Amiss(Exception):
    """What was looked at is not well; the text says what to do."""


async def examine(ponte: Ponte) -> list[Finding]:
    """Every finding; a look that fails or hangs is a finding that is not well."""
    return [await _look(name, label, look(ponte)) for name, label, look in LOOKS]


async def _look(name: str, label: str, answer: Awaitable[str]) -> Finding:
    try:
        async with asyncio.timeout(SECONDS):
            return Finding(name, label, True, await answer)
    except Amiss as finding:
        return Finding(name, label, False, str(finding))
    except Exception as error:
        return Finding(name, label, False, f"{type(error).__name__}: {_short(error)}")


def _short(error: Exception) -> str:
    """The first line of an error; connection errors may quote an address, never a password."""
    return (str(error).splitlines() or [""])[0][:200]


async def _settings(ponte: Ponte) -> str:
    settings = ponte.settings
    return f"ambiente {settings.environment}, webhooks em {settings.public_url}/webhooks/"


async def _database(ponte: Ponte) -> str:
    await ponte.db.ping()
    return "o SQLite responde" if ponte.db.is_sqlite else "o PostgreSQL responde"


async def _migrations(ponte: Ponte) -> str:
    if await migrate.pending(ponte.db):
        raise Amiss("o esquema não está atualizado: rode `ponte migrate`")
    return "o esquema está atualizado"


async def _redis(ponte: Ponte) -> str:
    if not ponte.settings.redis_url:
        return "não usado: a fila é interna (um só processo, `ponte serve`)"
    if not await ponte.queue.healthy():
        raise Amiss("o Redis não responde em REDIS_URL")
    return "o Redis responde"


async def _secrets(ponte: Ponte) -> str:
    if await migrate.pending(ponte.db):
        raise Amiss("não examinado: antes rode `ponte migrate`")
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
        raise Amiss(f"nenhuma chave de SECRET_KEY abre os segredos das integrações {closed}")
    return f"SECRET_KEY abre os segredos de {len(rows)} integração(ões)"


def _reaches(address: Callable[[Ponte], str]) -> Callable[[Ponte], Awaitable[str]]:
    async def look(ponte: Ponte) -> str:
        """A bare connection: no request, so nothing is spent of the vendor's limits."""
        url = urlsplit(address(ponte))
        port = url.port or (443 if url.scheme == "https" else 80)
        _, writer = await asyncio.open_connection(url.hostname, port, ssl=url.scheme == "https" or None)
        writer.close()
        return f"{url.hostname}:{port} responde"

    return look


LOOKS: tuple[tuple[str, str, Callable[[Ponte], Awaitable[str]]], ...] = (
    ("settings", "Ajustes", _settings),
    ("database", "Banco de dados", _database),
    ("migrations", "Migrações", _migrations),
    ("redis", "Redis", _redis),
    ("secrets", "Segredos", _secrets),
    ("omie", "Omie", _reaches(lambda ponte: ponte.settings.omie_url)),
    ("ploomes", "Ploomes", _reaches(lambda ponte: ponte.settings.ploomes_url)),
)
"""What is looked at, in order."""

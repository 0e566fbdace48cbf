"""How migrations reach the database: over the connection `app.core.migrate` hands in, else over DATABASE_URL."""

import asyncio
from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON, BigInteger, Connection

import app.core.limit_models
import app.sync.models  # noqa: F401
from app.core.config import load_settings
from app.core.db import Base, Database, UtcDateTime


def own_type(kind: str, thing: Any, autogenerate: Any) -> str | Literal[False]:
    """Writes our own column types by name, so that a migration means the same on both databases."""
    if kind != "type":
        return False
    if isinstance(thing, UtcDateTime):
        return "db.UtcDateTime()"
    if isinstance(thing, JSON):
        return "db.JsonColumn"
    return "db.BigId" if isinstance(thing, BigInteger) else False


def migrate(connection: Connection) -> None:
    """Runs what the command line or `app.core.migrate` asked for."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        compare_server_default=True,
        render_item=own_type,
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_configured() -> None:
    """For the alembic command: opens the configured database itself."""
    db = Database(load_settings().database_url)
    try:
        await db.change_schema(migrate)
    finally:
        await db.close()


if (given := context.config.attributes.get("connection")) is not None:
    migrate(given)
else:
    asyncio.run(migrate_configured())

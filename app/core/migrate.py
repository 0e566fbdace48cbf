"""Runs the migrations from code: `ponte serve` at its start, `ponte migrate`, and the readiness check."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app.core.db import Database

FOLDER = Path(__file__).resolve().parents[2] / "migrations"
LOCK = 7_020_311
"""Advisory lock on PostgreSQL: of several processes that start together one migrates, the others wait for it."""


async def upgrade(db: Database, revision: str = "head") -> None:
    """Brings the schema up to `revision`; does nothing when it is there."""
    await db.change_schema(lambda connection: _run(connection, revision, command.upgrade))


async def downgrade(db: Database, revision: str = "base") -> None:
    """Takes the schema back to `revision`. What the dropped columns held is gone."""
    await db.change_schema(lambda connection: _run(connection, revision, command.downgrade))


async def pending(db: Database) -> bool:
    """True while the schema is not the one this code was written for."""
    async with db.engine.connect() as connection:
        current = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())
    return set(current) != set(ScriptDirectory.from_config(_config()).get_heads())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _run(connection: Connection, revision: str, direction: Callable[[Config, str], None]) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    direction(_config(connection), revision)

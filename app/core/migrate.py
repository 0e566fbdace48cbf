"""Runs the migrations from code: `ponte serve` at its start, `ponte migrate`, and the readiness check.

Alembic is imported by the functions that run it: a process that only asks `pending` does without its 20 MB.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from app.core.db import Database

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).resolve().parents[2] / "migrations"
LOCK = 7_020_311
"""Advisory lock on PostgreSQL: of several processes that start together one migrates, the others wait for it."""


async def upgrade(db: Database, revision: str = "head") -> None:
    """Brings the schema up to `revision`; does nothing when it is there."""
    from alembic import command

    await db.change_schema(lambda connection: _run(connection, revision, command.upgrade))


async def downgrade(db: Database, revision: str = "base") -> None:
    """Takes the schema back to `revision`. What the dropped columns held is gone."""
    from alembic import command

    await db.change_schema(lambda connection: _run(connection, revision, command.downgrade))


async def pending(db: Database) -> bool:
    """True while the schema is not the one this code was written for."""
    async with db.engine.connect() as connection:
        return await connection.run_sync(_revision) != newest()


def newest() -> str:
    """The last revision there is: files are named after theirs, in order."""
    return max(path.stem.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _run(connection: Connection, revision: str, direction: "Callable[[Config, str], None]") -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    direction(_config(connection), revision)

"""Migrated is the same as created from the models, up and down, on both databases, with data in it."""

import asyncio
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, select

from app.core import migrate
from app.core.db import Base, Database
from app.sync.models import Integration
from tests.factories import add_integration


async def look(db: Database, question: Any) -> Any:
    async with db.engine.connect() as connection:
        return await connection.run_sync(question)


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True, "target_metadata": Base.metadata}
    )
    return list(compare_metadata(context, Base.metadata))


def conditions(index: Any) -> str:
    """The WHERE of a partial index."""
    return str({name: str(value) for name, value in index.get("dialect_options", {}).items()})


def shape(connection: Connection) -> dict[str, Any]:
    """Everything a database can tell of a schema, partial indexes included, in an order of its own."""
    found: dict[str, Any] = {}
    inspector = inspect(connection)
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        found[table] = {
            "columns": sorted((c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)),
            "indexes": sorted(
                (str(i["name"]), str(i["column_names"]), bool(i["unique"]), conditions(i))
                for i in inspector.get_indexes(table)
            ),
            "unique": sorted(str(u["name"]) for u in inspector.get_unique_constraints(table)),
            "foreign": sorted(str(f["name"]) for f in inspector.get_foreign_keys(table)),
            "primary": inspector.get_pk_constraint(table),
        }
    return found


async def test_migrated_is_created(empty_db: Database) -> None:
    assert await migrate.pending(empty_db)
    await migrate.upgrade(empty_db)
    assert not await migrate.pending(empty_db)
    assert await look(empty_db, differences) == []
    migrated = await look(empty_db, shape)
    await migrate.downgrade(empty_db)
    assert await look(empty_db, shape) == {}
    await empty_db.change_schema(Base.metadata.create_all)
    assert await look(empty_db, shape) == migrated


async def test_upgrading_again_keeps_data_and_changes_nothing(empty_db: Database) -> None:
    await migrate.upgrade(empty_db)
    shop = await add_integration(empty_db)
    await migrate.upgrade(empty_db)
    async with empty_db.read() as session:
        assert (await session.execute(select(Integration.name))).scalars().all() == [shop.name]


async def test_several_processes_may_migrate_at_once(empty_db: Database) -> None:
    url = empty_db.engine.url.render_as_string(hide_password=False)
    await empty_db.ping()
    processes = [Database(url) for _ in range(3)]
    await asyncio.gather(*(migrate.upgrade(db) for db in processes))
    for db in processes:
        assert not await migrate.pending(db)
        await db.close()


async def test_files_are_named_after_their_revisions(empty_db: Database) -> None:
    """`pending` knows the newest revision by the name of its file, and Alembic by the chain: they must agree."""
    assert await migrate.pending(empty_db)
    await migrate.upgrade(empty_db)
    assert await look(empty_db, lambda c: MigrationContext.configure(c).get_current_heads()) == (migrate.newest(),)
    assert not await migrate.pending(empty_db)

"""Shared fixtures: settings, clock, and a fresh database on every engine this machine offers."""

import asyncio
import gc
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

import app.core.limit_models
import app.sync.models  # noqa: F401
from app.core.clock import Clock
from app.core.config import Settings
from app.core.db import Base, Database

DATABASE_URL = os.environ.get("TEST_DATABASE_URL", "postgresql+asyncpg://postgres@127.0.0.1:5432/test")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
T = TypeVar("T")
gc.set_threshold(50_000, 20, 50)
"""Every test builds a whole product, which is much to look through: a tenth of the run was spent on it."""
REQUIRED = os.environ.get("REQUIRE_SERVICES") == "1"


def absent(service: str, why: str) -> None:
    """Skips the test, visibly; fails it where services are required."""
    message = f"{service} is not available ({why})"
    if REQUIRED:
        pytest.fail(message + ", and REQUIRE_SERVICES=1", pytrace=False)
    pytest.skip(message)


@pytest.fixture
def clock() -> Clock:
    """Real time."""
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Local settings that read neither the environment's secrets nor a `.env` file."""
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        environment="local",
        data_dir=tmp_path,
        database_url=f"sqlite+aiosqlite:///{tmp_path / 'ponte.db'}",
        redis_url="",
        secret_key=SecretStr("test-secret-key"),
        admin_token=SecretStr("test-admin-token"),
        public_url="http://ponte.test",
    )


async def _create_database(name: str, *, tables: bool) -> str:
    server = make_url(DATABASE_URL)
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT", connect_args={"timeout": 3})
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f'CREATE DATABASE "{name}"'))
    finally:
        await engine.dispose()
    url = server.set(database=name).render_as_string(hide_password=False)
    if tables:
        db = Database(url)
        await db.change_schema(Base.metadata.create_all)
        await db.close()
    return url


async def emptied(database: Database) -> None:
    """Deletes every row in one round trip; TRUNCATE would be slower on tables that hold next to nothing."""
    deletes = "".join(f'DELETE FROM "{table.name}"; ' for table in reversed(Base.metadata.sorted_tables))  # noqa: S608
    async with database.transaction() as session:
        await session.execute(text(f"DO $$ BEGIN {deletes} END $$"))


async def _drop_database(name: str) -> None:
    engine = create_async_engine(make_url(DATABASE_URL), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    await engine.dispose()


def _apart(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine in a loop and thread of its own: the fixture may be asked for inside a test's loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str | Exception]:
    """A PostgreSQL database of this test process, with all tables; the error when there is no server."""
    name = f"ponte_test_{uuid.uuid4().hex[:12]}"
    try:
        url = _apart(_create_database(name, tables=True))
    except Exception as problem:
        yield problem
        return
    yield url
    _apart(_drop_database(name))


@pytest.fixture
def postgres(postgres_url: str | Exception) -> str:
    """The address of a PostgreSQL database with empty tables (see `db`); skips or fails without one."""
    if isinstance(postgres_url, Exception):
        absent("PostgreSQL", type(postgres_url).__name__)
    assert isinstance(postgres_url, str)
    return postgres_url


async def _with_tables(path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{path}")
    await database.change_schema(Base.metadata.create_all)
    await database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables, made once: copying it costs a tenth of making it."""
    path = tmp_path_factory.mktemp("template") / "ponte.db"
    _apart(_with_tables(path))
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with empty tables, once per engine."""
    if request.param == "sqlite":
        copy = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "ponte.db")
        database = Database(f"sqlite+aiosqlite:///{copy}")
    else:
        database = Database(request.getfixturevalue("postgres"))
        await emptied(database)
    yield database
    await database.close()


@pytest.fixture
async def book(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Database]:
    """A database with empty tables on one engine, for what does not depend on it."""
    database = Database(f"sqlite+aiosqlite:///{shutil.copy(sqlite_template, tmp_path / 'ponte.db')}")
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
async def empty_db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database without a single table, once per engine."""
    if request.param == "sqlite":
        database = Database(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")
        yield database
        await database.close()
        return
    request.getfixturevalue("postgres")
    name = f"ponte_empty_{uuid.uuid4().hex[:12]}"
    database = Database(await _create_database(name, tables=False))
    yield database
    await database.close()
    await _drop_database(name)


@pytest.fixture(scope="session")
def _redis_trouble() -> str | None:
    client = Redis.from_url(REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    try:
        client.ping()
    except RedisError as problem:
        return type(problem).__name__
    finally:
        client.close()
    return None


@pytest.fixture
def redis_url(_redis_trouble: str | None) -> str:
    """The address of a Redis; tests use key prefixes of their own in it. Skips or fails without one."""
    if _redis_trouble is not None:
        absent("Redis", _redis_trouble)
    return REDIS_URL


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures of the fault proofs, gathered from every test process, as one table."""
    properties = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == "fault_figure"
    ]
    if properties:
        from rich.console import Console

        from tests.faults.report import Figure, show

        show([Figure(**value) for value in properties], Console(width=170))

"""The two set-ups measured: one process on SQLite, and API with two workers on PostgreSQL and Redis."""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import redis.asyncio as redis

DATABASE = os.environ.get("TEST_DATABASE_URL", "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")


@dataclass(frozen=True)
class Setup:
    """Where the service stores and which processes it runs as (arguments of `ponte`)."""

    name: str
    database_url: str
    redis_url: str
    processes: tuple[str, ...]


@asynccontextmanager
async def one_process(folder: Path) -> AsyncIterator[Setup]:
    """`ponte serve` on an SQLite file in `folder`."""
    yield Setup("sqlite", f"sqlite+aiosqlite:///{folder / 'ponte.db'}", "", ("serve",))


@asynccontextmanager
async def split(workers: int = 2) -> AsyncIterator[Setup]:
    """`ponte api` and some `ponte worker` on a database and a Redis number of their own, both emptied afterwards."""
    name = f"ponte_bench_{uuid.uuid4().hex[:10]}"
    admin = DATABASE.replace("+asyncpg", "")
    connection = await asyncpg.connect(admin, timeout=5)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        redis_url = await _empty_redis()
        try:
            address = DATABASE.rsplit("/", 1)[0] + f"/{name}"
            yield Setup("postgres", address, redis_url, ("api", *["worker"] * workers))
        finally:
            async with redis.from_url(redis_url) as client:
                await client.flushdb()
    finally:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.close()


async def services_missing() -> str | None:
    """Why the split set-up cannot be measured here, or None when it can."""
    try:
        connection = await asyncpg.connect(DATABASE.replace("+asyncpg", ""), timeout=5)
        await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        return f"PostgreSQL does not answer ({type(error).__name__}); set TEST_DATABASE_URL"
    try:
        await _empty_redis()
    except (OSError, TimeoutError, redis.RedisError, LookupError) as error:
        return f"no Redis with an empty database ({type(error).__name__}); set TEST_REDIS_URL"
    return None


async def _empty_redis() -> str:
    """Address of a Redis database that holds nothing, highest number first (the tests use 15): it will be emptied."""
    base = REDIS.rsplit("/", 1)[0] if REDIS.count("/") > 2 else REDIS
    for number in range(14, 0, -1):
        async with redis.from_url(f"{base}/{number}", socket_timeout=5) as client:
            if await client.dbsize() == 0:
                return f"{base}/{number}"
    raise LookupError("every Redis database holds something")

"""The rig on both set-ups: SQLite with the embedded queue, PostgreSQL with Redis."""

import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import make_url

from app.core.config import Settings
from app.core.db import Database
from tests.conftest import emptied
from tests.e2e.rig import VENDORS, Rig, running

SETUPS = ["embedded", pytest.param("split", marks=pytest.mark.services)]


@pytest.fixture(params=SETUPS)
def storage(request: pytest.FixtureRequest) -> str:
    """The set-up. Rules that do not depend on it run on one: see `EMBEDDED` of the rig."""
    return str(request.param)


@pytest.fixture
def speed(request: pytest.FixtureRequest) -> float:
    """How much faster than the machine's both clocks run; see `at_speed` of the rig."""
    return float(getattr(request, "param", 20.0))


@pytest.fixture
async def product(request: pytest.FixtureRequest, settings: Settings, storage: str, speed: float) -> Settings:
    """Settings of one set-up, on empty storage, pointing at the sandbox, time running fast."""
    changes: dict[str, Any] = {
        "omie_url": f"{VENDORS}/omie/api/v1/",
        "ploomes_url": f"{VENDORS}/ploomes/",
        "clock_scale": speed,
        "sweep_seconds": 5.0,
        "incremental_sweep_seconds": 1e9,  # a sweep that came by chance would hide what webhooks do
        "lease_seconds": 45.0 * speed,  # a busy machine does not run faster with the clock
    }
    if storage == "split":
        changes["database_url"] = request.getfixturevalue("postgres")
        changes["redis_url"] = await own_redis(request.getfixturevalue("redis_url"))
        database = Database(changes["database_url"])
        await emptied(database)
        await database.close()
    else:
        shutil.copy(request.getfixturevalue("sqlite_template"), str(make_url(settings.database_url).database))
    return settings.model_copy(update=changes)


@pytest.fixture
async def rig(product: Settings, speed: float) -> AsyncIterator[Rig]:
    """A connected integration on two empty accounts."""
    async with running(product, speed=speed) as rig:
        await rig.connect()
        yield rig


async def own_redis(url: str) -> str:
    """A Redis database of this test process, empty."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    mine = url
    if worker is not None:
        number = str(4 + int(worker.removeprefix("gw")) % 8)
        mine = make_url(url).set(database=number).render_as_string(hide_password=False)
    client = Redis.from_url(mine)
    await client.flushdb()
    await client.aclose()
    return mine

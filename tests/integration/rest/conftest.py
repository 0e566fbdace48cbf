"""The REST interface over real storage and fake vendors."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.core.clock import Clock
from app.core.config import Settings
from app.core.db import Database
from app.main import create_app
from tests.integration.rest.fakes import FakeVendors, fake_vendors
from tests.integration.rest.rig import ADMIN, NEW, FixedClock, Parts


@pytest.fixture
def clock() -> FixedClock:
    """A clock that tests move."""
    return FixedClock()


@pytest.fixture
def vendors(clock: Clock) -> FakeVendors:
    """Both vendors."""
    both = fake_vendors()
    both.omie.clock = both.ploomes.clock = clock
    return both


@pytest.fixture
def ponte(settings: Settings, db: Database, clock: Clock, vendors: FakeVendors) -> Parts:
    """The container."""
    return Parts(settings, db, clock, vendors)


@pytest.fixture
async def api(ponte: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """REST as an admin; errors are answered rather than raised."""
    transport = httpx.ASGITransport(create_app(ponte), raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://ponte.test/api/v1", headers=ADMIN) as client:
        yield client


@pytest.fixture
async def shop(api: httpx.AsyncClient) -> dict[str, Any]:
    """A new integration."""
    answer = await api.post("/integrations", json=NEW)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@pytest.fixture
async def active(api: httpx.AsyncClient, shop: dict[str, Any]) -> dict[str, Any]:
    """An activated integration."""
    answer = await api.post(f"/integrations/{shop['id']}/activate")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())

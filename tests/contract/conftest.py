"""The rooms that the contract is held against."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.core.db import Database
from app.core.http import Funnel
from app.omie.client import OmieClient, OmieCredentials
from app.ploomes.client import PloomesClient, PloomesCredentials
from app.sandbox.app import Sandbox
from tests.contract.rig import BASE, SPEED, JumpingClock, Vendors
from tests.vendor_rig import APP_KEY, APP_SECRET, USER_KEY, limiter


@pytest.fixture
def clock() -> JumpingClock:
    """Sixty times faster than the machine's, so Omie's minute takes a second."""
    return JumpingClock(SPEED)


@pytest.fixture
async def vendors(book: Database, clock: JumpingClock) -> AsyncIterator[Vendors]:
    """Both vendor rooms over a sandbox of their own."""
    sandbox = Sandbox(seed="small", speed=SPEED)
    transport = httpx.ASGITransport(app=sandbox.asgi)
    funnel = Funnel(limiter(book, clock, patience=1.0), clock, transport=transport)
    control = httpx.AsyncClient(transport=transport, base_url=BASE)
    yield Vendors(
        transport,
        clock,
        OmieClient(funnel, OmieCredentials(APP_KEY, APP_SECRET), f"{BASE}/omie/api/v1/"),
        PloomesClient(funnel, PloomesCredentials(USER_KEY, "account-1"), f"{BASE}/ploomes/"),
        control,
    )
    await control.aclose()
    await funnel.close()

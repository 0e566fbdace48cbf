"""A web process without its engine: enough to test the door."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest

from app.core.clock import Clock
from app.core.config import Settings
from app.core.db import Database
from app.core.queue import EmbeddedQueue, Queue
from app.core.vault import Vault
from app.main import create_app
from app.sync.inbox import Inbox
from tests.factories import VAULT


@dataclass
class Parts:
    """What the web process needs of the container."""

    settings: Settings
    db: Database
    clock: Clock
    queue: Queue
    inbox: Inbox
    vault: Vault = field(default=VAULT)

    async def work(self, stop: asyncio.Event) -> None:
        """No engine here."""

    async def close(self) -> None:
        """The fixtures close their own."""


@pytest.fixture
def parts(settings: Settings, db: Database, clock: Clock) -> Parts:
    """A container of real storage and an embedded queue."""
    queue = EmbeddedQueue(clock)
    return Parts(settings, db, clock, queue, Inbox(db, clock, queue))


@pytest.fixture
async def web(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole application, errors answered rather than raised."""
    transport = httpx.ASGITransport(create_app(parts), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ponte.test") as client:
        yield client

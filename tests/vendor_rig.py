"""What the tests of the vendor rooms share: a clock held in the hand, a vendor that answers from a script."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from app.core import wire
from app.core.clock import Clock
from app.core.db import Database
from app.core.http import Funnel
from app.core.limit_store import LimitStore, MemoryLimitStore
from app.core.limits import Limiter
from app.core.ports import Priority
from app.omie.budgets import RULES as OMIE_RULES
from app.omie.client import OmieClient, OmieCredentials
from app.omie.gateway import OmieGateway
from app.ploomes.budgets import RULES as PLOOMES_RULES
from app.ploomes.client import PloomesClient, PloomesCredentials
from app.ploomes.gateway import PloomesGateway

APP_KEY = "1000000000001"
APP_SECRET = "sandbox-app-secret"
USER_KEY = "sandbox-user-key"
NOON = datetime(2026, 11, 22, 15, 0, tzinfo=UTC).timestamp()
"""12:00 in São Paulo."""

Reply = httpx.Response | Exception
Script = Callable[[httpx.Request], Reply]


class ManualClock(Clock):
    """Time moves only when somebody sleeps or says so."""

    def __init__(self, at: float = NOON) -> None:
        super().__init__()
        self.at = at

    def time(self) -> float:
        return self.at

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    async def sleep(self, seconds: float) -> None:
        self.at += max(0.0, seconds)
        await asyncio.sleep(0)


@dataclass
class FakeVendor:
    """Answers each request by a script and keeps what it was sent."""

    script: Script
    requests: list[httpx.Request] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first request."""

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def bodies(self) -> list[Any]:
        return [wire.loads(request.content) for request in self.requests]

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.asked.set()
        await asyncio.sleep(0)
        reply = self.script(request)
        if isinstance(reply, Exception):
            raise reply
        return reply


def replies(*answers: Reply | Any) -> Script:
    """A script that gives its answers in turn, the last one for ever."""
    left = list(answers)

    def script(request: httpx.Request) -> Reply:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer if isinstance(answer, httpx.Response | Exception) else json(answer)

    return script


def json(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    """A JSON answer that keeps Decimals."""
    return httpx.Response(status, content=wire.dumps(body), headers=headers)


def fault(text: str, code: str = "", status: int = 500) -> httpx.Response:
    """A refusal of Omie."""
    body = {"faultstring": text} | ({"faultcode": code} if code else {})
    return json(body, status)


def limiter(db: Database, clock: Clock, store: LimitStore | None = None, patience: float = 0.0) -> Limiter:
    """A limiter with the rules of both vendors; by default it never waits inside."""
    return Limiter(store or MemoryLimitStore(clock), db, clock, [OMIE_RULES, PLOOMES_RULES], patience=patience)


@dataclass
class OmieRig:
    """An Omie gateway over a scripted vendor."""

    vendor: FakeVendor
    clock: Clock
    client: OmieClient
    funnel: Funnel

    def gateway(self, priority: Priority = Priority.LIVE) -> OmieGateway:
        return OmieGateway(self.client, priority)


def omie(
    db: Database, clock: Clock, *answers: Reply | Any, script: Script | None = None, patience: float = 0.0
) -> OmieRig:
    """The Omie room over a vendor that gives these answers."""
    vendor = FakeVendor(script or replies(*answers))
    funnel = Funnel(limiter(db, clock, patience=patience), clock, transport=vendor.transport)
    return OmieRig(vendor, clock, OmieClient(funnel, OmieCredentials(APP_KEY, APP_SECRET)), funnel)


@dataclass
class PloomesRig:
    """A Ploomes gateway over a scripted vendor."""

    vendor: FakeVendor
    clock: Clock
    client: PloomesClient
    funnel: Funnel

    def gateway(self, priority: Priority = Priority.LIVE) -> PloomesGateway:
        return PloomesGateway(self.client, priority)


def ploomes(db: Database, clock: Clock, *answers: Reply | Any, script: Script | None = None) -> PloomesRig:
    """The Ploomes room over a vendor that gives these answers."""
    vendor = FakeVendor(script or replies(*answers))
    funnel = Funnel(limiter(db, clock), clock, transport=vendor.transport)
    return PloomesRig(vendor, clock, PloomesClient(funnel, PloomesCredentials(USER_KEY, "account-1")), funnel)

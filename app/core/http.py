"""The funnel every vendor request goes through: budget, request, classify, retry, measure. The only httpx import.

Credentials travel in headers and bodies, so nothing here logs a request or lets an exception carry one.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar

import httpx

from app.core import metrics, usage
from app.core.clock import Clock
from app.core.errors import Fault, Postponed, VendorError
from app.core.limit_rules import Call
from app.core.limits import Limiter, Slot
from app.core.retry import in_call

T = TypeVar("T")

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 30.0
"""Of the clock's time, connecting included (Ploomes reference 1; design section 5)."""

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
"""Failures before a byte of the request can have reached the vendor."""

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # their INFO lines name full URLs: personal data


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to send. Its representation shows neither headers nor body."""

    verb: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `sent_at` is when the request left: what happened later is not in it."""

    status: int
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    sent_at: datetime


def multipart(field_name: str, filename: str, content: bytes, content_type: str) -> tuple[str, bytes]:
    """A form with one file: its content type, with the boundary, and its bytes."""
    form = httpx.Request("POST", "http://form", files={field_name: (filename, content, content_type)})
    return form.headers["Content-Type"], form.read()


class Funnel:
    """One HTTP client for all vendors and integrations of the process. Keeps no cookies, follows no redirects."""

    def __init__(self, limiter: Limiter, clock: Clock, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.limiter = limiter
        self.clock = clock
        self._client = httpx.AsyncClient(
            transport=transport,
            timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=20.0),
            follow_redirects=False,
            # integrations share this client: a cookie of one account must never travel with another's call
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        )

    async def send(
        self, call: Call, request: Request, read: Callable[[Answer], T], *, patience: float | None = None
    ) -> T:
        """Sends a request when its budgets allow it and returns what `read` makes of the answer.

        `read` raises `VendorError` for a refusal. Raises `Postponed` when the call may not leave now, `VendorError`
        otherwise: transient faults of reads, and of what never left, are repeated within seconds; a write that
        failed after leaving is `uncertain`.
        """
        failure: VendorError | None = None
        async for attempt in in_call(self.clock):
            with attempt:
                try:
                    return await self._once(call, request, read, patience)
                except Postponed as postponed:
                    if failure is None:
                        raise
                    failure.wait = max(failure.wait or 0.0, postponed.seconds)
                    break
                except VendorError as error:
                    failure = error
                    raise
        raise failure or Postponed(1.0, "Tente de novo em instantes.")

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.aclose()

    async def _once(self, call: Call, request: Request, read: Callable[[Answer], T], patience: float | None) -> T:
        waiting = time.perf_counter()
        try:
            async with self.limiter.slot(call, patience=patience) as slot:
                metrics.LIMITER_WAIT_SECONDS.labels(call.vendor).observe(time.perf_counter() - waiting)
                outcome = await self._answered(slot, request, read)
        except Postponed as postponed:
            metrics.LIMITER_POSTPONED.labels(call.vendor, postponed.cause).inc()
            raise
        if isinstance(outcome, VendorError):
            raise outcome
        return outcome

    async def _answered(self, slot: Slot, request: Request, read: Callable[[Answer], T]) -> T | VendorError:
        """One request inside its slot. A fault is returned, and raised by the caller outside of any handler, so that
        no exception chain reaches the request."""
        call = slot.call
        started = time.perf_counter()
        usage.note(call.vendor, call.method)
        answer = await self._request(slot, request)
        if isinstance(answer, Answer):
            self.limiter.answered(call, (time.perf_counter() - started) * self.clock.scale)
        outcome: T | VendorError
        if isinstance(answer, VendorError):
            outcome = answer
        else:
            try:
                outcome = read(answer)
            except VendorError as refused:
                outcome = refused
        label = "ok"
        if isinstance(outcome, VendorError):
            if call.write and outcome.sent and outcome.fault is Fault.TRANSIENT:
                outcome.fault = Fault.UNCERTAIN
            label = outcome.fault.value
            slot.reached = outcome.sent
            if outcome.fault is Fault.BLOCKED:
                metrics.BLOCKS.labels(call.vendor).inc()
            await self.limiter.learn(call, outcome)
        metrics.VENDOR_CALLS.labels(call.vendor, call.method, label).inc()
        metrics.VENDOR_SECONDS.labels(call.vendor, call.method).observe(time.perf_counter() - started)
        return outcome

    async def _request(self, slot: Slot, request: Request) -> Answer | VendorError:
        call = slot.call
        sent_at = self.clock.now()
        sent, problem = True, ""
        try:
            async with asyncio.timeout(TOTAL_SECONDS / self.clock.scale):
                answer = await self._client.request(
                    request.verb, request.url, headers=dict(request.headers), content=request.content
                )
                return Answer(answer.status_code, answer.content, answer.headers, sent_at)
        except NOT_SENT as failure:
            sent, problem = False, type(failure).__name__
        except (httpx.HTTPError, TimeoutError, OSError) as failure:
            problem = type(failure).__name__
            slot.abandoned = isinstance(failure, TimeoutError | httpx.TimeoutException)
        except asyncio.CancelledError:
            slot.abandoned = True
            raise
        except httpx.InvalidURL:
            return VendorError(Fault.INVALID, "Endereço inválido.", vendor=call.vendor, method=call.method, sent=False)
        text = "Sem resposta" if sent else "Sem conexão"
        return VendorError(Fault.TRANSIENT, f"{text} ({problem}).", vendor=call.vendor, method=call.method, sent=sent)

"""A small load generator: raw HTTP/1.1 over kept connections.

Open loop: requests leave on a schedule whatever the answers do, and each latency counts from the *scheduled* instant,
so that a stall is seen by every request it delays. Closed loop: as much as a number of connections can get through.
"""

import asyncio
import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0..1) of the values do not exceed (nearest rank); NaN without values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass
class Result:
    """What one run of load saw. Latencies in seconds, of answered requests only."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    """Answers by HTTP status; 0 counts requests that got none."""
    seconds: float = 0.0

    @property
    def accepted(self) -> int:
        """Answers with a 2xx status."""
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    @property
    def failed(self) -> int:
        """Everything else, unanswered requests included."""
        return self.statuses.total() - self.accepted

    @property
    def refusals(self) -> str:
        """What the failed ones got, for people: `503: 4, no answer: 1`; empty when none failed."""
        rows = sorted((status, count) for status, count in self.statuses.items() if not 200 <= status < 300)
        return ", ".join(f"{status or 'no answer'}: {count}" for status, count in rows)

    @property
    def rate(self) -> float:
        """Accepted requests per second."""
        return self.accepted / self.seconds if self.seconds else 0.0


class Connection(asyncio.Protocol):
    """One kept connection with one request in flight at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's callback (TCP_NODELAY is on by default)."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's callback: the request in flight gets no answer."""
        self.transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("closed by the server"))

    def data_received(self, data: bytes) -> None:
        """asyncio's callback: resolves the request once head and body are complete."""
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0 or self._answer is None:
            return
        head = bytes(self._buffer[:head_end]).lower()
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) >= head_end + 4 + length:
            self._buffer.clear()
            self._answer.set_result(int(head[9:12]))

    async def request(self, payload: bytes, timeout: float) -> int:
        """Sends one whole request and returns the status of its answer."""
        if self.transport is None:
            raise ConnectionError("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(payload)
        async with asyncio.timeout(timeout):
            return await self._answer


class Client:
    """A pool of connections to one server."""

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self.timeout = timeout
        self._idle: list[Connection] = []

    async def send(self, payload: bytes) -> int:
        """One request on an idle connection, or a new one; 0 when no answer came.

        A kept connection that the server closes meanwhile is replaced once, as every HTTP client does.
        """
        kept = self._kept()
        try:
            if kept is not None:
                with contextlib.suppress(ConnectionError):
                    return await self._ask(kept, payload)
            return await self._ask(await self._connect(), payload)
        except (OSError, TimeoutError):
            return 0

    async def _ask(self, connection: Connection, payload: bytes) -> int:
        try:
            status = await connection.request(payload, self.timeout)
        except (OSError, TimeoutError):
            if connection.transport is not None:
                connection.transport.abort()
            raise
        self._idle.append(connection)
        return status

    async def warm(self, connections: int) -> None:
        """Opens connections ahead, so that none of the measured requests pays for one."""
        self._idle += await asyncio.gather(*(self._connect() for _ in range(connections)))

    def close(self) -> None:
        """Closes all idle connections."""
        for connection in self._idle:
            if connection.transport is not None:
                connection.transport.close()
        self._idle.clear()

    def _kept(self) -> Connection | None:
        """An idle connection the server has not closed meanwhile."""
        while self._idle:
            connection = self._idle.pop()
            if connection.transport is not None and not connection.transport.is_closing():
                return connection
        return None

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, self.host, self.port)
        return connection


def post(url: str, body: bytes) -> bytes:
    """A whole POST request as bytes."""
    parts = urlsplit(url)
    head = (
        f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def open_loop(client: Client, payload: Callable[[int], bytes], *, rate: float, seconds: float) -> Result:
    """`rate` requests a second for `seconds`; `payload(n)` makes the n-th."""
    result = Result(seconds=seconds)
    start = time.perf_counter() + 0.05

    async def one(number: int, due: float) -> None:
        status = await client.send(payload(number))
        result.statuses[status] += 1
        if status:
            result.latencies.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as tasks:
        for number in range(round(rate * seconds)):
            due = start + number / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            tasks.create_task(one(number, due))
    return result


async def closed_loop(client: Client, payload: Callable[[int], bytes], *, connections: int, seconds: float) -> Result:
    """The most `connections` can get through in `seconds`, each sending again as soon as it is answered."""
    result = Result()
    numbers = iter(range(1 << 62))
    start = time.perf_counter()

    async def one() -> None:
        while (sent := time.perf_counter()) < start + seconds:
            status = await client.send(payload(next(numbers)))
            result.statuses[status] += 1
            if status:
                result.latencies.append(time.perf_counter() - sent)

    await client.warm(connections)
    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    result.seconds = time.perf_counter() - start
    return result

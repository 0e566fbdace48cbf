"""The load generator measures what it says it measures."""

import asyncio
import math
from collections.abc import AsyncIterator

import pytest

from tests.benchmarks.load import Client, closed_loop, open_loop, percentile, post


class Server:
    """A tiny HTTP server that answers `status`, and stalls once for `stall` seconds before the `stall_at`-th answer."""

    def __init__(self) -> None:
        self.status, self.stall, self.stall_at = 200, 0.0, -1
        self.bodies: list[bytes] = []
        self.url = ""
        self._turn = asyncio.Lock()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers request after request on one connection, one at a time over all connections."""
        while head := await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b"":
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            self.bodies.append(await reader.readexactly(length))
            async with self._turn:
                if len(self.bodies) == self.stall_at:
                    await asyncio.sleep(self.stall)
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % self.status)
                await writer.drain()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await made.handle(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(guarded, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield made


def test_percentile_is_the_nearest_rank() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.95), percentile(values, 0.99)) == (50, 95, 99)
    assert percentile([7.0], 0.5) == 7
    assert math.isnan(percentile([], 0.5))


async def test_open_loop_sends_every_request_once_whole(server: Server) -> None:
    client = Client(server.url)
    result = await open_loop(client, lambda n: post(f"{server.url}/x", b"body %d" % n), rate=200, seconds=0.5)
    client.close()
    assert sorted(server.bodies) == sorted(b"body %d" % n for n in range(100))
    assert (result.accepted, result.failed) == (100, 0)


async def test_a_stall_is_felt_by_every_request_it_delays(server: Server) -> None:
    server.stall_at, server.stall = 10, 0.3
    client = Client(server.url)
    result = await open_loop(client, lambda _: post(server.url, b"{}"), rate=200, seconds=0.5)
    client.close()
    assert sum(latency > 0.1 for latency in result.latencies) > 30


async def test_refusals_and_silence_are_not_accepted(server: Server) -> None:
    server.status = 503
    client = Client(server.url)
    result = await closed_loop(client, lambda _: post(server.url, b"{}"), connections=2, seconds=0.1)
    client.close()
    assert result.accepted == 0
    assert result.failed == result.statuses[503] > 0
    assert result.refusals == f"503: {result.failed}"
    nobody = Client("http://127.0.0.1:1")
    assert await nobody.send(post("http://127.0.0.1:1", b"{}")) == 0

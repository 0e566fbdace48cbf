"""The two processes start, end on a signal, and say so when they cannot work."""

import asyncio
import os
import signal

import httpx
import pytest

from app import worker
from app.main import create_app
from tests.integration.conftest import Parts


class Workshop:
    """Works until told to stop, and takes its time to end."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.started = asyncio.Event()

    async def work(self, stop: asyncio.Event) -> None:
        self.log.append("working")
        self.started.set()
        await stop.wait()
        await asyncio.sleep(0.05)
        self.log.append("drained")

    async def close(self) -> None:
        self.log.append("closed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_told_to_end_lets_running_events_end(number: signal.Signals) -> None:
    shop = Workshop()
    life = asyncio.create_task(worker.main(shop))
    await shop.started.wait()
    os.kill(os.getpid(), number)
    await asyncio.wait_for(life, 5)
    assert shop.log == ["working", "drained", "closed"]


async def test_one_process_serves_and_works_and_ends_in_that_order(parts: Parts) -> None:
    shop = Workshop()
    parts.work, parts.close = shop.work, shop.close  # type: ignore[method-assign]
    app = create_app(parts, with_worker=True)
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0.05)
        assert shop.log == ["working"]
    assert shop.log == ["working", "drained", "closed"]


async def test_a_worker_half_that_dies_is_loud(parts: Parts, capsys: pytest.CaptureFixture[str]) -> None:
    async def die(stop: asyncio.Event) -> None:
        raise RuntimeError("no more")

    parts.work = die  # type: ignore[method-assign]
    app = create_app(parts, with_worker=True)
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0.05)
    said = capsys.readouterr()
    assert "worker half of this process died" in said.out + said.err


async def test_the_api_page_and_its_document_are_there(web: httpx.AsyncClient) -> None:
    page, document = await web.get("/docs"), await web.get("/openapi.json")
    assert page.status_code == document.status_code == 200
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "/health/ready" in document.json()["paths"]

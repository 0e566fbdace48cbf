"""Reads of single records that go together: what is asked for while a read runs leaves as one list by code."""

import asyncio
from collections.abc import Awaitable, Callable

from app.core.ports import Record

One = Callable[[str], Awaitable[Record | None]]
Many = Callable[[list[str]], Awaitable[dict[str, Record]]]


class ReadBatch:
    """Gathers the reads of one set, app and priority in this process.

    Alone, a read is one call at once. Reads that arrive while it runs (or waits for its budget) are gathered and
    asked for together, at most `most` at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[str, asyncio.Future[Record | None]] = {}
        self._driver: asyncio.Task[None] | None = None

    async def read(self, external_id: str, *, one: One, many: Many) -> Record | None:
        """The record, or None when Omie says that it is not there. Raises what the call raised."""
        future = self._waiting.get(external_id)
        if future is None:
            future = self._waiting[external_id] = asyncio.get_running_loop().create_future()
        if self._driver is None:
            self._driver = asyncio.create_task(self._drive(one, many))
        return await asyncio.shield(future)

    async def _drive(self, one: One, many: Many) -> None:
        """Asks until nobody waits. Its own task, so that a caller that gives up takes nobody with it."""
        try:
            while self._waiting:
                ids = list(self._waiting)[: self._most]
                asked = {external_id: self._waiting.pop(external_id) for external_id in ids}
                await _answer(asked, one, many)
        finally:
            self._driver = None


async def _answer(asked: dict[str, asyncio.Future[Record | None]], one: One, many: Many) -> None:
    """Fills the futures of one call. Whatever goes wrong, nobody is left waiting."""
    try:
        if len(asked) == 1:
            found = {external_id: record for external_id in asked if (record := await one(external_id)) is not None}
        else:
            found = await many(list(asked))
    except BaseException as problem:
        for future in asked.values():
            if future.done():
                continue
            if isinstance(problem, Exception):
                future.set_exception(problem)
                future.exception()  # seen: whoever asked may have gone
            else:
                future.cancel()
        if not isinstance(problem, Exception):
            raise
        return
    for external_id, future in asked.items():
        if not future.done():
            future.set_result(found.get(external_id))

"""What it costs to ask how far a first load is (F264): its own events and writes, not those of months."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event

from app.core.db import Database
from app.sync.models import Resync
from app.sync.passes import first_load
from tests.factories import add_integration

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.mark.feature("F264")
async def test_the_progress_of_a_load_reads_no_other_event_and_no_other_write(book: Database) -> None:
    integration = await add_integration(book)
    async with book.transaction() as session:
        await first_load.schedule(session, integration.id, "now", NOW)
        await first_load.retime(session, integration.id, NOW.timestamp())
    asked: list[tuple[str, Any]] = []

    def ask(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        if statement.startswith("SELECT") and "events" in statement:
            asked.append((statement, parameters))

    event.listen(book.engine.sync_engine, "before_cursor_execute", ask)
    async with book.read() as session:
        load = await session.get_one(Resync, 1)
        await first_load.left_of(session, load)
    event.remove(book.engine.sync_engine, "before_cursor_execute", ask)

    async with book.engine.connect() as connection:
        plans = [
            [str(row[3]) for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for statement, parameters in asked
        ]
    assert len(plans) == 2
    for plan in plans:
        assert any("events USING INDEX ix_events_passes (integration_id=? AND topic=? AND received_at>?)" in step
                   for step in plan), plan  # fmt: skip
        assert not any(step.startswith("SCAN") for step in plan), plan
    assert any("writes USING INDEX ix_writes_event" in step for step in plans[1]), plans[1]

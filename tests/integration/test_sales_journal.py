"""What the journal says of a create whose answer was lost: only one that may have arrived tells what Omie was told."""

from datetime import timedelta

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.sync import journal
from app.sync.models import WriteEntry, WriteState
from tests.factories import add_integration


@pytest.mark.feature("F009")
async def test_a_create_that_made_nothing_is_no_base(db: Database, clock: Clock) -> None:
    integration = await add_integration(db)
    tries = [
        (WriteState.RESOLVED, f"{journal.NOT_SENT}: sem conexão"),
        (WriteState.RESOLVED, f"{journal.NOT_TAKEN}: SOAP-ENV:Server ocupado"),
        (WriteState.REFUSED, "ERROR: Tag inválida"),
        (WriteState.RESOLVED, "resposta perdida; decidido de novo"),
        (WriteState.SENT, None),
    ]
    async with db.transaction() as session:
        for number, (state, outcome) in enumerate(tries):
            session.add(
                WriteEntry(
                    integration_id=integration.id, entity="orders", vendor="omie", verb="create", code="PLOOMES-7",
                    source_vendor="ploomes", source_id="7", after={"try": number}, state=state, outcome=outcome,
                    sent_at=clock.now() + timedelta(seconds=number),
                )
            )  # fmt: skip
    async with db.read() as session:
        first = await journal.first_create(session, integration.id, "orders", "PLOOMES-7")
    assert first is not None
    assert first.after == {"try": 3}

"""What becomes of an integration when a vendor refuses its credentials."""

from sqlalchemy import select

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, Postponed, VendorError
from app.core.queue import EmbeddedQueue
from app.sync.inbox import Inbox
from app.sync.models import Event, Integration, IntegrationState, Issue
from app.sync.reactions import Reactions
from app.sync.setup.credentials import fingerprint
from tests.factories import VAULT, add_integration, notice

STATES = IntegrationState


async def claimed(db: Database, clock: Clock, integration: Integration) -> Event:
    inbox = Inbox(db, clock, EmbeddedQueue(clock))
    await inbox.store(integration.id, notice(), None)
    (event,) = await inbox.claim((0, 1), 1, "worker", 30.0)
    return event


async def refuse(db: Database, clock: Clock, event: Event, used: str) -> None:
    error = VendorError(Fault.CREDENTIALS, "chave inválida", vendor="omie")
    error.used = used
    await Reactions(db, clock, EmbeddedQueue(clock)).to(event, error)


async def outcome(db: Database, event: Event) -> tuple[str, str | None, bool, int]:
    """State of the integration, cause of the event, whether the event is due, number of open issues."""
    async with db.read() as session:
        row, after = await session.get_one(Integration, event.integration_id), await session.get_one(Event, event.id)
        found = list(await session.scalars(select(Issue).where(Issue.open_key.is_not(None))))
    return row.state, after.cause, after.due_at is not None, len(found)


async def test_refused_credentials_stop_a_running_integration(db: Database, clock: Clock) -> None:
    integration = await add_integration(db)
    event = await claimed(db, clock, integration)
    await refuse(db, clock, event, fingerprint(integration))
    assert await outcome(db, event) == (STATES.CREDENTIALS_REFUSED, "inactive", False, 1)


async def test_a_late_refusal_of_the_old_credentials_does_not_stop_the_new_ones(db: Database, clock: Clock) -> None:
    integration = await add_integration(db)
    event = await claimed(db, clock, integration)
    used = fingerprint(integration)
    async with db.transaction() as session:
        (await session.get_one(Integration, integration.id)).ploomes_user_key = VAULT.encrypt("sandbox-new-key")
    await refuse(db, clock, event, used)
    assert await outcome(db, event) == (STATES.ACTIVE, "credentials", True, 0)


async def test_a_late_refusal_does_not_wake_what_a_person_paused(db: Database, clock: Clock) -> None:
    integration = await add_integration(db)
    event = await claimed(db, clock, integration)
    async with db.transaction() as session:
        (await session.get_one(Integration, integration.id)).state = STATES.INACTIVE
    await refuse(db, clock, event, fingerprint(integration))
    assert await outcome(db, event) == (STATES.INACTIVE, "inactive", False, 0)


async def test_a_limit_is_told_as_one_sentence(db: Database, clock: Clock) -> None:
    integration = await add_integration(db)
    event = await claimed(db, clock, integration)
    await Reactions(db, clock, EmbeddedQueue(clock)).to(event, Postponed(60.0, "O Ploomes pediu uma pausa."))
    async with db.read() as session:
        after = await session.get_one(Event, event.id)
    assert after.reason == "Aguardando: O Ploomes pediu uma pausa."

"""Sends the messages about orders: by e-mail to the owner, or as a record on the client's timeline.

An e-mail whose fate is unknown goes again under the same Message-ID; a record is looked for by its mark first.
"""

from sqlalchemy import select, update

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, LeaseLost, Postponed, VendorError
from app.core.log import get_logger
from app.core.mail import Mail, Mailer, MailFailed
from app.core.ports import Key, Priority, Vendor
from app.sync.creating import REPEAT_AFTER
from app.sync.intake import RUNNING
from app.sync.lanes import Lanes, Lease
from app.sync.lookups.living import CONTROLS, find_beside_living
from app.sync.models import Integration
from app.sync.sales.models import OrderMessage
from app.sync.vendors import Gateways
from app.sync.writing import WRITE_SECONDS

ENTITY = "interaction_records"
BATCH = 50
AGAIN_SECONDS = 300.0
_log = get_logger(__name__)


class Messages:
    """Called every few seconds by one process."""

    def __init__(self, db: Database, clock: Clock, gateways: Gateways, lanes: Lanes, mailer: Mailer) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._lanes = lanes
        self.mailer = mailer

    async def sweep(self) -> None:
        """Sends what waits. One failure does not stop the others."""
        async with self._db.read() as session:
            query = (
                select(OrderMessage.id, Integration)
                .join(Integration, Integration.id == OrderMessage.integration_id)
                .where(
                    OrderMessage.state.in_(("pending", "sending")),
                    OrderMessage.asked_at.is_(None) | (OrderMessage.asked_at < self._clock.time() - AGAIN_SECONDS),
                    Integration.state.in_(RUNNING),
                )
                .order_by(OrderMessage.id)
                .limit(BATCH)
            )
            found = [(message_id, integration) for message_id, integration in await session.execute(query)]
        for message_id, integration in found:
            try:
                async with self._lanes.hold(f"message:{message_id}") as lease:
                    await self._send(integration, message_id, lease)
            except (Postponed, VendorError, MailFailed, LaneBusy, LeaseLost) as problem:
                _log.info("message put off", message=message_id, problem=type(problem).__name__)
                await self._note(message_id, problem=type(problem).__name__, asked_at=self._clock.time())

    async def _send(self, integration: Integration, message_id: int, lease: Lease) -> None:
        async with self._db.read() as session:
            row = await session.get_one(OrderMessage, message_id)
        if row.state not in ("pending", "sending"):
            return
        if row.recipient is None or (row.way == "owner_email" and not self.mailer.on):
            reason = "sem destinatário" if row.recipient is None else "nenhum servidor de e-mail (SMTP_URL)"
            await self._note(message_id, state="skipped", problem=reason)
            return
        if row.way == "owner_email":
            await self._mark(row, lease)
            await self.mailer.send(Mail(row.recipient, row.subject, row.text, f"ponte-{row.id}"))
            await self._note(message_id, state="sent", problem=None)
            return
        record_id = await self._written(integration, row) if row.state == "sending" else None
        if record_id is None:
            await self._mark(row, lease)
            body = {"ContactId": int(row.recipient), "Content": content(row)}
            ploomes = self._gateways.open(integration, Priority.PERSON)[1]
            record_id = (await ploomes.write(ENTITY, "create", None, body)).id
        await self._note(message_id, state="sent", record_id=record_id, problem=None)

    async def _written(self, integration: Integration, row: OrderMessage) -> str | None:
        """The record of an earlier try whose answer was lost."""
        age = self._clock.time() - (row.asked_at or 0)
        if age < REPEAT_AFTER[Vendor.PLOOMES]:
            raise Postponed(REPEAT_AFTER[Vendor.PLOOMES] - age, "a resposta se perdeu", "answer_lost")
        async with self._db.read() as session:
            others = await session.scalars(
                select(OrderMessage.record_id)
                .where(OrderMessage.integration_id == integration.id, OrderMessage.record_id.is_not(None))
                .order_by(OrderMessage.id.desc())
                .limit(CONTROLS)
            )
            controls = [str(one) for one in others]

        async def gone(record_id: str) -> None:
            async with self._db.transaction() as session:
                await session.execute(
                    update(OrderMessage)
                    .where(OrderMessage.integration_id == integration.id, OrderMessage.record_id == record_id)
                    .values(record_id=None)
                )

        ploomes = self._gateways.open(integration, Priority.PERSON)[1]
        key = Key("content", mark(row), {"contact_id": str(row.recipient)})
        found = await find_beside_living(ploomes, ENTITY, key, controls, gone)
        return found[0].id if found else None

    async def _mark(self, row: OrderMessage, lease: Lease) -> None:
        """It may leave from now on."""
        async with self._db.transaction() as session:
            await lease.extend(session, WRITE_SECONDS)
            values = {"state": "sending", "asked_at": self._clock.time()}
            await session.execute(update(OrderMessage).where(OrderMessage.id == row.id).values(**values))

    async def _note(self, message_id: int, **values: object) -> None:
        async with self._db.transaction() as session:
            await session.execute(update(OrderMessage).where(OrderMessage.id == message_id).values(**values))


def mark(row: OrderMessage) -> str:
    """What tells our record apart on a timeline."""
    return f"[Ponte M{row.id}]"


def content(row: OrderMessage) -> str:
    """The record's text; the template was rendered with escaping."""
    return f"<p>{row.text}</p><p>{mark(row)}</p>"

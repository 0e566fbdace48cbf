"""What happens to an event when its road was cut short: come back, wait, or give up visibly. Faults are a table."""

import random
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, LaneBusy, LeaseLost, Postponed, VendorError
from app.core.log import get_logger
from app.core.ports import Entity, Vendor
from app.core.queue import Queue
from app.sync import inbox, issues, links
from app.sync.agreement import RefusedBefore
from app.sync.inbox import QUEUE_OF
from app.sync.intake import INACTIVE, REASONS, RUNNING
from app.sync.issues import Finding
from app.sync.models import Event, EventState, Integration, IntegrationState, Issue
from app.sync.setup.credentials import fingerprint

_log = get_logger(__name__)

AWAY_SECONDS = 5.0
FAILING_AFTER = 5
"""Attempts after which a vendor's failures become visible as an issue; the event is never given up for them."""
INTERNAL_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Reaction:
    """`retry` counts an attempt and comes back later, `wait` does not count, `refuse` needs a person."""

    kind: Literal["retry", "wait", "refuse", "credentials"]
    cause: str
    reason: str


REACTIONS: dict[Fault, Reaction] = {
    Fault.EMPTY: Reaction("retry", "unexpected_answer", "O {vendor} respondeu vazio; nova tentativa em instantes."),
    Fault.NOT_FOUND: Reaction("retry", "unexpected_answer", "O {vendor} não encontrou o registro; nova tentativa."),
    Fault.DUPLICATE: Reaction("refuse", "refused", "O {vendor} recusou: {text}"),
    Fault.INVALID: Reaction("refuse", "refused", "O {vendor} recusou: {text}"),
    Fault.MISSING_REFERENCE: Reaction("refuse", "refused", "O {vendor} recusou: {text}"),
    Fault.REDUNDANT: Reaction("retry", "redundant", "O {vendor} pediu para esperar antes de repetir a chamada."),
    Fault.BUSY: Reaction("wait", "busy", "O {vendor} está ocupado com outra chamada; nova tentativa em instantes."),
    Fault.BLOCKED: Reaction(
        "wait", "blocked", "O {vendor} bloqueou este método; as tentativas voltam quando o bloqueio acabar."
    ),
    Fault.RATE_LIMITED: Reaction("wait", "rate_limited", "O limite de chamadas do {vendor} foi atingido."),
    Fault.CREDENTIALS: Reaction("credentials", "credentials", "O {vendor} recusou as credenciais: {text}"),
    Fault.TRANSIENT: Reaction("retry", "vendor_down", "O {vendor} não respondeu direito; nova tentativa em instantes."),
    Fault.UNCERTAIN: Reaction("retry", "answer_lost", "A resposta do {vendor} se perdeu; conferindo o que chegou."),
    Fault.UNKNOWN: Reaction("refuse", "unknown_fault", "Resposta desconhecida do {vendor}: {text}"),
}


class Reactions:
    """Stores what becomes of an event after an error."""

    def __init__(self, db: Database, clock: Clock, queue: Queue) -> None:
        self._db = db
        self._clock = clock
        self._queue = queue

    async def to(self, event: Event, error: BaseException) -> None:
        """Parks, postpones or fails the event. Raises nothing of its own but LeaseLost."""
        match error:
            case Postponed():
                await self._come_back(event, error.seconds, "limit", f"Aguardando: {error.reason.removesuffix('.')}.")
            case LaneBusy():
                await self._come_back(event, lane_wait(error.held), "lane", "Outro processo cuida deste registro.")
            case LeaseLost():
                _log.warning("lease lost", event_id=event.id, what=str(error))
                await self._come_back(event, 1.0, "lane", "A reserva do registro expirou; recomeçando.")
            case RefusedBefore():
                detail = f"O {error.vendor.label} recusou e os dados não mudaram desde então: {error.text}"
                data = {issues.REFUSED_BY: error.vendor.value}
                await self._refuse(event, Finding("refused", detail, data), again=True)
            case VendorError():
                await self._vendor(event, error)
            case _ if database_away(error):
                await self._come_back(
                    event, AWAY_SECONDS, "database", "O banco de dados não respondeu; nova tentativa."
                )
            case _:
                await self._internal(event, error)

    async def _vendor(self, event: Event, error: VendorError) -> None:
        reaction = REACTIONS[error.fault]
        reason = reaction.reason.format(vendor=_label(error.vendor), text=error.text)
        _log.info("vendor fault", event_id=event.id, vendor=error.vendor, method=error.method, fault=error.fault)
        if reaction.kind == "refuse":
            await self._refuse(event, Finding(reaction.cause, reason, {issues.REFUSED_BY: error.vendor}))
        elif reaction.kind == "credentials":
            await self._credentials(event, error, reason)
        else:
            counts = reaction.kind == "retry"
            wait = error.wait if error.wait is not None else backoff(event.attempts)
            await self._come_back(event, wait, reaction.cause, reason, attempt=counts)

    async def _come_back(self, event: Event, seconds: float, cause: str, reason: str, *, attempt: bool = False) -> None:
        due = self._clock.time() + seconds
        async with self._db.transaction() as session:
            await inbox.postpone(session, event, due, reason, cause, attempt=attempt)
            if attempt and event.attempts + 1 >= FAILING_AFTER:
                await self._open(session, event, Finding("vendor_failing", reason))
        await self._queue.ring(QUEUE_OF[event.priority], at=due)

    async def _refuse(self, event: Event, finding: Finding, *, again: bool = False) -> None:
        """A permanent refusal: one call, one issue, told where the person works (F090). `again`: nothing was sent
        because nothing changed, so the issue stays as it is."""
        async with self._db.transaction() as session:
            ploomes_id = await self._ploomes_id(session, event)
            data = {"ploomes_id": ploomes_id} if ploomes_id else {}
            told = await self._told(session, event) if again else None
            cause, detail = (told.cause, told.detail) if told else (finding.cause, finding.detail)
            await self._open(session, event, Finding(cause, detail, {**finding.data, **data}))
            await inbox.settle(session, event, EventState.FAILED, finding.detail, finding.cause, now=self._clock.now())

    async def _told(self, session: AsyncSession, event: Event) -> Issue | None:
        """The open issue of an earlier refusal of the same record."""
        records = await self._records(session, event)
        found = await issues.open_of(session, event.integration_id, event.entity, records)
        return next((issue for issue in found if issue.cause in issues.REFUSED), None)

    async def _credentials(self, event: Event, error: VendorError, reason: str) -> None:
        """Everything of the integration stops until somebody brings new credentials, unless somebody just did."""
        async with self._db.transaction() as session:
            row = await session.get_one(Integration, event.integration_id, with_for_update=True)
            if row.state in RUNNING and error.used not in ("", fingerprint(row)):
                text = "As credenciais foram trocadas enquanto isso; nova tentativa."
                await inbox.postpone(session, event, self._clock.time(), text, "credentials")
                return
            if row.state not in RUNNING:
                await inbox.postpone(session, event, None, REASONS[INACTIVE], INACTIVE)
                return
            row.state = IntegrationState.CREDENTIALS_REFUSED
            await issues.open_issue(
                session,
                integration_id=event.integration_id,
                entity=None,
                vendor=error.vendor,
                external_id=None,
                finding=Finding("credentials", reason),
                now=self._clock.now(),
            )
            await inbox.postpone(session, event, None, reason, INACTIVE)

    async def _internal(self, event: Event, error: BaseException) -> None:
        _log.error("event failed inside", event_id=event.id, exc_info=error)
        if event.attempts + 1 < INTERNAL_ATTEMPTS:
            await self._come_back(
                event, backoff(event.attempts), "internal", "Falha interna; nova tentativa.", attempt=True
            )
            return
        async with self._db.transaction() as session:
            finding = Finding("internal", f"Falha interna no evento {event.id}: {type(error).__name__}.")
            await self._open(session, event, finding)
            await inbox.settle(session, event, EventState.FAILED, finding.detail, finding.cause, now=self._clock.now())

    async def _open(self, session: AsyncSession, event: Event, finding: Finding) -> None:
        records = await self._records(session, event)
        vendor, external_id = await issues.home_of(session, event.integration_id, event.entity, records, finding)
        await issues.open_issue(
            session,
            integration_id=event.integration_id,
            entity=event.entity,
            vendor=vendor,
            external_id=external_id,
            finding=finding,
            now=self._clock.now(),
            link_id=event.link_id,
            event_id=event.id,
        )

    async def _records(self, session: AsyncSession, event: Event) -> list[tuple[str, str]]:
        """The event's record, and its twin when it has one."""
        vendor, own = Vendor(event.vendor), str(event.external_id)
        link = await links.find(session, event.integration_id, str(event.entity), vendor, own)
        twin = [] if link is None else [(vendor.other.value, links.id_of(link, vendor.other))]
        return [(event.vendor, own), *twin]

    async def _ploomes_id(self, session: AsyncSession, event: Event) -> str | None:
        """The client on whose timeline people are told; no other record has one."""
        if event.entity != Entity.CLIENTS:
            return None
        if event.vendor == Vendor.PLOOMES:
            return event.external_id
        link = await links.find(session, event.integration_id, str(event.entity), Vendor.OMIE, str(event.external_id))
        return link.ploomes_id if link else None


def database_away(error: BaseException) -> bool:
    """Whether our own database was the trouble, not the event: out of reach or of connections, or a rolled back race.

    SQLSTATE classes: 08 connection, 40 rollback, 53 resources, 57 operator (PostgreSQL manual, appendix A).
    """
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout | OSError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return error.connection_invalidated or state[:2] in ("08", "40", "53", "57")


def _label(vendor: str) -> str:
    return Vendor(vendor).label if vendor in set(Vendor) else vendor


def lane_wait(held: float) -> float:
    """How long to leave a lane alone: a moment; longer, the longer nothing was heard of its holder, who may have died.
    His lease runs on, and dozens of events that knock ten times a second would keep a database busy until it ends."""
    return max(random.uniform(0.05, 0.25), min(2.0, held / 4) * random.uniform(0.5, 1.0))  # noqa: S311


def backoff(attempts: int) -> float:
    """Seconds until the next attempt: 2, 8, 32, ... at most an hour, spread so that records do not march in step."""
    return float(min(3600.0, 2.0 * 4.0 ** min(attempts, 6)) * random.uniform(0.5, 1.0))  # noqa: S311

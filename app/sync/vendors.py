"""How the engine reaches both vendors of an integration, and reads of a person who waits for the answer."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Protocol, TypeVar, cast

from app.core.clock import Clock
from app.core.errors import Fault, Postponed, VendorError
from app.core.ports import Gateway, Page, Priority, Record, Vendor
from app.sync.models import Integration

T = TypeVar("T")

PATIENCE_SECONDS = 20.0
"""How long a request of a person waits for the vendors' limits before it says "come back later"."""


LIMITED_SECONDS = 5.0
"""How long to wait after a vendor's own limit that does not say so; nothing was done then."""


class Gateways(Protocol):
    """Opens the two gateways of an integration; the wiring decrypts the credentials into them."""

    def open(self, integration: Integration, priority: Priority) -> tuple[Gateway, Gateway]:
        """(Omie, Ploomes), both speaking at this priority."""
        ...


async def _nothing(seconds: float) -> None:
    """Nobody waits for whoever waits."""


async def patiently(
    clock: Clock,
    call: Callable[[], Awaitable[T]],
    seconds: float = PATIENCE_SECONDS,
    hold: Callable[[float], Awaitable[None]] = _nothing,
) -> T:
    """The answer of `call`, asked again whenever a limit, ours or the vendor's, postpones it; raises Postponed, or the
    vendor's refusal, once patience would end. `hold`: keeps a lane for the seconds of a wait that begins."""
    end = clock.time() + seconds
    while True:
        try:
            return await call()
        except (Postponed, VendorError) as limit:
            limited = isinstance(limit, VendorError) and limit.fault is Fault.RATE_LIMITED
            if isinstance(limit, VendorError) and not limited:
                raise
            wait = limit.seconds if isinstance(limit, Postponed) else limit.wait or LIMITED_SECONDS
            if clock.time() + wait > end:
                raise
            await hold(wait)
            await clock.sleep(wait)


async def one_page(
    gateway: Gateway,
    entity: str,
    *,
    cursor: str | None = None,
    since: datetime | None = None,
    within: Mapping[str, str] | None = None,
) -> Page:
    """The page at `cursor` and no further request."""
    # fakes of tests and sets that cannot be narrowed need not know of `within`
    narrowed = {"within": within} if within else {}
    pages = gateway.pages(entity, since=since, cursor=cursor, **narrowed)
    async with aclosing(cast("_Closable", pages)):
        async for page in pages:
            return page
    return Page((), None)


class _Closable(Protocol):
    async def aclose(self) -> object: ...


def refuse_cut(last: Page, seen: int, expected: int | None, vendor: Vendor, entity: str) -> None:
    """Raises VendorError(TRANSIENT) when a crawl ended before the vendor's own count; `expected`: its first page's.

    Records that went meanwhile may have pushed others past the crawl; those that came have notices of their own.
    """
    wanted = expected or 0
    shrank = not last.complete and (expected is None or (last.total or 0) < wanted)
    if shrank or seen < wanted:
        text = f"A lista {entity} terminou antes do fim: {seen} de {wanted} registros."
        raise VendorError(Fault.TRANSIENT, text, vendor=vendor.value, method=entity)


async def read_all(
    clock: Clock,
    gateway: Gateway,
    entity: str,
    *,
    seconds: float = PATIENCE_SECONDS,
    hold: Callable[[float], Awaitable[None]] = _nothing,
) -> list[Record]:
    """A whole small set. Raises VendorError, also when it was cut short, and Postponed when a limit outlasts the
    patience."""
    records: list[Record] = []
    cursor: str | None = None
    expected: int | None = None
    while True:
        at = cursor
        page = await patiently(clock, lambda: one_page(gateway, entity, cursor=at), seconds, hold)  # noqa: B023  (awaited here)
        records.extend(page.records)
        expected = page.total if at is None else expected
        cursor = page.cursor
        if cursor is None:
            refuse_cut(page, len(records), expected, gateway.vendor, entity)
            return records


def say(error: VendorError | Postponed, vendor: Vendor) -> str:
    """Why a call did not work, in Portuguese, for the person who asked."""
    name = vendor.label
    if isinstance(error, Postponed):
        return f"O limite de chamadas do {name} pede uma pausa: aguarde {max(1, round(error.seconds))} s e repita."
    if error.fault is Fault.CREDENTIALS:
        return f"O {name} recusou as credenciais: {error.text}"
    if error.fault is Fault.BLOCKED:
        return f"O {name} bloqueou esta consulta por {round(error.wait or 0)} s: {error.text}"
    if error.fault in (Fault.TRANSIENT, Fault.UNCERTAIN, Fault.BUSY, Fault.RATE_LIMITED):
        return f"O {name} não respondeu como deveria: {error.text}"
    return f"O {name} respondeu: {error.text}"

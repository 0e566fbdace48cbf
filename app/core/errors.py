"""Every error the product raises on purpose.

PonteError
├── Postponed            come back later: a limit, a block or the redundancy interval forbids the call now
├── VendorError          a vendor answered with a fault (or not at all); carries the fault class
├── LaneBusy             somebody else works on this pair
├── LeaseLost            the lease ended before the work did; nothing of it may be committed
├── Unavailable          our own database or Redis cannot be reached
└── UserError            bad input from a person or machine; becomes problem+json
"""

from enum import StrEnum
from http import HTTPStatus


class Fault(StrEnum):
    """What a vendor's refusal means (design section 6); the reaction follows from it."""

    EMPTY = "empty"
    NOT_FOUND = "not_found"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    MISSING_REFERENCE = "missing_reference"
    REDUNDANT = "redundant"
    BUSY = "busy"
    BLOCKED = "blocked"
    RATE_LIMITED = "rate_limited"
    CREDENTIALS = "credentials"
    TRANSIENT = "transient"
    UNCERTAIN = "uncertain"
    UNKNOWN = "unknown"


class PonteError(Exception):
    """Root of all."""


PERMANENT = frozenset(
    {Fault.EMPTY, Fault.NOT_FOUND, Fault.DUPLICATE, Fault.INVALID, Fault.MISSING_REFERENCE, Fault.UNKNOWN}
)
"""Faults that say something about the record: the same call would be refused again."""


class Postponed(PonteError):
    """The call may not leave before `seconds` from now; nothing was sent and no attempt is spent.

    `reason` is Portuguese; `cause` is its machine word (the name of the budget that said no).
    """

    def __init__(self, seconds: float, reason: str, cause: str = "limit") -> None:
        super().__init__(f"postponed {seconds:.1f}s: {reason}")
        self.seconds = seconds
        self.reason = reason
        self.cause = cause


class VendorError(PonteError):
    """A vendor refused or failed. `text` is the vendor's own wording, without credentials.

    `wait` is the seconds the vendor asked for; `existing_id` and `existing_code` come from duplicate faults that
    name the record (Omie reference 1.4); `sent` is False when the request certainly never reached the vendor.
    A write that failed with `sent` and an uncertain class has an unknown outcome.
    """

    def __init__(
        self,
        fault: Fault,
        text: str,
        *,
        vendor: str = "",
        method: str = "",
        status: int | None = None,
        wait: float | None = None,
        existing_id: str | None = None,
        existing_code: str | None = None,
        tag: str | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(f"{vendor} {method}: {fault}: {text}")
        self.fault = fault
        self.text = text
        self.vendor = vendor
        self.method = method
        self.status = status
        self.wait = wait
        self.existing_id = existing_id
        self.existing_code = existing_code
        self.tag = tag
        self.sent = sent
        self.used = ""
        """Fingerprint of the sealed credentials the call was made with, where a refusal must know it."""

    @property
    def outcome_unknown(self) -> bool:
        """True when a write with this fault may have been applied (design section 5, ambiguous outcomes)."""
        return self.sent and self.fault in (Fault.UNCERTAIN, Fault.TRANSIENT, Fault.REDUNDANT)

    @property
    def permanent(self) -> bool:
        """True when the same call would be refused again: it is not repeated until the record changed."""
        return self.fault in PERMANENT


class LaneBusy(PonteError):
    """Another worker holds the lane; come back with jitter, no attempt spent.

    `held`: seconds of the product's clock since it took the lane or prolonged its lease.
    """

    def __init__(self, name: str, held: float = 0.0) -> None:
        super().__init__(name)
        self.held = held


class LeaseLost(PonteError):
    """The lease expired or was taken over; the transaction that noticed is rolled back."""


class Unavailable(PonteError):
    """A service of ours does not answer; the caller gets 503 and nothing is half done."""


class UserError(PonteError):
    """Input that cannot be accepted. `detail` is Portuguese, for the person; `errors` lists field problems."""

    def __init__(
        self,
        status: HTTPStatus | int,
        title: str,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        **extra: object,
    ) -> None:
        super().__init__(detail)
        self.status = int(status)
        self.title = title
        self.detail = detail
        self.errors = errors
        self.extra = extra

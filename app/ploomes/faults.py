"""What Ploomes' refusals mean: one table, read from the top (Ploomes reference 1, errors). Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core import wire
from app.core.errors import Fault, VendorError


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the status must fit, and the text where the line names one."""

    fault: Fault
    statuses: Sequence[int]
    text: str = ""
    wait: float | None = None
    """Seconds to wait when the answer names none."""

    def fits(self, status: int, folded: str) -> bool:
        """True when the answer is of this line."""
        return status in self.statuses and (not self.text or re.search(self.text, folded) is not None)


TABLE = (
    Row(Fault.CREDENTIALS, (401,)),
    Row(Fault.RATE_LIMITED, (429,), wait=60.0),
    Row(Fault.NOT_FOUND, (404, 410)),
    Row(Fault.DUPLICATE, (400, 409, 422), r"ja existe|ja cadastrad|duplicad|ja esta em uso"),
    Row(Fault.MISSING_REFERENCE, (400, 409, 422), r"nao encontrad|nao existe|nao cadastrad"),
    Row(Fault.INVALID, (400, 403, 405, 409, 411, 413, 414, 415, 422)),
    Row(Fault.TRANSIENT, (408, 425, 500, 502, 503, 504, 507, 520, 521, 522, 523, 524)),
)
"""403 is a missing right of the integration's profile: `invalid`, told apart by its status."""


def classify(status: int, content: bytes, headers: Mapping[str, str], method: str) -> VendorError:
    """The error an answer stands for."""
    text = message(content) or f"HTTP {status}"
    folded = wire.fold(text)
    row = next((row for row in TABLE if row.fits(status, folded)), Row(Fault.UNKNOWN, ()))
    wait = (_retry_after(headers) or row.wait) if row.wait is not None else None
    return VendorError(row.fault, text[:500], vendor="ploomes", method=method, status=status, wait=wait)


def message(content: bytes) -> str:
    """What the answer says, in whichever of its known forms: OData error, `Message`, plain text or a page."""
    try:
        body = wire.loads(content)
    except wire.Unreadable:
        page = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", content[:4000].decode("utf-8", "replace"))
        return " ".join(page.replace("\x00", "").split())[:300]
    if not isinstance(body, dict):
        return wire.plain(body, 300) or ""
    inner = body.get("error")
    nested = inner.get("message") if isinstance(inner, dict) else inner
    return " ".join((wire.plain(nested, 500) or wire.plain(body.get("Message"), 500) or "").split())


def is_error(content: bytes) -> bool:
    """Whether an answer with a good status says an error all the same."""
    try:
        body = wire.loads(content)
    except wire.Unreadable:
        return False
    return isinstance(body, dict) and bool(body.get("error") or body.get("Message"))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = str(headers.get("retry-after", ""))
    return float(text) if text.isascii() and text.isdigit() else None

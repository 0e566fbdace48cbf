"""One Omie app: envelope, credentials and the three ways an answer can fail. Everything goes through the funnel."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import wire
from app.core.batch import ReadBatch
from app.core.errors import Fault, VendorError
from app.core.http import Answer, Funnel, Request
from app.core.limit_rules import Call
from app.core.ports import JsonObject, Priority
from app.omie.faults import classify
from app.omie.schemas import tidy

DEFAULT_URL = "https://app.omie.com.br/api/v1/"

STATUS_CODES = ("codigo_status", "cCodStatus")
STATUS_TEXTS = ("descricao_status", "cDescStatus", "cDesStatus")
"""Names of the status block (reference 1.2). They differ by call, and sources differ on them; no record has any."""


@dataclass(frozen=True, slots=True, repr=False)
class OmieCredentials:
    """What authenticates an app. Neither half is ever shown."""

    app_key: str
    app_secret: str

    def __repr__(self) -> str:
        return "OmieCredentials(***)"


@dataclass(frozen=True, slots=True)
class OmieAnswer:
    """A good answer, and when its request left."""

    data: JsonObject
    sent_at: datetime


class OmieClient:
    """Speaks for one app; keep one per integration and process, so that its reads can go together."""

    def __init__(self, funnel: Funnel, credentials: OmieCredentials, base_url: str = DEFAULT_URL) -> None:
        self.funnel = funnel
        self.clock = funnel.clock
        self._credentials = credentials
        self._base_url = base_url.rstrip("/") + "/"
        self.batches: dict[tuple[str, Priority], ReadBatch] = {}
        """Reads of single records that may go together, by set and priority."""

    @property
    def account(self) -> str:
        """What the limits are counted by: the app key."""
        return self._credentials.app_key

    async def call(
        self,
        service: str,
        method: str,
        param: JsonObject,
        *,
        priority: Priority = Priority.LIVE,
        write: bool = False,
        record: str | None = None,
        nouns: Sequence[str] = (),
    ) -> OmieAnswer:
        """One call (reference 1.1).

        Raises `Postponed` or `VendorError`. `record` is the id a write alters; `nouns` go to `faults.classify`.
        """
        budget = Call("omie", self.account, method, priority, write, wire.digest(param), record)
        body = {
            "call": method,
            "app_key": self._credentials.app_key,
            "app_secret": self._credentials.app_secret,
            "param": [param],
        }
        request = Request(
            "POST", self._base_url + service, {"Content-Type": "application/json; charset=utf-8"}, wire.dumps(body)
        )
        return await self.funnel.send(budget, request, lambda answer: _read(answer, method, nouns))

    def __repr__(self) -> str:
        return "OmieClient(***)"


def _read(answer: Answer, method: str, nouns: Sequence[str]) -> OmieAnswer:
    """The answer's object, or the refusal it carries: HTTP status, faultstring (also with 200), status block."""

    def refused(text: str, code: str = "", otherwise: Fault = Fault.UNKNOWN) -> VendorError:
        return classify(
            text, status=answer.status, code=code, method=method, now=answer.sent_at, nouns=nouns, otherwise=otherwise
        )

    data = _object(answer.content)
    if data is None:
        # 403 with a page is a gateway talking, not Omie about the key
        known = refused("") if answer.status in (425, 429) else None
        raise known or VendorError(
            Fault.TRANSIENT,
            f"O Omie respondeu algo ilegível (HTTP {answer.status}).",
            vendor="omie",
            method=method,
            status=answer.status,
        )
    text, code = _text(data.get("faultstring")), _text(data.get("faultcode"))
    if text or code or answer.status >= 300:
        raise refused(text or f"HTTP {answer.status}", code)
    outcome = next((found for name in STATUS_CODES if (found := _text(data.get(name)))), "")
    if outcome.strip("0"):
        told = next((found for name in STATUS_TEXTS if (found := _text(data.get(name)))), "")
        raise refused(told or f"código {outcome}", otherwise=Fault.INVALID)
    return OmieAnswer(data, answer.sent_at)


def _object(content: bytes) -> JsonObject | None:
    try:
        data: Any = wire.loads(content)
    except wire.Unreadable:
        return None
    return tidy(data) if isinstance(data, dict) else None


def _text(value: Any) -> str:
    return wire.plain(value, 2000) or ""

"""One Ploomes account: the key in its header, the envelope, lists of one. Everything goes through the funnel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.core import wire
from app.core.batch import ReadBatch
from app.core.errors import Fault, VendorError
from app.core.http import Answer, Funnel, Request, multipart
from app.core.limit_rules import Call
from app.core.odata import address
from app.core.ports import JsonObject, Priority
from app.ploomes.faults import classify, is_error

DEFAULT_URL = "https://public-api2.ploomes.com/"


@dataclass(frozen=True, slots=True, repr=False)
class PloomesCredentials:
    """What authenticates a user. `account` is what limits are counted by: the account id, or any name unique to it."""

    user_key: str
    account: str

    def __repr__(self) -> str:
        return "PloomesCredentials(***)"


@dataclass(frozen=True, slots=True)
class PloomesAnswer:
    """The objects of a good answer, when its request left, and the count where it was asked for."""

    rows: list[JsonObject]
    sent_at: datetime
    count: int | None = None


@dataclass(slots=True)
class Learned:
    """What this process learned about an account on the way; losing it costs a call, nothing else."""

    living: dict[str, list[str]] = field(default_factory=dict)
    """Set -> ids seen in its latest answers: control records for questions about absence."""
    no_custom_filter: set[str] = field(default_factory=set)
    """Sets whose custom fields this account may not filter by (403)."""
    missed: set[str] = field(default_factory=set)
    """Notes of absences not confirmed yet."""


class PloomesClient:
    """Speaks for one account with one user's key."""

    def __init__(self, funnel: Funnel, credentials: PloomesCredentials, base_url: str = DEFAULT_URL) -> None:
        self.funnel = funnel
        self.clock = funnel.clock
        self.learned = Learned()
        self.batches: dict[tuple[str, Priority], ReadBatch] = {}
        """Reads of single records that may go together, by set and priority."""
        self._credentials = credentials
        self._base_url = base_url.rstrip("/") + "/"

    @property
    def account(self) -> str:
        """What the limits are counted by."""
        return self._credentials.account

    async def call(
        self,
        verb: str,
        path: str,
        options: Mapping[str, object] | None = None,
        body: JsonObject | None = None,
        *,
        priority: Priority = Priority.LIVE,
    ) -> PloomesAnswer:
        """One request. `path` may address a record, `Contacts(123)`; `options` are OData options, not yet encoded.

        Raises `Postponed` or `VendorError`.
        """
        sent = None if body is None else ("application/json; charset=utf-8", wire.dumps(body))
        return await self._send(verb, path, options or {}, sent, priority)

    async def upload(
        self, path: str, filename: str, content: bytes, content_type: str, *, priority: Priority = Priority.LIVE
    ) -> PloomesAnswer:
        """One file as a form (reference 3.11). Raises `Postponed` or `VendorError`."""
        return await self._send("POST", path, {}, multipart("file", filename, content, content_type), priority)

    async def _send(
        self,
        verb: str,
        path: str,
        options: Mapping[str, object],
        body: tuple[str, bytes] | None,
        priority: Priority,
    ) -> PloomesAnswer:
        method = f"{verb} {path.partition('(')[0]}"
        budget = Call("ploomes", self.account, method, priority, write=verb != "GET")
        headers = {"User-Key": self._credentials.user_key, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = body[0]
        request = Request(verb, self._base_url + address(path, options), headers, body[1] if body else None)
        return await self.funnel.send(budget, request, lambda answer: _read(answer, method))

    def __repr__(self) -> str:
        return "PloomesClient(***)"


def _read(answer: Answer, method: str) -> PloomesAnswer:
    """The rows of an answer, or the refusal it is. A good status without the envelope is no answer at all."""
    if not 200 <= answer.status < 300:
        raise classify(answer.status, answer.content, answer.headers, method)
    if not answer.content.strip() and method.startswith("DELETE"):
        return PloomesAnswer([], answer.sent_at)
    rows, count = _envelope(answer.content)
    if rows is None and is_error(answer.content):
        raise classify(400, answer.content, answer.headers, method)
    if rows is None:
        raise VendorError(
            Fault.TRANSIENT,
            f"O Ploomes respondeu algo ilegível (HTTP {answer.status}).",
            vendor="ploomes",
            method=method,
            status=answer.status,
        )
    return PloomesAnswer(rows, answer.sent_at, count)


def _envelope(content: bytes) -> tuple[list[JsonObject] | None, int | None]:
    try:
        body: Any = wire.loads(content)
    except wire.Unreadable:
        return None, None
    value = body.get("value") if isinstance(body, dict) else None
    if not isinstance(value, list):
        return None, None
    count = body.get("@odata.count")
    return [row for row in value if isinstance(row, dict)], count if isinstance(count, int) else None

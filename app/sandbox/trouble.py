"""Scripted trouble: rules that break answers before or after a call was applied, and webhooks on their way."""

import asyncio
from dataclasses import asdict, dataclass, fields
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from .clock import SandboxClock
from .wire import Row, dumps

CALL_KINDS = (
    "status", "html", "empty_body", "timeout", "disconnect", "slow", "429", "fault", "block", "empty_list",
)  # fmt: skip
WEBHOOK_KINDS = ("drop", "duplicate", "delay", "reorder")
_HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass
class Rule:
    """One rule; None matches anything. `match`: an Omie method or service, a Ploomes set, a webhook topic.

    `times` None is for ever; `seconds` are the sandbox clock's, except that `timeout` holds real seconds.
    """

    kind: str
    vendor: str | None = None
    account: str | None = None
    match: str | None = None
    verb: str | None = None
    when: str = "before"
    times: int | None = 1
    status: int | None = None
    seconds: float | None = None
    text: str | None = None
    code: str | None = None
    body: Any = None
    id: int = 0

    def fits(self, vendor: str, account: str, names: tuple[str, ...], verb: str | None) -> bool:
        """True when this rule is about that call."""
        return (
            self.vendor in (None, vendor)
            and self.account in (None, account)
            and (self.match is None or self.match.strip("/").lower() in {name.strip("/").lower() for name in names})
            and (self.verb is None or verb is None or self.verb.upper() == verb.upper())
        )


class Trouble:
    """The rules in force."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._rules: list[Rule] = []
        self._next_id = 1

    def add(self, wanted: Row) -> Rule:
        """Adds a rule; raises ValueError (in Portuguese) for what it does not understand."""
        unknown = set(wanted) - {field.name for field in fields(Rule) if field.name != "id"}
        if unknown:
            raise ValueError(f"Campo desconhecido: {', '.join(sorted(unknown))}")
        if wanted.get("kind") not in CALL_KINDS + WEBHOOK_KINDS:
            raise ValueError(f"Tipo desconhecido: {wanted.get('kind')}")
        if wanted.get("when", "before") not in ("before", "after"):
            raise ValueError("when deve ser before ou after")
        rule = Rule(**{**wanted, "id": self._next_id})
        rule.seconds = None if rule.seconds is None else float(rule.seconds)
        self._next_id += 1
        self._rules.append(rule)
        return rule

    def remove(self, rule_id: int | None = None) -> None:
        """Removes one rule, or all."""
        self._rules = [rule for rule in self._rules if rule_id is not None and rule.id != rule_id]

    def all(self) -> list[Row]:
        """The rules in force, as added, with what is left of `times`."""
        return [asdict(rule) for rule in self._rules]

    def take(self, kinds: tuple[str, ...], vendor: str, account: str, names: tuple[str, ...],
             verb: str | None = None) -> Rule | None:  # fmt: skip
        """The first rule that fits, used up once."""
        for rule in self._rules:
            if rule.kind in kinds and rule.fits(vendor, account, names, verb):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times <= 0:
                        self._rules.remove(rule)
                return rule
        return None

    async def answer(self, rule: Rule, request: Request) -> Response:
        """The broken answer of a rule that both vendors share."""
        match rule.kind:
            case "html":
                return HTMLResponse(rule.text or _HTML, rule.status or 502)
            case "empty_body":
                return Response(b"", rule.status or 200)
            case "timeout":
                return await self._hold(request, rule.seconds)
            case "disconnect":
                return _dropped(request)
            case _:
                body = dumps(rule.body) if rule.body is not None else (rule.text or "").encode()
                return Response(body, rule.status or 503, media_type="application/json")

    async def slow(self, rule: Rule | None) -> None:
        """Waits when the rule says so."""
        if rule is not None and rule.kind == "slow":
            await self._clock.sleep(rule.seconds or 1.0)

    async def _hold(self, request: Request, seconds: float | None) -> Response:
        in_process = _in_process(request)
        await asyncio.sleep(seconds if seconds is not None else (0 if in_process else 60))
        if in_process:
            raise httpx.ReadTimeout("the sandbox never answered")
        return Response(b"", 504)


def _in_process(request: Request) -> bool:
    """In process there is no socket to break: the transport hands the client's own exception through instead.

    A real server is recognised by the spec_version that uvicorn announces.
    """
    return "spec_version" not in request.scope.get("asgi", {})


def _dropped(request: Request) -> Response:
    if _in_process(request):
        raise httpx.ReadError("the sandbox dropped the connection")
    # Fewer bytes than announced: the server closes the connection in the middle of the answer.
    return Response(b"{", 200, headers={"Content-Length": "1000"}, media_type="application/json")

"""The HTTP side of the pretend Ploomes: key, limit, trouble, then the call itself (ploomes-api.md 1)."""

import math
from functools import partial

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from ..kernel import Kernel
from ..trouble import CALL_KINDS, Rule
from ..wire import Row
from . import actions, batch, calls
from .account import Account
from .calls import json
from .faults import Refusal

_LOG_IN, _BATCH = "Self/Login", "$batch"


class PloomesServer:
    """Answers for all accounts of the sandbox."""

    def __init__(self, kernel: Kernel, accounts: dict[str, Account]) -> None:
        self._kernel = kernel
        self._accounts = accounts

    async def __call__(self, request: Request) -> Response:
        """One API call."""
        path = request.path_params["path"].strip("/")
        try:
            account, user = await self._caller(request, path)
        except Refusal as refusal:
            return self._error(refusal)
        name = path.split("(")[0].split("/")[0]
        counters, trouble = self._kernel.counters, self._kernel.trouble
        counters.request("ploomes", account.user_key, f"{request.method} {name}")
        rule = trouble.take(CALL_KINDS, "ploomes", account.user_key, (name, path), request.method)
        await trouble.slow(rule)
        broken = rule is not None and rule.kind not in ("slow", "429", "fault", "block")
        if rule is not None and broken and rule.when == "before":
            return await self._broken(rule, request)
        try:
            answer = await self._run(request, account, user, path, rule)
        except Refusal as refusal:
            counters.fault("ploomes", account.user_key, str(refusal.status))
            answer = self._error(refusal)
        return await self._broken(rule, request) if rule is not None and broken else answer

    async def _caller(self, request: Request, path: str) -> tuple[Account, Row]:
        if path == _LOG_IN and request.method == "POST":
            return await self._by_password(request)
        user_key = request.headers.get("User-Key", "")
        for account in self._accounts.values():
            user = account.user_by_key(user_key) if user_key else None
            if user is not None and not user["Suspended"]:
                return account, user
        raise Refusal(401, "Chave de usuário inválida.")

    async def _by_password(self, request: Request) -> tuple[Account, Row]:
        account = next(iter(self._accounts.values()))
        body = await calls.found(request, account, {}, "Self").body()
        users = {id(user): (a, user) for a in self._accounts.values() for user in a.sets["Users"].values()}
        return users[id(actions.by_password(body, [user for _, user in users.values()]))]

    async def _broken(self, rule: Rule, request: Request) -> Response:
        if rule.kind == "empty_list":
            return json({"value": []})
        return await self._kernel.trouble.answer(rule, request)

    async def _run(self, request: Request, account: Account, user: Row, path: str, rule: Rule | None) -> Response:
        wait = account.retry_after(user["UserKey"])
        if rule is not None and rule.kind == "429":
            wait = rule.seconds or 60.0
        if wait is not None:
            return self._over_the_limit(account, wait)
        await self._kernel.clock.sleep(self._kernel.quirks.ploomes_latency_ms / 1000)
        refused = rule is not None and rule.kind == "fault"
        if rule is not None and refused and rule.when == "before":
            raise Refusal(rule.status or 400, rule.text or "Operação recusada.")
        if path == _BATCH and request.method == "POST" and self._kernel.quirks.ploomes_batch:
            answer = json({"responses": await batch.run(request, partial(self._part, account, user))})
        else:
            answer = await _perform(request, account, user, path)
        if rule is not None and refused:
            raise Refusal(rule.status or 400, rule.text or "Operação recusada.")
        return answer

    async def _part(self, account: Account, user: Row, request: Request) -> Response:
        try:
            return await _perform(request, account, user, request.path_params["path"])
        except Refusal as refusal:
            return self._error(refusal)

    def _over_the_limit(self, account: Account, wait: float) -> Response:
        self._kernel.counters.refusal("ploomes", account.user_key, "rate")
        if self._kernel.quirks.ploomes_rate_answer == "empty":
            return json({"value": []})
        answer = self._error(Refusal(429, "Limite de requisições por minuto excedido."))
        if self._kernel.quirks.ploomes_retry_after:
            answer.headers["Retry-After"] = str(math.ceil(wait))
        return answer

    def _error(self, refusal: Refusal) -> Response:
        if refusal.status == 200:
            return json({"value": []})
        match self._kernel.quirks.ploomes_error_shape:
            case "message":
                return json({"Message": refusal.message}, refusal.status)
            case "text":
                return PlainTextResponse(refusal.message, refusal.status)
            case "html":
                return HTMLResponse(f"<html><body>{refusal.message}</body></html>", refusal.status)
            case "empty":
                return Response(b"", refusal.status)
        return json({"error": {"code": "", "message": refusal.message}}, refusal.status)


async def _perform(request: Request, account: Account, user: Row, path: str) -> Response:
    call = calls.found(request, account, user, path)
    if path == _LOG_IN:
        return await actions.log_in(call)
    return await (calls.by_verb(call) if call.action is None else actions.run(call))

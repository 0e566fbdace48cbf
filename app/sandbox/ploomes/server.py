"""The HTTP side of the pretend Ploomes: key, limit, trouble, path, then the generic engine (ploomes-api.md 1)."""

import math
import re
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from ..kernel import Kernel
from ..trouble import CALL_KINDS, Rule
from ..wire import Row, dumps, loads
from . import query, writes
from .account import Account
from .faults import Refusal, bad, missing
from .query import PAGE_CAP, Options, Rules
from .schema import SETS, EntitySet

_PATH = re.compile(r"(?P<set>[\w@]+)(?:\((?P<key>[^()]*)\))?(?:/(?P<action>\w+))?")
_BODY_LIMIT = 10 * 1024 * 1024


class PloomesServer:
    """Answers for all accounts of the sandbox."""

    def __init__(self, kernel: Kernel, accounts: dict[str, Account]) -> None:
        self._kernel = kernel
        self._accounts = accounts

    async def __call__(self, request: Request) -> Response:
        """One API call."""
        try:
            account, user = self._caller(request.headers.get("User-Key", ""))
        except Refusal as refusal:
            return self._error(refusal)
        path = request.path_params["path"].strip("/")
        name = path.split("(")[0].split("/")[0]
        counters, trouble = self._kernel.counters, self._kernel.trouble
        counters.request("ploomes", account.user_key, f"{request.method} {name}")
        rule = trouble.take(CALL_KINDS, "ploomes", account.user_key, (name, path), request.method)
        await trouble.slow(rule)
        broken = rule is not None and rule.kind not in ("slow", "429", "fault", "block")
        if rule is not None and broken and rule.when == "before":
            return await self._broken(rule, request)
        try:
            answer = await self._run(request, account, user["Id"], path, rule)
        except Refusal as refusal:
            counters.fault("ploomes", account.user_key, str(refusal.status))
            answer = self._error(refusal)
        return await self._broken(rule, request) if rule is not None and broken else answer

    def _caller(self, user_key: str) -> tuple[Account, Row]:
        for account in self._accounts.values():
            user = account.user_by_key(user_key) if user_key else None
            if user is not None and not user["Suspended"]:
                return account, user
        raise Refusal(401, "Chave de usuário inválida.")

    async def _broken(self, rule: Rule, request: Request) -> Response:
        if rule.kind == "empty_list":
            return _json({"value": []})
        return await self._kernel.trouble.answer(rule, request)

    async def _run(self, request: Request, account: Account, user_id: int, path: str, rule: Rule | None) -> Response:
        wait = account.retry_after()
        if rule is not None and rule.kind == "429":
            wait = rule.seconds or 60.0
        if wait is not None:
            self._kernel.counters.refusal("ploomes", account.user_key, "rate")
            answer = self._error(Refusal(429, "Limite de requisições por minuto excedido."))
            if self._kernel.quirks.ploomes_retry_after:
                answer.headers["Retry-After"] = str(math.ceil(wait))
            return answer
        await self._kernel.clock.sleep(self._kernel.quirks.ploomes_latency_ms / 1000)
        if rule is not None and rule.kind == "fault":
            raise Refusal(rule.status or 400, rule.text or "Operação recusada.")
        return await self._dispatch(request, account, user_id, path)

    async def _dispatch(self, request: Request, account: Account, user_id: int, path: str) -> Response:
        found = _PATH.fullmatch(path)
        entity_set = SETS.get(found["set"]) if found else None
        if found is None or entity_set is None or not entity_set.verbs:
            raise missing(f"Recurso '{path}'")
        key, action = found["key"], found["action"]
        verb = request.method
        if action is not None:
            return await self._action(request, account, user_id, entity_set, key, action)
        if verb not in entity_set.verbs:
            raise Refusal(405, f"O método {verb} não é permitido em '{entity_set.name}'.")
        if verb == "GET":
            # Reading by key is not served, only by $filter (ploomes-api.md 1).
            if key is not None:
                raise missing(f"Recurso '{path}'")
            return self._list(request, account, user_id, entity_set)
        if (key is None) != (verb == "POST"):
            raise missing(f"Recurso '{path}'")
        options = self._options(request, account, entity_set)
        if verb == "POST":
            body = await _body(request)
            row = writes.create(account, entity_set, body, user_id, webhooks=self._webhooks(request))
            return self._one(request, account, user_id, options, row)
        stored, number = _stored(account, entity_set, key or "", user_id)
        if verb == "DELETE":
            writes.remove(account, stored, number, user_id, webhooks=self._webhooks(request))
            return Response(b"", 200)
        row = writes.change(account, stored, number, await _body(request), user_id, webhooks=self._webhooks(request))
        if entity_set.name == "Self":
            row = {**row, "AccountId": account.id}
        return self._one(request, account, user_id, options, row)

    async def _action(self, request: Request, account: Account, user_id: int, entity_set: EntitySet, key: str | None,
                      action: str) -> Response:  # fmt: skip
        if request.method != "POST" or action != "UpdateOtherProperty" or key is None:
            raise missing(f"Ação '{action}'")
        number = writes.key_from(entity_set, key)
        row = writes.set_values(account, entity_set, number, await _body(request), user_id)
        return self._one(request, account, user_id, self._options(request, account, entity_set), row)

    def _webhooks(self, request: Request) -> bool:
        silent = request.query_params.get("webhooks", "").lower() == "false"
        return not (silent and self._kernel.quirks.ploomes_webhooks_false)

    def _options(self, request: Request, account: Account, entity_set: EntitySet) -> Options:
        quirks = self._kernel.quirks
        rules = Rules(account, quirks.ploomes_expand_depth, quirks.ploomes_any_forbidden)
        return query.parse(dict(request.query_params), entity_set, rules)

    def _list(self, request: Request, account: Account, user_id: int, entity_set: EntitySet) -> Response:
        options = self._options(request, account, entity_set)
        after = options.after if options.only_id is None else options.only_id - 1
        rows = account.rows(entity_set, user_id, after)
        if options.only_id is not None:
            rows = rows[:1]
        size = PAGE_CAP if options.top is None else min(options.top, PAGE_CAP)
        shown, found = options.page(rows, size)
        answer: Row = {"@odata.context": _context(request, entity_set)}
        if options.count:
            answer["@odata.count"] = found
        answer["value"] = [account.shown(row, options, user_id) for row in shown]
        if options.top is None and options.skip + size < found:
            answer["@odata.nextLink"] = _next_link(request, options.skip + size)
        return _json(answer)

    def _one(self, request: Request, account: Account, user_id: int, options: Options, row: Row) -> Response:
        shown = account.shown(row, options, user_id)
        return _json({"@odata.context": _context(request, options.entity_set), "value": [shown]})

    def _error(self, refusal: Refusal) -> Response:
        match self._kernel.quirks.ploomes_error_shape:
            case "message":
                return _json({"Message": refusal.message}, refusal.status)
            case "text":
                return PlainTextResponse(refusal.message, refusal.status)
            case "html":
                return HTMLResponse(f"<html><body>{refusal.message}</body></html>", refusal.status)
            case "empty":
                return Response(b"", refusal.status)
        return _json({"error": {"code": "", "message": refusal.message}}, refusal.status)


def _stored(account: Account, entity_set: EntitySet, key: str, user_id: int) -> tuple[EntitySet, Any]:
    """Where a keyed write lands; the singletons are addressed with zero."""
    number = writes.key_from(entity_set, key)
    if entity_set.name == "Self":
        return SETS["Users"], user_id
    if entity_set.name == "Account":
        return entity_set, account.id
    return entity_set, number


async def _body(request: Request) -> Row:
    raw = await request.body()
    if len(raw) > _BODY_LIMIT:
        raise Refusal(413, "O corpo passa de 10 MB.")
    try:
        body = loads(raw)
    except ValueError:
        raise bad("O corpo não é um JSON válido.") from None
    if not isinstance(body, dict):
        raise bad("O corpo deve ser um objeto JSON.")
    return body


def _base(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}/ploomes"


def _context(request: Request, entity_set: EntitySet) -> str:
    return f"{_base(request)}/$metadata#{entity_set.name}"


def _next_link(request: Request, skip: int) -> str:
    params = {name: text for name, text in request.query_params.items() if name != "$skip"}
    return f"{_base(request)}/{request.path_params['path']}?{urlencode(params | {'$skip': str(skip)}, safe='$')}"


def _json(body: Row, status: int = 200) -> Response:
    return Response(dumps(body), status, media_type="application/json; charset=utf-8")

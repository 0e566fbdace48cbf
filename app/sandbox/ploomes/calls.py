"""What a call does once it is let in: lists, writes by verb, actions by name (ploomes-api.md 1)."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from ..wire import Row, dumps, loads
from . import locked, query, rights, rules, uploads, writes
from .account import Account
from .faults import Refusal, bad, missing
from .query import Options, Rules
from .schema import SETS, EntitySet

_PATH = re.compile(r"(?P<set>[\w@]+)(?:\((?P<key>[^()]*)\))?(?:/(?P<action>\w+))?")
_BODY_LIMIT = 10 * 1024 * 1024
#: Sets whose page of 300 is published (ploomes-api.md 1, Paging).
_CAPPED = frozenset({"Contacts", "Deals", "Cities", "Tasks", "Orders", "Quotes"})


@dataclass(frozen=True)
class Call:
    """One call of one user on one set, with its key and action as they stand in the path."""

    request: Request
    account: Account
    user: Row
    entity_set: EntitySet
    key: str | None = None
    action: str | None = None

    @property
    def user_id(self) -> int:
        """Who calls."""
        return int(self.user["Id"])

    @property
    def webhooks(self) -> bool:
        """False when the write asks for silence and silence is granted."""
        silent = self.request.query_params.get("webhooks", "").lower() == "false"
        return not (silent and self.account.kernel.quirks.ploomes_webhooks_false)

    async def body(self) -> Row:
        """The JSON object of the request; raises Refusal."""
        raw = await self._raw()
        try:
            body = loads(raw)
        except ValueError:
            raise bad("O corpo não é um JSON válido.") from None
        if not isinstance(body, dict):
            raise bad("O corpo deve ser um objeto JSON.")
        return body

    async def upload(self) -> tuple[UploadFile, dict[str, str]]:
        """The part `file` of a multipart body, or its only file, and the other parts; raises Refusal."""
        await self._raw()
        if not self.request.headers.get("Content-Type", "").startswith("multipart/form-data"):
            raise bad("Envie o arquivo como multipart/form-data.")
        form = await self.request.form()
        files = {name: part for name, part in form.items() if isinstance(part, UploadFile)}
        chosen = files.get("file") or next(iter(files.values()), None)
        if chosen is None:
            raise bad("Informe a parte 'file'.")
        return chosen, {name: part for name, part in form.items() if isinstance(part, str)}

    async def _raw(self) -> bytes:
        raw = await self.request.body()
        if len(raw) > _BODY_LIMIT:
            raise Refusal(413, "O corpo passa de 10 MB.")
        return raw

    def options(self, entity_set: EntitySet | None = None) -> Options:
        """What to answer; raises Refusal."""
        quirks = self.account.kernel.quirks
        reading = Rules(self.account, quirks.ploomes_expand_depth, quirks.ploomes_any_forbidden)
        return query.parse(dict(self.request.query_params), entity_set or self.entity_set, reading)

    def target(self) -> tuple[EntitySet, Any]:
        """Where a keyed write lands; the singletons are addressed with zero. Raises Refusal."""
        number = writes.key_from(self.entity_set, self.key or "")
        if self.entity_set.name == "Self":
            return SETS["Users"], self.user_id
        if self.entity_set.name == "Account":
            return self.entity_set, self.account.id
        return self.entity_set, number

    def one(self, row: Row, options: Options) -> Response:
        """A list of one."""
        if options.entity_set.name == "Self":
            row = {**row, "AccountId": self.account.id}
        shown = self.account.shown(row, options, self.user_id)
        return json({"@odata.context": self._context(options.entity_set), "value": [shown]})

    def listed(self, rows: list[Row], options: Options) -> Response:
        """A page of rows that come by Id; raises Refusal."""
        size = self._page_size(options)
        shown, found = options.page(rows, size)
        answer: Row = {"@odata.context": self._context(options.entity_set)}
        if options.count:
            answer["@odata.count"] = found
        answer["value"] = [self.account.shown(row, options, self.user_id) for row in shown]
        if options.top is None and options.skip + size < found:
            answer["@odata.nextLink"] = self._next_link(options.skip + size)
        return json(answer)

    def _page_size(self, options: Options) -> int:
        quirks = self.account.kernel.quirks
        cap = int(quirks.ploomes_page_cap)
        if not quirks.ploomes_cap_everywhere and options.entity_set.name not in _CAPPED:
            cap = max(cap, len(self.account.sets[options.entity_set.name]))
        if options.top is None or options.top <= cap:
            return cap if options.top is None else options.top
        if quirks.ploomes_large_top == "refused":
            raise bad(f"O limite de $top é {cap}.")
        return cap if quirks.ploomes_large_top == "cut" else options.top

    def _base(self) -> str:
        return f"{str(self.request.base_url).rstrip('/')}/ploomes"

    def _context(self, entity_set: EntitySet) -> str:
        return f"{self._base()}/$metadata#{entity_set.name}"

    def _next_link(self, skip: int) -> str:
        params = {name: text for name, text in self.request.query_params.items() if name != "$skip"}
        path = self.request.path_params["path"]
        return f"{self._base()}/{path}?{urlencode(params | {'$skip': str(skip)}, safe='$')}"


def found(request: Request, account: Account, user: Row, path: str) -> Call:
    """The call a path stands for; raises Refusal (404)."""
    parts = _PATH.fullmatch(path)
    entity_set = SETS.get(parts["set"]) if parts else None
    if parts is None or entity_set is None or not (entity_set.verbs or parts["action"]):
        raise missing(f"Recurso '{path}'")
    return Call(request, account, user, entity_set, parts["key"], parts["action"])


async def by_verb(call: Call) -> Response:
    """GET, POST, PATCH or DELETE on a set; raises Refusal."""
    verb, entity_set = call.request.method, call.entity_set
    if verb not in entity_set.verbs:
        status = call.account.kernel.quirks.ploomes_put_status if verb == "PUT" else 405
        raise Refusal(status, f"O método {verb} não é permitido em '{entity_set.name}'.")
    rights.check(call.account, call.user, entity_set, verb)
    if verb == "GET":
        return _list(call)
    if (call.key is None) != (verb == "POST"):
        raise missing(f"Recurso '{call.request.path_params['path']}'")
    if verb == "POST":
        return await _create(call)
    stored, key = call.target()
    rights.check_row(call.account, call.user, stored, key)
    if verb == "DELETE":
        writes.remove(call.account, stored, key, call.user_id, webhooks=call.webhooks)
        return Response(b"", 200)
    options, body = call.options(), locked.by_api(call.account, stored, await call.body())
    return call.one(writes.change(call.account, stored, key, body, call.user_id, webhooks=call.webhooks), options)


async def _create(call: Call) -> Response:
    if call.entity_set.name == "Attachments":
        options, (file, _) = call.options(), await call.upload()
        return call.one(await uploads.store(call.account, file, call.user_id), options)
    options, body = call.options(), locked.by_api(call.account, call.entity_set, await call.body())
    if call.account.kernel.quirks.ploomes_required_fields:
        rules.check_required_fields(call.account, call.entity_set, body)
    row = writes.create(call.account, call.entity_set, body, call.user_id, webhooks=call.webhooks)
    return call.one(row, options)


def _list(call: Call) -> Response:
    options, account, entity_set = call.options(), call.account, call.entity_set
    if call.key is not None:
        # Reading by key is not served, only by $filter (ploomes-api.md 1).
        if not account.kernel.quirks.ploomes_get_by_key:
            raise missing(f"Recurso '{call.request.path_params['path']}'")
        stored, key = call.target()
        rights.check_row(account, call.user, stored, key)
        return call.one(writes.find(account, stored, key), options)
    after = options.after if options.only_id is None else options.only_id - 1
    rows = rights.visible(account, call.user, entity_set, account.rows(entity_set, call.user_id, after))
    return call.listed(rows if options.only_id is None else rows[:1], options)


def json(body: Row, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(dumps(body), status, media_type="application/json; charset=utf-8")

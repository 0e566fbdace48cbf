"""The HTTP side of the pretend Omie: envelope, key, limits, trouble, then the call (omie-api.md 1)."""

import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

from ..kernel import Kernel
from ..quirks import Quirks
from ..trouble import CALL_KINDS, Rule
from ..wire import Row, dumps, loads
from . import faults
from .calls import SERVICES, is_write
from .company import Company
from .faults import Fault
from .limits import IpLimit


class OmieServer:
    """Answers `POST <module>/<entity>/` for all apps of the sandbox."""

    def __init__(self, kernel: Kernel, companies: dict[str, Company]) -> None:
        self._kernel = kernel
        self._companies = companies
        self._ip = IpLimit(kernel)

    def restart(self) -> None:
        """Forgets the per-address window."""
        self._ip = IpLimit(self._kernel)

    async def __call__(self, request: Request) -> Response:
        """One API call."""
        if request.method != "POST":
            return _fault_answer(Fault("ERROR: Método HTTP não permitido, utilize POST.", "SOAP-ENV:Server", 405))
        service = request.path_params["path"].strip("/")
        try:
            envelope = _envelope(await request.body())
            company = self._company(envelope)
        except Fault as fault:
            return _fault_answer(fault)
        return await self._serve(request, company, service, str(envelope.get("call", "")), envelope)

    def _company(self, envelope: Row) -> Company:
        company = self._companies.get(str(envelope.get("app_key", "")))
        secret = str(envelope.get("app_secret", ""))
        if company is None or not secrets.compare_digest(company.app_secret.encode(), secret.encode()):
            raise Fault(*faults.REFUSED_KEY)
        return company

    async def _serve(self, request: Request, company: Company, service: str, call: str, envelope: Row) -> Response:
        kernel = self._kernel
        kernel.counters.request("omie", company.app_key, call)
        rule = kernel.trouble.take(CALL_KINDS, "omie", company.app_key, (call, service), request.method)
        if rule is not None and rule.kind == "block":
            company.limits.block(call, rule.seconds or kernel.quirks.omie_block_s)
        broken = rule is not None and rule.kind not in ("slow", "block", "fault", "429")
        if rule is not None and broken and rule.when == "before":
            return await kernel.trouble.answer(rule, request)
        try:
            answer = await self._run(request, company, service, call, envelope, rule)
        except Fault as fault:
            answer = self._refuse(company, call, fault)
        if rule is not None and broken:
            return await kernel.trouble.answer(rule, request)
        return answer

    async def _run(self, request: Request, company: Company, service: str, call: str, envelope: Row,
                   rule: Rule | None) -> Response:  # fmt: skip
        self._ip.spend(request.client.host if request.client else "local")
        param = envelope.get("param")
        with company.limits.admitted(call, service.encode() + _key(param), write=is_write(call)):
            await self._kernel.clock.sleep(self._kernel.quirks.omie_latency_ms / 1000)
            await self._kernel.trouble.slow(rule)
            if rule is not None and rule.kind in ("fault", "429") and rule.when == "before":
                raise _scripted(rule)
            known = SERVICES.get(service, {}).get(call)
            if known is None:
                raise faults.unknown_method(call)
            answer = known.answer(company, _param(param))
        if rule is not None and rule.kind in ("fault", "429"):
            raise _scripted(rule)
        company.limits.success(call)
        return Response(dumps(answer, ascii_only=True), media_type="application/json")

    def _refuse(self, company: Company, call: str, fault: Fault) -> Response:
        kernel, app_key = self._kernel, company.app_key
        if fault.cause is not None:
            kernel.counters.refusal("omie", app_key, fault.cause)
        else:
            kernel.counters.fault("omie", app_key, fault.code)
        if fault.cause != "block":
            company.limits.error(call)
        quirks = kernel.quirks
        _reword(fault, quirks)
        if fault.status == 429 and quirks.omie_429_body != "json":
            body = _HTML_429 if quirks.omie_429_body == "html" else b""
            return Response(body, 429, _retry_after(quirks), media_type="text/html")
        status = 200 if quirks.omie_fault_http_200 and fault.status == 500 else fault.status
        answer = _fault_answer(fault, status, with_code=not quirks.omie_fault_without_code)
        if fault.status == 429:
            answer.headers.update(_retry_after(quirks))
        return answer


_HTML_429 = b"<html><body><h1>429 Too Many Requests</h1></body></html>"


def _retry_after(quirks: Quirks) -> dict[str, str]:
    return {"Retry-After": "60"} if quirks.omie_429_retry_after else {}


def _reword(fault: Fault, quirks: Quirks) -> None:
    """What the reference doubts of codes and texts (omie-api.md 6, rows 3 and 4)."""
    if fault.sort == "duplicate":
        fault.code = f"SOAP-ENV:Client-{quirks.omie_duplicate_code}"
    if fault.sort == "missing":
        if quirks.omie_missing_wording == "id":
            fault.text = fault.text.replace("para o Código [", "para o ID [")
        elif quirks.omie_missing_wording == "found":
            fault.text = re.sub(r"cadastrad([oa]) para o Código \[.*?\] !", r"encontrad\1!", fault.text)


def _envelope(body: bytes) -> Row:
    try:
        envelope = loads(body)
    except ValueError:
        raise Fault(*faults.BAD_JSON) from None
    if not isinstance(envelope, dict):
        raise Fault(*faults.BAD_OBJECT)
    return envelope


def _key(param: object) -> bytes:
    """What makes two calls the same: their param, whatever the order of its tags."""
    return repr(_sorted(param)).encode()


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return sorted((name, _sorted(inner)) for name, inner in value.items())
    return [_sorted(inner) for inner in value] if isinstance(value, list) else value


def _param(param: object) -> Row:
    if not isinstance(param, list) or len(param) > 1 or not all(isinstance(item, dict) for item in param):
        raise Fault(*faults.BAD_OBJECT)
    if not param or not param[0]:
        raise Fault(*faults.EMPTY_PARAM)
    given: Row = param[0]
    return given


def _scripted(rule: Rule) -> Fault:
    if rule.kind == "429":
        return faults.too_many("rate")
    return Fault(rule.text or "SOAP-ERROR: Broken response from Application Server (4)",
                 rule.code or "SOAP-ENV:Server", rule.status or 500)  # fmt: skip


def _fault_answer(fault: Fault, status: int | None = None, *, with_code: bool = True) -> Response:
    body = {"faultstring": fault.text, "faultcode": fault.code}
    if not with_code:
        del body["faultcode"]
    return Response(dumps(body, ascii_only=True), status or fault.status, media_type="application/json")

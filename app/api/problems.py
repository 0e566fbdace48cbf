"""Every refusal as `application/problem+json` (RFC 9457), in Portuguese, never with a stack trace."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.core.errors import Unavailable, UserError
from app.core.log import get_logger
from app.core.validation import field_errors

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "5"
PROBLEMS: Mapping[int, tuple[str, str]] = {
    400: ("Pedido inválido", "O pedido não pôde ser entendido."),
    401: ("Não autorizado", "Envie um token válido no cabeçalho Authorization: Bearer."),
    403: ("Acesso negado", "O token não tem permissão para esta operação."),
    404: ("Não encontrado", "O endereço ou o registro pedido não existe."),
    405: ("Método não permitido", "Este endereço não aceita este método."),
    406: ("Formato não disponível", "O formato pedido no cabeçalho Accept não está disponível."),
    408: ("Tempo esgotado", "O corpo do pedido demorou demais para chegar."),
    409: ("Conflito", "O pedido não pode ser atendido no estado atual."),
    413: ("Corpo grande demais", "O corpo do pedido passa do tamanho permitido."),
    415: ("Formato não aceito", "Envie o corpo em JSON."),
    422: ("Dados inválidos", "Corrija os campos indicados e envie de novo."),
    429: ("Pedidos demais", "Aguarde um pouco antes de tentar de novo."),
    500: ("Erro interno", "Algo deu errado do nosso lado; o erro foi registrado."),
    503: ("Indisponível no momento", "O serviço não consegue gravar agora; tente de novo em instantes."),
}
"""Status -> title and detail."""

_log = get_logger(__name__)


def problem(
    status: int,
    detail: str | None = None,
    *,
    title: str | None = None,
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> Response:
    """The answer for `status`; `extra` members join the document."""
    usual = PROBLEMS.get(status, (HTTPStatus(status).phrase, ""))
    slug = HTTPStatus(status).phrase.lower().replace(" ", "-")
    body = {
        "type": f"urn:ponte:problem:{slug}",
        "title": title or usual[0],
        "status": status,
        "detail": detail or usual[1],
        **{name: value for name, value in extra.items() if value is not None},
    }
    content = json.dumps(body, ensure_ascii=False, default=str).encode("utf-8", "replace")
    return Response(content, status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Registers a handler for everything an endpoint may raise; what nobody foresaw is `main`'s (500)."""
    app.add_exception_handler(UserError, _user_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for away in (Unavailable, OperationalError, InterfaceError, PoolTimeout, ConnectionError):
        app.add_exception_handler(away, _away)


async def _user_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, UserError)  # registered for this class only
    extra = {"errors": error.errors, **error.extra}
    return problem(error.status, error.detail, title=error.title, headers=_challenge(error.status), **extra)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem(422, errors=field_errors([{**each, "loc": _place(each["loc"])} for each in error.errors()]))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, headers=error.headers)


async def _away(request: Request, error: Exception) -> Response:
    _log.error("database away", problem=type(error).__name__, path=request.url.path)
    return problem(503, headers={"Retry-After": RETRY_SECONDS})


def _challenge(status: int) -> Mapping[str, str] | None:
    return {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None


def _place(location: Any) -> tuple[str | int, ...]:
    """A field's place without the part of the request it came in."""
    steps = tuple(location)
    return steps[1:] if steps and steps[0] in ("body", "query", "path", "header") else steps

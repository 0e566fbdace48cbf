"""`$batch` in JSON form, served only by switch: the vendor publishes nothing about it (ploomes-api.md 1 and 8)."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from ..wire import Row, dumps, loads
from .faults import bad

Serve = Callable[[Request], Awaitable[Response]]


async def run(request: Request, serve: Serve) -> list[Row]:
    """Serves the parts one after the other, each on its own; raises Refusal (400) for a body that is no batch."""
    try:
        parts = loads(await request.body())["requests"]
        requests = [(part["id"], _part(request, part)) for part in parts]
    except (ValueError, KeyError, TypeError) as error:
        raise bad("O corpo não é um lote válido.") from error
    return [_answer(number, await serve(part)) for number, part in requests]


def _part(request: Request, part: Row) -> Request:
    path, _, query = str(part["url"]).lstrip("/").partition("?")
    body = dumps(part["body"]) if part.get("body") is not None else b""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    scope: dict[str, Any] = {
        **request.scope,
        "method": str(part["method"]).upper(),
        "query_string": query.replace(" ", "%20").encode(),
        "path_params": {"path": path},
    }
    return Request(scope, receive)


def _answer(number: object, answer: Response) -> Row:
    content = bytes(answer.body)
    return {"id": number, "status": answer.status_code, "body": loads(content) if content else None}

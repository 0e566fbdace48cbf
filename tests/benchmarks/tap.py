"""The sandbox with a tap: notes when each write of the service was answered, without a line of the service's code.

`python -m tests.benchmarks.tap --port 9000`; `GET /tap?since=n` answers the writes from the n-th on;
`POST /tap/catalogue {"products","families","places"}` lays a catalogue into Omie that nobody had to type.
"""

import argparse
import json
import re
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import uvicorn

from app.sandbox.app import Sandbox
from app.sandbox.omie.company import Company, Entry

PLOOMES_PATH = re.compile(r"^/ploomes/+([A-Za-z@]+)(?:\((\d+)\))?")
OLD = timedelta(days=200)
"""How long ago a catalogue that is laid was typed: no sweep of what changed lately finds it."""
OMIE_IDS = ("codigo_cliente_omie", "nCodCliente", "codigo")


class Tap:
    """ASGI middleware around the sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.inner: Any = sandbox.asgi
        self.writes: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers /tap itself, notes writes of the API paths, and lets everything through untouched."""
        path = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(("/tap", "/omie/", "/ploomes/")):
            await self.inner(scope, receive, send)
        elif path == "/tap":
            await self._answer(scope, send)
        elif path == "/tap/catalogue":
            await self._lay(receive, send)
        else:
            await self._note(scope, receive, send)

    async def _note(self, scope: Any, receive: Any, send: Any) -> None:
        body, answer, sent = bytearray(), bytearray(), time.time()
        status = 0

        async def reading() -> Any:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                answer.extend(message.get("body", b""))
            await send(message)

        await self.inner(scope, reading, sending)
        subject = _omie_write(bytes(body)) if scope["path"].startswith("/omie/") else _ploomes_write(scope)
        if subject is not None:
            vendor, method, record = subject
            record = record or _id_in(bytes(answer))
            self.writes.append(
                {
                    "vendor": vendor,
                    "method": method,
                    "id": record,
                    "sent": sent,
                    "done": time.time(),
                    "ok": status == 200 and b"faultstring" not in answer,
                }
            )

    async def _lay(self, receive: Any, send: Any) -> None:
        wanted = json.loads((await receive()).get("body") or b"{}")
        company = next(iter(self.sandbox.world.companies.values()))
        lay_catalogue(company, wanted["products"], wanted["families"], wanted["places"])
        await self._say(send, {"laid": len(company.registers["produtos"])})

    async def _answer(self, scope: Any, send: Any) -> None:
        since = int(parse_qs(scope["query_string"].decode()).get("since", ["0"])[0])
        await self._say(send, {"total": len(self.writes), "writes": self.writes[since:]})

    @staticmethod
    async def _say(send: Any, content: Any) -> None:
        body = json.dumps(content).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def lay_catalogue(company: Company, products: int, families: int, places: int) -> None:
    """Products with families and stock in several places, straight into the registers: no webhook, no uniqueness to
    check, which would take a person's screen hours."""
    fresh = company.stamp(company.person(None))

    def put(register: str, **row: Any) -> int:
        at = fresh.created - OLD - timedelta(minutes=len(company.registers[register]))
        entry = Entry(company.kernel.omie_id(), row, replace(fresh, created=at, changed=at))
        company.registers[register][entry.id] = entry
        return entry.id

    groups = [put("familias", nomeFamilia=f"Família {n:04d}", codFamilia=f"F{n}", inativo="N") for n in range(families)]
    held = list(company.registers["locais"])
    for n in range(len(held), places):
        held.append(
            put("locais", codigo=f"DEP{n}", descricao=f"Depósito {n}", tipo="1", padrao="N", inativo="N", dispVenda="S")
        )
    for n in range(products):
        product = put(
            "produtos", codigo=f"SKU-{n:06d}", descricao=f"Produto número {n:06d}", unidade="UN", ncm="0000.00.00",
            valor_unitario=Decimal(n % 500) + Decimal("9.90"), tipoItem="00", inativo="S" if n % 50 == 0 else "N",
            codigo_familia=groups[n % len(groups)],
        )  # fmt: skip
        for place in held[:places]:
            company.stock.lay(product, place, Decimal(n % 97), Decimal("4.5"), Decimal(5))


def _omie_write(body: bytes) -> tuple[str, str, str | None] | None:
    try:
        envelope = json.loads(body)
        call, param = str(envelope["call"]), envelope["param"][0]
    except (ValueError, KeyError, IndexError, TypeError):
        return None
    if call.startswith(("Consultar", "Listar", "Pesquisar", "Obter", "Status")):
        return None
    ids = (str(param[name]) for name in OMIE_IDS if param.get(name))
    return "omie", call, next(ids, None)


def _ploomes_write(scope: Any) -> tuple[str, str, str | None] | None:
    match = PLOOMES_PATH.match(scope["path"])
    if scope["method"] == "GET" or match is None:
        return None
    return "ploomes", f"{scope['method']} {match[1]}", match[2]


def _id_in(answer: bytes) -> str | None:
    """The id of a created record: Omie's code, or the first row of Ploomes' list-of-one."""
    try:
        body = json.loads(answer)
    except ValueError:
        return None
    if isinstance(body, dict) and (rows := body.get("value")):
        body = rows[0]
    if not isinstance(body, dict):
        return None
    return next((str(body[name]) for name in (*OMIE_IDS, "Id") if body.get(name)), None)


def main() -> None:
    """Serves the tapped sandbox on the loopback until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--speed", type=float, default=1.0)
    arguments = parser.parse_args()
    sandbox = Sandbox(seed="empty", speed=arguments.speed)
    uvicorn.run(Tap(sandbox), host="127.0.0.1", port=arguments.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()

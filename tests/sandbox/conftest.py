"""A sandbox in process, with short names for its three surfaces and a receiver for its webhooks."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.sandbox.app import Sandbox

APP_KEY, APP_SECRET, USER_KEY = "1000000000001", "sandbox-app-secret", "sandbox-user-key"


class Receiver:
    """A pretend receiver of webhooks: keeps what arrives, answers the queued statuses and then 200."""

    def __init__(self) -> None:
        self.posts: list[httpx.Request] = []
        self.statuses: list[int] = []
        self._more = asyncio.Condition()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        async with self._more:
            self.posts.append(request)
            self._more.notify_all()
        return httpx.Response(self.statuses.pop(0) if self.statuses else 200)

    async def arrived(self, count: int) -> None:
        """Waits for the count-th post."""
        async with self._more:
            await self._more.wait_for(lambda: len(self.posts) >= count)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(post.content) for post in self.posts]


class Bench:
    """The sandbox under test."""

    def __init__(self, sandbox: Sandbox, http: httpx.AsyncClient, receiver: Receiver) -> None:
        self.sandbox, self.http, self.receiver = sandbox, http, receiver

    async def omie(self, call: str, param: Any, service: str = "geral/clientes", key: str = APP_KEY,
                   secret: str = APP_SECRET) -> httpx.Response:  # fmt: skip
        params = param if isinstance(param, list) else [param]
        body = {"call": call, "app_key": key, "app_secret": secret, "param": params}
        return await self.http.post(f"/omie/api/v1/{service}/", json=body)

    async def fault(self, call: str, param: Any, service: str = "geral/clientes") -> str:
        answer = await self.omie(call, param, service)
        return str(answer.json()["faultstring"])

    async def ploomes(self, verb: str, path: str, body: Any = None, key: str = USER_KEY) -> httpx.Response:
        return await self.http.request(verb, f"/ploomes/{path}", json=body, headers={"User-Key": key})

    async def rows(self, path: str) -> list[dict[str, Any]]:
        answer = await self.ploomes("GET", path)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["value"])

    async def contact(self, **fields: Any) -> dict[str, Any]:
        answer = await self.ploomes(
            "POST", "Contacts?$expand=Phones,Tags,OtherProperties", {"Name": "Padaria", **fields}
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["value"][0])

    async def control(self, verb: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(verb, f"/sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def quirk(self, **values: Any) -> None:
        await self.control("POST", "quirks", values)

    async def omie_screen(self, verb: str, path: str, body: Any = None) -> Any:
        return await self.control(verb, f"omie/{APP_KEY}/screen/{path}", body)

    async def refusals(self) -> dict[str, int]:
        return dict((await self.control("GET", "counters"))["omie"][APP_KEY]["refusals"])

    def later(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    async def delivered(self) -> list[dict[str, Any]]:
        await asyncio.wait_for(self.sandbox.courier.idle(), 5)
        return self.receiver.bodies


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    receiver = Receiver()
    async with httpx.AsyncClient(transport=httpx.MockTransport(receiver)) as deliver:
        sandbox = Sandbox(seed="empty", deliver=deliver)
        await sandbox.start()
        transport = httpx.ASGITransport(sandbox.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
            yield Bench(sandbox, http, receiver)
        await sandbox.stop()


def client(code: str = "C-1", **fields: Any) -> dict[str, Any]:
    """A param that IncluirCliente accepts."""
    return {
        "codigo_cliente_integracao": code,
        "razao_social": "Padaria Exemplo Ltda",
        "nome_fantasia": "Padaria Exemplo",
        "cnpj_cpf": "11.222.333/0001-81",
        **fields,
    }

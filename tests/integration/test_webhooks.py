"""The door of contract section 3, over the real application and both databases."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from app.core.db import Database
from app.core.vault import Vault
from app.main import create_app
from app.sync.models import Event, Integration
from tests.factories import VAULT, add_integration
from tests.integration.conftest import Parts

PROBLEM = "application/problem+json"


@pytest.fixture
async def shop(db: Database) -> Integration:
    return await add_integration(db)


def address(shop: Integration, vendor: str = "omie") -> str:
    return f"/webhooks/{vendor}/{VAULT.decrypt(getattr(shop, f'{vendor}_token'))}"


def key(shop: Integration) -> dict[str, str]:
    return {"X-Ploomes-Validation-Key": VAULT.decrypt(shop.validation_key)}


def omie_body(shop: Integration, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "messageId": "a256eee5-bd23-46b2-b781-a1fe6b5c3c76", "topic": "ClienteFornecedor.Alterado",
        "event": {"codigo_cliente_omie": 4214850, "razao_social": "Padaria São João Ltda"},
        "author": {"email": "ana@padaria.com.br", "name": "Ana", "userId": 12}, "appKey": shop.omie_app_key,
        "appHash": "padaria-1", "origin": "omie-connect-2.0",
    }  # fmt: skip
    return {**body, **changes}


PLOOMES_BODY = {
    "AccountId": 1000001, "Action": "Update", "ActionUserId": 10000002, "Entity": "Contacts",
    "Old": {"Id": 501, "Name": "Padaria"}, "New": {"Id": 501, "Name": "Padaria Nova"}, "WebhookId": 50000001,
}  # fmt: skip


async def stored(db: Database) -> list[Event]:
    async with db.read() as session:
        return list((await session.execute(select(Event).order_by(Event.id))).scalars())


@pytest.mark.feature("F042", "F048")
async def test_a_genuine_post_is_stored_before_it_is_answered(
    web: httpx.AsyncClient, db: Database, shop: Integration
) -> None:
    answer = await web.post(address(shop), json=omie_body(shop))
    (event,) = await stored(db)
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted", "id": event.id})
    assert (event.vendor, event.entity, event.external_id, event.state) == ("omie", "clients", "4214850", "received")
    assert json.loads(event.body or "")["event"]["razao_social"] == "Padaria São João Ltda"


async def test_a_repeated_message_is_a_duplicate(web: httpx.AsyncClient, db: Database, shop: Integration) -> None:
    first = await web.post(address(shop), json=omie_body(shop))
    again = await web.post(address(shop), json=omie_body(shop))
    assert again.status_code == 200
    assert again.json() == {"status": "duplicate", "id": first.json()["id"]}
    assert len(await stored(db)) == 1


@pytest.mark.feature("F050", "F282")
async def test_the_api_author_is_an_echo(web: httpx.AsyncClient, db: Database, shop: Integration) -> None:
    body = omie_body(shop, author={"email": "no-reply@omie.com.br", "name": "Integração", "userId": 89})
    answer = await web.post(address(shop), json=body)
    assert answer.json()["status"] == "echo"
    assert [event.state for event in await stored(db)] == ["echo"]


@pytest.mark.feature("F043", "F044", "F045", "F046", "F048")
@pytest.mark.parametrize(
    ("topic", "event", "entity"),
    [
        ("Produto.Alterado", {"codigo_produto": 7}, "products"),
        ("Produto.MovimentacaoEstoque", {"codigo_produto": 7}, "stock"),
        ("Servico.Incluido", {"intListar": {"nCodServ": 7}}, "services"),
        ("VendaProduto.EtapaAlterada", {"idPedido": 7}, "orders"),
        ("OrdemServico.Incluida", {"idOrdemServico": 7}, "service_orders"),
        ("Vendedor.Alterado", {"codigo": 7}, "sellers"),
        ("Financas.ContaReceber.Incluido", {"codigo_lancamento_omie": 7}, None),
    ],
)
async def test_one_address_takes_every_topic(
    web: httpx.AsyncClient, db: Database, shop: Integration, topic: str, event: dict[str, Any], entity: str | None
) -> None:
    answer = await web.post(address(shop), json=omie_body(shop, topic=topic, event=event))
    assert answer.json()["status"] == "accepted"
    assert [(one.entity, one.topic) for one in await stored(db)] == [(entity, topic)]


@pytest.mark.feature("F041", "F047")
@pytest.mark.parametrize("body", [{"ping": "omie"}, {}, {"hello": 1}])
async def test_the_ping_is_answered_and_ends_the_wait(
    web: httpx.AsyncClient, db: Database, body: dict[str, Any]
) -> None:
    shop = await add_integration(db, "awaiting_first_webhook")
    answer = await web.post(address(shop), json=body)
    assert answer.status_code == 200
    async with db.read() as session:
        row = await session.get_one(Integration, shop.id)
    assert (row.state, await stored(db)) == ("active", [])
    assert row.first_omie_post_at == row.last_omie_post_at is not None


async def test_a_first_event_ends_the_wait_too_but_never_wakes_an_inactive_one(
    web: httpx.AsyncClient, db: Database
) -> None:
    waiting, inactive = await add_integration(db, "awaiting_first_webhook"), await add_integration(db, "inactive")
    for shop in (waiting, inactive):
        assert (await web.post(address(shop), json=omie_body(shop))).json()["status"] == "accepted"
    async with db.read() as session:
        states = [(await session.get_one(Integration, shop.id)).state for shop in (waiting, inactive)]
    assert states == ["active", "inactive"]
    assert [(event.state, event.cause) for event in await stored(db)] == [("received", None), ("waiting", "inactive")]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_look_at_the_address_is_answered(web: httpx.AsyncClient, shop: Integration, method: str) -> None:
    assert (await web.request(method, address(shop))).status_code == 200


async def test_strangers_are_sent_away_and_nothing_is_stored(
    web: httpx.AsyncClient, db: Database, shop: Integration
) -> None:
    other = await add_integration(db)
    answers = [
        await web.post("/webhooks/omie/guessed", json=omie_body(shop)),
        await web.post(address(shop, "ploomes").replace("ploomes", "omie", 1), json=omie_body(shop)),
        await web.post(address(shop), json=omie_body(other)),
        await web.post(address(shop), json={"topic": "Produto.Alterado", "event": {"codigo_produto": 1}}),
        await web.post(address(shop, "ploomes"), json=PLOOMES_BODY),
        await web.post(address(shop, "ploomes"), json=PLOOMES_BODY, headers=key(other)),
        await web.put(address(shop), json={}),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 401, 401, 401, 401, 405]
    assert {answer.headers["content-type"] for answer in answers} == {PROBLEM}
    assert await stored(db) == []


async def test_a_ploomes_post_with_the_validation_key_is_stored(
    web: httpx.AsyncClient, db: Database, shop: Integration
) -> None:
    answer = await web.post(address(shop, "ploomes"), json=PLOOMES_BODY, headers=key(shop))
    assert answer.json()["status"] == "accepted"
    assert [(event.vendor, event.entity, event.external_id) for event in await stored(db)] == [
        ("ploomes", "clients", "501")
    ]


HOSTILE = [
    b"", b"not json", b"[]", b"42", b'"text"', b"null", b"\xff\xfe\x00", b"[" * 100_000, b'{"a":' * 50_000,
    b'{"topic":"ClienteFornecedor.Alterado","appKey":NaN}', b'{"topic":1e400}', b'{"a":"\\u0000","a":"\\ud800"}',
    b"\x1f\x8b\x08\x00bomb", b"9" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
async def test_what_nobody_can_read_is_never_a_server_error(
    web: httpx.AsyncClient, db: Database, shop: Integration, raw: bytes
) -> None:
    for vendor, headers in (("omie", {}), ("ploomes", key(shop))):
        started = time.perf_counter()
        answer = await web.post(address(shop, vendor), content=raw, headers=headers)
        assert answer.status_code in (200, 401), (vendor, answer.text)
        assert time.perf_counter() - started < 0.5
    for event in await stored(db):
        assert (event.state, event.cause, event.due_at) == ("ignored", "unreadable", None)
        assert event.reason


async def test_an_unintelligible_genuine_body_is_kept(web: httpx.AsyncClient, db: Database, shop: Integration) -> None:
    answer = await web.post(address(shop), content=b"<html>oops</html>")
    assert answer.status_code == 200
    assert [event.body for event in await stored(db)] == ["<html>oops</html>"]


async def test_a_body_that_is_too_large_is_refused_without_reading_it_all(parts: Parts, shop: Integration) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 100_000
            yield b"x" * 100_000

    transport = httpx.ASGITransport(create_app(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://ponte.test") as client:
        announced = await client.post(address(shop), content=b"x" * 1_000_001)
    assert announced.status_code == 413
    status = await _stream(create_app(parts), address(shop), endless())
    assert status == 413
    assert read <= 1_200_000


async def test_who_announces_too_much_is_heard_out_and_told(parts: Parts, shop: Integration) -> None:
    read = 0

    async def three_megabytes() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(30):
            read += 100_000
            yield b"x" * 100_000

    announced = [(b"content-length", b"3000000")]
    assert await _stream(create_app(parts), address(shop), three_megabytes(), announced) == 413
    assert read == 3_000_000  # a connection closed earlier would take the answer with it


async def _stream(
    app: Any, path: str, chunks: AsyncIterator[bytes], headers: list[tuple[bytes, bytes]] | None = None
) -> int:
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        chunk = await anext(chunks, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers or [], "http_version": "1.1", "scheme": "http",
        "server": ("ponte.test", 80), "client": ("127.0.0.1", 1),
    }  # fmt: skip
    await app(scope, receive, send)
    return statuses[0]


async def test_a_body_that_never_ends_is_given_up(parts: Parts, shop: Integration) -> None:
    parts.settings.body_seconds = 0.05

    async def slow() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    assert await _stream(create_app(parts), address(shop), slow()) == 408


async def test_without_a_database_the_vendor_is_told_to_come_back(
    web: httpx.AsyncClient, parts: Parts, shop: Integration
) -> None:
    path, body = address(shop), omie_body(shop)
    async with parts.db.transaction() as session:
        await session.execute(text("ALTER TABLE events RENAME TO events_away"))
    try:
        answer = await web.post(path, json=body)
    finally:
        async with parts.db.transaction() as session:
            await session.execute(text("ALTER TABLE events_away RENAME TO events"))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["content-type"] == PROBLEM
    assert (await web.post(path, json=body)).json()["status"] == "accepted"


async def test_a_key_that_opens_nothing_refuses_rather_than_accepts(
    web: httpx.AsyncClient, parts: Parts, db: Database, shop: Integration
) -> None:
    parts.vault = Vault(["another-key"])
    answer = await web.post(address(shop, "ploomes"), json=PLOOMES_BODY, headers=key(shop))
    assert answer.status_code == 500
    assert answer.headers["content-type"] == PROBLEM
    assert await stored(db) == []


async def test_a_burst_is_taken_whole(web: httpx.AsyncClient, db: Database, shop: Integration) -> None:
    bodies = [omie_body(shop, messageId=f"m-{n % 150}", event={"codigo_cliente_omie": n % 150 + 1}) for n in range(300)]
    answers = await asyncio.gather(*(web.post(address(shop), json=body) for body in bodies))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 150 == len(await stored(db))

"""Health, metrics, bearer scopes and the shape of refusals."""

from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from pydantic import BaseModel

from app.api.deps import Caller, require
from app.core import migrate
from app.core.clock import Clock
from app.core.db import Base, Database
from app.core.errors import Unavailable, UserError
from app.core.vault import hash_token
from app.main import create_app
from app.sync.models import ApiToken, Event
from tests.factories import add_integration, notice
from tests.integration.conftest import Parts

ADMIN = {"Authorization": "Bearer test-admin-token"}


class _Body(BaseModel):
    name: str
    size: int


@pytest.fixture
async def api(parts: Parts) -> httpx.AsyncClient:
    """The application with a few endpoints of every scope and trouble."""
    app: FastAPI = create_app(parts)

    @app.get("/try/{scope}")
    async def read(scope: str, caller: Annotated[Caller, Depends(require("read"))]) -> dict[str, str]:
        return {"caller": caller.name, "scope": caller.scope}

    @app.post("/try/ops", dependencies=[Depends(require("ops"))])
    async def ops(body: _Body) -> None: ...

    @app.delete("/try/admin", dependencies=[Depends(require("admin"))])
    async def admin() -> None: ...

    @app.get("/trouble/{kind}")
    async def trouble(kind: str) -> None:
        errors: dict[str, Exception] = {
            "user": UserError(409, "Já existe", "Este nome já é usado.", errors=None, next_window="20:00"),
            "away": Unavailable("database"),
            "bug": RuntimeError("app_secret=canary-in-a-bug"),
        }
        raise errors[kind]

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://ponte.test")


async def add_token(db: Database, clock: Clock, scope: str, **changes: object) -> dict[str, str]:
    async with db.transaction() as session:
        session.add(
            ApiToken(name=f"token {scope}", scope=scope, token_hash=hash_token(f"t-{scope}"), created_at=clock.now(),
                     **changes)
        )  # fmt: skip
    return {"Authorization": f"Bearer t-{scope}"}


async def test_scopes_include_the_smaller_ones(api: httpx.AsyncClient, db: Database, clock: Clock) -> None:
    read, ops = await add_token(db, clock, "read"), await add_token(db, clock, "ops")
    body = {"name": "x", "size": 1}
    for headers, expected in ((read, (200, 403, 403)), (ops, (200, 200, 403)), (ADMIN, (200, 200, 200))):
        answers = (
            await api.get("/try/read", headers=headers),
            await api.post("/try/ops", headers=headers, json=body),
            await api.delete("/try/admin", headers=headers),
        )
        assert tuple(answer.status_code for answer in answers) == expected
    assert (await api.get("/try/read", headers=ops)).json() == {"caller": "token ops", "scope": "ops"}


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer nope"}, {"Authorization": "Basic dGVzdA=="}, {"Authorization": "Bearer "}]
)
async def test_without_a_valid_token_nobody_gets_in(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await api.get("/try/read", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].startswith("Envie um token")


async def test_a_revoked_token_is_none(api: httpx.AsyncClient, db: Database, clock: Clock) -> None:
    headers = await add_token(db, clock, "admin", revoked_at=clock.now())
    assert (await api.get("/try/read", headers=headers)).status_code == 401


async def test_field_errors_are_named_in_portuguese(api: httpx.AsyncClient) -> None:
    answer = await api.post("/try/ops", headers=ADMIN, json={"size": "muitos"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": "name", "message": "campo obrigatório"},
        {"field": "size", "message": "deve ser um número inteiro"},
    ]
    broken = await api.post("/try/ops", headers={**ADMIN, "Content-Type": "application/json"}, content=b"{")
    assert broken.status_code == 422
    assert "problem+json" in broken.headers["content-type"]
    assert broken.json()["errors"] == [{"field": "documento", "message": "JSON inválido no caractere 1"}]


async def test_a_body_beyond_all_measure_is_refused_while_it_comes(api: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 50_000_000:
            sent += 1_000_000
            yield b" " * 1_000_000

    answer = await api.post("/try/ops", content=endless())  # a stranger's: no token is asked for before
    assert (answer.status_code, answer.json()["title"]) == (413, "Corpo grande demais")
    assert sent <= 12_000_000


async def test_every_trouble_is_a_problem_document(api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    for path, status in (("/trouble/user", 409), ("/trouble/away", 503), ("/trouble/bug", 500), ("/nowhere", 404)):
        answer = await api.get(path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail"} <= set(answer.json())
        assert "canary" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"]
    assert (await api.get("/trouble/user")).json()["next_window"] == "20:00"
    assert (await api.get("/trouble/away")).headers["retry-after"] == "5"


async def test_ready_names_the_part_that_is_not(
    web: httpx.AsyncClient, parts: Parts, db: Database, clock: Clock
) -> None:
    assert (await web.get("/health/live")).json() == {"status": "ok"}
    before = await web.get("/health/ready")
    assert before.status_code == 503
    assert [part["name"] for part in before.json()["parts"] if not part["ok"]] == ["migrations"]


async def test_ready_when_all_is_well_and_red_when_a_live_event_is_overdue(
    tmp_path: object, web: httpx.AsyncClient, parts: Parts, clock: Clock
) -> None:
    fresh = Database(f"sqlite+aiosqlite:///{tmp_path}/migrated.db")
    await migrate.upgrade(fresh)
    parts.db, parts.inbox = fresh, type(parts.inbox)(fresh, clock, parts.queue)
    assert (await web.get("/health/ready")).json()["ready"] is True
    shop = await add_integration(fresh)
    await parts.inbox.store(shop.id, notice(), "{}")
    async with fresh.transaction() as session:
        await session.execute(Event.__table__.update().values(due_at=clock.time() - 600))  # type: ignore[attr-defined]
    late = await web.get("/health/ready")
    assert late.status_code == 503
    assert [part["name"] for part in late.json()["parts"] if not part["ok"]] == ["events"]
    await fresh.close()


async def test_ready_without_a_database(web: httpx.AsyncClient, parts: Parts) -> None:
    parts.db = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    answer = await web.get("/health/ready")
    assert answer.status_code == 503
    assert "database" in [part["name"] for part in answer.json()["parts"] if not part["ok"]]
    await parts.db.close()


async def test_metrics_are_exposed_and_name_no_integration(web: httpx.AsyncClient, db: Database) -> None:
    await web.post("/webhooks/omie/guessed-token", json={})
    answer = await web.get("/metrics")
    assert answer.status_code == 200
    assert 'ponte_webhooks_total{outcome="unknown",vendor="omie"}' in answer.text
    assert "guessed-token" not in answer.text
    assert Base.metadata.tables

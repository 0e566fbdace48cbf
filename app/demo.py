"""The demo: the whole service against pretend vendors, one integration activated, people editing on both screens."""

import asyncio
import json
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from app.core import migrate
from app.core.config import Settings, load_settings
from app.core.log import setup_logging
from app.main import create_app
from app.sandbox.app import Sandbox
from app.serving import free_port, run, server
from app.sync.setup.credentials import Credentials
from app.wiring import Ponte

APP_KEY, APP_SECRET, USER_KEY = "1000000000001", "sandbox-app-secret", "sandbox-user-key"
"""Credentials of the sandbox's first Omie app and Ploomes account."""
EDIT_EVERY_SECONDS = 3
ACCOUNT_LIMITS = {"ploomes_rate_per_minute": 360}
"""The 6 requests a second that Ploomes grants; the sandbox's default is the stricter published number, which would
spend the demo's first minutes on waiting."""
HOST = "127.0.0.1"


async def main(port: int, console: Console, *, seed: str = "demo") -> bool:
    """Runs until Ctrl-C in a folder that is removed at the end. Answers False when a port could not be had."""
    with tempfile.TemporaryDirectory(prefix="ponte-demo-") as folder:
        vendors = free_port(port + 1)
        settings = _settings(Path(folder), port, vendors)
        setup_logging("console", "WARNING")
        ponte = Ponte(settings)
        await migrate.upgrade(ponte.db)
        servers = [
            server(Sandbox(seed=seed).asgi, HOST, vendors),
            server(create_app(ponte, with_worker=True), HOST, port),
        ]
        return await run(servers, when_ready=lambda: _show(ponte, vendors, console))


def _settings(folder: Path, port: int, vendors: int) -> Settings:
    return load_settings(
        environment="local",
        data_dir=folder,
        database_url=f"sqlite+aiosqlite:///{folder / 'ponte.db'}",
        redis_url="",
        secret_key=SecretStr(""),
        admin_token=SecretStr(""),
        omie_url=f"http://{HOST}:{vendors}/omie/api/v1/",
        ploomes_url=f"http://{HOST}:{vendors}/ploomes/",
        public_url=f"http://{HOST}:{port}",
        host=HOST,
        port=port,
    )


async def _show(ponte: Ponte, vendors: int, console: Console) -> None:
    """Sets the scene and says where to look."""
    control = f"http://{HOST}:{vendors}/sandbox"
    credentials = Credentials(APP_KEY, APP_SECRET, USER_KEY)
    with console.status("Ativando uma integração com o sandbox..."):
        await _post(f"{control}/quirks", ACCOUNT_LIMITS)
        integration = await ponte.integrations.create("Loja de demonstração", credentials, author="demo")
        await _choose(ponte, integration["id"], control)
        await ponte.integrations.activate(integration["id"], start="now")
        await _post(f"{control}/omie/{APP_KEY}/webhooks", {"url": integration["webhook_urls"]["omie"], "topics": None})
        await _post(f"{control}/traffic", {"every_seconds": EDIT_EVERY_SECONDS})
    for name, where in _signposts(ponte, integration["id"], control):
        console.print(f"[bold]{name:>16}[/]  ", Text(where), sep="", soft_wrap=True)
    console.print("A cada poucos segundos alguém edita clientes, produtos e vendas nas duas telas. Ctrl-C encerra.")


async def _choose(ponte: Ponte, integration_id: int, control: str) -> None:
    """What sales need that a shop must choose: an account and categories; older sales travel too."""
    accounts = await _get(f"{control}/omie/{APP_KEY}/contacorrente")
    account = next(row["nCodCC"] for row in accounts if row["inativo"] == "N")
    document = (await ponte.configs.get(integration_id)).document()
    document["orders"] |= {"omie_account": account, "omie_category": "1.01.03", "stage_to": "stage"}
    document["service_orders"] |= {"omie_account": account, "omie_category": "1.01.01"}
    document["history"] |= {"ploomes_sales": True}
    await ponte.configs.publish(integration_id, document, author="demo")


def _signposts(ponte: Ponte, integration_id: int, control: str) -> Iterator[tuple[str, str]]:
    """What to look at, and where."""
    base = ponte.settings.public_url
    rest = f"{base}/api/v1/integrations/{integration_id}"
    token = ponte.settings.admin_token.get_secret_value()
    yield "Manual da API", f"{base}/docs"
    yield "Eventos", f"{rest}/events"
    yield "Alterações", f"{rest}/changes"
    yield "Primeira carga", f"{rest}/resyncs"
    yield "Tela do Omie", f"{control}/screens/omie/{APP_KEY}"
    yield "Tela do Ploomes", f"{control}/screens/ploomes/{USER_KEY}"
    yield "Sandbox", f"{control}/"
    yield "Token", token
    yield "Experimente", f"curl -H 'Authorization: Bearer {token}' {rest}/changes"


async def _get(url: str) -> Any:
    """What the sandbox holds."""
    return json.loads(await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=10).read()))  # noqa: S310


async def _post(url: str, body: dict[str, Any]) -> None:
    """A call of the sandbox's control surface, on this machine."""
    request = urllib.request.Request(  # noqa: S310  (a fixed http address of this machine)
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=10).read())  # noqa: S310

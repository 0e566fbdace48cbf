"""The demo: the whole service against pretend vendors, one integration activated, people editing on both screens."""

import asyncio
import json
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from app.core import migrate
from app.core.config import Settings, load_settings
from app.core.log import setup_logging
from app.main import create_app
from app.sandbox.app import Sandbox
from app.serving import free_port, run, server
from app.sync.integrations import Credentials
from app.wiring import Ponte

APP_KEY, APP_SECRET, USER_KEY = "1000000000001", "sandbox-app-secret", "sandbox-user-key"
"""Credentials of the sandbox's first Omie app and Ploomes account."""
EDIT_EVERY_SECONDS = 3
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
    with console.status("Activating an integration against the sandbox..."):
        integration = await ponte.integrations.create("Loja de demonstração", credentials, author="demo")
        await ponte.integrations.activate(integration["id"], start="now")
        await _post(f"{control}/omie/{APP_KEY}/webhooks", {"url": integration["webhook_urls"]["omie"], "topics": None})
        await _post(f"{control}/traffic", {"every_seconds": EDIT_EVERY_SECONDS})
    console.print(_signposts(ponte, integration["id"], control))
    console.print("People edit clients on both screens every few seconds. Ctrl-C ends everything.")


def _signposts(ponte: Ponte, integration_id: int, control: str) -> Table:
    base = ponte.settings.public_url
    rest = f"{base}/api/v1/integrations/{integration_id}"
    table = Table(title="Ponte demo", show_header=False, title_justify="left")
    for name, where in (
        ("API docs", f"{base}/docs"),
        ("Events", f"{rest}/events"),
        ("Changes", f"{rest}/changes"),
        ("First load", f"{rest}/resyncs"),
        ("Omie's screen", f"{control}/screens/omie/{APP_KEY}"),
        ("Ploomes' screen", f"{control}/screens/ploomes/{USER_KEY}"),
        ("Sandbox control", f"{control}/"),
        ("Token", f"Authorization: Bearer {ponte.settings.admin_token.get_secret_value()}"),
        ("Try", f'curl -H "Authorization: Bearer {ponte.settings.admin_token.get_secret_value()}" {rest}/changes'),
    ):
        table.add_row(name, where, style=None)
    return table


async def _post(url: str, body: dict[str, Any]) -> None:
    """A call of the sandbox's control surface, on this machine."""
    request = urllib.request.Request(  # noqa: S310  (a fixed http address of this machine)
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=10).read())  # noqa: S310

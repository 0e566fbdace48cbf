"""Door 3, the operator: `ponte serve|api|worker|migrate|demo|sandbox|token|resync|doctor`.

The docstring of a command is its help text, which people read: it is Portuguese, here and in `cli_*`.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from app import cli_config, cli_links, cli_values, console
from app import worker as worker_door
from app.cli_integration import integration_cli, secrets_cli
from app.cli_resync import certificate_cli, connect, resync_cli
from app.core import migrate as migrations
from app.core.config import ConfigError, Settings, generated_secrets, load_settings
from app.core.log import setup_logging
from app.core.vault import hash_token, new_token
from app.doctor import examine
from app.main import create_app
from app.serving import run, server, whole_life
from app.sync.models import ApiToken
from app.wiring import Ponte

cli = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Ponte Omie–Ploomes."
)
token_cli = typer.Typer(no_args_is_help=True, help="Tokens de acesso da API REST.")
cli.add_typer(token_cli, name="token")
cli.add_typer(resync_cli, name="resync")
cli.add_typer(certificate_cli, name="certificate")
cli.add_typer(integration_cli, name="integration")
cli.add_typer(secrets_cli, name="secrets")
cli.add_typer(cli_config.config_cli, name="config")
cli.add_typer(cli_config.fields_cli, name="fields")
cli.add_typer(cli_links.links_cli, name="links")
cli.add_typer(cli_values.values_cli, name="values")
cli.add_typer(cli_values.stock_cli, name="stock")

out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Responde em JSON em vez de tabela.")]


class ScopeName(StrEnum):
    """Scopes of a token; each may do what those before it may."""

    READ = "read"
    OPS = "ops"
    ADMIN = "admin"


def main() -> None:
    """The console script."""
    try:
        cli()
    except ConfigError as problem:
        err.print(str(problem), style="red", markup=False)
        sys.exit(2)


@cli.command()
def serve() -> None:
    """Roda tudo em um só processo: migrações, API, trabalhador e tarefas periódicas."""
    _serve(_settings(), with_worker=True, migrate_first=True)


@cli.command()
def api() -> None:
    """Roda só o processo web; pode haver vários, com trabalhadores ao lado."""
    _serve(_split_settings(), with_worker=False, migrate_first=False)


@cli.command()
def worker() -> None:
    """Roda só um trabalhador; pode haver vários."""
    settings = _split_settings()
    whole_life(worker_door.main(Ponte(settings)))


@cli.command()
def migrate(json_output: Json = False, apart: Annotated[bool, typer.Option("--apart", hidden=True)] = False) -> None:
    """Atualiza o esquema do banco de dados."""

    async def work(ponte: Ponte) -> bool:
        needed = await migrations.pending(ponte.db)
        await migrations.upgrade(ponte.db)
        return needed

    changed = _with_ponte(work, tell=not apart)  # `ponte serve` has told already
    _say({"changed": changed}, "esquema atualizado" if changed else "o esquema já estava atualizado", json_output)


@cli.command()
def demo(
    port: Annotated[int, typer.Option(help="Porta do serviço; o sandbox usa a seguinte.")] = int(
        os.environ.get("PORT") or 8000
    ),
) -> None:
    """Roda o serviço com um Omie e um Ploomes de mentira, com dados e movimento. Ctrl-C encerra tudo."""
    from app import demo as demo_room  # the sandbox is loaded only where it is used

    if not whole_life(demo_room.main(port, out)):
        err.print(f"a porta {port} está ocupada; escolha outra com PORT=...", style="red")
        raise typer.Exit(1)


@cli.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Porta.")] = 9000,
    host: Annotated[str, typer.Option(help="Endereço em que atende.")] = "127.0.0.1",
    seed: Annotated[str, typer.Option(help="Dados: empty, small, demo ou bulk:<produtos>:<clientes>.")] = "demo",
    speed: Annotated[float, typer.Option(help="Quantas vezes mais rápido o relógio anda.")] = 1.0,
) -> None:
    """Serve o Omie e o Ploomes de mentira e o painel que os controla."""
    from app.sandbox.serve import ROOMS
    from app.sandbox.serve import run as serve_sandbox

    for name, path in ROOMS.items():
        out.print(f"{name:10} http://{host}:{port}{path}", highlight=False)
    serve_sandbox(port=port, host=host, seed=seed, speed=speed)


@cli.command()
def doctor(json_output: Json = False) -> None:
    """Examina ajustes, banco de dados, Redis, migrações, segredos e o caminho até o Omie e o Ploomes."""
    findings = _with_ponte(examine)
    if json_output:
        _print_json([{"name": f.name, "ok": f.ok, "detail": f.detail} for f in findings])
    else:
        table = Table(show_header=False)
        for finding in findings:
            table.add_row("[green]ok[/]" if finding.ok else "[red]não[/]", finding.label, finding.detail)
        out.print(table)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@token_cli.command("create")
def token_create(
    scope: Annotated[ScopeName, typer.Option(help="O que o token pode fazer.")],
    name: Annotated[str, typer.Option(help="De quem é; aparece nos históricos.")] = "cli",
    json_output: Json = False,
) -> None:
    """Cria um token e o mostra uma única vez; só o hash fica guardado."""
    token = new_token()

    async def work(ponte: Ponte) -> int:
        row = ApiToken(name=name[:100], scope=scope.value, token_hash=hash_token(token), created_at=ponte.clock.now())
        async with ponte.db.transaction() as session:
            session.add(row)
        return row.id

    token_id = _with_ponte(work)
    _say({"id": token_id, "name": name, "scope": scope.value, "token": token}, token, json_output)


@token_cli.command("list")
def token_list(json_output: Json = False) -> None:
    """Lista os tokens; os valores não ficam guardados."""

    async def work(ponte: Ponte) -> list[dict[str, Any]]:
        async with ponte.db.read() as session:
            rows = await session.scalars(select(ApiToken).order_by(ApiToken.id))
            names = ("id", "name", "scope", "created_at", "last_used_at", "revoked_at")
            return [{each: getattr(row, each) for each in names} for row in rows]

    console.show(_with_ponte(work), json_output)


@token_cli.command("revoke")
def token_revoke(token_id: Annotated[int, typer.Argument(metavar="TOKEN")], json_output: Json = False) -> None:
    """Invalida um token a partir de agora."""

    async def work(ponte: Ponte) -> bool:
        async with ponte.db.transaction() as session:
            row = await session.get(ApiToken, token_id)
            if row is None:
                return False
            row.revoked_at = row.revoked_at or ponte.clock.now()
            return True

    if not _with_ponte(work):
        err.print(f"o token {token_id} não existe", style="red")
        raise typer.Exit(1)
    _say({"id": token_id, "revoked": True}, f"token {token_id} revogado", json_output)


def _settings(*, tell: bool = True, short: bool = False) -> Settings:
    settings = load_settings()
    level = "WARNING" if short and settings.log_level == "INFO" else settings.log_level
    setup_logging(settings.log_format, level)  # a short command says its answer and what is wrong, nothing else
    for path in generated_secrets(settings) if tell else ():
        err.print(f"usando o segredo gerado em {path}", style="dim")
    return settings


def _split_settings() -> Settings:
    settings = _settings()
    if not settings.redis_url:
        raise ConfigError("processos separados dividem os limites pelo Redis: defina REDIS_URL, ou use `ponte serve`")
    return settings


def _serve(settings: Settings, *, with_worker: bool, migrate_first: bool) -> None:
    async def life() -> bool:
        ponte = Ponte(settings)
        if migrate_first and await migrations.pending(ponte.db):
            await _migrate_apart()
        app = create_app(ponte, with_worker=with_worker)
        return await run([server(app, settings.host, settings.port, trusted=settings.trusted_proxies)])

    if not whole_life(life()):
        err.print(f"não foi possível atender em {settings.host}:{settings.port}; a porta está ocupada?", style="red")
        raise typer.Exit(1)


async def _migrate_apart() -> None:
    """`ponte migrate` in a process of its own, which takes the memory that Alembic needs with it."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "app.cli", "migrate", "--apart", stdout=DEVNULL)
    if await child.wait():
        raise typer.Exit(1)


def _with_ponte(work: Callable[[Ponte], Awaitable[Any]], *, tell: bool = True) -> Any:
    """Runs a short piece of work over a container of its own."""

    async def life() -> Any:
        ponte = Ponte(_settings(tell=tell, short=True))
        try:
            return await work(ponte)
        finally:
            await ponte.close()

    return whole_life(life())


cli.command("catalog")(cli_config.catalog)  # after those of this file: help lists them as they come
cli.command("sellers")(cli_links.sellers)
connect(_with_ponte)
console.connect(_with_ponte)
console.speak_portuguese()


def _say(document: dict[str, Any], text: str, json_output: bool) -> None:
    if json_output:
        _print_json(document)
    else:
        print(text)


def _print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2, default=_text))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


if __name__ == "__main__":
    main()

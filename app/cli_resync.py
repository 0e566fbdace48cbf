"""Commands over passes and certificates: `ponte resync ...`, `ponte certificate ...`; the workers do the work."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy import select

from app.console import cell, heading
from app.core.errors import UserError
from app.core.ports import Entity
from app.sync.models import Resync
from app.sync.passes import certificate
from app.sync.passes.resyncs import ENDED, as_json, shown
from app.wiring import Ponte

resync_cli = typer.Typer(no_args_is_help=True, help="Cargas de entidades inteiras.")
certificate_cli = typer.Typer(no_args_is_help=True, help="Certificados assinados de que os dois sistemas estão iguais.")

out = Console()
err = Console(stderr=True)
LOOK_SECONDS = 1.0
BEGINS_WITHIN = timedelta(seconds=30)
"""How long a pass that is due may stay so before nobody seems to work on it."""
COLUMNS = ("id", "state", "reason", "dry_run", "created_at", "finished_at")

Json = Annotated[bool, typer.Option("--json", help="Responde em JSON em vez de tabela ou barra.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Mostra o andamento até a carga parar.")]
Force = Annotated[bool, typer.Option(help="Também fora da janela.")]
Runner = Callable[[Callable[[Ponte], Awaitable[Any]]], Any]

_runner: list[Runner] = []


def connect(runner: Runner) -> None:
    """Tells these commands how to run work over a container of its own."""
    _runner[:] = [runner]


def _run(work: Callable[[Ponte], Awaitable[Any]]) -> Any:
    try:
        return _runner[0](work)
    except UserError as problem:
        next_window = problem.extra.get("next_window")
        err.print(problem.detail + (f" Próxima janela: {next_window}." if next_window else ""), style="red")
        raise typer.Exit(1) from None


@resync_cli.command("start")
def start(
    integration_id: int,
    entity: Annotated[list[Entity] | None, typer.Option(help="Só estas; pode ser repetida.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Só o plano; não grava nada.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Recusa em vez de esperar a janela.")] = False,
    force: Force = False,
    wait: Wait = True,
    json_output: Json = False,
) -> None:
    """Pede uma carga, ou com --dry-run só o plano dela, e acompanha."""
    names = None if not entity else [each.value for each in entity]

    async def work(ponte: Ponte) -> dict[str, Any]:
        row = await ponte.resyncs.request(
            integration_id, entities=names, dry_run=dry_run, start="now" if now else "window", force=force
        )
        return await follow(ponte, row, wait, json_output)

    tell(_run(work), json_output)


@resync_cli.command("list")
def index(integration_id: int, json_output: Json = False) -> None:
    """Lista as cargas de uma integração, da mais nova à mais velha."""

    async def work(ponte: Ponte) -> list[dict[str, Any]]:
        async with ponte.db.read() as session:
            query = select(Resync).where(Resync.integration_id == integration_id)
            rows = await session.scalars(query.order_by(Resync.id.desc()).limit(100))
            return [await shown(session, row, ponte.clock.time()) for row in rows]

    rows = _run(work)
    if json_output:
        _print_json(rows)
        return
    table = Table(*(heading(name) for name in COLUMNS), "andamento")
    for row in rows:
        table.add_row(*(cell(row[name], name) for name in COLUMNS), f"{row['progress']['percent']:g} %")
    out.print(table)


@resync_cli.command("show")
def show(resync_id: int) -> None:
    """Mostra uma carga, com plano e andamento."""
    _print_json(_run(lambda ponte: _one(ponte, resync_id)))


@resync_cli.command("watch")
def watch(resync_id: int, json_output: Json = False) -> None:
    """Acompanha uma carga até ela parar."""

    async def work(ponte: Ponte) -> dict[str, Any]:
        return await follow(ponte, await _row(ponte, resync_id), True, json_output)

    tell(_run(work), json_output)


@resync_cli.command("pause")
def pause(resync_id: int, json_output: Json = False) -> None:
    """Pausa uma carga; ela para em até uma página."""

    async def work(ponte: Ponte) -> dict[str, Any]:
        row = await _row(ponte, resync_id)
        return as_json(await ponte.resyncs.pause(row.integration_id, row.id))

    tell(_run(work), json_output)


@resync_cli.command("resume")
def resume(resync_id: int, force: Force = False, wait: Wait = True, json_output: Json = False) -> None:
    """Continua uma carga pausada, ou executa o plano de um ensaio."""

    async def work(ponte: Ponte) -> dict[str, Any]:
        row = await _row(ponte, resync_id)
        row = await ponte.resyncs.resume(row.integration_id, row.id, force=force)
        return await follow(ponte, row, wait, json_output)

    tell(_run(work), json_output)


@resync_cli.command("cancel")
def cancel(resync_id: int, json_output: Json = False) -> None:
    """Encerra uma carga de vez."""

    async def work(ponte: Ponte) -> dict[str, Any]:
        row = await _row(ponte, resync_id)
        return as_json(await ponte.resyncs.cancel(row.integration_id, row.id))

    tell(_run(work), json_output)


@certificate_cli.command("verify")
def verify(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], json_output: Json = False) -> None:
    """Confere se este serviço assinou um certificado e se ninguém o mudou; termina com 1 se não."""

    async def work(ponte: Ponte) -> dict[str, Any]:
        return certificate.verified(ponte.vault, file.read_bytes())

    try:
        document = _run(work)
    except certificate.Forged as problem:
        err.print(f"não é válido: {problem}", style="red")
        raise typer.Exit(1) from None
    if json_output:
        _print_json(document)
        return
    out.print(f"válido: integração {document['integration']['id']}, {document['issued_at']}, {_verdict(document)}")


def _verdict(document: dict[str, Any]) -> str:
    """What a certificate says, with the pairs it leaves out."""
    parts = document["entities"].values()
    excepted = sum(part.get("excepted", len(part["exceptions"])) for part in parts)
    live = sum(part.get("live", 0) for part in parts)
    state = "os dois sistemas estão iguais" if document["clean"] else "restam diferenças"
    state += f", fora {excepted} exceção(ões) com motivo" if excepted else ""
    return state + (f"; {live} par(es) mudaram durante a conferência" if live else "")


async def _row(ponte: Ponte, resync_id: int) -> Resync:
    async with ponte.db.read() as session:
        row = await session.get(Resync, resync_id)
    if row is None:
        err.print(f"a carga {resync_id} não existe", style="red")
        raise typer.Exit(1)
    return row


async def _one(ponte: Ponte, resync_id: int) -> dict[str, Any]:
    return await ponte.resyncs.look((await _row(ponte, resync_id)).integration_id, resync_id)


async def follow(ponte: Ponte, row: Resync, wait: bool, json_output: bool) -> dict[str, Any]:
    """Waits until the pass is over, planned, paused by a person or a question, or waits for its window."""
    shown = await _one(ponte, row.id)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=err,
        disable=json_output or not err.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(cell(shown["state"], "state"), total=None)
        while wait and not _rests(shown, ponte.clock.now()):
            progress = shown["progress"]
            bar.update(
                task,
                description=f"{cell(shown['state'], 'state')} ({progress.get('phase', '...')})",
                completed=progress.get("done", 0),
                total=progress.get("total") or None,
            )
            await asyncio.sleep(LOOK_SECONDS)
            shown = await _one(ponte, row.id)
    return shown


def _rests(shown: dict[str, Any], now: datetime) -> bool:
    if shown["state"] == "scheduled":  # one whose time has just come is about to begin
        return abs(shown["resumes_at"] - now) > BEGINS_WITHIN if shown["resumes_at"] else True
    return shown["state"] in (*ENDED, "planned", "paused")


def tell(shown: dict[str, Any], json_output: bool) -> None:
    """A pass as people, or machines, read it."""
    if json_output:
        _print_json(shown)
        return
    out.print(f"carga {shown['id']}: {cell(shown['state'], 'state')}")
    because = shown["progress"].get("paused_because")
    if because:
        out.print(because, markup=False)
    if shown["resumes_at"]:
        out.print(f"continua em {cell(shown['resumes_at'])}")
    entities = {name: counts for name, counts in shown["plan"].get("entities", {}).items() if counts}
    if entities:
        words = list(dict.fromkeys(word for counts in entities.values() for word in counts))
        table = Table("plano", *(heading(name) for name in entities))  # more words than a screen is wide
        for word in words:
            table.add_row(heading(word), *(str(counts.get(word, 0)) for counts in entities.values()))
        out.print(table)
        requests = shown["plan"].get("requests", {})
        for vendor, methods in requests.items():
            out.print(f"requisições ao {heading(vendor)}: {sum(methods.values())}")
        if (seconds := shown["plan"].get("eta_seconds")) is not None:
            out.print(f"segundos até o fim: {seconds}")


def _print_json(document: Any) -> None:
    out.print_json(json.dumps(document, ensure_ascii=False, default=str), highlight=False)

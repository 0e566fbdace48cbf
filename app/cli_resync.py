"""Commands over passes and certificates: `ponte resync ...`, `ponte certificate ...`; the workers do the work."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy import select

from app.core.errors import UserError
from app.core.ports import Entity
from app.sync.models import Resync
from app.sync.passes import certificate
from app.sync.passes.resyncs import ENDED, as_json, shown
from app.wiring import Ponte

resync_cli = typer.Typer(no_args_is_help=True, help="Passes over whole entities.")
certificate_cli = typer.Typer(no_args_is_help=True, help="Signed reports that both systems agree.")

out = Console()
err = Console(stderr=True)
LOOK_SECONDS = 1.0
COLUMNS = ("id", "state", "reason", "dry_run", "created_at", "finished_at")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table or a progress bar.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Show the progress until the pass rests.")]
Force = Annotated[bool, typer.Option(help="Also outside the off-hours window.")]
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
    entity: Annotated[list[Entity] | None, typer.Option(help="Only these; may be given more than once.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only the flight plan; writes nothing.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Refuse instead of waiting for the window.")] = False,
    force: Force = False,
    wait: Wait = True,
    json_output: Json = False,
) -> None:
    """Ask for a pass, or with --dry-run for its plan, and watch it."""
    names = None if not entity else [each.value for each in entity]

    async def work(ponte: Ponte) -> dict[str, Any]:
        row = await ponte.resyncs.request(
            integration_id, entities=names, dry_run=dry_run, start="now" if now else "window", force=force
        )
        return await _follow(ponte, row, wait, json_output)

    _show(_run(work), json_output)


@resync_cli.command("list")
def index(integration_id: int, json_output: Json = False) -> None:
    """List the passes of an integration, newest first."""

    async def work(ponte: Ponte) -> list[dict[str, Any]]:
        async with ponte.db.read() as session:
            query = select(Resync).where(Resync.integration_id == integration_id)
            rows = await session.scalars(query.order_by(Resync.id.desc()).limit(100))
            return [await shown(session, row, ponte.clock.time()) for row in rows]

    rows = _run(work)
    if json_output:
        _print_json(rows)
        return
    table = Table(*COLUMNS, "progress")
    for row in rows:
        table.add_row(*(_text(row[name]) for name in COLUMNS), f"{row['progress']['percent']:g} %")
    out.print(table)


@resync_cli.command("show")
def show(resync_id: int) -> None:
    """Print one pass, with its plan and progress."""
    _print_json(_run(lambda ponte: _one(ponte, resync_id)))


@resync_cli.command("watch")
def watch(resync_id: int, json_output: Json = False) -> None:
    """Watch a pass until it rests."""

    async def work(ponte: Ponte) -> dict[str, Any]:
        return await _follow(ponte, await _row(ponte, resync_id), True, json_output)

    _show(_run(work), json_output)


@resync_cli.command("pause")
def pause(resync_id: int, json_output: Json = False) -> None:
    """Pause a pass; it stops within a page."""

    async def work(ponte: Ponte) -> dict[str, Any]:
        row = await _row(ponte, resync_id)
        return as_json(await ponte.resyncs.pause(row.integration_id, row.id))

    _show(_run(work), json_output)


@resync_cli.command("resume")
def resume(resync_id: int, force: Force = False, wait: Wait = True, json_output: Json = False) -> None:
    """Go on with a paused pass, or execute the plan of a dry run."""

    async def work(ponte: Ponte) -> dict[str, Any]:
        row = await _row(ponte, resync_id)
        row = await ponte.resyncs.resume(row.integration_id, row.id, force=force)
        return await _follow(ponte, row, wait, json_output)

    _show(_run(work), json_output)


@resync_cli.command("cancel")
def cancel(resync_id: int, json_output: Json = False) -> None:
    """End a pass for good."""

    async def work(ponte: Ponte) -> dict[str, Any]:
        row = await _row(ponte, resync_id)
        return as_json(await ponte.resyncs.cancel(row.integration_id, row.id))

    _show(_run(work), json_output)


@certificate_cli.command("verify")
def verify(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], json_output: Json = False) -> None:
    """Check that this service signed a certificate and that nobody changed it; ends with 1 when not."""

    async def work(ponte: Ponte) -> dict[str, Any]:
        return certificate.verified(ponte.vault, file.read_text(encoding="utf-8"))

    try:
        document = _run(work)
    except certificate.Forged as problem:
        err.print(f"not valid: {problem}", style="red")
        raise typer.Exit(1) from None
    if json_output:
        _print_json(document)
        return
    state = "both systems agree" if document["clean"] else "differences are left"
    out.print(f"valid: integration {document['integration']['id']}, {document['issued_at']}, {state}")


async def _row(ponte: Ponte, resync_id: int) -> Resync:
    async with ponte.db.read() as session:
        row = await session.get(Resync, resync_id)
    if row is None:
        err.print(f"there is no resync {resync_id}", style="red")
        raise typer.Exit(1)
    return row


async def _one(ponte: Ponte, resync_id: int) -> dict[str, Any]:
    return await ponte.resyncs.look((await _row(ponte, resync_id)).integration_id, resync_id)


async def _follow(ponte: Ponte, row: Resync, wait: bool, json_output: bool) -> dict[str, Any]:
    """Waits until the pass is over, planned, paused by a person or a question, or waits for its window."""
    shown = as_json(row)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=err,
        disable=json_output or not err.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(shown["state"], total=None)
        while wait and not _rests(shown):
            progress = shown["progress"]
            bar.update(
                task,
                description=f"{shown['state']} ({progress.get('phase', '...')})",
                completed=progress.get("done", 0),
                total=progress.get("total") or None,
            )
            await asyncio.sleep(LOOK_SECONDS)
            shown = await _one(ponte, row.id)
    return shown


def _rests(shown: dict[str, Any]) -> bool:
    return shown["state"] in (*ENDED, "planned", "paused", "scheduled")


def _show(shown: dict[str, Any], json_output: bool) -> None:
    if json_output:
        _print_json(shown)
        return
    out.print(f"resync {shown['id']}: {shown['state']}")
    because = shown["progress"].get("paused_because")
    if because:
        out.print(because, markup=False)
    if shown["resumes_at"]:
        out.print(f"goes on at {shown['resumes_at']:%Y-%m-%d %H:%M} UTC")
    entities = {name: counts for name, counts in shown["plan"].get("entities", {}).items() if counts}
    if entities:
        words = list(dict.fromkeys(word for counts in entities.values() for word in counts))
        table = Table("entity", *words)
        for name, counts in entities.items():
            table.add_row(name, *(str(counts.get(word, 0)) for word in words))
        out.print(table)
        requests = shown["plan"].get("requests", {})
        total = {vendor: sum(methods.values()) for vendor, methods in requests.items()}
        out.print(f"requests: {total}, seconds until the end: {shown['plan'].get('eta_seconds')}")


def _text(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else "" if value is None else str(value)


def _print_json(document: Any) -> None:
    out.print_json(json.dumps(document, ensure_ascii=False, default=str), highlight=False)

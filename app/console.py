"""What the operator's commands share: a container per command, problems in red, tables, and JSON on request."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.core.errors import UserError
from app.wiring import Ponte

out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Runner = Callable[[Callable[[Ponte], Awaitable[Any]]], Any]

_runner: list[Runner] = []

OPERATOR = "cli"
"""Whose name the history shows for what a command did."""


def connect(runner: Runner) -> None:
    """Tells the commands how to run work over a container of its own."""
    _runner[:] = [runner]


def run(work: Callable[[Ponte], Awaitable[Any]]) -> Any:
    """The work's answer; bad input ends the command with its reasons and exit code 1."""
    try:
        return _runner[0](work)
    except UserError as problem:
        err.print(f"{problem.title}: {problem.detail}", style="red", markup=False)
        for row in problem.errors or ():
            err.print(f"  {row['field']}: {row['message']}", style="red", markup=False)
        for check in problem.extra.get("checks") or ():  # type: ignore[attr-defined]
            if not check["ok"]:
                err.print(f"  {check['name']}: {check['detail']} {check['fix'] or ''}", style="red", markup=False)
        raise typer.Exit(1) from None


def show(rows: Sequence[Mapping[str, Any]], json_output: bool, columns: Sequence[str] = (), title: str = "") -> None:
    """Rows as a table, or as JSON with everything in them."""
    if json_output:
        print_json(list(rows))
        return
    names = list(columns or (rows[0] if rows else ()))
    table = Table(*(names or ["nothing here"]), title=title or None)
    for row in rows:
        table.add_row(*(cell(row.get(name)) for name in names))
    out.print(table)


def show_one(document: Mapping[str, Any], json_output: bool) -> None:
    """One thing as name and value, or as JSON."""
    if json_output:
        print_json(document)
        return
    table = Table(show_header=False)
    for name, value in document.items():
        table.add_row(name, cell(value))
    out.print(table)


def cell(value: Any) -> str:
    """A value as a table shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "[green]yes[/]" if value else "[red]no[/]"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list | tuple):
        return ", ".join(cell(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={cell(each)}" for name, each in value.items())
    return str(value).replace("[", r"\[")


def print_json(document: Any) -> None:
    """Readable JSON on standard output."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=_text))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

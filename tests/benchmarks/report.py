"""Figures, their table and their JSON."""

import json
import math
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured number. `target` is the most it may be, or the least when `at_least`."""

    setup: str
    what: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


@dataclass(frozen=True)
class Skipped:
    """What was not measured, and why."""

    setup: str
    what: str
    why: str


def show(figures: list[Figure], skipped: list[Skipped], console: Console) -> None:
    """One table of everything."""
    table = Table(title="Ponte: figures", title_justify="left")
    for heading, justify in (("set-up", "left"), ("figure", "left"), ("value", "right"), ("target", "right")):
        table.add_column(heading, justify="right" if justify == "right" else "left", no_wrap=heading == "value")
    table.add_column("")
    table.add_column("note", style="dim")
    previous = None
    for figure in figures:
        if previous is not None and previous != figure.setup:
            table.add_section()
        previous = figure.setup
        sign = "≥" if figure.at_least else "≤"
        target = "" if figure.target is None else f"{sign} {figure.target:g} {figure.unit}"
        verdict = {None: "", True: "[green]met", False: "[red]missed"}[figure.met]
        table.add_row(figure.setup, figure.what, f"{_short(figure.value)} {figure.unit}", target, verdict, figure.note)
    for row in skipped:
        table.add_row(row.setup, row.what, "", "", "[yellow]skipped", row.why)
    console.print(table)


def save(figures: list[Figure], skipped: list[Skipped], path: Path, *, quick: bool, load: float) -> None:
    """The same as JSON, with the machine it was measured on and its load (processes waiting to run) beforehand."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": {
            "cores": os.cpu_count(),
            "memory_mb": psutil.virtual_memory().total // 2**20,
            "python": platform.python_version(),
            "system": platform.system(),
            "load_before": round(load, 2),
        },
        "figures": [
            asdict(figure) | {"value": figure.value if math.isfinite(figure.value) else None, "met": figure.met}
            for figure in figures
        ],
        "skipped": [asdict(row) for row in skipped],
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _short(value: float) -> str:
    if not math.isfinite(value):
        return "never" if value > 0 else "-"
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"

"""What a proof found, and the table of all of them."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.table import Table

from tests.faults.checker import Findings
from tests.faults.rig import SPEED


@dataclass
class Figure:
    """One scenario on one set-up."""

    setup: str
    scenario: str
    runs: int = 0
    lost: int = 0
    duplicates: int = 0
    wrong: int = 0
    recoveries: list[float] = field(default_factory=list)
    """Real seconds from each death to quiet."""
    note: str = ""
    complaints: list[str] = field(default_factory=list)

    def add(self, findings: Findings, *, where: str = "") -> None:
        """Counts what the checker found."""
        self.lost += len(findings.lost)
        self.duplicates += len(findings.duplicates)
        self.wrong += len(findings.wrong)
        self.complaints += [f"{where} {text}".strip() for text in findings.all()]

    def fail(self, text: str) -> None:
        """The proof itself did not come to pass."""
        self.wrong += 1
        self.complaints.append(text)

    def document(self) -> dict[str, object]:
        """For a report that crosses processes."""
        return asdict(self)


def show(figures: Sequence[Figure], console: Console) -> None:
    """Prints the table; recovery in seconds of the product's clock."""
    table = Table(title=f"Faults with real processes (product and sandbox run {SPEED:.0f} times faster)")
    for name in ("set-up", "scenario", "runs", "lost", "twice", "book wrong", "recovery p50", "max", "note"):
        table.add_column(name, justify="left" if name in ("set-up", "scenario", "note") else "right")
    for each in sorted(figures, key=lambda figure: (figure.scenario, figure.setup)):
        times = [seconds * SPEED for seconds in each.recoveries]
        p50, most = (f"{statistics.median(times):.0f} s", f"{max(times):.0f} s") if times else ("", "")
        bad = "red" if each.complaints else None
        table.add_row(
            each.setup, each.scenario, str(each.runs), str(each.lost), str(each.duplicates), str(each.wrong), p50, most,
            each.note, style=bad,
        )  # fmt: skip
    console.print(table)
    for each in figures:
        for complaint in each.complaints[:20]:
            console.print(f"{each.setup}, {each.scenario}: {complaint}", markup=False, soft_wrap=True)

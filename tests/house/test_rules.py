"""The house rules that a linter does not know: a rule without a test is a wish."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.config import Settings

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app"
LONGEST_FILE = 400
CONTRACT_VARIABLES = {
    "ENVIRONMENT", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ADMIN_TOKEN", "PUBLIC_URL", "OMIE_URL", "PLOOMES_URL",
    "SMTP_URL", "HOST", "PORT", "LOG_FORMAT",
}  # fmt: skip


def sources(*, sandbox: bool = False) -> Iterator[tuple[str, str]]:
    """(path below app, text) of every source file."""
    for path in sorted(APP.rglob("*.py")):
        name = path.relative_to(APP).as_posix()
        if sandbox or not name.startswith("sandbox/"):
            yield name, path.read_text()


def imported(text: str) -> set[str]:
    """Top-level packages a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def runtime_imports_of(package: str) -> set[str]:
    return {name for name, text in sources() if package in imported(text)}


def test_rooms_import_as_the_architecture_says() -> None:
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_only_one_file_speaks_arq() -> None:
    assert runtime_imports_of("arq") == {"core/queue_arq.py"}


def test_only_the_funnel_speaks_httpx() -> None:
    # the container names the transport's type to hand one in; the operator's door talks to our own sandbox
    assert runtime_imports_of("httpx") - {"wiring.py", "cli.py"} == {"core/http.py"}


def test_only_the_database_module_commits() -> None:
    commits = re.compile(r"(session|connection)\.(commit|begin|begin_nested)\(")
    assert {name for name, text in sources() if commits.search(text)} <= {"core/db.py"}


def test_no_file_outgrows_its_purpose() -> None:
    long = {name: lines for name, text in sources(sandbox=True) if (lines := text.count("\n")) > LONGEST_FILE}
    assert long == {}


def test_every_module_class_and_public_function_says_what_it_is() -> None:
    silent = []
    for name, text in sources():
        tree = ast.parse(text)
        if text.strip() and ast.get_docstring(tree) is None:
            silent.append(name)
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith(
                "_"
            ):
                silent += [] if ast.get_docstring(node) else [f"{name}:{node.name}"]
    assert silent == []


def test_the_example_environment_is_in_step_with_the_settings() -> None:
    text = (ROOT / ".env.example").read_text()
    given = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))
    assert set(given) == {name.upper() for name in Settings.model_fields}
    assert set(given) >= CONTRACT_VARIABLES
    kept = {name: value for name, value in given.items() if value}
    defaults = Settings.model_construct()
    for name, value in kept.items():
        expected = getattr(defaults, name.lower())
        assert value == (",".join(expected) if isinstance(expected, list) else str(expected)), name


def test_every_variable_of_the_example_is_explained() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    explained = False
    for line in lines:
        if line.startswith("#"):
            explained = True
        elif not line:
            explained = False
        else:
            assert explained, line


@pytest.mark.parametrize("pattern", [r"/(work|home|root)/", r"\bTODO\b", r"\bFIXME\b", r"\bXXX\b"])
def test_nothing_of_a_workplace_or_left_for_later(pattern: str) -> None:
    assert [name for name, text in sources(sandbox=True) if re.search(pattern, text)] == []

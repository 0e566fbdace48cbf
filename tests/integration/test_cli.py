"""The operator's commands over a fresh SQLite installation."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from babel.messages import mofile, pofile
from rich.markup import render
from typer.testing import CliRunner

from app import console
from app.cli import cli
from app.core.vault import Vault
from app.serving import free_port
from app.sync.passes import certificate

PONTE = [sys.executable, "-c", "from app.cli import main; main()"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A runner whose installation lives in a folder of the test."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ADMIN_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OMIE_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PLOOMES_URL", "http://127.0.0.1:9/")
    return CliRunner()


def test_migrate_runs_once_and_says_so(run: CliRunner) -> None:
    assert json.loads(run.invoke(cli, ["migrate", "--json"]).stdout) == {"changed": True}
    assert json.loads(run.invoke(cli, ["migrate", "--json"]).stdout) == {"changed": False}


def test_a_token_is_shown_once_and_can_be_revoked(run: CliRunner) -> None:
    run.invoke(cli, ["migrate"])
    made = json.loads(run.invoke(cli, ["token", "create", "--scope", "ops", "--name", "ana", "--json"]).stdout)
    assert (made["scope"], len(made["token"])) == ("ops", 43)
    listed = run.invoke(cli, ["token", "list", "--json"]).stdout
    assert made["token"] not in listed
    assert [(row["name"], row["revoked_at"]) for row in json.loads(listed)] == [("ana", None)]
    assert run.invoke(cli, ["token", "revoke", str(made["id"])]).exit_code == 0
    assert json.loads(run.invoke(cli, ["token", "list", "--json"]).stdout)[0]["revoked_at"]
    assert run.invoke(cli, ["token", "revoke", "99"]).exit_code == 1
    assert run.invoke(cli, ["token", "create", "--scope", "emperor"]).exit_code == 2


def test_the_doctor_names_what_is_not_well(run: CliRunner) -> None:
    result = run.invoke(cli, ["doctor", "--json"])
    assert result.exit_code == 1
    rows = json.loads(result.stdout)
    assert all("Error" not in row["detail"] for row in rows if row["name"] in ("migrations", "secrets")), rows
    found = {row["name"]: row["ok"] for row in rows}
    assert found == {
        "settings": True, "database": True, "migrations": False, "redis": True, "secrets": False,
        "omie": False, "ploomes": False,
    }  # fmt: skip
    run.invoke(cli, ["migrate"])
    found = {row["name"]: row["ok"] for row in json.loads(run.invoke(cli, ["doctor", "--json"]).stdout)}
    assert found["migrations"]
    assert found["secrets"]


def test_separate_processes_need_redis(run: CliRunner, tmp_path: Path) -> None:
    for command in ("api", "worker"):
        done = subprocess.run([*PONTE, command], capture_output=True, text=True, timeout=60, env=_environment(tmp_path))
        assert done.returncode == 2
        assert "REDIS_URL" in done.stderr
        assert "Traceback" not in done.stderr


def test_serve_migrates_answers_and_ends_on_a_signal(run: CliRunner, tmp_path: Path) -> None:
    port = free_port(0)
    process = subprocess.Popen(
        [*PONTE, "serve"], env={**_environment(tmp_path), "PORT": str(port)}, stderr=subprocess.PIPE, text=True
    )
    try:
        assert _answers(f"http://127.0.0.1:{port}/health/ready", 30)
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert errors.count("usando o segredo gerado") == 2  # a key and a token, told once


def test_the_sandbox_says_where_it_is(run: CliRunner, tmp_path: Path) -> None:
    port = free_port(0)
    command = [*PONTE, "sandbox", "--port", str(port), "--seed", "bulk:3:2"]
    process = subprocess.Popen(command, env=_environment(tmp_path), stdout=subprocess.PIPE, text=True)
    try:
        assert _answers(f"http://127.0.0.1:{port}/sandbox/", 30)
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    for path in ("/omie/api/v1/", "/ploomes/", "/sandbox/"):
        assert f"http://127.0.0.1:{port}{path}" in said


def test_a_taken_port_is_told(run: CliRunner, tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        environment = {**_environment(tmp_path), "PORT": str(holder.getsockname()[1])}
        done = subprocess.run([*PONTE, "serve"], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 1
    assert "não foi possível atender" in done.stderr


def _environment(folder: Path) -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "DATA_DIR": str(folder / "data"), "PYTHONPATH": root}


def _answers(url: str, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  (an address of this machine)
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return False


def commands(group: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command's words."""
    for one in group.registered_commands:
        assert one.callback is not None
        yield (*path, one.name or one.callback.__name__)
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from commands(inner.typer_instance, (*path, str(inner.name)))


ENGLISH = re.compile(r"\b(the|and|of|with|only|its|are|was|what|which|from|before|outside)\b", re.IGNORECASE)


CERTIFIED = {
    "integration": {"id": 7}, "issued_at": "2026-11-26T03:00:00+00:00", "clean": True,
    "entities": {
        "clients": {"excepted": 2, "exceptions": [], "live": 1, "equal": 40},
        "orders": {"excepted": 1, "exceptions": [], "live": 0, "equal": 3},
    },
}  # fmt: skip
KEY = "a secret key of the tests that is long enough"


@pytest.mark.feature("F264")
def test_a_certificate_says_what_it_leaves_out(run: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", KEY)
    run.invoke(cli, ["migrate"])
    file = tmp_path / "certificado.json"
    for entities, words in (
        (CERTIFIED["entities"], "iguais, fora 3 exceção(ões) com motivo; 1 par(es) mudaram durante a conferência"),
        ({"clients": {"exceptions": [], "equal": 2}}, "iguais"),  # made before exceptions were counted
    ):
        file.write_text(certificate.signed(Vault([KEY]), {**CERTIFIED, "entities": entities}), encoding="utf-8")
        result = run.invoke(cli, ["certificate", "verify", str(file)])
        assert result.exit_code == 0, result.output
        assert " ".join(result.stdout.split()).endswith(f"os dois sistemas estão {words}"), result.stdout
    assert json.loads(run.invoke(cli, ["certificate", "verify", str(file), "--json"]).stdout)["clean"]


SIGNED = certificate.signed(Vault([KEY]), CERTIFIED).encode()
FORGED = {
    "a figure": SIGNED.replace(b'"equal": 40', b'"equal": 41'),
    "a key in another alphabet": re.sub(rb'"public_key": "[^"]+"', '"public_key": "chavé"'.encode(), SIGNED),
    "bytes that are no text": SIGNED.replace(b"clients", b"cli\xff\xfents"),
    "half a character": SIGNED.replace(b"clients", rb"cli\ud800nts"),
    "no end of lists": b'{"certificate": ' + b"[" * 100_000,
    "another document": b"[1, 2]",
    "a signature that is none": re.sub(rb'"value": "[^"]+"', b'"value": {"a": 1}', SIGNED),
    "nothing": b"",
}


@pytest.mark.feature("F264")
@pytest.mark.parametrize("name", FORGED)
def test_a_certificate_that_somebody_changed_is_refused_in_words(
    run: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("SECRET_KEY", KEY)
    run.invoke(cli, ["migrate"])
    file = tmp_path / "certificado.json"
    file.write_bytes(FORGED[name])
    result = run.invoke(cli, ["certificate", "verify", str(file)])
    assert isinstance(result.exception, SystemExit), result.exception
    assert (result.exit_code, "não é válido" in result.stderr) == (1, True), result.output


def test_every_help_page_is_portuguese() -> None:
    found = list(commands(cli))
    assert len(found) > 45
    groups = {words[:-1] for words in found}
    for words in [*found, *groups]:
        page = CliRunner().invoke(cli, [*words, "--help"]).stdout.replace("Show this message and", "")
        assert "Opções" in page, words
        assert ENGLISH.findall(page) == [], (words, page)


def test_the_words_of_help_pages_are_compiled() -> None:
    folder = Path(console.__file__).parent / "locale" / "pt_BR" / "LC_MESSAGES"
    with (folder / "ponte.po").open("rb") as source, (folder / "ponte.mo").open("rb") as compiled:
        written, read = pofile.read_po(source, locale="pt_BR"), mofile.read_mo(compiled)
    assert {row.id: row.string for row in read if row.id} == {row.id: row.string for row in written if row.id}


@pytest.mark.parametrize("name", ["[b]x[/b]", r"\[/b]", "[/]", "[link=x]"])
def test_a_table_shows_any_name_as_it_is(name: str) -> None:
    assert render(console.cell(name)).plain == name


@pytest.mark.feature("F034", "F035", "F109")
def test_an_integration_is_managed_from_the_command_line(
    run: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"OMIE_APP_KEY": "1000000000001", "OMIE_APP_SECRET": "shh-secret", "PLOOMES_USER_KEY": "shh-key"}

    def ponte(*words: str, ok: bool = True) -> str:
        result = run.invoke(cli, list(words))
        assert (result.exit_code == 0) is ok, result.output
        return result.stdout

    ponte("migrate")
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    made = json.loads(ponte("integration", "create", "Loja", "--json"))
    assert made["state"] == "not_connected"
    assert "shh" not in json.dumps(made)
    assert [row["name"] for row in json.loads(ponte("integration", "list", "--json"))] == ["Loja"]
    renamed = json.loads(ponte("integration", "change", "1", "--name", "Matriz", "--omie", "--json"))
    assert (renamed["name"], renamed["state"]) == ("Matriz", "not_connected")
    document = json.loads(ponte("config", "show", "1"))
    document["window"]["start"] = "21:00"
    file = tmp_path / "config.json"
    file.write_text(json.dumps(document), "utf-8")
    assert json.loads(ponte("config", "publish", "1", str(file), "--dry-run", "--json"))["version"] == 1
    assert json.loads(ponte("config", "publish", "1", str(file), "--json"))["version"] == 2
    assert json.loads(ponte("config", "rollback", "1", "1", "--json"))["changes"] == ["window.start"]
    assert [row["version"] for row in json.loads(ponte("config", "versions", "1", "--json"))] == [3, 2, 1]
    assert json.loads(ponte("config", "schema", "1"))["properties"]["orders"]
    assert len(json.loads(ponte("fields", "list", "--entity", "orders", "--json"))) > 30
    assert "Clientes" in ponte("integration", "capabilities", "1")
    assert json.loads(ponte("integration", "guide", "1", "--json"))[0]["title"] == "Chaves do Omie"
    assert json.loads(ponte("sellers", "1", "--json"))["pairs"] == []
    table = tmp_path / "links.csv"
    table.write_text("entity,omie_id,ploomes_id\nclients,1,2\n", "utf-8")
    assert json.loads(ponte("links", "import", "1", str(table), "--json"))["linked"] == 1
    assert "clients,1,2,active" in ponte("links", "export", "1")
    table.write_text("entity,omie_id,ploomes_id\nclients,x,2\n", "utf-8")
    assert json.loads(ponte("links", "import", "1", str(table), "--json", ok=False))["errors"]
    table.write_bytes(b"entity,omie_id,ploomes_id\nclients,1,\x81\n")
    assert ponte("links", "import", "1", str(table), ok=False) == ""
    for words in (("links", "import", "1"), ("values", "import", "1", "clients"), ("config", "publish", "1")):
        missing = run.invoke(cli, [*words, str(tmp_path / "nada.csv")])
        assert (missing.exit_code, "nada.csv" in missing.stderr) == (1, True), missing.output
        assert isinstance(missing.exception, SystemExit)
    ponte("links", "delete-all", "1", "--entity", "clients", "--confirm", "x", ok=False)
    assert json.loads(ponte("links", "delete-all", "1", "--entity", "clients", "--confirm", "clients", "--json")) == {
        "ended": 1
    }
    assert json.loads(ponte("links", "restore", "1", "--entity", "clients", "--json")) == {"restored": 1}
    bundle = ponte("integration", "diagnostics", "1")
    assert not any(value in bundle for value in keys.values())
    assert json.loads(ponte("secrets", "reseal", "--json")) == {"integrations": 1}
    assert ponte("integration", "show", "99", ok=False) == ""
    assert "Matriz" in ponte("integration", "list")
    ponte("integration", "delete", "1", "--confirm", "Loja", ok=False)
    ponte("integration", "delete", "1", "--confirm", "Matriz")
    assert json.loads(ponte("integration", "list", "--json")) == []

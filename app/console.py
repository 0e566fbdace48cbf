"""What the operator's commands share: a container per command, problems in red, tables, and JSON on request."""

import gettext
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.core.errors import UserError
from app.wiring import Ponte

out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Responde em JSON em vez de tabela.")]
Runner = Callable[[Callable[[Ponte], Awaitable[Any]]], Any]

_runner: list[Runner] = []

OPERATOR = "cli"
"""Whose name the history shows for what a command did."""

HEADINGS: Mapping[str, str] = {
    "activated_at": "ativada em", "active": "ativo", "already": "já vinculados", "author": "autor",
    "by": "por", "certain": "certos",
    "changed": "mudou", "changes": "mudanças", "code": "código", "column": "coluna",
    "config_version": "versão da configuração", "conflict": "conflitos", "copy": "colar",
    "create_in_omie": "criar no Omie", "create_in_ploomes": "criar no Ploomes", "deleted": "removida",
    "created": "criado", "created_at": "criado em", "delete_in_omie": "excluir no Omie",
    "delete_in_ploomes": "excluir no Ploomes", "detail": "detalhe",
    "direction": "direção", "done": "feito", "dry_run": "ensaio", "effects": "efeitos", "email": "e-mail",
    "ended": "desfeitos", "entity": "entidade", "errors": "erros", "finished_at": "terminada em", "fix": "o que fazer",
    "fixed": "fixo", "integrations": "integrações", "key": "chave", "label": "campo",
    "last_omie_post_at": "último webhook do Omie", "last_ploomes_post_at": "último webhook do Ploomes",
    "last_used_at": "último uso", "line": "linha", "link": "vincular", "linked": "vinculados", "locked": "bloqueado",
    "message": "mensagem", "name": "nome", "natural_key": "documento ou código", "notes": "observações", "ok": "ok",
    "omie": "Omie", "omie_id": "id no Omie", "on": "ligado", "ploomes": "Ploomes", "ploomes_id": "id no Ploomes",
    "ploomes_type": "tipo no Ploomes", "reason": "motivo", "records": "registros",
    "restored": "restaurados", "resync_id": "carga",
    "revoked_at": "revogado em", "scope": "escopo", "skipped": "deixados de fora", "state": "estado",
    "state_reason": "motivo do estado",
    "tax": "imposto", "text": "o que fazer", "title": "passo", "to_omie": "para o Omie",
    "to_ploomes": "para o Ploomes", "type": "tipo", "unchanged": "iguais", "update_in_omie": "mudar no Omie",
    "update_in_ploomes": "mudar no Ploomes", "version": "versão", "warnings": "avisos",
    "webhook_urls": "endereços de webhook", "why": "por quê",
    "clients": "clientes", "products": "produtos", "services": "serviços", "stock": "estoque", "orders": "vendas",
    "service_orders": "ordens de serviço", "sellers": "vendedores", "groups": "grupos", "tags": "marcadores",
    "options": "opções",
    "already_linked": "já vinculados", "contact_person": "pessoas de contato", "history_in_omie": "antigos no Omie",
    "history_in_ploomes": "antigos no Ploomes", "missing_document": "sem CNPJ/CPF", "no_sale": "sem venda no Ploomes",
    "only_in_ploomes": "só no Ploomes", "protected": "protegidos", "quote": "propostas do Omie",
    "cancelled": "já cancelados", "waiting": "à espera de dados", "live": "já a caminho", "without_user": "sem usuário",
}  # fmt: skip
"""What people read for a field of an answer; JSON keeps the field's own name."""
STATES: Mapping[str, str] = {
    "active": "ativo", "awaiting_first_webhook": "aguardando o primeiro webhook", "cancelled": "cancelada",
    "completed": "concluída", "credentials_refused": "credenciais recusadas", "deleted": "excluído",
    "excluded": "desfeito", "failed": "falhou", "inactive": "inativa", "not_connected": "não conectada",
    "paused": "pausada", "planned": "planejada", "planning": "planejando", "running": "em andamento",
    "scheduled": "agendada", "suspended": "suspenso",
    "first_load": "primeira carga", "requested": "pedida", "mapping": "mapeamento", "values": "tabelas de valores",
    "self_test": "autoteste", "reconcile": "conferência noturna", "stock_refresh": "atualização do estoque",
}  # fmt: skip
"""The same for states, and for what a pass is for."""


def speak_portuguese() -> None:
    """Makes typer's own words on help pages Portuguese too, as far as it asks gettext for them (`locale/`)."""
    os.environ["LANGUAGE"] = "pt_BR"
    gettext.bindtextdomain("ponte", str(Path(__file__).parent / "locale"))
    gettext.textdomain("ponte")


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


def content_of(file: Path) -> bytes:
    """What a file holds; one that cannot be read ends the command with exit code 1."""
    try:
        return file.read_bytes()
    except OSError:
        err.print(f"não foi possível ler o arquivo {file}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def show(rows: Sequence[Mapping[str, Any]], json_output: bool, columns: Sequence[str] = (), title: str = "") -> None:
    """Rows as a table, or as JSON with everything in them."""
    if json_output:
        print_json(list(rows))
        return
    names = list(columns or (rows[0] if rows else ()))
    table = Table(*([heading(name) for name in names] or ["nada aqui"]), title=title or None)
    for row in rows:
        table.add_row(*(cell(row.get(name), name) for name in names))
    out.print(table)


def show_one(document: Mapping[str, Any], json_output: bool) -> None:
    """One thing as name and value, or as JSON."""
    if json_output:
        print_json(document)
        return
    table = Table(show_header=False)
    for name, value in document.items():
        table.add_row(heading(name), cell(value, name))
    out.print(table)


def heading(name: str) -> str:
    """A field's name for people."""
    return HEADINGS.get(name, name)


def cell(value: Any, name: str = "") -> str:
    """A value as a table shows it; `name`: the field it is of."""
    if value is None:
        return ""
    if name in ("state", "reason") and str(value) in STATES:
        return STATES[str(value)]
    if name == "entity":
        return heading(str(value))
    if isinstance(value, bool):
        return "[green]sim[/]" if value else "[red]não[/]"
    if isinstance(value, datetime):
        return f"{value:%d/%m/%Y %H:%M} UTC"
    if isinstance(value, list | tuple):
        return ", ".join(cell(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{heading(part)}: {cell(each, part)}" for part, each in value.items())
    return escape(str(value))


def print_json(document: Any) -> None:
    """Readable JSON on standard output."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=_text))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

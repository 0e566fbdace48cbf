"""Commands over configuration, mapping and code lists: `ponte config ...`, `ponte fields ...`, `ponte catalog ...`."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from app.console import OPERATOR, Json, content_of, out, print_json, run, show, show_one
from app.core.ports import JsonObject
from app.sync.config.masking import masked
from app.sync.mapping.catalogue import mapping_fields
from app.wiring import Ponte

config_cli = typer.Typer(no_args_is_help=True, help="O documento de configuração de uma integração.")
fields_cli = typer.Typer(no_args_is_help=True, help="Campos que podem ser mapeados.")

Which = Annotated[int, typer.Argument(metavar="ID")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Só mostra os efeitos.")]
Now = Annotated[bool, typer.Option("--now", help="Compara já, em vez de na janela fora do horário.")]
PUBLISHED = ("version", "changed", "changes", "effects", "warnings", "resync_id")


@config_cli.command("show")
def one(
    integration_id: Which,
    version: Annotated[int | None, typer.Option(help="Uma versão anterior.")] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Mostra por inteiro o endereço dos avisos.")] = False,
) -> None:
    """Mostra o documento publicado, ou uma versão. Um endereço encoberto fica como está ao publicar de novo."""

    async def work(ponte: Ponte) -> JsonObject:
        if version is None:
            document = (await ponte.configs.get(integration_id)).document()
        else:
            document = await ponte.publishing.version(integration_id, version)
        return document if reveal else masked(document)

    print_json(run(work))


@config_cli.command("publish")
def publish(
    integration_id: Which, file: Path, dry_run: DryRun = False, now: Now = False, json_output: Json = False
) -> None:
    """Publica o documento de um arquivo (`-` lê a entrada padrão)."""
    content = typer.get_binary_stream("stdin").read() if str(file) == "-" else content_of(file)
    try:
        document = json.loads(content)
    except ValueError as problem:
        raise typer.BadParameter(f"não é JSON: {problem}") from None

    async def work(ponte: Ponte) -> JsonObject:
        row = await ponte.integrations.get(integration_id)
        return await ponte.publishing.publish(row, document, author=OPERATOR, dry_run=dry_run, start=_start(now))

    _published(run(work), json_output)


@config_cli.command("versions")
def versions(integration_id: Which, json_output: Json = False) -> None:
    """Lista as versões: quem, quando, o quê."""
    rows = run(lambda ponte: ponte.publishing.versions(integration_id, None, 100))
    show(rows, json_output, ("version", "author", "created_at", "changes"))


@config_cli.command("rollback")
def rollback(
    integration_id: Which, version: int, dry_run: DryRun = False, now: Now = False, json_output: Json = False
) -> None:
    """Publica de novo uma versão anterior."""

    async def work(ponte: Ponte) -> JsonObject:
        row = await ponte.integrations.get(integration_id)
        return await ponte.publishing.rollback(row, version, author=OPERATOR, dry_run=dry_run, start=_start(now))

    _published(run(work), json_output)


@config_cli.command("schema")
def schema(integration_id: Which) -> None:
    """Mostra o esquema do documento, com descrições, listas de códigos e condições."""

    async def work(ponte: Ponte) -> JsonObject:
        return await ponte.publishing.schema(await ponte.integrations.get(integration_id))

    print_json(run(work))


@fields_cli.command("list")
def fields(
    entity: Annotated[str | None, typer.Option(help="Só esta entidade.")] = None, json_output: Json = False
) -> None:
    """Lista todos os campos fixos e mapeáveis."""
    rows = [row for row in mapping_fields() if entity in (None, row["entity"])]
    show(rows, json_output, ("key", "entity", "ploomes_type", "direction", "fixed", "tax"))


@fields_cli.command("make")
def make(integration_id: Which, omie: list[str], json_output: Json = False) -> None:
    """Cria no Ploomes os campos do tipo certo para campos do Omie; repetir responde os mesmos."""

    async def work(ponte: Ponte) -> list[JsonObject]:
        row = await ponte.integrations.get(integration_id)
        wanted = dict.fromkeys(omie)
        made = await ponte.options.make(row, await ponte.configs.get(integration_id), wanted)
        return [
            {"omie": key, "key": field.key, "type": field.type_name, "created": field.created}
            for key, field in zip(wanted, made, strict=True)
        ]

    show(run(work), json_output)


def catalog(
    integration_id: Which,
    kind: str,
    refresh: Annotated[bool, typer.Option("--refresh", help="Lê de novo.")] = False,
    json_output: Json = False,
) -> None:
    """Lista os códigos de um tipo (accounts, categories, stages, ploomes_fields, ...)."""

    async def work(ponte: Ponte) -> Any:
        return await ponte.pickers.pick(await ponte.integrations.get(integration_id), kind, refresh=refresh)

    picked = run(work)
    show(picked.items, json_output, ("code", "name", "active"))
    if picked.warning and not json_output:
        out.print(picked.warning, style="yellow", markup=False)


def _start(now: bool) -> Literal["window", "now"]:
    return "now" if now else "window"


def _published(answer: JsonObject, json_output: bool) -> None:
    show_one(answer if json_output else {name: answer[name] for name in PUBLISHED}, json_output)

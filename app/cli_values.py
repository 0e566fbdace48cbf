"""Commands over the catalogue: `ponte values export|import`, `ponte stock refresh`."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli_resync import Wait, follow, tell
from app.console import Json, content_of, run, show_one
from app.core.ports import Entity, JsonObject
from app.sync.desk.sheets import decoded
from app.wiring import Ponte

values_cli = typer.Typer(no_args_is_help=True, help="Valores dos campos mapeados, em tabela.")
stock_cli = typer.Typer(no_args_is_help=True, help="Estoque dos produtos no Ploomes.")

Which = Annotated[int, typer.Argument(metavar="ID")]


@values_cli.command("export")
def export(integration_id: Which, entity: Entity) -> None:
    """Mostra em CSV os valores mapeados de todos os registros vinculados."""

    async def work(ponte: Ponte) -> None:
        async for text in ponte.value_tables.export(integration_id, entity.value):
            typer.echo(text, nl=False)

    run(work)


@values_cli.command("import")
def take_in(
    integration_id: Which,
    entity: Entity,
    file: Path,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Só confere a tabela.")] = False,
    json_output: Json = False,
) -> None:
    """Grava no Ploomes os valores de um CSV; com uma linha errada nada é gravado, e cada uma é dita."""
    content = content_of(file)

    async def work(ponte: Ponte) -> JsonObject:
        row = await ponte.integrations.get(integration_id)
        return await ponte.value_tables.take_in(row, entity.value, decoded(content), dry_run=dry_run)

    answer = run(work)
    show_one(answer, json_output)
    if answer["errors"]:
        raise typer.Exit(1)


@stock_cli.command("refresh")
def refresh(integration_id: Which, wait: Wait = True, json_output: Json = False) -> None:
    """Lê de novo o estoque de todos os produtos e acompanha; os trabalhadores gravam o que mudou."""

    async def work(ponte: Ponte) -> JsonObject:
        return await follow(ponte, await ponte.stock_refresh.request(integration_id), wait, json_output)

    tell(run(work), json_output)

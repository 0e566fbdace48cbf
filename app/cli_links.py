"""Commands over links and sellers: `ponte links ...`, `ponte sellers`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.console import OPERATOR, Json, content_of, out, run, show, show_one
from app.core.ports import Entity, JsonObject
from app.sync.desk.linking import Pair, link_json, listing
from app.sync.desk.sheets import decoded
from app.sync.models import Link, LinkState
from app.wiring import Ponte

links_cli = typer.Typer(no_args_is_help=True, help="Quais registros são a mesma coisa nos dois lados.")

Which = Annotated[int, typer.Argument(metavar="ID")]
COLUMNS = ("id", "entity", "omie_id", "ploomes_id", "natural_key", "state", "state_reason")
Of = Annotated[Entity, typer.Option("--entity", help="De qual entidade.")]


@links_cli.command("list")
def index(
    integration_id: Which,
    entity: Annotated[Entity | None, typer.Option(help="Só esta entidade.")] = None,
    state: Annotated[LinkState | None, typer.Option(help="Só neste estado.")] = None,
    search: Annotated[str | None, typer.Option(help="Um id ou documento, exato.")] = None,
    limit: Annotated[int, typer.Option(help="Quantos mostrar.")] = 100,
    json_output: Json = False,
) -> None:
    """Lista os vínculos, do mais novo ao mais velho."""

    async def work(ponte: Ponte) -> list[JsonObject]:
        query = listing(integration_id, entity.value if entity else None, state, search)
        async with ponte.db.read() as session:
            rows = await session.scalars(query.order_by(Link.id.desc()).limit(limit))
            return [link_json(row) for row in rows]

    show(run(work), json_output, COLUMNS)


@links_cli.command("link")
def link(
    integration_id: Which,
    omie_id: str,
    ploomes_id: str,
    entity: Of = Entity.CLIENTS,
    preview: Annotated[bool, typer.Option("--preview", help="Só mostra os dois registros.")] = False,
    json_output: Json = False,
) -> None:
    """Vincula dois registros à mão."""

    async def work(ponte: Ponte) -> JsonObject:
        row, pair = await ponte.integrations.get(integration_id), Pair(omie_id, ploomes_id)
        if preview:
            return await ponte.linking.preview(row, entity.value, pair)
        return await ponte.linking.link(row, entity.value, pair, author=OPERATOR)

    answer = run(work)
    if preview and not json_output:
        show(answer["differences"], json_output, ("label", "omie", "ploomes"), title="diferenças")
    else:
        show_one(answer, json_output)


@links_cli.command("unlink")
def unlink(integration_id: Which, link_id: int, json_output: Json = False) -> None:
    """Desfaz um vínculo; os dois registros ficam."""

    async def work(ponte: Ponte) -> JsonObject:
        return await ponte.linking.unlink(await ponte.integrations.get(integration_id), link_id, author=OPERATOR)

    show_one(run(work), json_output)


@links_cli.command("wizard")
def wizard(
    integration_id: Which,
    entity: Of = Entity.CLIENTS,
    accept: Annotated[bool, typer.Option("--accept-certain", help="Vincula todos os pares certos.")] = False,
    json_output: Json = False,
) -> None:
    """Propõe pares; nada é gravado sem mandar aceitar os certos."""

    async def work(ponte: Ponte) -> JsonObject:
        found = await ponte.wizard.propose(integration_id, entity.value)
        answer = found.as_json()
        if accept:
            pairs = [Pair(row["omie"]["id"], row["ploomes"]["id"]) for row in found.certain]
            row = await ponte.integrations.get(integration_id)
            answer["accepted"] = await ponte.linking.accept(row, entity.value, pairs, author=OPERATOR)
        return answer

    answer = run(work)
    if json_output:
        show_one(answer, json_output)
        return
    for name, title in (("certain", "certos"), ("ambiguous", "ambíguos"), ("duplicate", "duplicados")):
        show(answer[name], json_output, title=f"{title}: {answer['counts'][name]}")
    if accept:
        show_one(answer["accepted"], json_output)


@links_cli.command("export")
def export(
    integration_id: Which, entity: Annotated[Entity | None, typer.Option(help="Só esta entidade.")] = None
) -> None:
    """Mostra todos os vínculos em CSV."""

    async def work(ponte: Ponte) -> None:
        async for text in ponte.link_tables.export(integration_id, entity.value if entity else None):
            typer.echo(text, nl=False)

    run(work)


@links_cli.command("import")
def take_in(
    integration_id: Which,
    file: Path,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Só diz o que seria vinculado.")] = False,
    json_output: Json = False,
) -> None:
    """Vincula os pares de um arquivo CSV com as colunas entity, omie_id e ploomes_id; o que a coluna state diz que
    terminou fica de fora."""
    content = content_of(file)

    async def work(ponte: Ponte) -> JsonObject:
        row = await ponte.integrations.get(integration_id)
        return await ponte.link_tables.take_in(row, decoded(content), author=OPERATOR, dry_run=dry_run)

    answer = run(work)
    show_one(answer, json_output)
    if answer["errors"]:
        raise typer.Exit(1)


@links_cli.command("delete-all")
def delete_all(
    integration_id: Which,
    entity: Of,
    confirm: Annotated[str, typer.Option(help="O nome da entidade, digitado.")],
    json_output: Json = False,
) -> None:
    """Desfaz todos os vínculos de uma entidade; `restore` os traz de volta."""

    async def work(ponte: Ponte) -> int:
        row = await ponte.integrations.get(integration_id)
        return await ponte.link_tables.delete_all(row, entity.value, confirm, author=OPERATOR)

    show_one({"ended": run(work)}, json_output)


@links_cli.command("restore")
def restore(integration_id: Which, entity: Of, json_output: Json = False) -> None:
    """Traz de volta os vínculos do último `delete-all` de uma entidade."""

    async def work(ponte: Ponte) -> int:
        row = await ponte.integrations.get(integration_id)
        return await ponte.link_tables.restore(row, entity.value, author=OPERATOR)

    show_one({"restored": run(work)}, json_output)


def sellers(integration_id: Which, json_output: Json = False) -> None:
    """Mostra vendedores e usuários pareados, e quem está sem par."""
    answer: dict[str, Any] = run(lambda ponte: ponte.people.overview(integration_id))
    if json_output:
        show_one(answer, json_output)
        return
    pairs = [{"omie": p["omie"]["name"], "ploomes": p["ploomes"]["name"], "by": p["by"]} for p in answer["pairs"]]
    show(pairs, json_output, ("omie", "ploomes", "by"), title="pares")
    alone = {"sellers_without_user": "vendedores sem usuário", "users_without_seller": "usuários sem vendedor"}
    for name, title in alone.items():
        show(answer[name], json_output, ("code", "name", "email", "active"), title=title)
    out.print(f"vendedor padrão: {answer['default_seller'] or 'nenhum'}")

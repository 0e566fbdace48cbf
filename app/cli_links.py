"""Commands over links and sellers: `ponte links ...`, `ponte sellers`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.console import OPERATOR, Json, out, run, show, show_one
from app.core.ports import Entity, JsonObject
from app.sync.desk.linking import Pair, link_json, listing
from app.sync.models import Link, LinkState
from app.wiring import Ponte

links_cli = typer.Typer(no_args_is_help=True, help="Which records are the same thing.")

Which = Annotated[int, typer.Argument(metavar="ID")]
COLUMNS = ("id", "entity", "omie_id", "ploomes_id", "natural_key", "state", "state_reason")
Of = Annotated[Entity, typer.Option("--entity", help="Of which entity.")]


@links_cli.command("list")
def index(
    integration_id: Which,
    entity: Annotated[Entity | None, typer.Option(help="Only this entity.")] = None,
    state: Annotated[LinkState | None, typer.Option(help="Only in this state.")] = None,
    search: Annotated[str | None, typer.Option(help="An id or document, exactly.")] = None,
    limit: Annotated[int, typer.Option()] = 100,
    json_output: Json = False,
) -> None:
    """List links, newest first."""

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
    preview: Annotated[bool, typer.Option("--preview", help="Only show both records.")] = False,
    json_output: Json = False,
) -> None:
    """Link two records by hand."""

    async def work(ponte: Ponte) -> JsonObject:
        row, pair = await ponte.integrations.get(integration_id), Pair(omie_id, ploomes_id)
        if preview:
            return await ponte.linking.preview(row, entity.value, pair)
        return await ponte.linking.link(row, entity.value, pair, author=OPERATOR)

    answer = run(work)
    if preview and not json_output:
        show(answer["differences"], json_output, ("label", "omie", "ploomes"), title="differences")
    else:
        show_one(answer, json_output)


@links_cli.command("unlink")
def unlink(integration_id: Which, link_id: int, json_output: Json = False) -> None:
    """End a link; both records stay."""

    async def work(ponte: Ponte) -> JsonObject:
        return await ponte.linking.unlink(await ponte.integrations.get(integration_id), link_id, author=OPERATOR)

    show_one(run(work), json_output)


@links_cli.command("wizard")
def wizard(
    integration_id: Which,
    entity: Of = Entity.CLIENTS,
    accept: Annotated[bool, typer.Option("--accept-certain", help="Link every certain pair.")] = False,
    json_output: Json = False,
) -> None:
    """Propose pairs; writes nothing unless told to accept the certain ones."""

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
    for name in ("certain", "ambiguous", "duplicate"):
        show(answer[name], json_output, title=f"{name}: {answer['counts'][name]}")
    if accept:
        show_one(answer["accepted"], json_output)


@links_cli.command("export")
def export(
    integration_id: Which, entity: Annotated[Entity | None, typer.Option(help="Only this entity.")] = None
) -> None:
    """Print every link as CSV."""

    async def work(ponte: Ponte) -> None:
        async for text in ponte.link_tables.export(integration_id, entity.value if entity else None):
            typer.echo(text, nl=False)

    run(work)


@links_cli.command("import")
def take_in(
    integration_id: Which,
    file: Path,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be linked.")] = False,
    json_output: Json = False,
) -> None:
    """Link the pairs of a CSV file with the columns entity, omie_id and ploomes_id."""
    text = file.read_text("utf-8-sig")

    async def work(ponte: Ponte) -> JsonObject:
        row = await ponte.integrations.get(integration_id)
        return await ponte.link_tables.take_in(row, text, author=OPERATOR, dry_run=dry_run)

    show_one(run(work), json_output)


@links_cli.command("delete-all")
def delete_all(
    integration_id: Which,
    entity: Of,
    confirm: Annotated[str, typer.Option(help="The entity's name, typed.")],
    json_output: Json = False,
) -> None:
    """End every link of an entity; `restore` brings them back."""

    async def work(ponte: Ponte) -> int:
        row = await ponte.integrations.get(integration_id)
        return await ponte.link_tables.delete_all(row, entity.value, confirm, author=OPERATOR)

    show_one({"ended": run(work)}, json_output)


@links_cli.command("restore")
def restore(integration_id: Which, entity: Of, json_output: Json = False) -> None:
    """Bring back the links of the latest `delete-all` of an entity."""

    async def work(ponte: Ponte) -> int:
        row = await ponte.integrations.get(integration_id)
        return await ponte.link_tables.restore(row, entity.value, author=OPERATOR)

    show_one({"restored": run(work)}, json_output)


def sellers(integration_id: Which, json_output: Json = False) -> None:
    """Show paired sellers and users, and who stands alone."""
    answer: dict[str, Any] = run(lambda ponte: ponte.people.overview(integration_id))
    if json_output:
        show_one(answer, json_output)
        return
    pairs = [{"omie": p["omie"]["name"], "ploomes": p["ploomes"]["name"], "by": p["by"]} for p in answer["pairs"]]
    show(pairs, json_output, ("omie", "ploomes", "by"), title="pairs")
    for name in ("sellers_without_user", "users_without_seller"):
        show(answer[name], json_output, ("code", "name", "email", "active"), title=name.replace("_", " "))
    out.print(f"default seller: {answer['default_seller'] or 'none'}")

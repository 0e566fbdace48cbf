"""Commands over integrations: `ponte integration ...`, `ponte secrets ...`."""

import os
from typing import Annotated, Any, Literal

import typer

from app.console import OPERATOR, Json, print_json, run, show, show_one
from app.core.ports import JsonObject
from app.sync.passes.resyncs import as_json
from app.sync.setup import guide
from app.sync.setup.credentials import Credentials
from app.wiring import Ponte

integration_cli = typer.Typer(no_args_is_help=True, help="Integrations: one Omie app and one Ploomes account each.")
secrets_cli = typer.Typer(no_args_is_help=True, help="Secrets at rest.")

Which = Annotated[int, typer.Argument(metavar="ID")]
LISTED = ("id", "name", "state", "config_version", "activated_at", "last_omie_post_at", "last_ploomes_post_at")
Start = Annotated[str, typer.Option(help="When the first load writes: window or now.")]


@integration_cli.command("list")
def index(json_output: Json = False) -> None:
    """List the integrations."""
    show(run(lambda ponte: ponte.integrations.page(0, 1000)), json_output, LISTED)


@integration_cli.command("show")
def one(integration_id: Which, json_output: Json = False) -> None:
    """Show one integration, with the addresses to paste."""

    async def work(ponte: Ponte) -> JsonObject:
        return ponte.integrations.as_json(await ponte.integrations.get(integration_id))

    show_one(run(work), json_output)


@integration_cli.command("create")
def create(name: str, json_output: Json = False) -> None:
    """Create one. The keys come from OMIE_APP_KEY, OMIE_APP_SECRET and PLOOMES_USER_KEY, or are asked for: a command
    line is no place for secrets."""
    credentials = Credentials(
        os.environ.get("OMIE_APP_KEY") or typer.prompt("Omie App Key"),
        os.environ.get("OMIE_APP_SECRET") or typer.prompt("Omie App Secret", hide_input=True),
        os.environ.get("PLOOMES_USER_KEY") or typer.prompt("Ploomes User-Key", hide_input=True),
    )
    show_one(run(lambda ponte: ponte.integrations.create(name, credentials, author=OPERATOR)), json_output)


@integration_cli.command("test")
def checks(integration_id: Which, json_output: Json = False) -> None:
    """Check credentials, modules, permissions, families and accounts."""

    async def work(ponte: Ponte) -> tuple[bool, list[JsonObject]]:
        ok, answers = await ponte.integrations.test(integration_id)
        return ok, [answer.as_json() for answer in answers]

    ok, found = run(work)
    show(found, json_output, ("ok", "name", "detail", "fix"))
    if not ok:
        raise typer.Exit(1)


@integration_cli.command("activate")
def activate(integration_id: Which, start: Start = "window", json_output: Json = False) -> None:
    """Prepare Ploomes and begin; repeating it repairs."""
    when: Literal["window", "now"] = "now" if start == "now" else "window"
    show_one(run(lambda ponte: ponte.integrations.activate(integration_id, start=when)), json_output)


@integration_cli.command("deactivate")
def deactivate(integration_id: Which, json_output: Json = False) -> None:
    """Pause; webhooks are stored meanwhile."""
    show_one(run(lambda ponte: ponte.integrations.deactivate(integration_id)), json_output)


@integration_cli.command("rotate-urls")
def rotate(integration_id: Which, json_output: Json = False) -> None:
    """Make new webhook addresses; Omie's has to be pasted again."""
    show_one(run(lambda ponte: ponte.upkeep.rotate_addresses(integration_id)), json_output)


@integration_cli.command("unprovision")
def undo(
    integration_id: Which,
    confirm: Annotated[str, typer.Option(help="The integration's name, typed.")],
    fields: Annotated[bool, typer.Option("--fields", help="Delete our custom fields and their values too.")] = False,
    json_output: Json = False,
) -> None:
    """Take out of Ploomes what the activation put there."""
    show_one(run(lambda ponte: ponte.upkeep.undo(integration_id, confirm, fields=fields)), json_output)


@integration_cli.command("capabilities")
def capabilities(integration_id: Which, json_output: Json = False) -> None:
    """Show what flows where."""

    async def work(ponte: Ponte) -> list[JsonObject]:
        return guide.matrix(await ponte.configs.get(integration_id))

    show(run(work), json_output, ("label", "on", "to_ploomes", "to_omie", "notes"))


@integration_cli.command("guide")
def steps(integration_id: Which, json_output: Json = False) -> None:
    """Show the steps of the set-up and which are done."""

    async def work(ponte: Ponte) -> list[JsonObject]:
        row = await ponte.integrations.get(integration_id)
        unlocked = [field.name for field in await ponte.locks.recommended(row) if not field.locked]
        config = await ponte.configs.get(integration_id)
        return guide.steps(row, ponte.integrations.as_json(row), config, unlocked)

    show(run(work), json_output, ("done", "title", "text", "copy"))


@integration_cli.command("locks")
def locks(
    integration_id: Which,
    lock: Annotated[bool | None, typer.Option("--lock/--unlock", help="Lock or free all of them.")] = None,
    json_output: Json = False,
) -> None:
    """Show the Ploomes fields that only Omie should change, or lock them."""

    async def work(ponte: Ponte) -> list[JsonObject]:
        row = await ponte.integrations.get(integration_id)
        found = await ponte.locks.recommended(row) if lock is None else await ponte.upkeep.lock(row, None, locked=lock)
        return [field.as_json() for field in found]

    show(run(work), json_output, ("locked", "name", "why", "key"))


@integration_cli.command("self-test")
def self_test(integration_id: Which, json_output: Json = False) -> None:
    """Walk a test record through; a worker does it, follow it with `ponte resync show`."""

    async def work(ponte: Ponte) -> dict[str, Any]:
        return as_json(await ponte.self_test.start(await ponte.integrations.get(integration_id)))

    show_one(run(work), json_output)


@integration_cli.command("diagnostics")
def diagnostics(integration_id: Which) -> None:
    """Print everything support needs, without secrets, as JSON."""

    async def work(ponte: Ponte) -> JsonObject:
        row = await ponte.integrations.get(integration_id)
        return await ponte.diagnostics.bundle(row, ponte.integrations.as_json(row))

    print_json(run(work))


@secrets_cli.command("reseal")
def reseal(json_output: Json = False) -> None:
    """Encrypt every stored secret with the newest key of SECRET_KEY; afterwards the older keys may be taken out."""
    show_one({"integrations": run(lambda ponte: ponte.upkeep.reseal())}, json_output)

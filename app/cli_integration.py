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

integration_cli = typer.Typer(no_args_is_help=True, help="Integrações: um aplicativo Omie e uma conta Ploomes cada.")
secrets_cli = typer.Typer(no_args_is_help=True, help="Segredos guardados.")

SECRETS = {
    "OMIE_APP_KEY": "App Key do Omie",
    "OMIE_APP_SECRET": "App Secret do Omie",
    "PLOOMES_USER_KEY": "User-Key do Ploomes",
}
"""Variables that credentials may come from, and what is asked for where they do not."""
Which = Annotated[int, typer.Argument(metavar="ID")]
LISTED = ("id", "name", "state", "config_version", "activated_at", "last_omie_post_at", "last_ploomes_post_at")
Start = Annotated[str, typer.Option(help="Quando a primeira carga escreve: window (na janela) ou now (já).")]


@integration_cli.command("list")
def index(json_output: Json = False) -> None:
    """Lista as integrações."""
    show(run(lambda ponte: ponte.integrations.page(0, 1000)), json_output, LISTED)


@integration_cli.command("show")
def one(integration_id: Which, json_output: Json = False) -> None:
    """Mostra uma integração, com os endereços de webhook a colar."""

    async def work(ponte: Ponte) -> JsonObject:
        return ponte.integrations.as_json(await ponte.integrations.get(integration_id))

    show_one(run(work), json_output)


@integration_cli.command("create")
def create(name: Annotated[str, typer.Argument(metavar="NOME")], json_output: Json = False) -> None:
    """Cria uma integração com as chaves de OMIE_APP_KEY, OMIE_APP_SECRET e PLOOMES_USER_KEY, ou perguntadas.

    A linha de comando não é lugar de segredos.
    """
    credentials = Credentials(*(_secret(variable) for variable in SECRETS))
    show_one(run(lambda ponte: ponte.integrations.create(name, credentials, author=OPERATOR)), json_output)


@integration_cli.command("change")
def change(
    integration_id: Which,
    name: Annotated[str | None, typer.Option(help="O novo nome.")] = None,
    omie: Annotated[bool, typer.Option("--omie", help="Troca App Key e App Secret do Omie.")] = False,
    ploomes: Annotated[bool, typer.Option("--ploomes", help="Troca a User-Key do Ploomes.")] = False,
    json_output: Json = False,
) -> None:
    """Muda o nome ou as credenciais, que vêm do ambiente ou são perguntadas; o estado fica."""
    credentials = Credentials(
        _secret("OMIE_APP_KEY") if omie else None,
        _secret("OMIE_APP_SECRET") if omie else None,
        _secret("PLOOMES_USER_KEY") if ploomes else None,
    )
    show_one(
        run(lambda ponte: ponte.integrations.change(integration_id, name=name, credentials=credentials)), json_output
    )


@integration_cli.command("delete")
def delete(
    integration_id: Which,
    confirm: Annotated[str, typer.Option(help="O nome da integração, digitado.")],
    json_output: Json = False,
) -> None:
    """Remove a integração: nada mais é processado, e os endereços de webhook respondem 404."""

    async def work(ponte: Ponte) -> None:
        row = await ponte.integrations.get(integration_id)
        if row.name != confirm:
            raise typer.BadParameter(f"digite o nome da integração: {row.name}", param_hint="--confirm")
        await ponte.integrations.remove(integration_id)

    run(work)
    show_one({"id": integration_id, "deleted": True}, json_output)


@integration_cli.command("test")
def checks(integration_id: Which, json_output: Json = False) -> None:
    """Confere credenciais, módulos, permissões, famílias e contas."""

    async def work(ponte: Ponte) -> tuple[bool, list[JsonObject]]:
        ok, answers = await ponte.integrations.test(integration_id)
        return ok, [answer.as_json() for answer in answers]

    ok, found = run(work)
    show(found, json_output, ("ok", "name", "detail", "fix"))
    if not ok:
        raise typer.Exit(1)


@integration_cli.command("activate")
def activate(integration_id: Which, start: Start = "window", json_output: Json = False) -> None:
    """Prepara o Ploomes e começa; repetir conserta o que falta."""
    when: Literal["window", "now"] = "now" if start == "now" else "window"
    show_one(run(lambda ponte: ponte.integrations.activate(integration_id, start=when)), json_output)


@integration_cli.command("deactivate")
def deactivate(integration_id: Which, json_output: Json = False) -> None:
    """Pausa; os webhooks ficam guardados enquanto isso."""
    show_one(run(lambda ponte: ponte.integrations.deactivate(integration_id)), json_output)


@integration_cli.command("rotate-urls")
def rotate(integration_id: Which, json_output: Json = False) -> None:
    """Gera novos endereços de webhook; o do Omie precisa ser colado de novo."""
    show_one(run(lambda ponte: ponte.upkeep.rotate_addresses(integration_id)), json_output)


@integration_cli.command("unprovision")
def undo(
    integration_id: Which,
    confirm: Annotated[str, typer.Option(help="O nome da integração, digitado.")],
    fields: Annotated[bool, typer.Option("--fields", help="Exclui também os campos criados e seus valores.")] = False,
    json_output: Json = False,
) -> None:
    """Retira do Ploomes o que a ativação colocou lá."""
    show_one(run(lambda ponte: ponte.upkeep.undo(integration_id, confirm, fields=fields)), json_output)


@integration_cli.command("capabilities")
def capabilities(integration_id: Which, json_output: Json = False) -> None:
    """Mostra o que vai de onde para onde."""

    async def work(ponte: Ponte) -> list[JsonObject]:
        return guide.matrix(await ponte.configs.get(integration_id))

    show(run(work), json_output, ("label", "on", "to_ploomes", "to_omie", "notes"))


@integration_cli.command("guide")
def steps(integration_id: Which, json_output: Json = False) -> None:
    """Mostra os passos da configuração e quais já foram feitos."""

    async def work(ponte: Ponte) -> list[JsonObject]:
        row = await ponte.integrations.get(integration_id)
        unlocked = [field.name for field in await ponte.locks.recommended(row) if not field.locked]
        config = await ponte.configs.get(integration_id)
        return guide.steps(row, ponte.integrations.as_json(row), config, unlocked)

    show(run(work), json_output, ("done", "title", "text", "copy"))


@integration_cli.command("locks")
def locks(
    integration_id: Which,
    lock: Annotated[bool | None, typer.Option("--lock/--unlock", help="Bloqueia ou libera todos eles.")] = None,
    json_output: Json = False,
) -> None:
    """Mostra os campos do Ploomes que só o Omie deve mudar, ou os bloqueia."""

    async def work(ponte: Ponte) -> list[JsonObject]:
        row = await ponte.integrations.get(integration_id)
        found = await ponte.locks.recommended(row) if lock is None else await ponte.upkeep.lock(row, None, locked=lock)
        return [field.as_json() for field in found]

    show(run(work), json_output, ("locked", "name", "why", "key"))


@integration_cli.command("self-test")
def self_test(
    integration_id: Which,
    sales: Annotated[bool, typer.Option("--sales", help="Faz, edita e desfaz também uma venda.")] = False,
    json_output: Json = False,
) -> None:
    """Passa um registro de teste pela integração; acompanhe com `ponte resync show`."""

    async def work(ponte: Ponte) -> dict[str, Any]:
        return as_json(await ponte.self_test.start(await ponte.integrations.get(integration_id), sales=sales))

    show_one(run(work), json_output)


@integration_cli.command("diagnostics")
def diagnostics(integration_id: Which) -> None:
    """Mostra em JSON tudo de que o suporte precisa, sem segredos."""

    async def work(ponte: Ponte) -> JsonObject:
        row = await ponte.integrations.get(integration_id)
        return await ponte.diagnostics.bundle(row, ponte.integrations.as_json(row))

    print_json(run(work))


@secrets_cli.command("reseal")
def reseal(json_output: Json = False) -> None:
    """Cifra todos os segredos com a chave mais nova de SECRET_KEY; depois as antigas podem sair."""
    show_one({"integrations": run(lambda ponte: ponte.upkeep.reseal())}, json_output)


def _secret(variable: str) -> str:
    """A credential, without writing it on the command line."""
    given = os.environ.get(variable)
    return given or str(typer.prompt(SECRETS[variable], hide_input=variable != "OMIE_APP_KEY"))

"""Small human pages, server-rendered: clients of either vendor to look at, edit, create and delete."""

import re
from html import escape
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from . import markup, registers, shop
from .clock import BRASILIA
from .hands import OmieHands, PloomesHands, Rejected
from .kernel import fold
from .omie.company import Company
from .ploomes.account import Account
from .wire import Row
from .world import World

_ROWS = 200
#: The form of each vendor: field -> label.
_OMIE_FORM = {
    "razao_social": "Razão social", "nome_fantasia": "Nome fantasia", "cnpj_cpf": "CNPJ/CPF", "email": "E-mail",
    "telefone1_ddd": "DDD", "telefone1_numero": "Telefone", "telefone2_ddd": "DDD 2", "telefone2_numero": "Telefone 2",
    "endereco": "Endereço", "endereco_numero": "Número", "complemento": "Complemento", "bairro": "Bairro",
    "cidade": "Cidade, como SAO PAULO (SP)", "cep": "CEP", "tags": "Tags, por vírgula", "codigo_vendedor": "Vendedor",
    "inativo": "Inativo (S ou N)",
}  # fmt: skip
_PLOOMES_FORM = {
    "Name": "Nome", "LegalName": "Razão social", "Register": "CNPJ/CPF", "Email": "E-mail",
    "Phones": "Telefones, por vírgula", "StreetAddress": "Endereço", "StreetAddressNumber": "Número",
    "StreetAddressLine2": "Complemento", "Neighborhood": "Bairro", "ZipCode": "CEP",
    "City": "Cidade, como São Paulo/SP",
    "Tags": "Marcadores, por vírgula", "OwnerId": "Responsável", "StatusId": "Situação",
}  # fmt: skip


def routes(world: World) -> list[Route]:
    """The pages' routes; forms post to the pages themselves."""
    pages = Pages(world)
    omie, ploomes = "/sandbox/screens/omie/{app_key}", "/sandbox/screens/ploomes/{user_key}"
    table = [
        ("/sandbox/", pages.index, ["GET"]),
        (omie, pages.omie_list, ["GET"]),
        (f"{omie}/clients/{{id}}", pages.omie_form, ["GET", "POST"]),
        (f"{omie}/clients/{{id}}/delete", pages.omie_delete, ["POST"]),
        (ploomes, pages.ploomes_list, ["GET"]),
        (f"{ploomes}/clients/{{id}}", pages.ploomes_form, ["GET", "POST"]),
        (f"{ploomes}/clients/{{id}}/delete", pages.ploomes_delete, ["POST"]),
    ]
    return [Route(path, markup.guarded(page), methods=methods) for path, page, methods in table]


class Pages:
    """The pages of one sandbox."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def index(self, _request: Request) -> Response:
        """Where to go."""
        links = [
            f'<li><a href="/sandbox/screens/omie/{quote(key)}">Omie, aplicativo {escape(key)}</a></li>'
            for key in self._world.companies
        ] + [
            f'<li><a href="/sandbox/screens/ploomes/{quote(key)}">Ploomes, conta {account.id}</a></li>'
            for key, account in self._world.accounts.items()
        ]
        data = "".join(
            f'<li><a href="/sandbox/{name}">{name}</a></li>' for name in ("counters", "deliveries", "quirks", "faults")
        )
        return markup.page(
            "Sandbox Omie e Ploomes", f"<h2>Telas</h2><ul>{''.join(links)}</ul><h2>Dados</h2><ul>{data}</ul>"
        )

    # Omie

    def _company(self, request: Request) -> Company:
        company = self._world.companies.get(request.path_params["app_key"])
        if company is None:
            raise Rejected(404, "Aplicativo Omie desconhecido.")
        return company

    async def omie_list(self, request: Request) -> Response:
        """The clients of an Omie app, the last changed first."""
        company = self._company(request)
        base = f"/sandbox/screens/omie/{quote(company.app_key)}/clients"
        entries = sorted(company.clients.values(), key=lambda entry: entry.stamp.changed, reverse=True)
        rows = []
        for entry in entries[:_ROWS]:
            row = OmieHands(company).show("clientes", entry)
            name = f'<a href="{base}/{entry.id}">{escape(row["razao_social"])}</a>'
            tags = ", ".join(tag["tag"] for tag in row["tags"])
            phone = f"({row['telefone1_ddd']}) {row['telefone1_numero']}" if row["telefone1_numero"] else ""
            cells = (row["cnpj_cpf"], phone, row["cidade"], tags, row["inativo"],
                     f"{row['info']['dAlt']} {row['info']['hAlt']} {row['info']['uAlt']}")  # fmt: skip
            rows.append([name, *(escape(cell) for cell in cells)])
        heads = ["Razão social", "CNPJ/CPF", "Telefone", "Cidade", "Tags", "Inativo", "Alterado"]
        menu = shop.links(base.rpartition("/")[0])
        body = f'{menu}<p><a href="{base}/new">Novo cliente</a></p>' + markup.table(heads, rows)
        return markup.page(f"Omie: clientes ({len(entries)})", body, refresh=True)

    async def omie_form(self, request: Request) -> Response:
        """One client's form; posting it creates or edits as a person."""
        company, chosen = self._company(request), request.path_params["id"]
        hands = OmieHands(company)
        record = hands.record("clientes", _number(chosen)) if chosen != "new" else {}
        shown = _omie_shown(record)
        base = f"/sandbox/screens/omie/{quote(company.app_key)}"
        if request.method == "GET":
            sellers = {str(entry.id): entry.row["nome"] for entry in company.sellers.values()}
            inputs = markup.inputs(_OMIE_FORM, shown, {"codigo_vendedor": sellers})
            form = markup.form(f"{base}/clients/{chosen}", inputs, deletable=bool(record))
            return markup.page(record.get("razao_social", "Novo cliente"), form)
        given = _omie_given(await markup.posted(request), shown)
        if record and given:
            hands.edit("clientes", record["codigo_cliente_omie"], given)
        elif not record:
            hands.create("clientes", given)
        return RedirectResponse(base, 303)

    async def omie_delete(self, request: Request) -> Response:
        """Deletes a client as a person."""
        company = self._company(request)
        OmieHands(company).delete("clientes", _number(request.path_params["id"]))
        return RedirectResponse(f"/sandbox/screens/omie/{quote(company.app_key)}", 303)

    # Ploomes

    def _account(self, request: Request) -> Account:
        for account in self._world.accounts.values():
            if account.user_by_key(request.path_params["user_key"]):
                return account
        raise Rejected(404, "Conta Ploomes desconhecida.")

    async def ploomes_list(self, request: Request) -> Response:
        """The contacts of an account, the last changed first."""
        account = self._account(request)
        base = f"/sandbox/screens/ploomes/{quote(account.user_key)}/clients"
        contacts = sorted(account.sets["Contacts"].values(), key=lambda row: row["LastUpdateDate"], reverse=True)
        rows = []
        for contact in contacts[:_ROWS]:
            shown = _ploomes_shown(account, contact)
            name = f'<a href="{base}/{contact["Id"]}">{escape(contact["Name"])}</a>'
            owner = account.sets["Users"].get(contact["OwnerId"], {}).get("Name", "")
            status = account.sets["Contacts@Status"].get(contact["StatusId"], {}).get("Name", "")
            updater = account.sets["Users"].get(contact["UpdaterId"], {}).get("Name", "")
            when = contact["LastUpdateDate"].astimezone(BRASILIA).strftime("%d/%m/%Y %H:%M:%S")
            cells = (shown["Register"], shown["Phones"], shown["City"], shown["Tags"], owner, status,
                     f"{when} {updater}")  # fmt: skip
            rows.append([name, *(escape(str(cell or "")) for cell in cells)])
        heads = ["Nome", "CNPJ/CPF", "Telefones", "Cidade", "Marcadores", "Responsável", "Situação", "Alterado"]
        body = registers.links(base.rpartition("/")[0])
        body += f'<p><a href="{base}/new">Novo cliente</a></p>' + markup.table(heads, rows)
        return markup.page(f"Ploomes: clientes ({len(contacts)})", body, refresh=True)

    async def ploomes_form(self, request: Request) -> Response:
        """One contact's form; posting it creates or edits as a person."""
        account, chosen = self._account(request), request.path_params["id"]
        record = account.sets["Contacts"].get(_number(chosen)) if chosen != "new" else None
        if record is None and chosen != "new":
            raise Rejected(404, "Cliente não encontrado.")
        shown = _ploomes_shown(account, record) if record else {}
        base = f"/sandbox/screens/ploomes/{quote(account.user_key)}"
        if request.method == "GET":
            choices = {
                "OwnerId": {str(user["Id"]): user["Name"] for user in account.sets["Users"].values()},
                "StatusId": {str(row["Id"]): row["Name"] for row in account.sets["Contacts@Status"].values()},
            }
            form = markup.form(
                f"{base}/clients/{chosen}", markup.inputs(_PLOOMES_FORM, shown, choices), deletable=bool(record)
            )
            return markup.page(record["Name"] if record else "Novo cliente", form)
        given = _ploomes_given(account, await markup.posted(request), shown)
        if record and given:
            PloomesHands(account).edit("Contacts", str(record["Id"]), given)
        elif not record:
            PloomesHands(account).create("Contacts", given)
        return RedirectResponse(base, 303)

    async def ploomes_delete(self, request: Request) -> Response:
        """Deletes a contact as a person."""
        account = self._account(request)
        PloomesHands(account).delete("Contacts", request.path_params["id"])
        return RedirectResponse(f"/sandbox/screens/ploomes/{quote(account.user_key)}", 303)


def _number(text: str) -> int:
    if not text.isdigit():
        raise Rejected(404, "Cliente não encontrado.")
    return int(text)


def _omie_shown(record: Row) -> Row:
    if not record:
        return {}
    shown = {name: record.get(name, "") for name in _OMIE_FORM}
    shown["tags"] = ", ".join(tag["tag"] for tag in record["tags"])
    shown["codigo_vendedor"] = str(record["recomendacoes"].get("codigo_vendedor", ""))
    return shown


def _omie_given(posted: dict[str, str], shown: Row) -> Row:
    given: Row = dict(markup.changed(posted, shown, _OMIE_FORM))
    if "tags" in given:
        given["tags"] = [{"tag": name} for name in markup.names(given["tags"])]
    if "codigo_vendedor" in given:
        given["recomendacoes"] = {"codigo_vendedor": given.pop("codigo_vendedor") or 0}
    return given


def _ploomes_shown(account: Account, record: Row) -> Row:
    shown = {name: record.get(name) for name in _PLOOMES_FORM}
    city = account.sets["Cities"].get(record["CityId"])
    state = account.sets["Cities@Countries@States"].get(city["StateId"]) if city else None
    shown["City"] = f"{city['Name']}/{state['Short']}" if city and state else ""
    shown["Phones"] = ", ".join(phone["PhoneNumber"] for phone in record["Phones"])
    shown["Tags"] = ", ".join(account.sets["Tags"][tag["TagId"]]["Name"] for tag in record["Tags"])
    return shown


def _ploomes_given(account: Account, posted: dict[str, str], shown: Row) -> Row:
    given: Row = {name: text or None for name, text in markup.changed(posted, shown, _PLOOMES_FORM).items()}
    if "Phones" in given:
        given["Phones"] = [{"PhoneNumber": text, "TypeId": 1} for text in markup.names(given["Phones"] or "")]
    if "Tags" in given:
        wanted = {fold(name) for name in markup.names(given["Tags"] or "")}
        tags = account.sets["Tags"].values()
        given["Tags"] = [{"TagId": t["Id"]} for t in tags if t["EntityId"] == 1 and fold(t["Name"]) in wanted]
    if "City" in given:
        given["CityId"] = _city_id(account, given.pop("City"))
    for name in ("ZipCode", "OwnerId", "StatusId"):
        if given.get(name):
            given[name] = int(re.sub(r"\D", "", given[name]) or 0)
    return given


def _city_id(account: Account, text: str | None) -> int | None:
    if not text:
        return None
    states = account.sets["Cities@Countries@States"]
    for city in account.sets["Cities"].values():
        if fold(f"{city['Name']}/{states[city['StateId']]['Short']}") == fold(text):
            return int(city["Id"])
    raise Rejected(422, f"Cidade não encontrada: {text}")

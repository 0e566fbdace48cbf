"""Human pages of Ploomes' other registers, one table: products, sales and their lines, fields, options, markers."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from html import escape
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from . import markup
from .hands import PloomesHands, Rejected
from .ploomes.account import Account, show
from .ploomes.schema import SETS
from .ploomes.values import COLUMNS, native_type, value_of
from .wire import Row
from .world import World

_ROWS = 200
_YES_NO = {"True": "Sim", "False": "Não"}


@dataclass(frozen=True)
class Register:
    """One kind of record on the screen. `fields`: column -> label; `choices`: column -> set it picks from.

    `links`: a list of child rows that is only a choice of other records (list -> its key and the set it picks from).
    `lines`: the register whose rows hang on this one, and the column they point with.
    """

    set: str
    title: str
    fields: dict[str, str]
    choices: dict[str, str] = field(default_factory=dict)
    links: dict[str, tuple[str, str]] = field(default_factory=dict)
    lines: tuple[str, str] | None = None


REGISTERS = {
    "products": Register(
        "Products", "Produtos",
        {"Name": "Nome", "Code": "Código", "MeasurementUnit": "Unidade", "UnitPrice": "Preço", "GroupId": "Grupo",
         "FamilyId": "Família", "Lists": "Marcadores, por vírgula", "Suspended": "Suspenso"},
        {"GroupId": "Products@Groups", "FamilyId": "Products@Families"}, {"Lists": ("ListId", "Products@Lists")},
    ),
    "groups": Register("Products@Groups", "Grupos", {"Name": "Nome", "FamilyId": "Família"},
                       {"FamilyId": "Products@Families"}),
    "families": Register("Products@Families", "Famílias", {"Name": "Nome"}),
    "markers": Register("Products@Lists", "Marcadores de produto", {"Name": "Nome"}),
    "orders": Register(
        "Orders", "Vendas",
        {"OrderNumber": "Número", "ContactId": "Cliente", "StageId": "Etapa", "OwnerId": "Responsável",
         "Date": "Data", "Amount": "Valor", "Discount": "Desconto (%)", "Description": "Descrição"},
        {"ContactId": "Contacts", "StageId": "Orders@Stages", "OwnerId": "Users"}, lines=("lines", "OrderId"),
    ),
    "lines": Register(
        "Orders@Products", "Produtos da venda",
        {"OrderId": "Venda", "ProductId": "Produto", "Quantity": "Quantidade", "UnitPrice": "Preço",
         "Discount": "Desconto (%)", "Total": "Total"},
        {"OrderId": "Orders", "ProductId": "Products"},
    ),
    "quotes": Register(
        "Quotes", "Propostas", {"QuoteNumber": "Número", "ContactId": "Cliente", "Date": "Data", "Amount": "Valor"},
        {"ContactId": "Contacts"}, lines=("quote_lines", "QuoteId"),
    ),
    "quote_lines": Register(
        "Quotes@Products", "Produtos da proposta",
        {"QuoteId": "Proposta", "ProductId": "Produto", "Quantity": "Quantidade", "UnitPrice": "Preço",
         "Total": "Total"},
        {"QuoteId": "Quotes", "ProductId": "Products"},
    ),
    "parts": Register(
        "Products@Parts", "Peças de kits",
        {"ProductId": "Kit", "ProductPartId": "Produto", "DefaultQuantity": "Quantidade"},
        {"ProductId": "Products", "ProductPartId": "Products"},
    ),
    "stages": Register("Orders@Stages", "Etapas de venda", {"Name": "Nome", "Ordination": "Ordem"}),
    "statuses": Register("Contacts@Status", "Situações de cliente", {"Name": "Nome", "Discarded": "Descartada"}),
    "tags": Register("Tags", "Marcadores", {"Name": "Nome", "EntityId": "Entidade"}, {"EntityId": "Fields@Entities"}),
    "fields": Register(
        "Fields", "Campos",
        {"Name": "Nome", "EntityId": "Entidade", "TypeId": "Tipo", "OptionsTableId": "Tabela de opções",
         "Required": "Obrigatório", "Unique": "Único", "Disabled": "Bloqueado", "Multiple": "Vários valores",
         "SendExternalKey": "Chave externa"},
        {"EntityId": "Fields@Entities", "TypeId": "Fields@Types", "OptionsTableId": "Fields@OptionsTables"},
    ),
    "tables": Register("Fields@OptionsTables", "Tabelas de opções", {"Name": "Nome"}, lines=("options", "TableId")),
    "options": Register("Fields@OptionsTables@Options", "Opções",
                        {"TableId": "Tabela", "Name": "Nome", "ExternalKey": "Chave externa"},
                        {"TableId": "Fields@OptionsTables"}),
}  # fmt: skip


def links(base: str) -> str:
    """A line of links to every register."""
    return "<p>" + " ".join(f'<a href="{base}/{name}">{escape(r.title)}</a>' for name, r in REGISTERS.items()) + "</p>"


def routes(world: World) -> list[Route]:
    """The pages' routes; forms post to the pages themselves."""
    pages = RegisterPages(world)
    base = "/sandbox/screens/ploomes/{user_key}/{register}"
    table = [(base, pages.list, ["GET"]), (f"{base}/{{id}}", pages.form, ["GET", "POST"]),
             (f"{base}/{{id}}/delete", pages.delete, ["POST"])]  # fmt: skip
    return [Route(path, markup.guarded(page), methods=methods) for path, page, methods in table]


class RegisterPages:
    """The pages of one sandbox; every change is a person's, with all the rules a person meets."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def list(self, request: Request) -> Response:
        """The rows of a register, the newest first."""
        account, register, base = self._place(request)
        rows = account.rows(SETS[register.set], account.administrator)[::-1]
        lines = _table(account, register, base, rows)
        body = f'{links(base.rpartition("/")[0])}<p><a href="{base}/new">Novo</a></p>{lines}'
        return markup.page(f"Ploomes: {register.title} ({len(rows)})", body, refresh=True)

    async def form(self, request: Request) -> Response:
        """One record's form; posting it creates or edits as a person."""
        account, register, base = self._place(request)
        chosen, hands = request.path_params["id"], PloomesHands(account)
        record = _stored(account, register, chosen) if chosen != "new" else {}
        shown = _shown(account, register, record) or {
            name: value for name, value in request.query_params.items() if name in register.fields
        }
        if request.method == "GET":
            return self._show(account, register, base, chosen, record, shown)
        given = _given(account, register, await markup.posted(request), shown if record else {})
        if record and given:
            hands.edit(register.set, str(record[SETS[register.set].key]), given)
        elif not record:
            hands.create(register.set, given)
        return RedirectResponse(base, 303)

    async def delete(self, request: Request) -> Response:
        """Deletes a record as a person."""
        account, register, base = self._place(request)
        PloomesHands(account).delete(register.set, request.path_params["id"])
        return RedirectResponse(base, 303)

    def _show(self, account: Account, register: Register, base: str, chosen: str, record: Row,
              shown: Row) -> Response:  # fmt: skip
        fields, choices = _fields(account, register), _choices(account, register)
        form = markup.form(f"{base}/{chosen}", markup.inputs(fields, shown, choices), deletable=bool(record))
        if record and register.lines:
            name, column = register.lines
            place, lines = f"{base.rpartition('/')[0]}/{name}", REGISTERS[name]
            rows = [r for r in account.rows(SETS[lines.set], account.administrator) if r[column] == record["Id"]]
            form += f'<h2>{escape(lines.title)}</h2><p><a href="{place}/new?{column}={record["Id"]}">Novo</a></p>'
            form += _table(account, lines, place, rows)
        return markup.page(_label(record) if record else f"Novo: {register.title}", form)

    def _place(self, request: Request) -> tuple[Account, Register, str]:
        register = REGISTERS.get(request.path_params["register"])
        for account in self._world.accounts.values():
            if register is not None and account.user_by_key(request.path_params["user_key"]):
                name = request.path_params["register"]
                return account, register, f"/sandbox/screens/ploomes/{quote(account.user_key)}/{name}"
        raise Rejected(404, "Tela desconhecida.")


def _table(account: Account, register: Register, base: str, rows: list[Row]) -> str:
    choices = _choices(account, register)
    key = SETS[register.set].key
    cells = []
    for row in rows[:_ROWS]:
        shown = _shown(account, register, row)
        texts = [choices.get(name, {}).get(str(shown[name]), str(shown[name] or "")) for name in register.fields]
        first = f'<a href="{base}/{quote(str(row[key]))}">{escape(texts[0] or _label(row))}</a>'
        cells.append([first, *(escape(text) for text in texts[1:])])
    return markup.table(list(register.fields.values()), cells)


def _stored(account: Account, register: Register, chosen: str) -> Row:
    key = SETS[register.set].key
    for row in account.rows(SETS[register.set], account.administrator):
        if str(row[key]) == chosen:
            return row
    raise Rejected(404, "Registro não encontrado.")


def _label(row: Row) -> str:
    return str(row.get("Name") or row.get("OrderNumber") or row.get("ProductName") or row["Id"])


def _custom(account: Account, register: Register) -> dict[str, Row]:
    """The custom fields of a register's entity that hold one value."""
    entity_id = SETS[register.set].entity_id
    rows = account.sets["Fields"].values() if entity_id is not None else []
    return {f["Key"]: f for f in rows if f["Dynamic"] and not f["Multiple"] and f["EntityId"] == entity_id}


def _fields(account: Account, register: Register) -> dict[str, str]:
    custom = {
        key: row["Name"] + (" (bloqueado)" if row["Disabled"] else "")
        for key, row in _custom(account, register).items()
    }
    return register.fields | custom


def _choices(account: Account, register: Register) -> dict[str, dict[str, str]]:
    choices = {name: _texts(account.sets[target].values()) for name, target in register.choices.items()}
    props = SETS[register.set].props
    choices |= {name: _YES_NO for name in register.fields if name in props and props[name].kind == "bool"}
    for key, row in _custom(account, register).items():
        if row["OptionsTableId"] is not None:
            options = account.sets["Fields@OptionsTables@Options"].values()
            choices[key] = _texts(o for o in options if o["TableId"] == row["OptionsTableId"])
        elif native_type(account, row) == "Bool":
            choices[key] = _YES_NO
    return choices


def _texts(rows: Iterable[Row]) -> dict[str, str]:
    return {str(row["Id"]): _label(row) for row in rows}


def _shown(account: Account, register: Register, record: Row) -> Row:
    """The record as the form's texts."""
    if not record:
        return {}
    shown = {name: _text(record.get(name)) for name in register.fields}
    for name, (column, target) in register.links.items():
        shown[name] = ", ".join(account.sets[target][row[column]]["Name"] for row in record[name])
    for row in record.get("OtherProperties", []):
        shown[row["FieldKey"]] = _text(value_of(row))
    return shown


def _text(value: Any) -> str:
    return "" if value is None else str(show(value))


def _given(account: Account, register: Register, posted: dict[str, str], shown: Row) -> Row:
    """What the person touched, in the kinds a body carries; raises Rejected (422) for a number that is none."""
    custom, props = _custom(account, register), SETS[register.set].props
    given: Row = {}
    values: list[Row] = []
    for name, text in markup.changed(posted, shown, _fields(account, register)).items():
        if name in custom:
            native = native_type(account, custom[name])
            values.append({"FieldKey": name, COLUMNS[native]: _kind(_NATIVE.get(native, "str"), text)})
        elif name in register.links:
            column, target = register.links[name]
            wanted = {part.casefold() for part in markup.names(text)}
            rows = account.sets[target].values()
            given[name] = [{column: row["Id"]} for row in rows if row["Name"].casefold() in wanted]
        else:
            given[name] = _kind(props[name].kind, text)
    return given | ({"OtherProperties": values} if values else {})


_NATIVE = {"Integer": "int", "Decimal": "num", "Bool": "bool"}


def _kind(kind: str, text: str) -> Any:
    if not text:
        return None
    try:
        match kind:
            case "int" | "i32":
                return int(text)
            case "num":
                return Decimal(text.replace(",", "."))
            case "bool":
                return text == "True"
    except (ValueError, InvalidOperation):
        raise Rejected(422, f"Número inválido: {text}") from None
    return text

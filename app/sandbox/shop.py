"""Human pages of Omie's other registers, one table: products, families, services, places, orders, service orders."""

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from html import escape
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from . import markup
from .hands import OmieHands, Rejected
from .omie.company import Company, Entry
from .omie.papers import SALE, SERVICE, stages
from .omie.schemas import Tag, tags_of
from .wire import Row
from .world import World

_ROWS = 200
_YES_NO = {"S": "Sim", "N": "Não"}


@dataclass(frozen=True)
class Lines:
    """The items of a document: its list, the item's key, and what of an item can be typed (paths -> label).

    `chosen`: the path of the product or service, picked from the register `source`. `delete`: the path and value
    that delete an item; `add`: those that include one.
    """

    list: str
    key: str
    fields: dict[str, str]
    chosen: str
    source: str
    delete: tuple[str, str]
    add: tuple[str, str] | None = None


@dataclass(frozen=True)
class Page:
    """One kind of record. `fields`: dotted path -> label; `choices`: path -> what it picks from."""

    register: str
    title: str
    shape: str
    fields: dict[str, str]
    choices: dict[str, str] = field(default_factory=dict)
    lines: Lines | None = None
    acts: dict[str, str] = field(default_factory=dict)
    stage: str = ""


PAGES = {
    "products": Page(
        "produtos", "Produtos", "produto_servico_cadastro",
        {"descricao": "Descrição", "codigo": "Código", "unidade": "Unidade", "ncm": "NCM", "ean": "EAN",
         "valor_unitario": "Preço", "codigo_familia": "Família", "tipoItem": "Tipo", "marca": "Marca",
         "descr_detalhada": "Descrição detalhada", "inativo": "Inativo"},
        {"codigo_familia": "familias", "inativo": "yes_no"},
    ),
    "families": Page("familias", "Famílias", "famCadastro",
                     {"nomeFamilia": "Nome", "codFamilia": "Código", "inativo": "Inativa"}, {"inativo": "yes_no"}),
    "services": Page(
        "servicos", "Serviços", "srvListarCadastro",
        {"cabecalho.cDescricao": "Descrição", "cabecalho.cCodigo": "Código", "cabecalho.nPrecoUnit": "Preço",
         "cabecalho.cCodLC116": "LC 116", "descricao.cDescrCompleta": "Descrição completa", "info.inativo": "Inativo"},
        {"info.inativo": "yes_no"},
    ),
    "locations": Page(
        "locais", "Locais de estoque", "local_estoque_cadastro",
        {"descricao": "Nome", "codigo": "Código", "tipo": "Tipo (1, 2 ou 3)", "padrao": "Padrão",
         "dispVenda": "Disponível para venda", "inativo": "Inativo"},
        {"padrao": "yes_no", "dispVenda": "yes_no", "inativo": "yes_no"},
    ),
    "orders": Page(
        "pedidos", "Pedidos de venda", "pedido_venda_produto",
        {"cabecalho.numero_pedido": "Número", "cabecalho.codigo_cliente": "Cliente",
         "cabecalho.data_previsao": "Previsão", "cabecalho.codigo_parcela": "Parcelas",
         "informacoes_adicionais.codVend": "Vendedor", "frete.valor_frete": "Frete",
         "observacoes.obs_venda": "Observações", "total_pedido.valor_total_pedido": "Total",
         "infoCadastro.faturado": "Faturado", "infoCadastro.cancelado": "Cancelado"},
        {"cabecalho.codigo_cliente": "clientes", "informacoes_adicionais.codVend": "vendedores"},
        Lines("det", "ide.codigo_item", {"produto.quantidade": "Quantidade", "produto.valor_unitario": "Preço"},
              "produto.codigo_produto", "produtos", ("ide.acao_item", "E")),
        {"invoice": "Faturar", "cancel": "Cancelar", "return": "Devolver tudo"}, SALE,
    ),
    "service_orders": Page(
        "ordens", "Ordens de serviço", "osCadastro",
        {"Cabecalho.cNumOS": "Número", "Cabecalho.nCodCli": "Cliente", "Cabecalho.dDtPrevisao": "Previsão",
         "Cabecalho.cCodParc": "Parcelas", "Observacoes.cObsOS": "Observações", "Cabecalho.nValorTotal": "Total",
         "InfoCadastro.cFaturada": "Faturada", "InfoCadastro.cCancelada": "Cancelada"},
        {"Cabecalho.nCodCli": "clientes"},
        Lines("ServicosPrestados", "nIdItem", {"nQtde": "Quantidade", "nValUnit": "Preço"}, "nCodServico", "servicos",
              ("cAcaoItem", "E"), ("cAcaoItem", "I")),
        {"invoice": "Faturar", "cancel": "Cancelar"}, SERVICE,
    ),
}  # fmt: skip
#: Shown, never typed.
_READ_ONLY = {"cabecalho.numero_pedido", "Cabecalho.cNumOS", "total_pedido.valor_total_pedido",
              "Cabecalho.nValorTotal", "infoCadastro.faturado", "infoCadastro.cancelado", "InfoCadastro.cFaturada",
              "InfoCadastro.cCancelada"}  # fmt: skip
_STOCK = {"kind": "Movimento", "quantity": "Quantidade", "location": "Local"}
_KINDS = {"ENT": "Entrada", "SAI": "Saída", "SLD": "Novo saldo"}


def links(base: str) -> str:
    """A line of links to every register."""
    return "<p>" + " ".join(f'<a href="{base}/{name}">{escape(p.title)}</a>' for name, p in PAGES.items()) + "</p>"


def routes(world: World) -> list[Route]:
    """The pages' routes; forms post to the pages themselves."""
    pages = ShopPages(world)
    base = "/sandbox/screens/omie/{app_key}/{register}"
    table = [(base, pages.list, ["GET"]), (f"{base}/{{id}}", pages.form, ["GET", "POST"]),
             (f"{base}/{{id}}/delete", pages.delete, ["POST"]),
             (f"{base}/{{id}}/{{act}}", pages.act, ["POST"])]  # fmt: skip
    return [Route(path, markup.guarded(page), methods=methods) for path, page, methods in table]


class ShopPages:
    """The pages of one sandbox; every change is a person's."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def list(self, request: Request) -> Response:
        """The records of a register, the last changed first."""
        company, page, base = self._place(request)
        entries = sorted(company.registers[page.register].values(), key=lambda e: e.stamp.changed, reverse=True)
        cells, choices = [], _choices(company, page)
        for entry in entries[:_ROWS]:
            record = OmieHands(company).show(page.register, entry)
            shown = [_text(record, path) for path in page.fields]
            texts = [choices.get(p, {}).get(t, t) for p, t in zip(page.fields, shown, strict=True)]
            cells.append([f'<a href="{base}/{entry.id}">{escape(texts[0] or str(entry.id))}</a>',
                          *(escape(text) for text in texts[1:])])  # fmt: skip
        body = f'{links(base.rpartition("/")[0])}<p><a href="{base}/new">Novo</a></p>'
        title = f"Omie: {page.title} ({len(entries)})"
        return markup.page(title, body + markup.table(list(page.fields.values()), cells), refresh=True)

    async def form(self, request: Request) -> Response:
        """One record's form; posting it creates or edits as a person."""
        company, page, base = self._place(request)
        hands, chosen = OmieHands(company), request.path_params["id"]
        record = hands.record(page.register, _number(chosen)) if chosen != "new" else {}
        if request.method == "GET":
            return markup.page(page.title, _form(company, page, f"{base}/{chosen}", record))
        given = _given(page, await markup.posted(request), record)
        if not record:
            hands.create(page.register, given)
        elif given:
            hands.edit(page.register, _number(chosen), given)
        return RedirectResponse(base, 303)

    async def delete(self, request: Request) -> Response:
        """Deletes a record as a person."""
        company, page, base = self._place(request)
        OmieHands(company).delete(page.register, _number(request.path_params["id"]))
        return RedirectResponse(base, 303)

    async def act(self, request: Request) -> Response:
        """What happens to a document beside edits, or to a product's stock."""
        company, page, base = self._place(request)
        hands, number, act = OmieHands(company), _number(request.path_params["id"]), request.path_params["act"]
        posted = await markup.posted(request)
        if page.register == "produtos" and act == "stock":
            moved = {name: text for name, text in posted.items() if name in _STOCK and text}
            hands.move_stock({"product": number, **moved})
        else:
            hands.act(page.register, number, act, dict(posted))
        return RedirectResponse(f"{base}/{number}", 303)

    def _place(self, request: Request) -> tuple[Company, Page, str]:
        name = request.path_params["register"]
        company, page = self._world.companies.get(request.path_params["app_key"]), PAGES.get(name)
        if company is None or page is None:
            raise Rejected(404, "Tela desconhecida.")
        return company, page, f"/sandbox/screens/omie/{quote(company.app_key)}/{name}"


def _form(company: Company, page: Page, action: str, record: Row) -> str:
    fields = {path: label for path, label in page.fields.items() if path not in _READ_ONLY}
    shown = {path: _text(record, path) for path in fields}
    inner = markup.inputs(fields, shown, _choices(company, page))
    if page.lines:
        inner += _lines_form(company, page.lines, record)
    html = markup.form(action, inner, deletable=bool(record))
    if not record:
        return html
    if page.stage:
        texts = {code: f"{code} {row['cDescricao']}" for code, row in stages(company, page.stage).items()}
        html += _button(f"{action}/stage", "Trocar etapa", markup.inputs({"etapa": "Etapa"}, {}, {"etapa": texts}))
    html += "".join(_button(f"{action}/{act}", label) for act, label in page.acts.items())
    if page.register == "produtos":
        places = _names(company, "locais")
        moves = markup.inputs(_STOCK, {}, {"kind": _KINDS, "location": places})
        html += "<h2>Estoque</h2>" + _balances(company, places, action) + _button(f"{action}/stock", "Mover", moves)
    return html


def _button(action: str, label: str, inner: str = "") -> str:
    return f'<form method="post" action="{action}">{inner}<p><button>{escape(label)}</button></p></form>'


def _balances(company: Company, places: dict[str, str], action: str) -> str:
    product = int(action.rpartition("/")[2])
    rows = []
    for place, name in places.items():
        balance = company.stock.seen(product, int(place))
        figures = (balance.physical, balance.reserved, balance.available, balance.pending, balance.minimum)
        rows.append([escape(name), *(str(figure) for figure in figures)])
    return markup.table(["Local", "Físico", "Reservado", "Disponível", "Pedidos abertos", "Mínimo"], rows)


def _lines_form(company: Company, lines: Lines, record: Row) -> str:
    """A row of inputs per item, and one more to add an item."""
    names = _names(company, lines.source)
    html = "<h2>Itens</h2>"
    for item in record.get(lines.list, []):
        key, name = _text(item, lines.key), names.get(_text(item, lines.chosen), "")
        fields = {f"{key}:{path}": label for path, label in lines.fields.items()}
        values = {f"{key}:{path}": _text(item, path) for path in lines.fields}
        box = f'<label><input type="checkbox" name="{key}:gone" value="S" style="width:auto"> Excluir item</label>'
        html += f"<h3>{escape(name)}</h3>{markup.inputs(fields, values, {})}{box}"
    fresh = {"new:chosen": "Novo item", **{f"new:{path}": label for path, label in lines.fields.items()}}
    return html + markup.inputs(fresh, {}, {"new:chosen": names})


def _names(company: Company, register: str) -> dict[str, str]:
    return {str(entry.id): _name(entry) for entry in company.registers[register].values()}


def _name(entry: Entry) -> str:
    row = entry.row
    for tag in ("nome_fantasia", "razao_social", "nomeFamilia", "descricao", "nome"):
        if isinstance(row.get(tag), str) and row[tag]:
            return str(row[tag])
    return str(row.get("cabecalho", {}).get("cDescricao", entry.id))


def _choices(company: Company, page: Page) -> dict[str, dict[str, str]]:
    return {path: _YES_NO if source == "yes_no" else _names(company, source) for path, source in page.choices.items()}


def _text(record: Row, path: str) -> str:
    value: Any = record
    for name in path.split("."):
        value = value.get(name, "") if isinstance(value, dict) else ""
    return "" if value in (None, 0) else str(value)


def _given(page: Page, posted: dict[str, str], record: Row) -> Row:
    """What the person touched, as the API's blocks; raises Rejected (422) for a number that is none."""
    given: Row = {}
    for path in page.fields:
        if path in posted and path not in _READ_ONLY and posted[path] != _text(record, path):
            _put(given, path, _kind(_tag(page.shape, path), posted[path]))
    if page.lines:
        items = list(_items(page.shape, page.lines, posted, record))
        given |= {page.lines.list: items} if items else {}
    return given


def _items(shape: str, lines: Lines, posted: dict[str, str], record: Row) -> list[Row]:
    inner = tags_of(shape)[lines.list].complex_type
    rows = []
    for old in record.get(lines.list, []):
        key = _text(old, lines.key)
        touched = [p for p in lines.fields if f"{key}:{p}" in posted and posted[f"{key}:{p}"] != _text(old, p)]
        gone = posted.get(f"{key}:gone") == "S"
        if gone or touched:
            row: Row = {}
            _put(row, lines.key, int(key))
            for path in touched:
                _put(row, path, _kind(_tag(inner, path), posted[f"{key}:{path}"]))
            if gone:
                _put(row, *lines.delete)
            rows.append(row)
    if posted.get("new:chosen"):
        fresh: Row = {}
        _put(fresh, lines.chosen, int(posted["new:chosen"]))
        for path in lines.fields:
            if posted.get(f"new:{path}"):
                _put(fresh, path, _kind(_tag(inner, path), posted[f"new:{path}"]))
        if lines.add:
            _put(fresh, *lines.add)
        rows.append(fresh)
    return rows


def _put(row: Row, path: str, value: Any) -> None:
    *blocks, name = path.split(".")
    for block in blocks:
        row = row.setdefault(block, {})
    row[name] = value


def _tag(shape: str, path: str) -> Tag:
    *blocks, name = path.split(".")
    for block in blocks:
        shape = tags_of(shape)[block].complex_type
    return tags_of(shape)[name]


def _kind(tag: Tag, text: str) -> Any:
    try:
        if tag.kind == "i":
            return int(text or 0)
        return Decimal(text.replace(",", ".") or 0) if tag.kind == "d" else text
    except (ValueError, InvalidOperation):
        raise Rejected(422, f"Número inválido: {text}") from None


def _number(text: str) -> int:
    if not text.isdigit():
        raise Rejected(404, "Registro não encontrado.")
    return int(text)

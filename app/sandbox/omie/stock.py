"""Stock locations, positions and movements: `estoque/local/`, `consulta/`, `resumo/` and the screen (3.9)."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ..kernel import fold
from ..wire import Row
from . import faults, products
from .company import Actor, Company, Entry
from .paging import HUNGARIAN, page
from .registers import Rules
from .stock_book import Balance

_CENT_OF_CENT = Decimal("0.0001")
_ALL_PAGE = 50


def _prepare_location(company: Company, row: Row, given: Row, entry: Entry | None) -> None:
    """Own, own at a third party's, or a third party's here; there is one default location."""
    if row.get("tipo") not in ("1", "2", "3"):
        raise faults.invalid("tipo", "1, 2 ou 3")
    owner = given.get("codigo_cliente")
    if owner and owner not in company.clients:
        raise faults.missing_reference("Cliente", owner, "codigo_cliente")
    if not row.get("codigo"):
        row["codigo"] = f"LOC{len(company.registers['locais']) + 1:03d}"
    if given.get("padrao") == "S":
        for other in company.registers["locais"].values():
            if other is not entry:
                other.row["padrao"] = "N"


def _show_location(_company: Company, entry: Entry) -> Row:
    stamp = entry.stamp.block()
    del stamp["cImpAPI"]
    return {"codigo_local_estoque": entry.id, "codigo_cliente": 0, **entry.row, **stamp}


def _guard_location(company: Company, entry: Entry) -> None:
    if entry.row["padrao"] == "S" or company.stock.ever_held(entry.id) or company.is_named(entry.id):
        raise faults.in_use("o local de estoque")


LOCATIONS = Rules(
    register="locais", thing="Local do Estoque", shape="local_estoque_cadastro", key_shape="local_estoque_cadastro",
    id_tag="codigo_local_estoque", code_tag="", status=("cCodStatus", "cDesStatus"), needs=("descricao",),
    topics=("LocalEstoque.Incluido", "LocalEstoque.Alterado", "LocalEstoque.Excluido"),
    defaults={"codigo": "", "tipo": "1", "padrao": "N", "inativo": "N", "dispOrdemProducao": "S",
              "dispConsumoOP": "S", "dispRemessa": "S", "dispVenda": "S"},
    prepare=_prepare_location, guard=_guard_location, show=_show_location, echo="codigo",
    missing=lambda code, _by_code: faults.no_stock_location(code),
)  # fmt: skip


def location(company: Company, wanted: int) -> Entry:
    """That location, the default one for 0; raises Fault."""
    places = company.registers["locais"]
    if wanted:
        if wanted not in places:
            raise faults.no_stock_location(wanted)
        return places[wanted]
    return next(entry for entry in places.values() if entry.row["padrao"] == "S")


def _day(tag: str, text: str) -> date:
    if not text:
        raise faults.required(tag)
    try:
        return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007  a day has no zone
    except ValueError:
        raise faults.Fault(f"ERROR: Data inválida na tag [{tag}], utilize dd/mm/aaaa !", 104) from None


def _number(value: Decimal) -> Decimal:
    rounded = value.quantize(_CENT_OF_CENT)
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded.normalize()


def position(company: Company, param: Row) -> Row:
    """PosicaoEstoque: one product in one location at the end of a day."""
    day = _day("data", param.get("data", ""))
    code, omie_id = param.get("cod_int", ""), param.get("id_prod", 0)
    if not code and not omie_id:
        raise faults.required("id_prod", "cod_int")
    entry = products.PRODUCTS.coded(company, code) if code else company.registers["produtos"].get(omie_id)
    if entry is None:
        raise faults.Fault(f"ERROR: Produto não cadastrado para o ID [{code or omie_id}] !", 105)
    place = location(company, param.get("codigo_local_estoque", 0))
    balance = company.stock.seen(entry.id, place.id)
    physical = balance.physical_at(day)
    return {
        "codigo_status": "0", "descricao_status": "", "saldo": _number(physical - balance.reserved),
        "cmc": _number(balance.cost), "pendente": _number(balance.pending),
        "estoque_minimo": _number(balance.minimum), "codigo_local_estoque": place.id,
        "reservado": _number(balance.reserved), "fisico": _number(physical),
    }  # fmt: skip


def positions(company: Company, param: Row) -> Row:
    """ListarPosEstoque: rows per product and location; by default only what ever moved."""
    places = _places(company, param)
    day = _day("dDataPosicao", param.get("dDataPosicao") or f"{company.now():%d/%m/%Y}")
    everything = param.get("cExibeTodos") == "S"
    known, book, keeps = company.registers["produtos"], company.stock, _filter(param)
    rows = [
        (product, place)
        for place in places
        for product in (known if everything else book.moved_in(place))
        if keeps is None or keeps(known[product])
    ]

    def show(row: tuple[int, int]) -> Row:
        product, place = row
        return _position_row(known[product], place, book.seen(product, place), day)

    sized = param | {"nRegPorPagina": _ALL_PAGE} if everything else param
    answer = page(company, rows, sized, "produtos", show, dialect=HUNGARIAN)
    return {**answer, "dDataPosicao": f"{day:%d/%m/%Y}"}


def _places(company: Company, param: Row) -> list[int]:
    one, several = param.get("codigo_local_estoque", 0), param.get("lista_local_estoque", "")
    if one and several:
        raise faults.Fault(
            "ERROR: A tag [codigo_local_estoque] não pode ser informada junto com a tag [lista_local_estoque] !", 1073
        )
    if several.upper() == "TODOS":
        return list(company.registers["locais"])
    wanted = [int(text) for text in several.split(",") if text.strip().isdigit()] if several else [one]
    return [location(company, number).id for number in wanted]


def _filter(param: Row) -> Callable[[Entry], bool] | None:
    tests: dict[str, Callable[[Entry, Any], bool]] = {
        "cExibeApenasPDV": lambda e, v: v != "S" or products.in_pdv(e),
        "cExibeApenasMarketplace": lambda e, v: v != "S" or products.in_marketplace(e),
        "cTipoItem": lambda e, v: e.row.get("tipoItem") == v,
        "lista_produtos": lambda e, v: any(_named(e, key) for key in v),
    }
    given = {name: param[name] for name in tests if param.get(name)}
    if not given:
        return None
    return lambda entry: all(tests[name](entry, value) for name, value in given.items())


def _named(entry: Entry, key: Row) -> bool:
    return (
        key.get("nCodProd") == entry.id
        or bool(key.get("cCodInt") and key["cCodInt"] == entry.row.get("codigo_produto_integracao"))
        or bool(key.get("cCodigo") and key["cCodigo"] == entry.row["codigo"])
    )


def _position_row(entry: Entry, place: int, balance: Balance, day: date) -> Row:
    physical = balance.physical_at(day)
    return {
        "nCodProd": entry.id, "cCodInt": entry.row.get("codigo_produto_integracao", ""),
        "cCodigo": entry.row["codigo"], "cDescricao": entry.row["descricao"],
        "nPrecoUnitario": entry.row["valor_unitario"], "nSaldo": _number(physical - balance.reserved),
        "nCMC": _number(balance.cost), "nPendente": _number(balance.pending),
        "estoque_minimo": _number(balance.minimum), "codigo_local_estoque": place,
        "reservado": _number(balance.reserved), "fisico": _number(physical),
    }  # fmt: skip


def summary(company: Company, param: Row) -> Row:
    """ObterEstoqueProduto: one product in every location, or the hits of a free search."""
    day = _day("dDia", param.get("dDia") or f"{company.now():%d/%m/%Y}")
    hits = _search(company, param)
    if len(hits) > 1:
        return {"listaProduto": [{"nIdProduto": e.id, "cCodigo": e.row["codigo"], "cDescricao": e.row["descricao"]}
                                 for e in hits]}  # fmt: skip
    entry = hits[0]
    row = entry.row
    answer = {
        "nIdProduto": entry.id, "cCodigo": row["codigo"], "cDescricao": row["descricao"], "cEAN": row.get("ean", ""),
        "dDia": f"{day:%d/%m/%Y}", "cNCM": row["ncm"], "cUnidade": row["unidade"],
        "listaEstoque": [_summary_row(company, entry, place, day) for place in company.registers["locais"].values()
                         if place.row["inativo"] != "S"],
    }  # fmt: skip
    if param.get("cExibirImagens") == "S":
        answer["listaImagens"] = [{"cUrlImagem": image.get("url_imagem", "")} for image in row.get("imagens", [])]
    return answer


def _search(company: Company, param: Row) -> list[Entry]:
    entries = company.registers["produtos"].values()
    omie_id, free = param.get("nIdProduto", 0), fold(param.get("xCodigo", ""))
    if omie_id:
        hits = [e for e in entries if e.id == omie_id]
    elif param.get("cCodigo"):
        hits = [e for e in entries if e.row["codigo"] == param["cCodigo"]]
    elif param.get("cEAN"):
        hits = [e for e in entries if e.row.get("ean") == param["cEAN"]]
    elif free:
        hits = [e for e in entries if free in fold(f"{e.row['codigo']} {e.row['descricao']} {e.row.get('ean', '')}")]
    else:
        raise faults.required("nIdProduto", "cCodigo", "cEAN", "xCodigo")
    if not hits:
        wanted = omie_id or param.get("cCodigo") or param.get("cEAN") or param.get("xCodigo")
        raise faults.not_found("Produto", wanted)
    return hits


def _summary_row(company: Company, entry: Entry, place: Entry, day: date) -> Row:
    balance = company.stock.seen(entry.id, place.id)
    physical = balance.physical_at(day)
    available = physical - balance.reserved
    low = available <= balance.minimum
    return {
        "nIdlocal": place.id, "nFisico": _number(physical), "nReservado": _number(balance.reserved),
        "nPrevisaoSaida": _number(balance.pending), "nPrevisaoEntrada": 0, "nDisponivel": _number(available),
        "nCMC": _number(balance.cost), "nPrecoUnitario": entry.row["valor_unitario"],
        "nPrecoUltComp": _number(balance.cost), "dDtUltComp": "", "nEstoqueMinimo": _number(balance.minimum),
        "cIcone": "alert" if low else "check", "cCor": "#D9534F" if low else "#5CB85C",
        "cDescricaoLocal": place.row["descricao"],
    }  # fmt: skip


def adjust(company: Company, given: Row, actor: Actor) -> Row:
    """A person's movement: entry (ENT), exit (SAI), new balance (SLD) or transfer (TRF); raises Fault.

    `minimum` and `reserved`, when given, become the location's figures for the product. Fires the stock topics.
    """
    entry = company.registers["produtos"].get(given.get("product", 0))
    if entry is None:
        raise faults.not_found("Produto", given.get("product", 0))
    place, kind = location(company, given.get("location", 0)), given.get("kind", "SLD")
    quantity, cost = given.get("quantity", Decimal(0)), given.get("cost")
    balance, today = company.stock.at(entry.id, place.id), company.now().date()
    change = {"ENT": quantity, "SAI": -quantity, "TRF": -quantity, "SLD": quantity - balance.physical}.get(kind)
    if change is None:
        raise faults.invalid("kind", "ENT, SAI, SLD ou TRF")
    target = location(company, given.get("to", 0)) if kind == "TRF" else None
    if "quantity" in given:
        company.stock.move(entry.id, place.id, change, today, cost)
    if cost is not None and kind == "SLD":
        balance.cost = cost
    balance.minimum = given.get("minimum", balance.minimum)
    balance.reserved = given.get("reserved", balance.reserved)
    announce(company, entry, place.id, actor, adjusted=True)
    if target is not None:
        company.stock.move(entry.id, target.id, quantity, today, balance.cost)
        announce(company, entry, target.id, actor, adjusted=True)
    return _position_row(entry, place.id, balance, today)


def announce(company: Company, entry: Entry, place: int, actor: Actor, *, adjusted: bool = False) -> None:
    """The stock topics of one movement: the ids only, or the whole position by switch (omie-api.md 6, row 11)."""
    today = company.now().date()
    body: Row = {"codigo_local_estoque": place, "codigo_produto": entry.id}
    if company.kernel.quirks.omie_stock_event == "position":
        body |= _position_row(entry, place, company.stock.seen(entry.id, place), today)
    company.announce("Produto.MovimentacaoEstoque", body, actor)
    if adjusted:
        day = {"codigo_local_estoque": place, "id_prod": entry.id, "data": f"{today:%d/%m/%Y}"}
        company.announce("Produto.AjusteEstoque", day, actor)

"""The calls of `produtos/pedido/`, `produtos/pedidovendafat/` and `produtos/pedidoetapas/` (omie-api.md 3.6)."""

from collections.abc import Callable
from datetime import date
from typing import Any

from ...wire import Row
from .. import faults, sale_acts, sales
from ..company import API, Company
from ..paging import HUNGARIAN, in_window, moment, page
from ..papers import Paper, day
from ..sale_views import alone, history, listed, status
from .base import Call

_CONSULT = "pvpConsultarRequest"


def _status(order: Paper, text: str, code: str = "0") -> Row:
    return {
        "codigo_pedido": order.id, "numero_pedido": str(order.number).zfill(15),
        "codigo_pedido_integracao": order.row["cabecalho"].get("codigo_pedido_integracao", ""),
        "codigo_status": code, "descricao_status": text,
    }  # fmt: skip


def _include(company: Company, param: Row) -> Row:
    return _status(sales.include(company, param, API), "Pedido cadastrado com sucesso!")


def _alter(company: Company, param: Row) -> Row:
    order = sales.by_key(company, param.get("cabecalho", {}))
    sales.alter(company, order, param, API)
    return _status(order, "Pedido alterado com sucesso")


def _exclude(company: Company, param: Row) -> Row:
    order = sales.by_key(company, param)
    sales.exclude(company, order, API)
    return _status(order, "Pedido excluído com sucesso!")


def _move(company: Company, param: Row) -> Row:
    order = sales.by_key(company, param)
    if not param.get("etapa"):
        raise faults.required("etapa")
    refusal = sale_acts.move(company, order, param["etapa"], API)
    return _status(order, refusal or "Etapa do pedido alterada com sucesso!", "1" if refusal else "0")


def _alter_invoiced(company: Company, param: Row) -> Row:
    order = sales.by_key(company, param)
    sale_acts.alter_invoiced(company, order, param, API)
    return _status(order, "Pedido alterado com sucesso")


def _give_back(company: Company, param: Row) -> Row:
    order = sales.by_key(company, param)
    number = sale_acts.give_back(company, order, param.get("itens", []), API)
    return {"nIdDevolucao": number, "cCodStatus": "0", "cDesStatus": "Devolução cadastrada com sucesso!"}


_SPANS = {"data_previsao": "", "data_faturamento": "invoiced", "data_cancelamento": "cancelled"}
_STATES = {"FATURADO": "invoiced", "CANCELADO": "cancelled", "AUTORIZADO": "authorised", "DENEGADO": "denied",
           "DEVOLVIDO": "returned"}  # fmt: skip
_TESTS: dict[str, Callable[[Paper, Any], bool]] = {
    "etapa": lambda o, v: o.row["cabecalho"]["etapa"] == v,
    "filtrar_por_cliente": lambda o, v: o.row["cabecalho"]["codigo_cliente"] == v,
    "filtrar_por_vendedor": lambda o, v: o.row["informacoes_adicionais"].get("codVend") == v,
    "filtrar_por_projeto": lambda o, v: o.row["informacoes_adicionais"].get("codProj") == v,
    "numero_pedido_de": lambda o, v: o.number >= v,
    "numero_pedido_ate": lambda o, v: o.number <= v,
    "status_pedido": lambda o, v: _STATES.get(v.upper(), "") in o.acts,
}


def _spanned(order: Paper, name: str, first: date, last: date) -> bool:
    act = _SPANS[name]
    if act and act not in order.acts:
        return False
    when = order.acts[act].at.date() if act else day(name, order.row["cabecalho"]["data_previsao"])
    return first <= when <= last


def _in_window(company: Company, param: Row) -> list[Paper]:
    """What the date filters act on is doubtful (omie-api.md 6, rows 1 and 2): created or altered, hours ignored."""
    quirks, given = company.kernel.quirks, dict(param)
    if not quirks.omie_order_hours:
        given = {name: value for name, value in given.items()
                 if not name.startswith("filtrar_por_hora") and name != "filtrar_apenas_alteracao"}  # fmt: skip
    known = list(sales.orders(company).values())
    if quirks.omie_order_window == "changed":
        return in_window(company, known, given)
    first = moment("filtrar_por_data_de", param.get("filtrar_por_data_de", ""), "00:00:00")
    last = moment("filtrar_por_data_ate", param.get("filtrar_por_data_ate", ""), "00:00:00")
    span = (first.date() if first else date.min, last.date() if last else date.max)
    return [order for order in known if _spanned(order, "data_previsao", *span)]


def _list(company: Company, param: Row) -> Row:
    spans = {
        name: (day(name, param.get(f"{name}_de") or "01/01/1900"), day(name, param.get(f"{name}_ate") or "31/12/9999"))
        for name in _SPANS
        if param.get(f"{name}_de") or param.get(f"{name}_ate")
    }
    wanted = {name: param[name] for name in _TESTS if param.get(name)}
    chosen = [
        order
        for order in _in_window(company, param)
        if all(_TESTS[name](order, value) for name, value in wanted.items())
        and all(_spanned(order, name, *span) for name, span in spans.items())
    ]
    # An empty stage filters nothing out of the account, hence nothing is found (omie-api.md 3.6).
    chosen = [] if "etapa" in param and not param["etapa"] else chosen
    short, backwards = param.get("apenas_resumo") == "S", param.get("ordem_descrescente") == "S"
    return page(company, chosen[::-1] if backwards else chosen, param, "pedido_venda_produto",
                lambda order: listed(company, order, short=short))  # fmt: skip


def _by_invoicing_key(company: Company, param: Row) -> Paper:
    return sales.find(company, param.get("nCodPed", 0), param.get("cCodIntPed", ""))


def _invoicing(order: Paper, text: str, code: str = "0", *, padded: bool = False) -> Row:
    own = order.row["cabecalho"].get("codigo_pedido_integracao", "")
    return {"nCodPed": order.id, "cCodIntPed": own.ljust(60) if padded else own, "cCodStatus": code,
            "cDescStatus": text}  # fmt: skip


def _acting(act: Callable[[Company, Paper], object], text: str) -> Call:
    def run(company: Company, param: Row) -> Row:
        order = _by_invoicing_key(company, param)
        act(company, order)
        return _invoicing(order, text)

    return Call("pedidovendafat_chave", run)


def _validate(company: Company, param: Row) -> Row:
    order = _by_invoicing_key(company, param)
    gap = sale_acts.gaps(company, order)
    return _invoicing(order, gap or "Pedido validado com sucesso!", "1" if gap else "0", padded=True)


def _duplicate(company: Company, param: Row) -> Row:
    copy = sale_acts.duplicate(company, _by_invoicing_key(company, param), API)
    return _invoicing(copy, "Pedido duplicado com sucesso!")


def _associate(company: Company, param: Row) -> Row:
    order = sales.find(company, param.get("nCodPed", 0), "")
    sale_acts.associate(company, order, param.get("cCodIntPed", ""), API)
    return _invoicing(order, "Código de integração associado com sucesso!")


def _of_stage(company: Company, param: Row) -> Row:
    stage = param.get("cEtapa", "")
    found = [o for o in sales.orders(company).values() if o.row["cabecalho"]["etapa"] == stage]
    return {"listaPedidosVenda": [{"nIdPed": o.id, "cNumPedido": str(o.number)} for o in found]}


def _list_stages(company: Company, param: Row) -> Row:
    first = moment("dDtInicial", param.get("dDtInicial", ""), param.get("cHrInicial") or "00:00:00")
    last = moment("dDtFinal", param.get("dDtFinal", ""), param.get("cHrFinal") or "23:59:59")
    keys = {"nCodPed": param.get("nCodPed"), "cCodIntPed": param.get("cCodIntPed"), "cEtapa": param.get("cEtapa")}
    rows = []
    for order in sales.orders(company).values():
        entered = [act.at for _stage, act in order.stages]
        if any((first is None or at >= first) and (last is None or at <= last) for at in entered):
            rows += [
                row
                for row, at in zip(history(company, order), entered, strict=True)
                if (first is None or at >= first) and (last is None or at <= last)
                and all(not value or row[name] == value for name, value in keys.items())
            ]  # fmt: skip
    return page(company, rows, param, "etapasPedido", lambda row: row, dialect=HUNGARIAN)


CALLS: dict[str, dict[str, Call]] = {
    "produtos/pedido": {
        "IncluirPedido": Call("pedido_venda_produto", _include),
        "AlterarPedidoVenda": Call("pedido_venda_produto", _alter),
        "ConsultarPedido": Call(_CONSULT, lambda company, param: alone(company, sales.by_key(company, param))),
        "ListarPedidos": Call("pvpListarRequest", _list),
        "ExcluirPedido": Call("pvpExcluirRequest", _exclude),
        "StatusPedido": Call(_CONSULT, lambda company, param: status(company, sales.by_key(company, param))),
        "TrocarEtapaPedido": Call("pvpTrocarEtapaRequest", _move),
        "AlterarPedFaturado": Call("pvpAlterarPedFaturadoRequest", _alter_invoiced),
        "DevolverPedido": Call("pvpDevolverRequest", _give_back),
    },
    "produtos/pedidovendafat": {
        "FaturarPedidoVenda": _acting(
            lambda company, order: sale_acts.invoice(company, order, API), "Pedido faturado com sucesso!"
        ),
        "CancelarPedidoVenda": _acting(
            lambda company, order: sale_acts.cancel(company, order, API), "Pedido cancelado com sucesso!"
        ),
        "ValidarPedidoVenda": Call("pedidovendafat_chave", _validate),
        "DuplicarPedidoVenda": Call("pedidovendafat_chave", _duplicate),
        "AssociarCodIntPedidoVenda": Call("pedidovendafat_chave", _associate),
        "ObterPedidosVenda": Call("ObterPedidosVendaRequest", _of_stage),
    },
    "produtos/pedidoetapas": {"ListarEtapasPedido": Call("pedidoetapas_list_request", _list_stages)},
}

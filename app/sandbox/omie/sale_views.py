"""How sales orders look: in a list, alone, in the status call, in the stage history and in webhooks (3.6, 4.5)."""

from decimal import Decimal
from typing import Any

from ..wire import Row
from .company import Company
from .papers import SALE, Paper, stages
from .schemas import blank, tags_of

_FLAGS = {"cancelado": "cancelled", "faturado": "invoiced", "denegado": "denied", "autorizado": "authorised",
          "devolvido": "returned", "devolvido_parcial": "partly_returned"}  # fmt: skip
_SUMMARY_DROPS = ("det", "total_pedido", "lista_parcelas", "departamentos")


def deep(complex_type: str, row: Row) -> Row:
    """Every field of the type, blanks in nested blocks too; an object that holds nothing stays {}."""
    shown: Row = {}
    for name, tag in tags_of(complex_type).items():
        value = row.get(name)
        if tag.kind == "{":
            shown[name] = deep(tag.complex_type, value) if value else {}
        elif tag.kind == "[":
            shown[name] = [deep(tag.complex_type, item) for item in value or []]
        else:
            shown[name] = blank(tag) if value is None else value
    return shown


def pruned(value: Any) -> Any:
    """Without empty and zero fields, as ConsultarPedido hides them (omie-api.md 5.14)."""
    if isinstance(value, dict):
        kept = {name: pruned(inner) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner not in ("", 0, {}, [], None)}
    return [pruned(inner) for inner in value] if isinstance(value, list) else value


def listed(company: Company, order: Paper, *, short: bool = False) -> Row:
    """A row of ListarPedidos."""
    row = deep("pedido_venda_produto", order.row)
    number = str(order.number)
    row["cabecalho"] |= {
        "codigo_pedido": order.id, "bloqueado": "N", "encerrado": "", "importado_api": order.stamp.block()["cImpAPI"],
        "numero_pedido": number.zfill(15) if company.kernel.quirks.omie_padded_numbers else number,
        "codigo_cenario_impostos": str(row["cabecalho"]["codigo_cenario_impostos"] or ""),
    }  # fmt: skip
    row["infoCadastro"] = _info(order)
    row["observacoes"] = company.said(row["observacoes"])
    if short:
        return {name: value for name, value in row.items() if name not in _SUMMARY_DROPS}
    return row


def alone(company: Company, order: Paper) -> Row:
    """The answer of ConsultarPedido: an object under the key that is an array in the list."""
    row = listed(company, order)
    return {"pedido_venda_produto": {**pruned(row), "infoCadastro": row["infoCadastro"]}}


def _info(order: Paper) -> Row:
    block = order.stamp.block()
    imported = block.pop("cImpAPI")
    return {
        **block, **order.triple("cancelled", "Can"), **{tag: order.flag(act) for tag, act in _FLAGS.items()},
        **order.triple("invoiced", "Fat"), "cImpAPI": imported,
    }  # fmt: skip


def status(company: Company, order: Paper) -> Row:
    """The answer of StatusPedido."""
    head, invoice = order.row["cabecalho"], order.invoice
    notes = []
    if invoice:
        cancelled, known = "cancelled" in order.acts, order.numbered(company)
        notes.append({
            "numero_lote": invoice["id"], "status_lote": "104" if known else "103", "recibo": 0, "contingencia": "N",
            "numero_nfe": invoice["number"] if known else "", "serie_nfe": "1",
            "status_nfe": "101" if cancelled else "100" if known else "",
            "chave_nfe": invoice["key"] if known else "", "protocolo": invoice["id"] if known else 0, "tipo": "S",
            "data_emissao": invoice["day"],
            "hora_emissao": invoice["hour"], "data_fatura": invoice["day"], "hora_fatura": invoice["hour"],
            "data_saida": invoice["day"], "hora_saida": invoice["hour"], "mensagens": [],
            "xml_distr": invoice["xml"] if known else "", "danfe": invoice["danfe"] if known else "",
        })  # fmt: skip
    return {
        "codigo_pedido": order.id, "codigo_pedido_integracao": head.get("codigo_pedido_integracao", ""),
        "numero_pedido": str(order.number), "etapa": head["etapa"], "cancelada": order.flag("cancelled"),
        "faturada": order.flag("invoiced"), "ambiente": "P",
        "valor_total_pedido": order.row["total_pedido"]["valor_total_pedido"], "ListaNfe": notes,
    }  # fmt: skip


def history(company: Company, order: Paper) -> list[Row]:
    """Rows of ListarEtapasPedido: one per stage the order entered."""
    head, invoice = order.row["cabecalho"], order.invoice
    invoicing = {
        "cFaturado": order.flag("invoiced"), "cAutorizado": order.flag("authorised"),
        "cDenegado": order.flag("denied"), **order.triple("invoiced", "Fat", ("dDt", "cHr", "cUs")),
    }  # fmt: skip
    if invoice:
        invoicing |= {"cDANFE": invoice["danfe"], "cAmbiente": "P", "cChaveNFE": invoice["key"],
                      "cNumNFE": invoice["number"], "cSerieNFE": "1"}  # fmt: skip
    return [
        {
            "nCodPed": order.id, "cCodIntPed": head.get("codigo_pedido_integracao", ""), "cNumero": str(order.number),
            "cEtapa": stage, "dDtEtapa": f"{act.at:%d/%m/%Y}", "cHrEtapa": f"{act.at:%H:%M:%S}", "cUsEtapa": act.by,
            "faturamento": invoicing,
            "cancelamento": {"cCancelado": order.flag("cancelled"),
                             **order.triple("cancelled", "Canc", ("dDt", "cHr", "cUs"))},
            "devolucao": {"cDevolvido": order.flag("returned"),
                          **order.triple("returned", "Dev", ("dDt", "cHr", "cUs"))},
            "info": order.stamp.block(),
        }
        for stage, act in order.stages
    ]  # fmt: skip


_DONE = {"Inclusao": "created", "Alteracao": "changed"}
_SHOWN_FLAG = {"Cancelado": "cancelada", "Faturado": "faturada", "Devolvido": "devolvida"}


def event(company: Company, order: Paper, done: str = "", by: str = "") -> Row:
    """The webhook's event; `done` names the data/hora/usuario triple, such as Inclusao or Cancelado."""
    head, extra = order.row["cabecalho"], order.row["informacoes_adicionais"]
    stage = stages(company, SALE).get(head["etapa"], {})
    value: Decimal = order.row["total_pedido"]["valor_total_pedido"]
    body: Row = {
        "codIntPedido": head.get("codigo_pedido_integracao", ""), "codigoCategoria": extra["codigo_categoria"],
        "dataPrevisao": event_day(company, head["data_previsao"]), "etapa": head["etapa"],
        "etapaDescr": stage.get("cDescricao", ""), "idCliente": head["codigo_cliente"],
        "idContaCorrente": extra["codigo_conta_corrente"], "idPedido": order.id, "numeroPedido": str(order.number),
        "valorPedido": value,
    }  # fmt: skip
    if done:
        now = company.now()
        stamped = {"created": order.stamp.created_by, "changed": order.stamp.changed_by}.get(_DONE.get(done, ""), by)
        body |= {f"data{done}": event_day(company, f"{now:%d/%m/%Y}"), f"hora{done}": f"{now:%H:%M:%S}",
                 f"usuario{done}": stamped}  # fmt: skip
    if done in _SHOWN_FLAG:
        body[_SHOWN_FLAG[done]] = "S"
    return body


def event_day(company: Company, text: str) -> str:
    """A day as VendaProduto.* carries it: dd/mm/aaaa, or ISO by switch (omie-api.md 6, row 13)."""
    if company.kernel.quirks.omie_order_event_dates == "br":
        return text
    number, month, year = text.split("/")
    return f"{year}-{month}-{number}T00:00:00-03:00"

"""How service orders look: listed and consulted alike, in the status call and in webhooks (omie-api.md 3.8, 4.5)."""

from ..wire import Row
from .company import Company
from .papers import Paper
from .sale_views import deep

_DONE = {"Inclusao": "created", "Alteracao": "changed"}
_SHOWN_FLAG = {"Cancelado": "cancelada", "Faturado": "faturada"}
_INFO_TAGS = ("dDt", "cHr", "u")


def view(company: Company, work: Paper) -> Row:
    """The osCadastro; blocks that hold nothing come as {}."""
    row = deep("osCadastro", work.row)
    number = str(work.number)
    row["Cabecalho"] |= {
        "nCodOS": work.id,
        "cNumOS": number.zfill(15) if company.kernel.quirks.omie_padded_numbers else number,
    }
    row["InfoCadastro"] = _info(work)
    row["Observacoes"] = company.said(row["Observacoes"])
    return row


def _info(work: Paper) -> Row:
    stamp = work.stamp
    return {
        "cCancelada": work.flag("cancelled"), "cFaturada": work.flag("invoiced"), "cAmbiente": "P",
        "dDtInc": f"{stamp.created:%d/%m/%Y}", "cHrInc": f"{stamp.created:%H:%M:%S}", "uInc": stamp.created_by,
        "dDtAlt": f"{stamp.changed:%d/%m/%Y}", "cHrAlt": f"{stamp.changed:%H:%M:%S}", "uAlt": stamp.changed_by,
        **_moment(work, "invoiced", "Fat"), **_moment(work, "cancelled", "Canc"),
        "cOrigem": "API" if stamp.created_by == "WEBSERVICE" else "ERP",
    }  # fmt: skip


def _moment(work: Paper, act: str, suffix: str) -> Row:
    """Day and hour, blank when it did not happen."""
    done = work.acts.get(act)
    return {
        f"dDt{suffix}": f"{done.at:%d/%m/%Y}" if done else "",
        f"cHr{suffix}": f"{done.at:%H:%M:%S}" if done else "",
    }


def status(company: Company, work: Paper) -> Row:
    """The answer of StatusOS with the NFS-e, if there is one."""
    head, invoice = work.row["Cabecalho"], work.invoice
    notes = []
    if invoice:
        known = work.numbered(company)
        sent = "004" if known else "002"
        notes.append({
            "nLote": invoice["id"], "cStatusLote": sent, "nRps": invoice["rps"],
            "cStatusRps": "005" if invoice["cancelled"] else sent, "nNfse": invoice["number"] if known else "",
            "cCodVerif": invoice["check"] if known else "", "mensagens": [],
            "cUrlNfse": invoice["url"] if known else "",
        })  # fmt: skip
    info = {name: value for name, value in _info(work).items() if name not in ("uInc", "uAlt", "cOrigem")}
    return {
        "nCodOS": work.id, "cCodIntOS": head.get("cCodIntOS", ""), "cNumOS": str(work.number),
        "cEtapa": head["cEtapa"], **info, "nValorTot": head["nValorTotal"], "ListaRpsNfse": notes,
    }  # fmt: skip


def event(company: Company, work: Paper, done: str = "", by: str = "") -> Row:
    """The webhook's event; without an integration code its code is "0"."""
    head, extra = work.row["Cabecalho"], work.row["InformacoesAdicionais"]
    body: Row = {
        "codigoCategoria": extra["cCodCateg"], "codigoIntegracao": head.get("cCodIntOS") or "0",
        "dataPrevisao": head["dDtPrevisao"], "etapa": head["cEtapa"], "idCliente": head["nCodCli"],
        "idContaCorrente": extra["nCodCC"], "idOrdemServico": work.id, "numeroOrdemServico": str(work.number),
        "valorOrdemServico": head["nValorTotal"],
    }  # fmt: skip
    if done:
        now = company.now()
        stamped = {"created": work.stamp.created_by, "changed": work.stamp.changed_by}.get(_DONE.get(done, ""), by)
        body |= {f"data{done}": f"{now:%d/%m/%Y}", f"hora{done}": f"{now:%H:%M:%S}", f"usuario{done}": stamped}
    if done in _SHOWN_FLAG:
        body[_SHOWN_FLAG[done]] = "S"
    return body

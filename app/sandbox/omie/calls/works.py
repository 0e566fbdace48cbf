"""The calls of `servicos/os/` and `servicos/osp/` (omie-api.md 3.8)."""

from collections.abc import Callable
from typing import Any

from ...wire import Row
from .. import faults, work_acts, works
from ..company import API, Company
from ..paging import in_window, page
from ..papers import Paper, day
from ..work_views import status, view
from .base import Call


def _keys(work: Paper) -> Row:
    return {"nCodOS": work.id, "cCodIntOS": work.row["Cabecalho"].get("cCodIntOS", "")}


def _status(work: Paper, text: str) -> Row:
    return {**_keys(work), "cNumOS": str(work.number).zfill(15), "cCodStatus": "0", "cDescStatus": text}


def _include(company: Company, param: Row) -> Row:
    return _status(works.include(company, param, API), "Ordem de Serviço cadastrado com sucesso!")


def _alter(company: Company, param: Row) -> Row:
    work = works.by_key(company, param.get("Cabecalho", {}))
    works.alter(company, work, param, API)
    return _status(work, "Ordem de Serviço alterado com sucesso!")


def _exclude(company: Company, param: Row) -> Row:
    work = works.by_key(company, param)
    works.exclude(company, work, API)
    return _status(work, "Ordem de Serviço excluído com sucesso!")


def _move(company: Company, param: Row) -> Row:
    work = works.by_key(company, param)
    if not param.get("cEtapa"):
        raise faults.required("cEtapa")
    refusal = work_acts.move(company, work, param["cEtapa"], API)
    text = refusal or "Etapa da OS alterada com sucesso!"
    return {**_keys(work), "cNumOS": str(work.number).zfill(15), "codigo_status": "1" if refusal else "0",
            "descricao_status": text}  # fmt: skip


_TESTS: dict[str, Callable[[Paper, Any], bool]] = {
    "filtrar_por_status": lambda w, v: _state(w) == v.upper(),
    "filtrar_por_etapa": lambda w, v: w.row["Cabecalho"]["cEtapa"] == v,
    "filtrar_por_cliente": lambda w, v: w.row["Cabecalho"]["nCodCli"] == v,
    "filtrar_por_codigo": lambda w, v: any(_named(w, key) for key in v),
}
_SPANS = {"data_previsao": "", "data_faturamento": "invoiced", "data_cancelamento": "cancelled"}


def _state(work: Paper) -> str:
    return "C" if "cancelled" in work.acts else "F" if "invoiced" in work.acts else "N"


def _named(work: Paper, key: Row) -> bool:
    code = key.get("cCodIntOS")
    return key.get("nCodOS") == work.id or bool(code and code == work.row["Cabecalho"].get("cCodIntOS"))


def _spanned(work: Paper, name: str, param: Row) -> bool:
    first, last = param.get(f"filtrar_por_{name}_de"), param.get(f"filtrar_por_{name}_ate")
    if not first and not last:
        return True
    act = _SPANS[name]
    if act and act not in work.acts:
        return False
    when = work.acts[act].at.date() if act else day(name, work.row["Cabecalho"]["dDtPrevisao"])
    return (not first or when >= day(name, first)) and (not last or when <= day(name, last))


def _list(company: Company, param: Row) -> Row:
    # apenas_importado_api has no effect here (omie-api.md 2.3).
    known = in_window(company, list(works.works(company).values()), param | {"apenas_importado_api": "N"})
    wanted = {name: param[name] for name in _TESTS if param.get(name)}
    chosen = [
        work
        for work in known
        if all(_TESTS[name](work, value) for name, value in wanted.items())
        and all(_spanned(work, name, param) for name in _SPANS)
    ]
    backwards = "S" in (param.get("ordem_decrescente"), param.get("ordem_descrescente"))
    return page(company, chosen[::-1] if backwards else chosen, param, "osCadastro", lambda w: view(company, w))


def _done(work: Paper, text: str, code: str = "0", *, padded: bool = False) -> Row:
    keys = _keys(work)
    keys["cCodIntOS"] = keys["cCodIntOS"].ljust(60) if padded else keys["cCodIntOS"]
    return {**keys, "cCodStatus": code, "cDescStatus": text}


def _acting(act: Callable[[Company, Paper, Row], object], text: str, request: str = "osp_chave") -> Call:
    def run(company: Company, param: Row) -> Row:
        work = works.by_key(company, param)
        act(company, work, param)
        return _done(work, text)

    return Call(request, run)


def _validate(company: Company, param: Row) -> Row:
    work = works.by_key(company, param)
    gap = work_acts.gaps(company, work)
    return _done(work, gap or "OS validada com sucesso!", "1" if gap else "0", padded=True)


def _cancel(company: Company, work: Paper, param: Row) -> None:
    work_acts.cancel(company, work, API, invoice_too=(param.get("cCancelarNfse") or "S") == "S")


def _duplicate(company: Company, param: Row) -> Row:
    return _done(work_acts.duplicate(company, works.by_key(company, param), API), "OS duplicada com sucesso!")


def _associate(company: Company, param: Row) -> Row:
    work = works.find(company, param.get("nCodOS", 0), "")
    work_acts.associate(company, work, param.get("cCodIntOS", ""), API)
    return _done(work, "Código de integração associado com sucesso!")


def _send_again(_company: Company, work: Paper, _param: Row) -> None:
    if not work.invoice:
        raise faults.Fault("ERROR: A OS não está faturada !", 2010)


CALLS: dict[str, dict[str, Call]] = {
    "servicos/os": {
        "IncluirOS": Call("osCadastro", _include),
        "AlterarOS": Call("osCadastro", _alter),
        "ExcluirOS": Call("osChave", _exclude),
        "ConsultarOS": Call("osConsultarRequest", lambda company, param: view(company, works.by_key(company, param))),
        "ListarOS": Call("osListarRequest", _list),
        "StatusOS": Call("osStatusRequest", lambda company, param: status(company, works.by_key(company, param))),
        "TrocarEtapaOS": Call("osTrocarEtapaRequest", _move),
    },
    "servicos/osp": {
        "ValidarOS": Call("osp_chave", _validate),
        "FaturarOS": _acting(
            lambda company, work, _param: work_acts.invoice(company, work, API), "OS faturada com sucesso!"
        ),
        "CancelarOS": _acting(_cancel, "OS cancelada com sucesso!", "ospCancelarRequest"),
        "DuplicarOS": Call("osp_chave", _duplicate),
        "AssociarCodIntOS": Call("osp_chave", _associate),
        "ReenviarOS": _acting(_send_again, "OS reenviada com sucesso!"),
    },
}

"""The service orders' register: what `servicos/os/` and the screen may write (omie-api.md 3.8)."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

from ..kernel import fold
from ..seeds.reference import city_by_omie_code
from ..wire import Row
from . import faults, work_items
from .clients import find as find_client
from .company import Actor, Company
from .papers import (
    FREE_TERMS,
    SERVICE,
    Paper,
    check_references,
    check_stage,
    client_of,
    day,
    enter_stage,
    papers,
    shares,
    terms,
)
from .registers import check_code
from .work_views import event

_NIL = Decimal(0)
_HEAD_NEEDS = ("dDtPrevisao", "cEtapa", "cCodParc")
_EXTRA_NEEDS = ("cCodCateg", "nCodCC", "cCidPrestServ")
_HEAD_OURS = frozenset(
    ("nCodOS", "cCodIntOS", "cNumOS", "cCodIntCli", "cDescParc", "nValorTotal", "nValorTotalImpRet")
)  # fmt: skip
_BLOCKS = ("InformacoesAdicionais", "Email", "Observacoes", "despesasReembolsaveis", "produtosUtilizados")
_PART_NEEDS = ("nParcela", "dDtVenc", "nValor", "nPercentual")
_STATES = {"cancelled": "cancelada", "invoiced": "faturada"}


def works(company: Company) -> dict[int, Paper]:
    """The service orders by Omie id."""
    return papers(company, "ordens")


def find(company: Company, omie_id: int, code: str, number: str = "") -> Paper:
    """The service order by integration code, which wins, Omie id or number; raises Fault (103)."""
    known = works(company)
    if code and not (omie_id and company.kernel.quirks.omie_key_precedence == "id"):
        for work in known.values():
            if work.row["Cabecalho"].get("cCodIntOS") == code:
                return work
        raise faults.Fault(f"ERROR: OS não cadastrada para o Código de Integração [{code}] !", 103)
    if omie_id:
        if omie_id not in known:
            raise faults.Fault(f"ERROR: OS não cadastrada para o Código [{omie_id}] !", 103).sorted_as("missing")
        return known[omie_id]
    if number:
        for work in known.values():
            if str(work.number) == number.lstrip("0"):
                return work
        raise faults.Fault(f"ERROR: OS não cadastrada para o Número [{number}] !", 103)
    raise faults.required("nCodOS", "cCodIntOS")


def by_key(company: Company, param: Row) -> Paper:
    """The service order that the key tags of a param name."""
    return find(company, param.get("nCodOS", 0), param.get("cCodIntOS", ""), param.get("cNumOS", ""))


def include(company: Company, given: Row, actor: Actor) -> Paper:
    """Creates a service order; raises Fault for what Omie refuses."""
    given = given if actor.is_api else _typed(company, given)
    head = given.get("Cabecalho", {})
    code = head.get("cCodIntOS", "")
    if head.get("nCodOS"):
        raise faults.only_on_change("nCodOS")
    if actor.is_api and not code:
        raise faults.required("cCodIntOS")
    check_code(company, "cCodIntOS", code)
    if code and any(w.row["Cabecalho"].get("cCodIntOS") == code for w in works(company).values()):
        raise faults.duplicate_code("OS", code, feminine=True)
    for block in ("Cabecalho", "InformacoesAdicionais", "ServicosPrestados"):
        if not given.get(block):
            raise faults.required(block)
    blank: Row = {"Cabecalho": {"cCodIntOS": code}, "ServicosPrestados": [], "Parcelas": [], "Departamentos": []}
    row = _merged(company, blank, given)
    check_stage(company, SERVICE, "cEtapa", row["Cabecalho"]["cEtapa"])
    work = Paper(company.kernel.omie_id(), row, company.stamp(actor), number=company.next_number("ordens"))
    row["Cabecalho"] |= {"nCodOS": work.id, "cNumOS": str(work.number)}
    works(company)[work.id] = work
    enter_stage(company, work, row["Cabecalho"]["cEtapa"], actor)
    body = event(company, work, "Inclusao")
    if company.kernel.quirks.omie_os_born_without_value:
        body["valorOrdemServico"] = 0
    company.announce("OrdemServico.Incluida", body, actor)
    return work


def _typed(company: Company, given: Row) -> Row:
    """What a person need not type: the screen has it filled in."""
    category = next(c["codigo"] for c in company.catalogs["categorias"]
                    if c["conta_receita"] == "S" and c["totalizadora"] == "N")  # fmt: skip
    account = next(e.id for e in company.registers["contacorrente"].values() if e.row["inativo"] != "S")
    head = {"dDtPrevisao": f"{company.now():%d/%m/%Y}", "cEtapa": "10", "cCodParc": "000"}
    extra = {"cCodCateg": category, "nCodCC": account, "cCidPrestServ": "SAO PAULO (SP)"}
    return given | {"Cabecalho": head | given.get("Cabecalho", {}),
                    "InformacoesAdicionais": extra | given.get("InformacoesAdicionais", {})}  # fmt: skip


def alter(company: Company, work: Paper, given: Row, actor: Actor) -> None:
    """Changes an open service order: blocks merge, items go by their action, those not mentioned stay."""
    open_for(company, work, actor, "alterar")
    old, stage = work.row["Cabecalho"]["cEtapa"], given.get("Cabecalho", {}).get("cEtapa", "")
    moved = bool(stage) and stage != old
    if moved:
        check_stage(company, SERVICE, "cEtapa", stage)
    work.row = _merged(company, work.row, given)
    if moved:
        enter_stage(company, work, stage, actor)
    commit(company, work, actor)
    if moved:
        company.announce("OrdemServico.EtapaAlterada", event(company, work), actor)


def commit(company: Company, work: Paper, actor: Actor) -> None:
    """Stamps and announces an alteration."""
    company.touch(work, actor)
    company.announce("OrdemServico.Alterada", event(company, work, "Alteracao"), actor)


def open_for(company: Company, work: Paper, actor: Actor, verb: str) -> None:
    """Raises Fault for an invoiced or cancelled service order, and when it was altered too often."""
    if actor.is_api:
        company.limits.may_alter(work.id)
    tolerated = "invoiced" if company.kernel.quirks.omie_invoiced_orders == "allowed" else ""
    for act, text in _STATES.items():
        if act in work.acts and act != tolerated:
            raise faults.Fault(f"ERROR: Não é possível {verb} a OS pois ela está {text} !", 2010)


def exclude(company: Company, work: Paper, actor: Actor) -> None:
    """Deletes a service order that was never invoiced."""
    if actor.is_api:
        company.limits.may_alter(work.id)
    if "invoiced" in work.acts and company.kernel.quirks.omie_invoiced_orders == "refused":
        raise faults.Fault("ERROR: Não é possível excluir a OS pois ela está faturada !", 2010)
    body = event(company, work)
    if company.kernel.quirks.omie_deleted_body == "id":
        body = {"idOrdemServico": work.id}
    del works(company)[work.id]
    company.limits.altered(work.id)
    company.announce("OrdemServico.Excluida", body, actor)


def _merged(company: Company, old: Row, given: Row) -> Row:
    """The blocks with the given ones applied, checked and computed."""
    row = deepcopy(old)
    row["Cabecalho"] = {**row["Cabecalho"], **_head(company, given.get("Cabecalho", {}))}
    for name in _BLOCKS:
        if name in given:
            row[name] = {**row.get(name, {}), **given[name]}
    if "Departamentos" in given:
        row["Departamentos"] = given["Departamentos"]
    _check(company, row)
    row["ServicosPrestados"] = work_items.merge(company, row["ServicosPrestados"], given.get("ServicosPrestados", []))
    total = withheld = _NIL
    for item in row["ServicosPrestados"]:
        worth, kept = work_items.price(company, item)
        total, withheld = total + worth, withheld + kept
    row["Cabecalho"] |= {"nValorTotal": total, "nValorTotalImpRet": total - withheld}
    _instalments(company, row, given)
    return row


def _head(company: Company, given: Row) -> Row:
    head = {name: value for name, value in given.items() if name not in _HEAD_OURS}
    code, number = given.get("cCodIntCli", ""), given.get("nCodCli", 0)
    if code:
        head["nCodCli"] = find_client(company, 0, code).id
    elif number and number not in company.clients:
        raise faults.missing_reference("Cliente", number, "nCodCli")
    return head


def _check(company: Company, row: Row) -> None:
    head, extra = row["Cabecalho"], row.get("InformacoesAdicionais", {})
    if not head.get("nCodCli"):
        raise faults.required("nCodCli", "cCodIntCli")
    client_of(company, head["nCodCli"], "nCodCli")
    for block, tags in ((head, _HEAD_NEEDS), (extra, _EXTRA_NEEDS)):
        for tag in tags:
            if not block.get(tag):
                raise faults.required(tag)
    day("dDtPrevisao", head["dDtPrevisao"])
    if fold(extra["cCidPrestServ"]) not in city_by_omie_code():
        raise faults.Fault(faults.NO_CITY.format(tag="cCidPrestServ"), 1030)
    references: dict[str, tuple[str, str, bool, Any]] = {
        "cCodCateg": ("categorias", "Categoria", True, extra["cCodCateg"]),
        "nCodCC": ("contacorrente", "Conta Corrente", True, extra["nCodCC"]),
        "nCodVend": ("vendedores", "Vendedor", False, head.get("nCodVend")),
    }
    if extra.get("nCodProj") and extra["nCodProj"] not in company.registers["projetos"]:
        raise faults.Fault(f"ERROR: Projeto não cadastrado para o Código [{extra['nCodProj']}] !", 1035)
    check_references(company, references)
    for share in row["Departamentos"]:
        check_references(company, {"cCodDepto": ("departamentos", "Departamento", False, share.get("cCodDepto"))})


def _instalments(company: Company, row: Row, given: Row) -> None:
    """As in orders: 999 takes its parts along, every other term makes them."""
    head, sent = row["Cabecalho"], given.get("Parcelas", [])
    days = terms(company, "cCodParc", head["cCodParc"])
    head["cDescParc"] = next(t["cDescricao"] for t in company.catalogs["formaspagvendas"]
                             if t["cCodigo"] == head["cCodParc"])  # fmt: skip
    if days is not None:
        if sent:
            raise faults.only_when("Parcelas", f"a tag [cCodParc] for {FREE_TERMS}")
        head["nQtdeParc"] = len(days)
        row["Parcelas"] = [
            {"nParcela": s.number, "nValor": s.value, "nPercentual": s.percent, "dDtVenc": f"{s.due:%d/%m/%Y}",
             "nDias": s.days}
            for s in shares(company, head["nValorTotal"], day("dDtPrevisao", head["dDtPrevisao"]), days)
        ]  # fmt: skip
        return
    if not head.get("nQtdeParc"):
        raise faults.required("nQtdeParc")
    parts = sent or row["Parcelas"]
    if len(parts) != head["nQtdeParc"]:
        raise faults.invalid("Parcelas", f"{head['nQtdeParc']} parcelas")
    for part in sent:
        for tag in _PART_NEEDS:
            if not part.get(tag):
                raise faults.required(tag)
        day("dDtVenc", part["dDtVenc"])
    row["Parcelas"] = parts

"""What happens to service orders: stages, invoicing, cancelling, copies (omie-api.md 3.8 and 4.4)."""

from copy import deepcopy

from . import faults
from .company import Actor, Company
from .papers import SERVICE, Paper, client_of, enter_stage, fiscal_gaps, gap_text, refused_move
from .registers import check_code
from .work_views import event
from .works import commit, works

INVOICED_STAGE = "60"


def move(company: Company, work: Paper, stage: str, actor: Actor) -> str | None:
    """Changes the stage; returns Omie's refusal, which comes with HTTP 200, or None."""
    if actor.is_api:
        company.limits.may_alter(work.id)
    refusal = refused_move(company, SERVICE, work, stage)
    if refusal or stage == work.row["Cabecalho"]["cEtapa"]:
        return refusal
    work.row["Cabecalho"]["cEtapa"] = stage
    enter_stage(company, work, stage, actor)
    company.touch(work, actor)
    company.announce("OrdemServico.EtapaAlterada", event(company, work), actor)
    return None


def gaps(company: Company, work: Paper) -> str | None:
    """Why it cannot be invoiced, in the words of ValidarOS."""
    if not work.is_open:
        return "A OS já está faturada ou cancelada."
    missing = fiscal_gaps(client_of(company, work.row["Cabecalho"]["nCodCli"], "nCodCli"))
    return gap_text("NFS-e", missing) if missing else None


def invoice(company: Company, work: Paper, actor: Actor) -> None:
    """Issues the NFS-e: stage 60, authorised at once; raises Fault with what is missing."""
    if actor.is_api:
        company.limits.may_alter(work.id)
    refusal = gaps(company, work)
    if refusal:
        raise faults.Fault(f"ERROR: {refusal}", 2011)
    number = company.next_number("notas")
    work.invoice = {"id": company.kernel.omie_id(), "rps": number, "number": str(number), "cancelled": False,
                    "check": f"{work.id % 10**8:08X}"[:8], "url": f"https://nfse.exemplo.gov.br/{number}"}  # fmt: skip
    for act in ("invoiced", "authorised"):
        work.did(act, company, actor)
    work.row["Cabecalho"]["cEtapa"] = INVOICED_STAGE
    enter_stage(company, work, INVOICED_STAGE, actor)
    company.touch(work, actor)
    company.announce("OrdemServico.Faturada", event(company, work, "Faturado", actor.code), actor)
    company.announce("OrdemServico.EtapaAlterada", event(company, work), actor)


def cancel(company: Company, work: Paper, actor: Actor, *, invoice_too: bool = True) -> None:
    """Cancels the service order, and its NFS-e unless told not to; record and stage stay."""
    if actor.is_api:
        company.limits.may_alter(work.id)
    if "cancelled" in work.acts:
        raise faults.Fault("ERROR: A OS já está cancelada !", 2010)
    if work.invoice and invoice_too:
        work.invoice["cancelled"] = True
        work.acts.pop("authorised", None)
    work.did("cancelled", company, actor)
    company.touch(work, actor)
    company.announce("OrdemServico.Cancelada", event(company, work, "Cancelado", actor.code), actor)


def associate(company: Company, work: Paper, code: str, actor: Actor) -> None:
    """Writes the integration code onto an existing service order."""
    if not code:
        raise faults.required("cCodIntOS")
    check_code(company, "cCodIntOS", code)
    if any(w is not work and w.row["Cabecalho"].get("cCodIntOS") == code for w in works(company).values()):
        raise faults.duplicate_code("OS", code, feminine=True)
    if actor.is_api:
        company.limits.may_alter(work.id)
    work.row["Cabecalho"]["cCodIntOS"] = code
    commit(company, work, actor)


def duplicate(company: Company, work: Paper, actor: Actor) -> Paper:
    """A copy as an open service order with its own number and items, without integration code."""
    row = deepcopy(work.row)
    copy = Paper(company.kernel.omie_id(), row, company.stamp(actor), number=company.next_number("ordens"))
    row["Cabecalho"] |= {"nCodOS": copy.id, "cCodIntOS": "", "cNumOS": str(copy.number), "cEtapa": "10"}
    for item in row["ServicosPrestados"]:
        item["nIdItem"] = company.kernel.omie_id()
    works(company)[copy.id] = copy
    enter_stage(company, copy, "10", actor)
    company.announce("OrdemServico.Incluida", event(company, copy, "Inclusao"), actor)
    return copy

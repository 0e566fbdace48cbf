"""The sellers' register: `geral/vendedores/` and its screen (omie-api.md 3.7)."""

from ..wire import Row
from . import faults
from .company import Actor, Company, Entry

_DEFAULTS: Row = {"inativo": "N", "email": "", "fatura_pedido": "N", "visualiza_pedido": "N", "comissao": 0}


def find(company: Company, param: Row) -> Entry:
    """The seller by `codInt`, which wins, or `codigo`; raises Fault."""
    code, omie_id = param.get("codInt", ""), param.get("codigo", 0)
    if code:
        for entry in company.sellers.values():
            if entry.row.get("codInt") == code:
                return entry
        raise faults.Fault(f"ERROR: Vendedor não cadastrado para o Código de Integração [{code}] !", 105)
    if not omie_id:
        raise faults.required("codigo", "codInt")
    if omie_id not in company.sellers:
        raise faults.not_found("Vendedor", omie_id)
    return company.sellers[omie_id]


def include(company: Company, given: Row, actor: Actor) -> Entry:
    """Creates a seller."""
    for tag in ("codInt", "nome") if actor.is_api else ("nome",):
        if not given.get(tag):
            raise faults.required(tag)
    code = given.get("codInt", "")
    if code and any(entry.row.get("codInt") == code for entry in company.sellers.values()):
        raise faults.duplicate_code("Vendedor", code)
    row = {**_DEFAULTS, **{name: value for name, value in given.items() if name != "codigo"}}
    entry = Entry(company.kernel.omie_id(), row, company.stamp(actor))
    company.sellers[entry.id] = entry
    company.announce("Vendedor.Incluido", event(company, entry), actor)
    return entry


def alter(company: Company, entry: Entry, given: Row, actor: Actor) -> None:
    """Changes the tags that are present."""
    if actor.is_api:
        company.limits.may_alter(entry.id)
    changes = {name: value for name, value in given.items() if name not in ("codigo", "codInt")}
    if changes.get("nome", "-") == "":
        raise faults.required("nome")
    entry.row |= changes
    entry.stamp.changed, entry.stamp.changed_by = company.now(), actor.code
    if actor.is_api:
        company.limits.altered(entry.id)
    company.announce("Vendedor.Alterado", event(company, entry), actor)


def exclude(company: Company, entry: Entry, actor: Actor) -> None:
    """Deletes a seller; refused while a client names it."""
    used = any(e.row.get("recomendacoes", {}).get("codigo_vendedor") == entry.id for e in company.clients.values())
    if used or entry.movements or company.is_named(entry.id):
        raise faults.Fault("ERROR: Não é possível excluir o vendedor pois existem registros associados a ele !", 2003)
    if actor.is_api:
        company.limits.may_alter(entry.id)
    del company.sellers[entry.id]
    company.announce("Vendedor.Excluido", event(company, entry), actor)


def view(entry: Entry) -> Row:
    """The record; sellers have no audit block."""
    return {"codigo": entry.id, "codInt": "", **entry.row}


def event(company: Company, entry: Entry) -> Row:
    """The webhook's event, the record or its id by switch."""
    return {"codigo": entry.id} if company.kernel.quirks.omie_event_body == "ids" else view(entry)

"""The clients' register: what `geral/clientes/` and the screen may do to it (omie-api.md 3.1 and 5)."""

import re
from typing import Any

from ..kernel import fold
from ..seeds.reference import City, city_by_ibge, city_by_omie_code, countries, state_by_uf
from ..wire import Row
from . import documents, faults
from .company import Actor, Company, Entry
from .schemas import tags_of

_TYPE = "clientes_cadastro"
_NEVER_STORED = {
    "codigo_cliente_omie", "pessoa_fisica", "exterior", "importado_api", "info", "separar_endereco",
    "pesquisar_cep", "logradouro", "bloqueado",
}  # fmt: skip
_NESTED = ("recomendacoes", "enderecoEntrega", "dadosBancarios")
_DEFAULTS: Row = {"codigo_pais": "1058", "inativo": "N", "bloquear_faturamento": "N", "enviar_anexos": "N"}
_BLANK: dict[str, Any] = {"s": "", "f": "", "i": 0, "d": 0}


def find(company: Company, omie_id: int, code: str) -> Entry:
    """The client by its keys; with both, the integration code decides (omie-api.md 5.5). Raises Fault."""
    if code and not (omie_id and company.kernel.quirks.omie_key_precedence == "id"):
        for entry in company.clients.values():
            if entry.row.get("codigo_cliente_integracao") == code:
                return entry
        raise faults.client_not_found(0)
    if not omie_id:
        raise faults.required("codigo_cliente_omie", "codigo_cliente_integracao")
    if omie_id not in company.clients:
        raise faults.client_not_found(omie_id)
    return company.clients[omie_id]


def find_by_key(company: Company, param: Row) -> Entry:
    """The client that a param's two key tags name."""
    return find(company, param.get("codigo_cliente_omie", 0), param.get("codigo_cliente_integracao", ""))


def by_document(company: Company, document: str) -> Entry | None:
    """The client with that document in normal form."""
    return next((entry for entry in company.clients.values() if entry.row.get("cnpj_cpf") == document), None)


def include(company: Company, given: Row, actor: Actor) -> Entry:
    """Creates a client from checked tags; raises Fault for what Omie refuses."""
    if given.get("codigo_cliente_omie"):
        raise faults.Fault(
            "ERROR: A tag [codigo_cliente_omie] somente deve ser informada quando for uma alteração !", 1020
        )
    row = _merged(company, dict(_DEFAULTS), given)
    _require(company, row, actor)
    code = row.get("codigo_cliente_integracao", "")
    if code and any(entry.row.get("codigo_cliente_integracao") == code for entry in company.clients.values()):
        raise faults.duplicate_code("Cliente", code)
    _refuse_taken_document(company, row, None, "add")
    entry = Entry(company.kernel.omie_id(), row, company.stamp(actor))
    company.clients[entry.id] = entry
    company.announce("ClienteFornecedor.Incluido", event(company, entry), actor)
    return entry


def alter(company: Company, entry: Entry, given: Row, actor: Actor) -> None:
    """Changes the checked tags that are present: omitted stays, "" clears, `tags` replaces the whole list."""
    _open_for(company, entry, actor)
    changes = {name: value for name, value in given.items() if name != "codigo_cliente_integracao"}
    row = _merged(company, dict(entry.row), changes)
    if not row.get("razao_social"):
        raise faults.required("razao_social")
    _refuse_taken_document(company, row, entry, "upd")
    entry.row = row
    commit(company, entry, actor)


def associate(company: Company, entry: Entry, code: str, actor: Actor) -> None:
    """Writes the integration code onto an existing record."""
    _open_for(company, entry, actor)
    other = next((e for e in company.clients.values() if e.row.get("codigo_cliente_integracao") == code), None)
    if other is not None and other is not entry:
        raise faults.duplicate_code("Cliente", code)
    entry.row["codigo_cliente_integracao"] = code
    commit(company, entry, actor)


def set_tags(company: Company, entry: Entry, names: list[str], actor: Actor) -> None:
    """Gives the client exactly these tags."""
    _open_for(company, entry, actor)
    entry.row["tags"] = _distinct(names)
    commit(company, entry, actor)


def set_traits(company: Company, entry: Entry, traits: list[Row], actor: Actor) -> None:
    """Gives the client exactly these characteristics."""
    _open_for(company, entry, actor)
    entry.row["caracteristicas"] = traits
    commit(company, entry, actor)


def exclude(company: Company, entry: Entry, actor: Actor) -> None:
    """Deletes a client; refused while orders or titles hang on it."""
    _open_for(company, entry, actor)
    kept = company.kernel.quirks.omie_client_delete == "refused"
    if kept and (entry.movements or company.is_named(entry.id)):
        raise faults.Fault(*faults.HAS_MOVEMENTS)
    body = event(company, entry)
    if company.kernel.quirks.omie_deleted_body == "id":
        body = {"codigo_cliente_omie": entry.id}
    del company.clients[entry.id]
    company.limits.altered(entry.id)
    company.announce("ClienteFornecedor.Excluido", body, actor)


def commit(company: Company, entry: Entry, actor: Actor) -> None:
    """Stamps and announces an alteration."""
    entry.stamp.changed, entry.stamp.changed_by = company.now(), actor.code
    if actor.is_api:
        company.limits.altered(entry.id)
    company.announce("ClienteFornecedor.Alterado", event(company, entry), actor)


def view(company: Company, entry: Entry, *, notes: bool = True, traits: bool = True) -> Row:
    """The record as the API shows it: blanks instead of nulls, document masked, `info` last."""
    shown: Row = {}
    for name, tag in tags_of(_TYPE).items():
        if name in ("separar_endereco", "pesquisar_cep", "logradouro", "bloqueado", "info"):
            continue
        if (name == "observacao" and not notes) or (name == "caracteristicas" and not traits):
            continue
        blank = [] if tag.kind == "[" else {} if tag.kind == "{" else _BLANK[tag.kind]
        shown[name] = entry.row.get(name, blank)
    document = entry.row.get("cnpj_cpf", "")
    shown |= {
        "codigo_cliente_omie": entry.id,
        "cnpj_cpf": documents.masked(document),
        "pessoa_fisica": "S" if documents.is_person(document) else "N",
        "exterior": "S" if is_foreign(entry.row) else "N",
        "importado_api": entry.stamp.block()["cImpAPI"],
        "tags": [{"tag": name} for name in entry.row.get("tags", [])],
        "info": entry.stamp.block(),
    }
    return company.said(shown)


def summary(entry: Entry) -> Row:
    """A row of ListarClientesResumido; the id has another name there."""
    names = ("codigo_cliente_integracao", "razao_social", "nome_fantasia")
    document = documents.masked(entry.row.get("cnpj_cpf", ""))
    return {"codigo_cliente": entry.id} | {name: entry.row.get(name, "") for name in names} | {"cnpj_cpf": document}


def event(company: Company, entry: Entry) -> Row:
    """The webhook's event: the record as in the API, without its audit block."""
    if company.kernel.quirks.omie_event_body == "ids":
        code = entry.row.get("codigo_cliente_integracao", "")
        return {"codigo_cliente_omie": entry.id, "codigo_cliente_integracao": code}
    body = view(company, entry)
    del body["info"]
    return body


def is_foreign(row: Row) -> bool:
    """Derived: another country than Brazil, or the state EX."""
    return row.get("codigo_pais", "") not in ("", "1058") or row.get("estado") == "EX"


def _open_for(company: Company, entry: Entry, actor: Actor) -> None:
    if actor.is_api:
        company.limits.may_alter(entry.id)
    if entry.is_protected:
        raise faults.Fault(*faults.PROTECTED)


def _require(company: Company, row: Row, actor: Actor) -> None:
    wanted = ["razao_social"]
    if actor.is_api:
        extra = company.kernel.quirks.omie_required_client_tags.split(",")
        wanted = ["codigo_cliente_integracao", "razao_social", *(name.strip() for name in extra if name.strip())]
    for name in wanted:
        if not row.get(name) and not (name == "cnpj_cpf" and is_foreign(row)):
            raise faults.required(name)


def _refuse_taken_document(company: Company, row: Row, entry: Entry | None, suffix: str) -> None:
    document = row.get("cnpj_cpf", "")
    other = by_document(company, document) if document else None
    supplier = "Fornecedor" in row.get("tags", []) and company.kernel.quirks.omie_duplicate_documents == "suppliers"
    if other is not None and other is not entry and not supplier:
        code = other.row.get("codigo_cliente_integracao", "")
        raise faults.duplicate_document(documents.masked(document), other.id, code, suffix)


def _merged(company: Company, row: Row, given: Row) -> Row:
    """`row` with the given tags applied and checked."""
    for name, value in given.items():
        if name in _NESTED:
            row[name] = {k: v for k, v in {**row.get(name, {}), **value}.items() if v not in ("", 0)}
        elif name not in _NEVER_STORED and name not in ("tags", "caracteristicas", "cidade", "cidade_ibge"):
            row[name] = value
    if "cnpj_cpf" in given:
        row["cnpj_cpf"] = documents.checked(given["cnpj_cpf"])
    if "tags" in given:
        row["tags"] = _distinct([item.get("tag", "") for item in given["tags"]])
    _merge_traits(row, given.get("caracteristicas", []))
    _check_country(row, given)
    _place(row, given)
    _check_references(company, given.get("recomendacoes", {}))
    if given.get("separar_endereco") == "S":
        _split_street(row)
    return row


def _distinct(names: list[str]) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))


def _merge_traits(row: Row, traits: list[Row]) -> None:
    """An unknown `campo` makes the characteristic, empty `conteudo` removes it from the client."""
    kept = {trait["campo"]: trait["conteudo"] for trait in row.get("caracteristicas", [])}
    kept |= {trait.get("campo", ""): trait.get("conteudo", "") for trait in traits}
    row["caracteristicas"] = [{"campo": k, "conteudo": v} for k, v in kept.items() if k and v]


def _check_country(row: Row, given: Row) -> None:
    code = given.get("codigo_pais", "")
    if code:
        row["codigo_pais"] = code.zfill(4)
        if row["codigo_pais"] not in {country.bacen for country in countries()}:
            raise faults.missing_reference("País", code, "codigo_pais")
    state = given.get("estado", "").upper()
    if state:
        row["estado"] = state
        if state != "EX" and state not in state_by_uf():
            raise faults.invalid("estado", "a sigla de um dos 27 estados ou EX")


def _place(row: Row, given: Row) -> None:
    """City by IBGE code, else by its code with the state; either fills name, code and state."""
    if is_foreign(row):
        if "cidade" in given:
            row |= {"cidade": given["cidade"], "cidade_ibge": ""}
        return
    name, ibge = given.get("cidade"), given.get("cidade_ibge")
    if not name and not ibge:
        if name is not None or ibge is not None:
            row |= {"cidade": "", "cidade_ibge": ""}
        return
    city: City | None = city_by_ibge().get(ibge) if ibge else city_by_omie_code().get(_city_key(name or ""))
    if city is None:
        tag = "cidade_ibge" if ibge else "cidade"
        raise faults.Fault(faults.NO_CITY.format(tag=tag), 1030)
    row |= {"cidade": city.omie_code, "cidade_ibge": city.ibge, "estado": city.uf}


def _city_key(text: str) -> str:
    return fold(re.sub(r"\s*\(", " (", text))


def _check_references(company: Company, wishes: Row) -> None:
    seller, carrier = wishes.get("codigo_vendedor"), wishes.get("codigo_transportadora")
    if seller and seller not in company.sellers:
        raise faults.missing_reference("Vendedor", seller, "codigo_vendedor")
    if carrier and carrier not in company.clients:
        raise faults.missing_reference("Transportadora", carrier, "codigo_transportadora")


def _split_street(row: Row) -> None:
    """Number and complement out of a line like `Rua A, 100 - Sala 2`."""
    parts = re.fullmatch(r"(.+?),\s*(\d+\w*)\s*(?:[-,]\s*(.+))?", row.get("endereco", ""))
    if parts:
        row["endereco"], row["endereco_numero"] = parts[1], parts[2]
        row["complemento"] = parts[3] or row.get("complemento", "")

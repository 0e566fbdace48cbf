"""The calls of `geral/clientes/`, `geral/clientetag/` and `geral/vendedores/` (omie-api.md 3.1, 3.2, 3.7)."""

from collections.abc import Callable
from typing import Any

from ...kernel import fold
from ...wire import Row
from .. import clients, documents, faults, sellers
from ..company import API, Company, Entry
from ..paging import in_window, page
from .base import Call


def _client_status(entry: Entry, text: str) -> Row:
    return {
        "codigo_cliente_omie": entry.id,
        "codigo_cliente_integracao": entry.row.get("codigo_cliente_integracao", ""),
        "codigo_status": "0",
        "descricao_status": text,
    }


def _include_client(company: Company, param: Row) -> Row:
    return _client_status(clients.include(company, param, API), "Cliente cadastrado com sucesso!")


def _alter_client(company: Company, param: Row) -> Row:
    entry = clients.find_by_key(company, param)
    clients.alter(company, entry, param, API)
    return _client_status(entry, "Cliente alterado com sucesso!")


def _upsert_by(company: Company, param: Row, entry: Entry | None) -> Row:
    if entry is None:
        return _include_client(company, {k: v for k, v in param.items() if k != "codigo_cliente_omie"})
    clients.alter(company, entry, param, API)
    return _client_status(entry, "Cliente alterado com sucesso!")


def _upsert_client(company: Company, param: Row) -> Row:
    code = param.get("codigo_cliente_integracao", "")
    if not code:
        raise faults.required("codigo_cliente_integracao")
    known = (e for e in company.clients.values() if e.row.get("codigo_cliente_integracao") == code)
    return _upsert_by(company, param, next(known, None))


def _upsert_client_by_document(company: Company, param: Row) -> Row:
    document = documents.checked(param.get("cnpj_cpf", ""))
    if not document:
        raise faults.required("cnpj_cpf")
    return _upsert_by(company, param, clients.by_document(company, document))


def _exclude_client(company: Company, param: Row) -> Row:
    entry = clients.find_by_key(company, param)
    clients.exclude(company, entry, API)
    return _client_status(entry, "Cliente excluído com sucesso!")


def _consult_client(company: Company, param: Row) -> Row:
    return clients.view(company, clients.find_by_key(company, param))


def _associate_client(company: Company, param: Row) -> Row:
    for tag in ("codigo_cliente_omie", "codigo_cliente_integracao"):
        if not param.get(tag):
            raise faults.required(tag)
    entry = clients.find(company, param["codigo_cliente_omie"], "")
    clients.associate(company, entry, param["codigo_cliente_integracao"], API)
    return _client_status(entry, "Código de integração associado com sucesso!")


def _chosen_clients(company: Company, param: Row) -> list[Entry]:
    entries = in_window(company, list(company.clients.values()), param)
    wanted = param.get("clientesPorCodigo")
    if wanted:
        ids = {item.get("codigo_cliente_omie") for item in wanted if item.get("codigo_cliente_omie")}
        codes = {item.get("codigo_cliente_integracao") for item in wanted if item.get("codigo_cliente_integracao")}
        entries = [e for e in entries if e.id in ids or e.row.get("codigo_cliente_integracao") in codes]
    narrowing = param.get("clientesFiltro", {})
    entries = [entry for entry in entries if _passes(entry, narrowing)]
    return entries[::-1] if param.get("ordem_decrescente") == "S" else entries


def _passes(entry: Entry, wanted: Row) -> bool:
    """Only these keys really filter; the others of the type are accepted and ignored (omie-api.md 3.1)."""
    row = entry.row
    tests: dict[str, Callable[[Any], bool]] = {
        "codigo_cliente_omie": lambda v: entry.id == v,
        "codigo_cliente_integracao": lambda v: row.get("codigo_cliente_integracao") == v,
        "razao_social": lambda v: fold(v) in fold(row.get("razao_social", "")),
        "nome_fantasia": lambda v: fold(v) in fold(row.get("nome_fantasia", "")),
        "cnpj_cpf": lambda v: row.get("cnpj_cpf") == documents.normal(v),
        "inativo": lambda v: row.get("inativo", "N") == v,
        "tags": lambda v: {fold(t.get("tag", "")) for t in v} <= {fold(name) for name in row.get("tags", [])},
    }
    return all(test(wanted[name]) for name, test in tests.items() if wanted.get(name))


def _list_clients(company: Company, param: Row) -> Row:
    notes, traits = param.get("exibir_obs") == "S", param.get("exibir_caracteristicas") == "S"

    def show(entry: Entry) -> Row:
        return clients.view(company, entry, notes=notes, traits=traits)

    return page(company, _chosen_clients(company, param), param, "clientes_cadastro", show)


def _list_clients_shortly(company: Company, param: Row) -> Row:
    return page(company, _chosen_clients(company, param), param, "clientes_cadastro_resumido", clients.summary)


def _tags_call(change: Callable[[list[str], list[str]], list[str]], text: str) -> Callable[[Company, Row], Row]:
    def run(company: Company, param: Row) -> Row:
        entry = clients.find(company, param.get("nCodCliente", 0), param.get("cCodIntCliente", ""))
        wanted = [item.get("tag", "") for item in param.get("tags", [])]
        clients.set_tags(company, entry, change(entry.row.get("tags", []), wanted), API)
        answer = {"nCodCliente": entry.id, "cCodIntCliente": entry.row.get("codigo_cliente_integracao", "")}
        listed = _tag_rows(company, entry) if text.startswith("Tags inc") else {}
        return answer | {"cCodStatus": "0", "cDesStatus": text} | listed

    return run


def _with(present: list[str], wanted: list[str]) -> list[str]:
    if not any(name.strip() for name in wanted):
        raise faults.required("tags")
    known = {fold(name) for name in present}
    return present + [name for name in wanted if fold(name) not in known]


def _without(present: list[str], wanted: list[str]) -> list[str]:
    gone = {fold(name) for name in wanted}
    return [name for name in present if fold(name) not in gone]


def _tag_rows(company: Company, entry: Entry) -> Row:
    return {"tagsLista": [{"tag": n, "nCodTag": company.tag_id(n)} for n in entry.row.get("tags", [])]}


def _list_tags(company: Company, param: Row) -> Row:
    entry = clients.find(company, param.get("nCodCliente", 0), param.get("cCodIntCliente", ""))
    return _tag_rows(company, entry)


def _seller_status(entry: Entry, text: str) -> Row:
    return {"codigo": entry.id, "codInt": entry.row.get("codInt", ""), "status": "0", "descricao": text}


def _include_seller(company: Company, param: Row) -> Row:
    return _seller_status(sellers.include(company, param, API), "Vendedor cadastrado com sucesso!")


def _alter_seller(company: Company, param: Row) -> Row:
    entry = sellers.find(company, param)
    sellers.alter(company, entry, param, API)
    return _seller_status(entry, "Vendedor alterado com sucesso!")


def _upsert_seller(company: Company, param: Row) -> Row:
    if not param.get("codInt"):
        raise faults.required("codInt")
    known = any(entry.row.get("codInt") == param["codInt"] for entry in company.sellers.values())
    return (_alter_seller if known else _include_seller)(company, param)


def _exclude_seller(company: Company, param: Row) -> Row:
    entry = sellers.find(company, param)
    sellers.exclude(company, entry, API)
    return _seller_status(entry, "Vendedor excluído com sucesso!")


def _list_sellers(company: Company, param: Row) -> Row:
    email, name = param.get("filtrar_por_email", ""), param.get("filtrar_por_nome", "")
    # apenas_importado_api has no effect here (omie-api.md 2.3).
    entries = in_window(company, list(company.sellers.values()), param | {"apenas_importado_api": "N"})
    chosen = [
        entry
        for entry in entries
        if (not email or fold(entry.row.get("email", "")) == fold(email)) and fold(name) in fold(entry.row["nome"])
    ]
    return page(company, chosen, param, "cadastro", sellers.view, past_end="empty")


CALLS: dict[str, dict[str, Call]] = {
    "geral/clientes": {
        "IncluirCliente": Call("clientes_cadastro", _include_client),
        "AlterarCliente": Call("clientes_cadastro", _alter_client),
        "UpsertCliente": Call("clientes_cadastro", _upsert_client),
        "UpsertClienteCpfCnpj": Call("clientes_cadastro", _upsert_client_by_document),
        "ExcluirCliente": Call("clientes_cadastro_chave", _exclude_client),
        "ConsultarCliente": Call("clientes_cadastro_chave", _consult_client),
        "AssociarCodIntCliente": Call("clientes_cadastro_chave", _associate_client),
        "ListarClientes": Call("clientes_list_request", _list_clients),
        "ListarClientesResumido": Call("clientes_list_request", _list_clients_shortly),
    },
    "geral/clientetag": {
        "IncluirTags": Call("clientetag_request", _tags_call(_with, "Tags incluídas com sucesso!")),
        "ExcluirTags": Call("clientetag_request", _tags_call(_without, "Tags excluídas com sucesso!")),
        "ExcluirTodas": Call("clientetag_request", _tags_call(lambda *_: [], "Todas as tags foram excluídas!")),
        "ListarTags": Call("clientetag_request", _list_tags),
    },
    "geral/vendedores": {
        "IncluirVendedor": Call("vendedores_cadastro", _include_seller),
        "AlterarVendedor": Call("vendedores_cadastro", _alter_seller),
        "UpsertVendedor": Call("vendedores_cadastro", _upsert_seller),
        "ExcluirVendedor": Call("vendedores_cadastro_chave", _exclude_seller),
        "ConsultarVendedor": Call(
            "vendedores_cadastro_chave", lambda company, param: sellers.view(sellers.find(company, param))
        ),
        "ListarVendedores": Call("vendedores_list_request", _list_sellers),
    },
}

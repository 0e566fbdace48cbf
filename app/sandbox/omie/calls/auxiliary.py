"""The writing calls of the auxiliary services; their lists are rows of the catalogue table (omie-api.md 3.10)."""

from collections.abc import Callable

from ...kernel import fold
from ...wire import Row
from .. import auxiliary, clients, faults
from ..auxiliary import ACCOUNTS, PROJECTS
from ..company import API, Company, Entry
from ..paging import page
from .base import Call, altering, consulting, excluding, including, upserting


def _list_projects(company: Company, param: Row) -> Row:
    wanted = fold(param.get("nome_projeto", ""))
    entries = [e for e in company.registers["projetos"].values() if wanted in fold(e.row["nome"])]
    return page(company, entries, param, "cadastro", lambda entry: PROJECTS.view(company, entry))


def _category_call(write: Callable[[Company, Row], Row], text: str) -> Call:
    def run(company: Company, param: Row) -> Row:
        return {"codigo": write(company, param)["codigo"], "codigo_status": "0", "descricao_status": text}

    return Call("categoria_cadastro", run)


def _change_category(company: Company, param: Row) -> Row:
    return auxiliary.change_category(company, param, API)


def _include_terms(company: Company, param: Row) -> Row:
    if not param.get("cParcela"):
        raise faults.required("cParcela")
    made = auxiliary.add_terms(company, param["cParcela"])
    return {**made, "cCodStatus": "0", "cDesStatus": "Parcela cadastrada com sucesso!"}


def _trait_call(change: Callable[[list[Row], Row], list[Row]], text: str) -> Call:
    """geral/clientescaract: an empty content removes the characteristic of that client."""

    def run(company: Company, param: Row) -> Row:
        entry = clients.find_by_key(company, param)
        traits = change(entry.row.get("caracteristicas", []), param)
        clients.set_traits(company, entry, traits, API)
        return _trait_answer(entry) | {"codigo_status": "0", "descricao_status": text}

    return Call("caracteristicas_request", run)


def _trait_answer(entry: Entry) -> Row:
    return {"codigo_cliente_omie": entry.id,
            "codigo_cliente_integracao": entry.row.get("codigo_cliente_integracao", "")}  # fmt: skip


def _with_trait(traits: list[Row], param: Row) -> list[Row]:
    if not param.get("campo"):
        raise faults.required("campo")
    kept = [trait for trait in traits if trait["campo"] != param["campo"]]
    content = param.get("conteudo", "")
    return [*kept, {"campo": param["campo"], "conteudo": content}] if content else kept


def _without_trait(traits: list[Row], param: Row) -> list[Row]:
    return [trait for trait in traits if trait["campo"] != param.get("campo")]


def _consult_traits(company: Company, param: Row) -> Row:
    entry = clients.find_by_key(company, param)
    return _trait_answer(entry) | {"caracteristicas": entry.row.get("caracteristicas", [])}


CALLS: dict[str, dict[str, Call]] = {
    "geral/contacorrente": {
        "IncluirContaCorrente": including(ACCOUNTS),
        "AlterarContaCorrente": altering(ACCOUNTS),
        "UpsertContaCorrente": upserting(ACCOUNTS),
        "ExcluirContaCorrente": excluding(ACCOUNTS),
        "ConsultarContaCorrente": consulting(ACCOUNTS),
    },
    "geral/projetos": {
        "IncluirProjeto": including(PROJECTS),
        "AlterarProjeto": altering(PROJECTS),
        "UpsertProjeto": upserting(PROJECTS),
        "ExcluirProjeto": excluding(PROJECTS),
        "ConsultarProjeto": consulting(PROJECTS),
        "ListarProjetos": Call("projeto_list_request", _list_projects),
    },
    "geral/categorias": {
        "IncluirCategoria": _category_call(
            lambda company, param: auxiliary.add_category(company, param, API, group=False),
            "Categoria cadastrada com sucesso!",
        ),
        "IncluirGrupoCategoria": _category_call(
            lambda company, param: auxiliary.add_category(company, param, API, group=True),
            "Grupo de categoria cadastrado com sucesso!",
        ),
        "AlterarCategoria": _category_call(_change_category, "Categoria alterada com sucesso!"),
        "AlterarGrupoCategoria": _category_call(_change_category, "Grupo de categoria alterado com sucesso!"),
    },
    "geral/departamentos": {
        "ConsultarDepartamento": Call(
            "departamento_chave", lambda company, param: auxiliary.department(company, param.get("codigo", ""))
        ),
    },
    "geral/parcelas": {"IncluirParcela": Call("parcela_incluir_request", _include_terms)},
    "geral/clientescaract": {
        "IncluirCaractCliente": _trait_call(_with_trait, "Característica cadastrada com sucesso!"),
        "AlterarCaractCliente": _trait_call(_with_trait, "Característica alterada com sucesso!"),
        "ExcluirCaractCliente": _trait_call(_without_trait, "Característica excluída com sucesso!"),
        "ExcluirTodasCaractCliente": _trait_call(lambda *_: [], "Características excluídas com sucesso!"),
        "ConsultarCaractCliente": Call("caracteristicas_request", _consult_traits),
    },
}

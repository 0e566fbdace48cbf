"""The calls of `geral/produtos/` and `geral/familias/` (omie-api.md 3.3, 3.4)."""

from ...wire import Row
from .. import products
from ..company import Company, Entry
from ..paging import in_window, page
from ..products import FAMILIES, PRODUCTS
from .base import Call, altering, associating, consulting, excluding, including, upserting


def _chosen(company: Company, param: Row) -> list[Entry]:
    return products.chosen(company, in_window(company, list(company.registers["produtos"].values()), param), param)


def _list(company: Company, param: Row) -> Row:
    show = products.lister(company, param)
    return page(company, _chosen(company, param), param, "produto_servico_cadastro", show)


def _list_shortly(company: Company, param: Row) -> Row:
    return page(company, _chosen(company, param), param, "produto_servico_resumido", products.summary)


def _list_families(company: Company, param: Row) -> Row:
    entries = in_window(company, list(company.registers["familias"].values()), param)
    return page(company, entries, param, "famCadastro", lambda entry: FAMILIES.view(company, entry))


CALLS: dict[str, dict[str, Call]] = {
    "geral/produtos": {
        "IncluirProduto": including(PRODUCTS),
        "AlterarProduto": altering(PRODUCTS),
        "UpsertProduto": upserting(PRODUCTS),
        "ExcluirProduto": excluding(PRODUCTS),
        "ConsultarProduto": consulting(PRODUCTS),
        "AssociarCodIntProduto": associating(PRODUCTS),
        "ListarProdutos": Call("produto_servico_list_request", _list),
        "ListarProdutosResumido": Call("produto_servico_list_request", _list_shortly),
    },
    "geral/familias": {
        "IncluirFamilia": including(FAMILIES),
        "AlterarFamilia": altering(FAMILIES),
        "UpsertFamilia": upserting(FAMILIES),
        "ExcluirFamilia": excluding(FAMILIES),
        "ConsultarFamilia": consulting(FAMILIES),
        "PesquisarFamilias": Call("famPesquisaRequest", _list_families),
    },
}

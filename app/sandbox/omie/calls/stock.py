"""The calls of `estoque/consulta/`, `estoque/resumo/` and `estoque/local/` (omie-api.md 3.9)."""

from ...wire import Row
from .. import stock
from ..company import Company
from ..paging import HUNGARIAN, in_window, page
from ..stock import LOCATIONS
from .base import Call, altering, including


def _list_locations(company: Company, param: Row) -> Row:
    entries = in_window(company, list(company.registers["locais"].values()), param)
    return page(company, entries, param, "locaisEncontrados", lambda entry: LOCATIONS.view(company, entry),
                dialect=HUNGARIAN)  # fmt: skip


CALLS: dict[str, dict[str, Call]] = {
    "estoque/consulta": {
        "PosicaoEstoque": Call("PosicaoEstoqueRequest", stock.position),
        "ListarPosEstoque": Call("ListarEstPosRequest", stock.positions),
    },
    "estoque/resumo": {"ObterEstoqueProduto": Call("ObterEstoqueProdutoRequest", stock.summary)},
    "estoque/local": {
        "ListarLocaisEstoque": Call("local_estoque_list_request", _list_locations),
        "IncluirLocalEstoque": including(LOCATIONS),
        "AlterarLocalEstoque": altering(LOCATIONS),
    },
}

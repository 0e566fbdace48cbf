"""The calls of `servicos/servico/` (omie-api.md 3.5)."""

from datetime import datetime

from ...clock import BRASILIA
from ...kernel import fold
from ...wire import Row
from .. import services
from ..company import Company, Entry
from ..paging import HUNGARIAN, moment, page
from ..services import SERVICES, flatten
from .base import Call, altering, associating, consulting, excluding, including, upserting

_ALWAYS = (datetime(1, 1, 1, tzinfo=BRASILIA), datetime(9999, 12, 31, tzinfo=BRASILIA))


def _window(param: Row, what: str) -> tuple[datetime, datetime]:
    first = moment(f"d{what}Inicial", param.get(f"d{what}Inicial", ""), param.get(f"h{what}Inicial") or "00:00:00")
    last = moment(f"d{what}Final", param.get(f"d{what}Final", ""), param.get(f"h{what}Final") or "23:59:59")
    return first or _ALWAYS[0], last or _ALWAYS[1]


def _keeps(entry: Entry, param: Row) -> bool:
    head = entry.row["cabecalho"]
    pattern, text = fold(param.get("cDescricao", "")), fold(head["cDescricao"])
    bare = pattern.strip("%")
    return (
        (bare in text if pattern.startswith("%") else text.startswith(bare))
        and param.get("cCodigo", "") in ("", head["cCodigo"])
        and param.get("inativo", "") in ("", entry.row["inativo"])
    )


def _list(company: Company, param: Row) -> Row:
    created, changed = _window(param, "Inclusao"), _window(param, "Alteracao")
    used = param.get("cExibirProdutos") == "S"
    entries = [
        entry
        for entry in company.registers["servicos"].values()
        if created[0] <= entry.stamp.created <= created[1]
        and changed[0] <= entry.stamp.changed <= changed[1]
        and _keeps(entry, param)
    ]
    return page(company, entries, param, "cadastros", lambda entry: services.view(company, entry, used=used),
                dialect=HUNGARIAN)  # fmt: skip


CALLS: dict[str, dict[str, Call]] = {
    "servicos/servico": {
        "IncluirCadastroServico": including(SERVICES, flatten, "srvIncluirRequest"),
        "AlterarCadastroServico": altering(SERVICES, flatten, "srvEditarRequest"),
        "UpsertCadastroServico": upserting(SERVICES, flatten, "srvEditarRequest"),
        "ExcluirCadastroServico": excluding(SERVICES),
        "ConsultarCadastroServico": consulting(SERVICES),
        "AssociarCodIntServico": associating(SERVICES),
        "ListarCadastroServico": Call("srvListarRequest", _list),
    },
}

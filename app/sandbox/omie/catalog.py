"""List calls over seed data, all by one table: service -> calls -> array, paging and filters (omie-api.md 3.10)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..kernel import fold
from ..wire import Row
from . import faults
from .company import Company
from .paging import SNAKE, Dialect, page
from .schemas import check, parse_tags

Match = Callable[[Row, str], bool]


def equal(column: str) -> Match:
    """The column is exactly the wanted text."""
    return lambda row, wanted: str(row.get(column, "")) == wanted


def containing(column: str) -> Match:
    """The column contains the wanted text, accents and case aside."""
    return lambda row, wanted: fold(wanted) in fold(str(row.get(column, "")))


def active(column: str) -> Match:
    """With S, only rows whose inactive-flag is not S."""
    return lambda row, wanted: wanted != "S" or row.get(column) != "S"


def _kind(row: Row, wanted: str) -> bool:
    column = {"R": "conta_receita", "D": "conta_despesa"}.get(wanted)
    return column is None or row.get(column) == "S"


def _code(row: Row, wanted: str) -> bool:
    return str(row["cCodigo"]).lstrip("0") == wanted.lstrip("0")


@dataclass(frozen=True)
class Listing:
    """One list call: request type and its further tags, where the rows are and under which array they go."""

    request: str
    catalog: str
    array: str
    filters: dict[str, Match] = field(default_factory=dict)
    ignored: str = ""
    dialect: Dialect | None = SNAKE
    past_end: str = "fault"
    columns: tuple[str, ...] = ()
    empty: tuple[str, int] | None = None

    def answer(self, company: Company, param: Row) -> Row:
        """The page, or the whole list where the call has no paging."""
        paging = f"{self.dialect.page}:i {self.dialect.size}:i " if self.dialect else ""
        names = " ".join(f"{name}:s" for name in self.filters)
        given = check(self.request, param, parse_tags(f"{paging} {names} {self.ignored}"))
        rows = [row for row in company.catalogs[self.catalog] if self._keeps(row, given)]
        if not rows and self.empty:
            raise faults.Fault(*self.empty)
        if self.dialect is None:
            return {self.array: [self._shown(row) for row in rows]}
        return page(company, rows, given, self.array, self._shown, dialect=self.dialect, past_end=self.past_end)

    def _shown(self, row: Row) -> Row:
        return {name: row[name] for name in self.columns if name in row} if self.columns else row

    def _keeps(self, row: Row, given: Row) -> bool:
        return all(match(row, given[name]) for name, match in self.filters.items() if given.get(name))


@dataclass(frozen=True)
class Lookup:
    """One Consultar call over seed data: the record at the root, by any of `keys`."""

    request: str
    catalog: str
    thing: str
    keys: dict[str, str]

    def answer(self, company: Company, param: Row) -> Row:
        """The record; raises Fault when there is none."""
        given = check(self.request, param, parse_tags(" ".join(f"{name}:s" for name in self.keys)))
        wanted = {self.keys[name]: value for name, value in given.items() if value not in ("", "0")}
        if not wanted:
            raise faults.required(*self.keys)
        for row in company.catalogs[self.catalog]:
            if all(str(row.get(column)) == value for column, value in wanted.items()):
                return row
        raise faults.not_found(self.thing, next(iter(wanted.values())))


_DATES = "filtrar_por_data_de:s10 filtrar_por_data_ate:s10 filtrar_apenas_inclusao:f filtrar_apenas_alteracao:f"
_ORDER = "apenas_importado_api:f ordenar_por:s"
_ACCOUNT_FILTERS = {
    "codigo": equal("nCodCC"),
    "codigo_integracao": equal("cCodCCInt"),
    "filtrar_apenas_ativo": active("inativo"),
}
_ACCOUNT_EMPTY = ("ERROR: Nenhuma conta corrente foi encontrada!", 101)
_ACCOUNT_SUMMARY = (
    "nCodCC", "cCodCCInt", "descricao", "codigo_banco", "codigo_agencia", "conta_corrente", "tipo", "inativo",
)  # fmt: skip


def _accounts(array: str, columns: tuple[str, ...] = ()) -> Listing:
    ignored = f"{_ORDER} ordem_descrescente:f {_DATES}"
    return Listing("fin_conta_corrente_lista_request", "contacorrente", array, _ACCOUNT_FILTERS, ignored,
                   columns=columns, empty=_ACCOUNT_EMPTY)  # fmt: skip


CATALOGS: dict[str, dict[str, Listing | Lookup]] = {
    "geral/contacorrente": {
        "ListarContasCorrentes": _accounts("ListarContasCorrentes"),
        "PesquisarContaCorrente": _accounts("conta_corrente_lista"),
        "ListarResumoContasCorrentes": _accounts("conta_corrente_lista", _ACCOUNT_SUMMARY),
        "ConsultarContaCorrente": Lookup(
            "fin_conta_corrente_chave", "contacorrente", "Conta corrente",
            {"nCodCC": "nCodCC", "cCodCCInt": "cCodCCInt"},
        ),
    },
    "geral/empresas": {
        "ListarEmpresas": Listing("empresas_list_request", "empresas", "empresas_cadastro", past_end="first",
                                  ignored=f"{_ORDER} {_DATES}"),
        "ConsultarEmpresa": Lookup("empresas_consultar", "empresas", "Empresa", {"codigo_empresa": "codigo_empresa"}),
    },
    "geral/categorias": {
        "ListarCategorias": Listing(
            "categoria_list_request", "categorias", "categoria_cadastro",
            {"filtrar_apenas_ativo": active("conta_inativa"), "filtrar_por_tipo": _kind},
            f"{_ORDER} ordem_descrescente:f {_DATES}", past_end="empty",
        ),
        "ConsultarCategoria": Lookup("categoria_consultar", "categorias", "Categoria", {"codigo": "codigo"}),
    },
    "geral/parcelas": {
        "ListarParcelas": Listing("parcela_list_request", "parcelas", "cadastros",
                                  ignored=f"{_ORDER} ordem_decrescente:f"),
    },
    "produtos/etapafat": {
        "ListarEtapasFaturamento": Listing("etapafat_list_request", "etapafat", "cadastros",
                                           ignored="ordenar_por:s ordem_decrescente:f"),
    },
    "geral/cidades": {
        "PesquisarCidades": Listing(
            "cidades_pesquisa_request", "cidades", "lista_cidades",
            {"filtrar_cidade_contendo": containing("cNome"), "filtrar_por_uf": equal("cUF"),
             "filtrar_por_cidade": containing("cCod")},
            "ordenar_por:s ordem_descrescente:f",
        ),
    },
    "geral/paises": {
        "ListarPaises": Listing(
            "paises_list_request", "paises", "lista_paises",
            {"filtrar_por_codigo": _code, "filtrar_por_descricao": containing("cDescricao"),
             "filtrar_por_codigo_iso": equal("cCodigoISO")},
            dialect=None,
        ),
    },
    "geral/tpativ": {
        "ListarTipoAtiv": Listing(
            "tpativ_list_request", "tpativ", "lista_tipos_atividade",
            {"filtrar_por_codigo": equal("cCodigo"), "filtrar_por_descricao": containing("cDescricao")},
            dialect=None,
        ),
    },
}  # fmt: skip

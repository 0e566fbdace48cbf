"""List calls over seed data, all by one table: service -> calls -> array, paging and filters (omie-api.md 3.10)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..kernel import fold
from ..wire import Row
from . import faults
from .auxiliary import ACCOUNTS
from .company import Company
from .paging import HUNGARIAN, SNAKE, Dialect, page
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


def _rows(company: Company, name: str) -> list[Row]:
    """The rows of a catalogue, or of the register of bank accounts as it shows them."""
    if name in company.catalogs:
        return company.catalogs[name]
    return [ACCOUNTS.view(company, entry) for entry in company.registers[name].values()]


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
    switch: str = ""
    """The quirk without which Omie does not serve the call."""
    counted: str = ""
    """The inner list that the answer counts instead of its rows."""

    def answer(self, company: Company, param: Row) -> Row:
        """The page, or the whole list where the call has no paging."""
        if self.switch and not getattr(company.kernel.quirks, self.switch):
            raise faults.unknown_method("ListarEstados")
        paging = f"{self.dialect.page}:i {self.dialect.size}:i " if self.dialect else ""
        names = " ".join(f"{name}:s" for name in self.filters)
        given = check(self.request, param, parse_tags(f"{paging} {names} {self.ignored}"))
        rows = [row for row in _rows(company, self.catalog) if self._keeps(row, given)]
        if not rows and self.empty:
            raise faults.Fault(*self.empty)
        if self.dialect is None:
            return {self.array: [self._shown(row) for row in rows]}
        answer = page(company, rows, given, self.array, self._shown, dialect=self.dialect, past_end=self.past_end)
        if self.counted:
            answer[self.dialect.rows] = sum(len(row.get(self.counted, [])) for row in answer[self.array])
        return answer

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


def _whole(catalog: str, array: str) -> Listing:
    """A list without paging; its param is a code, which may be empty."""
    return Listing(f"{catalog}_list_request", catalog, array, {"codigo": equal("codigo")}, dialect=None)


#: The fiscal code lists: service -> call, all of one form (omie-api.md 3.10).
_FISCAL = {
    "produtos/icmscst": "ListarCST", "produtos/icmscsosn": "ListarCSOSN", "produtos/icmsorigem": "ListarOrigMerc",
    "produtos/ipicst": "ListarCstIpi", "produtos/ipienq": "ListarEnqIpi", "produtos/tpcalc": "ListarTpCalc",
}  # fmt: skip

CATALOGS: dict[str, dict[str, Listing | Lookup]] = {
    "geral/contacorrente": {
        "ListarContasCorrentes": _accounts("ListarContasCorrentes"),
        "PesquisarContaCorrente": _accounts("conta_corrente_lista"),
        "ListarResumoContasCorrentes": _accounts("conta_corrente_lista", _ACCOUNT_SUMMARY),
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
                                           ignored="ordenar_por:s ordem_decrescente:f", counted="etapas"),
    },
    "geral/cidades": {
        "PesquisarCidades": Listing(
            "cidades_pesquisa_request", "cidades", "lista_cidades",
            {"filtrar_cidade_contendo": containing("cNome"), "filtrar_por_uf": equal("cUF"),
             "filtrar_por_cidade": containing("cCod")},
            "ordenar_por:s ordem_descrescente:f",
        ),
    },
    "geral/estados": {
        "ListarEstados": Listing("estados_list_request", "estados", "lista_estados", ignored="filtrar_por_uf:s",
                                 dialect=None, switch="omie_states_service"),
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
    "produtos/cnae": {
        "ListarCNAE": Listing("cnae_list_request", "cnae", "cadastros", ignored="ordenar_por:s ordem_decrescente:f"),
    },
    "produtos/formaspagvendas": {
        "ListarFormasPagVendas": Listing("formaspagvendas_list_request", "formaspagvendas", "cadastros",
                                         ignored=f"{_ORDER} ordem_decrescente:f"),
    },
    "geral/meiospagamento": {"ListarMeiosPagamento": _whole("meiospagamento", "MeiosPagamentoLista")},
    "geral/unidade": {"ListarUnidades": _whole("unidade", "unidade_cadastro")},
    "geral/tiposdoc": {
        "PesquisarTipoDocumento": _whole("tiposdoc", "tipo_documento_cadastro"),
        "ConsultarTipoDocumento": Lookup("tipo_documento_consultar", "tiposdoc", "Tipo de documento",
                                         {"codigo": "codigo"}),
    },
    "geral/departamentos": {
        "ListarDepartamentos": Listing("departamento_list_request", "departamentos", "departamentos",
                                       ignored=f"{_ORDER} ordem_descrescente:f {_DATES}", past_end="empty"),
    },
    "geral/cenarios": {
        "ListarCenarios": Listing("cenario_list_request", "cenarios", "cenariosEncontrados", dialect=HUNGARIAN),
    },
    **{service: {call: Listing(f"{service.split('/')[1]}_list_request", service.split("/")[1], "cadastros",
                               ignored="ordenar_por:s ordem_decrescente:f")}
       for service, call in _FISCAL.items()},
}  # fmt: skip

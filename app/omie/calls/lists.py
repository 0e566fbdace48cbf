"""The lists people choose from and documents refer to, read only (Omie reference 3.6 stages, 3.10). Data."""

from collections.abc import Iterator, Mapping

from app.core.ports import JsonObject, Key
from app.core.wire import fold
from app.omie.rows import HUNGARIAN, Consult, Listing, Search, Set, array, exactly, only_array

ALL = {"apenas_importado_api": "N"}


def _stages(answer: JsonObject) -> Iterator[JsonObject]:
    """One row per operation and stage; the first operation of an answer is an empty object (reference 3.6)."""
    for operation in array("cadastros")(answer):
        for stage in operation.get("etapas") or ():
            yield {
                "cCodOperacao": operation.get("cCodOperacao"),
                "cDescOperacao": operation.get("cDescOperacao"),
                **stage,
            }


_UF_OF_IBGE: Mapping[str, str] = {
    "11": "RO", "12": "AC", "13": "AM", "14": "RR", "15": "PA", "16": "AP", "17": "TO", "21": "MA", "22": "PI",
    "23": "CE", "24": "RN", "25": "PB", "26": "PE", "27": "AL", "28": "SE", "29": "BA", "31": "MG", "32": "ES",
    "33": "RJ", "35": "SP", "41": "PR", "42": "SC", "43": "RS", "50": "MS", "51": "MT", "52": "GO", "53": "DF",
}  # fmt: skip


def _city_filter(key: Key) -> JsonObject:
    """By name inside a state; an IBGE code names its state, and Omie has no filter for the code itself."""
    uf = key.within.get("uf") or (_UF_OF_IBGE.get(key.value[:2]) if key.name == "ibge" else None)
    name = key.within.get("name") if key.name == "ibge" else key.value
    param: JsonObject = {}
    if uf:
        param["filtrar_por_uf"] = uf
    if name:
        param["filtrar_cidade_contendo"] = fold(name).upper()
    return param


def _city_by_name(row: JsonObject, key: Key) -> bool:
    uf = key.within.get("uf")
    return fold(str(row.get("cNome") or "")) == fold(key.value) and (uf is None or row.get("cUF") == uf)


CITIES = Set(
    service="geral/cidades/",
    id_fields=("cCod",),
    listing=Listing("PesquisarCidades", array("lista_cidades")),
    searches={
        "ibge": Search(_city_filter, exactly("nCodIBGE")),
        "name": Search(_city_filter, _city_by_name),
    },
)


def _codes(service: str, call: str) -> Set:
    """A list of fiscal codes: code and text."""
    return Set(service, ("nCodigo",), Listing(call, array("cadastros")))


LISTS: Mapping[str, Set] = {
    "cities": CITIES,
    "companies": Set(
        "geral/empresas/", ("codigo_empresa",), Listing("ListarEmpresas", array("empresas_cadastro"), param=ALL),
        nouns=("empresa",), consult=Consult("ConsultarEmpresa", ("codigo_empresa",)),
    ),
    "accounts": Set(
        "geral/contacorrente/", ("nCodCC",),
        Listing("ListarContasCorrentes", array("ListarContasCorrentes"), param=ALL),
        nouns=("conta",), consult=Consult("ConsultarContaCorrente", ("nCodCC",)),
    ),
    "categories": Set(
        "geral/categorias/", ("codigo",), Listing("ListarCategorias", array("categoria_cadastro")),
        nouns=("categoria",), consult=Consult("ConsultarCategoria", ("codigo",), text=True),
    ),
    "installments": Set("geral/parcelas/", ("nCodigo",), Listing("ListarParcelas", array("cadastros"))),
    "payment_terms": Set(
        "produtos/formaspagvendas/", ("cCodigo",), Listing("ListarFormasPagVendas", array("cadastros"))
    ),
    "payment_means": Set(
        "geral/meiospagamento/", ("codigo",),
        Listing("ListarMeiosPagamento", array("MeiosPagamentoLista"), None, {"codigo": ""}),
    ),
    "document_types": Set(
        "geral/tiposdoc/", ("codigo",), Listing("PesquisarTipoDocumento", only_array, None, {"codigo": ""})
    ),
    "stages": Set("produtos/etapafat/", ("cCodOperacao", "cCodigo"), Listing("ListarEtapasFaturamento", _stages)),
    "countries": Set(
        "geral/paises/", ("cCodigo",), Listing("ListarPaises", array("lista_paises"), None, {"filtrar_por_codigo": ""})
    ),
    "activity_types": Set(
        "geral/tpativ/", ("cCodigo",),
        Listing("ListarTipoAtiv", array("lista_tipos_atividade"), None, {"filtrar_por_codigo": ""}),
    ),
    "cnae": Set("produtos/cnae/", ("nCodigo",), Listing("ListarCNAE", array("cadastros"))),
    "units": Set(
        "geral/unidade/", ("codigo",), Listing("ListarUnidades", array("unidade_cadastro"), None, {"codigo": ""})
    ),
    "projects": Set(
        "geral/projetos/", ("codigo",), Listing("ListarProjetos", array("cadastro"), param=ALL),
        nouns=("projeto",), consult=Consult("ConsultarProjeto", ("codigo",)),
    ),
    "departments": Set(
        "geral/departamentos/", ("codigo",), Listing("ListarDepartamentos", array("departamentos")),
        nouns=("departamento",), consult=Consult("ConsultarDepartamento", ("codigo",), text=True),
    ),
    "tax_scenarios": Set(
        "geral/cenarios/", ("nCodigo",), Listing("ListarCenarios", array("cenariosEncontrados"), HUNGARIAN)
    ),
    "icms_cst": _codes("produtos/icmscst/", "ListarCST"),
    "icms_csosn": _codes("produtos/icmscsosn/", "ListarCSOSN"),
    "icms_origins": _codes("produtos/icmsorigem/", "ListarOrigMerc"),
    "ipi_cst": _codes("produtos/ipicst/", "ListarCstIpi"),
    "ipi_classes": _codes("produtos/ipienq/", "ListarEnqIpi"),
    "calculation_types": _codes("produtos/tpcalc/", "ListarTpCalc"),
}  # fmt: skip

"""Which Omie calls serve which set, and how: one row per set (Omie reference 1.2, 2, 3). Adding a set adds a row. Data.

Every list says `apenas_importado_api: "N"` where the call knows it: Omie's default hides records (F278).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.ports import JsonObject, Key
from app.core.wire import fold
from app.omie import schemas
from app.omie.schemas import Shape


@dataclass(frozen=True, slots=True)
class Paging:
    """A paging dialect: names in the request and in the answer (F277)."""

    page: str
    size: str
    pages: str
    total: str


SNAKE = Paging("pagina", "registros_por_pagina", "total_de_paginas", "total_de_registros")
HUNGARIAN = Paging("nPagina", "nRegPorPagina", "nTotPaginas", "nTotRegistros")
PAGE_SIZE = 100
"""More is cut silently (reference 2.2)."""


@dataclass(frozen=True, slots=True)
class Since:
    """Names of the incremental filter; without hours the filter works by the day."""

    from_date: str = "filtrar_por_data_de"
    to_date: str = "filtrar_por_data_ate"
    from_hour: str | None = "filtrar_por_hora_de"
    to_hour: str | None = "filtrar_por_hora_ate"


BY_HOUR = Since()
BY_DAY = Since(from_hour=None, to_hour=None)


def _array(name: str) -> Callable[[JsonObject], Iterator[JsonObject]]:
    def rows(answer: JsonObject) -> Iterator[JsonObject]:
        return (row for row in answer.get(name) or () if isinstance(row, dict) and row)

    return rows


def _stages(answer: JsonObject) -> Iterator[JsonObject]:
    """One row per operation and stage; the first operation of an answer is an empty object (reference 3.6)."""
    for operation in _array("cadastros")(answer):
        for stage in operation.get("etapas") or ():
            yield {
                "cCodOperacao": operation.get("cCodOperacao"),
                "cDescOperacao": operation.get("cDescOperacao"),
                **stage,
            }


@dataclass(frozen=True, slots=True)
class Listing:
    """The list call of a set."""

    call: str
    rows: Callable[[JsonObject], Iterator[JsonObject]]
    paging: Paging | None = SNAKE
    param: Mapping[str, Any] = field(default_factory=dict)
    """Always sent; never empty, an empty object is refused."""
    since: Since | None = None


@dataclass(frozen=True, slots=True)
class Consult:
    """The call that answers one record by its id."""

    call: str
    key: str
    wrapped_in: str | None = None
    """Where the record lies in the answer; None is the root (only ConsultarPedido wraps it)."""


@dataclass(frozen=True, slots=True)
class ByCode:
    """The list filter that takes many ids at once."""

    filter: str
    key: str
    most: int = 50


@dataclass(frozen=True, slots=True)
class Search:
    """How records are found by a natural key: a list or consult call, its filter, and which rows truly match."""

    param: Callable[[Key], JsonObject]
    matches: Callable[[JsonObject, Key], bool]
    consult: bool = False
    """True to ask by the consult call: its not-found answers instead of an empty list."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One write. `id_field` carries the record's Omie id; the integration code is never sent beside it (F279)."""

    call: str
    shape: Shape
    id_field: str | None = None
    service: str | None = None
    """When it differs from the set's."""
    answers: Sequence[str] = ()
    """Fields of the answer that may carry the record's id."""
    status: tuple[str, str] = ("codigo_status", "descricao_status")


@dataclass(frozen=True, slots=True)
class Set:
    """Everything the gateway knows about one set of records."""

    service: str
    id_fields: Sequence[str]
    listing: Listing
    nouns: Sequence[str] = ()
    """What Omie's texts call a record of this set, folded."""
    consult: Consult | None = None
    by_code: ByCode | None = None
    searches: Mapping[str, Search] = field(default_factory=dict)
    verbs: Mapping[str, Verb] = field(default_factory=dict)

    def id_of(self, row: JsonObject) -> str | None:
        """The record's id, parts joined by a dot; None when a part is missing."""
        parts = [str(row.get(name) or "") for name in self.id_fields]
        return ".".join(parts) if all(parts) else None


def _bare(text: Any) -> str:
    """A document or code in capitals without mask."""
    return "".join(sign for sign in str(text or "").upper() if sign.isalnum())


def _same(field_name: str) -> Callable[[JsonObject, Key], bool]:
    return lambda row, key: fold(str(row.get(field_name) or "")) == fold(key.value)


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


CLIENTS = Set(
    service="geral/clientes/",
    id_fields=("codigo_cliente_omie",),
    nouns=("cliente", "fornecedor"),
    consult=Consult("ConsultarCliente", "codigo_cliente_omie"),
    listing=Listing("ListarClientes", _array("clientes_cadastro"), param={"apenas_importado_api": "N"}, since=BY_HOUR),
    by_code=ByCode("clientesPorCodigo", "codigo_cliente_omie"),
    searches={
        "document": Search(
            lambda key: {"clientesFiltro": {"cnpj_cpf": _bare(key.value)}},
            lambda row, key: _bare(row.get("cnpj_cpf")) == _bare(key.value),
        ),
        "integration_code": Search(
            lambda key: {"codigo_cliente_integracao": key.value},
            lambda row, key: str(row.get("codigo_cliente_integracao") or "") == key.value,
            consult=True,
        ),
    },
    verbs={
        "create": Verb("IncluirCliente", schemas.CLIENT_CREATE, answers=("codigo_cliente_omie",)),
        "update": Verb("AlterarCliente", schemas.CLIENT, "codigo_cliente_omie"),
        "delete": Verb("ExcluirCliente", schemas.NOTHING, "codigo_cliente_omie"),
        "associate_code": Verb("AssociarCodIntCliente", schemas.ASSOCIATE, "codigo_cliente_omie"),
        "include_tags": Verb(
            "IncluirTags", schemas.TAG_LIST, "nCodCliente", "geral/clientetag/", status=("cCodStatus", "cDesStatus")
        ),
        "exclude_tags": Verb(
            "ExcluirTags", schemas.TAG_LIST, "nCodCliente", "geral/clientetag/", status=("cCodStatus", "cDesStatus")
        ),
    },
)

SELLERS = Set(
    service="geral/vendedores/",
    id_fields=("codigo",),
    nouns=("vendedor",),
    consult=Consult("ConsultarVendedor", "codigo"),
    listing=Listing("ListarVendedores", _array("cadastro"), param={"apenas_importado_api": "N"}, since=BY_DAY),
    searches={"email": Search(lambda key: {"filtrar_por_email": key.value}, _same("email"))},
)

CITIES = Set(
    service="geral/cidades/",
    id_fields=("cCod",),
    listing=Listing("PesquisarCidades", _array("lista_cidades")),
    searches={
        "ibge": Search(_city_filter, lambda row, key: str(row.get("nCodIBGE") or "") == key.value),
        "name": Search(_city_filter, _city_by_name),
    },
)

SETS: Mapping[str, Set] = {
    "clients": CLIENTS,
    "sellers": SELLERS,
    "cities": CITIES,
    "companies": Set(
        "geral/empresas/", ("codigo_empresa",),
        Listing("ListarEmpresas", _array("empresas_cadastro"), param={"apenas_importado_api": "N"}),
        nouns=("empresa",), consult=Consult("ConsultarEmpresa", "codigo_empresa"),
    ),
    "accounts": Set(
        "geral/contacorrente/", ("nCodCC",),
        Listing("ListarContasCorrentes", _array("ListarContasCorrentes"), param={"apenas_importado_api": "N"}),
        nouns=("conta",), consult=Consult("ConsultarContaCorrente", "nCodCC"),
    ),
    "categories": Set("geral/categorias/", ("codigo",), Listing("ListarCategorias", _array("categoria_cadastro"))),
    "installments": Set("geral/parcelas/", ("nCodigo",), Listing("ListarParcelas", _array("cadastros"))),
    "stages": Set(
        "produtos/etapafat/", ("cCodOperacao", "cCodigo"), Listing("ListarEtapasFaturamento", _stages)
    ),
    "countries": Set(
        "geral/paises/", ("cCodigo",),
        Listing("ListarPaises", _array("lista_paises"), None, {"filtrar_por_codigo": ""}),
    ),
    "activity_types": Set(
        "geral/tpativ/", ("cCodigo",),
        Listing("ListarTipoAtiv", _array("lista_tipos_atividade"), None, {"filtrar_por_codigo": ""}),
    ),
}  # fmt: skip
"""By the names the gateway is called with."""

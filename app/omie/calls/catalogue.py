"""Products, families, services and stock: what Omie alone masters, so nothing here writes (reference 3.3-3.5, 3.9)."""

from app.core.ports import JsonObject
from app.omie.rows import (
    BY_DAY,
    BY_HOUR,
    HUNGARIAN,
    ByCode,
    Consult,
    Listing,
    Search,
    Set,
    Since,
    array,
    by_code,
    exactly,
    same,
)

PDV_TAXES = frozenset({
    "cst_icms", "modalidade_icms", "csosn_icms", "aliquota_icms", "red_base_icms", "motivo_deson_icms", "per_icms_fcp",
    "codigo_beneficio", "cst_pis", "aliquota_pis", "red_base_pis", "cst_cofins", "aliquota_cofins", "red_base_cofins",
    "cfop", "dadosIbpt",
})  # fmt: skip
"""Blank in every list that shows all products (reference 2.3); only the consult tells them."""

PRODUCTS = Set(
    service="geral/produtos/",
    id_fields=("codigo_produto",),
    nouns=("produto",),
    consult=Consult("ConsultarProduto", ("codigo_produto",)),
    listing=Listing(
        "ListarProdutos",
        array("produto_servico_cadastro"),
        # without filtrar_apenas_omiepdv "N" every product without a tax set-up for shops is hidden
        param={
            "apenas_importado_api": "N", "filtrar_apenas_omiepdv": "N", "exibir_caracteristicas": "S",
            "exibir_obs": "S", "exibir_kit": "S",
        },
        since=BY_HOUR,
        narrow={
            "family": lambda family: {"filtrar_apenas_familia": family},
            "inactive": lambda flag: {"inativo": flag},
        },
        untold=PDV_TAXES,
    ),
    by_code=ByCode("produtosPorCodigo", "codigo_produto"),
    searches={
        "code": by_code("codigo", "codigo"),
        "integration_code": by_code("codigo_produto_integracao", "codigo_produto_integracao"),
        "ean": Search(lambda key: {"ean": key.value}, exactly("ean"), every=True),
        "name": Search(lambda key: {"filtrar_apenas_descricao": key.value}, same("descricao")),
    },
)  # fmt: skip

FAMILIES = Set(
    service="geral/familias/",
    id_fields=("codigo",),
    nouns=("familia",),
    consult=Consult("ConsultarFamilia", ("codigo",)),
    listing=Listing("PesquisarFamilias", array("famCadastro"), param={"apenas_importado_api": "N"}, since=BY_DAY),
)

SERVICES = Set(
    service="servicos/servico/",
    id_fields=("intListar.nCodServ",),
    nouns=("servico",),
    consult=Consult("ConsultarCadastroServico", ("nCodServ",)),
    listing=Listing(
        "ListarCadastroServico",
        array("cadastros"),
        HUNGARIAN,
        since=Since("dAlteracaoInicial", "dAlteracaoFinal", "hAlteracaoInicial", "hAlteracaoFinal"),
        narrow={"inactive": lambda flag: {"inativo": flag}},
    ),
    searches={
        "code": Search(lambda key: {"cCodigo": key.value}, exactly("cabecalho.cCodigo")),
        "integration_code": by_code("cCodIntServ", "intListar.cCodIntServ"),
        "name": Search(lambda key: {"cDescricao": key.value}, same("cabecalho.cDescricao")),
    },
)


def _of_location(location: str) -> JsonObject:
    return {"lista_local_estoque": location}


def _of_products(products: str) -> JsonObject:
    return {"lista_produtos": [{"nCodProd": int(product)} for product in products.split(",")]}


STOCK = Set(
    service="estoque/consulta/",
    id_fields=("nCodProd", "codigo_local_estoque"),
    nouns=("posicao",),
    listing=Listing(
        "ListarPosEstoque",
        array("produtos"),
        HUNGARIAN,
        # the single location tag and the list exclude each other (fault 1073): only the list is ever sent
        param={"cExibeTodos": "N", "lista_local_estoque": "TODOS"},
        narrow={"locations": _of_location, "products": _of_products},
        today="dDataPosicao",
    ),
    searches={"product": Search(lambda key: _of_products(key.value), exactly("nCodProd"), every=True)},
)
"""One row per product and location, only what ever moved. Narrow with ids joined by commas."""

STOCK_POSITIONS = Set(
    service="estoque/consulta/",
    id_fields=("id_prod", "codigo_local_estoque"),
    nouns=("produto", "posicao"),
    consult=Consult("PosicaoEstoque", ("id_prod", "codigo_local_estoque"), today="data", anonymous=True),
)
"""One product in one location (`product.location`), or in the default one (`product`)."""

STOCK_SUMMARIES = Set(
    service="estoque/resumo/",
    id_fields=("nIdProduto",),
    nouns=("produto",),
    consult=Consult("ObterEstoqueProduto", ("nIdProduto",), today="dDia", param={"cExibirImagens": "N"}),
)
"""One product in all its locations, with forecasts and what Omie computes as available."""

STOCK_LOCATIONS = Set(
    service="estoque/local/",
    id_fields=("codigo_local_estoque",),
    nouns=("local",),
    listing=Listing("ListarLocaisEstoque", array("locaisEncontrados"), HUNGARIAN),
)

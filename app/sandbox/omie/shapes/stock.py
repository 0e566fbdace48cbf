"""Stock positions and stock locations (omie-api.md 3.9)."""

from .common import DATES, HOURS, N_PAGES

TYPES = {
    "PosicaoEstoqueRequest": "codigo_local_estoque:i id_prod:i cod_int:s60 data:s10 apenas_saldo:f",
    "ListarEstPosRequest": f"""{N_PAGES} dDataPosicao:s10 cExibeTodos:f cExibeApenasPDV:f cExibeApenasMarketplace:f
        codigo_local_estoque:i lista_local_estoque:s cTipoItem:s lista_produtos:[lista_produtos]""",
    "lista_produtos": "nCodProd:i cCodInt:s60 cCodigo:s60",
    "ObterEstoqueProdutoRequest": "nIdProduto:i cCodigo:s60 cEAN:s14 xCodigo:s dDia:s10 cExibirImagens:f",
    "local_estoque_cadastro": """codigo_local_estoque:i codigo:s60 descricao:s120 tipo:s1 padrao:f inativo:f
        codigo_cliente:i dispOrdemProducao:f dispConsumoOP:f dispRemessa:f dispVenda:f""",
    "local_estoque_list_request": f"{N_PAGES} {DATES} {HOURS}",
    # What a person types when moving stock; no call of the API has these names.
    "movimento": """product:i location:i kind:s3 quantity:d cost:d minimum:d reserved:d to:i""",
}

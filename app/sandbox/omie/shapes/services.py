"""Services (omie-api.md 3.5)."""

from .common import AUDIT, N_PAGES

_BLOCKS = """cabecalho:{servico.cabecalho} descricao:{servico.descricao} impostos:{servico.impostos}
    produtosUtilizados:{servico.produtosUtilizados} viaUnica:{servico.viaUnica} info:{servico.info}"""

TYPES = {
    "srvIncluirRequest": f"intIncluir:{{intIncluir}} {_BLOCKS}",
    "srvEditarRequest": f"intEditar:{{intEditar}} {_BLOCKS}",
    "srvListarCadastro": f"intListar:{{intEditar}} {_BLOCKS}",
    "srvChave": "cCodIntServ:s60 nCodServ:i",
    "intIncluir": "cCodIntServ:s60",
    "intEditar": "cCodIntServ:s60 nCodServ:i",
    "servico.cabecalho": """cDescricao:s120 cCodigo:s60 cIdTrib:s cCodServMun:s cCodLC116:s nIdNBS:s nPrecoUnit:d
        cCodCateg:s cTipoDesc:s nValorDesc:d nAliqDesc:d""",
    "servico.descricao": "cDescrCompleta:s",
    "servico.impostos": """nAliqISS:d cRetISS:f nAliqPIS:d cRetPIS:f nAliqCOFINS:d cRetCOFINS:f nAliqCSLL:d cRetCSLL:f
        nAliqIR:d cRetIR:f nAliqINSS:d cRetINSS:f nRedBaseINSS:d nRedBasePIS:d nRedBaseCOFINS:d lDeduzISS:b nAliqCbs:d
        cCstIbsCbs:s nAliqIbsUf:d nAliqIbsMun:d nPercReducaoIbsUf:d nPercReducaoIbsMun:d nPercReducaoCbs:d
        cClassTrib:s cIndOper:s""",
    "servico.produtosUtilizados": "cAtualizarProdutos:f produtoUtilizado:[produtoUtilizado]",
    "produtoUtilizado": "nIdItemPU:i cAcaoItemPU:s1 nCodProdutoPU:i nQtdePU:d codigo_local_estoque:i",
    "servico.viaUnica": """cUtilizaViaUnica:f cModeloNF:s cCFOP:s cClassifServico:s cTipoReceita:s
        cTipoUtilizacao:s""",
    "servico.info": f"{AUDIT} cImpAPI:s inativo:f",
    "srvListarRequest": f"""{N_PAGES} cOrdenarPor:s cOrdemDecrescente:f dInclusaoInicial:s10 dInclusaoFinal:s10
        dAlteracaoInicial:s10 dAlteracaoFinal:s10 hInclusaoInicial:s8 hInclusaoFinal:s8 hAlteracaoInicial:s8
        hAlteracaoFinal:s8 cDescricao:s cCodigo:s inativo:f cExibirProdutos:f""",
}

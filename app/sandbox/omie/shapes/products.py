"""Products and families (omie-api.md 3.3, 3.4)."""

from .common import DATES, HOURS, ORDER, PAGES

_PRODUCT = """
codigo_produto:i codigo_produto_integracao:s60 codigo:s60 descricao:s120 unidade:s6 ncm:s13 ean:s14 valor_unitario:d
codigo_familia:i tipoItem:s2 produto_variacao:f produto_lote:f variacao:s id_produto_variacao:i
recomendacoes_fiscais:{recomendacoes_fiscais} peso_liq:d peso_bruto:d altura:d largura:d profundidade:d marca:s60
modelo:s60 dias_garantia:i dias_crossdocking:i descr_detalhada:s obs_internas:s imagens:[imagens] videos:[videos]
caracteristicas:[produto.caracteristicas] tabelas_preco:[tabelas_preco] info:{info} exibir_descricao_nfe:f
exibir_descricao_pedido:f medicamento:{medicamento} combustivel:{produto.combustivel} veiculo:{veiculo}
armamento:{armamento} cst_icms:s modalidade_icms:s csosn_icms:s aliquota_icms:d red_base_icms:d motivo_deson_icms:s
per_icms_fcp:d codigo_beneficio:s cst_pis:s aliquota_pis:d red_base_pis:d cst_cofins:s aliquota_cofins:d
red_base_cofins:d cfop:s dadosIbpt:{dadosIbpt} codInt_familia:s60 descricao_familia:s bloqueado:f bloquear_exclusao:f
importado_api:f inativo:f componentes_kit:[componentes_kit] lead_time:i aliquota_ibpt:d cest:s quantidade_estoque:d
estoque_minimo:d origem_imposto:s cst_ibs_cbs:s class_trib:s aliquota_ibs_uf:d aliquota_ibs_mun:d
perc_reducao_ibs_uf:d perc_reducao_ibs_mun:d aliquota_cbs:d perc_reducao_cbs:d
"""
_KEY = "codigo_produto:i codigo_produto_integracao:s60 codigo:s60"

TYPES = {
    "produto_servico_cadastro": _PRODUCT,
    "produto_servico_cadastro_chave": _KEY,
    "produto.impostos": """cst_icms:s modalidade_icms:s csosn_icms:s aliquota_icms:d red_base_icms:d
        motivo_deson_icms:s per_icms_fcp:d codigo_beneficio:s cst_pis:s aliquota_pis:d red_base_pis:d cst_cofins:s
        aliquota_cofins:d red_base_cofins:d cfop:s dadosIbpt:{dadosIbpt} origem_imposto:s cst_ibs_cbs:s class_trib:s
        aliquota_ibs_uf:d aliquota_ibs_mun:d perc_reducao_ibs_uf:d perc_reducao_ibs_mun:d aliquota_cbs:d
        perc_reducao_cbs:d""",
    "produto.evento": """codigo_produto:i codigo_produto_integracao:s codigo:s descricao:s unidade:s ncm:s ean:s
        valor_unitario:d codigo_familia:i tipoItem:s marca:s modelo:s peso_liq:d peso_bruto:d altura:d largura:d
        profundidade:d dias_garantia:i dias_crossdocking:i descr_detalhada:s obs_internas:s inativo:f bloqueado:f
        variacao:s quantidade_estoque:d estoque_minimo:d exibir_descricao_nfe:f exibir_descricao_pedido:f""",
    "recomendacoes_fiscais": """origem_mercadoria:s1 id_preco_tabelado:i id_cest:s9 cupom_fiscal:f market_place:f
        indicador_escala:f cnpj_fabricante:s18""",
    "imagens": "url_imagem:s",
    "videos": "url_video:s",
    "produto.caracteristicas": """nCodCaract:i cCodIntCaract:s cNomeCaract:s cConteudo:s cExibirItemNF:f
        cExibirItemPedido:f cExibirOrdemProd:f""",
    "tabelas_preco": "nCodTabPreco:i cNomeTabPreco:s nValorTabPreco:d",
    "componentes_kit": """codigo_componente:i codigo_produto_componente:i quantidade_componente:d
        valor_unitario_componente:d local_estoque_componente:i""",
    # Of these four the reference names no field but the fuel's two.
    "medicamento": "",
    "veiculo": "",
    "armamento": "",
    "produto.combustivel": "codigo_anp:s descr_anp:s",
    "dadosIbpt": "",
    "produto_servico_list_request": f"""{PAGES} {ORDER} ordem_decrescente:f {DATES} {HOURS} filtrar_apenas_omiepdv:f
        filtrar_apenas_familia:s filtrar_apenas_tipo:s filtrar_apenas_descricao:s filtrar_apenas_marketplace:f
        filtrar_apenas_pdv:f exibir_caracteristicas:f exibir_tabelas_preco:f caracteristicas:[produto.caracteristicas]
        produtosPorCodigo:[produtosPorCodigo] inativo:f ncm:s ean:s ordem_descrescente:f exibir_obs:f exibir_kit:f
        exibir_info_variacoes:f""",
    "produtosPorCodigo": _KEY,
    "famCadastro": "codigo:i codInt:s60 codFamilia:s60 nomeFamilia:s120 inativo:f",
    "famCadastroChave": "codigo:i codInt:s60",
    "famPesquisaRequest": f"{PAGES} {ORDER} ordem_descrescente:f {DATES}",
}

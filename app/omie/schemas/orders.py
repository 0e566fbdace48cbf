"""Sales orders as Omie takes them (reference 3.6): allowed tags with their sizes, and what must be filled. Data.

Sizes that a second source does not give are the defaults of reference 6.18. Left out are the ids that a call's row
adds itself, what Omie fills (`total_pedido`, `infoCadastro`, numbers, flags) and deprecated tags.
"""

from app.omie.schemas import Shape, sizes

HEADER: Shape = {
    "codigo_cliente": None, "data_previsao": 10, "etapa": 2, "codigo_parcela": 3, "qtde_parcelas": None,
    "origem_pedido": 3, "codigo_cenario_impostos": None, "tipo_desconto_pedido": 1, "perc_desconto_pedido": None,
    "valor_desconto_pedido": None, "nao_gerar_boleto": 1,
}  # fmt: skip
"""`codigo_cliente_integracao` is no tag of ours: clients are named by Omie's id alone (F279)."""

ITEM_KEY: Shape = {
    "codigo_item_integracao": 60, "codigo_item": None, "simples_nacional": 1, "acao_item": 1,
    "id_ordem_producao": None,
}  # fmt: skip
"""`acao_item` "E" deletes the item (F168)."""

ITEM_PRODUCT: Shape = {
    "codigo_produto": None, "codigo": 60, "descricao": 120, "cfop": 6, "ncm": 13, "ean": 14, "unidade": 6,
    "quantidade": None, "valor_unitario": None, "codigo_tabela_preco": None, "valor_mercadoria": None,
    "tipo_desconto": 1, "percentual_desconto": None, "valor_desconto": None, "valor_deducao": None,
    "valor_icms_desonerado": None, "motivo_icms_desonerado": None, "indicador_escala": 1, "cnpj_fabricante": 20,
    "reservado": 1,
}  # fmt: skip

ITEM_MORE: Shape = {
    "peso_liquido": None, "peso_bruto": None, "numero_pedido_compra": 60, "item_pedido_compra": None,
    "dados_adicionais_item": None, "nao_movimentar_estoque": 1, "nao_gerar_financeiro": 1,
    "codigo_categoria_item": 20, "codigo_beneficio_fiscal": None, "numero_fci": None, "codigo_local_estoque": None,
    "codigo_cenario_impostos_item": None, "nao_somar_total": 1,
}  # fmt: skip


def _tags(*names: str) -> Shape:
    return dict.fromkeys(names)


TAXES: Shape = {
    "icms": _tags(
        "cod_sit_trib_icms", "origem_icms", "modalidade_icms", "perc_red_base_icms", "base_icms", "aliq_icms",
        "valor_icms", "perc_fcp_icms", "base_fcp_icms", "valor_fcp_icms",
    ),
    "icms_sn": _tags(
        "cod_sit_trib_icms_sn", "origem_icms_sn", "aliq_icms_sn", "valor_credito_icms_sn", "base_icms_sn",
        "valor_icms_sn",
    ),
    "icms_st": _tags(
        "cod_sit_trib_icms_st", "modalidade_icms_st", "perc_red_base_icms_st", "base_icms_st", "aliq_icms_st",
        "margem_icms_st", "valor_icms_st", "aliq_icms_opprop", "perc_red_base_icms_op", "cest", "perc_fcp_icms_st",
        "base_fcp_icms_st", "valor_fcp_icms_st",
    ),
    "icms_ie": _tags(
        "base_icms_uf_destino", "aliq_icms_FCP", "aliq_interna_uf_destino", "aliq_interestadual",
        "aliq_partilha_icms", "valor_fcp_icms_inter", "valor_icms_uf_dest", "valor_icms_uf_remet",
    ),
    "ipi": _tags(
        "cod_sit_trib_ipi", "tipo_calculo_ipi", "enquadramento_ipi", "base_ipi", "aliq_ipi", "qtde_unid_trib_ipi",
        "valor_unid_trib_ipi", "valor_ipi",
    ),
    "pis_padrao": _tags(
        "cod_sit_trib_pis", "tipo_calculo_pis", "base_pis", "aliq_pis", "qtde_unid_trib_pis", "valor_unid_trib_pis",
        "valor_pis",
    ),
    "pis_st": _tags(
        "cod_sit_trib_pis_st", "tipo_calculo_pis_st", "base_pis_st", "aliq_pis_st", "qtde_unid_trib_pis_st",
        "valor_unid_trib_pis_st", "valor_pis_st", "margem_pis_st",
    ),
    "cofins_padrao": _tags(
        "cod_sit_trib_cofins", "tipo_calculo_cofins", "base_cofins", "aliq_cofins", "qtde_unid_trib_cofins",
        "valor_unid_trib_cofins", "valor_cofins",
    ),
    "cofins_st": _tags(
        "cod_sit_trib_cofins_st", "tipo_calculo_cofins_st", "base_cofins_st", "aliq_cofins_st",
        "qtde_unid_trib_cofins_st", "valor_unid_trib_cofins_st", "valor_cofins_st", "margem_cofins_st",
    ),
    "inss": _tags("aliq_inss", "valor_inss"),
    "csll": _tags("aliq_csll", "valor_csll"),
    "irrf": _tags("aliq_irrf", "valor_irrf"),
    "iss": _tags("aliq_iss", "base_iss", "retem_iss", "valor_iss"),
}  # fmt: skip
"""Sent only where Ploomes owns the taxes (F197); Omie's tax scenario fills them otherwise (F165)."""

FREIGHT: Shape = {
    "codigo_transportadora": None, "modalidade": 1, "placa": 8, "placa_estado": 2, "registro_transportador": 20,
    "quantidade_volumes": None, "especie_volumes": 60, "marca_volumes": 60, "numeracao_volumes": 60,
    "peso_liquido": None, "peso_bruto": None, "valor_frete": None, "valor_seguro": None, "numero_lacre": 60,
    "outras_despesas": None, "veiculo_proprio": 1, "previsao_entrega": 10, "codigo_rastreio": None,
    "codigo_tipo_entrega": None, "link_rastreio": None,
}  # fmt: skip

DELIVERY: Shape = {
    "cNatOperacaoOd": None, "cIndicadorOd": None, "cIndicadorIntOd": None, "cCnpjIntOd": 20,
    "cIdentificadorIntOd": 60, "dDataSaidaOd": 10, "cHoraSaidaOd": 8, "cCnpjCpfOd": 20, "cNomeOd": 60,
    "cInscrEstadualOd": 20, "cEnderecoOd": 60, "cNumeroOd": 60, "cComplementoOd": 60, "cBairroOd": 60, "cEstadoOd": 2,
    "cCidadeOd": 40, "cCEPOd": 10, "cSepararEnderecoOd": 1, "cTelefoneOd": 15, "cCnpjCpfOdRet": 20, "cNomeOdRet": 60,
    "cInscrEstadualOdRet": 20, "cEnderecoOdRet": 60, "cNumeroOdRet": 60, "cComplementoOdRet": 60, "cBairroOdRet": 60,
    "cEstadoOdRet": 2, "cCidadeOdRet": 40, "cCEPOdRet": 10, "cSepararEnderecoOdRet": 1, "cTelefoneOdRet": 15,
}  # fmt: skip

MORE: Shape = {
    "codigo_categoria": 20, "codigo_conta_corrente": None, "numero_pedido_cliente": 60, "numero_contrato": 60,
    "contato": 100, "dados_adicionais_nf": None, "consumidor_final": 1, "utilizar_emails": 500, "enviar_email": 1,
    "enviar_pix": 1, "codVend": None, "codProj": None, "outros_detalhes": DELIVERY, "meio_pagamento": 2,
    "tipo_documento": None, "nsu": None,
}  # fmt: skip

INSTALMENT: Shape = {
    "numero_parcela": None, "valor": None, "percentual": None, "data_vencimento": 10, "quantidade_dias": None,
    "tipo_documento": None, "meio_pagamento": 2, "nsu": None, "nao_gerar_boleto": 1, "parcela_adiantamento": 1,
    "categoria_adiantamento": 20, "conta_corrente_adiantamento": None, "bandeira": None, "cnpj_fin": 20,
}  # fmt: skip

ORDER: Shape = {
    "cabecalho": HEADER,
    "det": {
        "ide": ITEM_KEY,
        "produto": ITEM_PRODUCT,
        "inf_adic": ITEM_MORE,
        "observacao": {"obs_item": None},
        "imposto": TAXES,
    },
    "frete": FREIGHT,
    "informacoes_adicionais": MORE,
    "lista_parcelas": {"parcela": INSTALMENT},
    "observacoes": {"obs_venda": None},
    "departamentos": {"cCodDepto": 60, "nPerc": None, "nValor": None, "nValorFixo": 1},
}
"""`lista_parcelas` goes only with `codigo_parcela` "999" (reference 5.12)."""

ORDER_CREATE: Shape = {**ORDER, "cabecalho": {**HEADER, "codigo_pedido_integracao": 60}}
"""Inclusion names our integration code."""

ORDER_REQUIRED = (
    "cabecalho.codigo_pedido_integracao", "cabecalho.codigo_cliente", "cabecalho.data_previsao", "cabecalho.etapa",
    "cabecalho.codigo_parcela", "det", "det.ide.codigo_item_integracao", "det.produto.codigo_produto",
    "det.produto.quantidade", "det.produto.valor_unitario", "informacoes_adicionais.codigo_categoria",
    "informacoes_adicionais.codigo_conta_corrente", "informacoes_adicionais.consumidor_final",
)  # fmt: skip

STAGE: Shape = {"etapa": 2}
ASSOCIATE: Shape = {"cCodIntPed": 60}
INVOICED: Shape = {"codigo_rastreio": None, "link_rastreio": None, "previsao_entrega": 10, "obs_venda": None}
"""All that may be altered in an invoiced order."""

ORDER_SIZES = sizes(ORDER_CREATE)
"""Longest text per path (`det.produto.descricao`)."""

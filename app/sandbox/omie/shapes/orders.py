"""Sales orders, their invoicing service and their stage history (omie-api.md 3.6)."""

from .common import DATES, HOURS, N_PAGES, ORDER, PAGES

KEY = "codigo_pedido:i codigo_pedido_integracao:s"

_HEAD = f"""{KEY} numero_pedido:s15 sequencial:s codigo_cliente:i codigo_cliente_integracao:s60 data_previsao:s10
    quantidade_itens:i etapa:s2 codigo_parcela:s3 qtde_parcelas:i origem_pedido:s codigo_cenario_impostos:i
    bloqueado:f importado_api:f codigo_empresa:i codigo_empresa_integracao:s tipo_desconto_pedido:s1
    perc_desconto_pedido:d valor_desconto_pedido:d encerrado:f enc_motivo:s enc_data:s enc_hora:s enc_user:s
    nao_gerar_boleto:f"""

_TAXES = {
    "icms": """cod_sit_trib_icms:s origem_icms:s modalidade_icms:s perc_red_base_icms:d base_icms:d aliq_icms:d
        valor_icms:d perc_fcp_icms:d base_fcp_icms:d valor_fcp_icms:d""",
    "icms_sn": """cod_sit_trib_icms_sn:s origem_icms_sn:s aliq_icms_sn:d valor_credito_icms_sn:d base_icms_sn:d
        valor_icms_sn:d""",
    "icms_st": """cod_sit_trib_icms_st:s modalidade_icms_st:s perc_red_base_icms_st:d base_icms_st:d aliq_icms_st:d
        margem_icms_st:d valor_icms_st:d aliq_icms_opprop:d perc_red_base_icms_op:d cest:s perc_fcp_icms_st:d
        base_fcp_icms_st:d valor_fcp_icms_st:d""",
    "icms_ie": """base_icms_uf_destino:d aliq_icms_FCP:d aliq_interna_uf_destino:d aliq_interestadual:d
        aliq_partilha_icms:d valor_fcp_icms_inter:d valor_icms_uf_dest:d valor_icms_uf_remet:d""",
    "ipi": """cod_sit_trib_ipi:s tipo_calculo_ipi:s enquadramento_ipi:s base_ipi:d aliq_ipi:d qtde_unid_trib_ipi:d
        valor_unid_trib_ipi:d valor_ipi:d""",
    "pis_padrao": """cod_sit_trib_pis:s tipo_calculo_pis:s base_pis:d aliq_pis:d qtde_unid_trib_pis:d
        valor_unid_trib_pis:d valor_pis:d""",
    "pis_st": """cod_sit_trib_pis_st:s tipo_calculo_pis_st:s base_pis_st:d aliq_pis_st:d qtde_unid_trib_pis_st:d
        valor_unid_trib_pis_st:d valor_pis_st:d margem_pis_st:d""",
    "cofins_padrao": """cod_sit_trib_cofins:s tipo_calculo_cofins:s base_cofins:d aliq_cofins:d
        qtde_unid_trib_cofins:d valor_unid_trib_cofins:d valor_cofins:d""",
    "cofins_st": """cod_sit_trib_cofins_st:s tipo_calculo_cofins_st:s base_cofins_st:d aliq_cofins_st:d
        qtde_unid_trib_cofins_st:d valor_unid_trib_cofins_st:d valor_cofins_st:d margem_cofins_st:d""",
    "inss": "aliq_inss:d valor_inss:d",
    "csll": "aliq_csll:d valor_csll:d",
    "irrf": "aliq_irrf:d valor_irrf:d",
    "iss": "aliq_iss:d base_iss:d retem_iss:f valor_iss:d",
    "ibs_cbs": "cst_ibs_cbs:s class_trib:s base_ibs_cbs:d",
}
# Of these the reference names no field.
_UNDESCRIBED = ("icms_efet", "ibs", "cbs", "trib_reg", "lancamentos", "agropecuario", "nfRelacionada", "icms_retido")

_DELIVERY = """cNatOperacaoOd:s cIndicadorOd:s cIndicadorIntOd:s cCnpjIntOd:s cIdentificadorIntOd:s dDataSaidaOd:s10
    cHoraSaidaOd:s cCnpjCpfOd:s cNomeOd:s cInscrEstadualOd:s cEnderecoOd:s cNumeroOd:s cComplementoOd:s cBairroOd:s
    cEstadoOd:s cCidadeOd:s cCEPOd:s cSepararEnderecoOd:s cTelefoneOd:s cCnpjCpfOdRet:s cNomeOdRet:s
    cInscrEstadualOdRet:s cEnderecoOdRet:s cNumeroOdRet:s cComplementoOdRet:s cBairroOdRet:s cEstadoOdRet:s
    cCidadeOdRet:s cCEPOdRet:s cSepararEnderecoOdRet:s cTelefoneOdRet:s"""

TYPES = {
    "pedido_venda_produto": """cabecalho:{cabecalho} det:[det] informacoes_adicionais:{informacoes_adicionais}
        frete:{frete} lista_parcelas:{lista_parcelas} observacoes:{observacoes} departamentos:[departamentos]
        market_place:{market_place} exportacao:{exportacao} lancamentos:{lancamentos} agropecuario:{agropecuario}
        total_pedido:{total_pedido} infoCadastro:{infoCadastro}""",
    "cabecalho": _HEAD,
    "det": """ide:{ide} produto:{produto} inf_adic:{inf_adic} observacao:{observacao} tributavel:{tributavel}
        rastreabilidade:{rastreabilidade} lote_validade:[lote_validade] combustivel:{item.combustivel}
        imposto:{imposto}""",
    "ide": """codigo_item_integracao:s codigo_item:i simples_nacional:f acao_item:s1 id_ordem_producao:i
        regra_impostos:i""",
    "produto": """codigo_produto:i codigo_produto_integracao:s60 codigo:s60 descricao:s120 cfop:s ncm:s13 ean:s14
        unidade:s6 quantidade:d valor_unitario:d codigo_tabela_preco:i valor_mercadoria:d tipo_desconto:s1
        percentual_desconto:d valor_desconto:d valor_deducao:d valor_icms_desonerado:d motivo_icms_desonerado:s
        valor_total:d indicador_escala:f cnpj_fabricante:s kit:f componente_kit:f codigo_item_kit:i reservado:f""",
    "inf_adic": """peso_liquido:d peso_bruto:d numero_pedido_compra:s item_pedido_compra:i dados_adicionais_item:s
        nao_movimentar_estoque:f nao_gerar_financeiro:f codigo_categoria_item:s codigo_beneficio_fiscal:s numero_fci:s
        codigo_local_estoque:i codigo_cenario_impostos_item:i nao_somar_total:f""",
    "observacao": "obs_item:s",
    "tributavel": "cUnidTrib:s nQuantTrib:d nValorTrib:d cEanTrib:s",
    "rastreabilidade": """numeroLote:s qtdeProdutoLote:d dataFabricacaoLote:s dataValidadeLote:s
        codigoAgregacaoLote:s""",
    "lote_validade": "nIdLote:i nQtdLote:d",
    "item.combustivel": "",
    "imposto": " ".join(f"{name}:{{{name}}}" for name in (*_TAXES, "icms_efet", "ibs", "cbs", "trib_reg")),
    **_TAXES,
    **dict.fromkeys(_UNDESCRIBED, ""),
    "frete": """codigo_transportadora:i codigo_transportadora_integracao:s60 modalidade:s1 placa:s placa_estado:s2
        registro_transportador:s quantidade_volumes:i especie_volumes:s marca_volumes:s numeracao_volumes:s
        peso_liquido:d peso_bruto:d valor_frete:d valor_seguro:d numero_lacre:s outras_despesas:d veiculo_proprio:f
        previsao_entrega:s10 codigo_rastreio:s icms_retido:{icms_retido} codigo_tipo_entrega:i link_rastreio:s""",
    "informacoes_adicionais": """codigo_categoria:s codigo_conta_corrente:i numero_pedido_cliente:s60 numero_contrato:s
        contato:s100 dados_adicionais_nf:s consumidor_final:f utilizar_emails:s enviar_email:f enviar_pix:f codVend:i
        codProj:i outros_detalhes:{outros_detalhes} impostos_embutidos:f meio_pagamento:s2 descr_meio_pagamento:s
        tipo_documento:s nfRelacionada:{nfRelacionada} nsu:s""",
    "outros_detalhes": _DELIVERY,
    "lista_parcelas": "parcela:[parcela]",
    "parcela": """numero_parcela:i valor:d percentual:d data_vencimento:s10 quantidade_dias:i tipo_documento:s
        meio_pagamento:s2 descr_meio_pagamento:s nsu:s nao_gerar_boleto:f parcela_adiantamento:f
        categoria_adiantamento:s conta_corrente_adiantamento:i bandeira:s cnpj_fin:s""",
    "observacoes": "obs_venda:s",
    "departamentos": "cCodDepto:s nPerc:d nValor:d nValorFixo:s",
    "market_place": "nTaxa:d nEnvio:d",
    "exportacao": "nao_exportacao:f local_embarque:s uf_embarque:s local_despacho:s",
    "total_pedido": """base_calculo_icms:d base_calculo_st:d valor_pis:d valor_cofins:d valor_csll:d valor_icms:d
        valor_st:d valor_inss:d valor_IPI:d valor_ir:d valor_iss:d valor_deducoes:d valor_descontos:d
        valor_mercadorias:d valor_total_pedido:d base_ibs_cbs:d valor_dif_ibs_uf:d valor_ibs_uf:d valor_dif_ibs_mu:d
        valor_ibs_mu:d valor_ibs:d valor_dif_cbs:d valor_cbs:d valor_tot_ibs_cbs_is:d""",
    "infoCadastro": "cancelado:f faturado:f denegado:f autorizado:f devolvido:f devolvido_parcial:f cImpAPI:f",
    "pvpConsultarRequest": f"{KEY} numero_pedido:s15",
    "pvpExcluirRequest": KEY,
    "pvpTrocarEtapaRequest": f"{KEY} numero_pedido:s15 etapa:s2",
    "pvpAlterarPedFaturadoRequest": f"{KEY} codigo_rastreio:s link_rastreio:s previsao_entrega:s10 obs_venda:s",
    "pvpDevolverRequest": f"{KEY} itens:[itens]",
    "itens": "codigo_produto:i quantidade:d",
    "pvpListarRequest": f"""{PAGES} {ORDER} {DATES} {HOURS} filtrar_por_cliente:i filtrar_por_vendedor:i
        filtrar_por_projeto:i etapa:s numero_pedido_de:i numero_pedido_ate:i apenas_resumo:f data_previsao_de:s10
        data_previsao_ate:s10 data_faturamento_de:s10 data_faturamento_ate:s10 data_emissao_de:s10
        data_emissao_ate:s10 data_cancelamento_de:s10 data_cancelamento_ate:s10 status_pedido:s ordem_descrescente:f""",
    "pedidovendafat_chave": "nCodPed:i cCodIntPed:s",
    "ObterPedidosVendaRequest": "cEtapa:s",
    "pedidoetapas_list_request": f"""{N_PAGES} dDtInicial:s10 dDtFinal:s10 cHrInicial:s8 cHrFinal:s8 nCodPed:i
        cCodIntPed:s cEtapa:s""",
}

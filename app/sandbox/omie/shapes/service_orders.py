"""Service orders and their invoicing service (omie-api.md 3.8)."""

from .common import DATES, ORDER, PAGES

KEY = "cCodIntOS:s nCodOS:i"

_TAXES = """cFixarISS:f nAliqISS:d nBaseISS:d nTotDeducao:d nValorDeducao:d nValorISS:d cUtilizaValorImposto:s
    cFixarIRRF:f nAliqIRRF:d nValorIRRF:d nValorDeducaoIRRF:d cRetemIRRF:f cFixarPIS:f nAliqPIS:d nValorPIS:d
    cRetemPIS:f cFixarCOFINS:f nAliqCOFINS:d nValorCOFINS:d cRetemCOFINS:f cFixarCSLL:f nAliqCSLL:d nValorCSLL:d
    cRetemCSLL:f cFixarINSS:f nAliqINSS:d nValorINSS:d cRetemINSS:f nAliqRedBaseINSS:d nAliqRedBaseCOFINS:d
    nAliqRedBasePIS:d lDeduzISS:b cCST:s cClassTrib:s nAliqIbsUf:d nAliqIbsMun:d nPercReducaoIbsUf:d
    nPercReducaoIbsMun:d nAliqCbs:d nPercReducaoCbs:d cIndOPer:s nValorIbsUf:d nValorIbsMun:d nValorCbs:d cManCbs:s
    cManIbsMun:s cManIbsUf:s nBaseCalcIbsCbs:d"""

TYPES = {
    "osCadastro": """Cabecalho:{Cabecalho} InformacoesAdicionais:{InformacoesAdicionais} Email:{Email}
        Departamentos:[departamentos] ServicosPrestados:[ServicosPrestados] Parcelas:[Parcelas]
        Observacoes:{Observacoes} InfoCadastro:{InfoCadastro} despesasReembolsaveis:{despesasReembolsaveis}
        produtosUtilizados:{os.produtosUtilizados} Tarefas:[Tarefas]""",
    "Cabecalho": f"""{KEY} cNumOS:s15 cCodIntCli:s60 nCodCli:i dDtPrevisao:s10 cEtapa:s2 nCodVend:i nQtdeParc:i
        cCodParc:s3 cDescParc:s nValorTotal:d nValorTotalImpRet:d nCodCtr:i""",
    "InformacoesAdicionais": """cCodCateg:s nCodCC:i cNumPedido:s cNumContrato:s cContato:s cDadosAdicNF:s cCodObra:s
        cCodART:s nCodProj:i cCidPrestServ:s dDataRps:s10 cNumRecibo:s cUsoConsumo:f nIdDestinatario:i
        DetalhesNfse:{DetalhesNfse}""",
    # Of these the reference names no field.
    "DetalhesNfse": "",
    "DeducoesIss": "",
    "despesasReembolsaveis": "",
    "os.produtosUtilizados": "",
    "Tarefas": "",
    "Email": "cEnvRecibo:f cEnvLink:f cEnvBoleto:f cEnvPix:f cEnviarPara:s cEnvViaUnica:f",
    "ServicosPrestados": """nCodServico:i cCodIntServico:s60 cTribServ:s cCodServMun:s cCodServLC116:s nQtde:d
        nValUnit:d cTpDesconto:s1 nValorDesconto:d nAliqDesconto:d nValorOutrasRetencoes:d nValorAcrescimos:d
        cDescServ:s cRetemISS:f cDadosAdicItem:s cNbs:s impostos:{os.impostos} DeducoesIss:[DeducoesIss]
        cNaoGerarFinanceiro:f cCodCategItem:s nSeqItem:i nIdItem:i cAcaoItem:s1 viaUnica:{servico.viaUnica}
        cReembolso:f cCodigo:s60""",
    "os.impostos": _TAXES,
    "Parcelas": """nParcela:i dDtVenc:s10 nValor:d nPercentual:d nDias:i tipo_documento:s meio_pagamento:s2 nsu:s
        nao_gerar_boleto:f parcela_adiantamento:f categoria_adiantamento:s conta_corrente_adiantamento:i""",
    "Observacoes": "cObsOS:s",
    "InfoCadastro": """cCancelada:f cFaturada:f cAmbiente:s dDtInc:s cHrInc:s uInc:s dDtAlt:s cHrAlt:s uAlt:s dDtFat:s
        cHrFat:s dDtCanc:s cHrCanc:s cOrigem:s""",
    "osChave": f"{KEY} cNumOS:s15",
    "osConsultarRequest": f"{KEY} cNumOS:s15 cIncluirTarefas:f",
    "osTrocarEtapaRequest": f"{KEY} cNumOS:s15 cEtapa:s2",
    "osStatusRequest": f"{KEY} lPdfDemo:b lPdfDest:b lRps:b lPdfRecibo:b lMsg:b",
    "osListarRequest": f"""{PAGES} {ORDER} ordem_decrescente:f {DATES} filtrar_por_codigo:[filtrar_por_codigo]
        filtrar_por_status:s1 filtrar_por_etapa:s2 filtrar_por_cliente:i filtrar_por_data_previsao_de:s10
        filtrar_por_data_previsao_ate:s10 filtrar_por_data_faturamento_de:s10 filtrar_por_data_faturamento_ate:s10
        filtrar_por_data_cancelamento_de:s10 filtrar_por_data_cancelamento_ate:s10 ordem_descrescente:f
        cExibirDespesas:f cExibirProdutos:f cTipoFat:s""",
    "filtrar_por_codigo": KEY,
    "osp_chave": KEY,
    "ospCancelarRequest": f"{KEY} cCancelarNfse:f",
}

"""Service orders as Omie takes them (reference 3.8): allowed tags with their sizes, and what must be filled. Data.

Sizes that a second source does not give are the defaults of reference 6.18. Left out are the ids that a call's row
adds itself and what Omie fills (`InfoCadastro`, numbers, totals).
"""

from app.omie.schemas import Shape, sizes

HEADER: Shape = {
    "nCodCli": None, "dDtPrevisao": 10, "cEtapa": 2, "nCodVend": None, "nQtdeParc": None, "cCodParc": 3,
    "nCodCtr": None,
}  # fmt: skip
"""`cCodIntCli` is no tag of ours: clients are named by Omie's id alone (F279)."""

MORE: Shape = {
    "cCodCateg": 20, "nCodCC": None, "cNumPedido": 60, "cNumContrato": 60, "cContato": 100, "cDadosAdicNF": None,
    "cCodObra": None, "cCodART": None, "nCodProj": None, "cCidPrestServ": 40, "dDataRps": 10, "cNumRecibo": None,
    "cUsoConsumo": 1, "nIdDestinatario": None,
}  # fmt: skip

EMAIL: Shape = {
    "cEnvRecibo": 1, "cEnvLink": 1, "cEnvBoleto": 1, "cEnvPix": 1, "cEnviarPara": 500, "cEnvViaUnica": 1,
}  # fmt: skip

ITEM_TAXES: Shape = dict.fromkeys((
    "cFixarISS", "nAliqISS", "nBaseISS", "nTotDeducao", "nValorDeducao", "nValorISS", "cUtilizaValorImposto",
    "cFixarIRRF", "nAliqIRRF", "nValorIRRF", "nValorDeducaoIRRF", "cRetemIRRF", "cFixarPIS", "nAliqPIS", "nValorPIS",
    "cRetemPIS", "cFixarCOFINS", "nAliqCOFINS", "nValorCOFINS", "cRetemCOFINS", "cFixarCSLL", "nAliqCSLL",
    "nValorCSLL", "cRetemCSLL", "cFixarINSS", "nAliqINSS", "nValorINSS", "cRetemINSS", "nAliqRedBaseINSS",
    "nAliqRedBaseCOFINS", "nAliqRedBasePIS", "lDeduzISS",
))  # fmt: skip

SERVICE: Shape = {
    "nCodServico": None, "cTribServ": None, "cCodServMun": None, "cCodServLC116": None, "nQtde": None,
    "nValUnit": None, "cTpDesconto": 1, "nValorDesconto": None, "nAliqDesconto": None, "nValorOutrasRetencoes": None,
    "nValorAcrescimos": None, "cDescServ": None, "cRetemISS": 1, "cDadosAdicItem": None, "cNbs": None,
    "impostos": ITEM_TAXES, "cNaoGerarFinanceiro": 1, "cCodCategItem": 20, "nSeqItem": None, "nIdItem": None,
    "cAcaoItem": 1, "cReembolso": 1,
}  # fmt: skip
"""`cAcaoItem`: A alters, E deletes, I includes."""

INSTALMENT: Shape = {
    "nParcela": None, "dDtVenc": 10, "nValor": None, "nPercentual": None, "nDias": None, "tipo_documento": None,
    "meio_pagamento": 2, "nsu": None, "nao_gerar_boleto": 1, "parcela_adiantamento": 1, "categoria_adiantamento": 20,
    "conta_corrente_adiantamento": None,
}  # fmt: skip

SERVICE_ORDER: Shape = {
    "Cabecalho": HEADER,
    "InformacoesAdicionais": MORE,
    "Email": EMAIL,
    "Departamentos": {"cCodDepto": 60, "nPerc": None, "nValor": None, "nValorFixo": 1},
    "ServicosPrestados": SERVICE,
    "Parcelas": INSTALMENT,
    "Observacoes": {"cObsOS": None},
}

SERVICE_ORDER_CREATE: Shape = {**SERVICE_ORDER, "Cabecalho": {**HEADER, "cCodIntOS": 60}}
"""Inclusion names our integration code."""

SERVICE_ORDER_REQUIRED = (
    "Cabecalho.cCodIntOS", "Cabecalho.nCodCli", "Cabecalho.dDtPrevisao", "Cabecalho.cEtapa", "Cabecalho.cCodParc",
    "InformacoesAdicionais.cCodCateg", "InformacoesAdicionais.nCodCC", "InformacoesAdicionais.cCidPrestServ",
    "ServicosPrestados", "ServicosPrestados.nQtde",
)  # fmt: skip

STAGE: Shape = {"cEtapa": 2}
ASSOCIATE: Shape = {"cCodIntOS": 60}

SERVICE_ORDER_SIZES = sizes(SERVICE_ORDER_CREATE)
"""Longest text per path."""

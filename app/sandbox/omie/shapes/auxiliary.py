"""Bank accounts, projects, categories, departments, instalments and client characteristics (omie-api.md 3.1, 3.10)."""

from .common import ORDER, PAGES

TYPES = {
    "fin_conta_corrente_cadastro": """nCodCC:i cCodCCInt:s20 descricao:s tipo_conta_corrente:s2 codigo_banco:s3
        codigo_agencia:s numero_conta_corrente:s saldo_inicial:d saldo_data:s10 valor_limite:d inativo:f pix_sn:f
        bol_sn:f cobr_sn:f data_inc:s hora_inc:s user_inc:s data_alt:s hora_alt:s user_alt:s""",
    "fin_conta_corrente_chave": "nCodCC:i cCodCCInt:s20",
    "projeto_cadastro": "codigo:i codInt:s60 nome:s120 inativo:f info:{info}",
    "projeto_chave": "codigo:i codInt:s60",
    "projeto_list_request": f"{PAGES} {ORDER} ordem_descrescente:f nome_projeto:s",
    "departamento_cadastro": "codigo:s descricao:s120 estrutura:s inativo:f nivel_totalizador:s",
    "departamento_chave": "codigo:s",
    "categoria_cadastro": """codigo:s descricao:s120 descricao_padrao:s tipo_categoria:s conta_inativa:f
        definida_pelo_usuario:f conta_despesa:f conta_receita:f nao_exibir:f natureza:s totalizadora:f transferencia:f
        codigo_dre:s categoria_superior:s dadosDRE:{dadosDRE}""",
    "dadosDRE": "",
    "parcela_incluir_request": "cParcela:s",
    "caracteristicas_request": "codigo_cliente_omie:i codigo_cliente_integracao:s60 campo:s30 conteudo:s60",
}

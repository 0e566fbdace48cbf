"""Clients, their tags, and sellers (omie-api.md 3.1, 3.2, 3.7)."""

from .common import DATES, HOURS, PAGES

_CLIENT = """
codigo_cliente_omie:i codigo_cliente_integracao:s60 razao_social:s60 cnpj_cpf:s20 nome_fantasia:s100
telefone1_ddd:s5 telefone1_numero:s15 contato:s100 endereco:s60 endereco_numero:s60 bairro:s60 complemento:s60
estado:s2 cidade:s40 cep:s10 codigo_pais:s4 separar_endereco:f pesquisar_cep:f telefone2_ddd:s5 telefone2_numero:s15
fax_ddd:s5 fax_numero:s15 email:s500 homepage:s100 inscricao_estadual:s20 inscricao_municipal:s20
inscricao_suframa:s20 optante_simples_nacional:f tipo_atividade:s1 cnae:s7 produtor_rural:f contribuinte:f
observacao:s obs_detalhadas:s recomendacao_atraso:s tags:[tags] pessoa_fisica:f exterior:f logradouro:s
importado_api:f bloqueado:f cidade_ibge:s7 valor_limite_credito:d bloquear_faturamento:f
recomendacoes:{recomendacoes} enderecoEntrega:{enderecoEntrega} nif:s100 documento_exterior:s20 inativo:f
dadosBancarios:{dadosBancarios} caracteristicas:[caracteristicas] enviar_anexos:f info:{info} bloquear_exclusao:f
"""
_KEY = "codigo_cliente_omie:i codigo_cliente_integracao:s60"

TYPES = {
    "clientes_cadastro": _CLIENT,
    "clientes_cadastro_chave": _KEY,
    "clientes_list_request": f"""{PAGES} apenas_importado_api:f ordenar_por:s ordem_decrescente:f {DATES} {HOURS}
        clientesFiltro:{{clientesFiltro}} clientesPorCodigo:[clientesPorCodigo] exibir_caracteristicas:f exibir_obs:f
        ordem_descrescente:f""",
    "clientesFiltro": """codigo_cliente_omie:i codigo_cliente_integracao:s razao_social:s nome_fantasia:s cnpj_cpf:s
        inativo:f tags:[tags] estado:s cidade:s email:s bairro:s cep:s endereco:s contato:s homepage:s
        inscricao_estadual:s inscricao_municipal:s inscricao_suframa:s pessoa_fisica:f optante_simples_nacional:f""",
    "clientesPorCodigo": _KEY,
    "tags": "tag:s",
    "recomendacoes": """numero_parcelas:s3 codigo_vendedor:i email_fatura:s200 gerar_boletos:f
        codigo_transportadora:i tipo_assinante:s1""",
    "enderecoEntrega": """entRazaoSocial:s60 entCnpjCpf:s20 entEndereco:s60 entNumero:s60 entComplemento:s60
        entBairro:s60 entCEP:s9 entEstado:s2 entCidade:s40 entSepararEndereco:f entTelefone:s15 entIE:s14""",
    "dadosBancarios": """codigo_banco:s3 agencia:s10 conta_corrente:s25 doc_titular:s20 nome_titular:s60
        transf_padrao:f cChavePix:s60""",
    "caracteristicas": "campo:s30 conteudo:s60",
    "info": "dInc:s hInc:s uInc:s dAlt:s hAlt:s uAlt:s cImpAPI:s",
    "clientetag_request": "nCodCliente:i cCodIntCliente:s60 tags:[tags]",
    "vendedores_cadastro": """codigo:i codInt:s60 nome:s100 inativo:f email:s200 fatura_pedido:f visualiza_pedido:f
        comissao:d""",
    "vendedores_cadastro_chave": "codigo:i codInt:s60",
    "vendedores_list_request": f"""{PAGES} apenas_importado_api:f ordenar_por:s ordem_descrescente:f {DATES}
        filtrar_por_email:s filtrar_por_nome:s""",
}

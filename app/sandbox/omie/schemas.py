"""Omie's complex types as tables, and the check of a param against them (omie-api.md 3 and fault 5001)."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ..wire import Row
from . import faults

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
_PAGES = "pagina:i registros_por_pagina:i"
_DATES = "filtrar_por_data_de:s10 filtrar_por_data_ate:s10 filtrar_apenas_inclusao:f filtrar_apenas_alteracao:f"
_HOURS = "filtrar_por_hora_de:s8 filtrar_por_hora_ate:s8"
_KEY = "codigo_cliente_omie:i codigo_cliente_integracao:s60"

#: Type names of requests that the reference does not quote are ours; those it quotes are Omie's.
_TYPES = {
    "clientes_cadastro": _CLIENT,
    "clientes_cadastro_chave": _KEY,
    "clientes_list_request": f"""{_PAGES} apenas_importado_api:f ordenar_por:s ordem_decrescente:f {_DATES} {_HOURS}
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
    "vendedores_list_request": f"""{_PAGES} apenas_importado_api:f ordenar_por:s ordem_descrescente:f {_DATES}
        filtrar_por_email:s filtrar_por_nome:s""",
}


@dataclass(frozen=True)
class Tag:
    """One field: kind `s` text, `i` integer, `d` decimal, `f` S/N flag, `{` object or `[` array of `complex_type`."""

    kind: str
    size: int | None = None
    complex_type: str = ""


@lru_cache
def tags_of(complex_type: str) -> dict[str, Tag]:
    """The fields of a complex type in their documented order."""
    return parse_tags(_TYPES[complex_type])


def parse_tags(spec: str) -> dict[str, Tag]:
    """Reads the notation of the tables above."""
    tags: dict[str, Tag] = {}
    for word in spec.split():
        name, kind = word.split(":", 1)
        if kind[0] in "{[":
            tags[name] = Tag(kind[0], None, kind.strip("{}[]"))
        else:
            tags[name] = Tag(kind[0], int(kind[1:]) if kind[1:] else None)
    return tags


def check(complex_type: str, param: Row, tags: dict[str, Tag] | None = None) -> Row:
    """The param with its values in their proper kinds; raises Fault for what does not belong to the type."""
    known = tags if tags is not None else tags_of(complex_type)
    for name in param:
        if name not in known:
            raise faults.unknown_tag(name, complex_type)
    return {name: _value(name, known[name], value) for name, value in param.items()}


def _value(name: str, tag: Tag, value: Any) -> Any:
    if tag.kind == "[":
        return _array(name, tag, value)
    if tag.kind == "{":
        if value in (None, ""):
            return {}
        if not isinstance(value, dict):
            raise faults.invalid(name, f"um objeto do tipo complexo [{tag.complex_type}]")
        return check(tag.complex_type, value)
    if isinstance(value, (dict, list, bool)):
        raise faults.invalid(name, "um valor simples")
    return _SCALARS[tag.kind](name, tag, value)


def _array(name: str, tag: Tag, value: Any) -> list[Row]:
    if value in (None, ""):
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise faults.Fault(f"ERROR: O elemento [{name}] deve ser uma lista de [{tag.complex_type}] !", 1000)
    return [check(tag.complex_type, item) for item in value]


def _text(name: str, tag: Tag, value: Any) -> str:
    text = "" if value is None else str(value).strip()
    if tag.size is not None and len(text) > tag.size:
        raise faults.too_long(name, tag.size)
    return text


def _integer(name: str, _tag: Tag, value: Any) -> int:
    if value in (None, ""):
        return 0
    if not re.fullmatch(r"-?\d+", str(value).strip()):
        raise faults.invalid(name, "um número inteiro")
    return int(value)


def _decimal(name: str, _tag: Tag, value: Any) -> Decimal:
    if value in (None, ""):
        return Decimal(0)
    if not re.fullmatch(r"-?\d+(\.\d+)?", str(value).strip()):
        raise faults.invalid(name, "um número decimal")
    return Decimal(str(value))


def _flag(name: str, _tag: Tag, value: Any) -> str:
    text = "" if value is None else str(value).strip()
    if text not in ("S", "N", ""):
        raise faults.invalid(name, "S ou N")
    return text


_SCALARS = {"s": _text, "i": _integer, "d": _decimal, "f": _flag}

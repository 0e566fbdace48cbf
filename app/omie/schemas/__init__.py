"""Records and requests as Omie spells them: allowed tags, sizes, what every text passes through. Data and pure checks.

Clients are here, `orders` and `service_orders` have modules of their own.
Facts: Omie API reference 2.4 (formats), 3.1 (client fields and sizes), 3.2, 3.7, 5 (unknown tag refuses the call).
Records read from Omie are plain dictionaries: unknown fields are kept.
"""

import html
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.core.ports import JsonObject

OMIE_TIME = ZoneInfo("America/Sao_Paulo")
"""What Omie's dates and hours are told in, for every company (reference 6.25)."""

Shape = Mapping[str, Any]
"""Allowed tags of an object: a size (None = no limit known), or the shape of a nested object or list row."""

ADDRESS: Shape = {
    "entRazaoSocial": 60, "entCnpjCpf": 20, "entEndereco": 60, "entNumero": 60, "entComplemento": 60,
    "entBairro": 60, "entCEP": 9, "entEstado": 2, "entCidade": 40, "entSepararEndereco": 1, "entTelefone": 15,
    "entIE": 14,
}  # fmt: skip
RECOMMENDATIONS: Shape = {
    "numero_parcelas": 3, "codigo_vendedor": None, "email_fatura": 200, "gerar_boletos": 1,
    "codigo_transportadora": None, "tipo_assinante": 1,
}  # fmt: skip
BANK: Shape = {
    "codigo_banco": 3, "agencia": 10, "conta_corrente": 25, "doc_titular": 20, "nome_titular": 60,
    "transf_padrao": 1, "cChavePix": 60,
}  # fmt: skip
TAG: Shape = {"tag": None}
CHARACTERISTIC: Shape = {"campo": 30, "conteudo": 60}

CLIENT: Shape = {
    "razao_social": 60, "cnpj_cpf": 20, "nome_fantasia": 100, "telefone1_ddd": 5, "telefone1_numero": 15,
    "contato": 100, "endereco": 60, "endereco_numero": 60, "bairro": 60, "complemento": 60, "estado": 2,
    "cidade": 40, "cep": 10, "codigo_pais": 4, "separar_endereco": 1, "pesquisar_cep": 1, "telefone2_ddd": 5,
    "telefone2_numero": 15, "fax_ddd": 5, "fax_numero": 15, "email": 500, "homepage": 100,
    "inscricao_estadual": 20, "inscricao_municipal": 20, "inscricao_suframa": 20, "optante_simples_nacional": 1,
    "tipo_atividade": 1, "cnae": 7, "produtor_rural": 1, "contribuinte": 1, "observacao": None,
    "obs_detalhadas": None, "recomendacao_atraso": None, "tags": TAG, "cidade_ibge": 7,
    "valor_limite_credito": None, "bloquear_faturamento": 1, "recomendacoes": RECOMMENDATIONS,
    "enderecoEntrega": ADDRESS, "nif": 100, "documento_exterior": 20, "inativo": 1, "dadosBancarios": BANK,
    "caracteristicas": CHARACTERISTIC, "enviar_anexos": 1, "bloquear_exclusao": 1,
}  # fmt: skip
"""Tags of `clientes_cadastro` we may send. Left out: both ids (added by the call's row) and what Omie fills itself."""

CLIENT_CREATE: Shape = {**CLIENT, "codigo_cliente_integracao": 60}
"""Inclusion names our integration code; `codigo_cliente_omie` is refused there."""

ASSOCIATE: Shape = {"codigo_cliente_integracao": 60}
TAG_LIST: Shape = {"tags": TAG}
NOTHING: Shape = {}


def sizes(shape: Shape, prefix: str = "") -> dict[str, int]:
    """Longest text per dotted path of a shape."""
    found: dict[str, int] = {}
    for name, size in shape.items():
        if isinstance(size, int):
            found[prefix + name] = size
        elif isinstance(size, Mapping):
            found |= sizes(size, f"{prefix}{name}.")
    return found


SIZES: dict[str, int] = sizes(CLIENT_CREATE)
"""Longest text per client field, nested ones as `enderecoEntrega.entCEP`; one character more refuses the whole call."""


def clamp(path: str, text: str) -> str:
    """`text` cut to what Omie takes at a client field path."""
    size = SIZES.get(path)
    return text if size is None else text[:size].rstrip()


def refusal(shape: Shape, body: Mapping[str, Any], prefix: str = "") -> tuple[str, str] | None:
    """What Omie would refuse in a body, checked before it costs an error: `(tag, reason in Portuguese)`, or None."""
    for name, value in body.items():
        path = prefix + name
        if name not in shape:
            return path, f"A tag {path} não faz parte dos campos que esta chamada do Omie aceita."
        rule = shape[name]
        if isinstance(rule, Mapping):
            rows = value if isinstance(value, list) else [value]
            for row in rows:
                if not isinstance(row, Mapping):
                    return path, f"A tag {path} deve ser um objeto."
                problem = refusal(rule, row, f"{path}.")
                if problem:
                    return problem
        elif isinstance(value, Mapping | list):
            return path, f"A tag {path} deve ter um valor simples."
        elif isinstance(rule, int) and value is not None and len(str(value)) > rule:
            return path, f"O campo {path} aceita no máximo {rule} caracteres no Omie."
    return None


def missing(required: Sequence[str], body: Mapping[str, Any]) -> str | None:
    """The first required path that a body leaves empty, in any row of a list on the way; None when all are filled."""
    return next((path for path in required if not _filled(body, path.split("."))), None)


def _filled(value: Any, path: Sequence[str]) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_filled(row, path) for row in value)
    if not path:
        return value not in (None, "", {})
    return isinstance(value, Mapping) and _filled(value.get(path[0]), path[1:])


def moment(day: Any, hour: Any = None) -> datetime | None:
    """An instant from Omie's date and hour texts, which are Brasília time (reference 2.4); None where there is none."""
    try:
        return datetime.strptime(f"{day or ''} {hour or '00:00:00'}", "%d/%m/%Y %H:%M:%S").replace(tzinfo=OMIE_TIME)
    except ValueError:
        return None


_APOSTROPHE = re.compile(r"['\"]?\s*\+\s*Chr\(39\)\s*\+\s*['\"]?", re.IGNORECASE)


def tidy(value: Any) -> Any:
    """An answer with its texts as a person typed them: HTML entities and `+Chr(39)+` decoded, padding removed."""
    if isinstance(value, str):
        text = html.unescape(value) if "&" in value else value
        if "hr(39)" in text:
            text = _APOSTROPHE.sub("'", text)
        return text.strip()
    if isinstance(value, dict):
        return {key: tidy(item) for key, item in value.items()}
    return [tidy(item) for item in value] if isinstance(value, list) else value


FISCAL_TAGS = (
    "origem_mercadoria", "id_preco_tabelado", "id_cest", "cupom_fiscal", "market_place", "indicador_escala",
    "cnpj_fabricante",
)  # fmt: skip


def nest_fiscal(product: JsonObject) -> JsonObject:
    """A product as the API answers it, from the flat form of webhooks (reference 4.5)."""
    nested = {tag: product[tag] for tag in FISCAL_TAGS if tag in product}
    flat = {tag: value for tag, value in product.items() if tag not in FISCAL_TAGS}
    return {**flat, "recomendacoes_fiscais": nested} if nested else flat

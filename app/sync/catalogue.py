"""Every field that can be kept equal: the fixed rows and the 54 mappable ones of the source document. Pure.

Keys of mappable fields are spelled as in the source document; Ploomes types as `Fields@Types` names them.
"""

from dataclasses import dataclass
from typing import Any

from app.sync.entities import FIELDS

TEXT, MULTILINE, OPTIONS, CHECKBOX = "Texto simples", "Texto multilinha", "Opções pré-cadastradas", "Checkbox"
MONEY, DECIMAL, INTEGER = "Moeda", "Número com casas decimais ilimitadas", "Número inteiro"
DATE, PERCENT = "Data", "Porcentagem"


@dataclass(frozen=True, slots=True)
class Mappable:
    """One Omie field that a customer may map to a custom field of Ploomes."""

    key: str
    entity: str
    ploomes_type: str
    read_only: bool = False
    """Omie computes it: it only ever goes to Ploomes."""
    tax: bool = False
    """Mapping any of these moves tax ownership of orders to Ploomes."""

    @property
    def label(self) -> str:
        """Portuguese name without the entity."""
        return self.key.rsplit(".", 1)[-1]

    @property
    def direction(self) -> str:
        """The widest direction allowed; products and services only ever go from Omie to Ploomes."""
        return "to_ploomes" if self.read_only or self.entity == "products" else "both"


MAPPABLE = (
    Mappable("ClienteFornecedor.Inscrição Estadual", "clients", TEXT),
    Mappable("ClienteFornecedor.Inscrição Municipal", "clients", TEXT),
    Mappable("ClienteFornecedor.Inscrição SUFRAMA", "clients", TEXT),
    Mappable("ClienteFornecedor.Tipo de Atividade", "clients", OPTIONS),
    Mappable("ClienteFornecedor.Optante do Simples Nacional", "clients", CHECKBOX),
    Mappable("ClienteFornecedor.É um produtor rural", "clients", CHECKBOX),
    Mappable("ClienteFornecedor.Limite de Crédito Total", "clients", MONEY),
    Mappable("Produto.Código EAN", "products", TEXT),
    Mappable("Produto.Marca", "products", TEXT),
    Mappable("Produto.Altura", "products", DECIMAL),
    Mappable("Produto.Largura", "products", DECIMAL),
    Mappable("Produto.Profundidade", "products", DECIMAL),
    Mappable("Produto.Dias de Garantia", "products", INTEGER),
    Mappable("Produto.Dias de Crossdocking", "products", INTEGER),
    Mappable("Produto.Peso Líquido", "products", DECIMAL),
    Mappable("Produto.Peso Bruto", "products", DECIMAL),
    Mappable("Produto.Indicador de Produção em Escala Relevante", "products", CHECKBOX),
    Mappable("Produto.Descrição Detalhada do Produto", "products", MULTILINE),
    Mappable("Produto.Observações Internas", "products", MULTILINE),
    Mappable("VendaProduto.Previsão de Faturamento", "orders", DATE),
    Mappable("VendaProduto.Valor do Desconto", "orders", MONEY, read_only=True),
    Mappable("VendaProduto.Total de Mercadorias", "orders", MONEY, read_only=True),
    Mappable("VendaProduto.Valor Total do Pedido", "orders", MONEY, read_only=True),
    Mappable("VendaProduto.Total de ICMS ST", "orders", MONEY, read_only=True),
    Mappable("VendaProduto.Total de IPI", "orders", MONEY, read_only=True),
    Mappable("VendaProduto.Tipo do frete", "orders", OPTIONS),
    Mappable("VendaProduto.Valor do Frete", "orders", MONEY),
    Mappable("VendaProduto.Observações", "orders", MULTILINE),
    Mappable("VendaProduto.Nº pedido do cliente", "orders", TEXT, read_only=True),
    Mappable("VendaProduto.Etapa", "orders", OPTIONS, read_only=True),
    Mappable("VendaProduto.Número de Parcelas", "orders", INTEGER),
    Mappable("VendaProduto.Contato", "orders", TEXT),
    Mappable("VendaProduto.Item.Alíquota ICMS", "orders", PERCENT, tax=True),
    Mappable("VendaProduto.Item.Base ICMS", "orders", MONEY, tax=True),
    Mappable("VendaProduto.Item.Situação Tributária ICMS", "orders", OPTIONS, tax=True),
    Mappable("VendaProduto.Item.Modalidade ICMS", "orders", OPTIONS, tax=True),
    Mappable("VendaProduto.Item.Origem ICMS", "orders", OPTIONS, tax=True),
    Mappable("VendaProduto.Item.Percentual de redução da base de cálculo do ICMS", "orders", PERCENT, tax=True),
    Mappable("VendaProduto.Item.Valor ICMS", "orders", MONEY, tax=True),
    Mappable("VendaProduto.Item.Alíquota ICMS ST Operação Própria", "orders", PERCENT, tax=True),
    Mappable("VendaProduto.Item.Alíquota ICMS ST", "orders", PERCENT, tax=True),
    Mappable("VendaProduto.Item.Valor Base ICMS ST", "orders", MONEY, tax=True),
    Mappable("VendaProduto.Item.Margem ICMS ST", "orders", DECIMAL, tax=True),
    Mappable("VendaProduto.Item.Modalidade ICMS ST", "orders", OPTIONS, tax=True),
    Mappable("VendaProduto.Item.Percentual de redução da base de cálculo do ICMS ST", "orders", PERCENT, tax=True),
    Mappable("VendaProduto.Item.Valor ICMS ST", "orders", MONEY, tax=True),
    Mappable("VendaProduto.Item.Alíquota IPI", "orders", DECIMAL, tax=True),
    Mappable("VendaProduto.Item.Valor Base IPI", "orders", MONEY, tax=True),
    Mappable("VendaProduto.Item.Situação Tributária IPI", "orders", OPTIONS, tax=True),
    Mappable("VendaProduto.Item.Enquadramento IPI", "orders", OPTIONS, tax=True),
    Mappable(
        "VendaProduto.Item.Quantidade de Unidades Tributáveis do IPI",
        "orders",
        DECIMAL,
        tax=True,
    ),
    Mappable("VendaProduto.Item.Tipo de cálculo do IPI", "orders", OPTIONS, tax=True),
    Mappable("VendaProduto.Item.Valor IPI", "orders", MONEY, tax=True),
    Mappable("VendaProduto.Item.Valor do IPI por Unidade Tributável", "orders", MONEY, tax=True),
)

BY_KEY = {row.key: row for row in MAPPABLE}


def mapping_fields() -> list[dict[str, Any]]:
    """The REST catalogue: `{"key","label","entity","ploomes_type","read_only","tax","fixed","direction"}`."""
    fixed = [
        {
            "key": f"{entity}.{row.key}",
            "label": row.label,
            "entity": entity,
            "ploomes_type": row.ploomes_type,
            "read_only": row.read_only,
            "tax": row.tax,
            "fixed": True,
            "direction": row.direction,
        }
        for entity, rows in FIELDS.items()
        for row in rows
    ]
    mappable = [
        {
            "key": row.key,
            "label": row.label,
            "entity": row.entity,
            "ploomes_type": row.ploomes_type,
            "read_only": row.read_only,
            "tax": row.tax,
            "fixed": False,
            "direction": row.direction,
        }
        for row in MAPPABLE
    ]
    return fixed + mappable


def policy_keys() -> frozenset[str]:
    """Names that `conflicts.fields` may use: row keys, and group names (a street address is one field)."""
    rows = [row for rows in FIELDS.values() for row in rows]
    groups = {row.group for row in rows if row.group}
    return frozenset({row.key for row in rows} | groups | set(BY_KEY))

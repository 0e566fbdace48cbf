"""The table of mappable fields: the 54 of the source document and more of the same kind (design section 7). Data.

Keys are spelled as in the source document; types as Ploomes' `Fields@Types` names them; paths as Omie reference 3
spells them. Rows with `line` are fields of an order's item: both paths start at the item.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.sync.mapping.choices import Option
from app.sync.mapping.convert import Amount, Characteristic, Checkbox, Date, Integer, Multiline, Text
from app.sync.mapping.fields import Converter, Field, Master
from app.sync.mapping.goods import Lines

TEXT, MULTILINE, OPTIONS, CHECKBOX = "Texto simples", "Texto multilinha", "Opções pré-cadastradas", "Checkbox"
MONEY, DECIMAL, INTEGER = "Moeda", "Número com casas decimais ilimitadas", "Número inteiro"
DATE, PERCENT = "Data", "Porcentagem"

COLUMNS: Mapping[str, str] = {
    TEXT: "StringValue",
    MULTILINE: "BigStringValue",
    OPTIONS: "IntegerValue",
    CHECKBOX: "BoolValue",
    MONEY: "DecimalValue",
    DECIMAL: "DecimalValue",
    INTEGER: "IntegerValue",
    DATE: "DateTimeValue",
    PERCENT: "DecimalValue",
}
"""Where a custom field of a type keeps its value (Ploomes reference 3.7)."""

PLOOMES_TEXT = 255
"""Characters that fit a simple text (Ploomes reference 3.7)."""

MASTERS = {"both": Master.EITHER, "to_ploomes": Master.OMIE, "to_omie": Master.PLOOMES}


@dataclass(frozen=True, slots=True)
class Mappable:
    """One Omie field that a customer may map to a custom field of Ploomes."""

    key: str
    entity: str
    ploomes_type: str
    omie: str
    """Path in Omie's record; of a `line` row, in its item."""
    by: Converter
    read_only: bool = False
    """Omie computes it: it only ever goes to Ploomes."""
    tax: bool = False
    """Mapping any of these moves tax ownership of orders to Ploomes."""
    line: bool = False
    """A field of an order's item."""
    simples: str | None = None
    """Path for companies in Simples Nacional (`icms_sn`), where it is another one."""
    simples_by: Converter | None = None
    extra: bool = False
    """Beyond the 54 of the source document."""
    features: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Portuguese name without the entity."""
        return self.key.rsplit(".", 1)[-1]

    @property
    def direction(self) -> str:
        """The widest direction allowed: products and services only ever go from Omie to Ploomes, and taxes of items,
        which are Ploomes' once one is mapped, to Omie."""
        if self.line:
            return "to_omie"
        return "to_ploomes" if self.read_only or self.entity == "products" else "both"

    def field(self, ploomes: str, direction: str, *, simples: bool = False) -> Field:
        """The row of a mapping to the Ploomes field with this key."""
        by = self.simples_by or self.by if simples else self.by
        return Field(
            key=self.key,
            label=self.label,
            omie=self.simples or self.omie if simples else self.omie,
            ploomes=f"@{ploomes}:{COLUMNS[self.ploomes_type]}",
            by=replace(by, field=ploomes) if isinstance(by, Option) else by,
            master=MASTERS[direction if self.line or self.direction == "both" else self.direction],
            entity=self.entity,
            ploomes_type=self.ploomes_type,
            fixed=False,
            read_only=self.read_only,
            tax=self.tax,
            features=self.features,
        )


def _text(size: int | None = None) -> Text:
    return Text(omie_size=size, ploomes_size=PLOOMES_TEXT)


_MONEY = Amount(places=2)
_PERCENT = Amount(places=4)
_TOTAL = Amount(places=2, shown=True)

_CLIENT = "ClienteFornecedor."
_PRODUCT = "Produto."
_ORDER = "VendaProduto."
_ITEM = "VendaProduto.Item."


def _tax(number: int, name: str, kind: str, omie: str, by: Converter, simples: str | None = None,
         simples_by: Converter | None = None) -> Mappable:  # fmt: skip
    return Mappable(
        _ITEM + name, "orders", kind, f"imposto.{omie}", by, tax=True, line=True,
        simples=simples and f"imposto.{simples}", simples_by=simples_by, features=(f"F{number}",),
    )  # fmt: skip


MAPPABLE: tuple[Mappable, ...] = (
    Mappable(_CLIENT + "Inscrição Estadual", "clients", TEXT, "inscricao_estadual", _text(20), features=("F201",)),
    Mappable(_CLIENT + "Inscrição Municipal", "clients", TEXT, "inscricao_municipal", _text(20), features=("F202",)),
    Mappable(_CLIENT + "Inscrição SUFRAMA", "clients", TEXT, "inscricao_suframa", _text(20), features=("F203",)),
    Mappable(
        _CLIENT + "Tipo de Atividade", "clients", OPTIONS, "tipo_atividade", Option("activity_types"),
        features=("F204",),
    ),
    Mappable(
        _CLIENT + "Optante do Simples Nacional", "clients", CHECKBOX, "optante_simples_nacional", Checkbox(),
        features=("F205",),
    ),
    Mappable(
        _CLIENT + "É um produtor rural", "clients", CHECKBOX, "produtor_rural", Checkbox(), features=("F206",)
    ),
    Mappable(
        _CLIENT + "Limite de Crédito Total", "clients", MONEY, "valor_limite_credito", _MONEY, features=("F207",)
    ),
    Mappable(_PRODUCT + "Código EAN", "products", TEXT, "ean", _text(), features=("F208",)),
    Mappable(_PRODUCT + "Marca", "products", TEXT, "marca", _text(), features=("F209",)),
    Mappable(_PRODUCT + "Altura", "products", DECIMAL, "altura", Amount(), features=("F210",)),
    Mappable(_PRODUCT + "Largura", "products", DECIMAL, "largura", Amount(), features=("F211",)),
    Mappable(_PRODUCT + "Profundidade", "products", DECIMAL, "profundidade", Amount(), features=("F212",)),
    Mappable(_PRODUCT + "Dias de Garantia", "products", INTEGER, "dias_garantia", Integer(), features=("F213",)),
    Mappable(
        _PRODUCT + "Dias de Crossdocking", "products", INTEGER, "dias_crossdocking", Integer(),
        features=("F214", "F110"),
    ),
    Mappable(_PRODUCT + "Peso Líquido", "products", DECIMAL, "peso_liq", Amount(), features=("F215",)),
    Mappable(_PRODUCT + "Peso Bruto", "products", DECIMAL, "peso_bruto", Amount(), features=("F216",)),
    Mappable(
        _PRODUCT + "Indicador de Produção em Escala Relevante", "products", CHECKBOX,
        "recomendacoes_fiscais.indicador_escala", Checkbox(), features=("F217",),
    ),
    Mappable(
        _PRODUCT + "Descrição Detalhada do Produto", "products", MULTILINE, "descr_detalhada", Multiline(),
        features=("F218",),
    ),
    Mappable(_PRODUCT + "Observações Internas", "products", MULTILINE, "obs_internas", Multiline(),
             features=("F219",)),
    Mappable(_ORDER + "Previsão de Faturamento", "orders", DATE, "cabecalho.data_previsao", Date(),
             features=("F220",)),
    Mappable(
        _ORDER + "Valor do Desconto", "orders", MONEY, "total_pedido.valor_descontos", _TOTAL, read_only=True,
        features=("F221",),
    ),
    Mappable(
        _ORDER + "Total de Mercadorias", "orders", MONEY, "total_pedido.valor_mercadorias", _TOTAL, read_only=True,
        features=("F222",),
    ),
    Mappable(
        _ORDER + "Valor Total do Pedido", "orders", MONEY, "total_pedido.valor_total_pedido", _TOTAL, read_only=True,
        features=("F223",),
    ),
    Mappable(
        _ORDER + "Total de ICMS ST", "orders", MONEY, "total_pedido.valor_st", _TOTAL, read_only=True,
        features=("F224",),
    ),
    Mappable(
        _ORDER + "Total de IPI", "orders", MONEY, "total_pedido.valor_IPI", _TOTAL, read_only=True,
        features=("F225",),
    ),
    Mappable(_ORDER + "Tipo do frete", "orders", OPTIONS, "frete.modalidade", Option("freight"), features=("F226",)),
    Mappable(_ORDER + "Valor do Frete", "orders", MONEY, "frete.valor_frete", _MONEY, features=("F227",)),
    Mappable(_ORDER + "Observações", "orders", MULTILINE, "observacoes.obs_venda", Multiline(), features=("F228",)),
    Mappable(
        _ORDER + "Nº pedido do cliente", "orders", TEXT, "informacoes_adicionais.numero_pedido_cliente", _text(60),
        read_only=True, features=("F229",),
    ),
    Mappable(
        _ORDER + "Etapa", "orders", OPTIONS, "cabecalho.etapa", Option("order_stages"), read_only=True,
        features=("F230",),
    ),
    Mappable(
        _ORDER + "Número de Parcelas", "orders", INTEGER, "cabecalho.qtde_parcelas", Integer(), features=("F231",)
    ),
    Mappable(_ORDER + "Contato", "orders", TEXT, "informacoes_adicionais.contato", _text(100), features=("F232",)),
    _tax(233, "Alíquota ICMS", PERCENT, "icms.aliq_icms", _PERCENT, "icms_sn.aliq_icms_sn"),
    _tax(234, "Base ICMS", MONEY, "icms.base_icms", _MONEY, "icms_sn.base_icms_sn"),
    _tax(
        235, "Situação Tributária ICMS", OPTIONS, "icms.cod_sit_trib_icms", Option("icms_situation"),
        "icms_sn.cod_sit_trib_icms_sn", Option("icms_sn_situation"),
    ),
    _tax(236, "Modalidade ICMS", OPTIONS, "icms.modalidade_icms", Option("icms_modality")),
    _tax(237, "Origem ICMS", OPTIONS, "icms.origem_icms", Option("icms_origin"), "icms_sn.origem_icms_sn"),
    _tax(
        238, "Percentual de redução da base de cálculo do ICMS", PERCENT, "icms.perc_red_base_icms", _PERCENT
    ),
    _tax(239, "Valor ICMS", MONEY, "icms.valor_icms", _MONEY, "icms_sn.valor_icms_sn"),
    _tax(240, "Alíquota ICMS ST Operação Própria", PERCENT, "icms_st.aliq_icms_opprop", _PERCENT),
    _tax(241, "Alíquota ICMS ST", PERCENT, "icms_st.aliq_icms_st", _PERCENT),
    _tax(242, "Valor Base ICMS ST", MONEY, "icms_st.base_icms_st", _MONEY),
    _tax(243, "Margem ICMS ST", DECIMAL, "icms_st.margem_icms_st", Amount()),
    _tax(244, "Modalidade ICMS ST", OPTIONS, "icms_st.modalidade_icms_st", Option("icms_st_modality")),
    _tax(
        245, "Percentual de redução da base de cálculo do ICMS ST", PERCENT, "icms_st.perc_red_base_icms_st", _PERCENT
    ),
    _tax(246, "Valor ICMS ST", MONEY, "icms_st.valor_icms_st", _MONEY),
    _tax(247, "Alíquota IPI", DECIMAL, "ipi.aliq_ipi", Amount()),
    _tax(248, "Valor Base IPI", MONEY, "ipi.base_ipi", _MONEY),
    _tax(249, "Situação Tributária IPI", OPTIONS, "ipi.cod_sit_trib_ipi", Option("ipi_situation")),
    _tax(250, "Enquadramento IPI", OPTIONS, "ipi.enquadramento_ipi", Option("ipi_framing")),
    _tax(251, "Quantidade de Unidades Tributáveis do IPI", DECIMAL, "ipi.qtde_unid_trib_ipi", Amount()),
    _tax(252, "Tipo de cálculo do IPI", OPTIONS, "ipi.tipo_calculo_ipi", Option("ipi_calculation")),
    _tax(253, "Valor IPI", MONEY, "ipi.valor_ipi", _MONEY),
    _tax(254, "Valor do IPI por Unidade Tributável", MONEY, "ipi.valor_unid_trib_ipi", _MONEY),
)  # fmt: skip
"""The 54 of the source document, in its order."""

BRAND_AS_OPTION = replace(
    next(row for row in MAPPABLE if row.key == "Produto.Marca"), ploomes_type=OPTIONS, by=Option("brands")
)
"""The brand when the configuration wants it as an option (`products.brand_as`)."""


def _more(key: str, entity: str, kind: str, omie: str, by: Converter, *, read_only: bool = False) -> Mappable:
    return Mappable(key, entity, kind, omie, by, read_only=read_only, extra=True)


_ADDRESS = (
    ("Razão Social", "entRazaoSocial", "cNomeOd", 60),
    ("CNPJ/CPF", "entCnpjCpf", "cCnpjCpfOd", 20),
    ("Endereço", "entEndereco", "cEnderecoOd", 60),
    ("Número", "entNumero", "cNumeroOd", 60),
    ("Complemento", "entComplemento", "cComplementoOd", 60),
    ("Bairro", "entBairro", "cBairroOd", 60),
    ("CEP", "entCEP", "cCEPOd", 9),
    ("Estado", "entEstado", "cEstadoOd", 2),
    ("Cidade", "entCidade", "cCidadeOd", 40),
    ("Telefone", "entTelefone", "cTelefoneOd", 15),
    ("Inscrição Estadual", "entIE", "cInscrEstadualOd", 14),
)

MORE: tuple[Mappable, ...] = (
    _more(_CLIENT + "Contato", "clients", TEXT, "contato", _text(100)),
    _more(_CLIENT + "Observações", "clients", MULTILINE, "observacao", Multiline()),
    _more(_CLIENT + "Contribuinte do ICMS", "clients", CHECKBOX, "contribuinte", Checkbox()),
    _more(_CLIENT + "Bloquear Faturamento", "clients", CHECKBOX, "bloquear_faturamento", Checkbox()),
    _more(_CLIENT + "E-mail para NF-e", "clients", TEXT, "recomendacoes.email_fatura", _text(200)),
    _more(_CLIENT + "Código do Cliente (Omie)", "clients", TEXT, "codigo_cliente_omie", _text(), read_only=True),
    *(
        _more(f"{_CLIENT}Endereço de Entrega.{name}", "clients", TEXT, f"enderecoEntrega.{tag}", _text(size))
        for name, tag, _, size in _ADDRESS
    ),
    _more(_PRODUCT + "NCM", "products", TEXT, "ncm", _text()),
    _more(_PRODUCT + "Imagens", "products", MULTILINE, "imagens", Lines(tags=("url_imagem",)), read_only=True),
    _more(
        _PRODUCT + "Características", "products", MULTILINE, "caracteristicas",
        Lines(tags=("cNomeCaract", "cConteudo")), read_only=True,
    ),
    _more(_PRODUCT + "CEST", "products", TEXT, "recomendacoes_fiscais.id_cest", _text()),
    _more(_PRODUCT + "Modelo", "products", TEXT, "modelo", _text()),
    _more(_PRODUCT + "Unidade", "products", TEXT, "unidade", _text()),
    _more(
        _PRODUCT + "Origem da Mercadoria", "products", OPTIONS, "recomendacoes_fiscais.origem_mercadoria",
        Option("icms_origin"),
    ),
    _more(_PRODUCT + "Tempo de Reposição (dias)", "products", INTEGER, "lead_time", Integer()),
    _more(_ORDER + "Dados Adicionais da NF", "orders", MULTILINE, "informacoes_adicionais.dados_adicionais_nf",
          Multiline(line_break="|")),
    _more(_ORDER + "Número do Contrato", "orders", TEXT, "informacoes_adicionais.numero_contrato", _text(60)),
    _more(_ORDER + "Código de Rastreio", "orders", TEXT, "frete.codigo_rastreio", _text(60), read_only=True),
    _more(_ORDER + "Link de Rastreio", "orders", TEXT, "frete.link_rastreio", _text(), read_only=True),
    _more(_ORDER + "Previsão de Entrega", "orders", DATE, "frete.previsao_entrega", Date()),
    _more(_ORDER + "Peso Líquido", "orders", DECIMAL, "frete.peso_liquido", Amount()),
    _more(_ORDER + "Peso Bruto", "orders", DECIMAL, "frete.peso_bruto", Amount()),
    _more(_ORDER + "Quantidade de Volumes", "orders", INTEGER, "frete.quantidade_volumes", Integer()),
    _more(_ORDER + "Espécie dos Volumes", "orders", TEXT, "frete.especie_volumes", _text(60)),
    _more(_ORDER + "Valor do Seguro", "orders", MONEY, "frete.valor_seguro", _MONEY),
    _more(_ORDER + "Outras Despesas", "orders", MONEY, "frete.outras_despesas", _MONEY),
    *(
        _more(f"{_ORDER}Endereço de Entrega.{name}", "orders", TEXT,
              f"informacoes_adicionais.outros_detalhes.{tag}", _text(size))
        for name, _, tag, size in _ADDRESS
    ),
)  # fmt: skip
"""Beyond the source document."""

ALL: tuple[Mappable, ...] = MAPPABLE + MORE
BY_KEY: Mapping[str, Mappable] = {row.key: row for row in ALL}

CHARACTERISTICS: Mapping[str, tuple[str, int]] = {
    _CLIENT + "Característica.": ("clients", 60),
    _PRODUCT + "Característica.": ("products", PLOOMES_TEXT),
}
"""Keys that end in the name of a characteristic of Omie, which each company makes up for itself."""


def mappable(key: str, *, brand_as: str = "text") -> Mappable | None:
    """The row of a key, also of a characteristic; None when there is none."""
    if brand_as == "option" and key == BRAND_AS_OPTION.key:
        return BRAND_AS_OPTION
    if key in BY_KEY:
        return BY_KEY[key]
    for prefix, (entity, size) in CHARACTERISTICS.items():
        name = key.removeprefix(prefix).strip()
        if key.startswith(prefix) and 0 < len(name) <= 30:
            by = Characteristic(omie_size=size, ploomes_size=PLOOMES_TEXT, name=name)
            return _more(key, entity, TEXT, "caracteristicas", by)
    return None

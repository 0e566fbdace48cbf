"""The mapped rows of products, to Ploomes only, and of sales, both ways: typical, extreme, cleared."""

from typing import Any

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig
from tests.e2e.shop import Shop
from tests.e2e.test_mapping import at, both, held, map_rows, nested, wipe
from tests.e2e.test_products import product, twin

pytestmark = EMBEDDED

PRODUCT_ROWS: dict[str, tuple[str, str, Any, Any]] = {
    "Produto.Código EAN": ("ean", "StringValue", "7891000100103", ""),
    "Produto.Marca": ("marca", "StringValue", "Acme & Filhos", ""),
    "Produto.Altura": ("altura", "DecimalValue", 12.5, (0, None)),
    "Produto.Largura": ("largura", "DecimalValue", 0.001, (0, None)),
    "Produto.Profundidade": ("profundidade", "DecimalValue", 99999.999, (0, None)),
    "Produto.Dias de Garantia": ("dias_garantia", "IntegerValue", 90, (0, None)),
    "Produto.Dias de Crossdocking": ("dias_crossdocking", "IntegerValue", 2147483647, (0, None)),
    "Produto.Peso Líquido": ("peso_liq", "DecimalValue", 1.25, (0, None)),
    "Produto.Peso Bruto": ("peso_bruto", "DecimalValue", 1.5, (0, None)),
    "Produto.Indicador de Produção em Escala Relevante": (
        "recomendacoes_fiscais.indicador_escala", "BoolValue", ("S", True), ("N", False),
    ),
    "Produto.Descrição Detalhada do Produto": ("descr_detalhada", "BigStringValue", "linha 1\nlinha 2", ""),
    "Produto.Observações Internas": ("obs_internas", "BigStringValue", "só <b>nossa</b>", ""),
    "Produto.NCM": ("ncm", "StringValue", "0901.21.00", "1905.90.90"),
    "Produto.Modelo": ("modelo", "StringValue", "X-1", ""),
}  # fmt: skip


def shown(value: Any) -> Any:
    """What Ploomes shows of an Omie value."""
    theirs = both(value)[1]
    return None if theirs == "" else theirs


@pytest.mark.feature(
    "F208", "F209", "F210", "F211", "F212", "F213", "F214", "F215", "F216", "F217", "F218", "F219",
    "F110", "F118", "F120", "F122", "F123", "F124", "F125", "F126",
)  # fmt: skip
async def test_mapped_fields_of_products_come_from_omie_and_are_put_back(rig: Rig) -> None:
    keys = await map_rows(rig, *PRODUCT_ROWS, direction="to_ploomes")
    fields: JsonObject = {}
    for path, _, first, _ in PRODUCT_ROWS.values():
        fields |= nested(path, both(first)[0])
    made = await product(rig, **fields)
    await rig.settle()
    found = await twin(rig, made["codigo_produto"])
    for omie, (_, column, first, _) in PRODUCT_ROWS.items():
        assert held(found, keys[omie], column) == shown(first), omie

    height = keys["Produto.Altura"]
    await rig.ploomes_change("Products", found["Id"], OtherProperties=[{"FieldKey": height, "DecimalValue": 1}])
    await rig.settle()
    assert held(await twin(rig, made["codigo_produto"]), height, "DecimalValue") == 12.5

    cleared: JsonObject = {}
    for path, _, _, second in PRODUCT_ROWS.values():
        cleared |= nested(path, both(second)[0])
    await rig.omie_change("products", made["codigo_produto"], **cleared)
    await rig.settle()
    found = await twin(rig, made["codigo_produto"])
    for omie, (_, column, _, second) in PRODUCT_ROWS.items():
        assert held(found, keys[omie], column) in (shown(second), None), omie
    assert await rig.issues() == []
    assert await rig.refusals() == {}


SALE_ROWS: dict[str, tuple[str, str, Any]] = {
    "VendaProduto.Previsão de Faturamento": (
        "cabecalho.data_previsao", "DateTimeValue", ("31/12/2099", "2099-12-31T00:00:00-03:00"),
    ),
    "VendaProduto.Valor do Frete": ("frete.valor_frete", "DecimalValue", 12.34),
    "VendaProduto.Observações": ("observacoes.obs_venda", "BigStringValue", "entregar\ncedo"),
    "VendaProduto.Contato": ("informacoes_adicionais.contato", "StringValue", "Dona Ana"),
    "VendaProduto.Número do Contrato": ("informacoes_adicionais.numero_contrato", "StringValue", "C-9"),
}  # fmt: skip
TOTALS = {
    "VendaProduto.Total de Mercadorias": 20.0,
    "VendaProduto.Valor Total do Pedido": 32.34,
    "VendaProduto.Valor do Desconto": 0,
    "VendaProduto.Total de ICMS ST": 0,
    "VendaProduto.Total de IPI": 0,
}


@pytest.mark.feature("F220", "F221", "F222", "F223", "F224", "F225", "F226", "F227", "F228", "F230", "F232")
async def test_mapped_fields_of_sales_reach_the_order_and_totals_come_back(rig: Rig) -> None:
    rows = [*SALE_ROWS, *TOTALS, "VendaProduto.Tipo do frete", "VendaProduto.Etapa"]
    wanted = {"fields": [{"omie": omie} for omie in rows]}
    made = (await rig.api.post(f"{rig.path}/ploomes-fields/batch", json=wanted, timeout=120)).json()
    keys = {field["omie"]: field["key"] for field in made}
    read_only = {*TOTALS, "VendaProduto.Etapa"}
    await rig.configure(
        mappings=[
            {"omie": omie, "ploomes": keys[omie], "direction": "to_ploomes" if omie in read_only else "both"}
            for omie in rows
        ]
    )
    shop = await Shop(rig).open(products=1, services=0)
    options = {
        row["ExternalKey"]: row["Id"]
        for row in await rig.ploomes_set("Fields@OptionsTables@Options")
        if row["ExternalKey"] and row["Name"].startswith(("0 -", "1 -", "9 -"))
    }
    typed = [{"FieldKey": keys[omie], column: both(value)[1]} for omie, (_, column, value) in SALE_ROWS.items()]
    typed.append({"FieldKey": keys["VendaProduto.Tipo do frete"], "IntegerValue": options["1"]})
    sale = await shop.sale(shop.line("Produto 1", quantity=2), OtherProperties=typed)
    order = await shop.order_of(sale)
    for omie, (path, _, value) in SALE_ROWS.items():
        assert at(order, path) == both(value)[0], omie
    assert order["frete"]["modalidade"] == "1"
    back = (await shop.sales())[sale]
    for omie, total in TOTALS.items():
        assert held(back, keys[omie], "DecimalValue") == total, omie
    assert held(back, keys["VendaProduto.Etapa"], "IntegerValue") is not None
    assert await rig.refusals() == {}


@pytest.mark.feature("F194")
async def test_a_field_of_sales_that_vanished_clears_nothing_in_the_order(rig: Rig) -> None:
    contact, rate = "VendaProduto.Contato", "VendaProduto.Item.Alíquota ICMS"
    made = await rig.api.post(
        f"{rig.path}/ploomes-fields/batch", json={"fields": [{"omie": contact}, {"omie": rate}]}, timeout=120
    )
    keys = {field["omie"]: field["key"] for field in made.json()}
    shop = await Shop(rig).open(products=1, services=0, tax_owner="ploomes")
    await rig.configure(mappings=[{"omie": omie, "ploomes": key, "direction": "both"} for omie, key in keys.items()])
    line = shop.line("Produto 1", OtherProperties=[{"FieldKey": keys[rate], "DecimalValue": 7}])
    sale = await shop.sale(line, OtherProperties=[{"FieldKey": keys[contact], "StringValue": "Dona Ana"}])

    async def told() -> tuple[Any, Any]:
        order = await shop.order_of(sale)
        return at(order, "informacoes_adicionais.contato"), at(order["det"][0], "imposto.icms.aliq_icms")

    assert await told() == ("Dona Ana", 7)
    calls = len(rig.tap.of("AlterarPedidoVenda"))
    for key in keys.values():
        await wipe(rig, "Fields", key)
    await shop.edit(sale, Description="<p>outra</p>")
    assert await told() == ("Dona Ana", 7)
    told_of = sorted(issue["detail"] for issue in await rig.items("issues", cause="mapping_suspended"))
    assert [any(key in text for text in told_of) for key in keys.values()] == [True, True], told_of
    for call in rig.tap.of("AlterarPedidoVenda")[calls:]:
        assert "det" not in call, call  # the items were not sent again without their taxes

"""Each of the 54 mappable rows, out of the table itself: typical, extreme, cleared and given again, every way it goes.

One sandbox life per entity. A row that joins the table joins the walk.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from app.sync.mapping.mappable import BY_KEY, COLUMNS, MAPPABLE, Mappable
from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.shop import Shop
from tests.e2e.test_mapping import CNPJ, at, held, nested
from tests.e2e.test_products import product, twin

pytestmark = EMBEDDED

BY_TYPE: Mapping[str, tuple[Any, Any]] = {
    "Texto simples": ("Texto 1", "ç" * 20),
    "Texto multilinha": ("uma\nduas", "<b>não é</b>\n" + "á" * 400),
    "Número inteiro": (3, 999),
    "Número com casas decimais ilimitadas": (1.25, 98765.4321),
    "Moeda": (12.34, 9999999.99),
    "Porcentagem": (7.5, 99.9999),
    "Data": ("2031-05-04T00:00:00-03:00", "2099-12-31T00:00:00-03:00"),
    "Checkbox": (True, False),
}
"""Typical and extreme, as Ploomes holds them; of an option field they are its first and its last option."""
OWN: Mapping[str, tuple[Any, Any]] = {
    "ClienteFornecedor.E-mail para NF-e": ("nf@a.com.br", "x" * 60 + "@" + "y" * 60 + ".com.br"),
    "VendaProduto.Número de Parcelas": (3, 48),
    "Produto.Código EAN": ("7891000100103", "17891000100100"),
    "Produto.Altura": (12.5, 99999.999),
    "Produto.Largura": (0.001, 99999.999),
    "Produto.Profundidade": (1, 0.5),
    "Produto.Peso Líquido": (1.25, 99999.999),
    "Produto.Peso Bruto": (1.5, 0.001),
    "Produto.Dias de Crossdocking": (3, 2147483647),
}
EMPTY = ("", "N", 0, None)


def rows_of(entity: str, *, line: bool = False) -> list[Mappable]:
    return [row for row in MAPPABLE if row.entity == entity and row.line is line]


class Fields:
    """Ploomes fields made for rows and mapped, with their options."""

    def __init__(
        self, rows: Sequence[Mappable], keys: Mapping[str, str], options: Mapping[str, list[JsonObject]]
    ) -> None:
        self.rows = rows
        self.keys = keys
        self._options = options

    def options(self, key: str) -> list[JsonObject]:
        """The options of a row's field."""
        return self._options[self.keys[key]]

    def column(self, row: Mappable) -> str:
        return COLUMNS[row.ploomes_type]

    def sample(self, row: Mappable, which: int) -> tuple[Any, Any]:
        """A value as Omie and as Ploomes hold it: typical (0) or extreme (1)."""
        options = self._options.get(self.keys[row.key])
        if options:
            option = options[-which]
            return option["ExternalKey"], option["Id"]
        value = OWN.get(row.key, BY_TYPE.get(row.ploomes_type, (None, None)))[which]
        if isinstance(value, bool):
            return ("S" if value else "N"), value
        if row.ploomes_type == "Data":
            return f"{value[8:10]}/{value[5:7]}/{value[:4]}", value
        return value, value

    def typed(self, rows: Sequence[Mappable], which: int | None) -> list[JsonObject]:
        """What a person types into the fields of rows; None clears them."""
        return [
            {"FieldKey": self.keys[r.key], self.column(r): None if which is None else self.sample(r, which)[1]}
            for r in rows
        ]

    def of_omie(self, rows: Sequence[Mappable], which: int) -> JsonObject:
        found: JsonObject = {}
        for row in rows:
            found = merged(found, nested(row.omie, self.sample(row, which)[0]))
        return found


def merged(left: JsonObject, right: JsonObject) -> JsonObject:
    both = {**left, **right}
    return {
        name: merged(left[name], right[name]) if isinstance(left.get(name), dict) and name in right else value
        for name, value in both.items()
    }


async def mapped(rig: Rig, rows: Sequence[Mappable]) -> Fields:
    """Every row of an entity mapped to a field made for it, in the widest direction it allows."""
    wanted = {"fields": [{"omie": row.key} for row in rows]}
    made = await rig.api.post(f"{rig.path}/ploomes-fields/batch", json=wanted, timeout=300)
    assert made.status_code == 201, made.text
    keys = {field["omie"]: field["key"] for field in made.json()}
    mappings = [{"omie": row.key, "ploomes": keys[row.key], "direction": row.direction} for row in rows]
    await rig.configure(mappings=mappings, orders={"tax_owner": "ploomes"})
    tables = {field["Key"]: field.get("OptionsTableId") for field in await rig.ploomes_set("Fields")}
    options: dict[str, list[JsonObject]] = {}
    for option in await rig.ploomes_set("Fields@OptionsTables@Options"):
        for key in keys.values():
            if tables[key] is not None and tables[key] == option["TableId"]:
                options.setdefault(key, []).append(option)
    return Fields(rows, keys, options)


@pytest.mark.feature("F194", "F198", "F201", "F202", "F203", "F204", "F205", "F206", "F207")
async def test_every_row_of_clients(rig: Rig) -> None:
    more = ("ClienteFornecedor.Observações", "ClienteFornecedor.E-mail para NF-e")  # beyond the 54, of the same kind
    fields = await mapped(rig, [*rows_of("clients"), *(BY_KEY[key] for key in more)])
    client = await rig.omie_new(
        razao_social="Sol", nome_fantasia="Sol", cnpj_cpf=CNPJ, **fields.of_omie(fields.rows, 0)
    )
    client_id = client["codigo_cliente_omie"]
    await rig.settle()

    async def in_ploomes(which: int) -> None:
        contact = await rig.pair_of_client(client_id)
        for row in fields.rows:
            shown = held(contact, fields.keys[row.key], fields.column(row))
            assert shown == fields.sample(row, which)[1], row.key

    await in_ploomes(0)
    contact = await rig.pair_of_client(client_id)
    await rig.contact_edit(contact["Id"], OtherProperties=fields.typed(fields.rows, 1))
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    for row in fields.rows:
        assert at(client, row.omie) == fields.sample(row, 1)[0], row.key
    await rig.contact_edit(contact["Id"], OtherProperties=fields.typed(fields.rows, None))
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    for row in fields.rows:
        assert at(client, row.omie) in EMPTY, row.key
    await rig.omie_edit(client_id, **fields.of_omie(fields.rows, 0))
    await rig.settle()
    await in_ploomes(0)
    assert await rig.issues() == []
    assert set(await rig.refusals()) <= {"ploomes.rate"}


@at_speed(40)
@pytest.mark.feature(
    "F208", "F209", "F210", "F211", "F212", "F213", "F214", "F215", "F216", "F217", "F218", "F219",
    "F110", "F118", "F120", "F122", "F123", "F124", "F125", "F126",
)  # fmt: skip
async def test_every_row_of_products(rig: Rig) -> None:
    fields = await mapped(rig, rows_of("products"))
    assert {row.direction for row in fields.rows} == {"to_ploomes"}
    made = await product(rig, **fields.of_omie(fields.rows, 0))
    code = made["codigo_produto"]
    for which in (0, 1, None, 1):
        if which is None:
            empty = {row.key: "" if row.ploomes_type.startswith("Texto") else 0 for row in fields.rows}
            cleared: JsonObject = {}
            for row in fields.rows:
                value = "N" if row.ploomes_type == "Checkbox" else empty[row.key]
                cleared = merged(cleared, nested(row.omie, value))
            await rig.omie_change("products", code, **cleared)
        elif which:
            await rig.omie_change("products", code, **fields.of_omie(fields.rows, which))
        await rig.settle()
        found = await twin(rig, code)
        for row in fields.rows:
            shown = held(found, fields.keys[row.key], fields.column(row))
            wanted = (None, 0, False) if which is None else (fields.sample(row, which)[1],)
            assert shown in wanted, (row.key, which, shown)
    for row in fields.rows:  # a person's edit there is put back
        await rig.ploomes_change("Products", found["Id"], OtherProperties=fields.typed([row], 0))
    await rig.settle()
    found = await twin(rig, code)
    for row in fields.rows:
        assert held(found, fields.keys[row.key], fields.column(row)) == fields.sample(row, 1)[1], row.key
    assert await rig.issues() == []
    assert set(await rig.refusals()) <= {"ploomes.rate"}


CLEARED: Mapping[str, tuple[Any, ...]] = {
    "VendaProduto.Tipo do frete": ("9", *EMPTY),
}
"""What Omie holds instead of nothing."""
DECIDED = ("VendaProduto.Previsão de Faturamento", "VendaProduto.Número de Parcelas")
"""Omie always has a day and instalments: an emptied field gives the configuration's back."""


@at_speed(40)
@pytest.mark.feature(*(feature for row in MAPPABLE if row.entity == "orders" for feature in row.features))
async def test_every_row_of_orders_and_their_items(rig: Rig) -> None:
    fields = await mapped(rig, [row for row in MAPPABLE if row.entity == "orders"])
    heads = [row for row in rows_of("orders") if not row.read_only]
    lines = rows_of("orders", line=True)
    assert len(lines) == 22
    assert len(rows_of("clients")) + len(rows_of("products")) + len(fields.rows) == len(MAPPABLE) == 54
    shop = await Shop(rig).open(products=1, services=0, tax_owner="ploomes")

    def line(which: int | None) -> JsonObject:
        return shop.line("Produto 1", quantity=2, unit="50.00", OtherProperties=fields.typed(lines, which))

    sale = await shop.sale(line(0), OtherProperties=fields.typed(heads, 0))

    async def in_omie(which: int) -> JsonObject:
        order = await shop.order_of(sale)
        for row in heads:
            if row.key not in DECIDED[1:]:
                assert at(order, row.omie) == fields.sample(row, which)[0], row.key
        assert len(order["lista_parcelas"]["parcela"]) == fields.sample(row_named(DECIDED[1]), which)[0]
        for row in lines:
            assert at(order["det"][0], row.omie) == fields.sample(row, which)[0], row.key
        return order

    order = await in_omie(0)
    back = (await shop.sales())[sale]
    for row in rows_of("orders"):
        if row.read_only and row.ploomes_type != "Opções pré-cadastradas":
            shown, told = held(back, fields.keys[row.key], fields.column(row)), at(order, row.omie)
            assert shown == told or (shown in EMPTY and told in EMPTY), row.key
    assert held(back, fields.keys["VendaProduto.Total de Mercadorias"], "DecimalValue") == 100
    stages = {option["Id"]: option["ExternalKey"] for option in fields.options("VendaProduto.Etapa")}
    assert stages[held(back, fields.keys["VendaProduto.Etapa"], "IntegerValue")] == order["cabecalho"]["etapa"]
    await shop.edit(sale, line(1), OtherProperties=fields.typed(heads, 1))
    await in_omie(1)
    calls = len(rig.tap.of("AlterarPedidoVenda"))
    await shop.edit(sale, line(None), OtherProperties=fields.typed(heads, None))
    order = await shop.order_of(sale)
    for row in heads:
        if row.key not in DECIDED:
            assert at(order, row.omie) in CLEARED.get(row.key, EMPTY), row.key
    sent = [call["det"][0] for call in rig.tap.of("AlterarPedidoVenda")[calls:] if call.get("det")]
    assert sent
    for row in lines:  # Omie is left to compute what nobody says
        assert at(sent[-1], row.omie) is None, row.key

    # a person fills them again in Omie: what flows both ways arrives on the sale
    there = [row for row in heads if row.key != DECIDED[1]]
    await shop.screen("orders", "PATCH", fields.of_omie(there, 0), str(order["cabecalho"]["codigo_pedido"]))
    await rig.settle()
    back = (await shop.sales())[sale]
    for row in there:
        assert held(back, fields.keys[row.key], fields.column(row)) == fields.sample(row, 0)[1], row.key
    assert await rig.issues() == []
    assert set(await rig.refusals()) <= {"ploomes.rate"}


def row_named(key: str) -> Mappable:
    return next(row for row in MAPPABLE if row.key == key)

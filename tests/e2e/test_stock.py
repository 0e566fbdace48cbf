"""Stock of a product as a table in Ploomes (F112, F116, F134-F153)."""

from typing import Any

import pytest

from tests.e2e.rig import JsonObject, Rig
from tests.e2e.test_products import product, twin


async def move(rig: Rig, code: Any, quantity: float, kind: str = "ENT", **more: Any) -> None:
    """A person moves stock on Omie's screen."""
    await rig.post(
        "/sandbox/omie/1000000000001/screen/stock",
        {"product": code, "kind": kind, "quantity": quantity, **more},
        person="maria@loja.test",
    )


async def shown(rig: Rig, code: Any) -> str:
    """The table in the product's field, as HTML."""
    rows: list[JsonObject] = (await twin(rig, code))["OtherProperties"]
    return next((str(row["BigStringValue"]) for row in rows if row.get("BigStringValue")), "")


@pytest.mark.feature("F116", "F134", "F136", "F137", "F138", "F139", "F140", "F141", "F142", "F143", "F144", "F146")
async def test_a_movement_is_shown_with_every_column(rig: Rig) -> None:
    made = await product(rig)
    code = made["codigo_produto"]
    await rig.settle()
    first = await shown(rig, code)
    assert "Sem estoque" in first, "a new product carries its table in its first write"
    assert len(rig.tap.of("POST Products")) == 1
    assert not rig.tap.of("PATCH Products")
    await move(rig, code, 12.5, cost=1234.5, minimum=20)
    await rig.settle()
    table = await shown(rig, code)
    for title in ("Status do Estoque", "Local de Estoque", "Estoque Disponível", "CMC Unitário", "CMC Total",
                  "Estoque Mínimo", "Previsão de Saída", "Tipo de Local de Estoque"):  # fmt: skip
        assert f">{title}</th>" in table
    assert "Abaixo do mínimo" in table
    assert ">12,5</td>" in table
    assert "1.234,50" in table
    assert "15.431,25" in table
    assert "Última alteração: " in table
    assert (await twin(rig, code))["Name"] == "Café 500 g"
    assert any("tabela de estoque" in note for c in await rig.changes(entity="stock") for note in c["notes"])
    assert await rig.refusals() == {}

"""What products and services are read as, and what is written for them."""

from typing import Any

import pytest

from app.core.ports import Vendor
from app.sync.entities import products, services
from app.sync.mapping.canonical import body_values, canonical, wire
from app.sync.mapping.fields import MissingReference, Refs
from app.sync.mapping.goods import Family, Group, Lines, Marked, Price, Suspension

OMIE, PLOOMES = Vendor.OMIE, Vendor.PLOOMES
REFS = Refs(
    families={"Produtos": "7", "Serviços": "8"},
    product_markers={"active": "31", "inactive": "32"},
    default_groups={"Produtos": "70", "Serviços": "80"},
    group_of_family={"5": "75"},
    field_keys={"ponte_omie_id": "product_X"},
)
ROW: dict[str, Any] = {
    "codigo_produto": 4, "codigo": "A-1", "descricao": "Chá &amp; café", "valor_unitario": "10.50", "unidade": "KG",
    "codigo_familia": 5, "inativo": "S",
}  # fmt: skip


@pytest.mark.feature("F096", "F097", "F098", "F099", "F100", "F101", "F092")
def test_a_product_of_omie_becomes_a_product_of_ploomes() -> None:
    values = canonical(OMIE, products.FIELDS, ROW, REFS)
    wide = {row.id: row.by.widen(values[row.id], None, REFS) for row in products.FIELDS}
    body = wire(PLOOMES, products.FIELDS, wide, None, REFS)
    assert body == {
        "OtherProperties": [{"FieldKey": "product_X", "StringValue": "4"}], "Code": "A-1", "Name": "Chá & café",
        "FamilyId": 7, "GroupId": 75, "UnitPrice": pytest.approx(10.5), "Lists": [{"ListId": 32}], "Suspended": True,
        "MeasurementUnit": "KG",
    }  # fmt: skip
    held = canonical(PLOOMES, products.FIELDS, body, REFS)
    assert all(row.agree(values[row.id], held[row.id], REFS) or wide[row.id] == held[row.id] for row in products.FIELDS)


@pytest.mark.feature("F101")
@pytest.mark.parametrize(
    ("lists", "value"), [([31], True), ([32], False), ([], None), ([31, 32], None), ([9, 31], True)]
)
def test_exactly_one_of_our_markers_counts_and_others_stay(lists: list[int], value: bool | None) -> None:
    record = {"Lists": [{"ListId": each} for each in lists]}
    assert Marked().read(PLOOMES, record, "Lists", REFS) is value
    written = Marked().write(PLOOMES, False, "Lists", record, REFS)
    assert written == {"Lists": [{"ListId": each} for each in (*(x for x in lists if x == 9), 32)]}


@pytest.mark.feature("F093", "F094", "F095")
def test_groups_by_family_and_without() -> None:
    group = Group("Produtos")
    assert group.widen(group.read(OMIE, {"codigo_familia": 0}, "codigo_familia", REFS), None, REFS) == "70"
    assert group.widen("5", None, REFS) == "75"
    with pytest.raises(MissingReference):
        group.widen("6", None, REFS)
    assert Group("Serviços").read(OMIE, {"x": 9}, "x", REFS) == "0"
    assert group.read(OMIE, {"codigo_familia": 5}, "codigo_familia", Refs(groups_from_family=False)) == "0"
    assert group.narrow("75", REFS) != "5", "a group may stand for several families"


@pytest.mark.feature("F006", "F092")
def test_the_family_tells_products_from_services() -> None:
    assert products.recognisable(PLOOMES, {"FamilyId": 7}, REFS)
    assert products.recognisable(PLOOMES, {"FamilyId": None}, REFS)
    assert not products.recognisable(PLOOMES, {"FamilyId": 8}, REFS)
    assert services.recognisable(PLOOMES, {"FamilyId": 8}, REFS)
    assert not services.recognisable(PLOOMES, {}, REFS)
    assert Family("Produtos").read(PLOOMES, {"FamilyId": 99}, "FamilyId", REFS) == "99"
    assert Suspension().read(OMIE, {"inativo": "N"}, "inativo", REFS) is False


@pytest.mark.feature("F099", "F121")
@pytest.mark.parametrize(("raw", "value"), [(None, "0"), (0, "0"), ("12.3400", "12.34"), (-1, "-1"), ("1e3", "1000")])
def test_prices_are_exact(raw: Any, value: str) -> None:
    assert Price().read(OMIE, {"valor_unitario": raw}, "valor_unitario", REFS) == value


@pytest.mark.feature("F127", "F128")
def test_images_and_characteristics_are_lines() -> None:
    record = {
        "imagens": [{"url_imagem": "https://a.test/1.png"}, {"url_imagem": "https://a.test/2.png"}],
        "caracteristicas": [{"cNomeCaract": "Cor", "cConteudo": "Azul"}, {"cNomeCaract": "Voltagem"}],
    }
    images, traits = Lines(tags=("url_imagem",)), Lines(tags=("cNomeCaract", "cConteudo"))
    assert images.read(OMIE, record, "imagens", REFS) == "https://a.test/1.png\nhttps://a.test/2.png"
    assert traits.read(OMIE, record, "caracteristicas", REFS) == "Cor: Azul\nVoltagem"
    assert images.read(OMIE, {}, "imagens", REFS) is None


@pytest.mark.feature("F043")
def test_a_webhook_of_a_product_carries_every_fixed_row() -> None:
    assert body_values(OMIE, products.FIELDS, ROW, None, REFS) == canonical(OMIE, products.FIELDS, ROW, REFS)

"""Which sales two Omie companies of one account could both claim."""

from decimal import Decimal

import pytest

from app.core.ports import Vendor
from app.sync.config.document import FieldCondition, parse
from app.sync.config.scope import in_scope, patch_for, properties_of
from app.sync.config.sharing import clash, overlap
from app.sync.entities import RULES
from app.sync.mapping.fields import Refs


def scoped(condition: object, *, orders: bool = True) -> object:
    return parse({"scope": {"orders": condition}, "entities": {"orders": orders}})


def field(value: object, key: str = "order_company") -> dict[str, object]:
    return {"field_key": key, "equals": value}


@pytest.mark.feature("F287", "F288", "F289", "F290")
@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (None, None, True),
        (None, field(1), True),
        (field(1), field(1), True),
        (field(1), field(2), False),
        (field("Matriz"), field("Filial"), False),
        (field(1), field(2, "order_other"), True),
        (field(7), field("Matriz"), True),  # the id and the name of one option
        (field(7), field("7"), True),
        ({"stage_id": 1}, {"stage_id": 2}, False),
        ({"stage_id": 1}, {"stage_id": 1}, True),
        ({"stage_id": 1}, field(2), True),
    ],
)
def test_only_another_value_of_the_same_field_or_another_stage_tells_sales_apart(
    one: object, other: object, both: bool
) -> None:
    mine, theirs = scoped(one), scoped(other)
    assert overlap(mine.scope.orders, theirs.scope.orders) is both  # type: ignore[attr-defined]
    assert (clash(mine, [("Filial", theirs)]) is not None) is both  # type: ignore[arg-type, list-item]
    assert clash(mine, [("Filial", scoped(other, orders=False))]) is None  # type: ignore[arg-type, list-item]


@pytest.mark.feature("F287")
def test_a_product_that_carries_another_integrations_id_is_nobody_elses_twin() -> None:
    refs = Refs(rival_keys=frozenset({"product_rival"}), families={"Produtos": "61", "Serviços": "62"})
    for entity, family in (("products", 61), ("services", 62)):
        record = {"Id": 1, "FamilyId": family, "OtherProperties": []}
        assert RULES[entity].recognisable(Vendor.PLOOMES, record, refs)
        record["OtherProperties"] = [{"FieldKey": "product_rival", "StringValue": "99"}]
        assert not RULES[entity].recognisable(Vendor.PLOOMES, record, refs)
        record["OtherProperties"] = [{"FieldKey": "product_rival", "StringValue": None}]
        assert RULES[entity].recognisable(Vendor.PLOOMES, record, refs)


OPTIONS = {"Type": {"NativeType": "Integer"}, "OptionsTable": {"Options": [{"Id": 7, "Name": "Matriz"}]}}


@pytest.mark.feature("F290")
@pytest.mark.parametrize(
    ("equals", "field", "column"),
    [
        (7, OPTIONS, {"IntegerValue": 7}),
        ("Matriz", OPTIONS, {"IntegerValue": 7}),
        ("Matriz", {"Type": {"NativeType": "BigString"}}, {"BigStringValue": "Matriz"}),
        (True, None, {"BoolValue": True}),
        (7, None, {"IntegerValue": 7}),
        ("Matriz", None, {"StringValue": "Matriz"}),
    ],
)
def test_what_a_new_sale_carries_puts_it_into_scope(equals: object, field: object, column: dict[str, object]) -> None:
    condition = FieldCondition(field_key="order_company", equals=equals)  # type: ignore[arg-type]
    patch = patch_for(condition, field)  # type: ignore[arg-type]
    assert patch == {"OtherProperties": [{"FieldKey": "order_company", **column}]}
    shown = {"OtherProperties": [{**patch["OtherProperties"][0], "ObjectValueName": "Matriz"}]}
    assert in_scope(condition, shown, Refs())


ORIGIN = {"Key": "contact_origin", "Dynamic": False, "PropertyName": "OriginId", "UpdatePropertyName": "OriginId"}
OWNER = {"Key": "order_owner", "Dynamic": False, "PropertyName": "Owner", "UpdatePropertyName": "OwnerId"}


@pytest.mark.feature("F287", "F290")
@pytest.mark.parametrize(
    ("row", "record", "equals", "inside"),
    [
        (ORIGIN, {"OriginId": 7}, 7, True),
        (ORIGIN, {"OriginId": 8}, 7, False),
        (ORIGIN, {"OriginId": None}, 7, False),
        (ORIGIN, {"contact_origin": 7}, 7, False),
        (OWNER, {"OwnerId": 7}, 7, True),
        (OWNER, {"Owner": {"Id": 7, "Name": "Ana"}}, 7, True),
        (OWNER, {"Owner": {"Id": 7, "Name": "Ana"}, "OwnerId": 7}, "Ana", True),
        ({**ORIGIN, "PropertyName": "Amount", "UpdatePropertyName": None}, {"Amount": Decimal("7.00")}, 7, True),
    ],
)
def test_a_native_field_is_read_and_written_where_ploomes_says(
    row: dict[str, object], record: dict[str, object], equals: int | str, inside: bool
) -> None:
    condition = FieldCondition(field_key=str(row["Key"]), equals=equals)
    refs = Refs(properties={str(row["Key"]): properties_of(row)})
    assert in_scope(condition, record, refs) is inside
    assert patch_for(condition, row) == {row["UpdatePropertyName"] or row["PropertyName"]: equals}


def test_a_document_that_names_the_property_itself_still_works() -> None:
    native = FieldCondition(field_key="OwnerId", equals=3)
    assert in_scope(native, {"OwnerId": 3}, Refs())
    assert patch_for(native, {"Dynamic": False}) == {"OwnerId": 3}


def test_any_of_several_options_counts() -> None:
    rows = [{"FieldKey": "order_company", "IntegerValue": value} for value in (1, 2)]
    found = [in_scope(FieldCondition(field_key="order_company", equals=n), {"OtherProperties": rows}, Refs())
             for n in (1, 2, 3)]  # fmt: skip
    assert found == [True, True, False]

"""Which fields of Ploomes fit the settings that name them."""

from typing import Any

import pytest

from app.sync.config.document import parse
from app.sync.config.field_use import fields_in_use, misfit
from app.sync.setup.account_fields import field_of

TYPES = {"text": ("Texto simples", "String"), "options": ("Opções pré-cadastradas", "Integer"),
         "box": ("Checkbox", "Bool"), "number": ("Número inteiro", "Integer")}  # fmt: skip


def row(key: str, kind: str, entity: int = 4, **more: Any) -> dict[str, Any]:
    name, native = TYPES[kind]
    return {"Key": key, "Name": key.upper(), "EntityId": entity, "Dynamic": True,
            "Type": {"Name": name, "NativeType": native}, **more}  # fmt: skip


ACCOUNT = [
    row("order_text", "text"),
    row("order_box", "box"),
    row("order_company", "options", OptionsTable={"Options": [{"Id": 7, "Name": "Matriz"}]}),
    row("order_many", "options", Multiple=True, OptionsTable={"Options": [{"Id": 7, "Name": "Matriz"}]}),
    row("order_owner", "number", Dynamic=False, PropertyName="OwnerId"),
    row("contact_text", "text", 1),
]
FIELDS = {str(one["Key"]): field_of(one) for one in ACCOUNT}


def scope(key: str, equals: Any) -> dict[str, Any]:
    return {"scope": {"orders": {"field_key": key, "equals": equals}}}


@pytest.mark.feature("F195", "F285", "F287")
@pytest.mark.parametrize(
    ("document", "words"),
    [
        (scope("order_company", 7), None),
        (scope("order_company", "Matriz"), None),
        (scope("order_company", "Filial"), ("ORDER_COMPANY", "Filial", "Matriz (7)")),
        (scope("order_box", True), None),
        (scope("order_box", 1), ("ORDER_BOX", "Checkbox", "true ou false")),
        (scope("order_owner", 3), None),
        (scope("OwnerId", 3), None),
        (scope("order_owner", True), ("ORDER_OWNER", "número inteiro")),
        (scope("order_none", 3), ("order_none", "não existe")),
        (scope("order_many", 7), ("ORDER_MANY", "vários valores")),
        (scope("contact_text", "x"), ("scope.orders", "vendas", "clientes")),
        ({"scope": {"clients": {"field_key": "contact_text", "equals": "x"}}}, None),
        ({"scope": {"orders": {"stage_id": 3}}}, None),
        ({"orders": {"send_when": {"field_key": "order_many", "equals": 7}}}, None),
        ({"orders": {"carrier_field": "order_company"}}, None),
        ({"orders": {"payment_field": "order_text"}}, ("orders.payment_field", "Opções pré-cadastradas", "Texto")),
        ({"orders": {"payment_field": "order_many"}}, ("vários valores",)),
        ({"orders": {"stage_to": "order_text"}}, None),
        ({"orders": {"stage_to": "order_box"}}, ("orders.stage_to", "Texto simples", "Checkbox")),
        ({"orders": {"stage_to": "order_owner"}}, ("nativo",)),
        ({"orders": {"stage_to": "stage"}}, None),
    ],
)
def test_a_setting_takes_only_a_field_that_fits(document: dict[str, Any], words: tuple[str, ...] | None) -> None:
    flaws = [flaw for use in fields_in_use(parse(document)) if (flaw := misfit(use, FIELDS)) is not None]
    assert len(flaws) == (0 if words is None else 1)
    assert all(word in flaws[0] for word in words or ())

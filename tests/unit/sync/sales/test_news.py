"""Templates of messages about orders: a customer writes them, so they reach nothing but their words."""

import pytest

from app.core.errors import UserError
from app.sync.config.document import parse
from app.sync.sales.documents import read_order
from app.sync.sales.news import flaw, messages, words

ORDER = {
    "cabecalho": {"codigo_pedido": 7, "numero_pedido": "000000000000031", "etapa": "70"},
    "det": [{"produto": {"codigo_produto": 1, "quantidade": 2, "valor_unitario": 5, "valor_total": 10}}],
    "frete": {"codigo_rastreio": "BR123"},
}


@pytest.mark.feature("F294", "F295", "F296")
def test_a_message_is_written_for_the_rows_of_its_stage() -> None:
    config = parse(
        {
            "notifications": {
                "orders": [
                    {"omie_stage": "70", "to": "owner_email", "template": "{{numero}} saiu: {{rastreio}}, {{total}}"},
                    {"omie_stage": "60", "to": "owner_email", "template": "faturado"},
                    {"omie_stage": "70", "to": "interaction", "template": "<b>{{cliente}}</b>"},
                ]
            }
        }
    )
    said = words("Pedido", read_order(ORDER), "Entrega", "Silva & Filhos", "12")
    found = messages(config.notifications.orders, "70", said)
    assert [(one.row, one.text) for one in found] == [
        (0, "31 saiu: BR123, R$ 10,00"),
        (2, "<b>Silva &amp; Filhos</b>"),
    ]
    assert found[0].subject == "Pedido 31: Entrega"


@pytest.mark.parametrize("template", ["{{ nada }}", "{% if %}", "{{ numero.__class__.__mro__ }}"])
def test_a_template_with_a_flaw_is_refused_when_it_is_saved(template: str) -> None:
    assert flaw(template)
    row = {"omie_stage": "70", "to": "interaction", "template": template}
    with pytest.raises(UserError) as refused:
        parse({"notifications": {"orders": [row]}})
    assert [error["field"] for error in refused.value.errors or ()] == ["notifications.orders.0.template"]

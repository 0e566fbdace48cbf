"""Messages about orders: an e-mail to the owner and a record on the client's timeline, each once."""

import pytest

from app.core.mail import Mail, Mailer
from tests.e2e.rig import EMBEDDED, Rig, at_speed
from tests.e2e.shop import Shop


class Post(Mailer):
    """A mail server that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__("smtp://ponte:senha@mail.test:587")
        self.sent: list[Mail] = []

    async def send(self, mail: Mail) -> None:
        self.sent.append(mail)


@EMBEDDED
@pytest.mark.feature("F294", "F295", "F296")
@at_speed(60.0)
async def test_an_order_that_reaches_a_stage_is_told_once(rig: Rig) -> None:
    post = Post()
    rig.ponte.messages.mailer = post
    shop = await Shop(rig).open(products=1, services=0)
    rows = [
        {"omie_stage": "20", "to": "owner_email", "template": "Pedido {{numero}} em {{etapa}}"},
        {"omie_stage": "20", "to": "interaction", "template": "Pedido {{numero}} de {{cliente}} em {{etapa}}"},
    ]
    await rig.configure(notifications={"orders": rows})
    owner = await rig.user_new(Name="Ana", Email="ana@loja.test")
    await rig.seller_new(nome="Ana", email="ana@loja.test")
    sale_id = await shop.sale(shop.line("Produto 1"), OwnerId=int(owner))
    order = await shop.order_of(sale_id)
    for stage in ("20", "10", "20"):
        await shop.act(order["cabecalho"]["codigo_pedido"], "stage", etapa=stage)

    async def told() -> bool:
        return bool(post.sent) and bool(await rig.ploomes_set("InteractionRecords"))

    await rig.until(told, 60)
    number = str(order["cabecalho"]["numero_pedido"]).lstrip("0")
    [mail] = post.sent
    assert (mail.to, mail.subject) == ("ana@loja.test", f"Pedido {number}: Separar Estoque")
    assert mail.text == f"Pedido {number} em Separar Estoque"
    [record] = await rig.ploomes_set("InteractionRecords")
    assert record["Content"].startswith(f"<p>Pedido {number} de Padaria Boa em Separar Estoque</p>")
    assert record["ContactId"] == shop.contact["Id"]

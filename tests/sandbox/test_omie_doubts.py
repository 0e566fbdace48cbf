"""Every row of the reference's "Unknown or doubtful" under its other reading too (omie-api.md 6)."""

from datetime import timedelta
from typing import Any

import pytest

from app.sandbox.quirks import QUIRKS

from .conftest import APP_KEY, Bench, client
from .test_omie_orders import INVOICING, ORDERS, Shop, shop
from .test_omie_products import HOOK, create, product
from .test_omie_service_orders import ACTS, OS

__all__ = ["shop"]

#: Row of section 6 -> the switches that turn it.
SWITCHES = {
    1: ("omie_order_window",), 2: ("omie_order_hours",), 3: ("omie_duplicate_code",), 4: ("omie_missing_wording",),
    5: ("omie_429_body", "omie_429_retry_after"), 6: ("omie_error_window_s", "omie_error_reset", "omie_error_limit"),
    7: ("omie_redundant_writes",), 8: ("omie_page_cap",), 9: ("omie_key_precedence",),
    10: ("omie_duplicate_documents",), 11: ("omie_event_body", "omie_stock_event"), 12: ("omie_deleted_body",),
    13: ("omie_order_event_dates",), 14: ("omie_ping",), 15: ("omie_webhook_author", "omie_acts_unsigned"),
    16: ("omie_redelivery_id",), 17: ("omie_order_number_sent",), 18: ("omie_key_size",),
    19: ("omie_alter_without_det",), 20: ("omie_invoiced_orders",), 21: ("omie_client_delete",),
    22: ("omie_reserves",), 23: ("omie_states_service",), 24: ("omie_fault_http_200",), 25: ("omie_utc_offset_h",),
}  # fmt: skip


def test_every_row_has_a_switch() -> None:
    assert sorted(SWITCHES) == list(range(1, 26))
    assert {name for names in SWITCHES.values() for name in names} <= set(QUIRKS)


async def test_1_and_2_dates_of_the_order_list(shop: Shop) -> None:
    bench = shop.bench
    await shop.include()
    bench.later(7200)
    later = bench.sandbox.clock.brasilia()
    window = {"filtrar_por_data_de": f"{later:%d/%m/%Y}", "filtrar_por_hora_de": f"{later:%H:%M:%S}",
              "filtrar_por_data_ate": "31/12/2099"}  # fmt: skip
    crossed_midnight = later.hour < 2
    first = await bench.omie("ListarPedidos", {"pagina": 1, **window}, ORDERS)
    assert (first.status_code == 200) is not crossed_midnight
    await bench.quirk(omie_order_hours=True)
    bench.later(61)
    assert "5113" in (await bench.omie("ListarPedidos", {"pagina": 1, **window}, ORDERS)).text
    await bench.quirk(omie_order_window="forecast")
    ahead = later + timedelta(days=3)
    window = {"filtrar_por_data_de": f"{ahead:%d/%m/%Y}", "filtrar_por_data_ate": "31/12/2099"}
    answer = await bench.omie("ListarPedidos", {"pagina": 1, **window}, ORDERS)
    assert answer.json()["total_de_registros"] == 1


async def test_3_and_4_codes_and_texts(bench: Bench) -> None:
    await bench.omie("IncluirCliente", client())
    await bench.quirk(omie_duplicate_code=1500, omie_missing_wording="id")
    again = await bench.omie("IncluirCliente", client("C-2"))
    assert again.json()["faultcode"] == "SOAP-ENV:Client-1500"
    assert await bench.fault("ConsultarProduto", {"codigo_produto": 7}, "geral/produtos") == (
        "ERROR: Produto não cadastrado para o ID [7] !"
    )
    await bench.quirk(omie_missing_wording="found")
    missing = await bench.fault("ConsultarProduto", {"codigo_produto": 8}, "geral/produtos")
    assert missing == "ERROR: Produto não encontrado!"


@pytest.mark.parametrize(("body", "text"), [("json", "Too Many Requests"), ("html", "<h1>429"), ("empty", "")])
async def test_5_shapes_of_429(bench: Bench, body: str, text: str) -> None:
    await bench.quirk(omie_429_body=body, omie_429_retry_after=True)
    await bench.control("POST", "faults", {"vendor": "omie", "kind": "429"})
    answer = await bench.omie("ListarClientes", {"pagina": 1})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert text in answer.text
    assert bool(answer.content) is bool(text)


async def test_9_the_id_may_win(bench: Bench) -> None:
    first = await create(bench)
    await create(bench, "P-2")
    await bench.quirk(omie_key_precedence="id")
    both = {"codigo_produto": first, "codigo_produto_integracao": "P-2", "marca": "Aqui"}
    await bench.omie("AlterarProduto", both, "geral/produtos")
    assert (await bench.control("GET", f"omie/{APP_KEY}/products/{first}"))["marca"] == "Aqui"


async def test_10_suppliers_may_share_a_document(bench: Bench) -> None:
    await bench.omie("IncluirCliente", client())
    await bench.quirk(omie_duplicate_documents="suppliers")
    other = client("C-2", tags=[{"tag": "Fornecedor"}])
    assert (await bench.omie("IncluirCliente", other)).status_code == 200
    assert "já cadastrado" in await bench.fault("IncluirCliente", client("C-3"))


async def test_11_and_12_events_with_ids_only(bench: Bench) -> None:
    await bench.control("POST", f"omie/{APP_KEY}/webhooks", {"url": HOOK, "topics": None})
    await bench.quirk(omie_event_body="ids", omie_deleted_body="id")
    omie_id = await create(bench)
    made = await bench.omie("IncluirCliente", client())
    await bench.omie_screen("DELETE", f"products/{omie_id}")
    events = [post["event"] for post in (await bench.delivered())[1:]]
    assert events == [
        {"codigo_produto": omie_id},
        {"codigo_cliente_omie": made.json()["codigo_cliente_omie"], "codigo_cliente_integracao": "C-1"},
        {"codigo_produto": omie_id},
    ]


async def test_13_and_15_dates_and_authors_of_orders(shop: Shop) -> None:
    bench = shop.bench
    await bench.control("POST", f"omie/{APP_KEY}/webhooks", {"url": HOOK, "topics": None})
    await bench.quirk(omie_order_event_dates="iso", omie_acts_unsigned=False)
    order = await shop.include()
    await shop.act(order, "cancel")
    made, gone = (await bench.delivered())[1:]
    assert made["event"]["dataInclusao"].endswith("T00:00:00-03:00")
    assert gone["author"]["email"] != "no-reply@omie.com.br"


@pytest.mark.parametrize(("ping", "verb", "body"), [("post", "POST", b'{"ping": "omie"}'), ("get", "GET", b""),
                                                    ("bare", "POST", b'{"ping": ""}')])  # fmt: skip
async def test_14_the_test_notification(bench: Bench, ping: str, verb: str, body: bytes) -> None:
    await bench.quirk(omie_ping=ping)
    await bench.control("POST", f"omie/{APP_KEY}/webhooks", {"url": HOOK, "topics": None})
    await bench.receiver.arrived(1)
    (post,) = bench.receiver.posts
    assert (post.method, post.content) == (verb, body)


@pytest.mark.parametrize(("reading", "kept"), [("kept", True), ("new", False)])
async def test_16_the_id_of_a_second_attempt(bench: Bench, reading: str, kept: bool) -> None:
    await bench.control("POST", f"omie/{APP_KEY}/webhooks", {"url": HOOK, "topics": None})
    await bench.receiver.arrived(1)
    await bench.quirk(omie_redelivery_id=reading)
    bench.receiver.statuses[:] = [503]
    await create(bench)
    await bench.receiver.arrived(2)
    bench.later(10)
    await bench.receiver.arrived(3)
    first, second = bench.receiver.bodies[1:]
    assert (first["messageId"] == second["messageId"]) is kept
    assert first["event"] == second["event"]


async def test_17_to_20_orders(shop: Shop) -> None:
    bench = shop.bench
    await bench.quirk(omie_order_number_sent="honoured", omie_alter_without_det="refused",
                      omie_invoiced_orders="allowed", omie_key_size=4)  # fmt: skip
    order = await shop.include(head={"numero_pedido": "77"})
    assert (await shop.read(order))["cabecalho"]["numero_pedido"] == "77"
    assert "é de 4" in await bench.fault("IncluirPedido", shop.order("PV-10"), ORDERS)
    assert "[det] é obrigatório" in (await shop.alter(order, observacoes={"obs_venda": "x"}))["faultstring"]
    await bench.omie("FaturarPedidoVenda", {"nCodPed": order}, INVOICING)
    changed = await shop.alter(order, det=[shop.item("1", quantity=2)])
    assert changed["codigo_status"] == "0"
    assert (await bench.omie("ExcluirPedido", {"codigo_pedido": order}, ORDERS)).status_code == 200


async def test_21_and_22_deletion_and_reservation(shop: Shop) -> None:
    bench = shop.bench
    await bench.quirk(omie_client_delete="allowed", omie_reserves="all")
    order = await shop.include(items=[shop.item("1", quantity=3)])
    place = (await bench.control("GET", f"omie/{APP_KEY}/locations"))[0]["codigo_local_estoque"]
    assert bench.sandbox.world.companies[APP_KEY].stock.seen(shop.products[0], place).reserved == 3
    assert (await bench.omie("ExcluirCliente", {"codigo_cliente_omie": shop.buyer})).status_code == 200
    # what names a client that is gone is still read, but neither changed nor invoiced
    gone = f"ERROR: Cliente não cadastrado para o Código [{shop.buyer}] ! - tag: [codigo_cliente]"
    assert (await shop.alter(order, observacoes={"obs_venda": "x"}))["faultstring"] == gone
    assert await bench.fault("FaturarPedidoVenda", {"nCodPed": order}, INVOICING) == gone
    assert (await bench.omie("ListarPedidos", {"pagina": 1}, ORDERS)).status_code == 200


async def test_23_the_states_service(bench: Bench) -> None:
    param: dict[str, Any] = {"filtrar_por_uf": ""}
    assert "not exists" in await bench.fault("ListarEstados", param, "geral/estados")
    await bench.quirk(omie_states_service=True, omie_limits=False)
    rows = (await bench.omie("ListarEstados", param, "geral/estados")).json()["lista_estados"]
    assert len(rows) == 27


async def test_24_faults_may_come_with_200(bench: Bench) -> None:
    await bench.quirk(omie_fault_http_200=True)
    answer = await bench.omie("IncluirProduto", product(codigo=""), "geral/produtos")
    assert (answer.status_code, "faultstring" in answer.json()) == (200, True)


async def test_25_another_zone(bench: Bench) -> None:
    await bench.quirk(omie_utc_offset_h=-5)
    omie_id = await create(bench)
    row = await bench.control("GET", f"omie/{APP_KEY}/products/{omie_id}")
    two_behind = bench.sandbox.clock.brasilia() - timedelta(hours=2)
    assert row["info"]["dInc"] == f"{two_behind:%d/%m/%Y}"
    assert row["info"]["hInc"][:2] == f"{two_behind:%H}"


async def test_service_orders_may_be_born_without_value(bench: Bench) -> None:
    await bench.control("POST", "reset", {"seed": "small"})
    await bench.control("POST", f"omie/{APP_KEY}/webhooks", {"url": HOOK, "topics": ["OrdemServico.Incluida"]})
    await bench.quirk(omie_os_born_without_value=True)
    (work, *_) = (await bench.omie("ListarOS", {"pagina": 1}, OS)).json()["osCadastro"]
    await bench.omie_screen("POST", "service_orders", {
        "Cabecalho": {"nCodCli": work["Cabecalho"]["nCodCli"]},
        "ServicosPrestados": [{"nCodServico": work["ServicosPrestados"][0]["nCodServico"], "nQtde": 1}],
    })  # fmt: skip
    assert (await bench.delivered())[1]["event"]["valorOrdemServico"] == 0
    assert (await bench.omie("ReenviarOS", {"nCodOS": work["Cabecalho"]["nCodOS"]}, ACTS)).status_code in (200, 500)


@pytest.mark.parametrize(("rounding", "value"), [("half_up", 1.01), ("half_even", 1.00), ("down", 1.00)])
async def test_rounding_of_items(shop: Shop, rounding: str, value: float) -> None:
    await shop.bench.quirk(omie_rounding=rounding)
    row = await shop.read(await shop.include(items=[shop.item("1", quantity=3, price="0.335")]))
    assert row["total_pedido"]["valor_mercadorias"] == value

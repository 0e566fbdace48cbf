"""Omie's limits to the second, each refusal counted by its cause (omie-api.md 1.5)."""

import asyncio
import re

from .conftest import APP_KEY, Bench, client


async def test_same_call_within_sixty_seconds_is_redundant(bench: Bench) -> None:
    param = {"pagina": 1, "registros_por_pagina": 5}
    await bench.omie("ListarVendedores", param, "geral/vendedores")
    bench.later(20)
    answer = await bench.omie("ListarVendedores", param | {}, "geral/vendedores")
    assert answer.status_code == 500
    assert answer.json()["faultcode"] == "SOAP-ENV:Client-6"
    assert re.fullmatch(
        r"ERROR: Consumo redundante detectado\. Aguarde (39|40) segundos para tentar novamente \(REDUNDANT\)\.",
        answer.json()["faultstring"],
    )
    bench.later(40)
    assert (await bench.omie("ListarVendedores", param, "geral/vendedores")).status_code == 200
    assert (await bench.refusals())["redundant"] == 1


async def test_redundant_writes_and_the_older_wording(bench: Bench) -> None:
    await bench.quirk(omie_redundant_wording="clock")
    await bench.omie("IncluirCliente", client())
    fault = await bench.fault("IncluirCliente", client())
    assert re.search(r"já foi processada ou está sendo processada .* às \d\d:\d\d:\d\d\. \(1\)", fault)
    await bench.quirk(omie_redundant_writes=False)
    assert "já cadastrado" in await bench.fault("IncluirCliente", client())


async def test_one_call_of_a_method_at_a_time(bench: Bench) -> None:
    await bench.quirk(omie_latency_ms=30)
    answers = await asyncio.gather(*(bench.omie("ListarVendedores", {"pagina": n}, "geral/vendedores") for n in (1, 2)))
    assert sorted(answer.status_code for answer in answers) == [200, 500]
    busy = next(answer for answer in answers if answer.status_code == 500)
    assert busy.json()["faultcode"] == "SOAP-ENV:Client-1880"
    assert (await bench.refusals())["busy"] == 1


async def test_a_slow_call_holds_its_place(bench: Bench) -> None:
    await bench.control("POST", "faults", {"kind": "slow", "seconds": 0.05, "match": "ListarVendedores"})
    slow = asyncio.create_task(bench.omie("ListarVendedores", {"pagina": 1}, "geral/vendedores"))
    await asyncio.sleep(0.02)
    assert "Já existe uma requisição desse método" in await bench.fault(
        "ListarVendedores", {"pagina": 2}, "geral/vendedores"
    )
    assert (await slow).status_code == 200


async def test_four_calls_of_an_app_at_a_time(bench: Bench) -> None:
    await bench.quirk(omie_latency_ms=30)
    calls = [
        ("ListarVendedores", "geral/vendedores"), ("ListarCategorias", "geral/categorias"),
        ("ListarParcelas", "geral/parcelas"), ("ListarEmpresas", "geral/empresas"),
        ("PesquisarCidades", "geral/cidades"),
    ]  # fmt: skip
    answers = await asyncio.gather(*(bench.omie(call, {"pagina": 1}, service) for call, service in calls))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 429]
    assert (await bench.refusals())["concurrency"] == 1


async def test_240_a_minute_per_method_then_429(bench: Bench) -> None:
    for page in range(240):
        assert (await bench.omie("ListarVendedores", {"pagina": page}, "geral/vendedores")).status_code == 200
    answer = await bench.omie("ListarVendedores", {"pagina": 241}, "geral/vendedores")
    assert answer.status_code == 429
    assert (await bench.refusals())["rate"] == 1
    assert (await bench.omie("ListarCategorias", {"pagina": 1}, "geral/categorias")).status_code == 200
    bench.later(61)
    assert (await bench.omie("ListarVendedores", {"pagina": 242}, "geral/vendedores")).status_code == 200


async def test_960_a_minute_per_address(bench: Bench) -> None:
    for service, call in (
        ("geral/vendedores", "ListarVendedores"), ("geral/categorias", "ListarCategorias"),
        ("geral/parcelas", "ListarParcelas"), ("geral/empresas", "ListarEmpresas"),
    ):  # fmt: skip
        bench.sandbox.world.companies[APP_KEY].limits._answered.clear()
        for size in range(1, 241):
            await bench.omie(call, {"pagina": 1, "registros_por_pagina": size}, service)
    answer = await bench.omie("PesquisarCidades", {"pagina": 1}, "geral/cidades")
    assert answer.status_code == 429
    assert (await bench.refusals())["ip"] == 1


async def test_a_record_altered_three_times_is_closed_for_minutes(bench: Bench) -> None:
    made = (await bench.omie("IncluirCliente", client())).json()
    key = {"codigo_cliente_omie": made["codigo_cliente_omie"]}
    for number in range(3):
        assert (await bench.omie("AlterarCliente", {**key, "bairro": f"B{number}"})).status_code == 200
    fault = await bench.fault(
        "IncluirTags", {"nCodCliente": key["codigo_cliente_omie"], "tags": [{"tag": "VIP"}]}, "geral/clientetag"
    )
    wait = int(re.search(r"Aguarde (\d+) segundos", fault)[1])  # type: ignore[index]
    assert 60 <= wait <= 300
    bench.later(wait - 2)
    assert "REDUNDANT" in await bench.fault("AlterarCliente", {**key, "bairro": "B8"})
    bench.later(2)
    assert (await bench.omie("AlterarCliente", {**key, "bairro": "B9"})).status_code == 200
    assert (await bench.refusals())["record"] == 2


async def test_the_tenth_error_blocks_the_method_and_calls_prolong_it(bench: Bench) -> None:
    for number in range(1, 11):
        assert "não cadastrado" in await bench.fault("ConsultarCliente", {"codigo_cliente_omie": number})
    answer = await bench.omie("ConsultarCliente", {"codigo_cliente_omie": 11})
    assert answer.status_code == 425
    assert answer.json()["faultcode"] == "MISUSE_API_PROCESS"
    assert re.search(r"Tente novamente em 18[56]\d segundos\.", answer.json()["faultstring"])
    assert "Não existem registros" in await bench.fault("ListarClientes", {"pagina": 1})
    bench.later(1801)
    assert (await bench.omie("ConsultarCliente", {"codigo_cliente_omie": 12})).status_code == 425
    bench.later(121)
    assert "não cadastrado" in await bench.fault("ConsultarCliente", {"codigo_cliente_omie": 13})
    assert (await bench.refusals())["block"] == 2


async def test_errors_older_than_the_window_do_not_count(bench: Bench) -> None:
    for number in range(1, 10):
        await bench.omie("ConsultarCliente", {"codigo_cliente_omie": number})
    bench.later(1801)
    for number in range(20, 29):
        assert (await bench.omie("ConsultarCliente", {"codigo_cliente_omie": number})).status_code == 500
    assert (await bench.omie("ConsultarCliente", {"codigo_cliente_omie": 50})).status_code == 500


async def test_refusals_count_as_errors(bench: Bench) -> None:
    for _ in range(11):
        await bench.omie("ListarVendedores", {"pagina": 1}, "geral/vendedores")
    assert (await bench.omie("ListarVendedores", {"pagina": 1}, "geral/vendedores")).status_code == 425


async def test_other_apps_are_not_touched(bench: Bench) -> None:
    await bench.control("POST", "omie", {"app_key": "2000000000002", "app_secret": "sandbox-app-secret-2"})
    await bench.omie("ListarVendedores", {"pagina": 1}, "geral/vendedores")
    answer = await bench.omie("ListarVendedores", {"pagina": 1}, "geral/vendedores", "2000000000002",
                              "sandbox-app-secret-2")  # fmt: skip
    assert answer.status_code == 200


async def test_speed_shrinks_the_windows(bench: Bench) -> None:
    bench.sandbox.clock.speed = 2000.0
    await bench.omie("ListarVendedores", {"pagina": 1}, "geral/vendedores")
    await asyncio.sleep(0.05)
    assert (await bench.omie("ListarVendedores", {"pagina": 1}, "geral/vendedores")).status_code == 200

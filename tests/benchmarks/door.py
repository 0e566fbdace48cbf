"""The door: webhooks of an inactive integration, which are stored and answered and nothing else."""

import asyncio
import contextlib
import json
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.benchmarks.load import Client, Result, closed_loop, open_loop, percentile, post
from tests.benchmarks.people import Client as Person
from tests.benchmarks.people import clients, edit_in_omie, edit_in_ploomes
from tests.benchmarks.report import Figure
from tests.benchmarks.rig import Pair, Rig, free_port, process, until

RATE = 300.0
CONNECTIONS = 32
"""Of the closed loop, which looks for the most that can be acknowledged."""
ROUNDS = 3
"""Bare route and door take turns, and the best of each counts: another process on the machine then hurts both alike."""
BUSY_EVERY_SECONDS = 0.3
"""A person's edit on the active integration this often keeps its worker busy up to the vendors' limits."""


def webhooks(pair: Pair) -> Callable[[int], bytes]:
    """Makes the n-th webhook of about 1 kB, as Omie sends them when a person changes a client."""
    mark = "\x00"
    body = json.dumps(
        {
            "messageId": mark,
            "topic": "ClienteFornecedor.Alterado",
            "event": {
                "codigo_cliente_omie": 4_100_000_000,
                "codigo_cliente_integracao": "",
                "razao_social": "Comércio de Alimentos Aurora Ltda",
                "nome_fantasia": "Aurora Alimentos",
                "cnpj_cpf": "11.222.333/0001-81",
                "email": "compras@aurora.com.br",
                "telefone1_ddd": "11",
                "telefone1_numero": "3333-4444",
                "endereco": "Avenida Paulista",
                "endereco_numero": "1578",
                "bairro": "Bela Vista",
                "complemento": "conjunto 12",
                "cidade": "SAO PAULO (SP)",
                "cidade_ibge": "3550308",
                "estado": "SP",
                "cep": "01310200",
                "codigo_pais": "1058",
                "tags": [{"tag": "Cliente"}, {"tag": "Atacado"}],
                "inativo": "N",
                "pessoa_fisica": "N",
                "optante_simples_nacional": "N",
                "recomendacoes": {"codigo_vendedor": 0, "email_fatura": "", "gerar_boletos": "N"},
            },
            "author": {"email": "ana@aurora.com.br", "name": "Ana", "userId": 1},
            "appKey": pair.app_key,
            "appHash": "aurora-0001",
            "origin": "omie-connect-2.0",
        },
        ensure_ascii=False,
    ).encode()
    before, after = body.split(json.dumps(mark)[1:-1].encode())
    head = post(pair.omie_hook, bytes(len(before) + 36 + len(after))).split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    before, after = head + before, after.replace(b"4100000000", b"41%08d")
    return lambda number: before + str(uuid.uuid4()).encode() + after % (number % 500)


async def measure(rig: Rig, active: Pair | None, *, seconds: float, most_seconds: float) -> list[Figure]:
    """The steady rate alone, the same with a worker busy, and the most, beside a bare route."""
    pair = await rig.create_inactive()
    payload = webhooks(pair)
    figures = _steady(rig, await _at_rate(rig, payload, seconds), "door", limit=60.0)
    if active is not None:
        people = (await clients(rig, active))[:50]
        async with _edits(rig, active, people):
            figures += _steady(rig, await _at_rate(rig, payload, seconds), "door, worker busy", limit=None)
    async with _bare_route(rig) as bare_url:
        bare_payload = post(bare_url, b'{"topic": "none"}')
        rounds = [
            (
                await _most(bare_url, lambda _: bare_payload, most_seconds / ROUNDS),
                await _most(rig.url, payload, most_seconds / ROUNDS),
            )
            for _ in range(ROUNDS)
        ]
    bare, most = (max(results, key=lambda result: result.rate) for results in zip(*rounds, strict=True))
    failed = sum(result.failed for _, result in rounds)
    setup, note = rig.setup.name, f"{CONNECTIONS} connections; bare FastAPI route {bare.rate:.0f}/s"
    return [
        *figures,
        Figure(setup, "door: most acknowledged", most.rate, "/s", note=note),
        Figure(setup, "door: share of a bare route", most.rate / bare.rate, "×", 0.40, at_least=True),
        Figure(setup, "door: not acknowledged at the most", failed, "requests", 0, note=rounds[0][1].refusals),
    ]


async def _most(url: str, payload: Callable[[int], bytes], seconds: float) -> Result:
    client = Client(url)
    result = await closed_loop(client, payload, connections=CONNECTIONS, seconds=seconds)
    client.close()
    return result


async def _at_rate(rig: Rig, payload: Callable[[int], bytes], seconds: float) -> Result:
    client = Client(rig.url)
    await client.warm(16)
    await open_loop(client, payload, rate=RATE, seconds=1)
    result = await open_loop(client, payload, rate=RATE, seconds=seconds)
    client.close()
    return result


def _steady(rig: Rig, result: Result, what: str, *, limit: float | None) -> list[Figure]:
    setup, note = rig.setup.name, f"{RATE:.0f}/s for {result.seconds:.0f} s"
    return [
        Figure(setup, f"{what}: p50", percentile(result.latencies, 0.50) * 1000, "ms", note=note),
        Figure(setup, f"{what}: p99", percentile(result.latencies, 0.99) * 1000, "ms", limit),
        Figure(setup, f"{what}: not acknowledged", result.failed, "requests", 0, note=result.refusals),
    ]


@asynccontextmanager
async def _edits(rig: Rig, pair: Pair, people: list[Person]) -> AsyncIterator[None]:
    """People edit all the while, in turn on both sides."""

    async def forever() -> None:
        number = 0
        while True:
            edit = (edit_in_omie, edit_in_ploomes)[number % 2]
            await edit(rig, pair, people[number % len(people)], 1, f"vai{number}@loja.com.br")
            number += 1
            await asyncio.sleep(BUSY_EVERY_SECONDS)

    task = asyncio.create_task(forever())
    await asyncio.sleep(2)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _bare_route(rig: Rig) -> AsyncIterator[str]:
    """Address of a route that answers and does nothing else, in a process of its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/bare"
    arguments = [sys.executable, "-m", "tests.benchmarks.bare", "--port", str(port)]
    client = Client(url)
    async with process("bare", arguments, folder=rig.folder, environment=rig.environment):

        async def ready() -> bool:
            return await client.send(post(url, b"{}")) == 200

        await until("the bare route answers", ready, seconds=30, every=0.2)
        client.close()
        yield url

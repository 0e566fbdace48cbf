"""Bad input at both doors: each kind gets the contract's status, and how long the slowest answer takes."""

import time
from dataclasses import dataclass
from typing import Any

import httpx

from tests.benchmarks.load import percentile
from tests.benchmarks.report import Figure
from tests.benchmarks.rig import Pair, Rig

TIMES = 20
"""Each kind this often; the slowest answer counts, the first of each kind does not: it warms what it meets."""


@dataclass(frozen=True)
class Bad:
    """One kind of bad input and the statuses the contract allows for it."""

    method: str
    url: str
    allowed: tuple[int, ...]
    sent: dict[str, Any]


def kinds(rig: Rig, pair: Pair) -> list[Bad]:
    """Rows: what strangers, vendors on a bad day and admins in a hurry send (contract sections 3 and 4)."""
    api, hook = f"{rig.url}/api/v1", pair.omie_hook
    own = f"{api}/integrations/{pair.id}"
    stranger = {"topic": "Produto.Alterado", "messageId": "1", "appKey": "999", "event": {"codigo_produto": 1}}
    unknown_part = {"nowhere": {"at_all": True}}
    return [
        Bad("POST", f"{rig.url}/webhooks/omie/guessed", (404,), {"json": {}}),
        Bad("POST", hook, (401,), {"json": stranger}),
        Bad("POST", hook, (200,), {"content": b"<html>oops</html>"}),
        Bad("POST", hook, (200, 401), {"content": b"[" * 100_000}),
        Bad("POST", hook, (200, 401), {"content": b'{"topic":1e400}'}),
        Bad("POST", hook, (413,), {"content": b"x" * 1_000_001}),
        Bad("PUT", hook, (405,), {"json": {}}),
        Bad("GET", f"{api}/integrations", (401,), {"headers": {"Authorization": "Bearer guessed"}}),
        Bad("GET", f"{api}/integrations/987654321", (404,), {}),
        Bad("GET", f"{api}/integrations/{'9' * 30}", (404, 422), {}),
        Bad("POST", f"{api}/integrations", (422,), {"content": b"{"}),
        Bad("POST", f"{api}/integrations", (422,), {"json": {"name": ["no", "text"]}}),
        Bad("PUT", f"{own}/config", (422,), {"json": unknown_part}),
        Bad("PUT", f"{own}/config", (422,), {"content": b'{"conflicts": NaN}'}),
        Bad("GET", f"{own}/events", (422,), {"params": {"limit": "many"}}),
        Bad("GET", f"{own}/records/nothings/omie/1", (404, 422), {}),
        Bad("GET", f"{own}/catalog/nothings", (404, 422), {}),
        Bad("POST", f"{own}/links", (422,), {"json": {"entity": "clients", "omie_id": {}}}),
    ]


async def measure(rig: Rig, pair: Pair) -> list[Figure]:
    """Every kind, one after the other."""
    took: list[float] = []
    slowest, wrong = "", []
    async with httpx.AsyncClient(headers=dict(rig.api.headers), timeout=10) as client:
        for bad in kinds(rig, pair):
            for number in range(TIMES + 1):
                started = time.perf_counter()
                answer = await client.request(bad.method, bad.url, **bad.sent)
                seconds = time.perf_counter() - started
                if answer.status_code not in bad.allowed:
                    wrong.append(f"{_named(bad)}: {answer.status_code}")
                if number:
                    slowest = slowest if seconds < max(took, default=0.0) else _named(bad)
                    took.append(seconds)
    setup = rig.setup.name
    return [
        Figure(setup, "bad input: slowest answer", max(took) * 1000, "ms", 50, note=f"{len(took)} answers; {slowest}"),
        Figure(setup, "bad input: p99", percentile(took, 0.99) * 1000, "ms"),
        Figure(setup, "bad input: unlike the contract", len(wrong), "answers", 0, note="; ".join(sorted(set(wrong)))),
    ]


def _named(bad: Bad) -> str:
    """The kind without the webhook's token."""
    path = httpx.URL(bad.url).path
    return f"{bad.method} {path.rsplit('/', 1)[0] if '/webhooks/' in path else path} {bad.allowed}"

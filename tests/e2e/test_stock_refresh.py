"""A refresh of all stock that cannot be, loses its workers, or shows no place (F025, F138, F145, F148)."""

import asyncio
from http import HTTPStatus

import pytest

from tests.e2e.rig import EMBEDDED, Rig, at_speed
from tests.e2e.test_products import product
from tests.e2e.test_reconcile import loaded
from tests.e2e.test_resync import rested, silent
from tests.e2e.test_stock import move, publish, shown

pytestmark = EMBEDDED


@pytest.mark.feature("F145")
@pytest.mark.parametrize(("entity", "named"), [("products", "produtos"), ("stock", "estoque")])
async def test_a_refresh_of_what_is_switched_off_is_refused_and_says_what(rig: Rig, entity: str, named: str) -> None:
    await rig.until(lambda: loaded(rig))
    await rig.configure(entities={entity: False})
    answer = await rig.api.post(f"{rig.path}/stock/refresh")
    assert answer.status_code == HTTPStatus.CONFLICT, answer.text
    assert f"sincronização de {named} está desligada" in answer.json()["detail"]
    assert "stock_refresh" not in {row["reason"] for row in await rig.items("resyncs")}


async def killed(rig: Rig) -> None:
    """The worker ends, and the passes in its hands are cut off: a stop alone would let them finish their page."""
    ticks = [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__qualname__", "") == "Passes.tick"]
    assert ticks
    for task in ticks:
        task.cancel()
    await rig.stop_worker()


@pytest.mark.feature("F138", "F145")
@at_speed(60.0)
async def test_a_refresh_whose_workers_are_killed_while_it_reads_shows_every_place(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    codes = [(await product(rig, codigo=f"P-{n}", descricao=f"Produto {n}"))["codigo_produto"] for n in range(3)]
    await rig.settle()
    await silent(rig)
    for n in range(101):  # one more than fit a page
        place = await rig.omie_put("locations", codigo=f"L{n}", descricao=f"Lugar {n:03}", dispVenda="S")
        await move(rig, codes[n % 2], n + 1, location=place["codigo_local_estoque"])
    rig.tap.calls.clear()
    await rig.quirk(omie_latency_ms=25_000)
    refresh = (await rig.api.post(f"{rig.path}/stock/refresh")).json()["id"]

    async def asked(times: int) -> bool:
        return len(rig.tap.of("ListarPosEstoque")) == times

    for times in (1, 3):  # on the first page, which is asked for again, and on the second
        await rig.until(lambda times=times: asked(times))
        await killed(rig)
        rig.start_worker()
    await rig.quirk(omie_latency_ms=0)
    done = await rested(rig, refresh, seconds=90)
    assert (done["state"], done["written"]) == ("completed", {"stock": {"update_in_ploomes": 3}})
    pages = [body["nPagina"] for body in rig.tap.of("ListarPosEstoque")]
    assert pages == [1, 1, 2, 2], "nothing that was in flight was kept, nothing that was kept is read again"
    await rig.settle()
    for at, code in enumerate(codes):
        table = await shown(rig, code)
        assert [f">Lugar {n:03}<" in table for n in range(101)] == [True] * 101
        assert [f">{n + 1}</td>" in table for n in range(101)] == [n % 2 == at for n in range(101)]
    assert len(await rig.ploomes_set("Products")) == 3
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F025", "F148")
async def test_a_choice_of_no_place_shows_none_and_the_publish_warns(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    code = (await product(rig))["codigo_produto"]
    await rig.settle()
    await move(rig, code, 5)
    await rig.settle()
    document = await rig.get_json(f"{rig.path}/config")
    document["stock"]["locations"] = []
    tried = await rig.api.put(f"{rig.path}/config", json=document, params={"dry_run": True})
    assert [text for text in tried.json()["warnings"] if "stock.locations" in text] != []
    await publish(rig, locations=[])
    assert "Nenhum local de estoque" in await shown(rig, code)
    await publish(rig, locations="all")
    assert ">5</td>" in await shown(rig, code)
    assert (await rig.issues(), await rig.refusals()) == ([], {})

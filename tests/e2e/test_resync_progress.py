"""A pass tells how far it is, how fast it goes and how long it will take, while it reads and while it writes."""

from typing import Any

import pytest

from tests.e2e.rig import APP_KEY, EMBEDDED, USER_KEY, JsonObject, Rig
from tests.e2e.test_resync import act, pairs, rested, silent

pytestmark = EMBEDDED
COUNT = 250
"""Three pages of Omie."""


async def watched(rig: Rig, resync_id: int, phase: str) -> JsonObject:
    """The progress once it tells how long the phase will take."""

    async def told() -> Any:
        progress = (await rig.get_json(f"{rig.path}/resyncs/{resync_id}"))["progress"]
        return progress if progress.get("phase") == phase and progress.get("seconds_left") else None

    return dict(await rig.until(told, 60))


@pytest.mark.feature("F264")
async def test_rate_time_left_and_figures_per_entity_are_told_while_it_reads_and_writes(rig: Rig) -> None:
    made = await pairs(rig, 6)
    await silent(rig)
    fields = await rig.ploomes_set("Fields")
    key = next(row["Key"] for row in fields if row["Name"] == "Id (Omie)" and row["EntityId"] == 1)
    await rig.post("/sandbox/twins", {"app_key": APP_KEY, "user_key": USER_KEY, "count": COUNT, "field": key})
    await rig.quirk(omie_latency_ms=6_000, ploomes_latency_ms=6_000)
    answer = await rig.api.post(f"{rig.path}/resyncs", json={"entities": ["clients"], "dry_run": True})
    reading = await watched(rig, answer.json()["id"], "reading")
    assert reading["rate"] > 0
    assert 0 < reading["done"] < reading["total"] == 2 * (COUNT + 6), reading
    assert reading["entities"] == {"clients": {"done": reading["done"], "total": reading["total"]}}
    assert reading["seconds_left"] == pytest.approx((reading["total"] - reading["done"]) / reading["rate"], abs=0.51)
    await act(rig, (await rested(rig, answer.json()["id"]))["id"], "cancel")

    for row in made:
        await rig.omie_edit(row["codigo_cliente_omie"], email=f"{row['codigo_cliente_omie']}@novo.test")
    answer = await rig.api.post(f"{rig.path}/resyncs", json={"entities": ["clients"], "force": True, "start": "now"})
    writing = await watched(rig, answer.json()["id"], "writing")
    assert writing["rate"] > 0
    assert writing["entities"]["clients"]["total"] == writing["total"] == COUNT + 6
    assert writing["seconds"] > 0
    await act(rig, answer.json()["id"], "cancel")
    assert await rig.refusals() == {}

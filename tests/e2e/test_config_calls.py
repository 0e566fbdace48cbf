"""A publish without a difference costs no vendor call, as the vendors themselves count (F026)."""

import pytest

from tests.e2e.rig import EMBEDDED, Rig

pytestmark = EMBEDDED


@pytest.mark.feature("F026")
async def test_a_publish_without_a_difference_makes_no_vendor_call(rig: Rig) -> None:
    await rig.configure(clients={"tags": ["VIP"]})
    await rig.settle()
    await rig.stop_worker()  # whatever works by the clock is not counted
    document = await rig.get_json(f"{rig.path}/config")
    before = await rig.counters()
    for params in ({}, {"dry_run": True}, {"start": "now"}):
        answer = await rig.api.put(f"{rig.path}/config", json=document, params=params)
        assert (answer.status_code, answer.json()["changed"]) == (200, False)
        assert answer.json()["effects"]["requests"] == 0
    assert await rig.counters() == before

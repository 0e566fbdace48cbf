"""A test record walks through a live integration and leaves nothing behind (F267)."""

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig

pytestmark = EMBEDDED


async def run(rig: Rig) -> JsonObject:
    """A whole self-test."""
    started = await rig.api.post(f"{rig.path}/self-test")
    assert started.status_code == 202, started.text

    async def over() -> JsonObject | None:
        row = dict(await rig.get_json(f"{rig.path}/resyncs/{started.json()['id']}"))
        return row if row["state"] in ("completed", "failed") else None

    return dict(await rig.until(over, 90))


@pytest.mark.feature("F113", "F267")
async def test_a_test_client_is_made_arrives_and_is_removed(rig: Rig) -> None:
    done = await run(rig)
    checks = {check["name"]: check for check in done["progress"]["checks"]}
    assert [name for name, check in checks.items() if not check["ok"]] == []
    assert {"Cliente criado no Ploomes", "Cliente chegou ao Omie", "Webhook do Omie", "Cliente de teste removido"} <= (
        checks.keys()
    )
    await rig.settle()
    assert await rig.clients() == []
    assert await rig.contacts() == []
    assert await rig.refusals() == {}

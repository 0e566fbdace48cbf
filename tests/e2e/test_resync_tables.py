"""Families and options in a resync: brought in step before records are compared; a look leaves both alone."""

import pytest

from tests.e2e.rig import EMBEDDED, Rig, at_speed
from tests.e2e.test_mapping import ACTIVITY, map_rows, wipe
from tests.e2e.test_products import group_names, product
from tests.e2e.test_resync import resync

pytestmark = EMBEDDED
OPTIONS = "Fields@OptionsTables@Options"


@at_speed(60.0)
@pytest.mark.feature("F095", "F256", "F259")
async def test_a_resync_follows_families_and_options_and_a_look_does_not(rig: Rig) -> None:
    family = (await rig.omie_put("families", nomeFamilia="Chás"))["codigo"]
    code = (await product(rig, codigo="C-1", descricao="Mate", codigo_familia=family))["codigo_produto"]
    await rig.settle()
    await map_rows(rig, ACTIVITY)
    await rig.settle()
    options = {o["ExternalKey"]: o["Id"] for o in await rig.ploomes_set(OPTIONS)}
    await wipe(rig, OPTIONS, options["2"])
    await rig.omie_change("families", family, nomeFamilia="Infusões")
    await rig.ponte.clock.sleep(130)  # a list that was read a moment ago is not read again

    look = await resync(rig, entities=["clients", "products"], dry_run=True)
    assert look["state"] == "planned"
    assert "2" not in {o["ExternalKey"] for o in await rig.ploomes_set(OPTIONS)}
    assert await group_names(rig, code) == ["Chás"]

    await rig.ponte.clock.sleep(130)
    done = await resync(rig, entities=["clients", "products"])
    assert done["state"] == "completed"
    assert "2" in {o["ExternalKey"] for o in await rig.ploomes_set(OPTIONS)}
    assert await group_names(rig, code) == ["Infusões"]
    assert (await rig.issues(), await rig.refusals()) == ([], {})

"""Look-ups that a converter missed, asked for one by one."""

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.sync.lanes import Lanes
from app.sync.lookups.references import References
from app.sync.mapping.fields import MissingReference, Refs
from tests.factories import add_integration
from tests.integration.rest.fakes import fake_vendors


@pytest.mark.feature("F087", "F190")
@pytest.mark.parametrize(("seller", "active"), [("71", True), ("72", False)])
async def test_a_seller_just_met_is_as_active_as_omie_says(
    db: Database, clock: Clock, seller: str, active: bool
) -> None:
    integration, vendors, refs = await add_integration(db), fake_vendors(), Refs()
    missing = MissingReference("seller", seller)
    await References(db, clock, Lanes(db, 60.0)).resolve(integration, missing, refs, vendors.omie, vendors.ploomes)
    assert refs.sellers == {seller: active}

"""Lanes are tried, never waited for: two workers that want the same pair in opposite order do not stop each other."""

import asyncio

import pytest

from app.core.db import Database
from app.core.errors import LaneBusy, LeaseLost
from app.sync.lanes import Lanes, Lease
from app.sync.reactions import lane_wait


@pytest.mark.feature("F003")
async def test_two_takers_in_opposite_order_do_not_wait_for_each_other(db: Database) -> None:
    lanes = Lanes(db, 45.0)

    async def take(first: str, second: str) -> str:
        try:
            async with lanes.hold() as lease, db.transaction() as session:
                await lease.take_in(session, [first])
                await asyncio.sleep(0.05)  # the other one takes its first lane meanwhile, uncommitted
                await lease.take_in(session, [second])
                return "won"
        except LaneBusy:
            return "busy"

    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(take("a", "b"), take("b", "a"))
    assert set(outcomes) <= {"won", "busy"}
    async with lanes.hold("a", "b"):
        pass


@pytest.mark.feature("F003")
async def test_a_lane_lasts_as_long_as_the_products_clock_says(db: Database) -> None:
    lanes = Lanes(db, 45.0, scale=1000.0)
    async with lanes.hold("a") as first:
        await asyncio.sleep(0.1)
        async with lanes.hold("a"):
            with pytest.raises(LeaseLost):
                async with db.transaction() as session:
                    await first.extend(session)


@pytest.mark.feature("F003")
async def test_who_finds_a_lane_taken_is_told_for_how_long_and_leaves_a_dead_holder_alone(db: Database) -> None:
    lanes = Lanes(db, 4500.0, scale=100.0)
    async with lanes.hold("a"):
        await asyncio.sleep(0.3)
        with pytest.raises(LaneBusy) as busy:
            await Lease(lanes, 4500.0).take(["b", "a"])
    assert 30 <= busy.value.held < 3000
    assert all(0.05 <= lane_wait(0.1) <= 0.25 for _ in range(50))
    assert all(1.0 <= lane_wait(busy.value.held) <= 2.0 for _ in range(50))


@pytest.mark.feature("F003")
async def test_a_write_is_outlived_by_its_lease(db: Database) -> None:
    lease = Lease(Lanes(db, 45.0), 45.0)
    await lease.take(["a"])
    async with db.transaction() as session:
        await lease.extend(session, 35.0)
    with pytest.raises(LaneBusy):
        await Lease(Lanes(db, 45.0), 45.0).take(["a"])

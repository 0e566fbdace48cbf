"""What a plan says of time: the vendors' own rows, read ahead; and that the limiter then takes just so long."""

import pytest

from app.core import forecast
from app.core.db import Database
from app.core.errors import Fault, Postponed
from app.core.forecast import Load, Traffic
from app.core.limit_rules import Call, Rules
from app.core.limits import Limiter
from app.core.ports import Priority
from app.omie.budgets import RULES as OMIE
from app.ploomes.budgets import RULES as PLOOMES
from tests.unit.core.test_limits import refuse
from tests.vendor_rig import ManualClock, limiter

EDIT = Call("omie", "a", "AlterarCliente", Priority.BULK)
PATCH = Call("ploomes", "a", "PATCH Contacts", Priority.BULK)
PACE = "pace:ploomes:a"


@pytest.mark.feature("F264")
@pytest.mark.parametrize(
    ("rules", "call", "count", "answer", "taught", "wanted"),
    [
        (OMIE, EDIT, 0, 0.3, None, 0.0),
        (OMIE, EDIT, 10, 0.2, None, 2.0),  # one at a time
        (OMIE, EDIT, 750, 0.2, None, 4 * 60.2 + 30 * 0.2),  # 180 a minute
        (OMIE, EDIT, 750, 0.5, None, 375.0),  # slower than the limit asks for
        (PLOOMES, PATCH, 8, 0.2, None, 1.4),  # four a second
        (PLOOMES, PATCH, 750, 0.2, 100, 9 * 60.2 + 18 * 1.2 + 0.2),  # 75 a minute
        (PLOOMES, PATCH, 110, 0.2, None, 24 * 1.2 + 0.2 + 10 * 0.3),  # then it feels its way
        (PLOOMES, PATCH, 130, 0.2, None, 24 * 1.2 + 0.2 + 20 * 0.3 + 61.0 + 2 * 1.2 + 0.2),  # and is taught
    ],
)
def test_the_slowest_limit_says_how_long_it_takes(
    rules: Rules, call: Call, count: int, answer: float, taught: int | None, wanted: float
) -> None:
    assert forecast.seconds(rules, [Load(call, count, answer)], {PACE: taught}) == pytest.approx(wanted)


@pytest.mark.feature("F264")
def test_what_live_traffic_uses_up_is_waited_for() -> None:
    beside = Traffic(PATCH, 5 / 60, 0.2)
    alone = forecast.seconds(PLOOMES, [Load(PATCH, 750, 0.2)], {PACE: 100})
    taken = forecast.seconds(PLOOMES, [Load(PATCH, 750, 0.2)], {PACE: 100}, [beside])
    assert taken == forecast.seconds(PLOOMES, [Load(PATCH, 750 + round(taken * 5 / 60), 0.2)], {PACE: 100})
    assert alone * 1.05 < taken < alone * 1.12  # five of seventy-five a minute
    assert forecast.seconds(PLOOMES, [], {}, [beside]) == 0.0
    flood = Traffic(PATCH, 10.0, 0.2)
    assert forecast.seconds(PLOOMES, [Load(PATCH, 750, 0.2)], {PACE: 100}, [flood]) < float("inf")


def test_calls_of_one_record_keep_their_distance_and_methods_run_beside_each_other() -> None:
    tags = Call("omie", "a", "IncluirTags", Priority.BULK)
    loads = [Load(EDIT, 10, 0.2), Load(tags, 10, 0.2)]
    assert forecast.seconds(OMIE, loads, {}) == pytest.approx(2.0)
    own = Load(Call("omie", "a", "", Priority.BULK, record="1"), 2, 0.2)
    assert forecast.seconds(OMIE, [*loads, own], {}) == pytest.approx(20.4)


async def test_the_limiter_forecasts_by_what_it_was_taught_and_by_how_long_answers_took(
    db: Database, hands: ManualClock
) -> None:
    subject = limiter(db, hands)
    live = Call("ploomes", "a", "PATCH Contacts")
    assert await subject.forecast([]) == 0.0
    assert await subject.forecast([(PATCH, 8)]) == pytest.approx(1.0 + 2 * forecast.ANSWER_SECONDS)
    for _ in range(3):
        subject.answered(live, 0.1)
    assert await subject.forecast([(PATCH, 8)]) == pytest.approx(1.2)
    assert await subject.forecast([(PATCH, 110)]) < 60
    await refuse(subject, live, Fault.RATE_LIMITED)
    assert await subject.forecast([(PATCH, 110)]) > 60


@pytest.mark.feature("F264", "F263")
@pytest.mark.parametrize(("call", "count"), [(EDIT, 400), (PATCH, 160)])
async def test_what_is_forecast_is_what_the_limiter_takes(
    db: Database, hands: ManualClock, call: Call, count: int
) -> None:
    subject = limiter(db, hands)
    await refuse(subject, Call("ploomes", "a", "PATCH Contacts"), Fault.RATE_LIMITED)
    hands.at += 61.0
    answer = 0.2
    subject.answered(call, answer)
    told, began = await subject.forecast([(call, count)]), hands.at
    for number in range(count):
        await _granted(subject, hands, call, number, answer)
    assert told == pytest.approx(hands.at - began, rel=0.1)


async def _granted(subject: Limiter, hands: ManualClock, call: Call, number: int, answer: float) -> None:
    """One call after another, as soon as each may leave; Omie's answer is waited for, Ploomes' is not."""
    while True:
        one = Call(call.vendor, call.account, call.method, call.priority, param=str(number))
        try:
            async with subject.slot(one, patience=0.0):
                hands.at += answer
            return
        except Postponed as postponed:
            hands.at += max(postponed.seconds, 0.01)


@pytest.fixture
def hands() -> ManualClock:
    return ManualClock()

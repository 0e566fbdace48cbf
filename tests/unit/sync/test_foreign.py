"""Which echoes a write of ours explains, and when the others are looked at."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from app.core.ports import Kind
from app.sync.models import Event, WriteEntry
from app.sync.passes.foreign import CALL_FIRES, explained, next_sweep

NOON = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def event(kind: Kind, external_id: str = "501") -> Event:
    return Event(entity="clients", external_id=external_id, kind=kind.value, received_at=NOON)


def write(verb: str, *, seconds: float = -1, external_id: str = "501") -> WriteEntry:
    return WriteEntry(entity="clients", external_id=external_id, verb=verb, sent_at=NOON + timedelta(seconds=seconds))


@pytest.mark.feature("F050", "F282")
@pytest.mark.parametrize(
    ("kind", "verb", "ours"),
    [
        (Kind.CHANGED, "update", True),
        (Kind.CHANGED, "include_tags", True),
        (Kind.CREATED, "create", True),
        (Kind.DELETED, "delete", True),
        (Kind.DELETED, "update", False),
        (Kind.CANCELLED, "update", False),
        (Kind.CANCELLED, "cancel", True),
        (Kind.INVOICED, "update", False),
        (Kind.RETURNED, "cancel", False),
        (Kind.CREATED, "update", False),
    ],
)
def test_a_write_explains_only_what_its_call_can_fire(kind: Kind, verb: str, ours: bool) -> None:
    assert explained(event(kind), [write(verb)]) is ours


@pytest.mark.parametrize(("seconds", "ours"), [(-120, True), (-121, False), (120, True), (121, False)])
def test_a_write_explains_within_two_minutes(seconds: float, ours: bool) -> None:
    assert explained(event(Kind.CHANGED), [write("update", seconds=seconds)]) is ours


def test_another_records_write_explains_nothing() -> None:
    assert not explained(event(Kind.CHANGED), [write("update", external_id="502")])
    assert not explained(event(Kind.CHANGED), [])


def test_invoices_and_returns_are_never_ours() -> None:
    fired = set().union(*CALL_FIRES.values())
    assert Kind.INVOICED not in fired
    assert Kind.RETURNED not in fired


def test_the_sweep_runs_on_a_ten_minute_grid() -> None:
    assert next_sweep(0.0) == 600.0
    assert next_sweep(599.0) == 600.0
    assert next_sweep(600.0) == 1200.0


def test_integrations_are_swept_one_after_the_other_on_grids_of_their_own() -> None:
    for number in range(1, 41):
        first = next_sweep(1_000.0, integration_id=number)
        assert 1_000.0 < first <= 1_600.0
        assert next_sweep(first, integration_id=number) == first + 600.0
    moments = sorted(next_sweep(0.0, integration_id=number) for number in range(1, 41))
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert min(gaps) >= 7.0, "two of forty fall together"

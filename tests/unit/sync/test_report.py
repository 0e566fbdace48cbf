"""Exceptions of a report: each pair once, the first thousand by name, the others by number."""

from typing import Any

import pytest

from app.sync.passes.report import SHOWN, excepted


def exceptions(start: int, count: int, reason: str = "Pendência aberta") -> list[dict[str, Any]]:
    numbers = range(start, start + count)
    return [{"omie_id": str(n), "ploomes_id": f"p{n}", "fields": ["E-mail"], "reason": reason} for n in numbers]


@pytest.mark.feature("F264")
def test_exceptions_are_named_once_and_beyond_a_thousand_only_counted() -> None:
    plan: dict[str, Any] = {"round": 1}
    assert excepted(plan, "clients", []) == plan
    plan = excepted(plan, "clients", exceptions(0, SHOWN - 10))
    plan = excepted(plan, "orders", exceptions(0, 2))
    plan = excepted(plan, "clients", exceptions(0, 1, "Campos congelados"))  # read again: the newer reason counts
    plan = excepted(plan, "clients", exceptions(SHOWN - 10, 49))
    kept = plan["exceptions"]["clients"]
    assert (len(kept["named"]), kept["unnamed"], plan["round"]) == (SHOWN, 39, 1)
    assert kept["named"][0]["reason"] == "Campos congelados"
    assert plan["exceptions"]["orders"] == {"named": exceptions(0, 2), "unnamed": 0}

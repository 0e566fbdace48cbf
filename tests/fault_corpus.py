"""The labelled corpora of refusals, and what each reaction means on the road from the gateway to the event."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core import wire
from app.core.errors import Fault, Postponed, VendorError
from app.core.ports import Gateway, JsonObject, Key
from app.sync.reactions import REACTIONS

PAYLOADS = Path(__file__).parent / "payloads"


def corpus(vendor: str) -> list[JsonObject]:
    """The labelled faults of a vendor."""
    return list(wire.loads((PAYLOADS / vendor / "faults.json").read_bytes())["faults"])


@dataclass(frozen=True)
class Expected:
    """What a reaction promises: how many calls leave for one piece of work, and what the event does then."""

    calls: int
    raised: bool
    event: str | None = None
    cause: str | None = None


EXPECTED = {
    "end_of_list": Expected(1, False),
    "absent": Expected(1, False),
    "gone": Expected(1, False),
    "link": Expected(1, True, "refuse", "refused"),
    "look_up": Expected(1, True, "refuse", "refused"),
    "refuse": Expected(1, True, "refuse", "refused"),
    "unknown": Expected(1, True, "refuse", "unknown_fault"),
    "retry": Expected(1, True, "retry"),
    "wait": Expected(1, True, "wait"),
    "credentials": Expected(1, True, "credentials", "credentials"),
    "again": Expected(1, True, "retry", "vendor_down"),
    "repeated": Expected(3, True, "retry", "vendor_down"),
    "uncertain": Expected(1, True, "retry", "answer_lost"),
}
"""`again` comes back later (Omie would call a repeated read redundant), `repeated` is tried again within seconds.
`link` and `look_up` are refusals to whoever cannot place the record that is named; placing does (tests/e2e)."""


MARGIN_SECONDS = 2.0
"""What the limiter may add to what the vendor asked for."""


async def act(gateway: Gateway, entity: str, verb: str, bodies: dict[str, JsonObject]) -> Any:
    """One piece of work as the road does it."""
    if verb == "pages":
        return [record async for page in gateway.pages(entity) for record in page.records]
    if verb == "fetch":
        return await gateway.fetch(entity, "501")
    if verb == "find":
        return await gateway.find(entity, Key("email", "a@example.com"))
    return await gateway.write(entity, verb, None if verb == "create" else "501", bodies.get(verb, {}))


async def check(gateway: Gateway, label: JsonObject, bodies: dict[str, JsonObject], calls: list[Any]) -> None:
    """Does the work and holds what came of it against the label. `calls` is what the vendor was sent."""
    expected, fault = EXPECTED[label["reaction"]], Fault(label["class"])
    error: VendorError | None = None
    answer: Any = None
    try:
        answer = await act(gateway, *label["call"], bodies)
    except VendorError as refused:
        error = refused
    assert len(calls) == expected.calls, label
    assert (error is not None) == expected.raised, label
    if error is None:
        assert not answer or label["reaction"] == "gone"
        return
    assert error.fault is (Fault.UNCERTAIN if label["reaction"] == "uncertain" else fault), label
    if "wait" in label:
        assert error.wait is not None
        assert label["wait"] <= error.wait <= label["wait"] + MARGIN_SECONDS, label
    reaction = REACTIONS[error.fault]
    assert reaction.kind == expected.event
    assert expected.cause in (None, reaction.cause)
    assert error.permanent or expected.event != "refuse", "a refusal is not sent again until the record changes"
    if label["reaction"] in ("wait", "retry", "credentials") and fault is not Fault.NOT_FOUND:
        await _nothing_leaves(gateway, label, bodies, calls)


async def _nothing_leaves(gateway: Gateway, label: JsonObject, bodies: dict[str, JsonObject], calls: list[Any]) -> None:
    """The same work again, at once: a limit holds it, or (credentials) the integration is stopped by its event."""
    if label["class"] == Fault.CREDENTIALS:
        return
    before = len(calls)
    try:
        await act(gateway, *label["call"], bodies)
    except Postponed:
        assert len(calls) == before, label
        return
    raise AssertionError(f"sent again at once: {label}")

"""Searches in Ploomes whose empty answer counts: a record known to live is asked for in the same filter."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.core.errors import VendorError
from app.core.ports import Gateway, Key, Record
from app.sync.mapping.fields import Refs
from app.sync.models import Event, Integration

CONTROL_ABSENT = "control"
"""Tag of the fault with which a gateway says that the control was not in the answer."""
CONTROLS = 3
"""Candidates worth asking for."""


@dataclass(frozen=True, slots=True)
class Search:
    """A look-up that a converter missed, and where it may be found."""

    integration: Integration
    key: str
    refs: Refs
    omie: Gateway
    ploomes: Gateway
    event: Event | None
    """The cause of what has to be created."""


async def find_beside_living(
    gateway: Gateway, entity: str, key: Key, controls: Sequence[str], gone: Callable[[str], Awaitable[None]]
) -> list[Record]:
    """Records that carry a key. A control missing from the answer is either a sign that the answer is worthless or
    itself deleted: only where the vendor confirms the latter the next one is tried, after `gone` took it out.

    Raises Postponed (while an absence is confirmed) and VendorError.
    """
    for control in controls:
        try:
            return await gateway.find(entity, key, control=control)
        except VendorError as error:
            if error.tag != CONTROL_ABSENT or await gateway.fetch(entity, control) is not None:
                raise
            await gone(control)
    return await gateway.find(entity, key)

"""What the engine asks of an entity beside its rows: pure functions, the same names in every entity file. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from app.core.ports import JsonObject, Vendor
from app.sync.decide import Sides, Verdict
from app.sync.fields import Field, Values

if TYPE_CHECKING:  # the configuration checks itself against the rows of the entities
    from app.sync.configuration import Config


CODE_PREFIX = "PLOOMES-"
"""Integration codes we write in Omie are this and the Ploomes id (contract section 6)."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The record waits for data: a count and `why`, no issue."""

    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ignore:
    """The record is none of ours."""

    cause: str
    reason: str


class Rules(Protocol):
    """An entity file, as the road sees it."""

    ENTITY: str
    FIELDS: tuple[Field, ...]
    KEY: str
    """Row that is the natural key."""
    INTEGRATION_CODE: str
    """Where Omie keeps the code of a record we created."""
    RETURNED: frozenset[str]
    """Rows that a new record gets in Omie and that go back to Ploomes where they are empty."""

    def qualify(self, vendor: Vendor, record: JsonObject, values: Values, config: "Config") -> Wait | Ignore | None:
        """Whether a record without a link may enter the other side; None means yes."""
        ...

    def recognisable(self, vendor: Vendor, record: JsonObject) -> bool:
        """Whether a found record may be the twin of another."""
        ...

    def other_id(self, vendor: Vendor, record: JsonObject, omie_id: str | None) -> str | None:
        """The id of the twin that the record itself carries."""
        ...

    def new_in_omie(self, values: Values, config: "Config") -> Values:
        """What a record to be created in Omie gets beside its own values."""
        ...

    def complete(self, vendor: Vendor, values: Values) -> Values:
        """What the receiving vendor demands and the other side may lack."""
        ...

    def suspends(self, sides: Sides, records: Sequence[JsonObject]) -> Wait | None:
        """Why edits of a linked pair rest, or None."""
        ...

    def adjust(self, verdict: Verdict, sides: Sides) -> Verdict:
        """What rows cannot say, on a verdict over a link."""
        ...

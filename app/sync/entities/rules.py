"""What the engine asks of an entity beside its rows: pure functions, the same names in every entity file. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from app.core.ports import JsonObject, Vendor
from app.sync.mapping.decide import Sides, Verdict
from app.sync.mapping.fields import Field, Master, Refs, Values

if TYPE_CHECKING:  # the configuration checks itself against the rows of the entities
    from app.sync.config.document import Config


CODE_PREFIX = "PLOOMES-"
"""Integration codes we write in Omie are this and the Ploomes id (contract section 6)."""
ID_DIGITS = 19
"""Ids of both vendors fit 64 bits."""


def typed_id(text: str | None) -> str | None:
    """The id that a field or code carries: people type all kinds of things there, and only digits are one. Pure."""
    return text if text and text.isascii() and text.isdigit() and len(text) <= ID_DIGITS else None


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
    unless_named: bool = False
    """A sale that names it lets it in, if it has a natural key."""


@dataclass(frozen=True, slots=True)
class Held:
    """A value that may not be sent now; the rest of the record goes, and an issue says why."""

    row_id: str
    cause: str
    detail: str
    waits: bool = False
    """True when the event waits for it too, and a new record is not made without it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold for a record to be in sync. All texts in Portuguese."""

    name: str
    ok: bool
    detail: str
    fix: str | None = None
    who: str | None = None

    def as_json(self) -> JsonObject:
        """The contract's shape."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "fix": self.fix, "who": self.who}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a record, for the conditions of its entity."""

    vendor: Vendor
    known: JsonObject | None
    """The raw values our index keeps of it; None when it does not know the record."""
    natural_key: str | None
    sides: Mapping[Vendor, Values]
    waiting: Mapping[str, str | None]
    """Causes for which events of the record wait, and their reasons."""
    inactive_sellers: Mapping[str, str] = field(default_factory=dict)
    """Code -> name of those in Omie."""


class Rules(Protocol):
    """An entity file, as the road sees it."""

    ENTITY: str
    FIELDS: tuple[Field, ...]
    SETS: Mapping[Vendor, str]
    """The set of each vendor's gateway that holds the records."""
    SIBLINGS: Sequence[str]
    """Entities that share the set in Ploomes, where each record is of one of them."""
    CUSTOM_FIELDS: str
    """Under which word `integrations.provisioned` keeps the keys of custom fields of that set."""
    MASTER: Master
    """`OMIE`: nothing is ever created, edited or deleted in Omie; `EITHER`: both ways."""
    KEY: str
    """Row that is the natural key."""
    KEY_IS_UNIQUE: bool
    """True when two records with one key are trouble for a person; False where keys may repeat."""
    INTEGRATION_CODE: str
    """Where Omie keeps the code of a record we created."""
    RETURNED: frozenset[str]
    """Rows that a new record gets in Omie and that go back to Ploomes where they are empty."""
    USED_IN: Mapping[str, str]
    """Sets of Ploomes whose rows may use a record, and the column that names it: a used one is inactivated instead of
    deleted."""
    STOCK_FIELD: str | None
    """The custom field of Ploomes in which a record shows its stock as a table."""
    INACTIVE: Values
    """What a record gets that is inactivated instead of deleted."""

    def qualify(
        self, vendor: Vendor, record: JsonObject, values: Values, config: "Config", refs: Refs
    ) -> Wait | Ignore | None:
        """Whether a record without a link may enter the other side; None means yes."""
        ...

    def recognisable(self, vendor: Vendor, record: JsonObject, refs: Refs) -> bool:
        """Whether a record is one of this entity, and so may be a twin; our index keeps what this looks at."""
        ...

    def other_id(self, vendor: Vendor, record: JsonObject, omie_id: str | None) -> str | None:
        """The id of the twin that the record itself carries."""
        ...

    def new_in_omie(self, values: Values, config: "Config") -> Values:
        """What a record to be created in Omie gets beside its own values."""
        ...

    def new_in_ploomes(self, values: Values, config: "Config") -> Values:
        """The same for a record to be created in Ploomes."""
        ...

    def complete(self, vendor: Vendor, values: Values) -> Values:
        """What the receiving vendor demands and the other side may lack."""
        ...

    def comparable(self, vendor: Vendor, values: Values, config: "Config") -> Values:
        """A side of a pair as a proof compares it: without what the sides hold differently by a rule of the entity."""
        ...

    def withhold(self, vendor: Vendor, values: Values, refs: Refs) -> Sequence[Held]:
        """Which of the values about to be written to a vendor must not be."""
        ...

    def suspends(self, sides: Sides, records: Sequence[JsonObject]) -> Wait | None:
        """Why edits of a linked pair rest, or None."""
        ...

    def adjust(self, verdict: Verdict, sides: Sides) -> Verdict:
        """What rows cannot say, on a verdict over a link."""
        ...

    def duplicate(self, key: str, vendor: Vendor, taken_by: str) -> tuple[str, str]:
        """Cause and detail of the issue of a natural key that a linked record of `vendor` has already."""
        ...

    def conditions(self, facts: Facts) -> Sequence[Condition]:
        """What must hold for a record of this entity beside what holds for all, in the order people should read it."""
        ...

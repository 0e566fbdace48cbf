"""One event on its road: what every step of it needs at hand, and the ways it can end."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.core.ports import Gateway, JsonObject, Record, Vendor
from app.sync.config.document import Config
from app.sync.entities import RULES, set_of, sharing
from app.sync.entities.rules import Rules
from app.sync.issues import Finding
from app.sync.lanes import Lease, record_lane
from app.sync.mapping.catalogue import rows_of
from app.sync.mapping.fields import Field, Refs, Values
from app.sync.models import Event, EventState, Integration, Link, WriteEntry

Tracer = Callable[[str], Coroutine[Any, Any, None]]
"""Called at every boundary of the road with its name; the proofs kill the process there."""


@dataclass(slots=True)
class Side:
    """One vendor's half of a record, as just read (or as seen inside the redundancy interval)."""

    values: Values
    read_at: datetime
    record: Record | None = None
    """The raw record; None when `values` come from memory."""
    paged: bool = False
    """True when a page of a resync or a sweep held it, perhaps some time ago."""


@dataclass(frozen=True, slots=True)
class Paged:
    """What the pages that made an event held of its pair (design section 5)."""

    version: int | None
    """The link's version then; None when there was no link."""
    sides: Mapping[Vendor, JsonObject | None]
    """`values`, `read_at` and, where it is needed, the raw `data` as text."""
    accepted: bool = False
    """True when a person accepted the plan's deletions."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an event ends. `waiting` without `due` waits for data: only a change or a person rings it again."""

    state: EventState
    cause: str
    reason: str
    due: float | None = None
    finding: Finding | None = None
    """An issue to open with it."""


def done(cause: str, reason: str) -> Outcome:
    """The event did its work, or there was none."""
    return Outcome(EventState.DONE, cause, reason)


def ignored(cause: str, reason: str) -> Outcome:
    """The record is none of ours."""
    return Outcome(EventState.IGNORED, cause, reason)


def waits(cause: str, reason: str, finding: Finding | None = None) -> Outcome:
    """Nothing can be done until the record's data change or a person decides."""
    return Outcome(EventState.WAITING, cause, reason, None, finding)


@dataclass(slots=True)
class Trip:
    """An event, its integration and what was gathered for it on the way."""

    event: Event
    integration: Integration
    config: Config
    omie: Gateway
    ploomes: Gateway
    lease: Lease
    refs: Refs
    reads: dict[str, Record] = field(default_factory=dict)
    """What this event read in Omie, by id, now or before it was put off."""
    paged: Paged | None = None
    """What the pages that made it held."""
    unfinished: Sequence[WriteEntry] = ()
    """Earlier writes of this pair whose outcome nobody stored."""
    findings: list[Finding] = field(default_factory=list)
    """Issues to open at the end although the event succeeds."""
    link: Link | None = None
    waits_for: list[Finding] = field(default_factory=list)
    """Those of the findings that the event itself waits for."""
    wrote: bool = False
    linked: bool = False
    """True when this trip made the link."""
    config_version: int = 0
    """Which version of the configuration `config` is; a newer one may be published meanwhile."""

    @property
    def rules(self) -> Rules:
        """The rules of an entity that is kept as pairs."""
        return RULES[self.entity]

    @property
    def rows(self) -> Sequence[Field]:
        """The field rows of the entity, fixed and mapped, without those that rest."""
        return rows_of(self.entity, self.config, self.refs)

    @property
    def vendor(self) -> Vendor:
        """Where the event comes from."""
        return Vendor(self.event.vendor)

    @property
    def entity(self) -> str:
        """The event's entity."""
        return str(self.event.entity)

    @property
    def record_id(self) -> str:
        """The id of the event's record."""
        return str(self.event.external_id)

    @property
    def siblings(self) -> Sequence[str]:
        """Entities that the event's record may be instead: those that share its set in Ploomes."""
        return sharing(self.entity, self.vendor)[1:]

    def set_of(self, vendor: Vendor) -> str:
        """The set of a vendor's gateway that holds the entity's records."""
        return set_of(self.entity, vendor)

    def lane(self, vendor: Vendor, external_id: str) -> str:
        """The lane of a record of this entity: entities that share a set share the lanes of its records."""
        return record_lane(self.integration, vendor, self.set_of(vendor), external_id)

    def gateway(self, vendor: Vendor) -> Gateway:
        """The gateway of a vendor, for this integration at this event's priority."""
        return self.omie if vendor is Vendor.OMIE else self.ploomes

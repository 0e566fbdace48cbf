"""What a pass asks of an entity: how its records are read, compared and decided, and what that costs.

`visit.py` answers for entities that are kept as pairs, by their rules; `sales/passing.py` answers for sales.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from app.core import wire
from app.core.ports import Gateway, JsonObject, Record, Vendor
from app.sync.config.document import Config
from app.sync.lookups.references import References
from app.sync.mapping.catalogue import rows_of
from app.sync.mapping.decide import Sides, Verdict
from app.sync.mapping.fields import Field, Master, MissingReference, Refs, Value, Values
from app.sync.models import Integration, Link

T = TypeVar("T")

PLACEHOLDER = "?"
ACCEPTED = "Diferença mantida: nenhum dos lados mudou e a regra do campo não a desfaz."


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a page in canonical values; a value that cannot be told counts as unchanged."""

    record: Record
    values: Values
    digest: str
    facts: JsonObject = field(default_factory=dict)
    """What else its entity wants to know of it later."""

    def as_json(self, *, raw: bool) -> JsonObject:
        """What an item keeps of it; the raw record where its event will need it."""
        kept: JsonObject = {
            **self.facts, "id": self.record.id, "values": self.values, "read_at": self.record.read_at.isoformat(),
        }  # fmt: skip
        return {**kept, "data": wire.dumps(self.record.data).decode()} if raw else kept


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done about an item: words of the plan, and the requests by vendor and verb.

    A verb of another set than the entity's own is spelled `set:verb`.
    """

    actions: list[str]
    calls: JsonObject
    target: Vendor
    """Where most of its requests go; a pair's event comes from the other side."""
    fresh: bool = False
    """True when Ploomes' side must be read again right before the event."""
    needs: frozenset[str] = frozenset()
    """What has to be made first, `kind:key`; see `lookups/foreseen.py`."""


class Subject(Protocol):
    """One page's worth of access to an integration, for one entity."""

    integration: Integration
    config: Config
    config_version: int
    """Which version of the configuration `config` is."""
    entity: str
    omie: Gateway
    ploomes: Gateway
    refs: Refs
    rows: Sequence[Field]
    sets: Mapping[Vendor, str]
    """The set of each vendor's gateway that holds the records."""
    index: Mapping[Vendor, str]
    """Under which set our index keeps the digests of the records."""
    filed: Mapping[Vendor, str]
    """Under which entity an event of a record is filed."""
    told_as: Sequence[str]
    """Entities whose events may tell of a record."""
    issue_entity: str
    keeps_raw: bool
    """Whether the event of a pair needs the raw row of the page."""
    proves_absence: Collection[Vendor]
    """Where a pass proves itself that a record is gone; elsewhere the event of the record asks."""
    table_key: str | None
    """The key of the field in which its records show their stock; None where they show none."""
    heals: bool
    """Whether a difference that is nobody's edit is put right by the rule of a first link."""

    async def resolving(self, work: Callable[[], T]) -> T:
        """Runs pure work over the look-ups, fetching each one it misses."""
        ...

    async def read(self, records: Sequence[Record], linked: Collection[str] = ()) -> list[Row]:
        """Values and digests of the records just read that are of the entity, or `linked` as such."""
        ...

    def equal(self, row: Row, link: Any, vendor: Vendor) -> bool:
        """Whether a row equals its half of the base."""
        ...

    def refusal(self, vendor: Vendor, row: Row) -> str | None:
        """Why a record without a link may not enter the other side, as a cause to count."""
        ...

    def twin(self, vendor: Vendor, row: Row) -> str | None:
        """The id of the other side's record that a record carries."""
        ...

    def natural_key(self, row: Row) -> str | None:
        """The key by which a record without a link may find its twin."""
        ...

    async def decided(self, sides: Sides, theirs: frozenset[str] | None = None) -> Verdict:
        """The road's decision, with its default policy; what does not exist yet is pretended.

        `theirs`: what other companies of the account map that linked the record first; None where none did.
        """
        ...

    def held(self, link: Link, vendor: Vendor) -> Values:
        """What a side held that no page told to differ."""
        ...

    def work(self, link: Link | None, verdict: Verdict, sides: Sides) -> Work:
        """What a verdict takes; without actions when nothing is to be done."""
        ...

    def creation(self, row: JsonObject, target: Vendor, key: str | None) -> Work | None:
        """What a record without a twin takes; None when it gets none."""
        ...

    async def needs(self, row: JsonObject, target: Vendor) -> frozenset[str]:
        """What has to be made first for the twin that a record gets on the other side."""
        ...

    def ending(self, link: Link, gone: Vendor) -> Work:
        """What a linked record takes that is gone on one side."""
        ...

    def differing(self, sides: Sides) -> list[Field]:
        """Rows in which the two sides do not hold the same."""
        ...


class Access:
    """What every subject holds."""

    def __init__(
        self,
        integration: Integration,
        config: Config,
        entity: str,
        omie: Gateway,
        ploomes: Gateway,
        references: References,
        refs: Refs,
    ) -> None:
        self.integration = integration
        self.config = config
        self.config_version = 0
        self.entity = entity
        self.rows: Sequence[Field] = rows_of(entity, config, refs)
        self.omie = omie
        self.ploomes = ploomes
        self.refs = refs
        self.table_key: str | None = None
        self._references = references

    async def resolving(self, work: Callable[[], T]) -> T:
        """Runs pure work over the look-ups, fetching each one it misses."""
        while True:
            try:
                return work()
            except MissingReference as missing:
                await self._references.resolve(self.integration, missing, self.refs, self.omie, self.ploomes)


# --- rows --------------------------------------------------------------------------------------------------------


def comparable_digest(vendor: Vendor, fields: Sequence[Field], values: Values, refs: Refs) -> str:
    """A hash of the values in one form: equal on both sides of a pair in agreement. Raises MissingReference.

    The form is Omie's, and Ploomes' where Omie alone decides: only the way to the follower is certain.
    """
    told = [row for row in fields if not (row.noted or row.watched)]
    return wire.digest({row.id: _form(row, vendor, values.get(row.id), refs) for row in told})


def _form(row: Field, vendor: Vendor, value: Value, refs: Refs) -> Value:
    if row.master is Master.OMIE:
        return row.by.widen(value, None, refs) if vendor is Vendor.OMIE else value
    return value if vendor is Vendor.OMIE else row.by.narrow(value, refs)


def equals_base(row: Row, link: Any, vendor: Vendor, fields: Sequence[Field]) -> bool:
    """A row equals its half of the base in every field that it tells."""
    base = link.omie_base if vendor is Vendor.OMIE else link.ploomes_base
    told = [each.id for each in fields if each.id in row.values]
    return all(name in base and base[name] == row.values[name] for name in told)


def sides_of(omie: JsonObject | None, ploomes: JsonObject | None, link: Link | None) -> Sides:
    """Both sides as the pages held them; what no page told held its base."""
    omie_base, ploomes_base = (link.omie_base, link.ploomes_base) if link is not None else ({}, {})
    now = {**omie_base, **omie["values"]} if omie else omie_base
    there = {**ploomes_base, **ploomes["values"]} if ploomes else ploomes_base
    return Sides(now, there, omie_base, ploomes_base)


# --- verdicts ----------------------------------------------------------------------------------------------------


def actions_of(verdict: Verdict) -> list[str]:
    """Words of the plan for a verdict; none when nothing leaves."""
    words = []
    if verdict.to_omie:
        words.append("update_in_omie")
    if verdict.to_ploomes:
        words.append("update_in_ploomes")
    if verdict.asks or verdict.lost:
        words.append("conflict")
    return words


def target_of(verdict: Verdict) -> Vendor:
    """Where a linked pair's requests go."""
    return Vendor.PLOOMES if verdict.to_ploomes and not verdict.to_omie else Vendor.OMIE


def calls_of(verdict: Verdict, sides: Sides) -> JsonObject:
    """Requests a verdict takes, by vendor and verb; tags go to Omie by calls of their own."""
    omie: dict[str, int] = {}
    if any(name != "tags" for name in verdict.to_omie):
        omie["update"] = 1
    if "tags" in verdict.to_omie:
        held, wanted = _folded(sides.omie.get("tags")), _folded(verdict.to_omie["tags"])
        omie |= {verb: 1 for verb, some in (("include_tags", wanted - held), ("exclude_tags", held - wanted)) if some}
    ploomes = {"update": 1} if verdict.to_ploomes else {}
    return {"omie": omie, "ploomes": ploomes}


def _folded(value: Any) -> set[str]:
    return {str(name).casefold() for name in value} if isinstance(value, list) else set()


# --- look-ups of a plan ------------------------------------------------------------------------------------------


def without_creating(refs: Refs) -> Refs:
    """Look-ups that a plan may fill with what does not exist yet, without anybody else seeing it."""
    return replace(
        refs,
        tag_ids=dict(refs.tag_ids),
        default_groups=dict(refs.default_groups),
        group_of_family=dict(refs.group_of_family),
        option_ids={name: dict(options) for name, options in refs.option_ids.items()},
    )


def _pretended(refs: Refs, missing: MissingReference) -> tuple[dict[str, Any], str] | None:
    """Where the road would keep what it creates, table and key; None when it is only to be looked up."""
    if missing.kind == "tag":
        return refs.tag_ids, missing.key.casefold()
    if missing.kind == "group":
        return refs.default_groups, missing.key
    if missing.kind == "family":
        return refs.group_of_family, missing.key
    if missing.kind == "option_id":
        name, _, value = missing.key.partition(":")
        return refs.option_ids.setdefault(name, {}), value
    return None


async def planned(visit: Subject, work: Callable[[], T]) -> T:
    """Runs pure work over the look-ups of a visit made by `without_creating`: what is missing is looked up, what does
    not exist is pretended, and nothing is made. Raises Postponed, VendorError."""
    return (await foreseen(visit, work))[0]


async def foreseen(visit: Subject, work: Callable[[], T]) -> tuple[T, frozenset[str]]:
    """The same, and what this work needs to be made first. It is pretended for it alone: the next one needs it too."""
    needs: dict[str, tuple[dict[str, Any], str]] = {}

    def pretending() -> T:
        while True:
            try:
                return work()
            except MissingReference as missing:
                slot = _pretended(visit.refs, missing)
                if slot is None:
                    raise
                table, key = slot
                table[key] = PLACEHOLDER
                needs[f"{missing.kind}:{missing.key}"] = slot

    try:
        return await visit.resolving(pretending), frozenset(needs)
    finally:
        for table, key in needs.values():
            if table.get(key) == PLACEHOLDER:
                del table[key]


def gateway_of(visit: Subject, vendor: Vendor) -> Gateway:
    """A vendor's gateway of a subject."""
    return visit.omie if vendor is Vendor.OMIE else visit.ploomes

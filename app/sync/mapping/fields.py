"""The field row: one line of a mapping, read by everything that compares, writes, checks or shows a field. Pure.

A row names the field on both vendors, how values are read and written (`by`), who is master, and what the API shows.
Paths: `a.b` walks objects; in Ploomes `@<FieldKey>:<Column>` is a custom property (reference 3.8), and
`@ponte_omie_id:StringValue` is resolved to the account's own key by `Refs.field_keys`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from app.core.ports import JsonObject, Vendor

Value = None | bool | int | str | list[str]
"""A canonical value: JSON-native, comparable, empty always None. Decimals and dates are normalised text."""

Values = dict[str, Value]
"""Canonical values by field-row id."""


class Master(StrEnum):
    """Who wins when the other side is edited."""

    EITHER = "either"
    OMIE = "omie"
    PLOOMES = "ploomes"


class MissingReference(Exception):
    """A converter needs a look-up (`kind`, `key`) that the snapshot of references does not hold."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"{kind}:{key}")
        self.kind = kind
        self.key = key


@dataclass(slots=True)
class Refs:
    """A snapshot of look-ups, loaded by the shell before pure code runs. None as a value means: looked, not there."""

    sellers: dict[str, bool] = field(default_factory=dict)
    """Omie seller code -> active."""
    users: dict[str, bool] = field(default_factory=dict)
    """Ploomes user id -> not suspended."""
    user_of_seller: dict[str, str] = field(default_factory=dict)
    seller_of_user: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    """Ploomes contact status id -> lower-case name."""
    fax_types: set[str] = field(default_factory=set)
    phone_types: dict[str, str] = field(default_factory=dict)
    """Lower-case name -> Ploomes phone type id."""
    tag_names: dict[str, str | None] = field(default_factory=dict)
    """Ploomes tag id -> name."""
    tag_ids: dict[str, str | None] = field(default_factory=dict)
    """Case-folded tag name -> Ploomes tag id."""
    states: dict[str, str] = field(default_factory=dict)
    """UF -> Ploomes state id."""
    city_ids: dict[str, str | None] = field(default_factory=dict)
    """Canonical city -> Ploomes city id."""
    city_keys: dict[str, str | None] = field(default_factory=dict)
    """Ploomes city id -> canonical city."""
    omie_cities: dict[str, str | None] = field(default_factory=dict)
    """`NAME/UF` -> IBGE code of that city in Omie."""
    omie_countries: dict[str, str] = field(default_factory=dict)
    """Omie country code -> two-letter code."""
    ploomes_countries: dict[str, str] = field(default_factory=dict)
    """Ploomes country id -> two-letter code."""
    options: dict[str, dict[str, str | None]] = field(default_factory=dict)
    """FieldKey of a mapped option field -> option id -> Omie's code, None for an option that stands for no code."""
    option_ids: dict[str, dict[str, str | None]] = field(default_factory=dict)
    """FieldKey of a mapped option field -> Omie's code -> option id, None for a code without an option; of an open
    list also the folded text of what it holds."""
    properties: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Key of a native field of Ploomes -> the properties in which records keep its value."""
    gone_fields: frozenset[str] = frozenset()
    """FieldKeys that a mapping names and that are in Ploomes no more: their rows rest."""
    families: dict[str, str] = field(default_factory=dict)
    """Product family of ours in Ploomes, by name -> id."""
    default_groups: dict[str, str] = field(default_factory=dict)
    """Family of Ploomes -> the group in it for what has no family in Omie."""
    group_of_family: dict[str, str] = field(default_factory=dict)
    """Omie family code -> group id in Ploomes."""
    groups_from_family: bool = True
    """False when the configuration puts every product into the default group."""
    product_markers: dict[str, str] = field(default_factory=dict)
    """`active` and `inactive` -> id of that marker of products in Ploomes."""
    rival_keys: frozenset[str] = frozenset()
    """FieldKeys in which other integrations of the account keep their Omie ids."""
    field_keys: dict[str, str] = field(default_factory=dict)
    """Stable field name (`ponte_omie_id`) -> FieldKey in this account and entity."""


class Converter(Protocol):
    """Two-way translation of one field between wire and canonical form, and between the two canonical forms."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        """The canonical value as this vendor holds it. Raises MissingReference."""
        ...

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        """A wire patch that sets the value. `current` is the record as just read, for lists replaced whole."""
        ...

    def narrow(self, value: Value, refs: Refs) -> Value:
        """Ploomes' canonical form -> the form Omie can hold (clamped, first three phones, known sellers only)."""
        ...

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        """Omie's canonical form -> the form to hold in Ploomes, given what Ploomes holds now."""
        ...


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a mapping. `omie` and `ploomes` are paths; see the module text."""

    key: str
    label: str
    """Portuguese, for people."""
    omie: str
    ploomes: str
    by: Converter
    master: Master = Master.EITHER
    group: str | None = None
    """Fields of one group are one field for conflicts (the street address)."""
    entity: str = ""
    ploomes_type: str = "Texto simples"
    fixed: bool = True
    read_only: bool = False
    tax: bool = False
    noted: bool = False
    """Set when the record is created; later differences are noted and never applied."""
    watched: bool = False
    """Only Ploomes' form of it can be compared: its change goes to Omie, and what is done to it there stays."""
    features: Sequence[str] = ()

    @property
    def id(self) -> str:
        """Identity of the row in a base: a row that points elsewhere is another row, with a base of its own."""
        return self.key if self.fixed else f"{self.key}={self.ploomes}"

    @property
    def direction(self) -> str:
        """`both`, `to_ploomes` or `to_omie`, as the contract spells it."""
        return {Master.OMIE: "to_ploomes", Master.PLOOMES: "to_omie"}.get(self.master, "both")

    @property
    def field_key(self) -> str | None:
        """The FieldKey of a mapped row; None for fixed rows."""
        return None if self.fixed else self.ploomes[1:].partition(":")[0]

    def flows_to(self, vendor: Vendor) -> bool:
        """False for a mapped row that only ever goes the other way; fixed rows settle that themselves."""
        against = Master.OMIE if vendor is Vendor.OMIE else Master.PLOOMES
        return self.fixed or self.master is not against

    def path(self, vendor: Vendor) -> str:
        """Where the field lives on a vendor."""
        return self.omie if vendor is Vendor.OMIE else self.ploomes

    def read(self, vendor: Vendor, record: JsonObject, refs: Refs) -> Value:
        """Canonical value of this field in a vendor's record."""
        return self.by.read(vendor, record, self.path(vendor), refs)

    def agree(self, omie: Value, ploomes: Value, refs: Refs) -> bool:
        """True when the two sides hold the same thing, each in its own form."""
        return self.by.narrow(ploomes, refs) == omie


def get_path(record: Mapping[str, Any], path: str, refs: Refs) -> Any:
    """The wire value at a path, or None."""
    if path.startswith("@"):
        key, column = custom_slot(path, refs)
        for row in record.get("OtherProperties") or ():
            if row.get("FieldKey") == key:
                return row.get(column)
        return None
    here: Any = record
    for step in path.split("."):
        if not isinstance(here, Mapping):
            return None
        here = here.get(step)
    return here


def carries_any(record: Mapping[str, Any], keys: frozenset[str]) -> bool:
    """True when a Ploomes record has a value in one of these custom fields."""
    return any(
        row.get("FieldKey") in keys and row.get("StringValue") for row in record.get("OtherProperties") or () if keys
    )


def has_path(record: Mapping[str, Any], path: str) -> bool:
    """True when a (non-custom) path is present in the record, null or not."""
    here: Any = record
    for step in path.split("."):
        if not isinstance(here, Mapping) or step not in here:
            return False
        here = here[step]
    return True


def patch_at(path: str, value: Any, refs: Refs) -> JsonObject:
    """A wire patch that puts `value` at a path."""
    if path.startswith("@"):
        key, column = custom_slot(path, refs)
        return {"OtherProperties": [{"FieldKey": key, column: value}]}
    head, _, rest = path.partition(".")
    return {head: patch_at(rest, value, refs) if rest else value}


APPENDED = ("OtherProperties", "caracteristicas")
"""Lists whose rows each name what they set."""


def merge_patches(left: JsonObject, right: JsonObject) -> JsonObject:
    """Two wire patches as one: objects merge, rows that name what they set are appended, anything else is replaced."""
    merged = dict(left)
    for key, value in right.items():
        there = merged.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            merged[key] = merge_patches(there, value)
        elif key in APPENDED and there:
            merged[key] = [*there, *value]
        else:
            merged[key] = value
    return merged


def completed(body: JsonObject, patch: JsonObject) -> JsonObject:
    """A wire body with what it does not say itself out of a patch."""
    said = {row.get("FieldKey") for row in body.get("OtherProperties") or ()}
    fresh = [row for row in patch.get("OtherProperties") or () if row.get("FieldKey") not in said]
    left = {name: value for name, value in patch.items() if name not in body and name != "OtherProperties"}
    return merge_patches(body, {**left, "OtherProperties": fresh} if fresh else left)


def custom_slot(path: str, refs: Refs) -> tuple[str, str]:
    """FieldKey and value column of a custom path."""
    name, _, column = path[1:].partition(":")
    return refs.field_keys.get(name, name), column

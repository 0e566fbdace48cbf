"""What products and services share: how they lie in Ploomes' one register of products (F004-F006, F092-F101). Pure.

Ploomes knows one kind: the family tells products from services (Ploomes reference 3.3). Omie is master of every row.
"""

from dataclasses import dataclass

from app.core.ports import JsonObject, Vendor
from app.sync.mapping.convert import Multiline, Number, clean
from app.sync.mapping.fields import MissingReference, Refs, Value, get_path, patch_at

PRODUCTS_FAMILY, SERVICES_FAMILY = "Produtos", "Serviços"
NO_FAMILY = "0"
"""Omie's code of a product without family."""


@dataclass(frozen=True, slots=True)
class Family:
    """The family of Ploomes that a kind of record belongs to; Omie's side always says this one."""

    name: str

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        if vendor is Vendor.OMIE:
            return self.name
        held = clean(get_path(record, path, refs))
        return self.name if held is not None and held == refs.families.get(self.name) else held

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        family = refs.families.get(self.name)
        return {} if vendor is Vendor.OMIE or family is None else patch_at(path, int(family), refs)

    def narrow(self, value: Value, refs: Refs) -> Value:
        return value

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return value


@dataclass(frozen=True, slots=True)
class Group:
    """A family of Omie against a group of Ploomes; each side holds its own id.

    What has no family, or belongs to a kind that knows none, is in the group named like the family of Ploomes
    (F094, F095). `refs.group_of_family` is kept by `families.py`; groups are found or made when one is missed.
    """

    family: str

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        if vendor is Vendor.PLOOMES:
            return clean(get_path(record, path, refs))
        if self.family != PRODUCTS_FAMILY or not refs.groups_from_family:
            return NO_FAMILY
        return clean(get_path(record, path, refs)) or NO_FAMILY

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        return {} if vendor is Vendor.OMIE else patch_at(path, int(str(value)) if value else None, refs)

    def narrow(self, value: Value, refs: Refs) -> Value:
        return f"group:{value}"  # several families may share a group: only the way from Omie is certain

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        kind, known, key = (
            ("group", refs.default_groups, self.family)
            if value in (None, NO_FAMILY)
            else ("family", refs.group_of_family, str(value))
        )
        if key not in known:
            raise MissingReference(kind, key)
        return known[key]


@dataclass(frozen=True, slots=True)
class Marked:
    """Omie's `inativo` against the markers Ativo and Inativo of Ploomes' products (F101). True means active.

    Anything but exactly one of the two reads as nothing, so that Omie's is put back. Other markers are people's.
    """

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        if vendor is Vendor.OMIE:
            return str(get_path(record, path, refs)) != "S"
        held = {str(row.get("ListId")) for row in record.get(path) or ()}
        found = [word for word, marker in refs.product_markers.items() if marker in held]
        return found == ["active"] if len(found) == 1 else None

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        marker = refs.product_markers.get("active" if value else "inactive")
        if vendor is Vendor.OMIE or marker is None:
            return {}
        ours = set(refs.product_markers.values())
        kept = [row["ListId"] for row in (current or {}).get(path) or () if str(row.get("ListId")) not in ours]
        return {path: [{"ListId": int(each)} for each in (*kept, marker)]}

    def narrow(self, value: Value, refs: Refs) -> Value:
        return value

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return value


@dataclass(frozen=True, slots=True)
class Suspension:
    """Omie's `inativo` against Ploomes' `Suspended`: an inactive product is not offered."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        held = get_path(record, path, refs)
        return str(held) == "S" if vendor is Vendor.OMIE else bool(held)

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        return {} if vendor is Vendor.OMIE else patch_at(path, bool(value), refs)

    def narrow(self, value: Value, refs: Refs) -> Value:
        return value

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return value


@dataclass(frozen=True, slots=True)
class Price(Number):
    """A unit price; Omie leaves a price of zero out of some answers, which is still zero."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        value = Number.read(self, vendor, record, path, refs)
        return "0" if value is None and vendor is Vendor.OMIE else value


@dataclass(frozen=True, slots=True)
class Lines(Multiline):
    """A list of Omie as text, a row per line (images as links, characteristics with their values; F127, F128)."""

    tags: tuple[str, ...] = ()
    """What of a row is shown, joined by a colon."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        if vendor is Vendor.PLOOMES:
            return Multiline.read(self, vendor, record, path, refs)
        rows = get_path(record, path, refs) or ()
        lines = (": ".join(text for tag in self.tags if (text := clean(row.get(tag)))) for row in rows)
        return "\n".join(lines).strip() or None

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        if vendor is Vendor.PLOOMES:
            return Multiline.write(self, vendor, value, path, current, refs)
        return patch_at(path, [{self.tags[0]: line} for line in str(value or "").split("\n")], refs)

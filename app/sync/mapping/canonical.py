"""Records to canonical values and back, by the rows of an entity. Pure."""

from collections.abc import Sequence

from app.core.ports import JsonObject, Vendor
from app.sync.mapping.fields import Field, Refs, Values, get_path, has_path, merge_patches


def canonical(vendor: Vendor, rows: Sequence[Field], record: JsonObject, refs: Refs) -> Values:
    """Canonical values of every row in a vendor's record. Raises MissingReference."""
    return {row.id: row.read(vendor, record, refs) for row in rows}


def wire(vendor: Vendor, rows: Sequence[Field], values: Values, current: JsonObject | None, refs: Refs) -> JsonObject:
    """A patch in a vendor's wire form that sets `values`. Raises MissingReference."""
    patch: JsonObject = {}
    for row in rows:
        if row.id in values:
            piece = row.by.write(vendor, values[row.id], row.path(vendor), current, refs)
            patch = merge_patches(patch, piece)
    return patch


def body_values(
    vendor: Vendor, rows: Sequence[Field], new: JsonObject, old: JsonObject | None, refs: Refs
) -> Values | None:
    """Canonical values of a webhook body, or None when it does not carry every mapped field.

    Ploomes leaves nulls out, so a field missing from `new` counts as empty unless `old` had it
    (design section 4, "bodies only screen"). Raises MissingReference.
    """
    for row in rows:
        path = row.path(vendor)
        if vendor is Vendor.OMIE:
            if not path.startswith("@") and not has_path(new, path.partition(".")[0]):
                return None
        elif get_path(new, path, refs) is None and old is not None and get_path(old, path, refs) is not None:
            return None
    return canonical(vendor, rows, new, refs)

"""Every row that can be kept equal, of an integration and in general: fixed ones and mapped ones. Pure."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from app.sync.entities import FIELDS
from app.sync.mapping.fields import Field, Refs
from app.sync.mapping.mappable import ALL, Mappable, mappable

if TYPE_CHECKING:  # the configuration checks itself against this table
    from app.sync.config.document import Config


def rows_of(entity: str, config: "Config", refs: Refs | None = None) -> tuple[Field, ...]:
    """The rows of an entity's records in an integration: the fixed ones, then the mapped ones in their order.

    With `refs`, rows whose field is gone from Ploomes are left out: missing is never empty.
    """
    fixed = FIELDS.get(entity, ())
    return (*fixed, *_mapped(entity, config, refs, line=False)) if config.mappings else fixed


def line_rows_of(
    entity: str, config: "Config", refs: Refs | None = None, *, simples: bool = False
) -> tuple[Field, ...]:
    """The mapped rows of the items of an order; `simples` for companies in Simples Nacional, which have CSOSN."""
    return tuple(_mapped(entity, config, refs, line=True, simples=simples))


def _mapped(entity: str, config: "Config", refs: Refs | None, *, line: bool, simples: bool = False) -> Iterable[Field]:
    for mapping in config.mappings:
        row = mappable(mapping.omie, brand_as=config.products.brand_as)
        gone = refs is not None and mapping.ploomes in refs.gone_fields
        if row is not None and row.entity == entity and row.line is line and not gone:
            yield row.field(mapping.ploomes, mapping.direction, simples=simples)


def mapping_fields() -> list[dict[str, Any]]:
    """The REST catalogue: `{"key","label","entity","ploomes_type","read_only","tax","fixed","direction"}`."""
    fixed = [
        {
            "key": f"{entity}.{row.key}",
            "label": row.label,
            "entity": entity,
            "ploomes_type": row.ploomes_type,
            "read_only": row.read_only,
            "tax": row.tax,
            "fixed": True,
            "direction": row.direction,
            "line": False,
            "extra": False,
            "options": None,
        }
        for entity, rows in FIELDS.items()
        for row in rows
    ]
    return fixed + [_shown(row) for row in ALL]


def _shown(row: Mappable) -> dict[str, Any]:
    return {
        "key": row.key,
        "label": row.label,
        "entity": row.entity,
        "ploomes_type": row.ploomes_type,
        "read_only": row.read_only,
        "tax": row.tax,
        "fixed": False,
        "direction": row.direction,
        "line": row.line,
        "extra": row.extra,
        "options": getattr(row.by, "codes", None),
    }


def is_policy_key(name: str) -> bool:
    """True for what `conflicts.fields` may name: rows, and groups (a street address is one field)."""
    fixed = (row for rows in FIELDS.values() for row in rows)
    return any(name in (row.key, row.group) for row in fixed) or mappable(name) is not None

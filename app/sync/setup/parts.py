"""What activation makes inside a Ploomes account that somebody may delete there: families, markers, fields.

One table of parts: what there should be, as `integrations.provisioned` remembers it, and how it is made or found.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.core.ports import JsonObject, Record, Vendor
from app.sync.families import DEFAULT, FAMILY_GROUPS
from app.sync.lookups import known
from app.sync.mapping.goods import PRODUCTS_FAMILY
from app.sync.setup.account_fields import ENTITY_NAMES, surely_all
from app.sync.setup.checks import FAMILIES
from app.sync.setup.site import ENTITY_IDS, FieldSpec, Site, id_of, make_field, put_on_forms

SETS = ("contacts", "products", "orders")
"""Sets of Ploomes that Ponte watches and has fields in."""
MARKERS = {"active": "Ativo", "inactive": "Inativo"}
EARLIER_NAME = "id (omie)"
CONFIRM_SECONDS = 5.0
"""After a list in which something of ours was missing it is read once more: an empty answer is no proof."""

FIELD_SPECS: Sequence[FieldSpec] = (
    FieldSpec("ponte_omie_id", "contacts", "Id (Omie)", "Texto simples"),
    FieldSpec("ponte_omie_id", "products", "Id (Omie)", "Texto simples"),
    FieldSpec("ponte_omie_id", "orders", "Id (Omie)", "Texto simples"),
    FieldSpec("ponte_omie_number", "orders", "Nº do pedido (Omie)", "Texto simples"),
    FieldSpec("ponte_omie_status", "orders", "Situação (Omie)", "Texto simples"),
    FieldSpec("ponte_stock", "products", "Estoque (Omie)", "Texto multilinha"),
)


@dataclass(frozen=True, slots=True)
class Lost:
    """Something of ours that is in Ploomes no more."""

    label: str
    """In Portuguese, for people."""
    set_name: str
    """The set of Ploomes whose records need it, in the words of `integrations.provisioned`."""
    stops_sales: bool = False
    """Whether sales wait until the records that lost it have it again."""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of thing that activation makes and somebody may delete, and how it is made."""

    entity: str
    made: Callable[[JsonObject], Mapping[str, Lost]]
    """What there should be, by its id, out of `integrations.provisioned`."""
    make: Callable[[Site, Sequence[Record]], Awaitable[JsonObject]]
    """Makes what is missing beside the rows given; answers what to store."""


async def lost_of(site: Site, part: Part) -> tuple[list[Lost], list[Record]]:
    """What of a part is in Ploomes no more, and all rows of its set: two lists are asked before anything is missed."""
    missing = dict(part.made(site.before))
    rows: dict[str, Record] = {}
    for wait in (0.0, CONFIRM_SECONDS):
        if not missing:
            break
        if wait:
            await site.hold(wait)
            await site.clock.sleep(wait)
        rows |= {record.id: record for record in await site.all(part.entity)}
        missing = {each: lost for each, lost in missing.items() if each not in rows}
    return list(missing.values()), list(rows.values())


async def _named(
    site: Site,
    entity: str,
    rows: Sequence[Record],
    names: Iterable[str],
    body: Callable[[str], JsonObject],
    earlier: JsonObject,
) -> dict[str, Any]:
    """Ids by name of a set, making the missing ones; what we made `earlier` and somebody renamed gets its name back."""
    ids = {str(row.data.get("Name", "")).casefold(): row.data["Id"] for row in reversed(rows)}
    living = {row.data["Id"] for row in rows}
    for name in names:
        made = earlier.get(name)
        if name.casefold() in ids:
            continue
        if made in living:  # somebody renamed it
            await site.write(entity, "update", str(made), {"Name": name})
            ids[name.casefold()] = made
        else:
            ids[name.casefold()] = id_of(await site.write(entity, "create", None, body(name)))
    return {name: ids[name.casefold()] for name in names}


async def _families(site: Site, rows: Sequence[Record]) -> JsonObject:
    before = site.before.get("families") or {}
    ids = await _named(site, "families", rows, FAMILIES, lambda name: {"Name": name}, before)
    moved = {name: before[name] for name in FAMILIES if before.get(name) not in (None, ids[name])}
    if moved:
        await _regroup(site, moved, ids)
    return {"families": ids}


async def _regroup(site: Site, moved: JsonObject, ids: JsonObject) -> None:
    """Groups of a family that was deleted lie in none: those that stand for a family of Omie, or for what has none, are
    put into the one that took its place."""
    async with site.db.read() as session:
        kept = await known.everything(session, site.integration.id, Vendor.OMIE, FAMILY_GROUPS)
    home = {
        str(row.natural_key): row.external_id.removeprefix(DEFAULT)
        if row.external_id.startswith(DEFAULT)
        else PRODUCTS_FAMILY
        for row in kept
    }
    for group in await site.all("groups") if home else ():
        name = home.get(group.id, "")
        if name in moved and group.data.get("FamilyId") in (None, moved[name]):
            await site.write("groups", "update", group.id, {"FamilyId": ids[name]})


async def _markers(site: Site, rows: Sequence[Record]) -> JsonObject:
    before = site.before.get("markers") or {}
    earlier = {name: before.get(word) for word, name in MARKERS.items()}
    ids = await _named(
        site, "product_lists", rows, MARKERS.values(), lambda name: {"Name": name, "Editable": True}, earlier
    )
    return {"markers": {word: ids[name] for word, name in MARKERS.items()}}


async def _fields(site: Site, records: Sequence[Record]) -> JsonObject:
    """Our custom fields, and the fields named "Id (Omie)" that an earlier integration left."""
    rows = [row.data for row in records]
    surely_all(rows)
    async with site.db.transaction() as session:  # where native fields are kept is known from now on
        found = [known.known_of(record) for record in records]
        await known.upsert(session, site.integration.id, found, site.clock.now())
    types = {row.data["Id"]: str(row.data.get("Name", "")) for row in await site.all("field_types")}
    keys: dict[str, dict[str, str]] = {}
    made: list[tuple[FieldSpec, str]] = []
    for spec in (replace(each, name=site.label(each.name)) for each in FIELD_SPECS):
        key = await make_field(site, spec, rows, types)
        keys.setdefault(spec.key, {})[spec.entity] = key
        made.append((spec, key))
    await put_on_forms(site, made)
    earlier = {
        entity: [
            str(row["Key"])
            for row in rows
            if row.get("EntityId") == entity_id
            and str(row.get("Name", "")).casefold() == EARLIER_NAME
            and not str(row.get("SendExternalKey") or "").startswith("ponte_")
        ]
        for entity, entity_id in ((name, ENTITY_IDS[name]) for name in SETS)
    }
    return {"fields": keys, "earlier_fields": {entity: found for entity, found in earlier.items() if found}}


def _made_families(provisioned: JsonObject) -> dict[str, Lost]:
    made = provisioned.get("families") or {}
    return {str(each): Lost(f"família “{name}”", "products", stops_sales=True) for name, each in made.items()}


def _made_markers(provisioned: JsonObject) -> dict[str, Lost]:
    made = provisioned.get("markers") or {}
    return {str(each): Lost(f"marcador de produto “{MARKERS[word]}”", "products") for word, each in made.items()}


def _made_fields(provisioned: JsonObject) -> dict[str, Lost]:
    made = provisioned.get("fields") or {}
    keys = {spec: made.get(spec.key, {}).get(spec.entity) for spec in FIELD_SPECS}
    return {
        str(key): Lost(f"campo “{spec.name}” de {ENTITY_NAMES[ENTITY_IDS[spec.entity]]}", spec.entity)
        for spec, key in keys.items()
        if key
    }


PARTS: Sequence[Part] = (
    Part("families", _made_families, _families),
    Part("product_lists", _made_markers, _markers),
    Part("fields", _made_fields, _fields),
)
"""In the order in which they are made."""

"""What it takes to make what the records of a plan need first: markers, groups, options and carriers, each made once.

A plan only pretends them (`passes/subject.py`); the road makes each for the first record that needs it
(`references.py`, `sales/carriers.py`), and finds it for all others.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import Vendor
from app.sync.config.document import Config
from app.sync.families import group_name
from app.sync.lookups import known
from app.sync.lookups import mapped as mapped_refs
from app.sync.mapping.goods import PRODUCTS_FAMILY
from app.sync.mapping.places import fold
from app.sync.models import Integration, KnownRecord
from app.sync.sales.choices import is_carrier

Call = tuple[Vendor, str]
"""A request: whom it asks, and `set:verb`."""
Takes = Mapping[tuple[str, ...], Sequence[Call]]
"""Requests by what they are for; what several records need is there once."""
_GROUPS = ((Vendor.PLOOMES, "groups:list"),)
_TAG = ((Vendor.PLOOMES, "tags:find"), (Vendor.PLOOMES, "tags:create"))
_GROUP = ((Vendor.PLOOMES, "groups:find"), (Vendor.PLOOMES, "groups:create"))
_OPTION = ((Vendor.PLOOMES, "fields:read"), (Vendor.PLOOMES, "options:create"))
_NEW_CARRIER = ((Vendor.OMIE, "clients:create"),)
_TAGGED_CARRIER = ((Vendor.OMIE, "clients:read"), (Vendor.OMIE, "clients:include_tags"))


@dataclass(frozen=True, slots=True)
class _Known:
    """What our index holds of what may be needed."""

    config: Config
    families_in_ploomes: Mapping[str, str]
    """Ours, name -> id."""
    families: Mapping[str, str]
    """Omie's, code -> name."""
    groups: Collection[tuple[str, str]]
    """Groups that are there: family in Ploomes, folded name."""
    mapped: Sequence[KnownRecord]
    """Fields and code lists."""
    carriers: Mapping[str, Sequence[KnownRecord]]
    """Omie clients by document."""


def of_families(needs: Collection[str]) -> bool:
    """Whether the names of Omie's families are needed: families of one name share a group."""
    return any(need.startswith("family:") for need in needs)


async def taken(
    session: AsyncSession, integration: Integration, config: Config, needs: Collection[str]
) -> Counter[Call]:
    """The requests that some needs (`tag:Novo`, `family:7`) take together. Omie's families have been read."""
    kinds = [need.partition(":") for need in sorted(needs)]
    seen = await _known(session, integration, config, [key for kind, _, key in kinds if kind == "carrier"])
    once: dict[tuple[str, ...], Sequence[Call]] = {}
    for kind, _, key in kinds:
        once |= _KINDS[kind](seen, key)
    return Counter(call for calls in once.values() for call in calls)


async def _known(session: AsyncSession, integration: Integration, config: Config, documents: Collection[str]) -> _Known:
    families = await known.everything(session, integration.id, Vendor.OMIE, "families")
    groups = await known.everything(session, integration.id, Vendor.PLOOMES, "groups")
    sets = [(vendor.value, entity) for vendor, entity, _ in mapped_refs.sets_of(config)]
    return _Known(
        config,
        {name: str(family) for name, family in integration.provisioned.get("families", {}).items()},
        {row.external_id: row.name or "" for row in families},
        {(str(row.data.get("FamilyId")), fold(row.name or "")) for row in groups},
        await known.of_sets(session, integration.id, sets),
        {one: await known.find(session, integration.id, Vendor.OMIE, "clients", one) for one in documents},
    )


def _tag(seen: _Known, name: str) -> Takes:
    return {("tag", name.casefold()): _TAG}


def _group(seen: _Known, family: str) -> Takes:
    """The group named like its family of Ploomes."""
    return _group_named(seen, family, family)


def _family(seen: _Known, code: str) -> Takes:
    """The group named like a family of Omie; one that Omie does not know (any more) is none."""
    return _group_named(seen, seen.families.get(code, PRODUCTS_FAMILY), PRODUCTS_FAMILY)


def _group_named(seen: _Known, name: str, family: str) -> Takes:
    family_id = seen.families_in_ploomes.get(family)
    if family_id is None:
        return {}
    group = family_id, fold(group_name(name))
    looked: Takes = {("list", "groups"): _GROUPS}
    return looked if group in seen.groups else {**looked, ("group", *group): _GROUP}


def _option(seen: _Known, key: str) -> Takes:
    """A code that Omie does not list gets no option."""
    field_key, _, code = key.partition(":")
    name = mapped_refs.name_of_code(seen.mapped, seen.config, field_key, code)
    return {} if name is None else {("option", field_key, fold(code)): _OPTION}


def _carrier(seen: _Known, document: str) -> Takes:
    """A client that is none yet gets the tag, after a look whether it has it by now."""
    clients = seen.carriers.get(document, ())
    if any(is_carrier(row.data) for row in clients):
        return {}
    return {("carrier", document): _TAGGED_CARRIER if clients else _NEW_CARRIER}


_KINDS: Mapping[str, Callable[[_Known, str], Takes]] = {
    "tag": _tag, "group": _group, "family": _family, "option_id": _option, "carrier": _carrier,
}  # fmt: skip

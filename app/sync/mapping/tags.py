"""Tags of Omie and markers of Ploomes: a set of names both ways (F069, F257). Pure."""

from dataclasses import dataclass

from app.core.ports import JsonObject, Vendor
from app.sync.mapping.convert import clean
from app.sync.mapping.fields import MissingReference, Refs, Value

ROLE_TAGS = frozenset({"cliente", "fornecedor", "transportadora", "funcionário", "funcionario"})
"""Tags that are roles in Omie (reference 3.1); Ponte never removes them there."""


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags of Omie against markers of Ploomes, a set both ways; names are the key (F069, F257).

    In Omie the patch carries the wanted set under `tags`; the engine turns differences into IncluirTags and
    ExcluirTags, because AlterarCliente would replace the whole list (reference 5.8).
    """

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        names = []
        for row in record.get(path) or ():
            if vendor is Vendor.OMIE:
                name = clean(row.get("tag"))
            else:
                tag_id = str(row.get("TagId"))
                if tag_id not in refs.tag_names:
                    raise MissingReference("tag_id", tag_id)
                name = refs.tag_names[tag_id]
            if name:
                names.append(name)
        return _tag_set(names) or None

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        names = value if isinstance(value, list) else []
        if vendor is Vendor.OMIE:
            return {path: [{"tag": name} for name in names]}
        ids = [refs.tag_ids.get(name.casefold()) for name in names]
        return {path: [{"TagId": int(tag_id)} for tag_id in ids if tag_id]}

    def narrow(self, value: Value, refs: Refs) -> Value:
        return value

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        for name in value if isinstance(value, list) else ():
            if name.casefold() not in refs.tag_ids:
                raise MissingReference("tag", name)
        return value


def _tag_set(names: list[str]) -> list[str]:
    unique: dict[str, str] = {}
    for name in names:
        unique.setdefault(name.casefold(), name)
    return [unique[key] for key in sorted(unique)]


def merge_tags(omie: Value, ploomes: Value, omie_base: Value, ploomes_base: Value) -> tuple[Value, Value]:
    """The two sets after each side's additions and removals reached the other: (for Omie, for Ploomes).

    Without a base every tag counts as an addition. Role tags are never removed from Omie (design section 8).
    """
    here, there = _named(omie), _named(ploomes)
    here_base, there_base = _named(omie_base), _named(ploomes_base)
    removed_there = (there_base.keys() - there.keys()) - ROLE_TAGS
    removed_here = here_base.keys() - here.keys()
    for_omie = {
        k: v
        for k, v in (here | {k: there[k] for k in there.keys() - there_base.keys()}).items()
        if k not in removed_there
    }
    for_ploomes = {
        k: v for k, v in (there | {k: here[k] for k in here.keys() - here_base.keys()}).items() if k not in removed_here
    }
    return _tag_set(list(for_omie.values())) or None, _tag_set(list(for_ploomes.values())) or None


def _named(value: Value) -> dict[str, str]:
    return {name.casefold(): name for name in value} if isinstance(value, list) else {}

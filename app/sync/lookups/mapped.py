"""What mapped fields and conditions look up: which fields live in Ploomes, where native ones keep their value, and
which option stands for which code. Pure.

Everything is read from `known_records`: the set `fields` of Ploomes with its options, and Omie's code lists.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from app.core.ports import Vendor
from app.sync.config.field_use import conditions_of
from app.sync.config.scope import properties_of
from app.sync.mapping.choices import LISTS, CodeList, Option, called, choices_of, pair_choices, spellings
from app.sync.mapping.fields import Refs
from app.sync.mapping.mappable import mappable
from app.sync.mapping.places import fold
from app.sync.models import KnownRecord

if TYPE_CHECKING:
    from app.sync.config.document import Config

FIELDS_SECONDS = 900.0
"""How old the list of Ploomes' fields may be: no webhook tells of them."""
LISTS_SECONDS = 86400.0
"""How old a code list of Omie may be; a code that is not in it is looked for at once."""


def sets_of(config: "Config") -> list[tuple[Vendor, str, float]]:
    """The sets that the mapped rows and conditions of a configuration look things up in, and how old each may be."""
    if not config.mappings and not conditions_of(config):
        return []
    lists = dict.fromkeys(found.entity for _, found in _lists(config) if found.entity is not None)
    return [
        (Vendor.PLOOMES, "fields", FIELDS_SECONDS),
        *((Vendor.OMIE, entity, LISTS_SECONDS) for entity in lists),
    ]


def option_fields(config: "Config") -> list[tuple[str, str]]:
    """(FieldKey, list) of every mapped option field; where Simples Nacional has a list of its own, that one too."""
    return [(key, name) for key, name, _ in _options(config)]


def option_rows(config: "Config", key: str) -> list[tuple[str, str]]:
    """(entity, id) of the record rows that are mapped to an option field."""
    found = []
    for mapping in config.mappings:
        row = mappable(mapping.omie, brand_as=config.products.brand_as)
        if row is not None and mapping.ploomes == key and not row.line:
            found.append((row.entity, row.field(key, mapping.direction).id))
    return found


def apply(rows: Sequence[KnownRecord], config: "Config", refs: Refs, *, whole: bool) -> None:
    """Puts into a snapshot what the mapped rows look up; `whole`: the list of fields has been read."""
    living = {row.external_id: row for row in rows if row.vendor == Vendor.PLOOMES and row.entity == "fields"}
    refs.properties = {key: kept for key, row in living.items() if (kept := properties_of(row.data))}
    if whole:
        refs.gone_fields = frozenset(m.ploomes for m in config.mappings if m.ploomes not in living)
    names = code_names(rows, config)
    for key, _, found in _options(config):
        field = living.get(key)
        if field is None:
            continue
        codes = {code: name for each, _, _ in _same_field(config, key) for code, name in names.get(each, {}).items()}
        choices = choices_of(field.data)
        paired = pair_choices(choices, codes, any_text=found.open)
        refs.options[key] = {choice.id: paired.get(choice.id) for choice in choices}
        texts = spellings(choices, paired) if found.open else {}
        refs.option_ids[key] = {**texts, **{code: option for option, code in paired.items()}}


def spoken(rows: Sequence[KnownRecord], config: "Config") -> dict[str, dict[str, str]]:
    """FieldKey -> what people may call an option of it, folded -> Omie's code: the code, Omie's name of it, or the name
    of the option that stands for it in Ploomes."""
    living = {row.external_id: row for row in rows if row.vendor == Vendor.PLOOMES and row.entity == "fields"}
    names = code_names(rows, config)
    found: dict[str, dict[str, str]] = {}
    for key, name, codes in _options(config):
        choices = choices_of(living[key].data) if key in living else []
        paired = pair_choices(choices, names[name], any_text=codes.open)
        texts = {fold(choice.name): paired[choice.id] for choice in choices if choice.id in paired}
        found[key] = {**found.get(key, {}), **texts, **called(names[name])}
    return found


def code_names(rows: Iterable[KnownRecord], config: "Config") -> dict[str, dict[str, str]]:
    """List -> code -> name, for the lists that a configuration needs."""
    known = [row for row in rows if row.vendor == Vendor.OMIE]
    return {name: _names(found, known) for name, found in _lists(config)}


def name_of_code(rows: Iterable[KnownRecord], config: "Config", field_key: str, code: str) -> str | None:
    """What Omie calls a code of a mapped field's list; None when it lists no such code."""
    names = code_names(rows, config)
    for key, name, found in _options(config):
        if key == field_key and (code in names[name] or found.open):
            return names[name].get(code, code)
    return None


def names_of(name: str, rows: Iterable[KnownRecord]) -> dict[str, str]:
    """Code -> name of one list; `rows` are Omie's records of its set."""
    return _names(LISTS[name], [row for row in rows if row.vendor == Vendor.OMIE])


def _names(found: CodeList, rows: Iterable[KnownRecord]) -> dict[str, str]:
    if found.fixed is not None:
        return dict(found.fixed)
    mine = [row for row in rows if row.entity == found.entity and row.external_id.startswith(found.under)]
    return {row.external_id.removeprefix(found.under): row.name or "" for row in mine}


def _lists(config: "Config") -> list[tuple[str, CodeList]]:
    return [(name, LISTS[name]) for name in dict.fromkeys(name for _, name, _ in _options(config))]


def _options(config: "Config") -> list[tuple[str, str, CodeList]]:
    found = []
    for mapping in config.mappings:
        row = mappable(mapping.omie, brand_as=config.products.brand_as)
        for by in (row.by, row.simples_by) if row is not None else ():
            if isinstance(by, Option):
                found.append((mapping.ploomes, by.codes, LISTS[by.codes]))
    return found


def _same_field(config: "Config", key: str) -> list[tuple[str, str, CodeList]]:
    return [(name, each, found) for each, name, found in _options(config) if each == key]

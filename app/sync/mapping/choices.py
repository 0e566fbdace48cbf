"""Options of mapped fields: Omie's code against the id of an option in Ploomes. Pure.

The canonical value is Omie's code on both sides (design section 4: never an option id). An option that stands for no
code of Omie reads as `?<id>`: it is neither a value to send nor an empty field, and its row rests until it is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core.ports import JsonObject, Vendor
from app.sync.mapping.convert import clean
from app.sync.mapping.fields import MissingReference, Refs, Value, get_path, patch_at
from app.sync.mapping.places import fold

UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class CodeList:
    """Where the codes of an option field come from: a set of Omie, fixed texts, or the values themselves."""

    entity: str | None = None
    """The set of Omie, as the gateway names it."""
    under: str = ""
    """Only codes of that set under this prefix (a stage belongs to an operation)."""
    fixed: Mapping[str, str] | None = None
    """Codes and names no call lists."""
    open: bool = False
    """True when every text is a code of its own (a brand), however it is spelt; its options are made as texts turn
    up."""


LISTS: Mapping[str, CodeList] = {
    "activity_types": CodeList("activity_types"),
    "order_stages": CodeList("stages", under="11."),
    "freight": CodeList(
        fixed={
            "0": "Por conta do remetente (CIF)",
            "1": "Por conta do destinatário (FOB)",
            "2": "Por conta de terceiros",
            "3": "Transporte próprio do remetente",
            "4": "Transporte próprio do destinatário",
            "9": "Sem frete",
        }
    ),
    "icms_modality": CodeList(
        fixed={
            "0": "Margem Valor Agregado (%)",
            "1": "Pauta (valor)",
            "2": "Preço tabelado máximo (valor)",
            "3": "Valor da operação",
        }
    ),
    "icms_st_modality": CodeList(
        fixed={
            "0": "Preço tabelado ou máximo sugerido",
            "1": "Lista negativa (valor)",
            "2": "Lista positiva (valor)",
            "3": "Lista neutra (valor)",
            "4": "Margem Valor Agregado (%)",
            "5": "Pauta (valor)",
            "6": "Valor da operação",
        }
    ),
    "icms_situation": CodeList("icms_cst"),
    "icms_sn_situation": CodeList("icms_csosn"),
    "icms_origin": CodeList("icms_origins"),
    "ipi_situation": CodeList("ipi_cst"),
    "ipi_framing": CodeList("ipi_classes"),
    "ipi_calculation": CodeList("calculation_types"),
    "brands": CodeList(open=True),
}
"""Every list that an option field can stand for (Omie reference 3.6, 3.10)."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a Ploomes field. `codes` names a row of LISTS; `field` is the FieldKey, set when it is mapped."""

    codes: str
    field: str = ""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        raw = clean(get_path(record, path, refs))
        if vendor is Vendor.OMIE or raw is None:
            return raw
        known = refs.options.get(self.field, {})
        if raw not in known:
            raise MissingReference("option", f"{self.field}:{raw}")
        return known[raw] or f"{UNKNOWN}{raw}"

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        if vendor is Vendor.OMIE:
            return patch_at(path, value or "", refs)
        known = refs.option_ids.get(self.field, {})
        option = known.get(spelt(known, value)) if value is not None else None
        if value is not None and option is None:
            return {}
        return patch_at(path, int(option) if option else None, refs)

    def narrow(self, value: Value, refs: Refs) -> Value:
        return None if is_unknown(value) else value

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        if value is None:
            return None
        known = refs.option_ids.get(self.field, {})
        code = spelt(known, value)
        if code not in known:
            raise MissingReference("option_id", f"{self.field}:{value}")
        option = known[code]
        return refs.options.get(self.field, {}).get(option) or value if option else current

    def rests(self, omie: Value, ploomes: Value, refs: Refs) -> bool:
        """True when one side holds what the other cannot say: nothing of this row may be written or agreed on."""
        return is_unknown(ploomes) or self.widen(omie, UNKNOWN, refs) == UNKNOWN


def spelt(known: Mapping[str, str | None], value: Value) -> str:
    """The key under which a list knows a code; an open list also knows the folded text of what it holds. Pure."""
    code = str(value)
    return code if code in known else fold(code)


def is_unknown(value: Value) -> bool:
    """True for the reading of an option that stands for no code."""
    return isinstance(value, str) and value.startswith(UNKNOWN)


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a field in Ploomes."""

    id: str
    name: str
    external_key: str | None = None


def choices_of(field: JsonObject) -> list[Choice]:
    """The options of a field as Ploomes answers it, expanded."""
    rows = (field.get("OptionsTable") or {}).get("Options") or ()
    return [Choice(str(row["Id"]), str(row.get("Name") or ""), clean(row.get("ExternalKey"))) for row in rows]


def pair_choices(choices: Sequence[Choice], names: Mapping[str, str], *, any_text: bool = False) -> dict[str, str]:
    """Option id -> code: by ExternalKey, else by the code or the name written in the option. A code gets one option,
    the oldest; further ones stand for nothing."""
    paired: dict[str, str] = {}
    by_text = called(names)
    ordered = sorted(choices, key=lambda choice: (len(choice.id), choice.id))
    for exact in (True, False):
        for choice in ordered:
            code = choice.external_key if exact else by_text.get(fold(choice.name))
            if not exact and code is None and any_text:
                code = choice.name
            valid = code is not None and (any_text or code in names)
            if valid and choice.id not in paired and code not in paired.values():
                paired[choice.id] = str(code)
    return paired


def spellings(choices: Sequence[Choice], paired: Mapping[str, str]) -> dict[str, str]:
    """Folded text -> option id, of an open list: texts that differ by case or accents only are one, and so are the code
    of an option and the name that a person gave it."""
    names = {choice.id: choice.name for choice in choices}
    found: dict[str, str] = {}
    for option, code in paired.items():
        for text in (code, names[option]):
            found.setdefault(fold(text), option)
    return found


def called(names: Mapping[str, str]) -> dict[str, str]:
    """What people may call a code, folded -> the code; `names` is what Omie calls it."""
    return {fold(text): code for code, name in names.items() for text in (code, name, title_of(code, name))}


def title_of(code: str, name: str) -> str:
    """What an option is called when Ponte makes it."""
    return (name if code == name or not name else f"{code} - {name}")[:200]

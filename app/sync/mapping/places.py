"""Cities, states and countries: each vendor has its own ids, the canonical form is the official code. Pure."""

import re
import unicodedata
from dataclasses import dataclass

from app.core.ports import JsonObject, Vendor
from app.sync.mapping.convert import clean
from app.sync.mapping.fields import MissingReference, Refs, Value, get_path


def fold(text: str) -> str:
    """Upper case without accents, one space between words: how place names compare."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(plain.upper().split())


@dataclass(frozen=True, slots=True)
class State:
    """UF; in Ploomes StateId through the list of Brazilian states."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        if vendor is Vendor.OMIE:
            uf = clean(record.get(path))
            return uf.upper() if uf and uf.upper() != "EX" else None
        state_id = record.get(path)
        if state_id is None:
            return None
        return next((uf for uf, known in refs.states.items() if known == str(state_id)), None)

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        if vendor is Vendor.OMIE:
            return {path: value or ""}
        state_id = refs.states.get(str(value)) if value else None
        return {path: int(state_id) if state_id else None}

    def narrow(self, value: Value, refs: Refs) -> Value:
        return value

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return value if str(value) in refs.states else None


@dataclass(frozen=True, slots=True)
class City:
    """A city as its IBGE code, or `NAME/UF` where no code is known. Ploomes refers to it by CityId."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        if vendor is Vendor.OMIE:
            return omie_city(record)
        city_id = record.get(path)
        if city_id is None:
            return None
        if str(city_id) not in refs.city_keys:
            raise MissingReference("city_id", str(city_id))
        return refs.city_keys[str(city_id)]

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        if vendor is Vendor.OMIE:
            if not value:
                return {"cidade": ""}
            if str(value).isdigit():
                return {"cidade_ibge": value}
            name, _, uf = str(value).rpartition("/")
            return {"cidade": f"{name} ({uf})"}
        city_id = refs.city_ids.get(str(value)) if value else None
        return {path: int(city_id) if city_id else None}

    def narrow(self, value: Value, refs: Refs) -> Value:
        """A city without a code (people add some in Ploomes) goes under the code that Omie knows it by, or not at all:
        an unknown one would refuse the whole record."""
        if value is None or str(value).isdigit():
            return value
        if str(value).endswith("/"):
            return None  # abroad: Omie's register of cities is Brazil's
        if str(value) not in refs.omie_cities:
            raise MissingReference("omie_city", str(value))
        return refs.omie_cities[str(value)]

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        if value is None:
            return None
        if str(value) not in refs.city_ids:
            raise MissingReference("city", str(value))
        return value if refs.city_ids[str(value)] else None


def omie_city(record: JsonObject) -> str | None:
    """The canonical city of an Omie client: `cidade_ibge`, else `cidade` in the form `NAME (UF)` (reference 3.1)."""
    code = re.sub(r"\D", "", str(record.get("cidade_ibge") or ""))
    if len(code) == 7:
        return code
    name = clean(record.get("cidade"))
    if not name or fold(name) in ("EX", "EXTERIOR"):
        return None
    match = re.fullmatch(r"(.+?)\s*\((\w{2})\)", name)
    uf = match.group(2) if match else str(record.get("estado") or "")
    return f"{fold(match.group(1) if match else name)}/{uf.upper()}"


@dataclass(frozen=True, slots=True)
class Country:
    """A country as its two-letter code; Omie has `codigo_pais` (1058 = Brazil), Ploomes CountryId (76 = Brazil)."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        code = clean(get_path(record, path, refs))
        if code is None:
            return None
        table = refs.omie_countries if vendor is Vendor.OMIE else refs.ploomes_countries
        return table.get(code.lstrip("0") or code)

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        table = refs.omie_countries if vendor is Vendor.OMIE else refs.ploomes_countries
        code = next((code for code, iso in table.items() if iso == value), None)
        if vendor is Vendor.OMIE:
            return {path: code.zfill(4) if code else ""}
        return {path: int(code) if code else None}

    def narrow(self, value: Value, refs: Refs) -> Value:
        return value if value in refs.omie_countries.values() else None

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return value if value in refs.ploomes_countries.values() else None

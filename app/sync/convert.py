"""Two-way converters between wire and canonical values. Pure.

Canonical: text trimmed with entities decoded, documents [0-9A-Z] with valid check digits, phones in national digits,
decimals as plain normalised text, empty always None. Sources: Omie reference 2.4 and 3.1, Ploomes reference 3.1.
"""

import html
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import phonenumbers
from stdnum.br import cnpj, cpf

from app.core.ports import JsonObject, Vendor
from app.sync.fields import MissingReference, Refs, Value, get_path, patch_at

ROLE_TAGS = frozenset({"cliente", "fornecedor", "transportadora", "funcionário", "funcionario"})
"""Tags that are roles in Omie (reference 3.1); Ponte never removes them there."""


def clean(raw: Any) -> str | None:
    """Text without padding and HTML entities; empty is None."""
    if raw is None:
        return None
    return html.unescape(str(raw)).strip() or None


def fold(text: str) -> str:
    """Upper case without accents, one space between words: how place names compare."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(plain.upper().split())


def canonical_document(raw: Any) -> str | None:
    """A CPF or CNPJ (also the alphanumeric one of 2026) as [0-9A-Z], or None when absent or its digits are wrong."""
    text = re.sub(r"[^0-9A-Z]", "", str(raw or "").upper())
    if len(set(text)) == 1:
        return None  # 111.111.111-11 passes the check digits and is nobody's
    if (len(text) == 11 and cpf.is_valid(text)) or (len(text) == 14 and cnpj.is_valid(text)):
        return text
    return None


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text. `omie_size` and `ploomes_size` are what each vendor accepts; the other side is clamped to it."""

    omie_size: int | None = None
    ploomes_size: int | None = None

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        return clean(get_path(record, path, refs))

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        # an empty string clears in Omie (reference 5.8), null clears in Ploomes (reference 1)
        return patch_at(path, value if value is not None else ("" if vendor is Vendor.OMIE else None), refs)

    def narrow(self, value: Value, refs: Refs) -> Value:
        return _clamp(value, self.omie_size)

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return _clamp(value, self.ploomes_size)


def _clamp(value: Value, size: int | None) -> Value:
    if size is None or not isinstance(value, str) or len(value) <= size:
        return value
    return value[:size].rstrip()


@dataclass(frozen=True, slots=True)
class Document(Text):
    """CPF or CNPJ. Omie answers with mask, Ploomes keeps what was typed; both accept bare characters."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        if vendor is Vendor.OMIE:
            return canonical_document(get_path(record, path, refs))
        return next((d for name in (path, "CNPJ", "CPF") if (d := canonical_document(record.get(name)))), None)


@dataclass(frozen=True, slots=True)
class PersonType:
    """`person` or `company`: Omie derives it from the document, Ploomes has TypeId 2 or 1 (reference 2)."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        if vendor is Vendor.PLOOMES:
            return "person" if str(record.get("TypeId")) == "2" else "company"
        document = canonical_document(record.get("cnpj_cpf"))
        person = len(document) == 11 if document else record.get("pessoa_fisica") == "S"
        return "person" if person else "company"

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        # Omie has nothing to write: it derives the type (pessoa_fisica is read-only, reference 3.1)
        return {} if vendor is Vendor.OMIE else {"TypeId": 2 if value == "person" else 1}

    def narrow(self, value: Value, refs: Refs) -> Value:
        return value

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return value


@dataclass(frozen=True, slots=True)
class ZipCode:
    """CEP: eight digits in Omie, an integer without leading zeros in Ploomes (reference 3.1)."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        digits = re.sub(r"\D", "", str(get_path(record, path, refs) or ""))
        return digits.zfill(8) if digits and int(digits) and len(digits) <= 8 else None

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        if vendor is Vendor.OMIE:
            return patch_at(path, value or "", refs)
        return patch_at(path, int(str(value)) if value else None, refs)

    def narrow(self, value: Value, refs: Refs) -> Value:
        return value

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return value


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
        return value

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


@dataclass(frozen=True, slots=True)
class Phones:
    """Telefone 1, Telefone 2 and Fax of Omie against Ploomes' free list of phones (F057-F059, F075, F076).

    Omie's form: three slots, `""` where empty. Ploomes' form: the whole list, in order, fax numbers with a prefix.
    The first two that are no fax fill phone 1 and 2, the first of type Fax fills fax, the rest stays in Ploomes only.
    """

    FAX = "fax:"
    SLOTS = ("telefone1", "telefone2", "fax")

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        if vendor is Vendor.OMIE:
            slots = [_digits(f"{record.get(f'{s}_ddd') or ''}{record.get(f'{s}_numero') or ''}") for s in self.SLOTS]
            return slots if any(slots) else None
        numbers = []
        for row in record.get(path) or ():
            digits = _digits(row.get("PhoneNumber"))
            if digits:
                numbers.append(self.FAX + digits if _is_fax(row, refs) else digits)
        return numbers or None

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        numbers = value if isinstance(value, list) else []
        if vendor is Vendor.OMIE:
            patch: JsonObject = {}
            for slot, digits in zip(self.SLOTS, numbers or ("", "", ""), strict=True):
                patch[f"{slot}_ddd"], patch[f"{slot}_numero"] = split_phone(digits)
            return patch
        # Ploomes replaces the list whole: rows of unchanged numbers keep the text and type a person gave them
        kept = {
            self.FAX + d if _is_fax(row, refs) else d: row
            for row in (current or {}).get(path) or ()
            if (d := _digits(row.get("PhoneNumber")))
        }
        return {path: [_phone_row(number, kept.get(number), refs) for number in numbers]}

    def narrow(self, value: Value, refs: Refs) -> Value:
        numbers = value if isinstance(value, list) else []
        plain = [n for n in numbers if not n.startswith(self.FAX)][:2]
        faxes = [n.removeprefix(self.FAX) for n in numbers if n.startswith(self.FAX)][:1]
        slots = [*plain, *[""] * (2 - len(plain)), *(faxes or [""])]
        return slots if any(slots) else None

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        """Only the slots that differ from the list as it stands are replaced; numbers beyond them stay."""
        slots = value if isinstance(value, list) else ["", "", ""]
        numbers = list(current) if isinstance(current, list) else []
        plain = [n for n in numbers if not n.startswith(self.FAX)]
        faxes = [n for n in numbers if n.startswith(self.FAX)]
        new_fax = [self.FAX + slots[2]] if slots[2] else []
        extra = [n for n in plain[2:] if n not in slots[:2]]
        return [n for n in (*slots[:2], *extra, *new_fax, *faxes[1:]) if n] or None


def _digits(raw: Any) -> str:
    """National digits of a phone number; the Brazilian country code is dropped."""
    digits = re.sub(r"\D", "", str(raw or "")).lstrip("0")
    return digits[2:] if len(digits) in (12, 13) and digits.startswith("55") else digits


def _is_fax(row: JsonObject, refs: Refs) -> bool:
    return str(row.get("TypeId")) in refs.fax_types or str((row.get("Type") or {}).get("Name", "")).lower() == "fax"


def split_phone(digits: str) -> tuple[str, str]:
    """Area code and number as Omie wants them (`telefone1_ddd` s5, `telefone1_numero` s15)."""
    if len(digits) in (10, 11):
        return digits[:2], digits[2:]
    return ("", digits[:15]) if len(digits) <= 15 else (digits[:2], digits[2:17])


def format_phone(digits: str) -> str:
    """The usual Brazilian mask, `(11) 3000-0000`, where the digits make a Brazilian number."""
    if len(digits) in (10, 11):
        try:
            number = phonenumbers.parse(digits, "BR")
        except phonenumbers.NumberParseException:
            return digits
        formatted = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))
        return formatted if formatted.startswith("(") else f"({digits[:2]}) {digits[2:-4]}-{digits[-4:]}"
    return digits


def _phone_row(number: str, kept: JsonObject | None, refs: Refs) -> JsonObject:
    if kept is not None:
        return {name: kept[name] for name in ("PhoneNumber", "TypeId", "CountryId") if kept.get(name) is not None}
    digits = number.removeprefix(Phones.FAX)
    row: JsonObject = {"PhoneNumber": format_phone(digits), "CountryId": 76}
    type_id = refs.phone_types.get("fax") if number.startswith(Phones.FAX) else refs.phone_types.get("comercial")
    if type_id:
        row["TypeId"] = int(type_id)
    return row


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


@dataclass(frozen=True, slots=True)
class Owner:
    """Default seller of Omie against owner of Ploomes, paired by e-mail or by hand (F071, F190-F193).

    Each side holds its own id. A person without a partner reads as nothing on the other side.
    """

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        raw = get_path(record, path, refs)
        return str(raw) if raw and str(raw) != "0" else None

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        if vendor is Vendor.OMIE:
            return patch_at(path, int(str(value)) if value else 0, refs)
        return {path: int(str(value)) if value else None}

    def narrow(self, value: Value, refs: Refs) -> Value:
        if value is None:
            return None
        if str(value) not in refs.users:
            raise MissingReference("user", str(value))
        return refs.seller_of_user.get(str(value))

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        if value is None:
            return None
        if str(value) not in refs.sellers:
            raise MissingReference("seller", str(value))
        return refs.user_of_seller.get(str(value))


@dataclass(frozen=True, slots=True)
class Activity:
    """Omie's `inativo` against Ploomes' contact status, one way (F072, F077, F078). True means active.

    Any status but the inactive one reads as active: a prospect stays a prospect.
    """

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        if vendor is Vendor.OMIE:
            return record.get(path) != "S"
        return refs.statuses.get(str(record.get(path)), "") != "inativo"

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        if vendor is Vendor.OMIE:
            return {path: "N" if value else "S"}
        wanted = "ativo" if value else "inativo"
        status = next((i for i, name in refs.statuses.items() if name == wanted), None)
        return {path: int(status)} if status else {}

    def narrow(self, value: Value, refs: Refs) -> Value:
        return value

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return value


@dataclass(frozen=True, slots=True)
class Number(Text):
    """Integer, decimal, money or percent: exact, as plain text; `places` rounds what Omie can hold."""

    places: int | None = None

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        return canonical_decimal(get_path(record, path, refs))

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        if value is None:
            return patch_at(path, 0 if vendor is Vendor.OMIE else None, refs)
        return patch_at(path, Decimal(str(value)), refs)

    def narrow(self, value: Value, refs: Refs) -> Value:
        if value is None or self.places is None:
            return value
        return canonical_decimal(round(Decimal(str(value)), self.places))

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return value


@dataclass(frozen=True, slots=True)
class Checkbox(Text):
    """`S`/`N` in Omie, a boolean in Ploomes; an unticked box may have no row there and reads as false."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        raw = get_path(record, path, refs)
        return raw == "S" if vendor is Vendor.OMIE else bool(raw)

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        return patch_at(path, ("S" if value else "N") if vendor is Vendor.OMIE else bool(value), refs)


@dataclass(frozen=True, slots=True)
class Date(Text):
    """A day: `dd/mm/aaaa` in Omie, an ISO stamp at midnight in Ploomes; canonical `YYYY-MM-DD`."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        text = clean(get_path(record, path, refs))
        if text is None:
            return None
        match = re.fullmatch(r"(\d{2})/(\d{2})/(\d{4})", text)
        return f"{match.group(3)}-{match.group(2)}-{match.group(1)}" if match else text[:10]

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        if value is None:
            return patch_at(path, "" if vendor is Vendor.OMIE else None, refs)
        year, month, day = str(value).split("-")
        return patch_at(path, f"{day}/{month}/{year}" if vendor is Vendor.OMIE else f"{value}T00:00:00-03:00", refs)


def canonical_decimal(raw: Any) -> str | None:
    """A decimal as plain text without exponent and trailing zeros, or None."""
    if raw is None or raw == "":
        return None
    try:
        number = Decimal(str(raw))
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    plain = format(number.normalize(), "f")
    return "0" if plain == "-0" else plain

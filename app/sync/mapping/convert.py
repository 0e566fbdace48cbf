"""Two-way converters between wire and canonical values. Pure.

Canonical: text trimmed with entities decoded, documents [0-9A-Z] with valid check digits, phones in national digits,
decimals as plain normalised text, empty always None. Sources: Omie reference 2.4 and 3.1, Ploomes reference 3.1.
"""

import html
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from stdnum.br import cnpj, cpf

from app.core.ports import JsonObject, Vendor
from app.sync.mapping.fields import MissingReference, Refs, Value, get_path, patch_at


def clean(raw: Any) -> str | None:
    """Text without padding and HTML entities; empty is None."""
    if raw is None:
        return None
    return html.unescape(str(raw)).strip() or None


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
    """CEP: eight digits in Omie, an integer without leading zeros in Ploomes (reference 3.1).

    A postcode with letters is foreign: Ploomes cannot hold it and its digits alone would be another one.
    """

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        raw = str(get_path(record, path, refs) or "")
        digits = "" if any(sign.isalpha() for sign in raw) else re.sub(r"\D", "", raw)
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
        status = self.status(value, refs)
        return {path: int(status)} if status else {}

    @staticmethod
    def status(value: Value, refs: Refs) -> str | None:
        """The Ploomes status that says it; None in an account that has none, and then nothing can be written."""
        wanted = "ativo" if value else "inativo"
        return next((i for i, name in refs.statuses.items() if name == wanted), None)

    def narrow(self, value: Value, refs: Refs) -> Value:
        return value

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return value


@dataclass(frozen=True, slots=True)
class Multiline(Text):
    """Text of several lines, whose breaks Windows, Omie and Ploomes spell differently; `line_break` is Omie's sign."""

    line_break: str = "\n"

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        text = clean(get_path(record, path, refs))
        if text is not None and vendor is Vendor.OMIE:
            text = text.replace(self.line_break, "\n")
        return text and (text.replace("\r\n", "\n").replace("\r", "\n").strip() or None)

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        if vendor is Vendor.OMIE and isinstance(value, str):
            value = value.replace("\n", self.line_break)
        return Text.write(self, vendor, value, path, current, refs)


@dataclass(frozen=True, slots=True)
class Characteristic(Text):
    """The value of one named characteristic: a list by name in Omie; an empty value removes it (reference 3.1)."""

    name: str = ""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        if vendor is Vendor.PLOOMES:
            return Text.read(self, vendor, record, path, refs)
        for row in record.get(path) or ():
            if str(row.get("campo") or row.get("cNomeCaract") or "").strip().casefold() == self.name.casefold():
                return clean(row.get("conteudo") or row.get("cConteudo"))
        return None

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        if vendor is Vendor.PLOOMES:
            return Text.write(self, vendor, value, path, current, refs)
        return {path: [{"campo": self.name, "conteudo": value or ""}]}


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
        return canonical_decimal(rounded(Decimal(str(value)), self.places))

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return value


@dataclass(frozen=True, slots=True)
class Amount(Number):
    """A number whose zero means "nothing" in Omie, which leaves zeros out of its answers (reference 5.14).

    `shown` puts that nothing into Ploomes as 0: a total without a discount has a discount of 0.
    """

    shown: bool = False

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        value = Number.read(self, vendor, record, path, refs)
        return self._in_omie(value) if vendor is Vendor.OMIE else value

    def narrow(self, value: Value, refs: Refs) -> Value:
        narrow = Number.narrow(self, value, refs)
        return narrow if self.shown else self._in_omie(narrow)  # an empty field does not show the 0 yet

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return current if value is None and current == "0" else value

    def _in_omie(self, value: Value) -> Value:
        empty = "0" if self.shown else None
        return empty if value in (None, "0") else value


@dataclass(frozen=True, slots=True)
class Integer(Amount):
    """A whole number; Ploomes' column takes nothing else."""

    places: int | None = 0

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        if value is None:
            return Number.write(self, vendor, value, path, current, refs)
        return patch_at(path, int(rounded(Decimal(str(value)), 0)), refs)

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return Amount.widen(self, Number.narrow(self, value, refs), current, refs)


@dataclass(frozen=True, slots=True)
class Checkbox(Text):
    """`S`/`N` in Omie, a boolean in Ploomes; an unticked box may have no row there and reads as false. Omie's third
    state, no answer yet, is nothing there and an unticked box here."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        raw = get_path(record, path, refs)
        return {"S": True, "N": False}.get(str(raw)) if vendor is Vendor.OMIE else bool(raw)

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        return patch_at(path, ("S" if value else "N") if vendor is Vendor.OMIE else bool(value), refs)

    def widen(self, value: Value, current: Value, refs: Refs) -> Value:
        return bool(value)


@dataclass(frozen=True, slots=True)
class Date(Text):
    """A day: `dd/mm/aaaa` in Omie, an ISO stamp at Brazilian midnight in Ploomes; canonical `YYYY-MM-DD`."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        text = clean(get_path(record, path, refs))
        return text and canonical_day(text)

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        if value is None:
            return patch_at(path, "" if vendor is Vendor.OMIE else None, refs)
        year, month, day = str(value).split("-")
        return patch_at(path, f"{day}/{month}/{year}" if vendor is Vendor.OMIE else f"{value}T00:00:00-03:00", refs)


BRAZIL = ZoneInfo("America/Sao_Paulo")
BRAZILIAN = (None, timedelta(hours=-3), timedelta(hours=-2))
"""Offsets of Brazilian clocks, with and without the summer time of earlier years; none means Brazilian too."""


def canonical_day(text: str) -> str | None:
    """The day of `dd/mm/aaaa` or of an ISO stamp, whose offset counts; None when it is no day."""
    match = re.match(r"(\d{2})/(\d{2})/(\d{4})", text)
    iso = f"{match.group(3)}-{match.group(2)}-{match.group(1)}" if match else text
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return None
    local = moment.utcoffset() in BRAZILIAN
    return (moment if local else moment.astimezone(BRAZIL)).date().isoformat()


_EXACT = Context(prec=120)
"""More digits than any vendor's number has: nothing is rounded by accident."""
MOST_DIGITS = 60


def canonical_decimal(raw: Any) -> str | None:
    """A decimal as plain text without exponent and trailing zeros, or None."""
    if raw is None or raw == "":
        return None
    try:
        number = Decimal(str(raw))
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
        return None
    plain = format(number.normalize(_EXACT), "f")
    return "0" if plain == "-0" else plain


def rounded(number: Decimal, places: int) -> Decimal:
    """To `places`, halves away from zero as money is rounded."""
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _EXACT)

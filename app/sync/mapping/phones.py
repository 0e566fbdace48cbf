"""Phones: three slots in Omie, a free list in Ploomes (F057-F059, F075, F076). Pure."""

import re
from dataclasses import dataclass
from typing import Any

import phonenumbers

from app.core.ports import JsonObject, Vendor
from app.sync.mapping.fields import Refs, Value


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


_WITHOUT_AREA = re.compile(r"0[3589]00")
"""0300, 0500, 0800 and 0900 numbers have no area code, and their zero is part of the number."""


def _digits(raw: Any) -> str:
    """National digits of a phone number; the Brazilian country code and the long distance zero are dropped."""
    digits = re.sub(r"\D", "", str(raw or ""))
    bare = digits.lstrip("0")
    if len(bare) in (12, 13) and bare.startswith("55"):
        digits = bare[2:]
    return digits if _WITHOUT_AREA.match(digits) else digits.lstrip("0")


def _is_fax(row: JsonObject, refs: Refs) -> bool:
    return str(row.get("TypeId")) in refs.fax_types or str((row.get("Type") or {}).get("Name", "")).lower() == "fax"


def split_phone(digits: str) -> tuple[str, str]:
    """Area code and number as Omie wants them (`telefone1_ddd` s5, `telefone1_numero` s15)."""
    if len(digits) in (10, 11) and not _WITHOUT_AREA.match(digits):
        return digits[:2], digits[2:]
    return ("", digits[:15]) if len(digits) <= 15 else (digits[:2], digits[2:17])


def format_phone(digits: str) -> str:
    """The usual Brazilian mask, `(11) 3000-0000` or `0800 123 4567`, where the digits make a Brazilian number."""
    if _WITHOUT_AREA.match(digits):
        return " ".join(part for part in (digits[:4], digits[4:7], digits[7:]) if part)
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

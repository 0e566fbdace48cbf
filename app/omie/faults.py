"""What Omie's refusals mean: one table, read from the top (Omie reference 1.4). Text first; codes hardly tell. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.errors import Fault, VendorError
from app.core.wire import fold
from app.omie.schemas import OMIE_TIME


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: any of its marks is enough."""

    fault: Fault
    text: str = ""
    """Pattern over the folded text (no accents, lower case)."""
    statuses: Sequence[int] = ()
    codes: Sequence[str] = ()
    """Ends of the `faultcode` that can be trusted."""
    wait: float | None = None
    """Seconds to wait when the text names none."""

    def fits(self, folded: str, status: int, code: str) -> bool:
        """True when the refusal shows one of the marks."""
        return (
            status in self.statuses
            or code.rpartition("-")[2] in self.codes
            or bool(self.text and re.search(self.text, folded))
        )


TABLE = (
    Row(Fault.BLOCKED, r"misuse_api_process|api bloqueada|consumo indevido", (425,), ("MISUSE_API_PROCESS",), 1800.0),
    Row(Fault.REDUNDANT, r"redundan|ja foi processada ou esta sendo processada", codes=("6",), wait=60.0),
    Row(Fault.BUSY, r"ja existe uma requisicao desse metodo", codes=("1880",), wait=5.0),
    Row(Fault.RATE_LIMITED, r"too many requests|limite de requisi", (429,), wait=60.0),
    Row(Fault.EMPTY, r"nao existem registros|nenhuma? .*foi encontrad", codes=("5113",)),
    Row(Fault.INVALID, r"nao faz parte da estrutura|nao e possivel|tag \[\w+\] somente deve", codes=("5001",)),
    Row(Fault.MISSING_REFERENCE, r"nao (cadastrad|encontrad).*- tag: \["),
    Row(Fault.MISSING_REFERENCE, r"cidade nao (cadastrad|encontrad)|codigo do municipio .*inval"),
    Row(Fault.NOT_FOUND, r"nao cadastrad|nao encontrad|nao foi encontrad"),
    Row(
        Fault.DUPLICATE,
        r"ja cadastrad|ja foi cadastrad|ja existe um|ja esta sendo utilizad|ja esta cadastrad|ja esta em uso",
    ),
    Row(
        Fault.CREDENTIALS,
        r"chave de acesso.*inval|aplicativo esta suspenso|dados de autenticacao.*inval|api is not enabled",
        (401, 403),
    ),
    Row(Fault.TRANSIENT, r"broken response|proto_byebye|ainda nao foi concluido", (408, 502, 503, 504)),
    Row(
        Fault.INVALID,
        r"obrigatori|numero maximo de caracteres|preenchimento inval|deve ser|esta inval|esta inativo|nao pode|"
        r"minimo de|nenhum parametro foi recebido|not exists|invalid json|syntaxerror|somente|inval[ia]d",
    ),
)
"""The order is the rule: a wording of one line often occurs in a later line too."""

_SPAN = re.compile(r"(\d{1,3}(?:\.\d{3})+|\d+)(,\d+)?\s*(hora|h\b|minuto|min\b|segundo|seg\b|s\b)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_CLOCK = re.compile(r"as (\d{1,2}):(\d{2})(?::(\d{2}))?")
_TAG = re.compile(r"tag:?\s*\[(\w+)\]", re.IGNORECASE)
_ID = re.compile(r"com o? ?id \[?(\d+)\]?")
_CODE = re.compile(r"c.digo de integra..o \[([^\]]*)\]|produto com c.digo (.+?)\s*\.?\s*$", re.IGNORECASE)
_NOUN = re.compile(r"^(?:error: )?(?:o |a )?(?:codigo d[oa] )?(\w+)(?: \w+){0,3} nao (?:cadastrad|encontrad)")


def classify(
    text: str,
    *,
    status: int,
    code: str = "",
    method: str = "",
    now: datetime,
    nouns: Sequence[str] = (),
    otherwise: Fault = Fault.UNKNOWN,
) -> VendorError:
    """The error a refusal stands for.

    `nouns` are the names Omie gives the record the call is about ("cliente"): another noun that is "não cadastrado" is
    a reference. `otherwise` is the class of what no line fits. `now` turns "às 19:04:08" into seconds.
    """
    folded = fold(text)
    row = next((row for row in TABLE if row.fits(folded, status, code)), Row(otherwise))
    fault = row.fault
    if fault is Fault.NOT_FOUND and nouns and _is_about_another(folded, nouns):
        fault = Fault.MISSING_REFERENCE
    duplicate = fault is Fault.DUPLICATE
    tag = _TAG.search(text)
    return VendorError(
        fault,
        " ".join(text.split())[:500],
        vendor="omie",
        method=method,
        status=status,
        wait=_wait(folded, now, row.wait) if row.wait is not None else None,
        existing_id=_existing_id(folded) if duplicate else None,
        existing_code=_existing_code(text) if duplicate else None,
        tag=tag.group(1) if tag else None,
    )


def _wait(folded: str, now: datetime, default: float) -> float:
    """Seconds a refusal asks for: all spans it names together, rounded up, as in "29 minutos e 30 segundos"."""
    if spans := _SPAN.findall(folded):
        return sum((float(number.replace(".", "")) + bool(part)) * _UNITS[unit[0]] for number, part, unit in spans)
    if found := _CLOCK.search(folded):
        hour, minute, second = (int(part or 0) for part in found.groups())
        if hour < 24 and minute < 60 and second < 60:
            return _until(hour, minute, second, now)
    return default


def _until(hour: int, minute: int, second: int, now: datetime) -> float:
    local = now.astimezone(OMIE_TIME)
    left = (local.replace(hour=hour, minute=minute, second=second, microsecond=0) - local).total_seconds()
    if left < -timedelta(hours=12).total_seconds():
        left += timedelta(days=1).total_seconds()
    return max(1.0, left)


def _is_about_another(folded: str, nouns: Sequence[str]) -> bool:
    found = _NOUN.search(folded)
    return found is not None and found.group(1) not in nouns


def _existing_id(folded: str) -> str | None:
    found = _ID.search(folded)
    return found.group(1) if found else None


def _existing_code(text: str) -> str | None:
    found = _CODE.search(text)
    code = (found.group(1) or found.group(2) or "").strip() if found else ""
    return code or None

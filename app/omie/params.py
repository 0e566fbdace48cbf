"""What a call is sent: ids as Omie types them, filters, windows, cursors, and writes checked before they cost an error.

Pure. What Omie is known to refuse is refused here, unsent.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from app.core.errors import Fault, VendorError
from app.core.ports import JsonObject
from app.omie.rows import Listing, Verb
from app.omie.schemas import OMIE_TIME, missing, refusal


def refused(text: str) -> VendorError:
    """A refusal of ours, before anything is sent."""
    return VendorError(Fault.INVALID, text, vendor="omie", sent=False)


def typed_id(external_id: str) -> int | str:
    """An id as Omie types it: numbers as numbers."""
    if not external_id:
        raise refused("O código do registro no Omie está vazio.")
    return int(external_id) if external_id.isascii() and external_id.isdigit() else external_id


def narrowing(entity: str, listing: Listing, within: Mapping[str, str]) -> JsonObject:
    """The filter of a crawl's narrowings; refuses those the list does not know."""
    if listing.needs is not None and listing.needs not in within:
        raise refused(f"O Omie só lista {entity} por {listing.needs}.")
    param: JsonObject = {}
    for name, value in within.items():
        if name not in listing.narrow:
            raise refused(f"O Omie não filtra {entity} por {name}.")
        param |= listing.narrow[name](value)
    return param


def window_of(listing: Listing, since: datetime | None, until: datetime) -> JsonObject:
    """The incremental filter, with both ends: without the second one Omie starts today (reference 2.3)."""
    names = listing.since
    if since is None or names is None:
        return {}
    start, end = since.astimezone(OMIE_TIME), until.astimezone(OMIE_TIME)
    window = {names.from_date: start.strftime("%d/%m/%Y"), names.to_date: end.strftime("%d/%m/%Y")}
    if names.from_hour and names.to_hour:
        window |= {names.from_hour: start.strftime("%H:%M:%S"), names.to_hour: end.strftime("%H:%M:%S")}
    return window


def to_cursor(number: int, total: int | None, until: datetime) -> str:
    """Where a crawl goes on: page, total at its start, end of its window."""
    return f"{number}:{'' if total is None else total}:{int(until.timestamp())}"


def from_cursor(cursor: str | None, now: datetime) -> tuple[int, int | None, datetime]:
    """Page, total at the start of the crawl, end of its window: the same end on every page, or rows would shift."""
    if not cursor:
        return 1, None, now + timedelta(minutes=5)
    number, total, until = cursor.split(":")
    return int(number), int(total) if total else None, datetime.fromtimestamp(int(until), UTC)


def write_param(spec: Verb, external_id: str | None, body: JsonObject) -> JsonObject:
    """What a write sends: the body with its id. What Omie is known to refuse is refused here."""
    problem = refusal(spec.shape, body)
    if problem is None and (path := missing(spec.required, body)):
        problem = path, f"O Omie exige o campo {path}."
    if problem is not None:
        error = refused(problem[1])
        error.tag = problem[0]
        raise error
    if spec.id_field is None:
        return {**body, **spec.fixed}
    if external_id is None:
        raise refused("Falta o código do registro no Omie.")
    return _put({**body, **spec.fixed}, spec.id_field.split("."), typed_id(external_id))


def _put(body: JsonObject, path: Sequence[str], value: Any) -> JsonObject:
    """The body with a value at a path, first in its block; the body given stays as it was."""
    name, *rest = path
    if not rest:
        return {name: value, **body}
    return {name: _put(body.get(name) or {}, rest, value), **{key: one for key, one in body.items() if key != name}}

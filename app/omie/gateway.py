"""Omie through the five verbs of `core/ports.py`; what each set needs is a row of `calls.py`."""

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from app.core.batch import ReadBatch
from app.core.errors import Fault, VendorError
from app.core.limit_rules import Call
from app.core.ports import JsonObject, Key, Page, Price, Priority, Record, Vendor, Written
from app.core.wire import fold
from app.omie.calls import SETS
from app.omie.client import OmieAnswer, OmieClient
from app.omie.params import from_cursor, narrowing, refused, to_cursor, typed_id, window_of, write_param
from app.omie.rows import PAGE_SIZE, Consult, Listing, Search, Set, Verb, at
from app.omie.schemas import OMIE_TIME, moment

SEARCH_PAGES = 20
"""A search that would read more pages than this is refused: it is no search any more."""


class OmieGateway:
    """Speaks for one integration at one priority."""

    vendor = Vendor.OMIE

    def __init__(self, client: OmieClient, priority: Priority = Priority.LIVE) -> None:
        self._client = client
        self._priority = priority

    async def fetch(self, entity: str, external_id: str) -> Record | None:
        """The record by its Omie id; None when Omie says that it is not there.

        Reads asked for while another one runs go together as one list by code.
        """
        row = _set(entity)
        if row.by_code is None:
            return await self.consult(entity, external_id)
        typed_id(external_id)
        batch = self._client.batches.setdefault((entity, self._priority), ReadBatch(row.by_code.most))
        return await batch.read(
            external_id,
            one=lambda one: self.consult(entity, one),
            many=lambda many: self._gathered(entity, many),
        )

    async def _gathered(self, entity: str, external_ids: Sequence[str]) -> dict[str, Record]:
        """Reads that went together; a list without one living record proves no absence (design section 5)."""
        found = await self.fetch_many(entity, external_ids)
        if not found:
            raise VendorError(Fault.TRANSIENT, "O Omie não devolveu nenhum dos registros pedidos.", vendor="omie")
        return found

    async def consult(self, entity: str, external_id: str) -> Record | None:
        """The record by its own call, the one that says "not there" in words."""
        row = _set(entity)
        if row.consult is None:
            found = [record async for page in self.pages(entity) for record in page.records]
            return next((record for record in found if record.id == external_id), None)
        try:
            answer = await self._read(row, row.consult.call, self._consult_param(row.consult, external_id))
        except VendorError as error:
            if error.fault is Fault.NOT_FOUND or (
                error.fault is Fault.MISSING_REFERENCE and error.tag in row.consult.keys
            ):
                return None
            raise
        return self._consulted(entity, row, row.consult, answer, external_id)

    async def fetch_many(self, entity: str, external_ids: Sequence[str]) -> dict[str, Record]:
        """Records by id through the list by code; what Omie leaves out is left out here."""
        row = _set(entity)
        wanted = list(dict.fromkeys(external_ids))
        found: dict[str, Record] = {}
        if row.by_code is None:
            for external_id in wanted:
                record = await self.consult(entity, external_id)
                if record is not None:
                    found[external_id] = record
            return found
        for start in range(0, len(wanted), row.by_code.most):
            part = wanted[start : start + row.by_code.most]
            param = {
                **self._page_param(_listing(entity, row), 1, row.by_code.most),
                row.by_code.filter: [{row.by_code.key: typed_id(one)} for one in part],
            }
            answer = await self._list(row, param)
            if answer is not None:
                found |= {record.id: record for record in self._records(entity, row, answer) if record.id in part}
        return found

    async def find(self, entity: str, key: Key, *, control: str | None = None) -> list[Record]:
        """Records that carry a natural key. Not-found and empty answers are errors that count: search sparingly.

        `control` is for Ploomes; an empty answer of Omie is explicit.
        """
        row = _set(entity)
        search = row.searches.get(key.name)
        if search is None:
            raise refused(f"O Omie não oferece busca de {entity} por {key.name}.")
        if search.consult:
            return await self._find_by_consult(entity, row, search, key)
        listing = _listing(entity, row)
        found: list[Record] = []
        for number in range(1, SEARCH_PAGES + 1):
            answer = await self._list(row, {**self._page_param(listing, number, PAGE_SIZE), **search.param(key)})
            if answer is None:
                break
            found += [one for one in self._records(entity, row, answer) if search.matches(one.data, key)]
            if (found and not search.every) or _is_last(listing, number, answer):
                break
        else:
            raise refused(f"A busca de {entity} por {key.name} no Omie traria registros demais.")
        return found

    async def pages(
        self,
        entity: str,
        *,
        since: datetime | None = None,
        cursor: str | None = None,
        within: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Page]:
        """Crawls a set page by page, trusting the number of pages Omie tells. A row that moved between pages while
        others came or went is given once; when the total changed on the way, the last page says `complete=False`."""
        row = _set(entity)
        listing = _listing(entity, row)
        number, total, until = from_cursor(cursor, self._client.clock.now())
        filters = {**narrowing(entity, listing, within or {}), **window_of(listing, since, until)}
        seen: set[str] = set()
        steady = True
        while True:
            answer = await self._list(row, {**self._page_param(listing, number, PAGE_SIZE), **filters})
            if answer is None:
                yield Page((), None, total or 0, complete=number == 1 and not total)
                return
            counted = _integer(answer.data.get(listing.paging.total)) if listing.paging else None
            steady = steady and (total is None or counted is None or counted == total)
            total = counted if total is None else total
            records = [one for one in self._records(entity, row, answer) if one.id not in seen]
            seen |= {record.id for record in records}
            last = _is_last(listing, number, answer)
            number += 1
            fresh = [one for one in records if since is None or _happened(listing, one.data, since)]
            yield Page(fresh, None if last else to_cursor(number, total, until), counted, complete=steady)
            if last:
                return

    def price(self, entity: str, verb: str) -> Price:
        """The method that serves a verb."""
        row = _set(entity)
        if verb == "read" and row.by_code is None and row.consult is not None:
            size, method = 1, row.consult.call
        elif verb in ("list", "read", "find") and row.listing is not None:
            size = row.by_code.most if verb == "read" and row.by_code else PAGE_SIZE
            method = row.listing.call
        else:
            size, method = 1, row.verbs[verb].call if verb in row.verbs else verb
        return Price(method, size)

    async def seconds(
        self, requests: Mapping[str, int], *, of_one_record: int = 0, traffic: Mapping[str, float] | None = None
    ) -> float:
        """By the rows of `budgets.py`."""
        call = partial(Call, "omie", self._client.account, priority=self._priority)
        calls = [(call(name), count) for name, count in requests.items()]
        if of_one_record:
            calls.append((call("", record=" "), of_one_record))
        beside = [(call(name), rate) for name, rate in (traffic or {}).items()]
        return await self._client.funnel.limiter.forecast(calls, beside)

    async def write(self, entity: str, verb: str, external_id: str | None, body: JsonObject) -> Written:
        """One write, by Omie id only. What Omie is known to refuse is refused here and costs no error (`sent` False).

        Deleting what is gone succeeds, and so does cancelling what is cancelled.
        """
        row = _set(entity)
        spec = row.verbs.get(verb)
        if spec is None:
            raise refused(f"O Omie não oferece {verb} de {entity}.")
        param = write_param(spec, external_id, body)
        try:
            answer = await self._client.call(
                spec.service or row.service,
                spec.call,
                param,
                priority=self._priority,
                write=True,
                record=external_id,
                nouns=row.nouns,
            )
        except VendorError as error:
            if external_id is not None and _is_so_already(verb, spec, error):
                return Written(external_id, None, self._client.clock.now())
            raise
        written = external_id or next((str(answer.data[name]) for name in spec.answers if answer.data.get(name)), None)
        if written is None:
            raise VendorError(
                Fault.UNCERTAIN, "O Omie aceitou a inclusão sem informar o código.", vendor="omie", method=spec.call
            )
        return Written(written, None, answer.sent_at)

    async def _find_by_consult(self, entity: str, row: Set, search: Search, key: Key) -> list[Record]:
        if row.consult is None:
            raise refused(f"O Omie não oferece consulta de {entity}.")
        try:
            answer = await self._read(row, row.consult.call, search.param(key))
        except VendorError as error:
            if error.fault in (Fault.NOT_FOUND, Fault.EMPTY):
                return []
            raise
        record = self._consulted(entity, row, row.consult, answer, None)
        return [record] if record is not None and search.matches(record.data, key) else []

    async def _list(self, row: Set, param: JsonObject) -> OmieAnswer | None:
        """One list call; None for Omie's "no records"."""
        try:
            return await self._read(row, row.listing.call if row.listing else "", param)
        except VendorError as error:
            if error.fault is Fault.EMPTY:
                return None
            raise

    async def _read(self, row: Set, call: str, param: JsonObject) -> OmieAnswer:
        return await self._client.call(row.service, call, param, priority=self._priority, nouns=row.nouns)

    def _consulted(
        self, entity: str, row: Set, consult: Consult, answer: OmieAnswer, external_id: str | None
    ) -> Record | None:
        """The record of a consult's answer; the one asked for where the answer does not say whose it is."""
        data = answer.data.get(consult.wrapped_in) or {} if consult.wrapped_in else answer.data
        if consult.anonymous and external_id is not None:
            return Record(Vendor.OMIE, entity, external_id, data, answer.sent_at)
        return self._record(entity, row, data, answer)

    def _records(self, entity: str, row: Set, answer: OmieAnswer) -> Iterable[Record]:
        listing = _listing(entity, row)
        told = (
            {name: value for name, value in data.items() if name not in listing.untold} if listing.untold else data
            for data in listing.rows(answer.data)
        )
        records = (self._record(entity, row, data, answer) for data in told)
        return {record.id: record for record in records if record is not None}.values()

    def _record(self, entity: str, row: Set, data: JsonObject, answer: OmieAnswer) -> Record | None:
        external_id = row.id_of(data)
        if not external_id:
            return None
        return Record(Vendor.OMIE, entity, external_id, data, answer.sent_at, _changed_at(row, data))

    def _page_param(self, listing: Listing, number: int, size: int) -> JsonObject:
        paging = {} if listing.paging is None else {listing.paging.page: number, listing.paging.size: size}
        return {**paging, **listing.param, **self._today(listing.today)}

    def _consult_param(self, consult: Consult, external_id: str) -> JsonObject:
        parts = external_id.split(".", len(consult.keys) - 1) if len(consult.keys) > 1 else [external_id]
        ids = {
            key: part if consult.text and part else typed_id(part)
            for key, part in zip(consult.keys, parts, strict=False)
        }
        return {**ids, **consult.param, **self._today(consult.today)}

    def _today(self, tag: str | None) -> JsonObject:
        return {tag: self._client.clock.now().astimezone(OMIE_TIME).strftime("%d/%m/%Y")} if tag else {}


def _changed_at(row: Set, data: JsonObject) -> datetime | None:
    """The last of the stamps that a row carries (reference 2.4); most rows have an `info` block."""
    paths = row.listing.stamps if row.listing and row.listing.stamps else (("info.dAlt", "info.hAlt"),)
    stamps = [stamp for day, hour in paths if (stamp := moment(at(data, day), at(data, hour)))]
    return max(stamps).astimezone(UTC) if stamps else None


def _set(entity: str) -> Set:
    row = SETS.get(entity)
    if row is None:
        raise refused(f"O Omie não tem o cadastro {entity}.")
    return row


def _integer(value: Any) -> int:
    text = str(value or "0")
    return int(text) if text.isascii() and text.isdigit() else 0


def _listing(entity: str, row: Set) -> Listing:
    if row.listing is None:
        raise refused(f"O Omie não lista {entity}; leia por código.")
    return row.listing


def _is_last(listing: Listing, number: int, answer: OmieAnswer) -> bool:
    return listing.paging is None or number >= _integer(answer.data.get(listing.paging.pages))


def _happened(listing: Listing, data: JsonObject, since: datetime) -> bool:
    """Whether a row was touched since an instant; a row that tells nothing counts as touched."""
    stamps = [moment(at(data, day), at(data, hour)) for day, hour in listing.stamps]
    told = [stamp for stamp in stamps if stamp is not None]
    return not told or max(told) >= since.replace(microsecond=0)


def _is_so_already(verb: str, spec: Verb, error: VendorError) -> bool:
    """Whether a refusal says that the write's aim is reached: a repeat after a lost answer meets these."""
    if spec.already and re.search(spec.already, fold(error.text)):
        return True
    own = spec.id_field is not None and error.tag == spec.id_field.rpartition(".")[2]
    gone = error.fault is Fault.NOT_FOUND or (error.fault is Fault.MISSING_REFERENCE and own)
    return verb == "delete" and gone

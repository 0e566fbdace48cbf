"""Ploomes through the five verbs of `core/ports.py`; what each set needs is a row of `calls.py`."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from app.core.batch import ReadBatch
from app.core.errors import Fault, Postponed, VendorError
from app.core.limit_rules import Call
from app.core.odata import all_of, any_of, equal, literal
from app.core.ports import JsonObject, Key, Page, Price, Priority, Record, Vendor, Written
from app.ploomes.calls import (
    DOCUMENT_PROPERTIES,
    IDS_PER_CALL,
    PAGE_SIZE,
    SETS,
    Set,
    bare,
    filter_of,
    narrowing,
    property_of,
)
from app.ploomes.client import PloomesAnswer, PloomesClient
from app.ploomes.schemas import LOCAL_TIME

CONFIRM_SECONDS = 5.0
"""An empty by-Id answer is believed the second time, this much later (design section 5, absence)."""

MISS_MEMORY_SECONDS = 600.0
CONTROLS_KEPT = 5


class PloomesGateway:
    """Speaks for one integration at one priority."""

    vendor = Vendor.PLOOMES

    def __init__(self, client: PloomesClient, priority: Priority = Priority.LIVE) -> None:
        self._client = client
        self._priority = priority

    async def fetch(self, entity: str, external_id: str) -> Record | None:
        """The record by id. An empty answer is no proof: the first one raises `Postponed`, and None comes only from a
        second one at least five seconds later in which a record known to live answered."""
        row = _set(entity)
        miss = f"absence:ploomes:{self._client.account}:{row.path}:{external_id}"
        found = await self._gathered(entity, row, external_id)
        limiter, missed = self._client.funnel.limiter, self._client.learned.missed
        if external_id in found:
            if miss in missed:
                missed.discard(miss)
                await limiter.forget_note(miss)
            return found[external_id]
        missed.add(miss)
        age = await limiter.first_noted(miss, MISS_MEMORY_SECONDS)
        if age < CONFIRM_SECONDS:
            raise Postponed(CONFIRM_SECONDS - age, "Confirmando que o registro não existe mais no Ploomes.", "absence")
        control = await self._control(row, entity, external_id)
        found = await self._by_ids(entity, row, [external_id, control])
        if external_id in found:
            missed.discard(miss)
            await limiter.forget_note(miss)
            return found[external_id]
        if control not in found:
            self._forget(entity, control)
            raise _silent(row)
        missed.discard(miss)
        return None

    async def fetch_many(self, entity: str, external_ids: Sequence[str]) -> dict[str, Record]:
        """Records by id, fifty a call; a missing one is left out, which proves nothing."""
        row = _set(entity)
        wanted = list(dict.fromkeys(external_ids))
        found: dict[str, Record] = {}
        for start in range(0, len(wanted), IDS_PER_CALL):
            found |= await self._by_ids(entity, row, wanted[start : start + IDS_PER_CALL])
        return found

    async def find(self, entity: str, key: Key, *, control: str | None = None) -> list[Record]:
        """Records that carry a natural key. With `control`, an answer without that record raises a transient fault."""
        row = _set(entity)
        if key.either is not None and entity in self._client.learned.no_custom_filter:
            key = replace(key, either=None)
        if key.name == "omie_id" and entity in self._client.learned.no_custom_filter:
            return await self._scan(entity, row, key, control)
        wanted = filter_of(entity, key)
        if wanted is None:
            raise _refused(f"O Ploomes não oferece busca de {entity} por {key.name}.")
        if control is not None:
            wanted = any_of(f"({wanted})", self._equal_id(row, control))
        try:
            answer = await self._get(row, wanted, top=PAGE_SIZE)
        except VendorError as error:
            if key.either is not None and error.status == 403:
                found = await self.find(entity, replace(key, either=None), control=control)
                self._client.learned.no_custom_filter.add(entity)  # it was the filter, not the right to read
                return found
            if key.name == "omie_id" and error.status == 403:
                self._client.learned.no_custom_filter.add(entity)
                return await self._scan(entity, row, key, control)
            raise
        records = {record.id: record for record in self._records(entity, row, answer)}
        if control is None:
            return list(records.values())
        if control not in records:
            raise _silent(row, tag="control")
        return [record for record in records.values() if record.id != control or _carries(entity, record.data, key)]

    async def pages(
        self,
        entity: str,
        *,
        since: datetime | None = None,
        cursor: str | None = None,
        within: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Page]:
        """Crawls a set by rising id from behind `cursor`; ends only on an empty page, a short one is normal."""
        row = _set(entity)
        narrow = narrowing(entity, within or {})
        if narrow is None:
            raise _refused(f"O Ploomes não filtra {entity} por {', '.join(within or ())}.")
        if row.single:
            answer = await self._get(row, "")
            yield Page(list(self._records(entity, row, answer)), None, len(answer.rows))
            return
        changed = f"{row.since} gt {literal(since.astimezone(LOCAL_TIME))}" if since is not None and row.since else ""
        last, total = int(cursor or 0), None
        while True:
            behind = f"Id gt {last}" if last else ""
            first = {"$count": "true"} if not last else {}
            answer = await self._get(row, all_of(behind, changed, narrow), top=PAGE_SIZE, **first)
            total = answer.count if answer.count is not None else total
            if not answer.rows:
                yield Page((), None, total)
                return
            records = list(self._records(entity, row, answer))
            last = max((int(data["Id"]) for data in answer.rows if data.get("Id") is not None), default=0)
            yield Page(records, str(last) if last else None, total)
            if not last:
                return

    def price(self, entity: str, verb: str) -> Price:
        """The request that serves a verb."""
        row = _set(entity)
        size = {"list": PAGE_SIZE, "read": IDS_PER_CALL}.get(verb, 1)
        http = {"list": "GET", "read": "GET", "find": "GET", "create": "POST", "delete": "DELETE"}.get(verb, "PATCH")
        return Price(f"{http} {row.path}", size)

    async def seconds(
        self, requests: Mapping[str, int], *, of_one_record: int = 0, traffic: Mapping[str, float] | None = None
    ) -> float:
        """By the rows of `budgets.py`; no limit of Ploomes' is about one record."""
        call = partial(Call, "ploomes", self._client.account, priority=self._priority)
        calls = [(call(name), count) for name, count in requests.items()]
        beside = [(call(name), rate) for name, rate in (traffic or {}).items()]
        return await self._client.funnel.limiter.forecast(calls, beside)

    async def write(self, entity: str, verb: str, external_id: str | None, body: JsonObject) -> Written:
        """One write. The answer carries the whole record, expanded. Deleting what is gone succeeds."""
        row = _set(entity)
        if verb not in row.verbs:
            raise _refused(f"O Ploomes não oferece {verb} de {entity}.")
        if verb == "create" and row.files:
            answer = await self._upload(row, body)
        elif verb == "create":
            answer = await self._send("POST", row.path, row, body)
        elif verb == "update" and (external_id is not None or row.single):
            answer = await self._send("PATCH", self._address(row, external_id), row, body)
        elif verb == "delete" and external_id is not None:
            return await self._delete(row, external_id)
        else:
            raise _refused(f"O Ploomes não oferece {verb} de {entity} sem o código do registro.")
        data = answer.rows[0] if answer.rows else None
        if data is None or data.get(row.key) is None:
            # an answer of nothing may be an overload's (reference 1, limits): nobody knows whether it was applied
            raise VendorError(
                Fault.UNCERTAIN, "O Ploomes aceitou a gravação sem devolver o registro.", vendor="ploomes",
                method=f"{verb} {row.path}",
            )  # fmt: skip
        written = str(data[row.key])
        self._learn(entity, [written])
        return Written(written, data, answer.sent_at)

    async def _delete(self, row: Set, external_id: str) -> Written:
        try:
            answer = await self._client.call("DELETE", self._address(row, external_id), priority=self._priority)
        except VendorError as error:
            # what a delete does not find is the record itself, whatever the status that says so (reference 8)
            if error.fault in (Fault.NOT_FOUND, Fault.MISSING_REFERENCE):
                return Written(external_id, None, self._client.clock.now())
            raise
        return Written(external_id, None, answer.sent_at)

    async def _upload(self, row: Set, body: JsonObject) -> PloomesAnswer:
        content = body.get("Content")
        if not isinstance(content, bytes) or not body.get("FileName"):
            raise _refused("Um anexo precisa de FileName e Content.")
        kind = str(body.get("ContentType") or "application/octet-stream")
        return await self._client.upload(row.path, str(body["FileName"]), content, kind, priority=self._priority)

    async def _send(self, verb: str, path: str, row: Set, body: JsonObject) -> PloomesAnswer:
        return await self._client.call(verb, path, {"$expand": row.expand}, body, priority=self._priority)

    async def _get(self, row: Set, wanted: str, *, top: int | None = None, **options: object) -> PloomesAnswer:
        order = "" if row.single else "Id"
        query = {"$filter": wanted, "$expand": row.expand, "$orderby": order, "$top": top, **options}
        return await self._client.call("GET", row.path, query, priority=self._priority)

    async def _gathered(self, entity: str, row: Set, external_id: str) -> dict[str, Record]:
        """One record, read together with others that are asked for while a read runs or waits for its turn."""

        async def one(wanted: str) -> Record | None:
            return (await self._by_ids(entity, row, [wanted])).get(wanted)

        batch = self._client.batches.setdefault((entity, self._priority), ReadBatch(IDS_PER_CALL))
        record = await batch.read(external_id, one=one, many=lambda ids: self._by_ids(entity, row, ids))
        return {} if record is None else {external_id: record}

    async def _by_ids(self, entity: str, row: Set, ids: Sequence[str]) -> dict[str, Record]:
        answer = await self._get(row, any_of(*(self._equal_id(row, one) for one in ids)))
        return {record.id: record for record in self._records(entity, row, answer)}

    async def _scan(self, entity: str, row: Set, key: Key, control: str | None) -> list[Record]:
        """A search by crawling, for accounts that may not filter by custom fields. An empty page that ends it early
        is believed no more than any other: without a find, the control and Ploomes' own count must be in it."""
        found: list[Record] = []
        seen: set[str] = set()
        total = 0
        async for page in self.pages(entity):
            total = page.total or total
            seen.update(record.id for record in page.records)
            found += [record for record in page.records if _carries(entity, record.data, key)]
        if not found and len(seen) < total:
            raise _silent(row)
        if not found and control is not None and control not in seen:
            raise _silent(row, tag="control")
        return found

    async def _control(self, row: Set, entity: str, external_id: str) -> str:
        """A record of the set believed to live, other than the one asked about."""
        known = [one for one in self._client.learned.living.get(entity, ()) if one != external_id]
        if known:
            return known[-1]
        answer = await self._get(row, "", top=1)
        for record in self._records(entity, row, answer):
            if record.id != external_id:
                return record.id
        raise _silent(row)

    def _records(self, entity: str, row: Set, answer: PloomesAnswer) -> Iterable[Record]:
        records = [
            Record(Vendor.PLOOMES, entity, str(data[row.key]), data, answer.sent_at, _changed_at(row, data))
            for data in answer.rows
            if data.get(row.key) is not None
        ]
        self._learn(entity, [record.id for record in records])
        return records

    def _learn(self, entity: str, ids: Sequence[str]) -> None:
        living = self._client.learned.living
        kept = [one for one in living.get(entity, ()) if one not in ids]
        living[entity] = [*kept, *ids][-CONTROLS_KEPT:]

    def _forget(self, entity: str, external_id: str) -> None:
        living = self._client.learned.living
        living[entity] = [one for one in living.get(entity, ()) if one != external_id]

    @staticmethod
    def _equal_id(row: Set, external_id: str) -> str:
        return equal(row.key, external_id if row.text_key else _number(external_id))

    @staticmethod
    def _address(row: Set, external_id: str | None) -> str:
        if row.single:
            return f"{row.path}(0)"
        key = literal(external_id) if row.text_key else str(_number(external_id or ""))
        return f"{row.path}({key})"


def _changed_at(row: Set, data: JsonObject) -> datetime | None:
    """The last change, as Ploomes tells it; a time without offset is Brasília's (reference 3.8)."""
    try:
        moment = datetime.fromisoformat(str(data.get(row.since))) if row.since else None
    except ValueError:
        return None
    if moment is None:
        return None
    return (moment.replace(tzinfo=LOCAL_TIME) if moment.tzinfo is None else moment).astimezone(UTC)


def _set(entity: str) -> Set:
    row = SETS.get(entity)
    if row is None:
        raise _refused(f"O Ploomes não tem o cadastro {entity}.")
    return row


def _number(external_id: str) -> int:
    if not (external_id.isascii() and external_id.isdigit()):
        raise _refused("O código do registro no Ploomes deve ser um número.")
    return int(external_id)


def _carries(entity: str, data: JsonObject, key: Key) -> bool:
    """Whether a record found beside others truly has the key."""
    if key.either is not None and _carries(entity, data, key.either):
        return True
    if key.name == "document":
        return any(bare(data.get(name)) == bare(key.value) for name in DOCUMENT_PROPERTIES)
    if key.name == "omie_id":
        return any(
            row.get("FieldKey") == key.within["field"] and str(row.get("StringValue") or "") == key.value
            for row in data.get("OtherProperties") or ()
        )
    return str(data.get(property_of(entity, key.name) or "") or "").casefold() == key.value.casefold()


def _refused(text: str) -> VendorError:
    """A refusal of ours, before anything is sent."""
    return VendorError(Fault.INVALID, text, vendor="ploomes", sent=False)


def _silent(row: Set, tag: str | None = None) -> VendorError:
    text = "O Ploomes não devolveu um registro que existe; a resposta vazia não conta."
    return VendorError(Fault.TRANSIENT, text, vendor="ploomes", method=f"GET {row.path}", tag=tag)

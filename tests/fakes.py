"""A vendor in memory behind the gateway's five verbs, for tests that need no wire. The contract suite keeps it true.

It knows what the rows of a vendor's `calls` know (ids, searches, verbs, shapes, narrowings) and no more: no limits, no
webhooks, no rules between records.
"""

import copy
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.core.clock import Clock
from app.core.errors import Fault, VendorError
from app.core.ports import JsonObject, Key, Page, Record, Vendor, Written
from app.omie.calls import SETS as OMIE_SETS
from app.omie.rows import Verb, at, bare
from app.omie.schemas import missing, refusal
from app.ploomes.calls import DOCUMENT_PROPERTIES, property_of
from app.ploomes.calls import SETS as PLOOMES_SETS


@dataclass
class Kept:
    """A record and when it was last touched."""

    data: JsonObject
    changed_at: datetime


@dataclass
class FakeGateway:
    """What both fakes share. Ids rise; records go in and come out as copies."""

    clock: Clock
    vendor: Vendor = field(init=False)
    kept: dict[str, dict[str, Kept]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Verb and set of everything asked, in order."""
    page_size: int = 5
    _last: int = 1000

    async def put(self, entity: str, data: JsonObject) -> str:
        """A person types a record at the vendor; answers its id."""
        return self._keep(entity, data)

    async def fetch(self, entity: str, external_id: str) -> Record | None:
        """As the port says."""
        self._asked("fetch", entity)
        return self._record(entity, external_id)

    async def fetch_many(self, entity: str, external_ids: Sequence[str]) -> dict[str, Record]:
        """As the port says."""
        self._asked("fetch_many", entity)
        found = {one: self._record(entity, one) for one in external_ids}
        return {one: record for one, record in found.items() if record is not None}

    async def find(self, entity: str, key: Key, *, control: str | None = None) -> list[Record]:
        """As the port says; a fake never hides a living control."""
        self._asked("find", entity)
        matches = self._matching(entity, key)
        rows = self.kept.get(entity, {})
        if control is not None and control not in rows:
            raise VendorError(Fault.TRANSIENT, "silent", vendor=self.vendor.value, tag="control")
        return [record for one, row in rows.items() if matches(row.data) and (record := self._record(entity, one))]

    async def pages(
        self,
        entity: str,
        *,
        since: datetime | None = None,
        cursor: str | None = None,
        within: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Page]:
        """As the port says."""
        self._asked("pages", entity)
        narrow = [self._narrowing(entity, name, value) for name, value in (within or {}).items()]
        wanted = [
            one
            for one, row in sorted(self.kept.get(entity, {}).items(), key=lambda item: int(item[0]))
            if (since is None or row.changed_at >= since.replace(microsecond=0))
            and all(keeps(row.data) for keeps in narrow)
        ]
        start = int(cursor or 0)
        while True:
            part = wanted[start : start + self.page_size]
            start += self.page_size
            done = start >= len(wanted)
            records = [record for one in part if (record := self._record(entity, one))]
            yield Page(records, None if done else str(start), len(wanted))
            if done:
                return

    async def write(self, entity: str, verb: str, external_id: str | None, body: JsonObject) -> Written:
        """As the port says."""
        self._asked(verb, entity)
        raise NotImplementedError

    # --- inside --------------------------------------------------------------------------------------------------

    def _asked(self, verb: str, entity: str) -> None:
        self.calls.append((verb, entity))
        if entity not in (OMIE_SETS if self.vendor is Vendor.OMIE else PLOOMES_SETS):
            raise self._refused(f"no set {entity}")

    def _refused(self, text: str, tag: str | None = None) -> VendorError:
        return VendorError(Fault.INVALID, text, vendor=self.vendor.value, tag=tag, sent=False)

    def _gone(self, external_id: str) -> VendorError:
        return VendorError(Fault.NOT_FOUND, f"{external_id} não cadastrado", vendor=self.vendor.value)

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _keep(self, entity: str, data: JsonObject) -> str:
        number = self._next()
        named = self._with_id(entity, copy.deepcopy(data), number)
        self.kept.setdefault(entity, {})[str(number)] = Kept(named, self.clock.now())
        return str(number)

    def _with_id(self, entity: str, data: JsonObject, number: int) -> JsonObject:
        raise NotImplementedError

    def _matching(self, entity: str, key: Key) -> Callable[[JsonObject], bool]:
        raise NotImplementedError

    def _narrowing(self, entity: str, name: str, value: str) -> Callable[[JsonObject], bool]:
        raise NotImplementedError

    def _record(self, entity: str, external_id: str) -> Record | None:
        row = self.kept.get(entity, {}).get(external_id)
        return row and Record(self.vendor, entity, external_id, copy.deepcopy(row.data), self.clock.now())

    def _merge(self, entity: str, external_id: str, body: JsonObject) -> Kept:
        row = self.kept.get(entity, {}).get(external_id)
        if row is None:
            raise self._gone(external_id)
        _into(row.data, copy.deepcopy(body))
        row.changed_at = self.clock.now()
        return row


def _into(data: JsonObject, body: JsonObject) -> None:
    """Blocks merge, anything else is replaced."""
    for name, value in body.items():
        if isinstance(value, dict) and isinstance(data.get(name), dict):
            _into(data[name], value)
        else:
            data[name] = value


def _tagged(data: JsonObject, tags: Sequence[JsonObject], *, on: bool) -> None:
    names = [row["tag"] for row in tags]
    kept = [row for row in data.get("tags") or () if row["tag"] not in names]
    data["tags"] = [*kept, *({"tag": name} for name in names if on)]


EFFECTS: Mapping[tuple[str, str], Callable[[JsonObject, JsonObject], None]] = {
    ("clients", "include_tags"): lambda data, body: _tagged(data, body["tags"], on=True),
    ("clients", "exclude_tags"): lambda data, body: _tagged(data, body["tags"], on=False),
    ("orders", "change_stage"): lambda data, body: _into(data, {"cabecalho": body}),
    ("orders", "cancel"): lambda data, body: _into(data, {"infoCadastro": {"cancelado": "S"}}),
    ("service_orders", "change_stage"): lambda data, body: _into(data, {"Cabecalho": body}),
    ("service_orders", "cancel"): lambda data, body: _into(data, {"InfoCadastro": {"cCancelada": "S"}}),
}
"""What the verbs beside create, update and delete do to a record; the others write their body into its root."""

NARROWED: Mapping[tuple[str, str], Callable[[JsonObject, str], bool]] = {
    ("clients", "tag"): lambda data, value: value in [row["tag"] for row in data.get("tags") or ()],
    ("orders", "client"): lambda data, value: str(at(data, "cabecalho.codigo_cliente")) == value,
    ("orders", "stage"): lambda data, value: at(data, "cabecalho.etapa") == value,
    ("service_orders", "client"): lambda data, value: str(at(data, "Cabecalho.nCodCli")) == value,
    ("service_orders", "stage"): lambda data, value: at(data, "Cabecalho.cEtapa") == value,
    ("products", "family"): lambda data, value: str(data.get("codigo_familia")) == value,
}

UNIQUE: Mapping[str, Sequence[str]] = {
    "clients": ("cnpj_cpf", "codigo_cliente_integracao"),
    "orders": ("cabecalho.codigo_pedido_integracao",),
    "service_orders": ("Cabecalho.cCodIntOS",),
}
"""Paths whose value no second record may have; the refusal names the record that has it."""


@dataclass
class FakeOmie(FakeGateway):
    """Omie in memory."""

    def __post_init__(self) -> None:
        self.vendor = Vendor.OMIE

    async def write(self, entity: str, verb: str, external_id: str | None, body: JsonObject) -> Written:
        """As the port says."""
        self._asked(verb, entity)
        spec = OMIE_SETS[entity].verbs.get(verb)
        if spec is None:
            raise self._refused(f"no verb {verb}")
        self._check(spec, external_id, body)
        if verb == "create":
            self._unique(entity, body)
            return Written(self._keep(entity, body), None, self.clock.now())
        if verb == "delete":
            self.kept.get(entity, {}).pop(str(external_id), None)
        elif effect := EFFECTS.get((entity, verb)):
            effect(self._merge(entity, str(external_id), {}).data, copy.deepcopy(body))
        else:
            self._merge(entity, str(external_id), body)
        return Written(str(external_id), None, self.clock.now())

    def _check(self, spec: Verb, external_id: str | None, body: JsonObject) -> None:
        problem = refusal(spec.shape, body)
        if problem is not None:
            raise self._refused(problem[1], problem[0])
        if path := missing(spec.required, body):
            raise self._refused(f"{path} is required", path)
        if spec.id_field is not None and external_id is None:
            raise self._refused("no id")

    def _unique(self, entity: str, body: JsonObject) -> None:
        for path in UNIQUE.get(entity, ()):
            wanted = bare(at(body, path))
            for one, row in self.kept.get(entity, {}).items():
                if wanted and bare(at(row.data, path)) == wanted:
                    code = str(at(row.data, UNIQUE[entity][-1]) or "")
                    raise VendorError(
                        Fault.DUPLICATE, "já cadastrado", vendor="omie", existing_id=one, existing_code=code or None
                    )

    def _with_id(self, entity: str, data: JsonObject, number: int) -> JsonObject:
        block: JsonObject = data
        *path, name = OMIE_SETS[entity].id_fields[0].split(".")
        for part in path:
            block = block.setdefault(part, {})
        block[name] = number
        return data

    def _matching(self, entity: str, key: Key) -> Callable[[JsonObject], bool]:
        search = OMIE_SETS[entity].searches.get(key.name)
        if search is None:
            raise self._refused(f"no search by {key.name}")
        return lambda data: search.matches(data, key)

    def _narrowing(self, entity: str, name: str, value: str) -> Callable[[JsonObject], bool]:
        listing = OMIE_SETS[entity].listing
        if listing is None or name not in listing.narrow:
            raise self._refused(f"no narrowing by {name}")
        return lambda data: NARROWED[entity, name](data, value)


@dataclass
class FakePloomes(FakeGateway):
    """Ploomes in memory; what is expanded is what was written."""

    def __post_init__(self) -> None:
        self.vendor = Vendor.PLOOMES

    async def write(self, entity: str, verb: str, external_id: str | None, body: JsonObject) -> Written:
        """As the port says."""
        self._asked(verb, entity)
        if verb not in PLOOMES_SETS[entity].verbs or (external_id is None) != (verb == "create"):
            raise self._refused(f"no {verb} of {entity}")
        if verb == "delete":
            self.kept.get(entity, {}).pop(str(external_id), None)
            return Written(str(external_id), None, self.clock.now())
        one = self._keep(entity, body) if external_id is None else external_id
        if external_id is not None:
            self._merge(entity, one, body)
        record = self._record(entity, one)
        return Written(one, record and record.data, self.clock.now())

    def _with_id(self, entity: str, data: JsonObject, number: int) -> JsonObject:
        return {**data, "Id": number}

    def _matching(self, entity: str, key: Key) -> Callable[[JsonObject], bool]:
        if key.name == "document":
            return lambda data: any(bare(data.get(name)) == bare(key.value) for name in DOCUMENT_PROPERTIES)
        return self._equal(entity, key.name, key.value)

    def _narrowing(self, entity: str, name: str, value: str) -> Callable[[JsonObject], bool]:
        return self._equal(entity, name, value)

    def _equal(self, entity: str, name: str, value: str) -> Callable[[JsonObject], bool]:
        path = property_of(entity, name)
        if path is None:
            raise self._refused(f"nothing to find {name} by")

        def same(data: JsonObject) -> bool:
            held: Any = data.get(path)
            return str("" if held is None else held).casefold() == value.casefold()

        return same

"""Two vendors with memory that speak the five verbs: enough to test everything above the gateways."""

import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.core.clock import Clock
from app.core.ports import JsonObject, Key, Page, Price, Priority, Record, Vendor, Written
from app.sync.models import Integration

PAGE = 3
"""Small, so that crawls take several pages."""


@dataclass
class FakeGateway:
    """Sets by name; `fail` may raise for a (verb, entity)."""

    vendor: Vendor
    id_field: Callable[[str], str]
    sets: dict[str, list[JsonObject]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    fail: Callable[[str, str], None] = lambda verb, entity: None
    ids: Any = field(default_factory=lambda: itertools.count(5000))
    clock: Clock = field(default_factory=Clock)
    cut: dict[str, int] = field(default_factory=dict)
    """Sets whose list ends after so many records, although the total says otherwise; once each."""

    def _note(self, verb: str, entity: str) -> None:
        self.calls.append((verb, entity))
        self.fail(verb, entity)

    def _record(self, entity: str, row: JsonObject) -> Record:
        return Record(self.vendor, entity, str(row[self.id_field(entity)]), dict(row), self.clock.now())

    async def fetch(self, entity: str, external_id: str) -> Record | None:
        self._note("fetch", entity)
        found = (self._record(entity, row) for row in self.sets.get(entity, []))
        return next((record for record in found if record.id == external_id), None)

    async def fetch_many(self, entity: str, external_ids: Sequence[str]) -> dict[str, Record]:
        self._note("fetch_many", entity)
        found = (self._record(entity, row) for row in self.sets.get(entity, []))
        return {record.id: record for record in found if record.id in external_ids}

    async def find(self, entity: str, key: Key, *, control: str | None = None) -> list[Record]:
        self._note("find", entity)
        return []

    async def pages(
        self,
        entity: str,
        *,
        since: datetime | None = None,
        cursor: str | None = None,
        within: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Page]:
        rows, start = self.sets.get(entity, []), int(cursor or 0)
        while True:
            self._note("pages", entity)
            end = start + PAGE
            following = str(end) if end < len(rows) else None
            if end >= self.cut.get(entity, end + 1):
                end, following = self.cut.pop(entity), None
            yield Page([self._record(entity, row) for row in rows[start:end]], following, len(rows))
            if following is None:
                return
            start = end

    def price(self, entity: str, verb: str) -> Price:
        return Price(f"{verb} {entity}", PAGE if verb == "list" else 1)

    async def seconds(
        self, requests: Mapping[str, int], *, of_one_record: int = 0, traffic: Mapping[str, float] | None = None
    ) -> float:
        return 0.0

    async def write(self, entity: str, verb: str, external_id: str | None, body: JsonObject) -> Written:
        self._note(verb, entity)
        rows, name = self.sets.setdefault(entity, []), self.id_field(entity)
        if verb == "create":
            row = {"Id": next(self.ids), **body}
            if entity == "fields":
                row |= {"Key": f"field_{row['Id']}", "Dynamic": True}
            if entity == "form_fields":
                form = next(one for one in self.sets["forms"] if one["Id"] == body["FormId"])
                form["Fields"].append({"FieldKey": body["FieldKey"]})
            rows.append(row)
        else:
            row = next(one for one in rows if str(one[name]) == external_id)
            if verb == "delete":
                rows.remove(row)
            else:
                row.update(body)
        return Written(str(row[name]), dict(row), self.clock.now())


def _omie_id(entity: str) -> str:
    return {"clients": "codigo_cliente_omie", "companies": "codigo_empresa", "accounts": "nCodCC",
            "sellers": "codigo", "countries": "cCodigo"}[entity]  # fmt: skip


def _ploomes_id(entity: str) -> str:
    return "Key" if entity == "fields" else "Id"


@dataclass
class FakeVendors:
    """Both vendors, opened at any priority."""

    omie: FakeGateway
    ploomes: FakeGateway
    opened: list[Priority] = field(default_factory=list)

    def open(self, integration: Integration, priority: Priority) -> tuple[FakeGateway, FakeGateway]:
        self.opened.append(priority)
        return self.omie, self.ploomes

    def asked(self) -> int:
        return len(self.omie.calls) + len(self.ploomes.calls)


def fake_vendors() -> FakeVendors:
    """A small Omie company and a small Ploomes account, nothing of Ponte in it yet."""
    omie = FakeGateway(Vendor.OMIE, _omie_id)
    omie.sets = {
        "companies": [{"codigo_empresa": "1", "nome_fantasia": "Loja"}],
        "accounts": [{"nCodCC": 9, "descricao": "Conta", "inativo": "N"}],
        "sellers": [
            {"codigo": 71, "nome": "Ana", "email": "Ana@Loja.test", "inativo": "N"},
            {"codigo": 72, "nome": "Rui", "email": "rui@loja.test", "inativo": "S"},
        ],
        "countries": [{"cCodigo": "1058", "cDescricao": "BRASIL", "cCodigoISO": "BR"}],
        "clients": [],
    }
    ploomes = FakeGateway(Vendor.PLOOMES, _ploomes_id)
    ploomes.sets = {
        "self": [{"Id": 31, "Name": "Integração", "AccountId": 900}],
        "account": [{"Id": 900, "OrdersModule": True}],
        "account_integrations": [],
        "orders": [],
        "families": [{"Id": 61, "Name": "Produtos"}],
        "product_lists": [],
        "statuses": [{"Id": 21, "Name": "Ativo"}, {"Id": 22, "Name": "Inativo"}],
        "phone_types": [{"Id": 1, "Name": "Comercial"}, {"Id": 4, "Name": "Fax"}],
        "states": [{"Id": 35, "Name": "São Paulo", "Short": "SP", "CountryId": 76}],
        "countries": [{"Id": 76, "Name": "Brasil", "Short2": "BR"}],
        "tags": [],
        "users": [{"Id": 31, "Name": "Integração", "Email": "api@loja.test", "Suspended": False},
                  {"Id": 32, "Name": "Ana", "Email": "ana@loja.test", "Suspended": False}],
        "fields": [{"Id": 1, "Key": "contact_name", "Name": "Nome", "EntityId": 1, "TypeId": 1, "Dynamic": False}],
        "field_types": [{"Id": 1, "Name": "Texto simples"}, {"Id": 2, "Name": "Texto multilinha"},
                        {"Id": 7, "Name": "Opções pré-cadastradas"}],
        "forms": [{"Id": 81, "EntityId": 1, "Fields": []}],
        "form_fields": [],
        "webhooks": [],
        "clients": [],
    }  # fmt: skip
    return FakeVendors(omie, ploomes)

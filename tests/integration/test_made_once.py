"""Options and groups are made once, whoever needs them at the same time and whatever becomes of the answers."""

import asyncio
from dataclasses import dataclass, field

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, LaneBusy, Postponed, VendorError
from app.core.ports import JsonObject, Key, Priority, Record, Vendor, Written
from app.sync.config.document import Config, parse
from app.sync.lanes import Lanes
from app.sync.lookups.references import References
from app.sync.mapping.fields import MissingReference, Refs
from app.sync.mapping.goods import PRODUCTS_FAMILY
from app.sync.models import Integration
from app.sync.setup.option_tables import Equalised, OptionTables
from tests.factories import add_integration
from tests.integration.rest.fakes import FakeGateway, FakeVendors, fake_vendors

SPEED = 30.0
KEYS = {"Produto.Marca": "product_brand", "ClienteFornecedor.Tipo de Atividade": "contact_activity"}
CONFIG = {
    "products": {"brand_as": "option"},
    "mappings": [{"omie": omie, "ploomes": key, "direction": "to_ploomes"} for omie, key in KEYS.items()],
}


@dataclass
class Ploomes(FakeGateway):
    """Options live in the table of their field. Creates take a moment, and may be troubled."""

    troubles: list[Exception] = field(default_factory=list)
    """What becomes of the next creates."""
    late: bool = True
    """Whether a create whose answer was lost arrives, later."""
    arrival: asyncio.Task[int] | None = None

    async def find(self, entity: str, key: Key, *, control: str | None = None) -> list[Record]:
        return [self._record(entity, row) for row in self.sets.get(entity, []) if row["Name"] == key.value]

    async def write(self, entity: str, verb: str, external_id: str | None, body: JsonObject) -> Written:
        await self.clock.sleep(5)
        if entity != "options":
            return await super().write(entity, verb, external_id, body)
        trouble = self.troubles.pop(0) if self.troubles else None
        if isinstance(trouble, VendorError):
            self.arrival = asyncio.create_task(self._arrive(body, 28))
        if trouble is not None:
            raise trouble
        return Written(str(await self._arrive(body, 0)), None, self.clock.now())

    async def _arrive(self, body: JsonObject, seconds: float) -> int:
        await self.clock.sleep(seconds)
        row = {"Id": next(self.ids), **body}
        if self.late or not seconds:
            self.options(int(body["TableId"])).append(row)
        return int(row["Id"])

    def options(self, table: int) -> list[JsonObject]:
        """The rows of a table."""
        row = next(one for one in self.sets["fields"] if one.get("OptionsTableId") == table)
        return row["OptionsTable"]["Options"]  # type: ignore[no-any-return]

    def _record(self, entity: str, row: JsonObject) -> Record:
        whole = row.get("OptionsTable")
        shown = {**row, "OptionsTable": {**whole, "Options": [*whole["Options"]]}} if whole else row
        return super()._record(entity, shown)


@dataclass
class Account:
    """One account of each vendor, and the processes that work on it."""

    db: Database
    clock: Clock
    vendors: FakeVendors
    ploomes: Ploomes
    integration: Integration
    config: Config

    def lanes(self) -> Lanes:
        return Lanes(self.db, 45.0, SPEED)

    async def event(self, kind: str, key: str) -> Refs:
        """An event of a process of its own misses something, until it has it."""
        references, refs = References(self.db, self.clock, self.lanes()), Refs()
        await references.of(self.integration, self.config, self.vendors.omie, self.ploomes)
        refs.families = {name: str(family) for name, family in self.integration.provisioned["families"].items()}
        while True:
            try:
                await references.resolve(
                    self.integration, MissingReference(kind, key), refs, self.vendors.omie, self.ploomes
                )
            except (LaneBusy, VendorError):
                await self.clock.sleep(2)
            else:
                return refs


@pytest.fixture
async def account(db: Database) -> Account:
    clock = Clock(SPEED)
    vendors = fake_vendors()
    ploomes = Ploomes(Vendor.PLOOMES, vendors.ploomes.id_field, vendors.ploomes.sets, clock=clock)
    vendors.ploomes = ploomes
    vendors.omie.id_field = lambda entity: {"activity_types": "cCodigo"}.get(entity, "codigo")
    vendors.omie.sets |= {
        "countries": [],
        "activity_types": [{"cCodigo": "1", "cDescricao": "Indústria"}],
        "families": [{"codigo": "7", "nomeFamilia": "Cafés"}, {"codigo": "8", "nomeFamilia": "CAFES"}],
    }
    for table, key in enumerate(KEYS.values(), start=70):
        options = {"OptionsTableId": table, "OptionsTable": {"Id": table, "Options": []}}
        ploomes.sets["fields"].append({"Id": table, "Key": key, "Name": key, "EntityId": 1, "Dynamic": True, **options})
    integration = await add_integration(db, ploomes_account_id="900", provisioned={"families": {PRODUCTS_FAMILY: 61}})
    return Account(db, clock, vendors, ploomes, integration, parse(CONFIG))


@pytest.mark.feature("F107", "F256")
@pytest.mark.parametrize(("key", "code"), [("product_brand", "Nova Marca"), ("contact_activity", "1")])
async def test_two_events_that_need_one_option_make_one(account: Account, key: str, code: str) -> None:
    found = await asyncio.gather(*(account.event("option_id", f"{key}:{code}") for _ in range(2)))
    table = 70 + list(KEYS.values()).index(key)
    [option] = account.ploomes.options(table)
    assert [refs.option_ids[key][code] for refs in found] == [str(option["Id"])] * 2


@pytest.mark.feature("F093", "F095")
async def test_two_events_that_need_one_group_make_one(account: Account) -> None:
    codes = ("7", "8", "7")  # two families whose names are one but for case and accents
    found = await asyncio.gather(*(account.event("family", code) for code in codes))
    [group] = account.ploomes.sets["groups"]
    assert [refs.group_of_family[code] for refs, code in zip(found, codes, strict=True)] == [str(group["Id"])] * 3


@pytest.mark.feature("F107")
@pytest.mark.parametrize("arrives", [True, False])
async def test_an_option_whose_answer_was_lost_is_not_made_twice(account: Account, arrives: bool) -> None:
    account.ploomes.troubles = [VendorError(Fault.UNCERTAIN, "a resposta se perdeu", vendor="ploomes")]
    account.ploomes.late = arrives
    found = await asyncio.gather(*(account.event("option_id", "product_brand:Nova") for _ in range(2)))
    assert account.ploomes.arrival is not None
    await account.ploomes.arrival
    [option] = account.ploomes.options(70)
    assert [refs.option_ids["product_brand"]["Nova"] for refs in found] == [str(option["Id"])] * 2


@pytest.mark.feature("F256")
async def test_tables_that_wait_for_a_limit_keep_everybody_else_away(account: Account) -> None:
    account.ploomes.troubles = [Postponed(90, "limite")]

    async def equalise(after: float) -> Equalised:
        tables = OptionTables(account.db, account.clock, account.vendors, account.lanes())
        await account.clock.sleep(after)
        return await tables.equalise(account.integration, account.config, Priority.PERSON)

    first, second = await asyncio.gather(equalise(0), equalise(80), return_exceptions=True)
    assert [row["ExternalKey"] for row in account.ploomes.options(71)] == ["1"]
    assert not isinstance(first, BaseException)
    assert isinstance(second, LaneBusy)

"""The container of the web process with vendors that live in memory."""

import asyncio

from app.core.clock import Clock
from app.core.config import Settings
from app.core.db import Database
from app.core.queue import EmbeddedQueue
from app.sync.config.publishing import Publishing
from app.sync.config.store import ConfigStore
from app.sync.desk.diagnostics import Diagnostics
from app.sync.desk.link_tables import LinkTables
from app.sync.desk.link_wizard import LinkWizard
from app.sync.desk.linking import Linking
from app.sync.desk.records import Records
from app.sync.desk.requests import Requests
from app.sync.desk.value_tables import ValueTables
from app.sync.desk.why import Why
from app.sync.inbox import Inbox
from app.sync.lanes import Lanes
from app.sync.lookups.people import People
from app.sync.lookups.references import References
from app.sync.passes import first_load
from app.sync.passes.family_changes import FamilyChanges
from app.sync.passes.foreign import Foreign
from app.sync.passes.load_steps import LoadSteps
from app.sync.passes.models import RECONCILE, REQUESTED
from app.sync.passes.passes import Passes
from app.sync.passes.resync_steps import ResyncSteps
from app.sync.passes.resyncs import Resyncs
from app.sync.passes.self_test import SelfTest
from app.sync.passes.tables import Tables
from app.sync.setup import account_fields
from app.sync.setup.checks import Checker
from app.sync.setup.healing import Healing
from app.sync.setup.integrations import Integrations
from app.sync.setup.locks import Locks
from app.sync.setup.option_tables import OptionTables
from app.sync.setup.pickers import Pickers
from app.sync.setup.provisioning import Provisioner
from app.sync.setup.upkeep import Upkeep
from app.sync.setup.watch import Watch
from app.sync.stock.request import StockRefresh
from tests.factories import VAULT
from tests.integration.rest.fakes import FakeVendors

ADMIN = {"Authorization": "Bearer test-admin-token"}
NEW = {
    "name": "Loja",
    "omie": {"app_key": "1000000000001", "app_secret": "sandbox-app-secret"},
    "ploomes": {"user_key": "sandbox-user-key"},
}


class Parts:
    """The container of `app.wiring`, with vendors that live in memory."""

    def __init__(self, settings: Settings, db: Database, clock: Clock, vendors: FakeVendors) -> None:
        self.settings, self.db, self.clock, self.vault = settings, db, clock, VAULT
        self.queue = EmbeddedQueue(clock)
        self.inbox = Inbox(db, clock, self.queue)
        lanes = self.lanes = Lanes(db, settings.lease_seconds)
        references = References(db, clock, lanes)
        self.configs = ConfigStore(db, clock, vendors, account_fields.reader(db, clock, vendors))
        self.resyncs = Resyncs(db, clock, self.configs)
        self.requests = Requests(db, clock, self.queue, self.resyncs)
        provisioner = Provisioner(db, clock, vendors, lanes)
        healing = Healing(db, clock, self.configs, provisioner, self.requests)
        self.integrations = Integrations(
            db, clock, VAULT, self.inbox, lanes, Checker(db, clock, vendors), provisioner,
            self.configs, vendors, references, healing.look, settings.public_url,
        )  # fmt: skip
        steps = LoadSteps(db, clock, vendors, self.configs, references, lanes)
        self.options = OptionTables(db, clock, vendors, lanes)
        families = FamilyChanges(db, clock, lanes, vendors, self.configs, references)
        tables = Tables(self.configs, families, self.options)
        resync_steps = ResyncSteps(db, clock, self.queue, vendors, self.configs, references, steps, VAULT, {}, tables)
        resync_road = resync_steps.road()
        roads = {first_load.REASON: steps.road(), REQUESTED: resync_road, RECONCILE: resync_road}
        self.first_load = Passes(db, clock, self.queue, roads)
        self.foreign = Foreign(db, clock, self.inbox, self.configs)
        self.pickers = Pickers(db, clock, vendors)
        self.publishing = Publishing(db, clock, self.configs, self.options, references)
        self.stock_refresh = StockRefresh(db, clock, self.configs, vendors)
        self.value_tables = ValueTables(db, clock, self.configs)
        self.self_test = SelfTest(db, clock, vendors, self.configs, self.requests)
        self.diagnostics = Diagnostics(db, clock, self.configs)
        self.linking = Linking(db, clock, self.queue, lanes, vendors, self.configs, references)
        self.link_tables = LinkTables(db, clock, self.queue, self.configs)
        self.wizard = LinkWizard(db)
        self.people = People(db, self.configs)
        self.records = Records(db, clock, vendors, self.configs, references)
        self.why = Why(db, clock)
        self.locks = Locks(db, clock, vendors, self.configs)
        self.upkeep = Upkeep(
            db, clock, VAULT, self.inbox, Checker(db, clock, vendors), provisioner, self.integrations, self.locks,
        )  # fmt: skip
        self.watch = Watch(
            db, clock, self.configs, self.upkeep, self.pickers, self.options, references, self.requests, healing
        )

    async def work(self, stop: asyncio.Event) -> None:
        """No engine here."""

    async def close(self) -> None:
        """The fixtures close their own."""


class FixedClock(Clock):
    """Real time, moved by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead

    async def sleep(self, seconds: float) -> None:
        self.ahead += seconds
        await asyncio.sleep(0)

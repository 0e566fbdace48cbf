"""Builds the parts once, from settings, and hands them to the doors. Tests pass other parts at the same place."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import httpx

from app.core.clock import Clock
from app.core.config import Settings
from app.core.db import Database
from app.core.http import Funnel
from app.core.limit_store import LimitStore, MemoryLimitStore
from app.core.limits import Limiter
from app.core.mail import Mailer
from app.core.ports import Gateway, JsonObject, Priority, Vendor
from app.core.queue import Cron, Queue, make_queue
from app.core.vault import Vault
from app.omie import budgets as omie_budgets
from app.omie import webhooks as omie_webhooks
from app.omie.client import OmieClient, OmieCredentials
from app.omie.gateway import OmieGateway
from app.ploomes import budgets as ploomes_budgets
from app.ploomes import webhooks as ploomes_webhooks
from app.ploomes.client import PloomesClient, PloomesCredentials
from app.ploomes.gateway import PloomesGateway
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
from app.sync.interactions import Interactions
from app.sync.jobs import Jobs
from app.sync.lanes import Lanes
from app.sync.lookups.people import People
from app.sync.models import Integration
from app.sync.passes import family_changes, first_load, retired, self_test, value_pass
from app.sync.passes.family_changes import FamilyChanges
from app.sync.passes.foreign import Foreign
from app.sync.passes.load_steps import LoadSteps
from app.sync.passes.models import MAPPING, RECONCILE, REFRESH, REQUESTED
from app.sync.passes.nightly import Nightly
from app.sync.passes.passes import Passes
from app.sync.passes.resync_steps import ResyncSteps
from app.sync.passes.resyncs import Resyncs
from app.sync.passes.retired import Retired
from app.sync.passes.self_test import SelfTest
from app.sync.passes.silence import Silence
from app.sync.passes.sweep import Sweep
from app.sync.passes.tables import Tables
from app.sync.pipeline import BodyReader, Engine
from app.sync.reactions import Reactions
from app.sync.sales.messages import Messages
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
from app.sync.stock.refresh import StockPass
from app.sync.stock.request import StockRefresh
from app.sync.trip import Tracer


async def _untraced(boundary: str) -> None:
    """Nobody watches the boundaries outside the proofs."""


class GatewayPool:
    """One client per integration and process, so that limits and gathered reads are shared by all its gateways."""

    def __init__(self, settings: Settings, funnel: Funnel, vault: Vault) -> None:
        self._settings = settings
        self._funnel = funnel
        self._vault = vault
        self._clients: dict[int, tuple[tuple[bytes, ...], OmieClient, PloomesClient]] = {}

    def open(self, integration: Integration, priority: Priority) -> tuple[Gateway, Gateway]:
        """Both gateways of an integration at a priority; new credentials make new clients."""
        sealed = (
            integration.omie_app_key.encode(),
            integration.omie_app_secret,
            integration.ploomes_user_key,
            (integration.ploomes_account_id or "").encode(),
        )
        known = self._clients.get(integration.id)
        if known is None or known[0] != sealed:
            known = (sealed, self._omie(integration), self._ploomes(integration))
            self._clients[integration.id] = known
        return OmieGateway(known[1], priority), PloomesGateway(known[2], priority)

    def _omie(self, integration: Integration) -> OmieClient:
        credentials = OmieCredentials(integration.omie_app_key, self._vault.decrypt(integration.omie_app_secret))
        return OmieClient(self._funnel, credentials, self._settings.omie_url)

    def _ploomes(self, integration: Integration) -> PloomesClient:
        account = integration.ploomes_account_id or f"integration-{integration.id}"
        credentials = PloomesCredentials(self._vault.decrypt(integration.ploomes_user_key), account)
        return PloomesClient(self._funnel, credentials, self._settings.ploomes_url)


class Ponte:
    """The parts of the product, built and connected."""

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        trace: Tracer = _untraced,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock or Clock(settings.clock_scale, settings.clock_origin)
        self.db = Database(settings.database_url, pool_size=settings.database_pool_size)
        self.vault = Vault(settings.secret_keys)
        self.queue: Queue = make_queue(settings.redis_url, self.clock)
        self.limiter = Limiter(self._limit_store(), self.db, self.clock, [omie_budgets.RULES, ploomes_budgets.RULES])
        self.funnel = Funnel(self.limiter, self.clock, transport=transport)
        self.gateways = GatewayPool(settings, self.funnel, self.vault)
        self.lanes = Lanes(self.db, settings.lease_seconds, self.clock.scale)
        self.inbox = Inbox(self.db, self.clock, self.queue)
        self.configs = ConfigStore(
            self.db, self.clock, self.gateways, account_fields.reader(self.db, self.clock, self.gateways)
        )
        self.engine = Engine(self.db, self.clock, self.lanes, self.gateways, self.configs, BODY_READERS, trace)
        self.checker = Checker(self.db, self.clock, self.gateways)
        self.provisioner = Provisioner(self.db, self.clock, self.gateways, self.lanes)
        self.resyncs = Resyncs(self.db, self.clock, self.configs)
        self.requests = Requests(self.db, self.clock, self.queue, self.resyncs)
        healing = Healing(self.db, self.clock, self.configs, self.provisioner, self.requests)
        self.integrations = Integrations(
            self.db,
            self.clock,
            self.vault,
            self.inbox,
            self.lanes,
            self.checker,
            self.provisioner,
            self.configs,
            self.gateways,
            self.engine.references,
            healing.look,
            settings.public_url,
        )
        self.interactions = Interactions(self.db, self.clock, self.gateways, self.lanes)
        self.foreign = Foreign(self.db, self.clock, self.inbox, self.configs)
        stock = StockPass(self.db, self.clock, self.gateways, self.configs)
        in_load = stock.steps(Priority.BULK)
        steps = LoadSteps(
            self.db, self.clock, self.gateways, self.configs, self.engine.references, self.lanes,
            before={"products": {"stock_pages": in_load["stock_pages"]}},
            behind={"stock_compare": in_load["stock_compare"]},
        )  # fmt: skip
        self.pickers = Pickers(self.db, self.clock, self.gateways)
        self.options = OptionTables(self.db, self.clock, self.gateways, self.lanes)
        self.publishing = Publishing(self.db, self.clock, self.configs, self.options, self.engine.references)
        self.families = FamilyChanges(
            self.db, self.clock, self.lanes, self.gateways, self.configs, self.engine.references
        )
        resync_steps = ResyncSteps(
            self.db,
            self.clock,
            self.queue,
            self.gateways,
            self.configs,
            self.engine.references,
            steps,
            self.vault,
            stock.planned(Priority.BULK),
            Tables(self.configs, self.families, self.options),
        )
        self.self_test = SelfTest(self.db, self.clock, self.gateways, self.configs, self.requests)
        self.diagnostics = Diagnostics(self.db, self.clock, self.configs)
        roads = {
            first_load.REASON: steps.road(),
            REQUESTED: resync_steps.road(),
            MAPPING: resync_steps.road(),
            RECONCILE: resync_steps.road(),
            REFRESH: stock.road(),
            value_pass.REASON: value_pass.ValuePass(self.db, self.clock, self.lanes, resync_steps).road(),
            self_test.REASON: self.self_test.road(),
        }
        self.passes = Passes(self.db, self.clock, self.queue, roads)
        self.retired = Retired(self.db, self.clock, self.gateways)
        self.value_tables = ValueTables(self.db, self.clock, self.configs)
        self.stock_refresh = StockRefresh(self.db, self.clock, self.configs, self.gateways)
        self.nightly = Nightly(self.db, self.clock, self.configs, self.resyncs)
        self.sweep = Sweep(
            self.db,
            self.clock,
            self.queue,
            self.configs,
            resync_steps.visit,
            Silence(self.db, self.clock),
            settings.incremental_sweep_seconds,
        )
        mailer = Mailer(settings.smtp_url.get_secret_value())
        self.messages = Messages(self.db, self.clock, self.gateways, self.lanes, mailer)
        self.records = Records(self.db, self.clock, self.gateways, self.configs, self.engine.references)
        self.why = Why(self.db, self.clock)
        self.linking = Linking(
            self.db, self.clock, self.queue, self.lanes, self.gateways, self.configs, self.engine.references
        )
        self.link_tables = LinkTables(self.db, self.clock, self.queue, self.configs)
        self.wizard = LinkWizard(self.db)
        self.people = People(self.db, self.configs)
        self.locks = Locks(self.db, self.clock, self.gateways, self.configs)
        self.upkeep = Upkeep(
            self.db,
            self.clock,
            self.vault,
            self.inbox,
            self.checker,
            self.provisioner,
            self.integrations,
            self.locks,
        )
        self.watch = Watch(
            self.db,
            self.clock,
            self.configs,
            self.upkeep,
            self.pickers,
            self.options,
            self.engine.references,
            self.requests,
            healing,
        )
        self.jobs = Jobs(
            self.inbox,
            self.engine,
            Reactions(self.db, self.clock, self.queue),
            self.queue,
            self.clock,
            slots={"live": settings.live_slots, "bulk": settings.bulk_slots},
            lease_seconds=settings.lease_seconds,
        )

    def crons(self) -> list[Cron]:
        """What runs by the clock; with several processes one of them takes each tick."""
        retention = timedelta(days=self.settings.retention_days)
        return [
            Cron("sweep", self.settings.sweep_seconds, self.inbox.sweep),
            Cron("passes", 1.0, self.passes.tick),
            Cron("interactions", 10.0, self.interactions.sweep),
            Cron("foreign", 60.0, self.foreign.sweep),
            Cron("retired", retired.SECONDS, self.retired.sweep),
            Cron("families", family_changes.SECONDS, self.families.sweep),
            Cron("watch", 60.0, self.watch.tick),
            Cron("incremental_sweep", 60.0, self.sweep.tick),
            Cron("messages", 10.0, self.messages.sweep),
            Cron("reconcile", 300.0, self.nightly.tick),
            Cron("prune", 3600.0, lambda: self.inbox.prune(retention, first_load.remember)),
        ]

    async def work(self, stop: asyncio.Event) -> None:
        """The worker's life: hears the bell, drives events and runs what is due, until `stop`."""
        bell = asyncio.create_task(self.queue.serve(self.jobs.ring, self.crons()))
        try:
            await self.jobs.run(stop)
        finally:
            bell.cancel()
            await asyncio.gather(bell, return_exceptions=True)

    async def close(self) -> None:
        """Gives back every connection."""
        await self.limiter.close()
        await self.funnel.close()
        await self.queue.close()
        await self.db.close()

    def _limit_store(self) -> LimitStore:
        if not self.settings.redis_url:
            return MemoryLimitStore(self.clock)
        from app.core.limit_redis import RedisLimitStore  # only here, as in core/queue.py: Redis costs memory
        from app.core.queue_arq import redis_pool

        return RedisLimitStore(redis_pool(self.settings.redis_url), self.clock)


def _reader(
    decode: Callable[[bytes], JsonObject | None],
    record_of: Callable[[JsonObject], tuple[JsonObject | None, JsonObject | None]],
) -> BodyReader:
    return lambda body: record_of(decode(body.encode()) or {})


BODY_READERS: dict[Vendor, BodyReader] = {
    Vendor.OMIE: _reader(omie_webhooks.decode, omie_webhooks.record_of),
    Vendor.PLOOMES: _reader(ploomes_webhooks.decode, ploomes_webhooks.record_of),
}

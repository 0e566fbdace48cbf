"""What a resync brings in step before it compares records: groups with Omie's families, options with Omie's lists.

A dry run leaves both alone, and so does the execution of its plan: families are followed every hour and options at
every publish anyway, and what they would change is not in that plan.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from app.core.errors import LaneBusy, LeaseLost, Postponed, VendorError
from app.core.log import get_logger
from app.core.ports import Priority
from app.sync.config.store import ConfigStore
from app.sync.lookups.mapped import option_fields
from app.sync.models import Integration
from app.sync.passes.family_changes import FILED, FamilyChanges
from app.sync.passes.models import Resync
from app.sync.passes.passes import Step, Turn
from app.sync.setup.option_tables import OptionTables

BUSY_SECONDS = 1.0
"""When a table that somebody else works on is looked at again."""
_log = get_logger(__name__)


class Tables:
    """The steps of families and options."""

    def __init__(self, configs: ConfigStore, families: FamilyChanges, options: OptionTables) -> None:
        self._configs = configs
        self._families = families
        self._options = options

    def steps(self, row: Resync) -> Mapping[str, Step]:
        """Steps by name, in order; families only where products or services are compared."""
        families = {"families": partial(self._step, self._families.follow)} if set(FILED) & set(row.entities) else {}
        return {**families, "options": partial(self._step, self._equalise)}

    async def _step(
        self, work: Callable[[Integration], Awaitable[None]], integration: Integration, row: Resync, turn: Turn
    ) -> None:
        """Both do what differs and nothing else, so that a step that died is done again. What a vendor refuses for good
        keeps no record from being compared."""
        try:
            await work(integration)
        except (LaneBusy, LeaseLost) as busy:
            raise Postponed(BUSY_SECONDS, "outro trabalho ocupa esta tabela") from busy
        except VendorError as error:
            if not error.permanent:
                raise
            _log.info("table not followed", integration=integration.id, resync=row.id, problem=error.text)
        async with turn.commit(None):
            return

    async def _equalise(self, integration: Integration) -> None:
        config = await self._configs.get(integration.id)
        if option_fields(config):
            await self._options.equalise(integration, config, Priority.BULK)

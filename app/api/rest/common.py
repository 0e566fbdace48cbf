"""What every resource shares: the parts it acts through, checked path values, and lists by cursor."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Generic, Protocol, TypeVar, cast

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict

from app.api.deps import Container
from app.core.errors import UserError
from app.core.ports import Entity, Vendor
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
from app.sync.lookups.people import People
from app.sync.models import Integration
from app.sync.passes.resyncs import Resyncs
from app.sync.passes.self_test import SelfTest
from app.sync.setup.integrations import Integrations
from app.sync.setup.locks import Locks
from app.sync.setup.option_tables import OptionTables
from app.sync.setup.pickers import Pickers
from app.sync.setup.upkeep import Upkeep
from app.sync.stock.request import StockRefresh

T = TypeVar("T")

INT32, INT64 = 2**31 - 1, 2**63 - 1
RowId = Annotated[int, Path(ge=1, le=INT64)]
IntegrationId = Annotated[int, Path(ge=1, le=INT32)]
ExternalId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.\-]{1,40}$")]
RecordNumber = Annotated[str, Path(pattern=r"^[1-9][0-9]{0,18}(\.[1-9][0-9]{0,18})*$")]
"""An id that a vendor may have given out: asking for anything else would only cost a refusal of its error budget."""
EntityName = Annotated[Entity, Path()]
VendorName = Annotated[Vendor, Path()]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(pattern=r"^\d{1,18}$", description="valor de `next` da página anterior")]


class Parts(Container, Protocol):
    """The parts of the container that REST acts through."""

    integrations: Integrations
    configs: ConfigStore
    records: Records
    why: Why
    requests: Requests
    pickers: Pickers
    options: OptionTables
    publishing: Publishing
    stock_refresh: StockRefresh
    value_tables: ValueTables
    resyncs: Resyncs
    linking: Linking
    link_tables: LinkTables
    wizard: LinkWizard
    people: People
    locks: Locks
    upkeep: Upkeep
    diagnostics: Diagnostics
    self_test: SelfTest


def parts(request: Request) -> Parts:
    """The container the process was built with."""
    return cast(Parts, request.app.state.ponte)


PartsDep = Annotated[Parts, Depends(parts)]


async def integration_of(integration_id: IntegrationId, ponte: PartsDep) -> Integration:
    """The integration in the path. Raises UserError 404."""
    return await ponte.integrations.get(integration_id)


IntegrationDep = Annotated[Integration, Depends(integration_of)]


class Body(BaseModel):
    """Base of request bodies: closed, so that a misspelt key is named instead of ignored."""

    model_config = ConfigDict(extra="forbid")


class Listing(BaseModel, Generic[T]):
    """A page of a list; `next` asks for the following one."""

    items: list[T]
    next: str | None = None


def listing(rows: list[Any], limit: int, shown: list[dict[str, Any]]) -> dict[str, Any]:
    """A page from up to `limit + 1` rows that were read in the order of the list."""
    more = len(rows) > limit
    return {"items": shown[:limit], "next": str(rows[limit - 1].id) if more else None}


def moment(epoch: float | None) -> datetime | None:
    """Epoch seconds as RFC 3339 UTC."""
    return datetime.fromtimestamp(epoch, UTC) if epoch is not None else None


def missing(what: str) -> UserError:
    """404 in Portuguese."""
    return UserError(HTTPStatus.NOT_FOUND, "Não encontrado", what)

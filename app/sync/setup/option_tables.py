"""Keeping the options of mapped fields equal with Omie's lists, and making the Ploomes field of a row (F255, F256).

Options are matched by `ExternalKey` = Omie's code. An option that a person renamed gets its name back, a missing one is
made, and one that stands for no code is left alone and told.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, Postponed, UserError, VendorError
from app.core.ports import Gateway, JsonObject, Priority, Vendor
from app.sync import links
from app.sync.config.document import Config
from app.sync.lanes import Lanes, Lease
from app.sync.lookups import known
from app.sync.lookups import mapped as mapped_refs
from app.sync.lookups.sets import Sets
from app.sync.mapping.choices import LISTS, Choice, Option, choices_of, pair_choices, title_of
from app.sync.mapping.mappable import Mappable, mappable
from app.sync.mapping.places import fold
from app.sync.models import Integration
from app.sync.setup.account_fields import MADE_PREFIX, surely_all
from app.sync.setup.site import (
    ENTITY_IDS,
    PATIENCE_SECONDS,
    FieldSpec,
    Site,
    change_of,
    make_field,
    put_on_forms,
    sent,
)
from app.sync.vendors import Gateways, patiently, say

SLUG_SIZE = 70
PLACES = {"clients": "contacts", "products": "products", "orders": "orders"}
"""Where the field of an entity's row is made."""


@dataclass(slots=True)
class Repair:
    """What brings one table in step with its list."""

    create: list[tuple[str, str]] = field(default_factory=list)
    """(code, name)"""
    rename: list[tuple[str, str]] = field(default_factory=list)
    """(option id, name)"""
    key: list[tuple[str, str]] = field(default_factory=list)
    """(option id, code)"""
    strays: list[Choice] = field(default_factory=list)
    """Options that stand for no code."""

    @property
    def empty(self) -> bool:
        """True when nothing is to be written."""
        return not (self.create or self.rename or self.key)


def repair_of(choices: Sequence[Choice], names: Mapping[str, str], *, open_list: bool = False) -> Repair:
    """The writes that bring options in step with codes and names. Pure."""
    paired = pair_choices(choices, names, any_text=open_list)
    repair = Repair()
    held = set(paired.values())
    repair.create = [(code, title_of(code, name)) for code, name in names.items() if code not in held]
    for choice in choices:
        code = paired.get(choice.id)
        if code is None:
            repair.strays.append(choice)
            continue
        if choice.external_key != code and not open_list:
            repair.key.append((choice.id, code))
        wanted = {title_of(code, names.get(code, "")), names.get(code, ""), code}
        if code in names and fold(choice.name) not in {fold(text) for text in wanted}:
            repair.rename.append((choice.id, title_of(code, names[code])))
    return repair


@dataclass(frozen=True, slots=True)
class Equalised:
    """What became of the tables: what a person should know, in Portuguese, and whether anything was written."""

    told: Sequence[str]
    wrote: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A field that a mapping can use."""

    key: str
    name: str
    type_name: str
    created: bool


class OptionTables:
    """Reads lists and tables, and writes what differs."""

    def __init__(self, db: Database, clock: Clock, gateways: Gateways, lanes: Lanes) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._lanes = lanes
        self._sets = Sets(db, clock)

    async def gone(self, integration: Integration, keys: Collection[str], priority: Priority) -> set[str]:
        """Which of these FieldKeys are in Ploomes no more, looked up now. Raises as `equalise`."""
        async with self._lanes.hold(f"options:{integration.ploomes_account_id}") as lease:
            site = await self._site(integration, lease, priority)
            living = {str(row["Key"]) for row in await self._fields(integration, site)}
        return set(keys) - living

    async def equalise(self, integration: Integration, config: Config, priority: Priority) -> "Equalised":
        """Brings every mapped option field in step with Omie. Raises LaneBusy, LeaseLost, Postponed, VendorError."""
        fields = mapped_refs.option_fields(config)
        if not fields:
            return Equalised((), wrote=False)
        async with self._lanes.hold(f"options:{integration.ploomes_account_id}") as lease:
            site = await self._site(integration, lease, priority)
            lists = list(dict.fromkeys(name for _, name in fields))
            names = await self._names_of(integration, lists, priority, site)
            rows = {str(row["Key"]): row for row in await self._fields(integration, site)}
            told: list[str] = []
            wrote = False
            for key in dict.fromkeys(key for key, _ in fields):
                row = rows.get(key)
                if row is None:
                    continue
                lists = [name for each, name in fields if each == key]
                codes = {code: text for name in lists for code, text in names[name].items()}
                repair = repair_of(choices_of(row), codes, open_list=any(LISTS[name].open for name in lists))
                told += _told(row, repair)
                await _forget(self._db, integration.id, config, key, [code for code, _ in repair.create])
                wrote = await self._write(site, row, repair) or wrote
            if wrote:
                await self._fields(integration, site)
        return Equalised(told, wrote)

    async def make(self, integration: Integration, config: Config, wanted: Mapping[str, str | None]) -> list[Made]:
        """The Ploomes fields of the right type for mappable rows (key -> name to show, None for ours), found or made.

        Raises UserError 422 for an unknown row, 409 when Ploomes does not let us.
        """
        rows = {key: mappable(key, brand_as=config.products.brand_as) for key in wanted}
        unknown = [key for key, row in rows.items() if row is None]
        if unknown:
            raise UserError(
                HTTPStatus.UNPROCESSABLE_ENTITY, "Campo desconhecido", f"Não existe no Omie: {', '.join(unknown)}.",
                errors=[{"field": "omie", "message": f"campo do Omie desconhecido: {key}"} for key in unknown],
            )  # fmt: skip
        try:
            async with self._lanes.hold(f"provision:{integration.ploomes_account_id}") as lease:
                site = await self._site(integration, lease, Priority.PERSON)
                return await self._make(integration, site, [(row, wanted[key]) for key, row in rows.items() if row])
        except LaneBusy:
            text = "Esta conta Ploomes está sendo preparada; repita em um minuto."
            raise UserError(HTTPStatus.CONFLICT, "Campo não criado", text) from None
        except (VendorError, Postponed) as error:
            text = say(error, Vendor(getattr(error, "vendor", "") or Vendor.PLOOMES.value))
            raise UserError(HTTPStatus.CONFLICT, "Campo não criado", text) from error

    async def _make(
        self, integration: Integration, site: Site, wanted: Sequence[tuple[Mappable, str | None]]
    ) -> list[Made]:
        rows = await self._fields(integration, site)
        types = {kind.data["Id"]: str(kind.data.get("Name", "")) for kind in await site.all("field_types")}
        made: list[Made] = []
        fresh: list[tuple[FieldSpec, str]] = []
        for row, name in wanted:
            stable = MADE_PREFIX + slug(row.key)
            place = "order_items" if row.line else PLACES[row.entity]
            mine = [r for r in rows if r.get("SendExternalKey") == stable + site.suffix]
            living = next((r for r in mine if r.get("EntityId") == ENTITY_IDS[place]), None)
            shown = name or (str(living.get("Name")) if living else site.label(f"{row.label} (Omie)"))
            options = () if living else await self._first_options(integration, row, site)
            spec = FieldSpec(stable, place, shown, row.ploomes_type, options)
            key = await make_field(site, spec, rows, types)
            made.append(Made(key, shown, row.ploomes_type, living is None))
            if living is None:
                fresh.append((spec, key))
        if fresh:
            await put_on_forms(site, fresh)
            await self._fields(integration, site)
        return made

    async def _first_options(self, integration: Integration, row: Mappable, site: Site) -> list[tuple[str, str]]:
        if not isinstance(row.by, Option) or LISTS[row.by.codes].open:
            return []
        names = await self._names_of(integration, [row.by.codes], Priority.PERSON, site)
        return [(code, title_of(code, text)) for code, text in names[row.by.codes].items()]

    async def _site(self, integration: Integration, lease: Lease, priority: Priority) -> Site:
        ploomes = self._gateways.open(integration, priority)[1]
        suffix = str(integration.provisioned.get("suffix") or "")
        return Site(self._clock, self._db, integration, ploomes, lease, suffix)

    async def _fields(self, integration: Integration, site: Site) -> list[JsonObject]:
        """The fields of the account as they are now, kept in the index."""
        await patiently(
            self._clock,
            lambda: self._sets.read(integration.id, Vendor.PLOOMES, "fields", site.ploomes),
            PATIENCE_SECONDS,
            site.hold,
        )
        async with self._db.read() as session:
            rows = await known.everything(session, integration.id, Vendor.PLOOMES, "fields")
        shown = [
            {**row.data, "Key": row.external_id, "Name": row.name, "SendExternalKey": row.natural_key} for row in rows
        ]
        surely_all(shown)
        return shown

    async def _names_of(
        self, integration: Integration, lists: Sequence[str], priority: Priority, site: Site
    ) -> dict[str, dict[str, str]]:
        """Codes and names by list, read from Omie unless that was just done."""
        omie = self._gateways.open(integration, priority)[0]
        names: dict[str, dict[str, str]] = {}
        for name in lists:
            entity = LISTS[name].entity
            if entity is not None and not await self._sets.lately(integration.id, Vendor.OMIE, entity, 120.0):
                await patiently(
                    self._clock,
                    lambda: self._sets.read(integration.id, Vendor.OMIE, entity, omie),  # noqa: B023  (awaited here)
                    hold=site.hold,
                )
            async with self._db.read() as session:
                rows = await known.everything(session, integration.id, Vendor.OMIE, entity or "")
            names[name] = mapped_refs.names_of(name, rows)
        return names

    async def _write(self, site: Site, row: JsonObject, repair: Repair) -> bool:
        table = row.get("OptionsTableId")
        if table is None or repair.empty:
            return False
        note = f"Opções do campo “{row.get('Name')}” igualadas com o Omie."
        for code, name in repair.create:
            body = {"TableId": table, "Name": name, "ExternalKey": code}
            await site.write("options", "create", None, body, note)
        for option, code in repair.key:
            body = {"ExternalKey": code}
            await site.write("options", "update", option, body, note)
        for option, name in repair.rename:
            body = {"Name": name}
            await site.write("options", "update", option, body, note)
        return True


async def _forget(db: Database, integration_id: int, config: Config, key: str, codes: Sequence[str]) -> None:
    """Before an option is made again: records lost their value with the old one, which is no clearing."""
    if not codes:
        return
    async with db.transaction() as session:
        for entity, row_id in mapped_refs.option_rows(config, key):
            for code in codes:
                await links.forget_value(session, integration_id, entity, row_id, code)


async def ensure_option(
    clock: Clock,
    db: Database,
    lanes: Lanes,
    integration: Integration,
    config: Config,
    ploomes: Gateway,
    key: str,
    code: str,
    name: str,
    event_id: int | None,
) -> None:
    """Makes the option of a code in a field's table unless it is there, and keeps the field as it is then. `event_id`:
    the event that needs it.

    Raises LaneBusy, LeaseLost, Postponed, VendorError.
    """
    async with lanes.hold(f"options:{integration.ploomes_account_id}") as lease:
        field_now = (await ploomes.fetch_many("fields", [key])).get(key)
        if field_now is None or field_now.data.get("OptionsTableId") is None:
            return
        choices = choices_of(field_now.data)
        if code not in pair_choices(choices, {code: name}).values():
            await _forget(db, integration.id, config, key, [code])
            body = {"TableId": field_now.data["OptionsTableId"], "Name": title_of(code, name), "ExternalKey": code}
            written = await sent(db, lease, lambda: ploomes.write("options", "create", None, body))
            rows = [*(field_now.data["OptionsTable"].get("Options") or ()), {"Id": int(written.id), **body}]
            table = {**field_now.data["OptionsTable"], "Options": rows}
            field_now = replace(field_now, data={**field_now.data, "OptionsTable": table})
            async with db.transaction() as session:
                change = change_of(integration, "options", "create", written.id, body, clock.now())
                change.event_id = event_id
                session.add(change)
        async with db.transaction() as session:
            await known.upsert(session, integration.id, [known.known_of(field_now)], clock.now())


def _told(row: JsonObject, repair: Repair) -> list[str]:
    strays = ", ".join(choice.name for choice in repair.strays[:10])
    if not strays:
        return []
    return [f"Opções do campo “{row.get('Name')}” sem correspondência no Omie: {strays}."]


def slug(key: str) -> str:
    """A key of a mappable row as a stable name."""
    plain = "".join(sign if sign.isalnum() else "_" for sign in fold(key).lower())
    return "_".join(part for part in plain.split("_") if part)[:SLUG_SIZE]

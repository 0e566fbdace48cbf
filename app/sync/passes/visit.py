"""The entities that are kept as pairs, as a pass sees them: their rules say everything."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.core.ports import Gateway, JsonObject, Record, Vendor
from app.sync.config.document import Config
from app.sync.config.sharing import restrain
from app.sync.entities.rules import Rules
from app.sync.lookups.references import References
from app.sync.lookups.snapshots import learn
from app.sync.mapping.canonical import canonical
from app.sync.mapping.decide import Policy, Sides, Verdict, decide, same
from app.sync.mapping.fields import Field, Master, Refs, Values
from app.sync.models import Integration, Link, LinkState
from app.sync.passes.subject import (
    Access,
    Row,
    Work,
    actions_of,
    calls_of,
    comparable_digest,
    equals_base,
    foreseen,
    planned,
    target_of,
)
from app.sync.writing import WHOLE, needs_record


class Visit(Access):
    """An entity that is kept as pairs."""

    keeps_raw = False
    heals = True
    proves_absence: Collection[Vendor] = tuple(Vendor)

    def __init__(
        self,
        integration: Integration,
        config: Config,
        rules: Rules,
        omie: Gateway,
        ploomes: Gateway,
        references: References,
        refs: Refs,
    ) -> None:
        super().__init__(integration, config, rules.ENTITY, omie, ploomes, references, refs)
        self.rules = rules
        self.sets = self.index = rules.SETS
        self.filed: Mapping[Vendor, str] = dict.fromkeys(Vendor, rules.ENTITY)
        if config.entities.stock and rules.STOCK_FIELD is not None:
            self.table_key = refs.field_keys.get(rules.STOCK_FIELD)
        self.told_as: Sequence[str] = (rules.ENTITY, *rules.SIBLINGS)
        self.issue_entity = rules.ENTITY

    async def read(self, records: Sequence[Record], linked: Collection[str] = ()) -> list[Row]:
        """Raises Postponed or VendorError for a look-up it misses."""
        rows = []
        for record in records:
            if record.id not in linked and not self.rules.recognisable(record.vendor, record.data, self.refs):
                continue
            learn(record.data, self.refs)
            rows.append(await planned(self, lambda: self._row(record)))  # noqa: B023  (awaited here)
        return rows

    def _row(self, record: Record) -> Row:
        values = canonical(record.vendor, self.rows, record.data, self.refs)
        compared = self.rules.comparable(record.vendor, values, self.config)
        return Row(record, values, comparable_digest(record.vendor, self.rows, compared, self.refs))

    def equal(self, row: Row, link: Any, vendor: Vendor) -> bool:
        """In every field; a pair that waits for data equals its last look."""
        if link.state == LinkState.SUSPENDED:
            seen = link.omie_seen if vendor is Vendor.OMIE else link.ploomes_seen
            return bool(seen == row.values)
        return equals_base(row, link, vendor, self.rows)

    def refusal(self, vendor: Vendor, row: Row) -> str | None:
        """Nothing is created in Omie where Omie is master; a record that carries a twin's id may still be linked."""
        refused = self.rules.qualify(vendor, row.record.data, row.values, self.config, self.refs)
        if refused is not None:
            return refused.cause
        if vendor is Vendor.OMIE or self.rules.MASTER is not Master.OMIE:
            return None
        return None if row.values.get("omie_id") or row.values.get(self.rules.KEY) else "waiting"

    def twin(self, vendor: Vendor, row: Row) -> str | None:
        """By our own field in Ploomes, by the integration code in Omie."""
        carried = row.values.get("omie_id") if vendor is Vendor.PLOOMES else None
        return self.rules.other_id(vendor, row.record.data, str(carried) if carried else None)

    def natural_key(self, row: Row) -> str | None:
        """Document or code."""
        key = row.values.get(self.rules.KEY)
        return str(key) if key else None

    async def decided(self, sides: Sides, theirs: frozenset[str] | None = None) -> Verdict:
        """A marker that Ploomes lacks is not made, only counted."""
        conflicts = self.config.conflicts
        first = Vendor.OMIE if theirs is None else Vendor.PLOOMES
        policy = Policy(conflicts.default, conflicts.fields, first=first)
        made, needs = await foreseen(
            self, lambda: self.rules.adjust(decide(self.rows, sides, policy, self.refs), sides)
        )
        made.needs = needs
        if theirs is not None:
            restrain(self.rows, self.refs, made, theirs)
        return made

    def held(self, link: Link, vendor: Vendor) -> Values:
        """Its base."""
        return link.omie_base if vendor is Vendor.OMIE else link.ploomes_base

    def work(self, link: Link | None, verdict: Verdict, sides: Sides) -> Work:
        """A pair still to be linked has its raw rows at hand; only lists must not be written from them."""
        if link is None:
            fresh = any(row.id in verdict.to_ploomes and isinstance(row.by, WHOLE) for row in self.rows)
            target = Vendor.OMIE if verdict.to_omie else Vendor.PLOOMES
        else:
            fresh = needs_record(self.rows, verdict.to_ploomes)
            target = target_of(verdict)
        return Work(actions_of(verdict), calls_of(verdict, sides), target, fresh, verdict.needs)

    def creation(self, row: JsonObject, target: Vendor, key: str | None) -> Work | None:
        """A new record in Omie tells Ploomes its id; one without a natural key is looked for in Ploomes before."""
        if target is Vendor.PLOOMES:
            calls = {"ploomes": {"create": 1} if key else {"find": 1, "create": 1}}
        elif self.rules.MASTER is Master.OMIE:
            return None
        else:
            calls = {"omie": {"create": 1}, "ploomes": {"update": 1}}
        return Work([f"create_in_{target.value}"], calls, target)

    async def needs(self, row: JsonObject, target: Vendor) -> frozenset[str]:
        """Markers, groups and options of a new record in Ploomes; Omie takes names and codes as they are."""
        if target is Vendor.OMIE:
            return frozenset()
        rows, values = [each for each in self.rows if each.flows_to(target)], row["values"]
        _, needs = await foreseen(self, lambda: [each.by.widen(values.get(each.id), None, self.refs) for each in rows])
        return needs

    def ending(self, link: Link, gone: Vendor) -> Work:
        """By the policy of deletions; a page that does not show a record is no ground for writing a list of it."""
        policy = getattr(self.config.deletes, self.entity, "ignore")
        other = gone.other
        verb = {"mirror": "delete", "inactivate": "update"}.get(policy)
        fresh = verb == "update" and other is Vendor.PLOOMES and needs_record(self.rows, self.rules.INACTIVE)
        actions, calls = ([f"{verb}_in_{other.value}"], {other.value: {verb: 1}}) if verb else (["ended"], {})
        return Work(actions, calls, other, fresh)

    def differing(self, sides: Sides) -> list[Field]:
        """Rows whose difference is only noted do not count, nor what the sides hold differently by a rule."""
        sides = replace(
            sides,
            omie=self.rules.comparable(Vendor.OMIE, sides.omie, self.config),
            ploomes=self.rules.comparable(Vendor.PLOOMES, sides.ploomes, self.config),
        )
        return [row for row in self.rows if not row.noted and not same(row, sides, self.refs)]

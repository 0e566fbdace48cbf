"""The decision table of design section 4. Pure: two sides, two halves of the base, a policy; out comes what to write.

A side has changed only against its own half of the base. A field that is not in the base has never been agreed on:
the first link's rule holds for it (an empty side is filled, Omie wins where both are filled and different).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.ports import Vendor
from app.sync.mapping.choices import Option
from app.sync.mapping.fields import Field, Master, Refs, Value, Values
from app.sync.mapping.tags import Tags, merge_tags


@dataclass(frozen=True, slots=True)
class Policy:
    """Who wins when both sides changed the same field: `omie`, `ploomes`, `newest` or `ask`."""

    default: str = "newest"
    fields: Mapping[str, str] = field(default_factory=dict)
    newest: Vendor = Vendor.OMIE
    """The side whose latest event was received later; Omie on a tie."""
    answered: Mapping[str, str] = field(default_factory=dict)
    """Answers people gave to earlier questions, by row id."""
    first: Vendor = Vendor.OMIE
    """Who wins at a first link where both sides are filled: Ploomes on a record that another company shares, or the
    company linked last would overwrite the ones before it."""

    def winner(self, rows: Sequence[Field]) -> Vendor | None:
        """The winning side for one field or address; None asks a person."""
        for row in rows:
            word = self.answered.get(row.id) or self.fields.get(row.key) or self.fields.get(row.group or "")
            if word:
                break
        else:
            word = self.default
        if word == "ask":
            return None
        return self.newest if word == "newest" else Vendor(word)


@dataclass(slots=True)
class Verdict:
    """What to write where, and what to remember. Values are in the receiving side's canonical form."""

    to_omie: Values = field(default_factory=dict)
    to_ploomes: Values = field(default_factory=dict)
    agreed: set[str] = field(default_factory=set)
    """Rows whose two halves may become what is held now, without a write."""
    lost: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Values that lost a true conflict: row id -> {"vendor", "value"}."""
    restored: set[str] = field(default_factory=set)
    """Rows put back to the master's value."""
    noted: set[str] = field(default_factory=set)
    """Rows whose difference is only noted."""
    asks: set[str] = field(default_factory=set)
    """Rows that wait for a person's choice."""
    resting: set[str] = field(default_factory=set)
    """Rows of which one side holds an option that the other does not know: neither written nor agreed on."""
    needs: frozenset[str] = frozenset()
    """What has to be made first, where only a plan was asked for: on the road it is there by now."""

    @property
    def writes(self) -> bool:
        """True when anything leaves."""
        return bool(self.to_omie or self.to_ploomes)

    def to(self, vendor: Vendor) -> Values:
        """The values that go to a vendor."""
        return self.to_omie if vendor is Vendor.OMIE else self.to_ploomes


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides now and both halves of the base."""

    omie: Values
    ploomes: Values
    omie_base: Values
    ploomes_base: Values

    def changed(self, row: Field, vendor: Vendor) -> bool:
        """True when this side differs from its own half."""
        now, base = (self.omie, self.omie_base) if vendor is Vendor.OMIE else (self.ploomes, self.ploomes_base)
        return now.get(row.id) != base[row.id]

    def based(self, row: Field) -> bool:
        """True when the row has a base on both sides."""
        return row.id in self.omie_base and row.id in self.ploomes_base


def decide(rows: Sequence[Field], sides: Sides, policy: Policy, refs: Refs) -> Verdict:
    """Compares every row and says what leaves. Raises MissingReference."""
    verdict = Verdict()
    conflicts: dict[str, list[Field]] = {}
    for row in rows:
        if isinstance(row.by, Tags):
            _decide_set(row, sides, verdict, refs)
        elif row.noted:
            _decide_noted(row, sides, verdict)
        elif row.watched:
            _decide_watched(row, sides, verdict)
        elif isinstance(row.by, Option) and row.by.rests(sides.omie.get(row.id), sides.ploomes.get(row.id), refs):
            verdict.resting.add(row.id)
        elif not sides.based(row):
            _decide_first(row, sides, verdict, policy.first, refs)
        else:
            omie, ploomes = sides.changed(row, Vendor.OMIE), sides.changed(row, Vendor.PLOOMES)
            if omie and ploomes and not same(row, sides, refs) and row.master is Master.EITHER:
                conflicts.setdefault(row.group or row.id, []).append(row)
            elif omie or ploomes:
                _decide_changed(row, Vendor.OMIE if omie else Vendor.PLOOMES, sides, verdict, refs)
    for name, clashing in conflicts.items():
        unit = [r for r in rows if r.group == name and r.group] or clashing
        _decide_conflict(unit, clashing, sides, verdict, policy, refs)
    return verdict


def same(row: Field, sides: Sides, refs: Refs) -> bool:
    """True when both sides hold the same thing, each in its own form."""
    omie, ploomes = sides.omie.get(row.id), sides.ploomes.get(row.id)
    if row.watched:
        return ploomes == sides.ploomes_base.get(row.id, ploomes)
    return row.agree(omie, ploomes, refs) or row.by.widen(omie, ploomes, refs) == ploomes


def _send(row: Field, to: Vendor, sides: Sides, verdict: Verdict, refs: Refs) -> None:
    """Writes the other side's value to `to`, unless it already holds it in its own form."""
    omie, ploomes = sides.omie.get(row.id), sides.ploomes.get(row.id)
    if same(row, sides, refs):
        verdict.agreed.add(row.id)
    elif to is Vendor.PLOOMES:
        verdict.to_ploomes[row.id] = row.by.widen(omie, ploomes, refs)
    else:
        verdict.to_omie[row.id] = row.by.narrow(ploomes, refs)


def _decide_changed(row: Field, side: Vendor, sides: Sides, verdict: Verdict, refs: Refs) -> None:
    """Exactly one side changed, or the row has a master who decides alone."""
    if row.master is not Master.EITHER:
        master = Vendor(row.master.value)
        if side is not master and not same(row, sides, refs):
            verdict.restored.add(row.id)
        side = master
    _send(row, side.other, sides, verdict, refs)


def _decide_first(row: Field, sides: Sides, verdict: Verdict, first: Vendor, refs: Refs) -> None:
    """Never agreed on: an empty side is filled, `first` wins where both are filled, and no empty side empties the
    other (a mapping just made must not wipe what people have typed)."""
    omie, ploomes = sides.omie.get(row.id), sides.ploomes.get(row.id)
    if (row.master is Master.OMIE and omie is None) or (row.master is Master.PLOOMES and ploomes is None):
        verdict.agreed.add(row.id)
        return
    beaten = omie is None or first is Vendor.PLOOMES
    to_omie = row.master is Master.PLOOMES or (beaten and ploomes is not None and row.master is Master.EITHER)
    _send(row, Vendor.OMIE if to_omie else Vendor.PLOOMES, sides, verdict, refs)


def _decide_noted(row: Field, sides: Sides, verdict: Verdict) -> None:
    if sides.omie.get(row.id) != sides.ploomes.get(row.id) and (
        not sides.based(row) or sides.changed(row, Vendor.OMIE)
    ):
        verdict.noted.add(row.id)
    verdict.agreed.add(row.id)


def _decide_watched(row: Field, sides: Sides, verdict: Verdict) -> None:
    """What was never looked at is what Omie was told, or what people there chose."""
    if same(row, sides, Refs()):
        verdict.agreed.add(row.id)
    else:
        verdict.to_omie[row.id] = sides.ploomes.get(row.id)


def _decide_set(row: Field, sides: Sides, verdict: Verdict, refs: Refs) -> None:
    omie, ploomes = sides.omie.get(row.id), sides.ploomes.get(row.id)
    for_omie, for_ploomes = merge_tags(omie, ploomes, sides.omie_base.get(row.id), sides.ploomes_base.get(row.id))
    if for_omie != omie:
        verdict.to_omie[row.id] = for_omie
    if for_ploomes != ploomes:
        verdict.to_ploomes[row.id] = row.by.widen(for_ploomes, ploomes, refs)
    verdict.agreed.add(row.id)


def _decide_conflict(
    unit: Sequence[Field], clashing: Sequence[Field], sides: Sides, verdict: Verdict, policy: Policy, refs: Refs
) -> None:
    """Both sides changed one field (or one address) to different values."""
    winner = policy.winner(clashing)
    if winner is None:
        verdict.asks.update(row.id for row in clashing)
        return
    loser = winner.other
    losing = sides.omie if loser is Vendor.OMIE else sides.ploomes
    for row in unit:
        for values in (verdict.to_omie, verdict.to_ploomes):
            values.pop(row.id, None)
        if same(row, sides, refs):
            verdict.agreed.add(row.id)
            continue
        if sides.based(row) and sides.changed(row, loser):
            verdict.lost[row.id] = {"vendor": loser.value, "value": losing.get(row.id)}
        _send(row, loser, sides, verdict, refs)


PUT_BACKS = 5
"""A value put back this often in ten minutes is undone by an automation, not by people."""


def fights(history: Sequence[tuple[Vendor, Value]], vendor: Vendor, value: Value, *, restores: bool = False) -> bool:
    """True when writing `value` to `vendor` would be the third turn of two automations undoing each other; or, where
    it only `restores` a master's value, one put-back too many.

    `history` holds our own writes of one field in the last ten minutes, oldest first.
    """
    turns = [*history, (vendor, value)]
    if restores and len(turns) >= PUT_BACKS and all(turn == (vendor, value) for turn in turns[-PUT_BACKS:]):
        return True
    if len(turns) < 3:
        return False
    last = turns[-3:]
    alternating = last[0][0] == last[2][0] != last[1][0]
    return alternating and last[0][1] == last[2][1]

"""Writes of a pair whose outcome nobody stored: fresh reads say which arrived (design section 5). Pure.

A value of ours that arrived is no edit that somebody made there: its row gets the halves that the lost commit would
have given it, else it would pass for a change and could win over what people typed since. What such a write replaced
and nobody had been told of lost a conflict, and the history says so.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from app.core.ports import Vendor
from app.sync.mapping.decide import Sides, same
from app.sync.mapping.fields import Field, Master, Refs, Value, Values
from app.sync.mapping.tags import Tags
from app.sync.models import Link, WriteEntry, WriteState
from app.sync.trip import Side, Trip


@dataclass(frozen=True, slots=True)
class Settled:
    """How a write ended, the new halves of its rows, and what lost to it."""

    entry: WriteEntry
    state: WriteState
    outcome: str
    omie: Values = field(default_factory=dict)
    ploomes: Values = field(default_factory=dict)
    lost: dict[str, dict[str, Any]] = field(default_factory=dict)


def settled(trip: Trip, link: Link, omie: Side, ploomes: Side) -> list[Settled]:
    """Every unfinished write of a trip in its order. Raises MissingReference."""
    sides = Sides(omie.values, ploomes.values, link.omie_base, link.ploomes_base)
    return [_settled(entry, trip.rows, sides, trip.refs) for entry in trip.unfinished]


def _settled(entry: WriteEntry, rows: Collection[Field], sides: Sides, refs: Refs) -> Settled:
    held = sides.omie if entry.vendor == Vendor.OMIE else sides.ploomes
    there = {key for key, value in entry.after.items() if held.get(key) == value}
    new = {key for key in there if entry.before.get(key) != entry.after[key]}
    if not new and not (there and there == entry.after.keys()):
        return Settled(entry, WriteState.RESOLVED, "resposta perdida; não chegou")
    halves: dict[Vendor, Values] = {Vendor.OMIE: {}, Vendor.PLOOMES: {}}
    lost: dict[str, dict[str, Any]] = {}
    for row in rows:
        # a set is merged with the base it had; a create has no base to stand on
        if row.id not in there or isinstance(row.by, Tags) or entry.verb != "update" or not sides.based(row):
            continue
        lost |= _lost(row, entry, sides)
        halves[Vendor.OMIE][row.id], halves[Vendor.PLOOMES][row.id] = _halves(row, entry, sides, refs)
    text = "resposta perdida; a leitura confirma"
    return Settled(entry, WriteState.DONE, text, halves[Vendor.OMIE], halves[Vendor.PLOOMES], lost)


def _halves(row: Field, entry: WriteEntry, sides: Sides, refs: Refs) -> tuple[Value, Value]:
    """What both sides held when a value was sent: a source that would send another one now was edited since."""
    omie, ploomes = sides.omie.get(row.id), sides.ploomes.get(row.id)
    if same(row, sides, refs):
        return omie, ploomes
    if entry.vendor == Vendor.OMIE:
        return omie, row.by.widen(omie, None, refs)
    return row.by.narrow(ploomes, refs), ploomes


def _lost(row: Field, entry: WriteEntry, sides: Sides) -> dict[str, dict[str, Any]]:
    """The value a write replaced, when it was an edit that no base knew."""
    base = sides.omie_base if entry.vendor == Vendor.OMIE else sides.ploomes_base
    if row.master is not Master.EITHER or row.id not in entry.before or entry.before[row.id] == base[row.id]:
        return {}
    return {row.id: {"vendor": entry.vendor, "value": entry.before[row.id]}}

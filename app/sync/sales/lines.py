"""Which line of a sale is which item of a document. Pure.

Ploomes gives its lines new ids at every PATCH (reference 3.4) and Omie's service orders have no key for an item, so a
pair is remembered with the link: by the line's id while that lasts, else by product and order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from app.core.ports import JsonObject
from app.sync.sales.money import plain


@dataclass(frozen=True, slots=True)
class Item:
    """One priced line, in Omie's words: what both sides of a document are reduced to."""

    product: str
    """Omie id of the product or service."""
    quantity: Decimal
    unit: Decimal
    total: Decimal
    line_id: str | None = None
    """Id of the line in Ploomes, when it was read there."""
    item_id: str | None = None
    """Id of the item in Omie, when it was read there."""
    code: str | None = None
    """Integration code of the item (orders), or its sequence (service orders)."""
    name: str = ""
    extra: JsonObject = field(default_factory=dict)
    """Further parts of the item that are mapped (taxes), as a wire patch."""

    @property
    def canonical(self) -> str:
        """Comparable text of product, quantity, unit price and total."""
        return "|".join((self.product, plain(self.quantity), plain(self.unit), plain(self.total)))

    @property
    def label(self) -> str:
        """The item for people."""
        return f"“{self.name or self.product}” ({plain(self.quantity)} un.)"


def parse_items(raw: object) -> list[Item]:
    """Items out of their comparable texts."""
    rows = [str(text).split("|") for text in raw] if isinstance(raw, list) else []
    return [Item(product, Decimal(quantity), Decimal(unit), Decimal(total)) for product, quantity, unit, total in rows]


@dataclass(frozen=True, slots=True)
class Pair:
    """A remembered pair: the item of the document, the line of the sale."""

    code: str
    product: str
    line_id: str | None = None
    item_id: str | None = None
    told: str | None = None
    """What Omie was told of it: the item's comparable text."""

    def as_json(self) -> JsonObject:
        """For the link."""
        return {
            "code": self.code,
            "product": self.product,
            "line_id": self.line_id,
            "item_id": self.item_id,
            "told": self.told,
        }

    @classmethod
    def of_json(cls, data: JsonObject) -> "Pair":
        """From the link."""
        return cls(str(data["code"]), str(data["product"]), data.get("line_id"), data.get("item_id"), data.get("told"))


@dataclass(frozen=True, slots=True)
class Pairing:
    """What became of the pairs: items that stay (with their old code), new ones (with a new code), and those gone."""

    kept: Sequence[Item]
    added: Sequence[Item]
    removed: Sequence[Pair]

    @property
    def items(self) -> list[Item]:
        """Everything the document shall hold."""
        return [*self.kept, *self.added]

    @property
    def pairs(self) -> list[Pair]:
        """What to remember once it is written."""
        return [Pair(str(item.code), item.product, item.line_id, item.item_id, item.canonical) for item in self.items]


def pair(stored: Sequence[Pair], wanted: Sequence[Item], used: Sequence[str] = ()) -> Pairing:
    """Pairs the lines wanted with the items there are.

    First the line that still has its id and product, then the first free pair of the same product, in order. What has
    none is new and gets the next code; `used` are codes that may be taken although no pair says so (sent, answer lost).
    A line whose product changed is another item.
    """
    free = list(stored)
    found: dict[int, Pair] = {}
    tests: tuple[Callable[[Item, Pair], bool], ...] = (_same_line, _same_product)
    for test in tests:
        for position, item in enumerate(wanted):
            match = None if position in found else next((one for one in free if test(item, one)), None)
            if match is not None:
                found[position] = match
                free.remove(match)
    taken = [int(code) for code in (*used, *(one.code for one in stored)) if code.isascii() and code.isdigit()]
    last = max(taken, default=0)
    kept, added = [], []
    for position, item in enumerate(wanted):
        old = found.get(position)
        if old is not None:
            kept.append(replace(item, code=old.code, item_id=old.item_id))
        else:
            last += 1
            added.append(replace(item, code=str(last), item_id=None))
    return Pairing(kept, added, free)


def edited(
    kept: Sequence[Item], stored: Sequence[Pair], there: Sequence[str], held: Sequence[Item] | None
) -> list[Item]:
    """The items that stay and that Omie holds otherwise, each compared with its own pair: two items of one product may
    be told apart by nothing else.

    `held`: the document's items, when it was just read. From memory only the texts (`there`) are known; they tell which
    item is which as long as they are what was told. Else every item is sent: a repetition changes nothing.
    """
    if held is not None:
        holds = {str(item.code): item.canonical for item in held}
    elif sorted(one.told or "" for one in stored) == sorted(there):
        holds = {one.code: one.told or "" for one in stored}
    else:
        holds = {}
    return [item for item in kept if holds.get(str(item.code)) != item.canonical]


def follow(stored: Sequence[Pair], held: Sequence[Item]) -> tuple[list[Pair], list[Pair]]:
    """One pair for each item that Omie holds, and the pairs whose item is gone: by Omie's id, else by our code."""
    free = list(stored)
    found: dict[int, Pair] = {}
    tests: tuple[Callable[[Item, Pair], bool], ...] = (_same_id, _same_code)
    for test in tests:
        for position, item in enumerate(held):
            match = None if position in found else next((one for one in free if test(item, one)), None)
            if match is not None:
                found[position] = match
                free.remove(match)
    pairs = []
    for position, item in enumerate(held):
        old = found.get(position)
        line_id, told = (old.line_id, old.told) if old is not None else (None, None)
        pairs.append(Pair(str(item.code), item.product, line_id, item.item_id, told))
    return pairs, free


def blame(wanted: Sequence[Item], held: Sequence[Item]) -> list[tuple[Item | None, Item | None]]:
    """Items whose totals differ between what was sent and what the document holds, by code; one half is None when the
    item is missing there."""
    here = {str(item.code): item for item in wanted}
    there = {str(item.code): item for item in held}
    return [
        (here.get(code), there.get(code))
        for code in dict.fromkeys((*here, *there))
        if code not in here or code not in there or here[code].total != there[code].total
    ]


def _same_line(item: Item, pair: Pair) -> bool:
    return item.line_id is not None and item.line_id == pair.line_id and _same_product(item, pair)


def _same_id(item: Item, pair: Pair) -> bool:
    return item.item_id is not None and item.item_id == pair.item_id


def _same_code(item: Item, pair: Pair) -> bool:
    return str(item.code) == pair.code


def _same_product(item: Item, pair: Pair) -> bool:
    return item.product == pair.product

"""What lies where: balances per product and stock location, every movement, and what open orders will take."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

_NIL = Decimal(0)


@dataclass(slots=True)
class Balance:
    """One product in one location; quantities and unit cost as Omie shows them, negative ones included."""

    physical: Decimal = _NIL
    reserved: Decimal = _NIL
    cost: Decimal = _NIL
    minimum: Decimal = _NIL
    pending: Decimal = _NIL
    moves: list[tuple[date, Decimal]] = field(default_factory=list)

    @property
    def available(self) -> Decimal:
        """On the shelf and not reserved; pending orders are not taken off (omie-api.md 3.9)."""
        return self.physical - self.reserved

    def physical_at(self, day: date) -> Decimal:
        """What was on the shelf at the end of that day."""
        return self.physical - sum((quantity for moved, quantity in self.moves if moved > day), _NIL)


class StockBook:
    """The balances of one company."""

    def __init__(self) -> None:
        self._balances: dict[int, dict[int, Balance]] = defaultdict(dict)
        self._moved: dict[int, set[int]] = defaultdict(set)
        self._listed: dict[int, list[int]] = {}

    def at(self, product: int, location: int) -> Balance:
        """The balance of a product in a location, made on first sight."""
        return self._balances[product].setdefault(location, Balance())

    def seen(self, product: int, location: int) -> Balance:
        """The balance to look at, nil when there is none."""
        return self._balances.get(product, {}).get(location) or Balance()

    def move(self, product: int, location: int, quantity: Decimal, day: date, cost: Decimal | None = None) -> Balance:
        """Adds a quantity (negative takes away); an entry with a cost changes the average cost."""
        balance = self.at(product, location)
        total = balance.physical + quantity
        if cost is not None and quantity > 0:
            kept = max(balance.physical, _NIL)
            balance.cost = (kept * balance.cost + quantity * cost) / (kept + quantity)
        balance.physical = total
        balance.moves.append((day, quantity))
        self._mark(product, location)
        return balance

    def lay(self, product: int, location: int, quantity: Decimal, cost: Decimal, minimum: Decimal = _NIL) -> None:
        """An opening balance, older than any day that is asked for."""
        balance = self.at(product, location)
        balance.physical, balance.cost, balance.minimum = quantity, cost, minimum
        self._mark(product, location)

    def _mark(self, product: int, location: int) -> None:
        if product not in self._moved[location]:
            self._moved[location].add(product)
            self._listed.pop(location, None)

    def moved_in(self, location: int) -> list[int]:
        """The products that ever moved there, by id; kept between calls, for it is asked once per page."""
        if location not in self._listed:
            self._listed[location] = sorted(self._moved[location])
        return self._listed[location]

    def ever_moved(self, product: int) -> bool:
        """A product that ever moved can never be deleted (omie-api.md 3.3)."""
        return any(product in moved for moved in self._moved.values())

    def ever_held(self, location: int) -> bool:
        """Something was once in that location."""
        return bool(self._moved[location])

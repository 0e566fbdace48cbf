"""What lies where: balances per product and stock location, every movement, and what open orders will take."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

_NIL = Decimal(0)


@dataclass
class Balance:
    """One product in one location; quantities and unit cost as Omie shows them, negative ones included."""

    physical: Decimal = _NIL
    reserved: Decimal = _NIL
    cost: Decimal = _NIL
    minimum: Decimal = _NIL
    pending: Decimal = _NIL
    moved: bool = False
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

    def at(self, product: int, location: int) -> Balance:
        """The balance of a product in a location, made on first sight."""
        return self._balances[product].setdefault(location, Balance())

    def seen(self, product: int, location: int) -> Balance:
        """The balance to look at, nil when there is none."""
        return self._balances.get(product, {}).get(location) or Balance()

    def places(self, product: int) -> dict[int, Balance]:
        """Where the product has ever been."""
        return self._balances.get(product, {})

    def move(self, product: int, location: int, quantity: Decimal, day: date, cost: Decimal | None = None) -> Balance:
        """Adds a quantity (negative takes away); an entry with a cost changes the average cost."""
        balance = self.at(product, location)
        total = balance.physical + quantity
        if cost is not None and quantity > 0:
            kept = max(balance.physical, _NIL)
            balance.cost = (kept * balance.cost + quantity * cost) / (kept + quantity)
        balance.physical, balance.moved = total, True
        balance.moves.append((day, quantity))
        return balance

    def ever_moved(self, product: int) -> bool:
        """A product that ever moved can never be deleted (omie-api.md 3.3)."""
        return any(balance.moved for balance in self.places(product).values())

    def ever_held(self, location: int) -> bool:
        """Something was once in that location."""
        return any(places[location].moved for places in self._balances.values() if location in places)

"""Public reference sets shared by both vendors: Brazilian cities with IBGE codes, states, countries."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ..kernel import fold


@dataclass(frozen=True)
class City:
    """A municipality; `omie_code` is the form Omie takes and shows."""

    ibge: str
    name: str
    uf: str

    @property
    def omie_name(self) -> str:
        """Upper case without accents."""
        return fold(self.name).upper()

    @property
    def omie_code(self) -> str:
        """Like `SAO PAULO (SP)`."""
        return f"{self.omie_name} ({self.uf})"


@dataclass(frozen=True)
class State:
    """A federal unit; `ddd` and `cep_prefix` are those of its capital, for believable sample data."""

    ibge: str
    uf: str
    name: str
    ddd: str
    cep_prefix: str


@dataclass(frozen=True)
class Country:
    """A country: BACEN code and name as in Omie, ISO codes and name as in Ploomes (Brazil is 76 there: ISO)."""

    bacen: str
    omie_name: str
    iso2: str
    iso3: str
    name: str
    iso_number: str


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("app.sandbox") / "data" / name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def cities() -> tuple[City, ...]:
    """All 27 capitals and the larger cities."""
    return tuple(City(**row) for row in _rows("cities.csv"))


@cache
def states() -> tuple[State, ...]:
    """The 27 federal units."""
    return tuple(State(**row) for row in _rows("states.csv"))


@cache
def countries() -> tuple[Country, ...]:
    """Brazil first, then its neighbours and trading partners."""
    return tuple(Country(**row) for row in _rows("countries.csv"))


@cache
def city_by_ibge() -> dict[str, City]:
    """Cities by their seven-digit IBGE code."""
    return {city.ibge: city for city in cities()}


@cache
def city_by_omie_code() -> dict[str, City]:
    """Cities by their folded Omie code."""
    return {fold(city.omie_code): city for city in cities()}


@cache
def state_by_uf() -> dict[str, State]:
    """States by their two letters."""
    return {state.uf: state for state in states()}

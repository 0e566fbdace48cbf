"""What a person can do on either vendor's screen: the same rules of the house, none of the API's limits."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .omie import auxiliary, stock
from .omie.company import Actor, Company, Entry
from .omie.faults import Fault
from .omie.schemas import check
from .omie.screens import ACTS, ALIASES, SCREENS
from .ploomes import locked, rules, writes
from .ploomes.account import Account, show
from .ploomes.faults import Refusal
from .ploomes.schema import SETS
from .wire import Row


class Rejected(Exception):
    """The screen refuses: an HTTP status for the control surface and the vendor's text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class OmieHands:
    """A person at the screens of one Omie app."""

    def __init__(self, company: Company, email: str | None = None) -> None:
        self._company = company
        self._actor: Actor = company.person(email)

    def records(self, name: str) -> list[Row]:
        """Every record of a register, or the rows of a catalogue; raises Rejected (404)."""
        register = ALIASES.get(name, name)
        if register in self._company.registers:
            return [self.show(register, entry) for entry in self._company.registers[register].values()]
        if register in self._company.catalogs:
            return self._company.catalogs[register]
        raise Rejected(404, f"Cadastro desconhecido: {name}")

    def show(self, register: str, entry: Entry) -> Row:
        """A record as the API shows it."""
        return SCREENS[register].show(self._company, entry)

    def record(self, name: str, omie_id: int) -> Row:
        """One record; raises Rejected (404)."""
        return self.show(ALIASES.get(name, name), self._entry(name, omie_id))

    def create(self, name: str, given: Row) -> Row:
        """Types a new record; raises Rejected (422) with Omie's text."""
        register = self._register(name)
        with _refusals():
            entry = SCREENS[register].include(self._company, given, self._actor)
        return self.show(register, entry)

    def edit(self, name: str, omie_id: int, given: Row) -> Row:
        """Changes fields of a record."""
        register, entry = self._register(name), self._entry(name, omie_id)
        with _refusals():
            SCREENS[register].alter(self._company, entry, given, self._actor)
        return self.show(register, entry)

    def delete(self, name: str, omie_id: int) -> None:
        """Deletes a record."""
        register, entry = self._register(name), self._entry(name, omie_id)
        with _refusals():
            SCREENS[register].exclude(self._company, entry, self._actor)

    def act(self, name: str, omie_id: int, act: str, given: Row) -> Row:
        """What happens to a document beside edits (stage, invoice, cancel, return, track); raises Rejected."""
        register, entry = self._register(name), self._entry(name, omie_id)
        known = ACTS.get(register, {})
        if act not in known:
            raise Rejected(404, f"Ação desconhecida em {name}: {act}")
        with _refusals():
            known[act](self._company, entry, given, self._actor)
        return self.show(register, entry)

    def move_stock(self, given: Row) -> Row:
        """Moves stock by hand; answers the product's new position in the location."""
        with _refusals():
            return stock.adjust(self._company, check("movimento", given), self._actor)

    def set_catalog(self, name: str, code: str, given: Row) -> Row:
        """Changes a row of a catalogue, a stage by `operation.stage`; raises Rejected (404)."""
        row = auxiliary.catalog_row(self._company, name, code)
        if row is None or not set(given) <= set(row):
            raise Rejected(404, f"Linha ou coluna desconhecida em {name}: {code}")
        row |= given
        return row

    def set_movements(self, name: str, omie_id: int, has_them: bool) -> None:
        """Says that orders or titles hang on the record, so that it cannot be deleted."""
        self._entry(name, omie_id).movements = has_them

    def _register(self, name: str) -> str:
        register = ALIASES.get(name, name)
        if register not in self._company.registers:
            raise Rejected(404, f"Cadastro desconhecido: {name}")
        return register

    def _entry(self, name: str, omie_id: int) -> Entry:
        entry = self._company.registers[self._register(name)].get(omie_id)
        if entry is None:
            raise Rejected(404, f"Registro {omie_id} não encontrado em {name}.")
        return entry


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except Fault as fault:
        raise Rejected(422, fault.text) from fault


class PloomesHands:
    """A person at the screens of one Ploomes account: a user by id or e-mail, the administrator by default."""

    def __init__(self, account: Account, person: str | None = None) -> None:
        self._account = account
        self._user_id = self._user(person)

    def records(self, name: str) -> list[Row]:
        """Every record of a set with its child rows; raises Rejected (404)."""
        self._known(name)
        return [raw(row) for row in self._account.rows(SETS[name], self._user_id)]

    def record(self, name: str, key: str) -> Row:
        """One record; raises Rejected."""
        self._known(name)
        if SETS[name].within is not None:
            return raw(self._line(name, key))
        try:
            return raw(writes.find(self._account, SETS[name], self._key(name, key)))
        except Refusal as refusal:
            raise _rejected(refusal) from refusal

    def create(self, name: str, given: Row) -> Row:
        """Types a new record; raises Rejected (422) with Ploomes' text."""
        self._known(name)
        if (place := SETS[name].within) is not None:
            owner = given.get(place[1])
            known = {line["Id"] for line in self._lines(name, owner)}
            self._rewrite(name, owner, [*self._lines(name, owner), given])
            return raw(next(line for line in self._lines(name, owner) if line["Id"] not in known))
        try:
            rules.check_required_fields(self._account, SETS[name], given)
            return raw(writes.create(self._account, SETS[name], given, self._user_id))
        except Refusal as refusal:
            raise _rejected(refusal) from refusal

    def edit(self, name: str, key: str, given: Row) -> Row:
        """Changes fields of a record."""
        self._known(name)
        if (place := SETS[name].within) is not None:
            line = self._line(name, key)
            lines = self._lines(name, line[place[1]])
            self._rewrite(name, line[place[1]], [{**one, **given} if one["Id"] == line["Id"] else one for one in lines])
            return raw(self._line(name, key))
        try:
            locked.refuse(self._account, SETS[name], self._key(name, key), given)
            return raw(writes.change(self._account, SETS[name], self._key(name, key), given, self._user_id))
        except Refusal as refusal:
            raise _rejected(refusal) from refusal

    def delete(self, name: str, key: str) -> None:
        """Deletes a record."""
        self._known(name)
        if (place := SETS[name].within) is not None:
            line = self._line(name, key)
            lines = self._lines(name, line[place[1]])
            return self._rewrite(name, line[place[1]], [one for one in lines if one["Id"] != line["Id"]])
        try:
            writes.remove(self._account, SETS[name], self._key(name, key), self._user_id)
        except Refusal as refusal:
            raise _rejected(refusal) from refusal
        return None

    # Rows that live inside another record, such as the lines of a sale

    def _lines(self, name: str, owner_id: Any) -> list[Row]:
        owners, _, listed = SETS[name].within or ("", "", "")
        owner = self._account.sets[owners].get(owner_id)
        if owner is None:
            raise Rejected(404, f"Registro {owner_id} não encontrado em {owners}.")
        return list(owner[listed])

    def _line(self, name: str, key: str) -> Row:
        for row in self._account.rows(SETS[name], self._user_id):
            if str(row["Id"]) == key:
                return row
        raise Rejected(404, f"Registro {key} não encontrado em {name}.")

    def _rewrite(self, name: str, owner_id: Any, lines: list[Row]) -> None:
        """The owner is saved with the new list; lines that stay keep their ids."""
        owners, _, listed = SETS[name].within or ("", "", "")
        body = {listed: [writes.as_written(SETS[name], line) for line in lines]}
        try:
            writes.change(self._account, SETS[owners], owner_id, body, self._user_id)
        except Refusal as refusal:
            raise _rejected(refusal) from refusal

    def _key(self, name: str, key: str) -> Any:
        if name == "Account":
            return self._account.id
        return key if SETS[name].key == "Key" else int(key) if key.isdigit() else key

    def _known(self, name: str) -> None:
        if name not in SETS:
            raise Rejected(404, f"Conjunto desconhecido: {name}")

    def _user(self, person: str | None) -> int:
        for user in self._account.sets["Users"].values():
            chosen = person in (str(user["Id"]), user["Email"]) if person else user["AccountOwner"]
            if chosen:
                return int(user["Id"])
        raise Rejected(404, f"Usuário desconhecido: {person}")


def _rejected(refusal: Refusal) -> Rejected:
    return Rejected(404 if refusal.status == 404 else 422, refusal.message)


def raw(row: Row) -> Row:
    """A stored row with readable dates, its child rows too; keys of users stay out."""
    shown = {name: show(value) for name, value in row.items() if name not in ("UserKey", "Password")}
    return {
        name: [raw(child) for child in value] if isinstance(value, list) else value for name, value in shown.items()
    }

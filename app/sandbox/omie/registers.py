"""What every plain register has in common: keys, required tags, duplicates, audit stamps and webhooks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..wire import Row
from . import faults
from .company import Actor, Company, Entry
from .schemas import filled, tags_of

Prepare = Callable[[Company, Row, Row, Entry | None], None]
Show = Callable[[Company, Entry], Row]


def _nothing(_company: Company, _row: Row, _given: Row, _entry: Entry | None) -> None:
    """No further rule."""


def _free(_company: Company, _entry: Entry) -> None:
    """Nothing forbids the deletion."""


@dataclass(frozen=True)
class Rules:
    """One register. Ids live in `Entry.id`, integration codes in `row[code_tag]` ("" without code_tag: it has none).

    `needs` holds for everybody, `api_needs` for the API only. `prepare` checks and completes the merged row, `guard`
    refuses a deletion; both raise Fault. `topics`: webhooks of creation, change and deletion, "" where Omie has none.
    `unstored`: tags that are accepted and filled by Omie. `echo`: what a status block shows beside the id
    where there is no code. `finder` and `missing`: other keys and another text for a record that is not there.
    """

    register: str
    thing: str
    shape: str
    key_shape: str
    id_tag: str
    code_tag: str
    status: tuple[str, str]
    topics: tuple[str, str, str] = ("", "", "")
    needs: tuple[str, ...] = ()
    api_needs: tuple[str, ...] = ()
    defaults: Row = field(default_factory=dict)
    unstored: frozenset[str] = frozenset()
    prepare: Prepare = _nothing
    guard: Callable[[Company, Entry], None] = _free
    show: Show | None = None
    body: Show | None = None
    echo: str = ""
    finder: Callable[[Company, Row], Entry] | None = None
    missing: Callable[[Any, bool], faults.Fault] | None = None
    feminine: bool = False

    def entries(self, company: Company) -> dict[int, Entry]:
        """The records, in order of creation."""
        return company.registers[self.register]

    def coded(self, company: Company, code: str) -> Entry | None:
        """The record with that integration code."""
        return first(self.entries(company).values(), self.code_tag, code) if code and self.code_tag else None

    def view(self, company: Company, entry: Entry) -> Row:
        """The record as the API shows it."""
        if self.show is not None:
            return self.show(company, entry)
        return filled(self.shape, entry.row) | {self.id_tag: entry.id}

    def event(self, company: Company, entry: Entry) -> Row:
        """The webhook's event, the record or its ids by switch (omie-api.md 6, row 11)."""
        if company.kernel.quirks.omie_event_body == "ids":
            return {self.id_tag: entry.id}
        return (self.body or self.view)(company, entry)

    def answer(self, entry: Entry, text: str) -> Row:
        """The status block of a write."""
        code, message = self.status
        second = self.code_tag or self.echo
        named = {second: entry.row.get(second, "")} if second else {}
        return {self.id_tag: entry.id, **named, code: "0", message: text}

    def said(self, verb: str) -> str:
        """`Produto cadastrado com sucesso!`."""
        return f"{self.thing} {verb[:-1] + 'a' if self.feminine else verb} com sucesso!"


def first(entries: Iterable[Entry], tag: str, value: Any) -> Entry | None:
    """The first record whose field is exactly `value`."""
    return next((entry for entry in entries if entry.row.get(tag) == value), None)


def _missing(rules: Rules, code: Any, *, by_code: bool) -> faults.Fault:
    if rules.missing is not None:
        return rules.missing(code, by_code)
    return faults.not_found(rules.thing, code, feminine=rules.feminine)


def find(rules: Rules, company: Company, key: Row) -> Entry:
    """The record that a param's key tags name; raises Fault."""
    return (rules.finder or (lambda *given: by_keys(rules, *given)))(company, key)


def by_keys(rules: Rules, company: Company, key: Row) -> Entry:
    """The record by its keys; with both, the integration code decides (omie-api.md 5.5). Raises Fault."""
    code, omie_id = key.get(rules.code_tag, "") if rules.code_tag else "", key.get(rules.id_tag, 0)
    if code and not (omie_id and company.kernel.quirks.omie_key_precedence == "id"):
        entry = rules.coded(company, code)
        if entry is None:
            raise _missing(rules, code, by_code=True)
        return entry
    if not omie_id:
        raise faults.required(rules.id_tag, *([rules.code_tag] if rules.code_tag else []))
    if omie_id not in rules.entries(company):
        raise _missing(rules, omie_id, by_code=False)
    return rules.entries(company)[omie_id]


def merged(rules: Rules, row: Row, given: Row) -> Row:
    """`row` with the given tags: blocks merge, lists replace, an empty text clears."""
    tags = tags_of(rules.shape)
    result = dict(row)
    for name, value in given.items():
        if name in rules.unstored or name in (rules.id_tag, rules.code_tag):
            continue
        result[name] = {**row.get(name, {}), **value} if name in tags and tags[name].kind == "{" else value
    return result


def include(rules: Rules, company: Company, given: Row, actor: Actor) -> Entry:
    """Creates a record from checked tags; raises Fault for what Omie refuses."""
    if given.get(rules.id_tag):
        raise faults.only_on_change(rules.id_tag)
    code = given.get(rules.code_tag, "") if rules.code_tag else ""
    for tag in (*rules.needs, *(rules.api_needs if actor.is_api else ())):
        if given.get(tag, "") == "":
            raise faults.required(tag)
    check_code(company, rules.code_tag, code)
    if rules.coded(company, code) is not None:
        raise faults.duplicate_code(rules.thing, code, feminine=rules.feminine)
    row = merged(rules, rules.defaults, given)
    if code:
        row[rules.code_tag] = code
    rules.prepare(company, row, given, None)
    entry = Entry(company.kernel.omie_id(), row, company.stamp(actor))
    rules.entries(company)[entry.id] = entry
    company.announce(rules.topics[0], rules.event(company, entry), actor)
    return entry


def check_code(company: Company, tag: str, code: str) -> None:
    """Integration codes have a largest length, doubtful where the reference says so (omie-api.md 6, row 18)."""
    if len(code) > company.kernel.quirks.omie_key_size:
        raise faults.too_long(tag, company.kernel.quirks.omie_key_size)


def alter(rules: Rules, company: Company, entry: Entry, given: Row, actor: Actor) -> None:
    """Changes the tags that are present."""
    for tag in rules.needs:
        if given.get(tag, "-") == "":
            raise faults.required(tag)
    if actor.is_api:
        company.limits.may_alter(entry.id)
    row = merged(rules, entry.row, given)
    rules.prepare(company, row, given, entry)
    entry.row = row
    commit(rules, company, entry, actor)


def associate(rules: Rules, company: Company, entry: Entry, code: str, actor: Actor) -> None:
    """Writes the integration code onto an existing record."""
    check_code(company, rules.code_tag, code)
    other = rules.coded(company, code)
    if other is not None and other is not entry:
        raise faults.duplicate_code(rules.thing, code, feminine=rules.feminine)
    if actor.is_api:
        company.limits.may_alter(entry.id)
    entry.row[rules.code_tag] = code
    commit(rules, company, entry, actor)


def commit(rules: Rules, company: Company, entry: Entry, actor: Actor) -> None:
    """Stamps and announces an alteration."""
    company.touch(entry, actor)
    company.announce(rules.topics[1], rules.event(company, entry), actor)


def exclude(rules: Rules, company: Company, entry: Entry, actor: Actor) -> None:
    """Deletes a record; raises Fault while something hangs on it."""
    if actor.is_api:
        company.limits.may_alter(entry.id)
    if entry.movements:
        raise faults.in_use(rules.thing)
    rules.guard(company, entry)
    whole = rules.event(company, entry)
    body = {rules.id_tag: entry.id} if company.kernel.quirks.omie_deleted_body == "id" else whole
    del rules.entries(company)[entry.id]
    company.limits.altered(entry.id)
    company.announce(rules.topics[2], body, actor)

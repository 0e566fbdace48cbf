"""Compares both sandboxes record by record and the product's book with them, without the product's own rules."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from stdnum.br import cnpj

from app.sync.models import Change, Event, EventState, Link, WriteEntry, WriteState
from tests.faults.rig import Rig

JsonObject = dict[str, Any]

FIELDS: dict[str, tuple[str, str, int]] = {
    "legal_name": ("razao_social", "LegalName", 60),
    "name": ("nome_fantasia", "Name", 100),
    "email": ("email", "Email", 500),
    "website": ("homepage", "Website", 100),
    "street": ("endereco", "StreetAddress", 60),
    "number": ("endereco_numero", "StreetAddressNumber", 60),
    "complement": ("complemento", "StreetAddressLine2", 60),
    "district": ("bairro", "Neighborhood", 60),
}
"""Row of the history -> Omie's field, Ploomes' field, characters Omie holds (Omie reference 3.1)."""
ADDRESS = ("street", "number", "complement", "district")
"""One field for conflicts: who wins one of them wins all (design section 4)."""
SIDES = ("omie", "ploomes")


def document(number: int) -> str:
    """The n-th valid CNPJ of a made-up series, in digits."""
    stem = f"{70_000_000 + number:08d}0001"
    return stem + cnpj.calc_check_digits(stem)


@dataclass
class Client:
    """What people did with one client."""

    document: str
    ids: dict[str, str] = field(default_factory=dict)
    """Its ids by vendor, as far as they were typed there or looked up."""
    deleted: bool = False
    typed: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    """By field, oldest first: (vendor, value)."""


@dataclass
class Findings:
    """What is wrong, in words; empty lists are well."""

    lost: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """The book does not tell what happened."""

    def all(self) -> list[str]:
        """Everything, for an assertion's text."""
        return [*self.lost, *self.duplicates, *self.wrong]


class Ledger:
    """Types on both screens and remembers it."""

    def __init__(self, rig: Rig, first: int = 0) -> None:
        self.rig = rig
        self.clients: dict[str, Client] = {}
        self._next = first

    def fresh(self) -> Client:
        """A client nobody has typed yet."""
        client = Client(document(self._next))
        self._next += 1
        self.clients[client.document] = client
        self.rig.typed.add(client.document)
        return client

    async def create(self, vendor: str, client: Client | None = None, **values: str) -> Client:
        """Types a new client; `values` by history row."""
        client = client or self.fresh()
        number = client.document[:8]
        values = {
            "legal_name": f"Comércio {number} Ltda",
            "name": f"Loja {number}",
            "email": f"a{number}@loja.test",
        } | values
        client.ids[vendor] = await self._type(vendor, client, values)
        return client

    async def edit(self, vendor: str, client: Client, **values: str) -> None:
        """Changes fields of a client that exists there."""
        await self._type(vendor, client, values)

    async def delete(self, vendor: str, client: Client) -> None:
        """Deletes it on one side."""
        client.deleted = True
        await self.rig.delete(vendor, client.ids[vendor])

    async def learn_ids(self) -> None:
        """Looks up where every client stands now."""
        for vendor, rows in (await both(self.rig)).items():
            for key, found in rows.items():
                if key in self.clients and found:
                    self.clients[key].ids[vendor] = _id(vendor, found[0])

    async def _type(self, vendor: str, client: Client, values: dict[str, str]) -> str:
        for name, value in values.items():
            client.typed[name].append((vendor, value))
        place = SIDES.index(vendor)
        fields: JsonObject = {FIELDS[name][place]: value for name, value in values.items()}
        known = client.ids.get(vendor)
        if known is None:
            fields |= {"cnpj_cpf": client.document} if vendor == "omie" else {"Register": client.document, "TypeId": 1}
        return await (self.rig.type_omie if vendor == "omie" else self.rig.type_ploomes)(fields, known)


async def both(rig: Rig) -> dict[str, dict[str, list[JsonObject]]]:
    """All records by vendor and document."""
    grouped: dict[str, dict[str, list[JsonObject]]] = {side: defaultdict(list) for side in SIDES}
    for row in await rig.clients():
        grouped["omie"][_digits(row.get("cnpj_cpf"))].append(row)
    for row in await rig.contacts():
        grouped["ploomes"][_digits(row.get("Register"))].append(row)
    return grouped


async def check(rig: Rig, ledger: Ledger) -> Findings:
    """Nothing lost, nothing twice, one living link per pair, and a book that tells every write and its cause."""
    findings = Findings()
    records = await both(rig)
    async with rig.db.read() as session:
        links = (await session.scalars(select(Link).where(Link.state.in_(("active", "suspended"))))).all()
        changes = (await session.scalars(select(Change))).all()
        writes = (await session.scalars(select(WriteEntry))).all()
        stuck = await session.execute(
            select(Event.id, Event.vendor, Event.external_id, Event.state, Event.reason).where(
                (Event.state == EventState.FAILED) | (Event.due_at.is_not(None))
            )
        )
        findings.wrong += [f"event {tuple(row)}" for row in stuck]
        twice = select(Link.omie_id).where(Link.state == "active").group_by(Link.omie_id).having(func.count() > 1)
        findings.duplicates += [f"two links of {row}" for row in await session.scalars(twice)]
    for client in ledger.clients.values():
        pair = {side: records[side].get(client.document, []) for side in SIDES}
        _check_pair(client, pair, links, changes, findings)
    strangers = (set(records["omie"]) | set(records["ploomes"])) - rig.typed
    findings.duplicates += [f"a record nobody typed: {key!r}" for key in strangers]
    _check_book(writes, changes, findings)
    if findings.all():
        findings.wrong += await _waiting(rig)
    return findings


async def _waiting(rig: Rig) -> list[str]:
    """What waits for data or a person: explains a loss, is no fault by itself."""
    async with rig.db.read() as session:
        rows = await session.execute(
            select(Event.id, Event.vendor, Event.kind, Event.external_id, Event.cause, Event.reason)
            .where(Event.state == EventState.WAITING)
            .order_by(Event.id.desc())
            .limit(5)
        )
        return [f"(waiting: {tuple(row)})" for row in rows]


def _check_pair(
    client: Client, pair: dict[str, list[JsonObject]], links: Any, changes: Any, findings: Findings
) -> None:
    counts = {side: len(found) for side, found in pair.items()}
    expected = 0 if client.deleted else 1
    for side, count in counts.items():
        if count > 1:
            findings.duplicates.append(f"{client.document}: {count} times in {side}")
        elif count != expected:
            findings.lost.append(f"{client.document}: {count} instead of {expected} in {side}")
    if set(counts.values()) != {1} or client.deleted:
        return
    omie, ploomes = pair["omie"][0], pair["ploomes"][0]
    ids = (_id("omie", omie), _id("ploomes", ploomes))
    mine = [link for link in links if link.omie_id == ids[0] or link.ploomes_id == ids[1]]
    if [(link.omie_id, link.ploomes_id) for link in mine] != [ids]:
        findings.wrong.append(
            f"{client.document}: links {[(link.omie_id, link.ploomes_id) for link in mine]}, not {ids}"
        )
    lost = {
        (name, str(entry["value"]))
        for change in changes
        if change.link_id in {link.id for link in mine}
        for name, entry in change.lost.items()
    }
    for name, (there, here, size) in FIELDS.items():
        left, right = omie.get(there) or "", ploomes.get(here) or ""
        if left != right[:size].rstrip():
            findings.lost.append(f"{client.document} {name}: {left!r} in Omie, {right!r} in Ploomes")
        elif client.typed[name]:
            _check_value(client, name, right, size, lost, findings)


def _check_value(
    client: Client, name: str, held: str, size: int, lost: set[tuple[str, str]], findings: Findings
) -> None:
    """The last value typed stands, or lost a true conflict to the other side's last and is in the history."""
    vendor, last = client.typed[name][-1]
    others = [value for side, value in client.typed[name] if side != vendor]
    if held in (last, last[:size].rstrip()):
        return
    if (name, last) in lost and (name in ADDRESS or held in others[-1:]):
        return
    findings.lost.append(
        f"{client.document} {name}: {held!r}, but {vendor} typed {last!r} (typed: {client.typed[name]})"
    )


def _check_book(writes: Any, changes: Any, findings: Findings) -> None:
    told: dict[int, list[Change]] = defaultdict(list)
    for change in changes:
        if change.write_id is not None:
            told[change.write_id].append(change)
    for write in writes:
        if write.state == WriteState.SENT:
            findings.wrong.append(f"write {write.id} ({write.verb} in {write.vendor}) has no outcome")
        elif write.state == WriteState.DONE and len(told[write.id]) != 1:
            findings.wrong.append(f"write {write.id} ({write.verb} in {write.vendor}) told {len(told[write.id])} times")
    findings.wrong += [
        f"change {change.id} has no cause"
        for rows in told.values()
        for change in rows
        if not change.cause.startswith("event:")
    ]


async def told(rig: Rig, document_: str, vendor: str, action: str) -> bool:
    """Whether the history has a write of that kind about a document."""
    async with rig.db.read() as session:
        query = (
            select(func.count())
            .select_from(Change)
            .join(Link, Link.id == Change.link_id)
            .where(Link.natural_key == document_, Change.vendor == vendor, Change.action == action)
        )
        return bool(await session.scalar(query))


def _digits(value: Any) -> str:
    return re.sub(r"[^0-9A-Z]", "", str(value or "").upper())


def _id(vendor: str, row: JsonObject) -> str:
    return str(row["codigo_cliente_omie"] if vendor == "omie" else row["Id"])

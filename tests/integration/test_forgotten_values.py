"""An option that is made again: every record that held it before is filled anew, and no other one is touched."""

import pytest
from sqlalchemy import select

from app.core.clock import Clock
from app.core.db import Database
from app.sync import links
from app.sync.models import Link
from tests.factories import add_integration

ROW = "ClienteFornecedor.Tipo de Atividade=contact_1A-2"


@pytest.mark.feature("F204", "F256")
async def test_a_value_is_forgotten_in_both_halves_of_the_links_that_held_it(db: Database, clock: Clock) -> None:
    mine, other = await add_integration(db), await add_integration(db)
    held = {"a": (mine.id, "2"), "b": (mine.id, "1"), "c": (other.id, "2"), "d": (mine.id, None)}
    async with db.transaction() as session:
        for number, (name, (integration_id, code)) in enumerate(held.items(), start=1):
            link = links.make(integration_id, "clients", str(number), str(number), name, clock.now())
            link.omie_base = link.ploomes_base = {ROW: code, "name": "Sol"}
            session.add(link)
    async with db.transaction() as session:
        await links.forget_value(session, mine.id, "clients", ROW, "2")
    async with db.read() as session:
        found = {link.natural_key: link for link in await session.scalars(select(Link))}
    for name, link in found.items():
        base = {"name": "Sol"} if name == "a" else {ROW: held[str(name)][1], "name": "Sol"}
        assert (link.omie_base, link.ploomes_base) == (base, base), name
        assert link.version == (2 if name == "a" else 1)

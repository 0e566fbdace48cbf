"""Questions of passes: each belongs to the pass that asks it, and nothing is deleted that nobody said yes to."""

from typing import Any

import pytest
from sqlalchemy import select
from stdnum.br import cnpj

from app.sync import issues
from app.sync.models import Issue
from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.test_resync import act, rested, resync, silent


async def linked(rig: Rig, count: int) -> list[JsonObject]:
    """Pairs of clients; answers the contacts. From here on no webhook arrives."""
    stems = [f"{60_000_000 + number:08d}0001" for number in range(count)]
    for number, stem in enumerate(stems):
        name = f"Cliente {number}"
        await rig.omie_new(razao_social=name, nome_fantasia=name, cnpj_cpf=stem + cnpj.calc_check_digits(stem))
    await rig.settle()
    await silent(rig)
    return await rig.contacts()


async def delete(rig: Rig, contacts: list[JsonObject]) -> None:
    for contact in contacts:
        await rig.contact_delete(contact["Id"])


async def asked(rig: Rig, resync_id: int) -> JsonObject:
    """The pass, and its question about deletions as the one that is open for it."""
    row = await rested(rig, resync_id, "paused")
    [mine] = await questions(rig, resync_id)
    return {**row, "issue": mine}


async def questions(rig: Rig, resync_id: int) -> list[JsonObject]:
    """Open questions about deletions that name a pass."""
    async with rig.ponte.db.read() as session:
        rows = await session.scalars(select(Issue).where(Issue.cause == "resync_deletes"))
        mine = {row.id for row in rows if row.data["resync_id"] == resync_id}
    return [one for one in await rig.items("issues", cause="resync_deletes") if one["id"] in mine]


async def say(rig: Rig, issue: JsonObject, choice: str) -> None:
    answer = await rig.api.post(f"{rig.path}/issues/{issue['id']}/answer", json={"choice": choice})
    assert answer.status_code == 202, answer.text


async def publish(rig: Rig, **parts: Any) -> int:
    """Publishes a change whose comparison runs at once; answers the pass."""
    document = await rig.get_json(f"{rig.path}/config")
    answer = await rig.api.put(f"{rig.path}/config", json={**document, **parts}, params={"start": "now"})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["resync_id"])


@EMBEDDED
@pytest.mark.feature("F264")
@at_speed(60.0)
async def test_cancelling_a_pass_takes_back_no_question_of_another(rig: Rig) -> None:
    contacts = await linked(rig, 6)
    await delete(rig, contacts[:5])
    plan = await resync(rig, entities=["clients"], dry_run=True)
    assert plan["state"] == "planned"
    row = await asked(rig, (await resync(rig, entities=["clients"]))["id"])
    await act(rig, plan["id"], "cancel")
    assert [one["id"] for one in await questions(rig, row["id"])] == [row["issue"]["id"]]
    assert (await rig.api.post(f"{rig.path}/resyncs/{row['id']}/resume")).status_code == 409
    await act(rig, row["id"], "cancel")
    assert await rig.issues() == []
    assert len(await rig.clients()) == 6
    assert not rig.tap.of("ExcluirCliente")


@EMBEDDED
@pytest.mark.feature("F264")
@at_speed(60.0)
async def test_a_pass_that_is_resumed_without_an_answer_asks_again(rig: Rig) -> None:
    contacts = await linked(rig, 6)
    await delete(rig, contacts[:5])
    row = await asked(rig, (await resync(rig, entities=["clients"]))["id"])
    async with rig.ponte.db.transaction() as session:
        for issue in await session.scalars(select(Issue).where(Issue.id == row["issue"]["id"])):
            issues.close(issue, rig.ponte.clock.now())  # whatever closed it: nobody said yes
    await act(rig, row["id"], "resume", force=True)
    again = await asked(rig, row["id"])
    assert again["issue"]["id"] != row["issue"]["id"]
    assert "5 de 6" in again["issue"]["detail"]
    assert len(await rig.clients()) == 6
    await say(rig, again["issue"], "proceed")
    done = await rested(rig, row["id"], "completed")
    assert done["written"] == {"clients": {"delete_in_omie": 5}}
    assert await rig.issues() == []


@EMBEDDED
@pytest.mark.feature("F264", "F027")
@at_speed(60.0)
async def test_each_pass_asks_its_own_question_and_gets_its_own_answer(rig: Rig) -> None:
    contacts = await linked(rig, 6)
    await delete(rig, contacts[:5])
    row = await asked(rig, (await resync(rig, entities=["clients"]))["id"])
    first = await asked(rig, await publish(rig, clients={"tags": ["Cliente"]}))
    assert [one["id"] for one in await questions(rig, row["id"])] == [row["issue"]["id"]]
    # the next publish takes the comparison over, and with it the question
    second = await asked(rig, await publish(rig, clients={"tags": None}))
    assert (await rig.get_json(f"{rig.path}/resyncs/{first['id']}"))["state"] == "cancelled"
    assert await questions(rig, first["id"]) == []
    await say(rig, second["issue"], "discard")
    assert (await rested(rig, second["id"], "completed"))["written"] == {}
    assert (await rig.api.post(f"{rig.path}/resyncs/{row['id']}/resume")).status_code == 409
    await say(rig, row["issue"], "discard")
    assert (await rested(rig, row["id"], "completed"))["written"] == {}
    assert await rig.issues() == []
    assert len(await rig.clients()) == 6


@EMBEDDED
@pytest.mark.feature("F264")
@at_speed(60.0)
async def test_a_yes_is_one_to_the_deletions_of_its_round(rig: Rig) -> None:
    """A reconcile repeats until nothing differs; what goes missing meanwhile is asked about anew."""
    contacts = await linked(rig, 12)
    await delete(rig, contacts[:5])
    answer = await rig.api.post(f"{rig.path}/certificates", json={"start": "now", "force": True})
    first = await asked(rig, answer.json()["id"])
    assert "5 de 12" in first["issue"]["detail"]
    await delete(rig, contacts[5:10])
    await say(rig, first["issue"], "proceed")

    async def another() -> Any:
        return [one for one in await questions(rig, first["id"]) if one["id"] != first["issue"]["id"]]

    [second] = await rig.until(another, 90)
    assert "5 de 7" in second["detail"]
    assert len(await rig.clients()) == 7
    await say(rig, second, "discard")
    done = await rested(rig, first["id"], "completed", seconds=90)
    assert done["written"] == {"clients": {"delete_in_omie": 5}}
    assert len(await rig.clients()) == 7

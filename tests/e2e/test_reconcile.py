"""Reconcile: after lost webhooks and corrupted records one pass leaves no difference, and its certificate says so."""

import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select
from stdnum.br import cnpj

from app.core.config import Settings
from app.core.vault import Vault
from app.sync.models import Link
from app.sync.passes import certificate
from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed, running
from tests.e2e.test_products import product, service, twin
from tests.e2e.test_resync import CNPJS, act, as_planned, pairs, rested, resync, silent


async def loaded(rig: Rig) -> bool:
    return all(row["state"] == "completed" for row in await rig.items("resyncs"))


async def reconcile(rig: Rig, seconds: float = 90) -> tuple[JsonObject, JsonObject, str]:
    """A reconcile from its request to its certificate; see `certified`."""
    answer = await rig.api.post(f"{rig.path}/certificates", json={"start": "now", "force": True})
    assert answer.status_code == 202, answer.text
    return await certified(rig, answer.json()["id"], seconds)


@asynccontextmanager
async def standing_at(rig: Rig, method: str) -> AsyncIterator[int]:
    """A reconcile that stands at a list of Omie, which fails for as long as the block lasts; its id."""
    asked = len(rig.tap.of(method))
    await rig.fault("status", vendor="omie", match=method, status=500, times=None)
    answer = await rig.api.post(f"{rig.path}/certificates", json={"start": "now", "force": True})
    assert answer.status_code == 202, answer.text

    async def stands() -> bool:
        return len(rig.tap.of(method)) > asked

    await rig.until(stands)
    yield answer.json()["id"]
    assert (await rig.control.delete("/sandbox/faults")).is_success


async def certified(rig: Rig, resync_id: int, seconds: float = 90) -> tuple[JsonObject, JsonObject, str]:
    """A reconcile once it is over, its certificate's document, and the text of it."""
    row = await rested(rig, resync_id, seconds=seconds)
    assert row["state"] == "completed", str(row)
    text = (await rig.api.get(f"{rig.path}/certificates/{row['plan']['certificate_id']}")).text
    return row, dict(json.loads(text)["certificate"]), text


async def differences(rig: Rig) -> list[Any]:
    """What an independent look at both vendors finds unequal, by document."""
    omie = {"".join(c for c in row["cnpj_cpf"] if c.isdigit()): row for row in await rig.clients()}
    ploomes = {"".join(c for c in str(row["Register"]) if c.isdigit()): row for row in await rig.contacts()}
    fields = (("nome_fantasia", "Name"), ("razao_social", "LegalName"), ("email", "Email"), ("homepage", "Website"))
    unequal: list[Any] = sorted(omie.keys() ^ ploomes.keys())
    for document in omie.keys() & ploomes.keys():
        for here, there in fields:
            held = omie[document].get(here) or None, ploomes[document].get(there) or None
            if held[0] != held[1]:
                unequal.append((document, here, *held))
    return unequal


@pytest.mark.feature("F264", "F282")
@at_speed(60.0)
async def test_one_reconcile_leaves_no_difference_and_its_certificate_says_so(rig: Rig) -> None:
    made = await pairs(rig, 4)
    await silent(rig)
    ids = [row["codigo_cliente_omie"] for row in made]
    contacts = [await rig.pair_of_client(one) for one in ids]
    await rig.omie_edit(ids[0], email="perdido@omie.test")
    await rig.contact_edit(contacts[1]["Id"], Website="perdido.test")
    await rig.contact_new(TypeId=1, Name="Só no Ploomes", LegalName="Só no Ploomes", Register=CNPJS[4])
    # nobody's edit: our own book is wrong about a pair whose sides differ
    await rig.omie_edit(ids[2], homepage="antes.test")
    async with rig.ponte.db.transaction() as session:
        link = (await session.scalars(select(Link).where(Link.omie_id == str(ids[2])))).one()
        link.omie_base = {**link.omie_base, "website": "antes.test"}
    assert await differences(rig)
    row, document, text = await reconcile(rig)
    assert await differences(rig) == []
    assert document["clean"] is True, document
    entity = document["entities"]["clients"]
    assert (entity["linked"], entity["equal"], entity["differences"]) == (5, 5, 0)
    assert entity["digests"]["omie"] == entity["digests"]["ploomes"]
    assert 2 <= document["rounds"] <= 3
    assert row["written"]
    vault = rig.ponte.vault
    assert certificate.verified(vault, text)["resync_id"] == row["id"]
    for forged in (text.replace('"linked": 5', '"linked": 6'), text.replace('"clean": true', '"clean": false'), "{}"):
        with pytest.raises(certificate.Forged):
            certificate.verified(vault, forged)
    with pytest.raises(certificate.Forged):
        certificate.verified(Vault(["another secret altogether"]), text)
    assert certificate.verified(Vault(["a newer one", *rig.ponte.settings.secret_keys]), text)
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F264")
async def test_a_clean_reconcile_takes_one_round_of_lists(rig: Rig) -> None:
    await pairs(rig, 2)
    # born in Ploomes: Omie demands a legal name and gives it a role, which Ploomes never had
    born = await rig.contact_new(TypeId=1, Name="Só um nome", Register=CNPJS[4])
    await rig.settle()
    writes = await rig.writes()
    _, document, _ = await reconcile(rig)
    assert (document["clean"], document["rounds"]) == (True, 1)
    entity = document["entities"]["clients"]
    assert (entity["linked"], entity["equal"], entity["exceptions"]) == (3, 3, [])
    client, contact = await rig.pair_of_contact(born["Id"]), await rig.contact(born["Id"])
    assert (client["razao_social"], client["tags"]) == ("Só um nome", [{"tag": "Cliente"}])
    assert contact is not None
    assert (contact.get("LegalName"), contact.get("Tags") or []) == (None, [])
    assert await rig.writes() == writes
    listed = (await rig.get_json(f"{rig.path}/certificates"))["items"]
    assert [one["clean"] for one in listed] == [True]


@EMBEDDED
@pytest.mark.feature("F264", "F266")
@at_speed(60.0)
async def test_the_catalogue_is_planned_healed_and_certified_too(rig: Rig) -> None:
    family = await rig.omie_put("families", nomeFamilia="Bebidas quentes")
    made = await product(rig, codigo_familia=family["codigo"])
    await service(rig, cCodigo="SRV-1", cDescricao="Consultoria", nPrecoUnit=150)
    await rig.settle()
    code = made["codigo_produto"]
    assert await rig.issues() == []
    events, writes = len(await rig.items("events", limit=200)), await rig.writes()
    equal = await resync(rig)
    assert equal["state"] == "completed", str(equal)
    counts = equal["plan"]["entities"]
    assert [counts[name]["unchanged"] for name in ("clients", "products", "services")] == [0, 1, 1]
    assert (len(await rig.items("events", limit=200)), await rig.writes()) == (events, writes)
    await silent(rig)
    await rig.omie_change("products", code, valor_unitario=25, inativo="S")
    await rig.omie_put("families", nomeFamilia="Ainda sem produto")
    plan = await resync(rig, dry_run=True, entities=["products", "services"])
    assert plan["plan"]["entities"]["products"]["update_in_ploomes"] == 1
    assert await rig.writes() == writes
    await act(rig, plan["id"], "resume", force=True)
    done = await rested(rig, plan["id"], "completed")
    done = await as_planned(rig, done["id"])
    found = await twin(rig, code)
    assert (found["UnitPrice"], found["Suspended"]) == (25, True)
    _, document, _ = await reconcile(rig)
    for entity in ("products", "services"):
        shown = document["entities"][entity]
        assert (shown["linked"], shown["equal"], shown["exceptions"]) == (1, 1, []), str(document)
        assert shown["digests"]["omie"] == shown["digests"]["ploomes"]
    assert document["clean"] is True
    assert await rig.issues() == []
    assert await rig.refusals() == {}


def counts(document: JsonObject, entity: str = "clients") -> JsonObject:
    """What a certificate counts of an entity, zeros left out."""
    words = ("linked", "equal", "live", "not_compared", "differences", "excepted")
    return {word: count for word in words if (count := document["entities"][entity][word])}


@pytest.mark.feature("F263", "F264")
@at_speed(60.0)
async def test_what_live_traffic_touches_during_a_reconcile_is_read_again_before_the_report(rig: Rig) -> None:
    made = await pairs(rig, 3)
    await product(rig)
    await rig.settle()
    async with standing_at(rig, "ListarPosEstoque") as resync_id:  # every other entity is compared by now
        await rig.omie_edit(made[0]["codigo_cliente_omie"], email="durante@omie.test")
        await rig.omie_new(razao_social="Nova", nome_fantasia="Nova", cnpj_cpf=CNPJS[4])
        await rig.settle()
        calls = len(rig.tap.calls)
    _, document, _ = await certified(rig, resync_id)
    assert (document["clean"], document["rounds"]) == (True, 1), document
    assert counts(document) == {"linked": 4, "equal": 4}
    assert document["entities"]["clients"]["digests"]["omie"] == document["entities"]["clients"]["digests"]["ploomes"]
    made_since = Counter(name for name, _ in rig.tap.calls[calls:])
    lists = made_since["ListarClientes"], made_since["GET Contacts"]
    assert lists == (1, 1), "both pairs go in one call"
    assert await differences(rig) == []
    assert await rig.issues() == []


@EMBEDDED
@pytest.mark.feature("F263", "F264")
@at_speed(60.0)
async def test_a_pair_that_its_event_has_in_hand_is_told_as_live(rig: Rig) -> None:
    made = await pairs(rig, 3)
    contact = await rig.pair_of_client(made[0]["codigo_cliente_omie"])
    await rig.fault("status", vendor="omie", match="AlterarCliente", status=500, times=None)
    await rig.contact_edit(contact["Id"], Website="ainda.test")

    async def in_hand() -> Any:  # it waits, or is just being tried again
        return await rig.items("events", state="waiting") or await rig.items("events", state="processing")

    await rig.until(in_hand)
    _, document, _ = await reconcile(rig)
    await rig.until(in_hand)
    assert (document["clean"], document["rounds"]) == (True, 1), document
    assert counts(document) == {"linked": 3, "equal": 2, "live": 1}
    assert (await rig.control.delete("/sandbox/faults")).is_success
    await rig.settle(90)
    assert await differences(rig) == []


@EMBEDDED
@pytest.mark.feature("F263", "F264")
@at_speed(60.0)
async def test_an_edit_made_while_a_reconcile_compares_is_not_taken_for_a_wrong_book(rig: Rig) -> None:
    made = await pairs(rig, 2)
    await product(rig)
    await rig.settle()
    contact = await rig.pair_of_client(made[0]["codigo_cliente_omie"])
    async with standing_at(rig, "ListarProdutos") as resync_id:  # clients are listed, but not compared yet
        await rig.contact_edit(contact["Id"], Website="um.test")
        await rig.settle()
        await rig.fault("drop", vendor="ploomes", times=None)
        await rig.contact_edit(contact["Id"], Website="dois.test")
    _, document, _ = await certified(rig, resync_id)
    assert [(await rig.pair_of_client(made[0]["codigo_cliente_omie"]))["Website"], await differences(rig)] == [
        "dois.test", [],
    ]  # fmt: skip
    assert (document["clean"], counts(document)) == (True, {"linked": 2, "equal": 2}), document


@EMBEDDED
@pytest.mark.feature("F101", "F105", "F264")
@at_speed(60.0)
async def test_a_reconcile_releases_no_product_that_waits_for_a_person(rig: Rig) -> None:
    await rig.configure(products={"create_active": False})
    codes = [(await product(rig, codigo=f"W-{n}", descricao=f"Item {n}"))["codigo_produto"] for n in range(4)]
    work = (await service(rig, cCodigo="SRV-1", cDescricao="Consultoria"))["intListar"]["nCodServ"]
    await rig.settle()
    await rig.ploomes_change("Products", (await twin(rig, codes[1]))["Id"], Suspended=False)  # a person releases it
    await rig.omie_change("products", codes[2], inativo="S")
    await rig.settle()
    await silent(rig)
    await rig.omie_change("products", codes[3], inativo="S")
    writes = await rig.writes()
    _, document, _ = await reconcile(rig)

    async def suspended() -> list[bool]:
        return [(await twin(rig, code))["Suspended"] for code in codes]

    assert (await suspended(), (await twin(rig, work, "services"))["Suspended"]) == ([True, False, True, True], True)
    assert await rig.writes() == writes + 1, "the one that Omie said is inactive"
    assert [document["entities"][name]["equal"] for name in ("products", "services")] == [4, 1], str(document)
    assert document["clean"] is True
    # new ones enter active again: those that wait are nobody's any more
    await rig.configure(products={"create_active": True})
    await reconcile(rig)
    assert (await suspended(), (await twin(rig, work, "services"))["Suspended"]) == ([False, False, True, True], False)
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@EMBEDDED
@pytest.mark.feature("F264")
@at_speed(60.0)
async def test_pairs_whose_deletion_somebody_refused_are_not_called_equal(rig: Rig) -> None:
    made = await pairs(rig, 6)
    await silent(rig)
    for row in made[:5]:
        await rig.contact_delete((await rig.pair_of_client(row["codigo_cliente_omie"]))["Id"])
    answer = await rig.api.post(f"{rig.path}/certificates", json={"start": "now", "force": True})
    resync_id = (await rested(rig, answer.json()["id"], "paused"))["id"]
    issue = await rig.issue("resync_deletes")
    answer = await rig.api.post(f"{rig.path}/issues/{issue['id']}/answer", json={"choice": "discard"})
    assert answer.status_code == 202, answer.text
    await rested(rig, resync_id, "completed")
    _, document, _ = await certified(rig, resync_id)
    assert (document["clean"], counts(document)) == (False, {"linked": 6, "equal": 1, "not_compared": 5}), document
    assert len(await rig.clients()) == 6


@EMBEDDED
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.feature("F264", "F282")
async def test_lost_webhooks_corruption_and_deaths_leave_nothing_after_one_reconcile(product: Settings) -> None:
    """30 % of all webhooks lost, 200 records corrupted behind our back, work that dies at every boundary."""
    chance, deaths, armed = random.Random(5), Counter[str](), False

    class Death(BaseException):
        """The work ends here, whatever it held."""

    async def trace(boundary: str) -> None:
        if armed and deaths[boundary] < 5 and chance.random() < 0.2:
            deaths[boundary] += 1
            raise Death

    async with running(product, speed=20.0, trace=trace) as rig:
        await rig.connect()
        await rig.until(lambda: loaded(rig))
        stems = [f"{81_000_000 + number:08d}0001" for number in range(240)]
        await rig.fault("drop", times=None)
        for number, stem in enumerate(stems):
            name = f"Cliente {number}"
            await rig.omie_new(razao_social=name, nome_fantasia=name, cnpj_cpf=stem + cnpj.calc_check_digits(stem))
        assert (await rig.control.delete("/sandbox/faults")).is_success
        await reconcile(rig, seconds=240)
        omie, ploomes = await rig.clients(), await rig.contacts()
        assert len(omie) == len(ploomes) == 240
        await rig.fault("drop", times=None)  # corrupted without a word
        for number in range(200):
            if number % 2:
                await rig.omie_edit(omie[number]["codigo_cliente_omie"], email=f"c{number}@omie.test")
            else:
                await rig.contact_edit(ploomes[number]["Id"], Website=f"c{number}.test")
        assert (await rig.control.delete("/sandbox/faults")).is_success
        armed = True
        for number in range(200, 240):
            if chance.random() < 0.3:
                await rig.fault("drop", times=1)
            await rig.omie_edit(omie[number]["codigo_cliente_omie"], homepage=f"www.v{number}.test")
        assert await differences(rig)
        _, document, _ = await reconcile(rig, seconds=240)
        armed = False
        assert deaths.total() > 10
        await rig.settle()
        assert await differences(rig) == []
        shown = document["entities"]["clients"]
        assert (document["clean"], shown["linked"], shown["differences"]) == (True, 240, 0), str(document)
        assert len(await rig.clients()) == len(await rig.contacts()) == 240
        assert await rig.refusals() == {}

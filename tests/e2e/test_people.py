"""Sellers of Omie and users of Ploomes: matched, never made (F012, F071, F080, F087-F089, F190-F193)."""

import asyncio
from typing import Any

import pytest

from tests.e2e.rig import EMBEDDED, Rig, at_speed
from tests.e2e.test_resync import resync, silent

pytestmark = EMBEDDED

CNPJ, CNPJ_2, CNPJ_3, CNPJ_4 = "11222333000181", "11444777000161", "12345678000195", "12ABC34501DE35"


@pytest.mark.feature("F012", "F046", "F071", "F080", "F088", "F089", "F190", "F191", "F192")
async def test_owners_travel_both_ways_by_e_mail_and_nobody_is_ever_created(rig: Rig) -> None:
    ana_user = await rig.user_new(Name="Ana", Email="Ana@Loja.test")
    away_user = await rig.user_new(Name="Fora", Email="fora@loja.test", Suspended=True)
    lone_user = await rig.user_new(Name="Só Ploomes", Email="so@loja.test")
    ana = await rig.seller_new(nome="Ana", email="ana@loja.test")
    away = await rig.seller_new(nome="Fora", email="fora@loja.test")
    lone = await rig.seller_new(nome="Só Omie", email="somente@loja.test")
    await rig.settle()

    made = {}
    for place, seller in enumerate((ana, away, lone)):
        made[seller] = await rig.omie_new(
            razao_social=f"Cliente {place}", nome_fantasia=f"Cliente {place}", cnpj_cpf=(CNPJ, CNPJ_2, CNPJ_3)[place],
            recomendacoes={"codigo_vendedor": int(seller)},
        )  # fmt: skip
    contact = await rig.contact_new(TypeId=1, Name="Do Ploomes", Register=CNPJ_4, OwnerId=int(lone_user))
    await rig.settle()
    owners = {s: (await rig.pair_of_client(c["codigo_cliente_omie"]))["OwnerId"] for s, c in made.items()}
    assert owners[ana] == int(ana_user)  # e-mails compare without regard to case
    assert owners[away] in (int(away_user), None)  # a suspended user does not stop the client
    assert owners[lone] is None
    client = await rig.pair_of_contact(contact["Id"])
    assert not client["recomendacoes"].get("codigo_vendedor")

    await rig.contact_edit(contact["Id"], OwnerId=int(ana_user))
    await rig.omie_edit(
        made[ana]["codigo_cliente_omie"], recomendacoes={"codigo_vendedor": int(lone)}, email="a@b.test"
    )
    await rig.settle()
    assert (await rig.pair_of_contact(contact["Id"]))["recomendacoes"]["codigo_vendedor"] == int(ana)
    changed = await rig.pair_of_client(made[ana]["codigo_cliente_omie"])
    assert (changed["OwnerId"], changed["Email"]) == (None, "a@b.test")
    assert not rig.tap.of("IncluirVendedor", "AlterarVendedor", "POST Users", "PATCH Users")
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@pytest.mark.feature("F046", "F087", "F090", "F283")
async def test_an_inactive_seller_holds_a_new_client_until_he_is_active_again(rig: Rig) -> None:
    user = await rig.user_new(Name="Diego", Email="diego@loja.test")
    seller = await rig.seller_new(nome="Diego", email="diego@loja.test", inativo="S")
    await rig.settle()
    contact = await rig.contact_new(TypeId=1, Name="Espera", Register=CNPJ, OwnerId=int(user))
    linked = await rig.contact_new(TypeId=1, Name="Já Ligado", Register=CNPJ_2)
    await rig.settle()
    assert [c["nome_fantasia"] for c in await rig.clients()] == ["Já Ligado"]
    assert rig.tap.of("IncluirCliente")[-1]["nome_fantasia"] == "Já Ligado"  # and nothing was tried in vain
    issue = await rig.issue("inactive_seller")
    assert "Reative o vendedor" in issue["fix"]
    assert "inativo" in (await rig.why("ploomes", contact["Id"]))["Responsável ativo no Omie"]
    # an edit of a linked client goes, all but the owner
    await rig.contact_edit(linked["Id"], OwnerId=int(user), Website="ligado.test")
    await rig.settle()
    client = await rig.pair_of_contact(linked["Id"])
    assert (client["homepage"], client["recomendacoes"].get("codigo_vendedor", 0)) == ("ligado.test", 0)
    assert await rig.issues() == ["inactive_seller", "inactive_seller"]

    async def told() -> bool:
        return len(await rig.ploomes_set("InteractionRecords")) == 2

    await rig.until(told)
    await rig.seller_edit(seller, inativo="N")
    await rig.settle()
    for made in (contact, linked):
        assert (await rig.pair_of_contact(made["Id"]))["recomendacoes"]["codigo_vendedor"] == int(seller)
    assert await rig.issues() == []

    async def cleared() -> bool:
        return not await rig.ploomes_set("InteractionRecords")

    await rig.until(cleared)
    assert await rig.refusals() == {}


@pytest.mark.feature("F071", "F089", "F193")
async def test_pairs_by_hand_and_the_default_seller(rig: Rig) -> None:
    user = await rig.user_new(Name="Bia", Email="bia@pessoal.test")
    seller = await rig.seller_new(nome="Bia", email="bia@loja.test")
    house = await rig.seller_new(nome="Loja", email="")
    await rig.settle()
    await rig.configure(sellers={"pairs": [{"omie": int(seller), "ploomes": int(user)}], "default_seller": int(house)})
    mine = await rig.contact_new(TypeId=1, Name="Da Bia", Register=CNPJ, OwnerId=int(user))
    nobody = await rig.contact_new(TypeId=1, Name="De Ninguém", Register=CNPJ_2)
    await rig.settle()
    assert (await rig.pair_of_contact(mine["Id"]))["recomendacoes"]["codigo_vendedor"] == int(seller)
    assert (await rig.pair_of_contact(nobody["Id"]))["recomendacoes"]["codigo_vendedor"] == int(house)
    again = await rig.contact(nobody["Id"])
    assert again is not None
    assert again["OwnerId"] is None  # the default is Omie's business only
    assert await rig.refusals() == {}


@pytest.mark.feature("F012", "F190", "F264")
@at_speed(60.0)
async def test_only_new_pairs_of_people_are_told_as_linked(rig: Rig) -> None:
    await rig.user_new(Name="Ana", Email="ana@loja.test")
    await rig.user_new(Name="Bia", Email="bia@loja.test")
    await rig.seller_new(nome="Ana", email="ana@loja.test")
    await rig.settle()
    await silent(rig)
    await rig.seller_new(nome="Bia", email="bia@loja.test")
    await rig.seller_new(nome="Só Omie", email="so@omie.test")
    await asyncio.sleep(2.5)  # two and a half minutes: what was listed lately is not listed again
    told: list[Any] = []
    for _ in range(2):
        counts = (await resync(rig, entities=["sellers"]))["plan"]["entities"]["sellers"]
        told.append((counts["link"], counts["unchanged"], counts["without_user"], counts["conflict"]))
    assert told == [(1, 1, 1, 0), (0, 2, 1, 0)]

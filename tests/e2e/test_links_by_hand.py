"""Pairs that people name by id: a wrong id costs nobody a record (F109, F111)."""

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.shop import Shop
from tests.e2e.test_deletes import CNPJ, CNPJ_2, a_pair
from tests.e2e.test_products import product, service, twin

NOBODY = "999999"


async def unlink(rig: Rig, entity: str = "clients") -> None:
    """A person ends every link of an entity."""
    for row in await rig.items("links", entity=entity, state="active"):
        assert (await rig.api.delete(f"{rig.path}/links/{row['id']}")).status_code == 200


async def accept(rig: Rig, entity: str, *pairs: tuple[str, str]) -> JsonObject:
    """A person accepts pairs; the work is done unless the worker rests."""
    rows = [{"omie_id": omie, "ploomes_id": ploomes} for omie, ploomes in pairs]
    answer = await rig.api.post(f"{rig.path}/links/wizard/accept", json={"entity": entity, "pairs": rows})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def take_in(rig: Rig, table: str) -> JsonObject:
    headers = {"content-type": "text/csv"}
    answer = await rig.api.post(f"{rig.path}/links/import", content=table.encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@EMBEDDED
@pytest.mark.feature("F109", "F111")
@at_speed(60.0)
async def test_an_id_that_nobody_has_is_refused_with_its_line(rig: Rig) -> None:
    client_id, contact_id = await a_pair(rig)
    await unlink(rig)
    found = await take_in(rig, f"entity,omie_id,ploomes_id\nclients,{client_id},{NOBODY}\n")
    assert (found["linked"], [error["line"] for error in found["errors"]]) == (0, [2])
    assert f"{NOBODY} não existe no Ploomes" in found["errors"][0]["message"]
    skipped = (await accept(rig, "clients", (client_id, NOBODY), (NOBODY, contact_id)))["skipped"]
    assert [row["message"].split(",")[0] for row in skipped] == [
        f"O registro {NOBODY} não existe no Ploomes", f"O registro {NOBODY} não existe no Omie",
    ]  # fmt: skip
    await rig.settle()
    assert (len(await rig.clients()), len(await rig.contacts())) == (1, 1)
    assert (await accept(rig, "clients", (client_id, contact_id)))["linked"] == 1
    await rig.settle()
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@EMBEDDED
@pytest.mark.feature("F003", "F111")
@at_speed(60.0)
async def test_a_pair_that_was_never_read_deletes_nothing_when_one_is_not_there(rig: Rig) -> None:
    here, there = await a_pair(rig), await a_pair(rig, CNPJ_2, "Beta")
    await unlink(rig)
    await rig.stop_worker()
    assert (await accept(rig, "clients", here, there))["linked"] == 2
    await rig.fault("drop", times=None)
    await rig.contact_delete(here[1])
    await rig.omie_delete(there[0])
    rig.start_worker()
    await rig.settle()
    assert [str(row["codigo_cliente_omie"]) for row in await rig.clients()] == [here[0]]
    assert [str(row["Id"]) for row in await rig.contacts()] == [there[1]]
    assert await rig.issues() == ["link_unproved", "link_unproved"]
    assert {row["state"] for row in await rig.items("links", entity="clients")} == {"excluded"}
    # one is left as it is, the other gets its right partner: both issues are over
    first, second = await rig.items("issues", cause="link_unproved")
    left, mended = (first, second) if first["external_id"] == here[0] else (second, first)
    assert f"{here[1]} não existe no Ploomes" in left["detail"]
    answer = await rig.api.post(f"{rig.path}/issues/{left['id']}/answer", json={"choice": "discard"})
    assert answer.status_code == 202
    client = await rig.omie_new(razao_social="Beta", nome_fantasia="Beta", cnpj_cpf=CNPJ_2)
    pair = {"entity": "clients", "omie_id": str(client["codigo_cliente_omie"]), "ploomes_id": there[1]}
    assert mended["asks"] == ["discard"]
    assert (await rig.api.post(f"{rig.path}/links", json=pair)).status_code == 201
    await rig.settle()
    assert (await rig.issues(), await rig.refusals()) == ([], {})
    assert len(await rig.clients()) == 2
    assert not rig.tap.of("ExcluirCliente", "DELETE Contacts")


@EMBEDDED
@pytest.mark.feature("F111", "F167")
@at_speed(60.0)
async def test_a_wrong_id_of_a_sale_cancels_and_deletes_nothing(rig: Rig) -> None:
    shop = await Shop(rig).open()
    first, second = [await shop.sale(shop.line("Produto 1")) for _ in range(2)]
    order = str((await shop.order_of(first))["cabecalho"]["codigo_pedido"])
    await unlink(rig, "orders")
    assert (await accept(rig, "orders", (order, NOBODY), (NOBODY, second)))["linked"] == 2
    await rig.settle()
    assert await rig.issues() == ["link_unproved", "link_unproved"]
    assert set(await shop.sales()) == {first, second}
    assert not rig.tap.of("CancelarPedidoVenda", "ExcluirPedido", "DELETE Orders")
    assert {row["state"] for row in await rig.items("links", entity="orders")} == {"excluded"}
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F109", "F111", "F130")
@at_speed(60.0)
async def test_a_product_of_ploomes_is_never_two_of_omies(rig: Rig) -> None:
    first, second = [await service(rig, cCodigo=f"S-{n}", cDescricao=f"Serviço {n}") for n in range(2)]
    goods = [str((await product(rig, codigo=f"P-{n}", descricao=f"Produto {n}"))["codigo_produto"]) for n in range(2)]
    await rig.settle()
    held = str((await twin(rig, first["intListar"]["nCodServ"], "services"))["Id"])
    free = str((await twin(rig, goods[1]))["Id"])
    mass = {"entity": "products", "confirm": "products"}
    assert (await rig.api.delete(f"{rig.path}/links", params=mass)).json() == {"count": 2}
    answer = await rig.api.post(
        f"{rig.path}/links", json={"entity": "products", "omie_id": goods[0], "ploomes_id": held}
    )
    assert (answer.status_code, answer.json()["link"]["entity"]) == (409, "services"), answer.text
    accepted = await accept(rig, "products", (goods[0], held))
    assert (accepted["linked"], len(accepted["skipped"])) == (0, 1)
    other = str(second["intListar"]["nCodServ"])
    await unlink(rig, "services")
    rows = f"products,{goods[0]},{held}\nproducts,{goods[1]},{free}\nservices,{other},{free}\n"
    found = await take_in(rig, f"entity,omie_id,ploomes_id\n{rows}")
    assert (found["linked"], [error["line"] for error in found["errors"]]) == (0, [4])
    # what found another partner meanwhile is not restored
    assert (await accept(rig, "services", (other, free)))["linked"] == 1
    assert (await rig.api.post(f"{rig.path}/links/restore", json={"entity": "products"})).json() == {"count": 1}
    await rig.settle()
    living = await rig.items("links", state="active")
    assert len({row["ploomes_id"] for row in living}) == len(living)
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@EMBEDDED
@pytest.mark.feature("F004", "F111", "F130")
@at_speed(60.0)
async def test_a_deletion_is_no_merge_with_a_service_of_the_same_code(rig: Rig) -> None:
    one, other, third = [await service(rig, cCodigo="SRV-2", cDescricao=name) for name in ("Um", "Outro", "Novo")]
    await rig.settle()
    pairs = [str((await twin(rig, row["intListar"]["nCodServ"], "services"))["Id"]) for row in (one, other, third)]
    [link] = [row for row in await rig.items("links", entity="services") if row["ploomes_id"] == pairs[1]]
    assert (await rig.api.delete(f"{rig.path}/links/{link['id']}")).status_code == 200
    await rig.omie_remove("services", one["intListar"]["nCodServ"])
    await rig.settle()
    assert {str(row["Id"]) for row in await rig.ploomes_set("Products")} == set(pairs[1:])
    living = await rig.items("links", entity="services", state="active")
    assert [row["ploomes_id"] for row in living] == [pairs[2]]


@EMBEDDED
@pytest.mark.feature("F003", "F111")
@at_speed(60.0)
async def test_a_client_whose_link_a_person_ended_is_no_survivor_of_a_merge(rig: Rig) -> None:
    client_id, first = await a_pair(rig)
    await unlink(rig)
    second = str((await rig.contact_new(TypeId=1, Name="Alfa de novo", Register=CNPJ))["Id"])
    await rig.settle()
    assert (await rig.link("ploomes", second))["omie_id"] == client_id
    await rig.contact_delete(second)
    await rig.settle()
    assert {row["state"] for row in await rig.items("links", entity="clients")} == {"deleted", "excluded"}
    assert [str(row["Id"]) for row in await rig.contacts()] == [first]
    assert await rig.clients() == []
    assert (await rig.issues(), await rig.refusals()) == ([], {})

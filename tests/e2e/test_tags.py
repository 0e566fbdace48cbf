"""Tags of Omie and markers of Ploomes: one set, kept on both sides (F069, F257)."""

from typing import Any

import pytest

from tests.e2e.rig import Rig, at_speed

CNPJ = "11222333000181"


def named(client: dict[str, Any]) -> set[str]:
    """Tags of an Omie client."""
    return {row["tag"] for row in client["tags"]}


@pytest.mark.feature("F069", "F257")
@at_speed(60.0)
async def test_tags_are_one_set_and_roles_stay_in_omie(rig: Rig) -> None:
    client = await rig.omie_new(
        razao_social="Alfa Ltda", nome_fantasia="Alfa", cnpj_cpf=CNPJ,
        tags=[{"tag": "Cliente"}, {"tag": "Fornecedor"}, {"tag": "VIP"}],
    )  # fmt: skip
    other = await rig.omie_new(
        razao_social="Beta", nome_fantasia="Beta", cnpj_cpf="11444777000161", tags=[{"tag": "VIP"}]
    )
    await rig.settle()
    client_id = client["codigo_cliente_omie"]
    contact = await rig.pair_of_client(client_id)
    tags = {row["Name"]: row["Id"] for row in await rig.ploomes_set("Tags")}
    assert sorted(tags) == ["Cliente", "Fornecedor", "VIP"]  # each made once, also for two clients at a time
    assert {row["TagId"] for row in contact["Tags"]} == set(tags.values())

    # a person in Ploomes drops a role and a tag and adds one of their own: the role stays in Omie
    mine = int(await rig.ploomes_new("Tags", Name="Norte", EntityId=1))
    await rig.contact_edit(contact["Id"], Tags=[{"TagId": tags["Cliente"]}, {"TagId": mine}])
    await rig.settle()
    edited = await rig.client(client_id)
    assert edited is not None
    assert named(edited) == {"Cliente", "Fornecedor", "Norte"}

    # both sides at once: additions and removals of each survive
    await rig.omie_edit(client_id, tags=[{"tag": "Cliente"}, {"tag": "Fornecedor"}, {"tag": "Norte"}, {"tag": "Sul"}])
    await rig.contact_edit(
        contact["Id"], Tags=[{"TagId": tags["Cliente"]}, {"TagId": tags["VIP"]}], Website="alfa.test"
    )
    await rig.settle()
    edited, contact = await rig.client(client_id), await rig.pair_of_client(client_id)
    names = {row["Id"]: row["Name"] for row in await rig.ploomes_set("Tags")}
    assert edited is not None
    assert named(edited) == {"Cliente", "Fornecedor", "Sul", "VIP"}
    assert {names[row["TagId"]] for row in contact["Tags"]} >= {"Cliente", "Sul", "VIP"}
    assert edited["homepage"] == "alfa.test"
    # Omie's AlterarCliente replaces the list whole, so no list ever goes with it
    assert rig.tap.of("AlterarCliente")
    assert not [param for param in rig.tap.of("AlterarCliente") if "tags" in param]
    assert len(names) == len(set(names.values()))
    assert named(await rig.pair_of_contact((await rig.pair_of_client(other["codigo_cliente_omie"]))["Id"])) == {"VIP"}
    assert await rig.refusals() == {}

"""Families of Omie as groups in Ploomes, switched off and on again over products that are filed (F106)."""

import pytest

from tests.e2e.rig import EMBEDDED, Rig, at_speed
from tests.e2e.test_products import names_of, product, service, twin
from tests.e2e.test_reconcile import loaded
from tests.e2e.test_resync import rested


@pytest.mark.feature("F025", "F093", "F094", "F106")
@EMBEDDED
@at_speed(60.0)
async def test_products_move_as_families_become_groups_or_no_longer_do(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    teas, sweets = [(await rig.omie_put("families", nomeFamilia=name))["codigo"] for name in ("Chás", "Doces")]
    filed = [
        (await product(rig, codigo=f"P-{n}", descricao=f"Produto {n}", **family))["codigo_produto"]
        for n, family in enumerate(({"codigo_familia": teas}, {"codigo_familia": sweets}, {}))
    ]
    works = (await service(rig, cCodigo="S-1", cDescricao="Entrega"))["intListar"]["nCodServ"]
    await rig.settle()

    async def groups() -> list[str | None]:
        names = await names_of(rig, "Products@Groups")
        found = [await twin(rig, code) for code in filed] + [await twin(rig, works, "services")]
        return [names.get(pair["GroupId"]) for pair in found]

    async def switch(on: bool) -> int:
        """Publishes the option; how many products were written until all was quiet."""
        rig.tap.calls.clear()
        document = await rig.get_json(f"{rig.path}/config")
        document["products"]["groups_from_family"] = on
        answer = await rig.api.put(f"{rig.path}/config", json=document, params={"start": "now"})
        assert answer.status_code == 200, answer.text
        assert (await rested(rig, answer.json()["resync_id"]))["state"] == "completed"
        await rig.settle()
        return len(rig.tap.of("PATCH Products"))

    assert await groups() == ["Chás", "Doces", "Produtos", "Serviços"]
    assert await switch(on=False) == 2, "only what has a family moves"
    assert await groups() == ["Produtos", "Produtos", "Produtos", "Serviços"]
    # meanwhile a product gets another family, a family another name, and somebody tidies an empty group away
    await rig.omie_change("products", filed[2], codigo_familia=teas)
    await rig.omie_change("families", teas, nomeFamilia="Chás & ervas")
    [empty] = [row["Id"] for row in await rig.ploomes_set("Products@Groups") if row["Name"] == "Doces"]
    await rig.ploomes_remove("Products@Groups", empty)
    await rig.settle()
    await rig.ponte.families.sweep()
    await rig.settle()
    assert await groups() == ["Produtos", "Produtos", "Produtos", "Serviços"]
    await rig.ponte.clock.sleep(61)
    await switch(on=True)

    async def followed() -> bool:
        await rig.ponte.families.sweep()  # nobody waits an hour for it
        return await groups() == ["Chás & ervas", "Doces", "Chás & ervas", "Serviços"]

    await rig.until(followed, 60)
    await rig.settle()
    names = sorted(str(row["Name"]) for row in await rig.ploomes_set("Products@Groups"))
    assert names == ["Chás & ervas", "Doces", "Produtos", "Serviços"]
    assert len(await rig.ploomes_set("Products")) == 4
    assert await rig.issues() == []

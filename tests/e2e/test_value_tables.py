"""Mapped values out and in as a table (F109)."""

import pytest

from tests.e2e.rig import EMBEDDED, Rig

CNPJ, CNPJ_2 = "11222333000181", "11444777000161"
IE, LIMIT = "ClienteFornecedor.Inscrição Estadual", "ClienteFornecedor.Limite de Crédito Total"


@pytest.mark.feature("F109")
@EMBEDDED
async def test_values_typed_in_a_spreadsheet_travel_and_a_bad_table_is_refused_whole(rig: Rig) -> None:
    types = {row["Name"]: row["Id"] for row in await rig.ploomes_set("Fields@Types")}
    keys = [
        (await rig.post("/sandbox/ploomes/sandbox-user-key/screen/Fields",
                        {"Name": name, "EntityId": 1, "TypeId": types[kind]}))["Key"]
        for name, kind in (("IE", "Texto simples"), ("Limite", "Moeda"))
    ]  # fmt: skip
    mappings = [{"omie": IE, "ploomes": keys[0]}, {"omie": LIMIT, "ploomes": keys[1]}]
    await rig.configure(mappings=mappings)
    first = await rig.omie_new(razao_social="Alfa", nome_fantasia="Alfa", cnpj_cpf=CNPJ, inscricao_estadual="ISENTO")
    second = await rig.omie_new(razao_social="Beta", nome_fantasia="Beta", cnpj_cpf=CNPJ_2)
    await rig.settle()
    out = await rig.api.get(f"{rig.path}/values/clients")
    assert out.status_code == 200
    assert out.text.splitlines()[0] == f"omie_id,ploomes_id,{IE},{LIMIT}"
    assert any("ISENTO" in line for line in out.text.splitlines())

    async def send(text: str, **params: str) -> dict[str, object]:
        answer = await rig.api.post(
            f"{rig.path}/values/clients/import", content=text.encode(), params=params,
            headers={"content-type": "text/csv"},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    codes = [first["codigo_cliente_omie"], second["codigo_cliente_omie"]]
    bad = await send(f"omie_id;{IE};{LIMIT}\n{codes[0]};123;mil\n999;1;1\n")
    assert [row["line"] for row in bad["errors"]] == [2, 3]  # type: ignore[attr-defined]
    assert (bad["records"], bad["resync_id"]) == (0, None)
    good = await send(f"omie_id;{IE};{LIMIT}\n{codes[0]};12345;1.500,50\n{codes[1]};777;\n")
    assert good["records"] == 2

    async def arrived() -> bool:
        rows = {row["codigo_cliente_omie"]: row for row in await rig.clients()}
        mine = [(rows[code].get("inscricao_estadual"), rows[code].get("valor_limite_credito", 0)) for code in codes]
        return mine == [("12345", 1500.5), ("777", 0)]

    await rig.until(arrived)
    refused = await rig.api.get(f"{rig.path}/values/orders")
    assert refused.status_code == 422
    assert await rig.refusals() == {}

"""The control surface: seeds, accounts, screens, trouble, traffic, pages; and the sandbox's independence."""

import ast
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from stdnum.br import cnpj, cpf

import app.sandbox
from app.sandbox.app import Sandbox

from .conftest import APP_KEY, USER_KEY, Bench, client


def test_it_imports_nothing_of_the_product() -> None:
    for path in Path(app.sandbox.__file__).parent.rglob("*.py"):
        depth = len(path.relative_to(Path(app.sandbox.__file__).parent).parts)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level <= depth, path
                assert node.level or not (node.module or "").startswith("app"), path
            elif isinstance(node, ast.Import):
                assert not any(name.name.startswith("app") for name in node.names), path


def test_demo_is_believable_and_the_same_each_time() -> None:
    worlds = [Sandbox(seed="demo", random_seed=7).world for _ in range(2)]
    names = [[e.row["razao_social"] for e in world.companies[APP_KEY].clients.values()] for world in worlds]
    assert names[0] == names[1]
    company, account = worlds[0].companies[APP_KEY], worlds[0].accounts[USER_KEY]
    documents = {entry.row["cnpj_cpf"] for entry in company.clients.values() if entry.row.get("cnpj_cpf")}
    assert all(cnpj.is_valid(d) if len(d) == 14 else cpf.is_valid(d) for d in documents)
    contacts = account.sets["Contacts"].values()
    theirs = {"".join(filter(str.isalnum, row["Register"])) for row in contacts if row["Register"]}
    assert len(documents & theirs) == 140
    assert documents - theirs
    assert theirs - documents
    products = account.sets["Products"].values()
    codes = {entry.row["codigo"] for entry in company.registers["produtos"].values()}
    assert (len(codes & {row["Code"] for row in products}), len(products)) == (60, 66)
    assert all(sum(line["Total"] for line in o["Products"]) == o["Amount"] for o in account.sets["Orders"].values())
    assert len(account.sets["Orders"]) == 15


async def test_small_has_the_awkward_team(bench: Bench) -> None:
    await bench.control("POST", "reset", {"seed": "small"})
    sellers = {s["email"]: s for s in (await bench.control("GET", f"omie/{APP_KEY}/sellers"))}
    users = {u["Email"]: u for u in await bench.control("GET", f"ploomes/{USER_KEY}/Users")}
    assert sellers["diego@empresa.com.br"]["inativo"] == "S"
    assert users["elisa@empresa.com.br"]["Suspended"] is True
    assert "fabio@empresa.com.br" in users
    assert "fabio@empresa.com.br" not in sellers
    assert "UserKey" not in users["fabio@empresa.com.br"]


async def test_reset_forgets_everything(bench: Bench) -> None:
    await bench.omie("IncluirCliente", client())
    await bench.quirk(omie_page_cap=5)
    await bench.control("POST", "reset", {"seed": "empty"})
    assert await bench.control("GET", f"omie/{APP_KEY}/clients") == []
    assert (await bench.control("GET", "quirks"))["omie_page_cap"] == 100
    assert (await bench.control("GET", "counters"))["omie"][APP_KEY]["requests"] == {}
    assert (await bench.http.post("/sandbox/reset", json={"seed": "nada"})).status_code == 422


async def test_several_apps_and_accounts_are_apart(bench: Bench) -> None:
    await bench.control("POST", "omie", {"app_key": "2000000000002", "app_secret": "sandbox-app-secret-2"})
    await bench.control("POST", "ploomes", {"user_key": "sandbox-user-key-2"})
    await bench.omie("IncluirCliente", client(), key="2000000000002", secret="sandbox-app-secret-2")
    await bench.ploomes("POST", "Contacts", {"Name": "Só aqui"}, key="sandbox-user-key-2")
    assert await bench.control("GET", f"omie/{APP_KEY}/clients") == []
    assert len(await bench.control("GET", "omie/2000000000002/clients")) == 1
    assert await bench.rows("Contacts") == []
    assert (await bench.http.post("/sandbox/ploomes", json={"user_key": USER_KEY})).status_code == 422


async def test_screens_refuse_in_the_vendors_words_and_know_no_limits(bench: Bench) -> None:
    answer = await bench.http.post(f"/sandbox/omie/{APP_KEY}/screen/clients", json={"cnpj_cpf": "1"})
    assert (answer.status_code, answer.json()["detail"]) == (422, "ERROR: O CNPJ ou CPF informado está inválido.")
    row = await bench.omie_screen("POST", "clients", {"razao_social": "Loja"})
    for number in range(8):
        await bench.omie_screen("PATCH", f"clients/{row['codigo_cliente_omie']}", {"bairro": f"B{number}"})
    missing = await bench.http.patch(f"/sandbox/ploomes/{USER_KEY}/screen/Contacts/1", json={"Name": "x"})
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("rule", "status", "applied"),
    [
        ({"kind": "status", "status": 503}, 503, False),
        ({"kind": "html"}, 502, False),
        ({"kind": "empty_body", "when": "after"}, 200, True),
        ({"kind": "status", "status": 504, "when": "after"}, 504, True),
        ({"kind": "429"}, 429, False),
        ({"kind": "block", "seconds": 300}, 425, False),
        ({"kind": "fault", "text": "ERROR: PROTO_BYEBYE", "when": "after"}, 500, True),
    ],
)
async def test_trouble_before_and_after_a_write(
    bench: Bench, rule: dict[str, object], status: int, applied: bool
) -> None:
    await bench.control("POST", "faults", {"vendor": "omie", "match": "IncluirCliente", **rule})
    answer = await bench.omie("IncluirCliente", client())
    assert answer.status_code == status
    assert bool(await bench.control("GET", f"omie/{APP_KEY}/clients")) is applied
    assert await bench.control("GET", "faults") == []


async def test_a_lost_answer_is_a_time_out_in_process(bench: Bench) -> None:
    await bench.control("POST", "faults", {"kind": "timeout", "when": "after", "match": "Contacts", "verb": "POST"})
    with pytest.raises(httpx.ReadTimeout):
        await bench.contact(Name="Existe")
    assert [row["Name"] for row in await bench.rows("Contacts")] == ["Existe"]
    await bench.control("POST", "faults", {"kind": "empty_list", "match": "Contacts", "verb": "GET"})
    assert await bench.rows("Contacts") == []
    assert len(await bench.rows("Contacts")) == 1


async def test_slow_answers_and_latency(bench: Bench) -> None:
    await bench.control("POST", "faults", {"kind": "slow", "seconds": 0.05, "match": "Account"})
    started = time.monotonic()
    await bench.rows("Account")
    assert time.monotonic() - started >= 0.05


@pytest.mark.parametrize("body", [{"kind": "nada"}, {"kind": "html", "cor": 1}, {"kind": "html", "when": "never"}])
async def test_bad_rules_and_switches_are_refused(bench: Bench, body: dict[str, object]) -> None:
    assert (await bench.http.post("/sandbox/faults", json=body)).status_code == 422
    assert (await bench.http.post("/sandbox/quirks", json={"nada": 1})).status_code == 422
    assert (await bench.http.post("/sandbox/quirks", json={"ploomes_error_shape": "x"})).status_code == 422


@pytest.mark.parametrize("seed", ["small", "demo"])
async def test_people_work_on_both_sides(bench: Bench, seed: str) -> None:
    await bench.control("POST", "reset", {"seed": seed})
    for _ in range(200):
        bench.later(30)
        bench.sandbox.traffic.step()
    assert bench.sandbox.traffic.done == 200
    assert (await bench.control("POST", "traffic", {"every_seconds": 3}))["every_seconds"] == 3
    assert (await bench.control("POST", "traffic", {"every_seconds": None}))["every_seconds"] is None
    counters = await bench.control("GET", "counters")
    assert counters["omie"][APP_KEY]["requests"] == {}


async def test_people_work_in_omies_shop(bench: Bench) -> None:
    await bench.control("POST", "reset", {"seed": "demo"})
    await bench.control("POST", f"omie/{APP_KEY}/webhooks", {"url": "http://ponte.test/hook", "topics": None})
    for _ in range(1200):
        bench.later(30)
        bench.sandbox.traffic.step()
    topics = {post.get("topic", "") for post in await bench.delivered()}
    assert topics >= {
        "Produto.Alterado", "Produto.MovimentacaoEstoque", "Servico.Alterado", "VendaProduto.Incluida",
        "VendaProduto.Alterada", "VendaProduto.EtapaAlterada", "VendaProduto.Cancelada", "VendaProduto.Faturada",
        "OrdemServico.EtapaAlterada",
    }  # fmt: skip


async def test_pages_show_and_edit(bench: Bench) -> None:
    await bench.control("POST", "reset", {"seed": "small"})
    assert "Omie, aplicativo" in (await bench.http.get("/sandbox/")).text
    base = f"/sandbox/screens/omie/{APP_KEY}"
    made = await bench.http.post(
        f"{base}/clients/new", data={"razao_social": "Loja <b>Nova</b>", "tags": "VIP, Atacado"}
    )
    assert made.status_code == 303
    page = (await bench.http.get(base)).text
    assert "Loja &lt;b&gt;Nova&lt;/b&gt;" in page
    row = (await bench.control("GET", f"omie/{APP_KEY}/clients"))[-1]
    assert row["tags"] == [{"tag": "VIP"}, {"tag": "Atacado"}]
    one = f"{base}/clients/{row['codigo_cliente_omie']}"
    assert "Excluir" in (await bench.http.get(one)).text
    await bench.http.post(one, data={"razao_social": row["razao_social"], "bairro": "Centro"})
    assert (await bench.http.post(f"{one}/delete")).status_code == 303

    base = f"/sandbox/screens/ploomes/{USER_KEY}"
    data = {"Name": "Casa", "City": "São Paulo/SP", "ZipCode": "01310-100", "Phones": "(11) 3000-0000", "Tags": "vip"}
    assert (await bench.http.post(f"{base}/clients/new", data=data)).status_code == 303
    contact = (await bench.control("GET", f"ploomes/{USER_KEY}/Contacts"))[-1]
    assert contact["ZipCode"] == 1310100
    assert len(contact["Tags"]) == 1
    one = f"{base}/clients/{contact['Id']}"
    assert "Casa" in (await bench.http.get(one)).text
    await bench.http.post(one, data={"Name": "Casa Nova"})
    assert "Casa Nova" in (await bench.http.get(base)).text
    refused = await bench.http.post(one, data={"City": "Lugar Nenhum/XX"})
    assert (refused.status_code, "Cidade não encontrada" in refused.text) == (422, True)
    assert (await bench.http.post(f"{one}/delete")).status_code == 303


async def test_pages_of_products_sales_fields_and_options(bench: Bench) -> None:
    base = f"/sandbox/screens/ploomes/{USER_KEY}"

    async def post(page: str, status: int = 303, **data: str) -> None:
        answer = await bench.http.post(f"{base}/{page}", data=data)
        assert answer.status_code == status, answer.text

    async def last(name: str) -> dict[str, Any]:
        return dict((await bench.control("GET", f"ploomes/{USER_KEY}/{name}"))[-1])

    await post("markers/new", Name="Promoção")
    await post("families/new", Name="Kits")
    await post("groups/new", Name="Papelaria", FamilyId=str((await last("Products@Families"))["Id"]))
    await post("tables/new", Name="Cores")
    await post("options/new", TableId=str((await last("Fields@OptionsTables"))["Id"]), Name="Azul", ExternalKey="17")
    table, option = await last("Fields@OptionsTables"), await last("Fields@OptionsTables@Options")
    assert option["ExternalKey"] == "17"
    await post("fields/new", Name="Cor", EntityId="10", TypeId="7", OptionsTableId=str(table["Id"]))
    field = await last("Fields")
    data = {"Name": "Caneta <b>", "UnitPrice": "1,25", "Lists": "promoção", field["Key"]: str(option["Id"])}
    await post("products/new", GroupId=str((await last("Products@Groups"))["Id"]), **data)
    product = await last("Products")
    assert (product["UnitPrice"], len(product["Lists"])) == (1.25, 1)
    assert product["OtherProperties"][0]["IntegerValue"] == option["Id"]
    page = (await bench.http.get(f"{base}/products")).text
    assert ("Caneta &lt;b&gt;" in page, "Papelaria" in page) == (True, True)
    await post(f"products/{product['Id']}", Name="<b>7</b>")
    page = (await bench.http.get(f"{base}/products/{product['Id']}")).text
    assert '<iframe sandbox title="Nome" srcdoc="&lt;b&gt;7&lt;/b&gt;">' in page  # HTML is shown, and runs nothing
    await post(f"products/{product['Id']}", Name="Lápis", Suspended="True")
    assert (await last("Products"))["Suspended"] is True
    await post(f"products/{product['Id']}", status=422, UnitPrice="muito")
    contact = await bench.contact(Name="Padaria")
    await post("orders/new", ContactId=str(contact["Id"]), Amount="3")
    order = await last("Orders")
    await post("lines/new", OrderId=str(order["Id"]), ProductId=str(product["Id"]), Quantity="2", Total="3")
    page = (await bench.http.get(f"{base}/orders/{order['Id']}")).text
    assert ("Lápis" in page, f"lines/new?OrderId={order['Id']}" in page) == (True, True)
    line = await last("Orders@Products")
    await post(f"lines/{line['Id']}", Quantity="5")
    assert (await last("Orders@Products"))["Quantity"] == 5
    await post(f"lines/{line['Id']}/delete")
    assert await bench.control("GET", f"ploomes/{USER_KEY}/Orders@Products") == []
    await post(f"fields/{field['Key']}", Disabled="True")
    await post(f"products/{product['Id']}", status=422, **{field["Key"]: ""})
    await post(f"fields/{field['Key']}/delete")
    for name in ("stages", "statuses", "tags", "options", "markers", "groups", "families", "tables", "lines"):
        assert (await bench.http.get(f"{base}/{name}")).status_code == 200
    assert (await bench.http.get(f"{base}/nada")).status_code == 404
    assert (await bench.http.get(f"{base}/products/1")).status_code == 404

"""API clients written by others work on the sandbox, apart from the address: installed ones, and request shapes."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from app.sandbox.app import Sandbox

from .conftest import APP_KEY, APP_SECRET, USER_KEY, Bench, client
from .test_ploomes_sales import made, sale

PYTHON = os.environ.get("PUBLIC_CLIENTS_PYTHON", "")
DRIVER = Path(__file__).with_name("drive_public_clients.py")
INSTALL = "pip install ploomes-api-client api-omie iaxys-omie-utils omie-python"


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """A served sandbox with the small seed."""
    config = uvicorn.Config(Sandbox(seed="small").asgi, port=0, log_level="error", ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn offers no event
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason=f"PUBLIC_CLIENTS_PYTHON names no interpreter; in a venv of its own: {INSTALL}")
async def test_installed_clients_list_filter_and_create(address: str) -> None:
    work = await asyncio.create_subprocess_exec(PYTHON, str(DRIVER), address, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(work.communicate(), 120)
    steps: dict[str, Any] = json.loads(out)
    assert {name.split(":")[0] for name in steps} == {"ploomes", "api-omie", "iaxys", "omie-python"}
    wrong = {name: found for name, found in steps.items() if found in (None, 0) or "Error" in str(found)}
    assert wrong == {}
    ones = ("ploomes: create", "ploomes: filter", "ploomes: by value", "ploomes: products", "ploomes: win",
            "ploomes: duplicate", "api-omie: filter", "iaxys: filter")  # fmt: skip
    assert {name: steps[name] for name in ones} == dict.fromkeys(ones, 1)
    assert steps["iaxys: page"] == 7
    assert (steps["ploomes: page"], steps["api-omie: delete"], steps["iaxys: create"]) == (5, "0", "0")


# Request shapes of public code, written down anew. Ploomes: each line is the query as that code sends it.

SHAPES = [
    # filterfeed/ploomes-api-client: form-encoded, the OData 3 count option, and silence asked for on every call
    "Contacts?%24filter=Register+eq+%2711222333000181%27&%24inlinecount=allpages&%24top=5&webhooks=false",
    # Fretadao/ploomes_client: every navigation of a contact or deal at once, plus signs for spaces
    "Contacts?$expand=City,OtherProperties,Phones($expand=Type),Tags($expand=Tag),Owner&$filter=Id+eq+{contact}",
    # Ploomes/n8n-nodes-ploomes: its defaults, and what its filter and expand builders make
    "Contacts?$top=1&$select=Id&$orderby=Id",
    "Contacts?$filter=OtherProperties/any(o: o/FieldId eq {field} and o/StringValue eq '4001')",
    "Contacts?$filter=(contains(Name,'Padaria') or startswith(Email,'x')) and StatusId ne null",
    "Contacts?$expand=OtherProperties($filter=FieldId eq {field} or FieldId eq 1;$expand=CurrencyValue)",
    # simixsistemas/Ploomes.Api.Client: all options in this order
    "Contacts?$filter=TypeId eq 1&$orderby=Name asc&$top=10&$skip=0&$select=Id,Name,Register&$expand=Phones",
    # almirmurad/integracaoMulti: the whole sale in one reading, four levels deep
    "Orders?$filter=Id+eq+{order}&$expand=Owner($select=Id,Name,Email),Contact($expand=City,OtherProperties),"
    "OtherProperties,Stage,Sections($expand=Products($expand=Product($expand=Group,OtherProperties)))&preload=true",
    "Contacts?$filter=CNPJ eq '11222333000181' or CPF eq '11222333000181'&$expand=OtherProperties",
    # Run4thewin/produtos-ploomes-bling: a page of a thousand, a code with an apostrophe
    "Products?$top=1000&$skip=0&$select=Id,Code,Name,Suspended",
    "Products?$filter=Code eq 'D''O'&$top=1",
    # suportedrk/cacholaapp: incremental reading with an offset
    "Orders?$filter=LastUpdateDate gt 2020-04-30T00:00:00-03:00&$orderby=LastUpdateDate,Id&$count=true"
    "&$expand=Products($select=Id,Quantity,Total;$expand=Product($select=Code))",
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape[:40])
async def test_public_codes_queries_on_ploomes(bench: Bench, shape: str) -> None:
    field = await made(bench, "Fields", Name="Id (ERP)", EntityId=1, TypeId=1)
    order, _ = await sale(bench)
    await made(bench, "Products", Name="Vinho", Code="D'O")
    values = [{"FieldKey": field["Key"], "StringValue": "4001"}]
    phones = [{"PhoneNumber": "(11) 3000-0000", "TypeId": 1}]
    contact = await bench.contact(Register="11222333000181", OtherProperties=values, Phones=phones)
    query = shape.format(contact=contact["Id"], field=field["Id"], order=order["Id"])
    headers = {"User-Key": USER_KEY, "Content-Type": "application/json", "odata.metadata": "minimal"}
    answer = await bench.http.get(f"/ploomes/{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["value"]
    if "Sections" in shape:
        (row,) = answer.json()["value"]
        assert [line["Product"]["Code"] for line in row["Sections"][0]["Products"]] == ["CAN", "LÁP"]


async def test_public_codes_writes_on_ploomes(bench: Bench) -> None:
    (tag,) = (await bench.ploomes("POST", "Tags", {"Name": "VIP", "EntityId": 1})).json()["value"]
    # almirmurad/bicorpintegracao: digits only, phones with country, tags with their name, explicit nulls
    body = {"TypeId": 1, "Name": "Padaria", "LegalName": "Padaria Ltda", "Register": "11222333000181", "Key": "4001",
            "Neighborhood": "Centro", "ZipCode": 1310100, "StreetAddressNumber": "10", "CNAECode": None,
            "Phones": [{"PhoneNumber": "(11) 3000-0000", "TypeId": 1, "CountryId": 76}],
            "Tags": [{"TagId": tag["Id"], "Tag": {"Name": "VIP"}}], "OtherProperties": []}  # fmt: skip
    contact = await made(bench, "Contacts?$expand=Phones,Tags,OtherProperties", **body)
    assert (contact["CNPJ"], len(contact["Phones"]), len(contact["Tags"])) == ("11222333000181", 1, 1)
    # the vendor's own collection: amounts made by the sender, ten per cent off the line
    product = await made(bench, "Products", Name="Caneta", Code="C1")
    line = {"ProductId": product["Id"], "CurrencyId": 1, "Quantity": 3, "UnitPrice": 50, "Discount": 10, "Total": 135}
    sold = {"ContactId": contact["Id"], "CurrencyId": 1, "Amount": 135, "Products": [line]}
    order = await made(bench, "Orders?$expand=Products", **sold)
    assert (order["Amount"], order["Products"][0]["Total"]) == (135, 135)
    # joaohploomes/PloomesPlaywright: what was made reads back the same, and is gone after DELETE
    plain = await made(bench, "Products", Name="Lápis")
    assert await bench.rows(f"Products?$filter=Id eq {plain['Id']}") == [plain]
    await bench.ploomes("DELETE", f"Products({plain['Id']})")
    assert await bench.rows(f"Products?$filter=Id eq {plain['Id']}") == []


# Omie: (service, call, param, where the rows or the status stand in the answer).

CALLS = [
    # DfKimera/omie-php: the largest page, yes and no as letters
    ("geral/clientes", "ListarClientes",
     {"pagina": 1, "registros_por_pagina": 100, "apenas_importado_api": "N"}, "clientes_cadastro"),
    # api-omie (PyPI)
    ("geral/clientes", "ListarClientesResumido",
     {"pagina": 1, "registros_por_pagina": 50, "apenas_importado_api": "N"}, "clientes_cadastro_resumido"),
    # iaxys-omie-utils (PyPI): a filter by part of the name, nulls left out
    ("geral/clientes", "ListarClientes",
     {"pagina": 1, "registros_por_pagina": 50, "clientesFiltro": {"razao_social": "Padaria"}}, "clientes_cadastro"),
    ("geral/clientes", "ConsultarCliente", {"codigo_cliente_integracao": "C-1"}, "codigo_cliente_omie"),
    ("geral/clientes", "UpsertCliente", client("C-2", cnpj_cpf="34.028.316/0001-03"), "codigo_status"),
    ("geral/vendedores", "ListarVendedores", {"pagina": 1, "registros_por_pagina": 50}, "cadastro"),
    # omie-python (PyPI)
    ("produtos/etapafat", "ListarEtapasFaturamento", {"pagina": 1, "registros_por_pagina": 10}, "cadastros"),
    ("geral/contacorrente", "ListarContasCorrentes",
     {"pagina": 1, "registros_por_pagina": 50, "apenas_importado_api": "N"}, "ListarContasCorrentes"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "call", "param", "where"), CALLS, ids=lambda value: str(value)[:24])
async def test_public_codes_calls_on_omie(
    bench: Bench, service: str, call: str, param: dict[str, Any], where: str
) -> None:
    await bench.omie("IncluirCliente", client())
    await bench.omie_screen("POST", "sellers", {"nome": "Ana"})
    body = {"app_key": APP_KEY, "app_secret": APP_SECRET, "call": call, "param": [param]}
    headers = {"Content-Type": "application/json; charset=utf-8", "Accept": "*/*"}
    answer = await bench.http.post(f"/omie/api/v1/{service}/", content=json.dumps(body), headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()[where]

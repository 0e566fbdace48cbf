"""Drives API clients written by others against a running sandbox; nothing of theirs changes but the address.

Runs under an interpreter of its own, since their pinned requirements are not ours:

    python drive_public_clients.py http://127.0.0.1:9000

Prints one JSON object, step -> what came back (or the exception); a package that is not installed has no steps.
"""

import contextlib
import importlib
import json
import logging
import sys
import urllib.request
from collections.abc import Callable
from typing import Any

USER_KEY, APP_KEY, APP_SECRET = "sandbox-user-key", "1000000000001", "sandbox-app-secret"
CNPJ, OTHER_CNPJ = "11444777000161", "34028316000103"
STEPS: dict[str, Any] = {}


def step(name: str, act: Callable[[], Any]) -> Any:
    """Runs one step and notes what it gave."""
    try:
        result = act()
    except Exception as error:  # whatever a client throws is the finding
        STEPS[name] = f"{type(error).__name__}: {error}"
        return None
    STEPS[name] = len(result.all) if hasattr(result, "all") else result
    return result


def filterfeed(base: str) -> None:
    """ploomes-api-client on PyPI (filterfeed/ploomes-api-client)."""
    package = importlib.import_module("ploomes_client")
    client = package.PloomesClient(USER_KEY)
    client.base_url = f"{base}/ploomes"
    contacts, products = package.Contacts(client), package.Products(client)
    deals, notes = package.Deals(client), package.InteractionRecords(client)
    wide = "Phones($expand=Type),Tags($expand=Tag),City($expand=State,Country),OtherProperties"
    step("ploomes: list", lambda: contacts.get_contacts(expand=wide))
    body = {"TypeId": 1, "Name": "João Exemplo", "Register": CNPJ, "ZipCode": 1310100,
            "Phones": [{"PhoneNumber": "(11) 3000-0000", "TypeId": 1}]}  # fmt: skip
    made = step("ploomes: create", lambda: contacts.post_contact(body, expand="Phones"))
    number = made.first["Id"]
    step("ploomes: filter", lambda: contacts.get_contacts(filter_=f"Register eq '{CNPJ}'", inlinecount="allpages"))
    page = {"filter_": "TypeId eq 1", "orderby": "Name desc", "select": "Id,Name", "top": 5, "skip": 2}
    step("ploomes: page", lambda: contacts.get_contacts(**page))
    step("ploomes: change", lambda: contacts.patch_contact(number, {"Note": "oi"}))
    step("ploomes: duplicate", lambda: contacts.check_duplicate_contact(json.dumps({"Register": CNPJ})))
    field = {"Name": "Código", "EntityId": 1, "TypeId": 1, "Required": False, "Multiple": False}
    key = step("ploomes: field", lambda: package.Fields(client).post_field(field)).first["Key"]
    values = {"OtherProperties": [{"FieldKey": key, "StringValue": "7"}]}
    step("ploomes: value", lambda: contacts.patch_contact(number, values, expand="OtherProperties"))
    found = f"OtherProperties/any(o: o/FieldKey eq '{key}' and o/StringValue eq '7')"
    step("ploomes: by value", lambda: contacts.get_contacts(filter_=found))
    step("ploomes: product", lambda: products.post_product({"Name": "Caneta", "Code": "C1", "UnitPrice": 1.5}))
    step("ploomes: products", lambda: products.get_products(filter_="Code eq 'C1'", expand="Group,Family"))
    deal = step("ploomes: deal", lambda: deals.post_deal({"Title": "Venda", "ContactId": number}))
    step("ploomes: deals", lambda: deals.get_deals(filter_=f"ContactId eq {number}", expand="Contact,Stage"))
    step("ploomes: win", lambda: deals.win_deal(deal.first["Id"]))
    note = {"ContactId": number, "Content": "<p>oi</p>"}
    step("ploomes: note", lambda: notes.post_interaction_record(note))
    step("ploomes: users", lambda: package.Users(client).get_users(filter_="Suspended eq false"))


def api_omie(base: str) -> None:
    """api-omie on PyPI."""
    omie = importlib.import_module("omieapi").Omie(APP_KEY, APP_SECRET)
    omie._endpoint = f"{base}/omie/api/v1/"
    first = {"pagina": 1, "registros_por_pagina": 50}
    step("api-omie: list", lambda: omie.listar_clientes(**first, apenas_importado_api="N")["total_de_registros"])
    body = {"codigo_cliente_integracao": "EXT-1", "email": "a@x.test", "razao_social": "Primeiro Cliente Ltda",
            "nome_fantasia": "Primeiro Cliente", "cnpj_cpf": CNPJ, "endereco": "Rua A", "endereco_numero": "1",
            "bairro": "Centro", "cidade": "SAO PAULO (SP)", "estado": "SP", "cep": "01310100"}  # fmt: skip
    number = step("api-omie: create", lambda: omie.incluir_cliente(**body)["codigo_cliente_omie"])
    step("api-omie: one", lambda: omie.consultar_cliente(codigo_cliente_omie=number)["razao_social"])
    wanted = {"pagina": 1, "registros_por_pagina": 20, "clientesFiltro": {"cnpj_cpf": CNPJ}}
    step("api-omie: filter", lambda: omie.listar_clientes(**wanted)["total_de_registros"])
    change = {"codigo_cliente_omie": number, "razao_social": "Outro Ltda"}
    step("api-omie: change", lambda: omie.alterar_cliente(**change)["codigo_status"])
    step("api-omie: sellers", lambda: omie.listar_vendedores(**first)["total_de_registros"])
    product = {"codigo_produto_integracao": "P-1", "codigo": "P1", "descricao": "Caneta", "unidade": "UN",
               "ncm": "96081000", "valor_unitario": 1.5}  # fmt: skip
    step("api-omie: product", lambda: omie.incluir_produto(**product)["codigo_status"])
    everything = {**first, "filtrar_apenas_omiepdv": "N"}
    step("api-omie: products", lambda: omie.listar_produtos(**everything)["total_de_registros"])
    cash = step(
        "api-omie: accounts", lambda: omie.listar_contas_correntes(**first)["ListarContasCorrentes"][0]["nCodCC"]
    )
    goods = omie.consultar_produto(codigo="P1")["codigo_produto"]
    sale = {
        "cabecalho": {"codigo_cliente": number, "codigo_pedido_integracao": "V-1", "data_previsao": "30/12/2026",
                      "etapa": "10", "codigo_parcela": "000", "quantidade_itens": 1},
        "det": [{"ide": {"codigo_item_integracao": "1"},
                 "produto": {"codigo_produto": goods, "quantidade": 2, "valor_unitario": 10, "cfop": "5.102"}}],
        "informacoes_adicionais": {"codigo_categoria": "1.01.03", "codigo_conta_corrente": cash,
                                   "consumidor_final": "S", "enviar_email": "N"},
        "frete": {"modalidade": "9"},
    }  # fmt: skip
    step("api-omie: sale", lambda: omie.incluir_pedido(**sale)["codigo_status"])
    step("api-omie: sales", lambda: omie.listar_pedidos(**first)["total_de_registros"])
    step("api-omie: delete sale", lambda: omie.excluir_pedido(codigo_pedido_integracao="V-1")["codigo_status"])
    step("api-omie: delete", lambda: omie.excluir_cliente(codigo_cliente_omie=number)["codigo_status"])


def iaxys(base: str) -> None:
    """iaxys-omie-utils on PyPI; it never sends a trade name, which some accounts ask for (a switch here)."""
    importlib.import_module("iaxys_omie_utils.http").OmieHttp.BASE_URL = f"{base}/omie/api/v1"
    omie = importlib.import_module("iaxys_omie_utils").Omie(APP_KEY, APP_SECRET)
    forms = importlib.import_module("iaxys_omie_utils.modules.clientes.models")
    _post(f"{base}/sandbox/quirks", {"omie_required_client_tags": "cnpj_cpf"})
    body = {"codigo_cliente_integracao": "IAX-1", "razao_social": "Iaxys Ltda", "cnpj_cpf": OTHER_CNPJ}
    step("iaxys: create", lambda: omie.clientes.incluir_cliente(forms.ClienteParam(**body))["codigo_status"])
    wanted = forms.ConsultarClienteParam(codigo_cliente_integracao="IAX-1")
    step("iaxys: one", lambda: omie.clientes.consultar_cliente(wanted)["razao_social"])
    page = forms.ListarClientesParam(pagina=1, registros_por_pagina=7)
    step("iaxys: page", lambda: len(omie.clientes.listar_clientes(page)["clientes_cadastro"]))
    wanted = forms.ListarClientesParam(clientesFiltro=forms.ClientesFiltro(razao_social="Iaxys"))
    step("iaxys: filter", lambda: omie.clientes.listar_clientes(wanted)["total_de_registros"])


def omie_python(base: str) -> None:
    """omie-python on PyPI (schneider8357/omie-python)."""
    client = importlib.import_module("omie.client").OmieClient(APP_KEY, APP_SECRET, prefix=f"{base}/omie/api/v1")
    methods = importlib.import_module("omie.methods")
    page = {"pagina": 1, "registros_por_pagina": 10}
    step("omie-python: sales", lambda: client.get(methods.ListarPedidos, page)["total_de_registros"])
    step("omie-python: stages", lambda: len(client.get(methods.ListarEtapasFaturamento, page)["cadastros"]))


def _post(address: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    for drive in (filterfeed, api_omie, iaxys, omie_python):
        with contextlib.suppress(ModuleNotFoundError):
            drive(sys.argv[1])
    sys.stdout.write(json.dumps(STEPS, ensure_ascii=False, default=str))

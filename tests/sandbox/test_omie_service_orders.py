"""Omie's service orders: items, totals, stages, invoicing and their webhooks (omie-api.md 3.8, 4.5, 5.10)."""

from typing import Any

import pytest

from .conftest import APP_KEY, Bench, client
from .test_omie_products import HOOK, service

OS, ACTS = "servicos/os", "servicos/osp"


class Workshop:
    """A company with one client and two services."""

    def __init__(self, bench: Bench, buyer: int, services: list[int], account: int) -> None:
        self.bench, self.buyer, self.services, self.account = bench, buyer, services, account

    def form(self, code: str = "OS-1", items: Any = None, head: Any = None, **blocks: Any) -> dict[str, Any]:
        base = {"cCodIntOS": code, "nCodCli": self.buyer, "dDtPrevisao": "10/12/2099", "cEtapa": "10",
                "cCodParc": "000"}  # fmt: skip
        extra = {"cCodCateg": "1.01.01", "nCodCC": self.account, "cCidPrestServ": "SAO PAULO (SP)"}
        rows = items if items is not None else [{"nCodServico": self.services[0], "nQtde": 2}]
        return {"Cabecalho": base | (head or {}), "InformacoesAdicionais": extra, "ServicosPrestados": rows, **blocks}

    async def include(self, *args: Any, **kwargs: Any) -> int:
        answer = await self.bench.omie("IncluirOS", self.form(*args, **kwargs), OS)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["nCodOS"])

    async def alter(self, work: int, **blocks: Any) -> Any:
        head = {"nCodOS": work, **blocks.pop("head", {})}
        return (await self.bench.omie("AlterarOS", {"Cabecalho": head, **blocks}, OS)).json()

    async def read(self, work: int) -> dict[str, Any]:
        return dict(await self.bench.control("GET", f"omie/{APP_KEY}/service_orders/{work}"))


@pytest.fixture
async def shop(bench: Bench) -> Workshop:
    full = {"endereco": "Rua A", "endereco_numero": "1", "bairro": "Centro", "cidade": "SAO PAULO (SP)",
            "cep": "01310100", "email": "a@b.com.br"}  # fmt: skip
    made = await bench.omie("IncluirCliente", client(**full))
    services = [await service(bench, "S-1"), await service(bench, "S-2")]
    accounts = await bench.control("GET", f"omie/{APP_KEY}/accounts")
    return Workshop(bench, made.json()["codigo_cliente_omie"], services, accounts[0]["nCodCC"])


async def test_items_take_text_price_and_taxes_from_the_service(shop: Workshop) -> None:
    answer = (await shop.bench.omie("IncluirOS", shop.form(), OS)).json()
    assert (answer["cCodStatus"], answer["cCodIntOS"], len(answer["cNumOS"])) == ("0", "OS-1", 15)
    row = (await shop.bench.omie("ConsultarOS", {"nCodOS": answer["nCodOS"]}, OS)).json()
    (item,) = row["ServicosPrestados"]
    assert (item["cDescServ"], item["nValUnit"], item["nSeqItem"]) == ("Instalação S-1", 150, 1)
    assert (item["impostos"]["nAliqISS"], item["impostos"]["nValorISS"]) == (5, 15)
    assert (row["Cabecalho"]["nValorTotal"], row["Cabecalho"]["cDescParc"]) == (300, "A Vista")
    assert (row["Email"], row["InfoCadastro"]["cFaturada"]) == ({}, "N")
    assert row["Parcelas"][0]["nValor"] == 300


async def test_discounts_additions_and_withheld_taxes(shop: Workshop) -> None:
    items = [
        {"nCodServico": shop.services[0], "nQtde": "1.5", "nValUnit": 99.99, "cTpDesconto": "P", "nAliqDesconto": 10},
        {"nCodServico": shop.services[1], "nQtde": 1, "cTpDesconto": "V", "nValorDesconto": 50, "nValorAcrescimos": 20,
         "cRetemISS": "S", "impostos": {"nAliqIRRF": "1.5", "cRetemIRRF": "S"}},
    ]  # fmt: skip
    row = await shop.read(await shop.include(items=items))
    # 149.99 - 15.00, and 150 - 50 + 20 of which 5 % ISS and 1.5 % IRRF are withheld
    assert row["Cabecalho"]["nValorTotal"] == 254.99
    assert row["Cabecalho"]["nValorTotalImpRet"] == pytest.approx(254.99 - 6 - 1.8)


async def test_items_go_by_their_action(shop: Workshop) -> None:
    rows = [{"nCodServico": number, "nQtde": 1} for number in shop.services]
    work = await shop.include(items=rows)
    first, second = (await shop.read(work))["ServicosPrestados"]
    change = [
        {"nSeqItem": 1, "nIdItem": first["nIdItem"], "nQtde": 3},
        {"nSeqItem": 2, "nIdItem": second["nIdItem"], "cAcaoItem": "E"},
        {"nSeqItem": 5, "cAcaoItem": "I", "nCodServico": shop.services[1], "nQtde": 1, "nValUnit": 10},
    ]
    assert (await shop.alter(work, ServicosPrestados=change))["cCodStatus"] == "0"
    row = await shop.read(work)
    assert [(item["nSeqItem"], item["nQtde"], item["nValUnit"]) for item in row["ServicosPrestados"]] == [
        (1, 3, 150), (5, 1, 10),
    ]  # fmt: skip
    assert row["Cabecalho"]["nValorTotal"] == 460
    assert "[nSeqItem] é obrigatório" in (await shop.alter(work, ServicosPrestados=[{"nQtde": 1}]))["faultstring"]
    missing = await shop.alter(work, ServicosPrestados=[{"nSeqItem": 1, "nIdItem": 7}])
    assert "- tag: [nIdItem]" in missing["faultstring"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"codigo_cliente": 1}, "Tag [CODIGO_CLIENTE] não faz parte da estrutura do tipo complexo [osCadastro]!"),
        ({"head": {"nCodCli": 5}}, "Cliente não cadastrado para o Código [5] ! - tag: [nCodCli]"),
        ({"head": {"cEtapa": "60"}}, "Preenchimento inválido da tag [cEtapa]"),
        ({"head": {"cCodParc": "999"}}, "[nQtdeParc] é obrigatório"),
        ({"Parcelas": [{"nParcela": 1}]}, "[Parcelas] somente deve ser informada quando"),
        ({"items": [{"nCodServico": 9, "nQtde": 1}]}, "Serviço não cadastrado para o Código [9] ! - tag: [nCodServi"),
        ({"items": [{"nQtde": 1, "nValUnit": 5}]}, "[cTribServ] é obrigatório"),
        ({"items": []}, "[ServicosPrestados] é obrigatório"),
    ],
)
async def test_what_is_refused(shop: Workshop, change: dict[str, Any], text: str) -> None:
    assert text in await shop.bench.fault("IncluirOS", shop.form(**change), OS)


async def test_a_service_can_be_written_without_its_record(shop: Workshop) -> None:
    own = {"cTribServ": "01", "cCodServMun": "1401", "cCodServLC116": "14.01", "nValUnit": 80, "cDescServ": "Avulso",
           "nQtde": 1}  # fmt: skip
    row = await shop.read(await shop.include(items=[own]))
    assert (row["ServicosPrestados"][0]["nCodServico"], row["Cabecalho"]["nValorTotal"]) == (0, 80)


async def test_faults_name_the_service_order(shop: Workshop) -> None:
    await shop.include()
    missing = await shop.bench.omie("ConsultarOS", {"cCodIntOS": "999"}, OS)
    assert missing.json() == {
        "faultcode": "SOAP-ENV:Client-103",
        "faultstring": "ERROR: OS não cadastrada para o Código de Integração [999] !",
    }
    again = await shop.bench.fault("IncluirOS", shop.form(items=[{"nCodServico": shop.services[1], "nQtde": 1}]), OS)
    assert again == "ERROR: OS já cadastrada para o Código de Integração [OS-1] !"


async def test_stages_invoicing_and_cancelling(shop: Workshop) -> None:
    work = await shop.include()
    moved = (await shop.bench.omie("TrocarEtapaOS", {"nCodOS": work, "cEtapa": "50"}, OS)).json()
    assert moved["codigo_status"] == "0"
    assert (await shop.bench.omie("TrocarEtapaOS", {"nCodOS": work, "cEtapa": "60"}, OS)).json()["codigo_status"] == "1"
    checked = (await shop.bench.omie("ValidarOS", {"nCodOS": work}, ACTS)).json()
    assert (checked["cCodStatus"], len(checked["cCodIntOS"])) == ("0", 60)
    await shop.bench.omie("FaturarOS", {"nCodOS": work}, ACTS)
    row = await shop.read(work)
    assert (row["Cabecalho"]["cEtapa"], row["InfoCadastro"]["cFaturada"]) == ("60", "S")
    assert "faturada" in (await shop.alter(work, Observacoes={"cObsOS": "x"}))["faultstring"]
    assert "faturada" in await shop.bench.fault("ExcluirOS", {"nCodOS": work}, OS)
    await shop.bench.omie("CancelarOS", {"nCodOS": work, "cCancelarNfse": "N"}, ACTS)
    status = (await shop.bench.omie("StatusOS", {"nCodOS": work, "lPdfDemo": False}, OS)).json()
    assert (status["cCancelada"], status["cFaturada"], status["cEtapa"]) == ("S", "S", "60")
    assert status["ListaRpsNfse"][0]["cStatusRps"] == "004"


async def test_list_filters_and_keys(shop: Workshop) -> None:
    first, second = await shop.include(), await shop.include("OS-2", head={"cEtapa": "30"})
    await shop.bench.omie_screen("POST", f"service_orders/{second}/cancel")

    async def listed(**filters: Any) -> list[int]:
        answer = await shop.bench.omie("ListarOS", {"pagina": 1, **filters}, OS)
        return [row["Cabecalho"]["nCodOS"] for row in answer.json().get("osCadastro", [])]

    assert await listed() == [first, second]
    assert await listed(filtrar_por_status="C") == [second]
    assert await listed(filtrar_por_etapa="30") == [second]
    assert await listed(filtrar_por_codigo=[{"nCodOS": first}]) == [first]
    assert await listed(filtrar_por_data_previsao_de="11/12/2099") == []
    assert await listed(ordem_decrescente="S") == [second, first]
    copy = (await shop.bench.omie("DuplicarOS", {"nCodOS": first}, ACTS)).json()["nCodOS"]
    await shop.bench.omie("AssociarCodIntOS", {"nCodOS": copy, "cCodIntOS": "OS-3"}, ACTS)
    assert (await shop.bench.omie("ConsultarOS", {"cCodIntOS": "OS-3"}, OS)).json()["Cabecalho"]["nCodOS"] == copy


async def test_webhooks(shop: Workshop) -> None:
    await shop.bench.control("POST", f"omie/{APP_KEY}/webhooks", {"url": HOOK, "topics": None})
    rows = [{"nCodServico": shop.services[0], "nQtde": 1}]
    made = await shop.bench.omie_screen(
        "POST", "service_orders", {"Cabecalho": {"nCodCli": shop.buyer}, "ServicosPrestados": rows}
    )
    work = made["Cabecalho"]["nCodOS"]
    await shop.bench.omie_screen("PATCH", f"service_orders/{work}", {"Observacoes": {"cObsOS": "Rápido"}})
    await shop.bench.omie_screen("POST", f"service_orders/{work}/stage", {"etapa": "50"})
    await shop.bench.omie_screen("POST", f"service_orders/{work}/cancel")
    await shop.bench.omie_screen("DELETE", f"service_orders/{work}")
    posts = (await shop.bench.delivered())[1:]
    assert [post["topic"].split(".")[1] for post in posts] == [
        "Incluida", "Alterada", "EtapaAlterada", "Cancelada", "Excluida",
    ]  # fmt: skip
    assert posts[0]["event"]["codigoIntegracao"] == "0"
    assert posts[0]["author"]["email"] != posts[3]["author"]["email"] == "no-reply@omie.com.br"
    assert posts[3]["event"]["usuarioCancelado"].startswith("P000")
    assert posts[2]["event"]["valorOrdemServico"] == 150

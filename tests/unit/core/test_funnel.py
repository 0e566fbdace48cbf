"""The funnel: what is repeated and what never, what is uncertain, and that no exception or log carries a credential."""

import asyncio
import logging
import traceback

import httpx
import pytest

from app.core import metrics
from app.core.db import Database
from app.core.errors import Fault, Postponed, VendorError
from app.core.http import Funnel, Request
from app.core.limit_rules import Call
from app.core.limits import LEASE_SECONDS
from app.core.retry import repeatable
from tests.vendor_rig import APP_SECRET, USER_KEY, ManualClock, fault, json, omie, ploomes, replies

REQUEST = httpx.Request("POST", "http://vendor.test")


@pytest.fixture
def hands() -> ManualClock:
    return ManualClock()


@pytest.mark.parametrize("kind", list(Fault))
def test_only_transient_faults_are_repeated(kind: Fault) -> None:
    assert repeatable(VendorError(kind, "x")) is (kind is Fault.TRANSIENT)


async def test_a_write_that_never_left_is_sent_again(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, httpx.ConnectError("refused"), {"codigo_status": "0", "codigo_cliente_omie": 501})
    body = {"codigo_cliente_integracao": "PLOOMES-1", "razao_social": "Loja"}
    written = await rig.gateway().write("clients", "create", None, body)
    assert (written.id, len(rig.vendor.requests)) == ("501", 2)


@pytest.mark.parametrize(("failure", "free"), [(httpx.ReadTimeout("late"), False), (httpx.ReadError("broken"), True)])
async def test_a_method_whose_call_we_gave_up_on_stays_in_flight(
    db: Database, hands: ManualClock, failure: Exception, free: bool
) -> None:
    """Omie may still be at work on it, and a second call of the method would be refused as busy."""
    rig = omie(db, hands, failure)
    with pytest.raises(VendorError):
        await rig.gateway().write("clients", "update", "501", {"nome_fantasia": "Loja"})
    with pytest.raises(VendorError if free else Postponed) as refused:
        await rig.gateway().write("clients", "update", "502", {"nome_fantasia": "Casa"})
    if not free:
        assert isinstance(refused.value, Postponed)
        assert refused.value.cause == "method_flight"
        hands.at += LEASE_SECONDS
        with pytest.raises(VendorError):
            await rig.gateway().write("clients", "update", "503", {"nome_fantasia": "Casa"})


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("gone"),
        httpx.ReadError("reset"),
        httpx.Response(502, html="<h1>Bad Gateway</h1>"),
        httpx.Response(200, html="<h1>maintenance</h1>"),
        httpx.Response(200, content=b""),
        httpx.Response(307, headers={"location": "http://elsewhere.test/"}),
        fault("SOAP-ERROR: Broken response from Application Server (4)", "SOAP-ENV:Server"),
        fault("PROTO_BYEBYE"),
    ],
    ids=repr,
)
@pytest.mark.feature("F275")
async def test_a_write_whose_answer_is_lost_is_uncertain_and_sent_once(
    db: Database, hands: ManualClock, answer: httpx.Response | Exception
) -> None:
    rig = omie(db, hands, answer)
    with pytest.raises(VendorError) as failed:
        await rig.gateway().write("clients", "update", "501", {"email": "a@example.com"})
    assert failed.value.fault is Fault.UNCERTAIN
    assert failed.value.outcome_unknown
    assert len(rig.vendor.requests) == 1


async def test_a_write_that_could_never_connect_is_not_sent(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, httpx.ConnectTimeout("no route"))
    with pytest.raises(VendorError) as failed:
        await rig.gateway().write("clients", "update", "501", {"email": "a@example.com"})
    assert (failed.value.fault, failed.value.sent, failed.value.outcome_unknown) == (Fault.TRANSIENT, False, False)
    assert len(rig.vendor.requests) == 3


async def test_a_read_is_repeated_within_seconds(db: Database, hands: ManualClock) -> None:
    before = hands.at
    rig = ploomes(db, hands, httpx.Response(503), httpx.ReadTimeout("late"), {"value": [{"Id": 7, "Name": "Ana"}]})
    record = await rig.gateway().fetch("users", "7")
    assert record is not None
    assert len(rig.vendor.requests) == 3
    assert hands.at - before < 5


async def test_a_read_omie_would_call_redundant_is_not_repeated(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, httpx.ReadTimeout("late"))
    with pytest.raises(VendorError) as failed:
        await rig.gateway().fetch("clients", "501")
    assert failed.value.fault is Fault.TRANSIENT
    assert failed.value.wait == pytest.approx(60.0, abs=3.0)
    assert len(rig.vendor.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        fault("ERROR: O preenchimento da tag [cnpj_cpf] é obrigatório!", "SOAP-ENV:Client-1000"),
        fault("ERROR: Algo que nunca vimos!"),
        fault("A chave de acesso está inválida ou o aplicativo está suspenso.", "SOAP-ENV:Server", 403),
        fault("ERROR: Já existe uma requisição desse método sendo executada.", "SOAP-ENV:Client-1880"),
    ],
)
async def test_a_refusal_gets_exactly_one_call(db: Database, hands: ManualClock, answer: httpx.Response) -> None:
    rig = omie(db, hands, answer)
    with pytest.raises(VendorError):
        await rig.gateway().write("clients", "update", "501", {"email": "a@example.com"})
    assert len(rig.vendor.requests) == 1


async def test_a_block_stops_the_method_at_once(db: Database, hands: ManualClock) -> None:
    rig = omie(db, hands, fault("API bloqueada por consumo indevido. Tente novamente em 90 segundos.", status=425))
    with pytest.raises(VendorError) as blocked:
        await rig.gateway().fetch("clients", "501")
    assert (blocked.value.fault, blocked.value.wait) == (Fault.BLOCKED, 91.0)
    for _ in range(3):
        with pytest.raises(Postponed):
            await rig.gateway().fetch("clients", "502")
    assert len(rig.vendor.requests) == 1


async def test_no_failure_carries_a_credential(
    db: Database, hands: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = (APP_SECRET, USER_KEY)
    answers = [
        httpx.ReadTimeout("late", request=REQUEST),
        httpx.Response(500, html="<h1>oops</h1>"),
        fault("ERROR: não"),
    ]
    for answer in answers:
        for rig in (omie(db, hands, answer), ploomes(db, hands, answer)):
            with pytest.raises(VendorError) as failed:
                await rig.gateway().fetch_many("clients", ["1", "2"])
            shown = "".join(traceback.format_exception(failed.value))
            seen, link = set(), failed.value
            while link is not None and id(link) not in seen:
                seen.add(id(link))
                assert not isinstance(link, httpx.HTTPError), "the chain would lead to the request"
                link = link.__context__  # type: ignore[assignment]
            hands.at += 100
            for secret in secrets:
                assert secret not in shown + repr(failed.value) + repr(rig.client) + repr(rig.client.__dict__)
    for secret in secrets:
        assert secret not in caplog.text


async def test_cookies_of_one_account_never_travel_with_another(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, httpx.Response(200, json={"value": [{"Id": 1}]}, headers={"set-cookie": "session=a"}))
    await rig.gateway().fetch("users", "1")
    await rig.gateway().fetch("users", "1")
    assert all("cookie" not in request.headers for request in rig.vendor.requests)


async def test_redirects_are_not_followed(db: Database, hands: ManualClock) -> None:
    rig = ploomes(db, hands, httpx.Response(302, headers={"location": "http://169.254.169.254/"}))
    with pytest.raises(VendorError):
        await rig.gateway().fetch("users", "1")
    assert {request.url.host for request in rig.vendor.requests} == {"public-api2.ploomes.com"}


async def test_every_call_is_measured(db: Database, hands: ManualClock) -> None:
    def count() -> float:
        labels = {"vendor": "omie", "method": "ConsultarCliente", "outcome": "not_found"}
        return metrics.REGISTRY.get_sample_value("ponte_vendor_calls_total", labels) or 0.0

    before = count()
    rig = omie(db, hands, fault("ERROR: Cliente não cadastrado para o Código [9] !", "SOAP-ENV:Client-105"))
    assert await rig.gateway().fetch("clients", "9") is None
    assert count() == before + 1


async def test_a_request_shows_neither_headers_nor_body() -> None:
    request = Request("POST", "http://vendor.test", {"User-Key": USER_KEY}, APP_SECRET.encode())
    assert USER_KEY not in repr(request)
    assert APP_SECRET not in repr(request)


async def test_a_vendor_that_never_answers_is_given_up(
    db: Database, hands: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.http.TOTAL_SECONDS", 0.05)

    async def hang(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(30)
        return json({})

    rig = omie(db, hands, script=replies({}))
    funnel = Funnel(rig.funnel.limiter, hands, transport=httpx.MockTransport(hang))
    with pytest.raises(VendorError) as failed:
        await funnel.send(
            Call("omie", "1", "IncluirCliente", write=True), Request("POST", "http://v.test", {}), lambda answer: answer
        )
    assert failed.value.fault is Fault.UNCERTAIN

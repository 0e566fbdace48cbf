"""Webhooks of both vendors: bodies, authors, order, retries, dead letters (omie-api.md 4, ploomes-api.md 4)."""

import asyncio
import uuid
from typing import Any

from .conftest import Bench, client

HOOK = "http://receiver/hook"


async def subscribe(bench: Bench, *, actions: tuple[int, ...] = (1, 2, 3), **more: Any) -> None:
    for action in actions:
        body = {"EntityId": 1, "ActionId": action, "CallbackUrl": HOOK, "ValidationKey": "sandbox-validation", **more}
        assert (await bench.ploomes("POST", "Webhooks", body)).status_code == 200


async def test_the_portal_pings(bench: Bench) -> None:
    await bench.control("POST", "omie/1000000000001/webhooks", {"url": HOOK, "topics": None})
    assert await bench.delivered() == [{"ping": "omie"}]


async def test_omie_envelope_of_an_api_change_and_of_a_person(bench: Bench) -> None:
    await bench.control("POST", "omie/1000000000001/webhooks", {"url": HOOK})
    made = (await bench.omie("IncluirCliente", client(tags=[{"tag": "VIP"}]))).json()
    omie_id = made["codigo_cliente_omie"]
    await bench.omie_screen("PATCH", f"clients/{omie_id}?person=ana.lima@loja.com.br", {"bairro": "Vila"})
    await bench.omie_screen("DELETE", f"clients/{omie_id}")
    _, created, changed, deleted = await bench.delivered()
    assert created["topic"] == "ClienteFornecedor.Incluido"
    assert created["author"] == {"email": "no-reply@omie.com.br", "name": "Integração", "userId": 89}
    assert created["event"]["codigo_cliente_omie"] == omie_id
    assert created["event"]["cnpj_cpf"] == "11.222.333/0001-81"
    assert created["event"]["tags"] == [{"tag": "VIP"}]
    assert uuid.UUID(created["messageId"]).version == 4
    assert (created["appKey"], created["origin"]) == ("1000000000001", "omie-connect-2.0")
    assert changed["author"]["email"] == "ana.lima@loja.com.br"
    assert changed["author"]["name"] == "Ana Lima"
    assert deleted["topic"] == "ClienteFornecedor.Excluido"
    assert deleted["event"]["bairro"] == "Vila"


async def test_topics_limit_a_subscription(bench: Bench) -> None:
    await bench.control("POST", "omie/1000000000001/webhooks", {"url": HOOK, "topics": ["vendedor.incluido"]})
    await bench.omie_screen("POST", "clients", {"razao_social": "Loja"})
    await bench.omie_screen("POST", "sellers", {"nome": "Ana"})
    _, event = await bench.delivered()
    assert (event["topic"], event["event"]["nome"]) == ("Vendedor.Incluido", "Ana")


async def test_omie_retries_in_order_then_parks_the_letter(bench: Bench) -> None:
    await bench.control("POST", "omie/1000000000001/webhooks", {"url": HOOK})
    await bench.delivered()
    bench.sandbox.clock.speed = 1000.0
    bench.receiver.statuses = [500, 500, 500]
    await bench.omie_screen("POST", "clients", {"razao_social": "Primeira"})
    await bench.omie_screen("POST", "clients", {"razao_social": "Segunda"})
    await bench.delivered()
    names = [body["event"]["razao_social"] for body in bench.receiver.bodies[1:]]
    assert names == ["Primeira", "Primeira", "Primeira", "Segunda"]
    assert len({body["messageId"] for body in bench.receiver.bodies[1:]}) == 2
    (dead,) = (await bench.control("GET", "deliveries"))["dead_letter"]
    assert (dead["topic"], dead["attempts"]) == ("ClienteFornecedor.Incluido", 3)
    bench.later(601)
    await asyncio.wait_for(bench.receiver.arrived(6), 5)
    assert bench.receiver.bodies[-1]["event"]["razao_social"] == "Primeira"


async def test_ploomes_bodies(bench: Bench) -> None:
    await subscribe(bench)
    contact = await bench.contact(Name="Padaria", Phones=[{"PhoneNumber": "(11) 3000-0000", "TypeId": 1}])
    await bench.ploomes("PATCH", f"Contacts({contact['Id']})", {"Name": "Padaria Nova", "Email": None})
    await bench.ploomes("DELETE", f"Contacts({contact['Id']})")
    bodies = {body["Action"]: body for body in await bench.delivered()}
    (me,) = await bench.rows("Self")
    created, updated, deleted = bodies["Create"], bodies["Update"], bodies["Delete"]
    assert created["Old"] is None
    assert created["Entity"] == "Contacts"
    assert (created["AccountId"], created["ActionUserId"]) == (me["AccountId"], me["Id"])
    assert created["New"]["Phones"] == [{"PhoneNumber": "(11) 3000-0000", "TypeId": 1, "CountryId": 76}]
    assert "Email" not in created["New"]
    assert created["New"]["OtherProperties"] == {}
    assert "-03:00" not in created["New"]["CreateDate"]
    assert (updated["Old"]["Name"], updated["New"]["Name"]) == ("Padaria", "Padaria Nova")
    assert deleted["New"] is None
    assert deleted["Old"]["Id"] == contact["Id"]
    assert bench.receiver.posts[0].headers["X-Ploomes-Validation-Key"] == "sandbox-validation"


async def test_ploomes_custom_values_are_an_object(bench: Bench) -> None:
    body = {"Name": "Id (Omie)", "EntityId": 1, "TypeId": 1}
    key = (await bench.ploomes("POST", "Fields", body)).json()["value"][0]["Key"]
    await subscribe(bench, actions=(1,))
    await bench.contact(OtherProperties=[{"FieldKey": key, "StringValue": "4001"}])
    (created,) = await bench.delivered()
    assert created["New"]["OtherProperties"] == {key: "4001"}


async def test_a_person_is_the_action_user(bench: Bench) -> None:
    await subscribe(bench, actions=(1,))
    (admin,) = await bench.rows("Users?$filter=AccountOwner eq true")
    await bench.control("POST", "ploomes/sandbox-user-key/screen/Contacts", {"Name": "Loja"})
    (created,) = await bench.delivered()
    assert created["ActionUserId"] == created["New"]["CreatorId"] == admin["Id"]


async def test_ploomes_gives_up_and_switches_the_webhook_off(bench: Bench) -> None:
    await bench.quirk(ploomes_failures_until_inactive=2)
    await subscribe(bench, actions=(1,))
    bench.sandbox.clock.speed = 5000.0
    bench.receiver.statuses = [500] * 8
    for _ in range(2):
        await bench.contact()
    await bench.delivered()
    assert len(bench.receiver.posts) == 8
    (hook,) = await bench.rows("Webhooks")
    assert hook["Active"] is False
    await bench.contact()
    assert len(await bench.delivered()) == 8
    await bench.ploomes("PATCH", f"Webhooks({hook['Id']})", {"Active": True})
    await bench.contact()
    assert len(await bench.delivered()) == 9


async def test_webhook_trouble(bench: Bench) -> None:
    await bench.control("POST", "omie/1000000000001/webhooks", {"url": HOOK})
    await bench.delivered()
    topic = {"match": "ClienteFornecedor.Incluido", "vendor": "omie"}
    for kind in ("drop", "duplicate", "reorder"):
        await bench.control("POST", "faults", {"kind": kind, **topic})
    for name in ("A", "B", "C", "D"):
        await bench.omie_screen("POST", "clients", {"razao_social": name})
    names = [body["event"]["razao_social"] for body in (await bench.delivered())[1:]]
    assert names == ["B", "B", "D", "C"]


async def test_webhooks_wait_for_the_start(bench: Bench) -> None:
    await bench.sandbox.stop()
    await bench.control("POST", "omie/1000000000001/webhooks", {"url": HOOK})
    assert bench.receiver.posts == []
    await bench.sandbox.start()
    assert await bench.delivered() == [{"ping": "omie"}]

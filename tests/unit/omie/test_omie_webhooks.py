"""Omie's bodies: every topic of ours, the ping, and junk that must never crash the door."""

import json as std
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import wire
from app.core.ports import Entity, Kind, Vendor
from app.omie import webhooks

PAYLOADS = sorted((Path(__file__).parents[2] / "payloads" / "omie").glob("webhook_*.json"))
APP_KEY = "1000000000001"


def envelope(**changes: Any) -> bytes:
    body = {
        "messageId": "m-1",
        "topic": "ClienteFornecedor.Alterado",
        "event": {"codigo_cliente_omie": 501},
        "author": {"email": "ana@example.com"},
        "appKey": APP_KEY,
    }
    return wire.dumps({**body, **changes})


@pytest.mark.feature("F042", "F043", "F044", "F045", "F046", "F048")
@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_every_topic_is_understood(path: Path) -> None:
    expected = wire.loads(path.read_bytes())
    raw = wire.dumps(expected["body"])
    notice = webhooks.parse(raw)
    assert notice.vendor is Vendor.OMIE
    assert (notice.entity, notice.external_id, notice.kind) == (
        expected["entity"],
        expected["external_id"],
        expected["kind"],
    )
    assert (notice.dedupe_key, notice.dedupe_forever) == (expected["body"]["messageId"], True)
    assert webhooks.authentic(webhooks.decode(raw), APP_KEY)
    new, old = webhooks.record_of(expected["body"])
    assert {"new": new is not None, "old": old is not None} == expected["record"]


@pytest.mark.feature("F049", "F050", "F282")
def test_only_the_author_mark_makes_an_echo() -> None:
    assert webhooks.parse(envelope(author={"email": "No-Reply@omie.com.br"})).echo
    for author in ({"email": "ana@example.com"}, {}, None, "no-reply@omie.com.br", []):
        assert not webhooks.parse(envelope(author=author)).echo


@pytest.mark.feature("F047")
def test_the_ping_is_any_object_without_a_topic() -> None:
    for raw in (b'{"ping":"omie"}', b"{}", b'{"a":1}'):
        body = webhooks.decode(raw)
        assert webhooks.is_ping(body)
        assert webhooks.authentic(body, APP_KEY)
    for raw in (b"[]", b"null", b'"ping"', b"", envelope()):
        assert not webhooks.is_ping(webhooks.decode(raw))


def test_another_app_is_not_authentic() -> None:
    for key in ("1000000000002", "", None, 7, [], "ç"):
        assert not webhooks.authentic(webhooks.decode(envelope(appKey=key)), APP_KEY)
    assert webhooks.authentic(webhooks.decode(envelope(appKey=int(APP_KEY))), APP_KEY), "seen as a number too"


def test_topics_are_understood_in_any_case() -> None:
    notice = webhooks.parse(envelope(topic="clientefornecedor.EXCLUIDO"))
    assert (notice.entity, notice.kind) == ("clients", Kind.DELETED)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00",
        b"\xff\xfe",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"topic":' * 100_000,
        b'{"topic": NaN}',
        b'{"topic":"Produto.Alterado","event":{"codigo_produto":1e400}}',
        b'{"topic":"Produto.Alterado","event":{"codigo_produto":' + b"9" * 5000 + b"}}",
        b'{"topic":"Produto.Alterado","event":{"codigo_produto":-1}}',
        b'{"topic":"Produto.Alterado","event":{"codigo_produto":0}}',
        b'{"topic":"Produto.Alterado","event":{"codigo_produto":{"a":1}}}',
        b'{"topic":"Produto.Alterado","event":[]}',
        b'{"topic":"Produto.Alterado","event":null}',
        b'{"topic":"Produto.Alterado"}',
        b'{"topic":7}',
        b'{"topic":null}',
        b'{"topic":[]}',
        b"[]",
        b"12",
        b'"text"',
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_junk_is_unreadable_and_never_crashes(raw: bytes) -> None:
    notice = webhooks.parse(raw)
    unknown_topic = notice.kind is Kind.CHANGED and notice.entity is None
    assert notice.kind is Kind.UNREADABLE or unknown_topic
    assert notice.entity is None
    assert len(notice.dedupe_key) <= 80
    body = webhooks.decode(raw)
    webhooks.authentic(body, APP_KEY)
    if body is not None:
        webhooks.record_of(body)


def test_what_is_stored_fits_the_book() -> None:
    notice = webhooks.parse(
        envelope(messageId="m" * 300, topic="Produto\x00." + "x" * 300, author={"email": "a\ud800\x00" * 200})
    )
    for text, size in ((notice.dedupe_key, 80), (notice.topic, 80), (notice.author or "", 200)):
        assert len(text) <= size
        assert "\x00" not in text
        text.encode()


def test_without_a_message_id_only_unread_bodies_merge() -> None:
    for missing in (None, "", {}):
        notice = webhooks.parse(raw := envelope(messageId=missing))
        assert (notice.dedupe_key, notice.dedupe_forever) == (wire.body_key(raw), False)


def test_the_last_of_duplicate_keys_counts() -> None:
    raw = b'{"topic":"x","topic":"Produto.Alterado","event":{"codigo_produto":1,"codigo_produto":2}}'
    assert webhooks.parse(raw).external_id == "2"


def test_a_body_is_shaped_as_the_api_answers() -> None:
    product = {"codigo_produto": 1, "descricao": "A &amp; B  ", "origem_mercadoria": "0", "id_cest": "1"}
    new, _ = webhooks.record_of(std.loads(envelope(topic="Produto.Alterado", event=product)))
    assert new == {
        "codigo_produto": 1,
        "descricao": "A & B",
        "recomendacoes_fiscais": {"origem_mercadoria": "0", "id_cest": "1"},
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(event=JSON, topic=JSON, author=JSON, message=JSON)
def test_any_json_gives_a_notice(event: Any, topic: Any, author: Any, message: Any) -> None:
    for subject in (topic, "ClienteFornecedor.Alterado", "Servico.Excluido"):
        body = {"event": event, "topic": subject, "author": author, "messageId": message, "appKey": APP_KEY}
        raw = std.dumps(body).encode()
        webhooks.parse(raw)
        webhooks.record_of(body)


@given(raw=st.binary(max_size=200))
def test_any_bytes_give_a_notice(raw: bytes) -> None:
    assert webhooks.parse(raw).entity is None


@pytest.mark.feature("F043")
@pytest.mark.parametrize(
    "topic",
    ["ProdutoMarketplace.Alterado", "Produto.Marketplace.Incluido", "ProdutoPDV.Excluido", "Produto.OmiePDV.Alterado"],
)
def test_a_channel_of_products_tells_that_the_product_may_have_changed(topic: str) -> None:
    notice = webhooks.parse(envelope(topic=topic, event={"codigo_produto": 77}))
    assert (notice.entity, notice.external_id, notice.kind) == (Entity.PRODUCTS, "77", Kind.CHANGED)

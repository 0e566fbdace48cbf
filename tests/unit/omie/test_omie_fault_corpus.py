"""Every line of Omie's fault catalogue in its variants: its class, its reaction, and how many calls it costs."""

import httpx
import pytest

from app.core.db import Database
from app.core.errors import Fault, VendorError
from app.core.ports import JsonObject
from app.core.wire import fold
from app.omie.calls import SETS
from app.omie.client import OmieClient, OmieCredentials
from app.omie.faults import TABLE, classify
from tests.fault_corpus import EXPECTED, check, corpus
from tests.vendor_rig import APP_KEY, APP_SECRET, ManualClock, OmieRig, Reply, fault, omie, replies
from tests.vendor_rig import json as answered

LABELS = corpus("omie")
BODIES: dict[str, dict[str, JsonObject]] = {
    "clients": {"create": {"codigo_cliente_integracao": "PLOOMES-1", "razao_social": "Padaria Exemplo Ltda"}},
    "orders": {
        "create": {
            "cabecalho": {
                "codigo_cliente": 1, "codigo_pedido_integracao": "PLOOMES-1", "data_previsao": "10/12/2026",
                "etapa": "10", "codigo_parcela": "000",
            },
            "det": [
                {
                    "ide": {"codigo_item_integracao": "1"},
                    "produto": {"codigo_produto": 2, "quantidade": 1, "valor_unitario": 200},
                }
            ],
            "frete": {"modalidade": "9"},
            "informacoes_adicionais": {
                "codigo_categoria": "1.01.03", "codigo_conta_corrente": 3, "consumidor_final": "S",
            },
        },
    },
    "service_orders": {
        "create": {
            "Cabecalho": {
                "cCodIntOS": "PLOOMES-1", "nCodCli": 1, "dDtPrevisao": "10/12/2026", "cEtapa": "10", "cCodParc": "000",
            },
            "InformacoesAdicionais": {"cCodCateg": "1.01.02", "nCodCC": 3, "cCidPrestServ": "SAO PAULO (SP)"},
            "ServicosPrestados": [{"nCodServico": 4, "nQtde": 1}],
        },
    },
}  # fmt: skip

PLAIN = str.maketrans("áãâéêíóôõúçÁÃÂÉÊÍÓÔÕÚÇ", "aaaeeiooouc" + "AAAEEIOOOUC")


def variants(label: JsonObject) -> dict[str, tuple[str, str, int]]:
    """Text, code and status, as observed and as they may come too."""
    text, code, status = label["text"], label["code"], label["status"]
    return {
        "observed": (text, code, status),
        "case and accents": (text.translate(PLAIN).upper(), code, status),
        "without a code": (text, "", status),
        "HTTP 200": (text, code, 200),
    }


def app(book: Database, clock: ManualClock, name: str, reply: Reply) -> OmieRig:
    """An Omie app of its own that answers with one refusal: blocks and errors of one are not the other's."""
    rig = omie(book, clock, script=replies(reply))
    rig.client = OmieClient(rig.funnel, OmieCredentials(f"{APP_KEY}-{name}", APP_SECRET))
    return rig


@pytest.mark.parametrize("label", LABELS, ids=lambda label: f"{label['row'][:40]}-{label['call'][1]}")
@pytest.mark.feature("F274", "F275")
async def test_every_line_of_the_catalogue_costs_what_it_should(book: Database, label: JsonObject) -> None:
    clock = ManualClock()
    for name, (text, code, status) in variants(label).items():
        rig = app(book, clock, name, fault(text, code, status))
        await check(rig.gateway(), label, BODIES.get(label["call"][0], {}), rig.vendor.requests)
        error = classify(text, status=status, code=code, now=clock.now(), nouns=SETS[label["call"][0]].nouns)
        assert error.existing_id == label.get("existing_id")
        assert fold(error.existing_code or "") == fold(label.get("existing_code", ""))
        assert fold(error.tag or "") == fold(label.get("tag", ""))
        assert error.text == " ".join(text.split()), "the vendor's own words"
        await rig.funnel.close()


def test_the_corpus_reaches_every_line_of_the_table() -> None:
    reached = {
        next((place for place, row in enumerate(TABLE) if row.fits(fold(text), status, code)), None)
        for label in LABELS
        for text, code, status in variants(label).values()
    }
    assert set(range(len(TABLE))) <= reached
    assert None in reached, "one that no line knows"
    assert {label["class"] for label in LABELS} == {fault.value for fault in Fault} - {"uncertain"}
    assert {label["reaction"] for label in LABELS} == set(EXPECTED) - {"gone", "repeated"}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (answered({}, 425), Fault.BLOCKED),
        (fault("", "MISUSE_API_PROCESS"), Fault.BLOCKED),
        (fault("", "SOAP-ENV:Client-5113"), Fault.EMPTY),
        (answered("", 429), Fault.RATE_LIMITED),
    ],
    ids=["425 alone", "block code alone", "empty code alone", "429 alone"],
)
async def test_a_mark_is_enough_without_words(book: Database, reply: Reply, expected: Fault) -> None:
    rig = app(book, ManualClock(), "mark", reply)
    with pytest.raises(VendorError) as refused:
        await rig.gateway().fetch("clients", "501")
    assert refused.value.fault is expected
    assert len(rig.vendor.requests) == 1


UNREADABLE = {
    "HTML 502": (502, b"<html><h1>502 Bad Gateway</h1></html>"),
    "HTML 200": (200, b"<html>manuten\xc3\xa7\xc3\xa3o</html>"),
    "HTML 403": (403, b"<html>Forbidden</html>"),
    "empty 200": (200, b""),
    "empty 504": (504, b""),
    "half an answer": (200, b'{"clientes_cadastro":[{"codigo'),
    "a list": (200, b"[]"),
    "no text at all": (200, b"\xff\xfe\x00"),
}


@pytest.mark.parametrize(("status", "content"), UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.feature("F275")
async def test_what_is_no_answer_is_never_an_empty_list(book: Database, status: int, content: bytes) -> None:
    """Nor is it repeated at once: the read would be redundant, the write may have arrived."""
    reply = httpx.Response(status, content=content)
    bodies: dict[str, JsonObject] = {"update": {"email": "a@example.com"}}
    for verb, expected in (("pages", Fault.TRANSIENT), ("update", Fault.UNCERTAIN)):
        rig = app(book, ManualClock(), verb, reply)
        label = {
            "call": ["clients", verb], "class": expected, "reaction": "again" if verb == "pages" else "uncertain",
        }  # fmt: skip
        await check(rig.gateway(), label, bodies, rig.vendor.requests)

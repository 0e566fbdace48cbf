"""Ploomes' refusals in every shape they are said to come in: their class, reaction, and how many calls they cost."""

from html import escape

import httpx
import pytest

from app.core import wire
from app.core.db import Database
from app.core.errors import Fault
from app.core.ports import JsonObject
from app.ploomes.client import PloomesClient, PloomesCredentials
from app.ploomes.faults import TABLE, message
from tests.fault_corpus import EXPECTED, check, corpus
from tests.vendor_rig import USER_KEY, ManualClock, PloomesRig, ploomes, replies

LABELS = corpus("ploomes")
BODIES: dict[str, JsonObject] = {"create": {"Name": "Padaria Exemplo"}, "update": {"Name": "Padaria Nova"}}


def shapes(text: str) -> dict[str, bytes]:
    """The bodies that sources tell of (reference 1, errors)."""
    return {
        "odata": wire.dumps({"error": {"code": "", "message": text}}),
        "message": wire.dumps({"Message": text}),
        "text": text.encode(),
        "html": f"<html><style>b{{}}</style><body><h1>{escape(text)}</h1></body></html>".encode(),
        "empty": b"",
    }


def account(book: Database, name: str, reply: httpx.Response) -> PloomesRig:
    """An account of its own: what one learns about its limits is not the other's."""
    rig = ploomes(book, ManualClock(), script=replies(reply))
    rig.client = PloomesClient(rig.funnel, PloomesCredentials(USER_KEY, f"account-{name}"))
    return rig


@pytest.mark.parametrize("label", LABELS, ids=lambda label: f"{label['status']}-{label['call'][1]}-{label['class']}")
@pytest.mark.feature("F275")
async def test_every_refusal_costs_what_it_should_in_every_shape(book: Database, label: JsonObject) -> None:
    for name, content in shapes(label["text"]).items():
        expected = {**label, "class": label.get("wordless", label["class"])} if name == "empty" else label
        rig = account(book, name, httpx.Response(label["status"], content=content, headers=label.get("headers")))
        await check(rig.gateway(), expected, BODIES, rig.vendor.requests)
        assert message(content) == ("" if name == "empty" else label["text"]), "the vendor's own words"
        await rig.funnel.close()


def test_the_corpus_reaches_every_line_of_the_table() -> None:
    reached = {
        next((place for place, row in enumerate(TABLE) if row.fits(label["status"], wire.fold(label["text"]))), None)
        for label in LABELS
    }
    assert set(range(len(TABLE))) <= reached
    assert None in reached, "one that no line knows"
    assert {label["reaction"] for label in LABELS} <= set(EXPECTED)


@pytest.mark.parametrize("content", [b"", b"<html>ok</html>", b'{"value":7}', b"[]", b'{"value":[{"Id"'])
async def test_what_is_no_answer_is_never_an_empty_list(book: Database, content: bytes) -> None:
    reply = httpx.Response(200, content=content)
    for verb, fault, calls in (("find", Fault.TRANSIENT, 3), ("create", Fault.UNCERTAIN, 1)):
        rig = account(book, verb, reply)
        label = {
            "call": ["clients", verb],
            "class": fault,
            "reaction": "repeated" if calls == 3 else "uncertain",
        }
        await check(rig.gateway(), label, BODIES, rig.vendor.requests)

"""Canaries in every place a log line can hold them: none gets out."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app.core.log import correlation, get_logger, mask, register_secret, setup_logging

CANARY = "canary-f81d4fae"


@pytest.fixture(params=["console", "json"])
def lines(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    setup_logging(request.param, "DEBUG", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_secrets_by_key_are_masked_wherever_they_nest(lines: io.StringIO) -> None:
    get_logger("t").info(
        "call", app_secret=CANARY, headers={"User-Key": CANARY, "Authorization": f"Bearer {CANARY}"}, token=CANARY
    )
    assert CANARY not in lines.getvalue()
    assert "***" in lines.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        f'{{"call":"ListarClientes","app_key":"1","app_secret":"{CANARY}","param":[]}}',
        f"{{'app_secret': '{CANARY}'}}",
        f"User-Key: {CANARY}",
        f"Authorization: Bearer {CANARY}",
        f"POST /webhooks/omie/{CANARY} 200",
        f"GET https://ponte.example/webhooks/ploomes/{CANARY}?x=1",
        f"postgresql+asyncpg://ponte:{CANARY}@db/ponte",
        f"redis://:{CANARY}@redis:6379/0",
        f"ValidationKey={CANARY}&x=1",
        f"app_secret={CANARY}",
    ],
)
def test_secrets_inside_text_are_masked_in_our_lines_and_in_a_librarys(lines: io.StringIO, text: str) -> None:
    get_logger("t").warning(text)
    logging.getLogger("some.library").warning("it said %s", text)
    try:
        raise ValueError(text)
    except ValueError:
        get_logger("t").exception("failed")
        logging.getLogger("some.library").exception("failed")
    assert CANARY not in lines.getvalue()


def test_a_registered_secret_is_masked_in_any_disguise(lines: io.StringIO) -> None:
    register_secret("plain-looking-words")
    get_logger("t").info("plain-looking-words came", detail=["plain-looking-words"])
    assert "plain-looking" not in lines.getvalue()


def test_innocent_text_stays() -> None:
    text = "token de 3 letras; senha nenhuma; https://app.omie.com.br/api/v1/geral/clientes/ user key ok"
    assert mask(text) == text


def test_lines_carry_the_correlation_id_in_json() -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    setup_logging("json", "INFO", stream)
    try:
        with correlation(event_id=7, integration_id=3):
            get_logger("t").info("read both sides", entity="clients")
            logging.getLogger("library").warning("hm")
        get_logger("t").info("after")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
    first, second, third = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["event_id"], first["integration_id"], first["level"]) == (
        "read both sides", 7, 3, "info",
    )  # fmt: skip
    assert second["event_id"] == 7
    assert "event_id" not in third

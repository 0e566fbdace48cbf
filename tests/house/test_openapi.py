"""The interface's document speaks Portuguese, and its page loads nothing from outside."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.api.openapi import TAGS
from app.core.config import Settings
from app.main import create_app
from app.wiring import Ponte

ENGLISH = re.compile(
    r"\b(the|of|and|is|are|was|with|from|what|which|that|this|who|when|where|without|how|only|every|has|not|it|its"
    r"|by|to|an|successful|response|validation|show|index|create|list|record|records|field|fields|answer)\b",
    re.IGNORECASE,
)
"""Words no Portuguese sentence has; codes and names in backquotes are no prose."""
TEXTS = ("summary", "description", "title")


@pytest.fixture
def document(settings: Settings) -> dict[str, Any]:
    return create_app(Ponte(settings)).openapi()


def texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text for people with its place; a property may be called like one."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name in TEXTS and isinstance(each, str):
                yield f"{place}/{name}", each
            else:
                yield from texts(each, f"{place}/{name}")
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from texts(each, f"{place}/{at}")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            yield f"{verb} {path}", operation


def test_every_text_is_portuguese(document: dict[str, Any]) -> None:
    found = list(texts(document))
    assert len(found) > 200
    english = [
        (place, text) for place, text in found if ENGLISH.search(re.sub(r"`[^`]*`|\b[a-z]+_[a-z_]+\b", "", text))
    ]
    assert english == []


def test_every_call_and_parameter_says_what_it_is(document: dict[str, Any]) -> None:
    assert {tag["name"] for tag in document["tags"]} == set(TAGS)
    for name, operation in operations(document):
        assert operation["summary"][:1].isupper(), name
        assert " " in operation["summary"], name
        assert set(operation["tags"]) <= set(TAGS), name
        unsaid = [each["name"] for each in operation.get("parameters", ()) if not each.get("description")]
        assert unsaid == [], name
        assert "422" not in operation["responses"], name
        assert operation["responses"]["default"]["content"].keys() == {"application/problem+json"}


async def test_the_page_of_the_interface_loads_nothing_from_outside(
    settings: Settings, document: dict[str, Any]
) -> None:
    transport = httpx.ASGITransport(app=create_app(Ponte(settings)))
    async with httpx.AsyncClient(transport=transport, base_url="http://ponte.test") as web:
        page, style = await web.get("/docs"), await web.get("/docs/docs.css")
    assert (page.status_code, style.status_code) == (200, 200)
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "<script" not in page.text
    assert re.findall(r'(?:src|href)="(?!#)([^"]*)"', page.text) == ["docs/docs.css", "openapi.json"]
    assert "url(" not in style.text
    for name, _ in operations(document):
        path = name.partition(" ")[2]
        assert f"<code>{path}</code>" in page.text

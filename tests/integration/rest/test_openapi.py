"""The published interface and input nobody foresaw."""

import httpx
import pytest

from tests.integration.rest.rig import ADMIN

BAD_BODIES = (
    b"",
    b"[]",
    b"null",
    b"{",
    b'{"name": "\\ud800"}',
    b'{"name": 1e400}',
    b"\xff\xfe",
    b'{"name": {"a": []}}',
)


async def test_the_interface_is_published(api: httpx.AsyncClient) -> None:
    document = (await api.get("http://ponte.test/openapi.json")).json()
    assert {"/api/v1/integrations", "/api/v1/mapping-fields"} <= set(document["paths"])
    one = "/api/v1/integrations/{integration_id}"
    for path in ("test", "activate", "deactivate", "config", "events", "issues", "changes", "resyncs"):
        assert f"{one}/{path}" in document["paths"]


@pytest.mark.parametrize("body", BAD_BODIES)
async def test_bad_bodies_are_refused_and_never_a_500(api: httpx.AsyncClient, body: bytes) -> None:
    answer = await api.post("/integrations", content=body, headers={**ADMIN, "content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["/integrations/0", "/integrations/99999999999", "/integrations/x", "/integrations/-1"]
)
async def test_bad_ids_are_refused(api: httpx.AsyncClient, path: str) -> None:
    for tail in ("", "/config", "/events", "/issues", "/changes"):
        assert (await api.get(path + tail)).status_code in (404, 422)

"""`/docs`: the interface on one page, from the OpenAPI document. No script, and nothing from outside."""

from pathlib import Path

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader
from starlette.responses import Response

from app.api.openapi import groups

HERE = Path(__file__).parent
POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HEADERS = {"Content-Security-Policy": POLICY}

router = APIRouter(include_in_schema=False)
_pages = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True)


@router.get("/docs")
async def page(request: Request) -> Response:
    """Every call, grouped."""
    document = request.app.openapi()
    text = _pages.get_template("docs.html").render(info=document["info"], groups=groups(document))
    return Response(text, headers=HEADERS, media_type="text/html; charset=utf-8")


@router.get("/docs/docs.css")
async def style() -> Response:
    """The page's stylesheet."""
    text = (HERE / "static" / "docs.css").read_text("utf-8")
    return Response(text, headers=HEADERS, media_type="text/css; charset=utf-8")

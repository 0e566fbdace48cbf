"""The HTML of the human pages: a frame, tables, forms, and what a posted form changed."""

from collections.abc import Awaitable, Callable
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from .hands import Rejected
from .wire import Row

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1c2733}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #d9e0e7;padding:.35rem .5rem;text-align:left}
h1 small{color:#66788a;font-weight:400}label{display:block;margin:.4rem 0}input,select{width:100%;max-width:34rem}
iframe{width:100%;height:14rem;border:1px solid #d9e0e7}
.erro{background:#fde8e8;padding:.6rem}.inativo{color:#98a5b3}form.linha{display:inline}nav a{margin-right:1rem}"""


def guarded(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """A page's handler that shows refusals as a page."""

    async def serve(request: Request) -> Response:
        try:
            return await handler(request)
        except Rejected as rejected:
            return page("Não foi possível", f'<p class="erro">{escape(rejected.text)}</p>', status=rejected.status)

    return serve


def page(title: str, body: str, *, refresh: bool = False, status: int = 200) -> HTMLResponse:
    """A whole page; `refresh` loads it again every five seconds."""
    again = '<meta http-equiv="refresh" content="5">' if refresh else ""
    return HTMLResponse(
        f'<!doctype html><html lang="pt-BR"><head><meta charset="utf-8">{again}<title>{escape(title)}</title>'
        f'<style>{_STYLE}</style></head><body><nav><a href="/sandbox/">Início</a></nav><h1>{escape(title)}</h1>'
        f"{body}</body></html>",
        status,
    )


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Cells are HTML already, heads are text."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{lines}</table>"


def inputs(fields: dict[str, str], values: Row, choices: dict[str, dict[str, str]]) -> str:
    """One labelled input per field: field -> label; `choices`: field -> value -> text. HTML is also shown as such."""
    parts = []
    for name, label in fields.items():
        value = str(values.get(name) or "")
        if name in choices:
            options = {"": "—", **choices[name]}
            items = "".join(
                f'<option value="{escape(key)}"{" selected" if key == value else ""}>{escape(text)}</option>'
                for key, text in options.items()
            )
            parts.append(f'<label>{escape(label)}<select name="{name}">{items}</select></label>')
        else:
            parts.append(f'<label>{escape(label)}<input name="{name}" value="{escape(value)}"></label>')
            if value.startswith("<"):  # as Ploomes shows it; what somebody typed runs nothing here
                parts.append(f'<iframe sandbox title="{escape(label)}" srcdoc="{escape(value)}"></iframe>')
    return "".join(parts)


def form(action: str, inner: str, *, deletable: bool) -> str:
    """The form around its inputs, with a button to delete when that makes sense."""
    remove = f'<form method="post" action="{action}/delete"><p><button>Excluir</button></p></form>' if deletable else ""
    return f'<form method="post" action="{action}">{inner}<p><button>Salvar</button></p></form>{remove}'


async def posted(request: Request) -> dict[str, str]:
    """The fields of a posted form, the last value of each."""
    found = parse_qs((await request.body()).decode(), keep_blank_values=True)
    return {name: texts[-1].strip() for name, texts in found.items()}


def names(text: str) -> list[str]:
    """The parts of a text between commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def changed(given: dict[str, str], shown: Row, fields: dict[str, str]) -> dict[str, str]:
    """Only what the person touched, so that nothing else is written."""
    return {name: given[name] for name in fields if name in given and given[name] != str(shown.get(name) or "")}

"""The OpenAPI document as readers of Portuguese get it. Pure.

Summaries are the first sentence of an endpoint's docstring. What FastAPI writes in English by itself, and what models
say to programmers, is left out; refusals are shown as they really are (RFC 9457).
"""

import re
from collections.abc import Mapping
from typing import Any

from app.api.problems import MEDIA_TYPE

JsonObject = dict[str, Any]

TAGS: Mapping[str, str] = {
    "integrações": "Um aplicativo do Omie e uma conta do Ploomes: criar, conferir, ativar e pausar.",
    "guias": "Passos da instalação, o que vai para onde, bloqueio de campos, autoteste e diagnóstico.",
    "configuração": "O documento de configuração, suas versões e os campos mapeáveis.",
    "listas de códigos": "Códigos do Omie e do Ploomes para escolher, sem digitar nenhum.",
    "vendedores": "Quem é quem nos dois sistemas.",
    "vínculos": "Quais registros são a mesma coisa nos dois sistemas.",
    "eventos": "Avisos recebidos e o que foi feito de cada um.",
    "registros": "Um registro visto dos dois lados, e por que não está igual.",
    "pendências": "Motivos abertos de um registro não estar igual, e como resolver.",
    "histórico": "O que foi gravado, onde e por quê.",
    "cargas": "Cargas completas: plano, andamento, pausa e cancelamento.",
    "certificados": "Conferências completas, com um relatório assinado.",
    "estoque": "Leitura do estoque de todos os produtos.",
    "mapeamento": "Valores mapeados em tabela.",
    "operação": "Saúde do serviço; não pede token.",
}
"""Groups of the interface, in reading order."""

PARAMETERS: Mapping[str, str] = {
    "integration_id": "número da integração",
    "event_id": "número do evento",
    "issue_id": "número da pendência",
    "link_id": "número do vínculo",
    "resync_id": "número da carga",
    "certificate_id": "número do certificado",
    "external_id": "código do registro no sistema dele",
    "version": "número da versão",
    "entity": "entidade",
    "vendor": "sistema de origem: omie ou ploomes",
    "kind": "nome da lista",
    "limit": "quantos itens por página, até 200",
    "state": "só os que estão neste estado",
    "cause": "só os desta causa",
    "dry_run": "só confere; nada é gravado",
}
"""What a parameter means where its endpoint does not say it."""

PROBLEM: JsonObject = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "o que houve e o que fazer, em português"},
        "errors": {
            "type": "array",
            "description": "campos recusados, quando há",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
}
"""RFC 9457."""
REFUSAL: JsonObject = {
    "description": "Recusa, explicada conforme a RFC 9457.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_UNSAID = ("Successful Response", "Validation Error")
_FASTAPI_ONLY = ("HTTPValidationError", "ValidationError")


def portuguese(document: JsonObject) -> JsonObject:
    """FastAPI's document with every text for people in Portuguese."""
    paths = {
        path: {verb: _operation(operation) for verb, operation in verbs.items()}
        for path, verbs in document["paths"].items()
    }
    components = document.get("components", {})
    schemas = {
        name: _untitled({key: value for key, value in schema.items() if key != "description"})
        for name, schema in components.get("schemas", {}).items()
        if name not in _FASTAPI_ONLY
    }
    used = {tag for verbs in paths.values() for operation in verbs.values() for tag in operation.get("tags", ())}
    return {
        **document,
        "tags": [{"name": name, "description": text} for name, text in TAGS.items() if name in used],
        "paths": paths,
        "components": {**components, "schemas": {**schemas, "Problem": PROBLEM}},
    }


def _operation(operation: JsonObject) -> JsonObject:
    text = " ".join(str(operation.get("description") or "").split())
    first, _, rest = text.partition(". ")
    shown = {**operation, "summary": first.rstrip("."), "description": rest}
    if not rest:
        del shown["description"]
    if "parameters" in operation:
        shown["parameters"] = [_parameter(each) for each in operation["parameters"]]
    if "requestBody" in operation:
        shown["requestBody"] = _untitled(operation["requestBody"])
    answers = {code: _answer(code, each) for code, each in operation["responses"].items() if code != "422"}
    shown["responses"] = {**answers, "default": REFUSAL}
    return shown


def _parameter(parameter: JsonObject) -> JsonObject:
    text = parameter.get("description") or PARAMETERS.get(parameter["name"])
    shown: JsonObject = _untitled(parameter)
    return {**shown, "description": text} if text else shown


def _answer(code: str, answer: JsonObject) -> JsonObject:
    said = answer.get("description")
    text = _answers(code) if said in _UNSAID else said
    return {**_untitled(answer), "description": text}


def _answers(code: str) -> str:
    return {"201": "Criado.", "202": "Aceito; acontece em seguida.", "204": "Feito."}.get(code, "A resposta.")


def _untitled(value: Any) -> Any:
    """Without the titles that are made from names; a property that is called `title` is no text and stays."""
    if isinstance(value, dict):
        return {k: _untitled(v) for k, v in value.items() if k != "title" or not isinstance(v, str)}
    return [_untitled(each) for each in value] if isinstance(value, list) else value


# --- for the page ------------------------------------------------------------------------------------------------


def groups(document: JsonObject) -> list[JsonObject]:
    """The document by tag, flat enough for a page: `{"name", "description", "operations": [...]}`."""
    found: dict[str, JsonObject] = {tag["name"]: {**tag, "operations": []} for tag in document["tags"]}
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            content = (operation.get("requestBody") or {}).get("content", {})
            shown = {
                "verb": verb.upper(),
                "path": path,
                "anchor": re.sub(r"\W+", "-", f"{verb}{path}").strip("-"),
                "summary": operation["summary"],
                "description": operation.get("description"),
                "parameters": [
                    {**each, "type": type_of(each.get("schema", {}))} for each in operation.get("parameters", ())
                ],
                "body": properties_of(document, _schema_of(content)),
                "media": ", ".join(content),
                "answers": [
                    {
                        "code": code,
                        "description": each["description"],
                        "properties": properties_of(document, _schema_of(each.get("content", {}))),
                    }
                    for code, each in operation["responses"].items()
                    if code != "default"
                ],
            }
            found[operation["tags"][0]]["operations"].append(shown)
    return list(found.values())


def _schema_of(content: JsonObject) -> JsonObject:
    """The schema of a body's first form."""
    schemas: list[JsonObject] = [each.get("schema", {}) for each in content.values()]
    return schemas[0] if schemas else {}


def properties_of(document: JsonObject, schema: JsonObject) -> list[JsonObject]:
    """The properties of a schema, of the items of a list, or of what it refers to."""
    for wrapped in (schema.get("anyOf") or [])[:1]:
        return properties_of(document, wrapped)
    if "$ref" in schema:
        return properties_of(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]])
    if schema.get("type") == "array":
        return properties_of(document, schema.get("items", {}))
    required = set(schema.get("required", ()))
    return [
        {"name": name, "type": type_of(each), "required": name in required, "description": each.get("description")}
        for name, each in schema.get("properties", {}).items()
    ]


def type_of(schema: JsonObject) -> str:
    """A schema in a word or two."""
    if "anyOf" in schema:
        return " ou ".join(dict.fromkeys(type_of(each) for each in schema["anyOf"]))
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "enum" in schema or "const" in schema:
        return " | ".join(str(each) for each in schema.get("enum", [schema.get("const")]))
    kind = str(schema.get("type", "valor"))
    if kind == "array":
        return f"lista de {type_of(schema.get('items', {}))}"
    words = {"string": "texto", "integer": "inteiro", "number": "número", "boolean": "sim/não", "object": "objeto"}
    return {"null": "nulo", **words}.get(kind, kind)

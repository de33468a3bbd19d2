"""The reference of REST, made from the OpenAPI document and the permissions of the application."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ska_oso_oet.web.auth.permissions import declared
from ska_oso_oet.web.openapi.document import document, endpoints

from .openapi import application

Schema = Mapping[str, Any]

_SCHEMAS = "#/components/schemas/"
_NOTHING = ("null", "`False` or null")  #: the types of fields that only others of the same kind have
_NEEDED = "needed"
_EVERYWHERE = "Idempotency-Key"  #: said in the introduction

_INTRODUCTION = """\
The base path is `/<KUBE_NAMESPACE>/oet/<OET_SUBARRAY_ID>/api/v1`, by default `/ska-oso-oet/oet/1/api/v1`; the
same answers without the number. A running server has this as an OpenAPI document at `openapi.json`, and as a
page to try it on at `ui`, both below the base path.

Bodies are JSON, times seconds since 1970. Every failure, on every path, is an RFC 9457 problem document whose
`detail` is a sentence. What changes something may carry an `Idempotency-Key`: a repeat with the same key gets
the first answer, and another request with that key is refused, as long as the journal has the first. Where
the server asks who is asking, a request carries `Authorization: Bearer <token>`
([authentication](authentication.md)). In answers `***` stands for arguments that may be secret.

Fields and parameters that nobody knows are refused with 422; `detail` names them and what may have been
meant. Excepted is what earlier releases have taught their clients: arguments of `main` may be called those of
`run`, and a procedure may be sent back whole, as it was read, with another `state`.

The document says all that is checked, with patterns and lengths, and every answer. Clients can be generated
from it, as with `openapi-python-client`, and `schemathesis run …/openapi.json` tries a server against it with
the settings in `schemathesis.toml`.

| status | when |
|---|---|
| 400 | the body is not JSON |
| 401, 403 | no token, or not a valid one; not permitted |
| 404 | there is no such thing, path or subarray |
| 405, 406, 413, 415 | method, `Accept`, size (1 MiB) or type of the body cannot be |
| 409 | the state does not allow it: another procedure runs, this one is not READY or has ended |
| 422 | well-formed, but not valid: `errors` says where; or an `Idempotency-Key` of another request |
| 429 | too much at once |
| 503 | not now, and why: shutting down, disk full, a worker or the archive is away; `Retry-After` |
| 504 | a worker did not answer in time; the request will not be carried out later either |
"""


def page(note: str) -> str:
    """The page; ``note`` says where it comes from."""
    document, permissions = _described()
    return "\n".join(
        ["# REST\n", note + _INTRODUCTION, *_operations(document, permissions), *_answers(document)]
    )


def _described() -> tuple[Schema, dict[tuple[str, str], str]]:
    """The OpenAPI document, and the permission each operation needs."""
    app = application()
    needed = declared(app)
    permissions = {operation: str(needed[endpoint]) for operation, endpoint in endpoints(app).items()}
    return document(), permissions


def _operations(document: Schema, permissions: Mapping[tuple[str, str], str]) -> Iterator[str]:
    group = None
    for path, item in document["paths"].items():
        for method, operation in item.items():
            (tag,) = operation["tags"]
            if tag != group:
                group = tag
                yield f"\n## {tag.capitalize()}"
            yield f"\n### {method.upper()} {path}\n"
            yield _sentences(operation, permissions[path, method])
            yield from _table("parameter", _parameters(document, operation))
            body = operation.get("requestBody")
            if body:
                yield from _table("field of the body", _fields(document, _content(body)))
            yield f"\nAnswers {_success(document, operation)}."


def _sentences(operation: Schema, permission: str) -> str:
    summary = operation["summary"]
    description = operation.get("description", "").strip()
    needs = "Open to all." if permission == "open" else f"Permission: {permission}."
    return " ".join(
        [
            f"**{summary}**" if summary.endswith("?") else f"**{summary}.**",
            *([description] if description else []),
            *([needs] if needs[:-1] not in description else []),
        ]
    )


def _success(document: Schema, operation: Schema) -> str:
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            schema = _content(answer) if "application/json" in answer.get("content", ()) else {}
            if schema:
                return f"{status}: {_type(_opened(document, schema))}"
            return f"{status}, {', '.join(answer.get('content', ())) or 'JSON'}"
    raise LookupError(operation["summary"])


def _parameters(document: Schema, operation: Schema) -> Iterator[tuple[str, str, str]]:
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == _EVERYWHERE:
            continue
        default = parameter["schema"].get("default")
        meaning = parameter.get("description", "")
        if default not in (None, ""):
            meaning += f" (default: `{str(default).lower() if isinstance(default, bool) else default}`)"
        where = {"path": "in the path", "query": "query", "header": "header"}[parameter["in"]]
        yield parameter["name"], f"{_type(parameter['schema'])}, {where}", meaning


def _answers(document: Schema) -> Iterator[str]:
    yield "\n## Answers"
    asked = {
        part
        for item in document["paths"].values()
        for operation in item.values()
        for part in _referred(document, operation.get("requestBody"))
    }
    for name, schema in document["components"]["schemas"].items():
        if f"{_SCHEMAS}{name}" not in asked and "properties" in schema and name != "ValidationErrorModel":
            yield f"\n### {name}\n"
            yield schema.get("description", "").strip()
            yield from _table("field", _fields(document, schema, deep=False))


def _referred(document: Schema, schema: Any) -> Iterator[str]:
    """Every schema that this one is made of, by reference."""
    if isinstance(schema, list):
        for part in schema:
            yield from _referred(document, part)
    elif isinstance(schema, dict):
        if reference := schema.get("$ref"):
            yield reference
            yield from _referred(document, _resolved(document, reference))
        else:
            yield from _referred(document, list(schema.values()))


def _fields(
    document: Schema, schema: Schema, prefix: str = "", *, deep: bool = True
) -> Iterator[tuple[str, str, str]]:
    """The fields of an object, those of objects in it by dotted names."""
    if "$ref" in schema:
        schema = _resolved(document, schema["$ref"])
    if "oneOf" in schema:
        yield from _either(_fields(document, choice, prefix) for choice in schema["oneOf"])
        return
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        meaning = field.get("description", "")
        if deep and name in required:
            meaning = f"{_NEEDED}; {meaning}" if meaning else _NEEDED
        if field.get("default") not in (None, ""):
            meaning += f" (default: `{str(field['default']).lower()}`)"
        inner = next((part["$ref"] for part in _choices(field) if "$ref" in part), None)
        if deep and inner and {"properties", "oneOf"} & _resolved(document, inner).keys():
            yield f"{prefix}{name}", "object", meaning.strip()
            yield from _fields(document, {"$ref": inner}, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _type(field), meaning.strip()


def _either(kinds: Iterable[Iterator[tuple[str, str, str]]]) -> Iterator[tuple[str, str, str]]:
    """The fields of objects of which one is taken."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, kind, meaning in itertools.chain(*kinds):
        if kind not in _NOTHING:
            found.setdefault(name, []).append((kind, meaning))
    for name, each in found.items():
        types = dict.fromkeys(kind for kind, _ in each)
        said = dict.fromkeys(meaning.removeprefix(_NEEDED).removeprefix("; ") for _, meaning in each)
        needed = [_NEEDED] if all(meaning.startswith(_NEEDED) for _, meaning in each) else []
        yield name, " or ".join(types), "; ".join([*needed, *filter(None, ["; or ".join(said)])])


def _table(head: str, rows: Iterator[tuple[str, str, str]]) -> Iterator[str]:
    lines = [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in rows]
    if lines:
        yield f"\n| {head} | type | meaning |\n|---|---|---|"
        yield from lines


def _choices(schema: Schema) -> list[Schema]:
    for many in ("anyOf", "oneOf", "allOf"):
        if many in schema:
            return list(schema[many])
    return [schema]


def _type(schema: Schema) -> str:
    """What a value is, in words."""
    choices = _choices(schema)
    if len(choices) > 1 or choices[0] is not schema:
        return " or ".join(dict.fromkeys(map(_type, choices)))
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_SCHEMAS)
        return f"[{name}](#{name.lower()})"
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "anything")
    if kind == "array":
        parts = schema.get("prefixItems")
        if parts:
            return f"[{', '.join(map(_type, parts))}]"
        return f"list of {_type(schema.get('items', {}))}"
    return {"integer": "whole number", "string": "text", "boolean": "true or false"}.get(kind, kind)


def _opened(document: Schema, schema: Schema) -> Schema:
    """A schema by its own parts, where it is a name for a list or a choice."""
    named = _resolved(document, schema["$ref"]) if "$ref" in schema else schema
    return schema if "properties" in named else named


def _content(message: Schema) -> Schema:
    content = next(iter(message["content"].values()))
    found: Schema = content.get("schema", {})
    return found


def _resolved(document: Schema, reference: str) -> Schema:
    found: Schema = document["components"]["schemas"][reference.removeprefix(_SCHEMAS)]
    return found

"""The OpenAPI document: what the library finds in the views, completed by what it cannot find."""

from __future__ import annotations

import copy
import re
from typing import Any

from .document_texts import BEARER, DESCRIPTION, TAGS
from .problems import SCHEMAS
from .schemas import Event, Problem

Operation = dict[str, Any]

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "a repeat with the same key gets the first answer; another request with it is refused",
    "schema": {"type": "string", "pattern": "^[!-~]([ -~]*[!-~])?$", "minLength": 1, "maxLength": 200},
}
_LAST_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "go on after the event with this id",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
}
_LOCATION = {"Location": {"description": "its address", "schema": {"type": "string"}, "required": True}}
_HELLO = {
    "script": {"script_type": "filesystem", "script_uri": "file://hello_world.py"},
    "script_args": {"init": {"kwargs": {"subarray_id": 1}}},
}
_OBSERVE = {"activity_name": "observe", "sbd_id": "sbd-mvp01-20220923-00001"}

#: Operations that take an id from an answer: by the operation that answers, its status, and where the id is.
_PROCEDURE = {
    "get_procedure": "procedure_id",
    "start_or_stop_procedure": "procedure_id",
    "get_output": "procedure_id",
    "list_files": "procedure_id",
}
_ACTIVITY = {"get_activity": "activity_id", "stop_activity": "activity_id"}
_LINKS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("create_procedure", "201", "/id", _PROCEDURE),
    ("run_activity", "201", "/id", _ACTIVITY),
    ("run_activity", "201", "/procedure_id", _PROCEDURE),
    ("list_environments", "200", "/0/id", {"remove_environment": "environment_id"}),
)


def documented(rule: str) -> str:
    """A path of the application as OpenAPI writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def endpoints(app: Any) -> dict[tuple[str, str], str]:
    """The endpoint of each operation, by path and method as in the document."""
    return {
        (documented(rule.rule), method.lower()): rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }


def document_of(app: Any) -> dict[str, Any]:
    """The document of an application, as far as it is the same for all servers."""
    document: dict[str, Any] = copy.deepcopy(app.api_doc)
    schemas = document["components"]["schemas"]
    document["components"] = {"schemas": schemas, "securitySchemes": {"bearer": dict(BEARER)}}
    document["info"]["description"] = DESCRIPTION
    for tag in document["tags"]:
        tag["description"] = TAGS[tag["name"]]
    del schemas["ValidationErrorModel"]  # the library's own, which nobody answers
    for model in (Problem, Event):  # what no view names as its answer
        schema = model.model_json_schema(ref_template=f"{SCHEMAS}{{model}}")
        schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
    operations = _named(document, endpoints(app))
    for name, operation in operations.items():
        _complete(name, operation)
    for source, status, place, targets in _LINKS:
        links = operations[source]["responses"][status].setdefault("links", {})
        for target, parameter in targets.items():
            value = {parameter: f"$response.body#{place}"}
            links[target] = {"operationId": target, "parameters": value}
    return document


def _named(document: dict[str, Any], known: dict[tuple[str, str], str]) -> dict[str, Operation]:
    """All operations, by ids that are the names of their views."""
    operations = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            name = operation["operationId"] = known[path, method].rpartition(".")[2]
            operations[name] = operation
            operation["method"] = method
    return operations


def _complete(name: str, operation: Operation) -> None:
    method, responses = operation.pop("method"), operation["responses"]
    headers = [_KEY] if method != "get" else []
    if name in ("stream", "get_output"):
        headers.append(_LAST_ID)
    if headers:
        operation["parameters"] = [*operation.get("parameters", ()), *copy.deepcopy(headers)]
    if "201" in responses:
        responses["201"]["headers"] = copy.deepcopy(_LOCATION)
    if name == "get_output":
        responses["200"]["content"] |= {"text/event-stream": {"schema": {"$ref": f"{SCHEMAS}Event"}}}
    for of, example in (("create_procedure", _HELLO), ("run_activity", _OBSERVE)):
        if name == of:
            operation["requestBody"]["content"]["application/json"]["example"] = copy.deepcopy(example)

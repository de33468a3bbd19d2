"""The OpenAPI document that a release is shipped with, made by flask-openapi3 from the routes of the views.

`make docs` writes it, with our additions.
"""

from __future__ import annotations

import copy
import json
import sys
from typing import Any

from flask_openapi3 import APIBlueprint, Info, OpenAPI, Tag  # type: ignore[attr-defined]

from ska_oso_oet import __version__
from ska_oso_oet.settings import read_settings
from ska_oso_oet.web.app import GROUPS, AnyText, create_app
from ska_oso_oet.web.bridge import Bridge
from ska_oso_oet.web.openapi.document import endpoints
from ska_oso_oet.web.problems import SCHEMAS
from ska_oso_oet.web.schemas.common import Problem
from ska_oso_oet.web.schemas.streams import Event
from ska_oso_oet.web.streams.hub import Hub

from .openapi_texts import BEARER, DESCRIPTION, TAGS

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
    "description": "id of the event after which to continue",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
}
_LOCATION = {"Location": {"description": "its address", "schema": {"type": "string"}, "required": True}}
_HELLO = {
    "script": {"script_type": "filesystem", "script_uri": "file://hello_world.py"},
    "script_args": {"init": {"kwargs": {"subarray_id": 1}}},
}
_OBSERVE = {"activity_name": "observe", "sbd_id": "sbd-mvp01-20220923-00001"}

_QUESTIONS = ("check",)  #: operations that change nothing, though their method is not GET

#: Operations that take an id from an answer, by the operation and status of the answer and the place of the
#: id.
_PROCEDURE = {
    "get_procedure": "procedure_id",
    "start_or_stop_procedure": "procedure_id",
    "get_output": "procedure_id",
    "list_files": "procedure_id",
}
_ACTIVITY = {"get_activity": "activity_id", "stop_activity": "activity_id"}
_LINKS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("create_procedure", "201", "/id", _PROCEDURE),
    ("rerun_procedure", "201", "/id", _PROCEDURE),
    ("run_activity", "201", "/id", _ACTIVITY),
    ("rerun_activity", "201", "/id", _ACTIVITY),
    ("run_activity", "201", "/procedure_id", _PROCEDURE),
    ("list_environments", "200", "/0/id", {"remove_environment": "environment_id"}),
)


def application() -> Any:
    """The application without a server."""
    bridge = Bridge("nowhere")
    try:
        return create_app(read_settings({}), bridge, Hub())._app._app  # noqa: SLF001  it has no other door
    finally:
        bridge.loop.close()


def described() -> Any:
    """An application with the same routes, which describe themselves."""
    app = OpenAPI("ska_oso_oet", info=Info(title="Observation Execution Tool", version=__version__))
    app.url_map.converters["any_text"] = AnyText
    for group in GROUPS:
        blueprint = APIBlueprint(group.blueprint.name, __name__, abp_tags=[Tag(name=group.tag)])
        for method, rule, view, summary, responses in group.routes:
            declare = getattr(blueprint, method.lower())
            declare(rule, summary=summary, responses=responses)(view)
        app.register_api(blueprint)
    return app


def make(app: Any) -> dict[str, Any]:
    """Make the document of an application whose routes describe themselves."""
    document: dict[str, Any] = copy.deepcopy(app.api_doc)
    schemas = document["components"]["schemas"]
    document["components"] = {"schemas": schemas, "securitySchemes": {"bearer": dict(BEARER)}}
    document["info"]["description"] = DESCRIPTION
    for tag in document["tags"]:
        tag["description"] = TAGS[tag["name"]]
    del schemas["ValidationErrorModel"]  # the library's own, which no view answers
    for model in (Problem, Event):  # models that are no view's declared answer
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
    headers = [_KEY] if method != "get" and name not in _QUESTIONS else []
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


def main() -> None:
    """Write it to standard output."""
    json.dump(make(described()), sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()

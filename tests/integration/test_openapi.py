"""The OpenAPI document is valid, whole and true; its page needs nothing but this server."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from ska_oso_oet.settings import read_settings
from ska_oso_oet.web.app import create_app
from ska_oso_oet.web.bridge import Bridge
from ska_oso_oet.web.streams.hub import Hub

from ..conftest import Server

ROOT = "/ska-oso-oet"


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.get("/openapi.json")
    return found


def _check(document: dict[str, Any], path: str, method: str, status: int, answer: Any) -> None:
    content = document["paths"][path][method]["responses"][str(status)]["content"]
    kind = next(kind for kind in content if kind.endswith("json"))
    schema = content[kind].get("schema")
    assert schema, f"{method} {path} does not say what it answers"
    jsonschema.validate(answer, schema | {"components": document["components"]})


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_it_names_the_base_path_of_this_server(server: Server, document: dict[str, Any]) -> None:
    assert [s["url"] for s in document["servers"]] == [server.url[server.url.index(ROOT) :]]


def test_every_route_of_the_application_is_in_it_and_nothing_else(document: dict[str, Any]) -> None:
    bridge = Bridge("nowhere")
    try:
        app = create_app(read_settings({}), bridge, Hub())._app._app
    finally:
        bridge.loop.close()
    routes = set()
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        if path != "/openapi.json" and not path.startswith("/ui"):
            routes |= {(path, method.lower()) for method in rule.methods - {"HEAD", "OPTIONS"}}
    documented = {(path, method) for path, item in document["paths"].items() for method in item}
    assert documented == routes


def test_every_operation_says_what_it_is_for_and_how_it_fails(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["summary"], (path, method)
            if path != "/livez":
                assert {"404", "422", "503"} <= set(operation["responses"]), (path, method)


def test_every_operation_has_a_short_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z]+(_[a-z]+){0,4}", name) for name in names)
    assert {"list_procedures", "create_procedure", "start_or_stop_procedure", "stop_activity"} <= set(names)


def test_every_failure_is_the_one_problem_document(document: dict[str, Any]) -> None:
    for item in document["paths"].values():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    schema = answer["content"]["application/problem+json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Problem"}


def test_headers_that_are_heard_are_in_it(document: dict[str, Any]) -> None:
    headers = {
        operation["operationId"]: {p["name"] for p in operation.get("parameters", ()) if p["in"] == "header"}
        for item in document["paths"].values()
        for operation in item.values()
    }
    changing = {o["operationId"] for i in document["paths"].values() for m, o in i.items() if m != "get"}
    changing -= {"check"}  # which only asks
    assert {name for name, known in headers.items() if "Idempotency-Key" in known} == changing
    resumed = {name for name, known in headers.items() if "Last-Event-ID" in known}
    assert resumed == {"stream", "get_output"}


def test_it_says_in_words_what_it_is_about_and_how_to_say_who_asks(document: dict[str, Any]) -> None:
    assert "Idempotency-Key" in document["info"]["description"]
    assert all(tag["description"] for tag in document["tags"])
    assert {o["tags"][0] for i in document["paths"].values() for o in i.values()} == {
        tag["name"] for tag in document["tags"]
    }
    bearer = document["components"]["securitySchemes"]["bearer"]
    assert (bearer["type"], bearer["scheme"]) == ("http", "bearer")


def test_what_may_be_said_is_told_to_the_last_field(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("CreateBody", "ChangeBody", "FileScript", "GitScript", "GitArguments", "Arguments"):
        assert schemas[name]["additionalProperties"] is False


def test_what_procedures_answer_is_what_the_document_says(server: Server, document: dict[str, Any]) -> None:
    one, output = "/procedures/{procedure_id}", "/procedures/{procedure_id}/output"
    body = {"script": {"script_type": "filesystem", "script_uri": "file://prints.py"}}
    created = server.request("POST", "/procedures", json=body)
    _check(document, "/procedures", "post", 201, created.json())
    pid = created.json()["id"]
    _check(document, one, "get", 200, server.wait_state(pid, "READY"))
    _check(document, one, "put", 200, server.start_main(pid))
    _check(document, one, "get", 200, server.ended(pid))
    _check(document, output, "get", 200, server.get(f"/procedures/{pid}/output"))
    failed = server.run("endings.py", "raise")
    _check(document, one, "get", 200, server.ended(failed))


def test_what_a_stop_answers_is_what_the_document_says(server: Server, document: dict[str, Any]) -> None:
    pid = server.run("diehard.py", "sleeping")
    _check(document, "/procedures/{procedure_id}", "put", 200, server.stop_script(pid))


def test_what_a_list_answers_is_what_the_document_says(server: Server, document: dict[str, Any]) -> None:
    server.create("trivial.py")
    _check(document, "/procedures", "get", 200, server.get("/procedures"))


@pytest.mark.parametrize(
    ("method", "path", "documented", "more"),
    [
        ("get", "/procedures/7000", "/procedures/{procedure_id}", {}),
        ("post", "/procedures", "/procedures", {"json": {}}),
        ("post", "/procedures", "/procedures", {"data": b"x"}),
        ("get", "/procedures?limit=0", "/procedures", {}),
        ("get", "/procedures/7000/output", "/procedures/{procedure_id}/output", {}),
    ],
)
def test_what_a_failure_answers_is_what_the_document_says(
    server: Server, document: dict[str, Any], method: str, path: str, documented: str, more: dict[str, Any]
) -> None:
    answer = server.request(method, path, **more)
    assert answer.status_code >= 400
    _check(document, documented, method, answer.status_code, answer.json())


def test_the_page_refers_to_this_server_only_and_everything_it_needs_is_served(server: Server) -> None:
    page = server.request("GET", "/ui", headers={"Accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) >= 3
    assert "://" not in page.text
    for asset in assets:
        assert asset.startswith(f"{ROOT}/oet/1/api/v1/ui/")
        served = server.session.get(
            f"{server.url.split(ROOT)[0]}{asset}", headers={"Accept": "*/*"}, timeout=20
        )
        assert served.status_code == 200
        assert served.content
        assert re.match("text/(css|javascript)|application/javascript", served.headers["Content-Type"])


def test_the_page_loads_the_document_of_this_server(server: Server) -> None:
    start = server.request("GET", "/ui/start.js").text
    address = re.search(r'url: "([^"]+)"', start)
    assert address is not None
    assert address[1] == f"{ROOT}/oet/1/api/v1/openapi.json"


@pytest.mark.parametrize("name", ["../app.py", "%2e%2e/%2e%2e/app.py", "no.css", "..%2f..%2fapp.py"])
def test_only_the_assets_are_served(server: Server, name: str) -> None:
    answer = server.request("GET", f"/ui/{name}")
    assert answer.status_code == 404
    assert answer.json()["status"] == 404

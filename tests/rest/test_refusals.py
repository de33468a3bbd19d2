"""Every refusal of the REST contract, as a problem document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ..conftest import Server
from .answers import BASE, TRIVIAL, asks, gits, problem, root


@pytest.mark.parametrize("body", [b"", b"{", b"rubbish", b"\xff\xfe", b'{"script": NaN}', b'{"a": Infinity}'])
def test_a_body_that_is_not_json_is_400(server: Server, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    problem(server.request("POST", "/procedures", data=body, headers=headers), 400, "the body is not JSON")


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_number_json_does_not_have_is_refused_wherever_it_stands(server: Server, number: str) -> None:
    body = json.dumps(TRIVIAL)[:-1] + f', "script_args": {{"init": {{"args": [{number}]}}}}}}'
    headers = {"Content-Type": "application/json"}
    problem(server.request("POST", "/procedures", data=body, headers=headers), 400, "the body is not JSON")


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "/procedures/7000", {}),
        ("GET", "/procedures/7000/output", {}),
        ("GET", "/procedures/7000/output?follow=true", {}),
        ("PUT", "/procedures/7000", {"json": {}}),
        ("PUT", "/procedures/7000", {"json": {"state": "RUNNING"}}),
        ("PUT", "/procedures/7000", {"json": {"state": "STOPPED"}}),
    ],
)
def test_an_unknown_procedure_is_404_with_its_id(
    server: Server, method: str, path: str, more: dict[str, Any]
) -> None:
    answer = server.request(method, path, headers={"Accept": "*/*"}, **more)
    problem(answer, 404, "^No information available for PID=7000$")


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/procedures/x", "/procedures/-1", "/procedures/1/x", "/ui/x"]
)
def test_an_unknown_path_is_404(server: Server, path: str) -> None:
    problem(server.request("GET", path), 404)


def test_headers_of_a_proxy_do_not_move_the_application(server: Server) -> None:
    assert server.request("GET", "/procedures", headers={"SCRIPT_NAME": "/foo"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/nothing", "/ska-oso-oet/oet/1/api/v2/procedures", "/favicon.ico"])
def test_a_path_outside_the_api_is_404_and_says_where_the_api_is(server: Server, path: str) -> None:
    problem(requests.get(f"{root(server)}{path}", timeout=20), 404, f"the API is at {BASE}")


@pytest.mark.parametrize("path", ["", "/procedures", "/stream"])
def test_the_path_of_another_subarray_is_404_and_says_which_subarray_this_is(
    server: Server, path: str
) -> None:
    address = f"{root(server)}/ska-oso-oet/oet/2/api/v1{path}"
    found = problem(requests.get(address, timeout=20), 404)
    assert found["detail"] == "this OET drives subarray 1, not subarray 2"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/procedures", {"GET", "POST", "HEAD", "OPTIONS"}),
        ("DELETE", "/procedures/1", {"GET", "PUT", "HEAD", "OPTIONS"}),
        ("POST", "/procedures/1", {"GET", "PUT", "HEAD", "OPTIONS"}),
        ("PUT", "/stream", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_another_method_is_405_and_says_which_are_possible(
    server: Server, method: str, path: str, allowed: set[str]
) -> None:
    answer = server.request(method, path, json={}, headers={"Accept": "*/*"})
    problem(answer, 405, "allowed are")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/procedures", "text/html"), ("/procedures", "image/*"), ("/stream", "application/xml")],
)
def test_what_is_not_offered_is_406(server: Server, path: str, accept: str) -> None:
    problem(server.request("GET", path, headers={"Accept": accept}), 406, "this is available as")


def test_a_long_accept_header_is_refused_unread_and_probes_read_none(server: Server) -> None:
    accept = {"Accept": "a/b," * 1000 + "application/json"}
    problem(server.request("GET", "/procedures", headers=accept), 406, "more than 1000 characters")
    root = server.url.split("/ska-oso-oet")[0]
    assert requests.get(f"{root}/livez", headers=accept, timeout=20).status_code == 200


def test_a_body_of_too_many_values_is_400(server: Server) -> None:
    body = TRIVIAL | {"script_args": {"init": {"args": [{}] * 10_000}}}
    problem(
        server.request("POST", "/procedures", json=body), 400, "too many values; at most 10000 are accepted"
    )


def test_a_body_over_one_mebibyte_is_413(server: Server) -> None:
    body = TRIVIAL | {"script_args": {"init": {"args": ["x" * 2**20]}}}
    problem(server.request("POST", "/procedures", json=body), 413, "larger than 1 MiB")


def test_a_body_over_one_mebibyte_of_unknown_length_is_413(server: Server) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 2**16

    # A connection of its own: one the server has just closed would be found out by sending, and chunks cannot
    # be sent twice.
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"{server.url}/procedures", data=chunks(), headers=headers, timeout=60)
    problem(answer, 413, "larger than 1 MiB")


def test_a_body_a_little_below_one_mebibyte_is_taken(server: Server) -> None:
    body = TRIVIAL | {"script_args": {"init": {"args": ["x" * (2**20 - 300)]}}}
    assert server.request("POST", "/procedures", json=body).status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_of_another_type_is_415(server: Server, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = server.request("POST", "/procedures", data=json.dumps(TRIVIAL).encode(), headers=headers)
    problem(answer, 415, "Content-Type: application/json")


@pytest.mark.parametrize(
    ("body", "loc", "text"),
    [
        ({}, ["script"], "Field required"),
        ({"script": None}, ["script"], ""),
        ({"script": {"script_type": "filesystem"}}, ["script", "script_uri"], "Field required"),
        ({"script": {"script_uri": "file://trivial.py"}}, ["script", "script_type"], "Field required"),
        (asks(script_type="tape"), ["script", "script_type"], "filesystem"),
        (asks(script_uri="trivial.py"), ["script", "script_uri"], "must start with 'file://'"),
        (asks(script_uri="git://trivial.py"), ["script", "script_uri"], "must start with 'file://'"),
        (asks(script_uri="file://README.md"), ["script", "script_uri"], "must name a Python file"),
        (asks(script_uri="file://\0.py"), ["script", "script_uri"], "must be text that can name a file"),
        (asks(script_uri=7), ["script", "script_uri"], "string"),
        (asks(create_env=True), ["script", "create_env"], "for scripts of type 'git' only"),
        (asks(git_args={"git_branch": "x"}), ["script", "git_args"], "for scripts of type 'git' only"),
        (gits(script_uri="file://trivial.py"), ["script", "script_uri"], "must start with 'git://'"),
        (gits(script_uri="git:///../etc/x.py"), ["script", "script_uri"], "from the root of the repository"),
        (gits(script_uri="git://a/../../x.py"), ["script", "script_uri"], "from the root of the repository"),
        (gits(git_repo="--upload-pack=x"), ["git_args", "git_repo"], "must be the URL of a repository"),
        (gits(git_repo="/some/where"), ["git_args", "git_repo"], "must be the URL of a repository"),
        (gits(git_repo="ext::sh -c x"), ["git_args", "git_repo"], "must be the URL of a repository"),
        (
            gits(git_repo="https://me:pw@h/x.git"),
            ["git_args", "git_repo"],
            "must not hold a user or password",
        ),
        (gits(git_repo="file:///a/../b"), ["git_args", "git_repo"], "must not contain '..'"),
        (gits(git_branch="--upload-pack=x"), ["git_args", "git_branch"], "cannot be the name of a branch"),
        (gits(git_commit="/some/dir"), ["git_args", "git_commit"], "hexadecimal digits"),
        (gits(git_commit="HEAD~1"), ["git_args", "git_commit"], "hexadecimal digits"),
        (TRIVIAL | {"script_args": 7}, ["script_args"], ""),
        (TRIVIAL | {"script_args": {"init": {"args": {}}}}, ["script_args", "init", "args"], "list"),
        (
            TRIVIAL | {"script_args": {"init": {"kwargs": []}}},
            ["script_args", "init", "kwargs"],
            "dictionary",
        ),
    ],
)
def test_a_create_that_is_not_valid_is_422_and_names_the_field(
    server: Server, body: dict[str, Any], loc: list[str], text: str
) -> None:
    found = problem(server.request("POST", "/procedures", json=body), 422)
    assert found["errors"][0]["loc"][-len(loc) :] == loc
    assert text in found["errors"][0]["msg"]
    assert loc[-1] in found["detail"]


def test_the_place_of_an_error_in_the_body_begins_with_body(server: Server) -> None:
    found = problem(
        server.request("POST", "/procedures", json={"script": {"script_type": "filesystem"}}), 422
    )
    assert found["errors"][0]["loc"] == ["body", "script", "script_uri"]


@pytest.mark.parametrize("body", [[], 7, "x", None, True])
def test_a_body_that_is_json_but_no_object_is_422(server: Server, body: Any) -> None:
    answer = server.request(
        "POST", "/procedures", data=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    problem(answer, 422, "must be a JSON object")


@pytest.mark.parametrize("state", ["PAUSED", "READY", "", "running", 7])
def test_a_state_nobody_can_ask_for_is_422(server: Server, state: Any) -> None:
    found = problem(server.put(server.create("trivial.py"), state=state), 422)
    assert found["errors"][0]["loc"][-1] == "state"


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "before=-1", "state=PAUSED", "all=perhaps", "limit=501", "before=" + "9" * 30],
)
def test_a_query_that_is_not_valid_is_422(server: Server, query: str) -> None:
    found = problem(server.request("GET", f"/procedures?{query}"), 422)
    assert found["errors"][0]["loc"][-1] == query.split("=")[0]


def test_a_file_that_is_not_there_is_422(server: Server) -> None:
    answer = server.request("POST", "/procedures", json=asks(script_uri="file:///no/such/file.py"))
    problem(answer, 422, "file:///no/such/file.py cannot be read: No such file or directory")


def test_a_folder_is_no_script(server: Server, tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    answer = server.request("POST", "/procedures", json=asks(script_uri=f"file://{tmp_path}/folder.py"))
    problem(answer, 422, "is not a regular file")


def test_a_link_to_another_kind_of_file_is_no_script(server: Server, tmp_path: Path) -> None:
    (tmp_path / "script.py").symlink_to("/etc/passwd")
    answer = server.request("POST", "/procedures", json=asks(script_uri=f"file://{tmp_path}/script.py"))
    problem(answer, 422, "must be a Python file")


def test_a_refused_create_leaves_no_procedure_behind(server: Server) -> None:
    before = [p["id"] for p in server.get("/procedures", all="true")]
    for body in ({}, asks(script_uri="file:///no/such/file.py")):
        server.request("POST", "/procedures", json=body)
    assert [p["id"] for p in server.get("/procedures", all="true")] == before


# -- conflicts -------------------------------------------------------------------------------------


def test_a_second_start_is_409_and_says_which_procedure_runs(server: Server) -> None:
    other = server.create("trivial.py")
    server.wait_state(other, "READY")
    running = server.run("diehard.py", "sleeping")
    found = problem(server.put(other, state="RUNNING"), 409)
    assert found["title"] == "Conflict"
    assert found["detail"] == f"Cannot start procedure {other}: procedure {running} is RUNNING"
    problem(server.put(running, state="RUNNING"), 409, f"{running}: it is RUNNING")
    server.stop_script(running)
    assert server.put(other, state="RUNNING").status_code == 200


def test_a_procedure_that_is_not_ready_cannot_be_started(server: Server) -> None:
    pid = server.create("hung_init.py")
    server.wait_state(pid, "INITIALISING")
    problem(server.put(pid, state="RUNNING"), 409, f"{pid}: it is INITIALISING, and only a READY procedure")
    server.stop_script(pid)


def test_a_final_procedure_can_neither_be_started_nor_stopped(server: Server) -> None:
    pid = server.run("trivial.py")
    before = server.ended(pid)
    problem(server.put(pid, state="RUNNING"), 409, f"Cannot start procedure {pid}: it is COMPLETE")
    problem(server.put(pid, state="STOPPED"), 409, f"Cannot stop procedure {pid}: it is already COMPLETE")
    assert server.procedure(pid) == before


def test_a_mistake_that_names_its_field_is_told_without_its_place(server: Server) -> None:
    script = {"script_type": "filesystem", "script_uri": "file:///etc/passwd"}
    answer = server.request("POST", "/procedures", json={"script": script})
    problem(answer, 422, "script_uri 'file:///etc/passwd' must name a Python file")
    assert answer.json()["detail"].count("script_uri") == 1

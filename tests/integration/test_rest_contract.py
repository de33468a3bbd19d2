"""The REST contract: every answer and every failure, over real HTTP against a real server."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..conftest import CENTRAL, Events, Server, serving, until

BASE = "/ska-oso-oet/oet/1/api/v1"
TRIVIAL = {"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}}


def _problem(answer: requests.Response, status: int, detail: str | None = None) -> dict[str, Any]:
    """Check that an answer is a problem document, with a text that matches."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail"} <= set(found)
    assert found["status"] == status
    assert isinstance(found["title"], str)
    assert isinstance(found["detail"], str)
    if detail is not None:
        assert re.search(detail, found["detail"]), found["detail"]
    return found


def _root(server: Server) -> str:
    return server.url.removesuffix(BASE)


def _raw(server: Server, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes and read the answer to its end."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(sent)
        said = b""
        while part := connection.recv(65536):
            said += part
    head, _, body = said.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in lines)}
    return int(line.split()[1]), headers, body


@contextlib.contextmanager
def _events(server: Server, **query: Any) -> Iterator[Events]:
    events = Events(server, **query)
    try:
        yield events
    finally:
        events.close()


# -- procedures ------------------------------------------------------------------------------------


def test_a_procedure_is_created_prepared_started_and_shown_as_the_contract_says(server: Server) -> None:
    before = time.time()
    body = TRIVIAL | {"script_args": {"init": {"args": ["goodbye"], "kwargs": {"subarray_id": 1}}}}
    answer = server.request("POST", "/procedures", json=body)
    assert answer.status_code == 201
    created = answer.json()
    pid = created["id"]
    assert created["uri"] == f"{server.url}/procedures/{pid}" == answer.headers["Location"]
    assert created["state"] in ("CREATING", "IDLE")
    server.wait_state(pid, "READY")
    server.start_main(pid, "bob", simulate=False)
    ended = server.ended(pid)
    assert ended["script"] == TRIVIAL["script"]
    assert ended["script_args"] == {
        "init": {"args": ["goodbye"], "kwargs": {"subarray_id": 1}},
        "main": {"args": ["bob"], "kwargs": {"context": {"wait_for_qa_ready": True}, "simulate": False}},
    }
    states = [state for state, _ in ended["history"]["process_states"]]
    assert states == ["CREATING", "IDLE", "LOADING", "IDLE", "READY", "RUNNING", "COMPLETE"]
    times = [at for _, at in ended["history"]["process_states"]]
    assert times == sorted(times)
    assert before - 1 < times[0] <= times[-1] < time.time() + 1
    assert ended["history"]["stacktrace"] is None
    assert (ended["pid"], ended["activity_id"], ended["created_by"]) == (None, None, None)
    assert ended["outcome"] == {
        "reason": "completed",
        "exit_code": 0,
        "signal": None,
        "by": None,
        "detail": None,
        "stages": [],
    }


def test_the_fields_of_a_procedure_keep_their_order(server: Server) -> None:
    shown = server.procedure(server.create("trivial.py"))
    assert list(shown)[:8] == [
        "id",
        "uri",
        "script",
        "script_args",
        "history",
        "state",
        "outcome",
        "activity_id",
    ]


def test_a_live_procedure_names_the_process_of_its_script(server: Server) -> None:
    pid = server.run("diehard.py", "sleeping")
    with _events(server, after=0, procedure=pid) as events:
        here = events.wait(lambda e: e.get("topic") == "user.script.announce")
    shown = server.procedure(pid)
    assert shown["pid"] == here["pid"]
    assert shown["outcome"] is None
    server.stop_script(pid)


def test_put_without_a_state_changes_nothing_and_shows_the_procedure(server: Server) -> None:
    pid = server.create("trivial.py")
    shown = server.wait_state(pid, "READY")
    for body in ({}, {"script_args": {"main": {"args": [1]}}}, {"abort": True}, {"state": None}):
        answer = server.put(pid, **body)
        assert answer.status_code == 200
        assert answer.json() == shown
    assert server.procedure(pid) == shown


@pytest.mark.parametrize("body", [{"state": "RUNNING"}, {"state": "RUNNING", "script_args": {}}])
def test_a_start_needs_no_arguments(server: Server, body: dict[str, Any]) -> None:
    pid = server.create("echo.py")
    server.wait_state(pid, "READY")
    assert server.put(pid, **body).json()["state"] in ("RUNNING", "COMPLETE")
    assert server.ended(pid)["state"] == "COMPLETE"


def test_a_stop_answers_who_was_stopped_and_that_nobody_survives(server: Server) -> None:
    pid = server.run("diehard.py", "sleeping")
    assert server.stop_script(pid) == {
        "abort_message": f"Successfully stopped script with ID {pid}",
        "abort_procedure": None,
        "survivors": 0,
        "survivor_processes": [],
    }
    ended = server.procedure(pid)
    assert (ended["state"], ended["outcome"]["reason"], ended["pid"]) == ("STOPPED", "stopped", None)
    stages = [stage for stage, _ in ended["outcome"]["stages"]]
    assert (stages[0], stages[-1]) == ("intent", "verified")


def test_a_stack_trace_shows_the_frames_of_the_script_only(server: Server) -> None:
    trace = server.ended(server.run("endings.py", "raise"))["history"]["stacktrace"]
    assert "endings.py" in trace
    assert "ValueError: a mistake" in trace
    assert "ska_oso_oet/" not in trace


NAMES = (
    "self",
    "name",
    "environment",
    "args",
    "kwargs",
    "cls",
    "function",
    "topic",
    "script",
    "é",
    "a b",
    "",
)


def test_any_keyword_name_reaches_the_script(server: Server) -> None:
    init = {name: n for n, name in enumerate(NAMES)}
    main = {f"k{n}": n for n in range(1000)} | {name: name for name in NAMES}
    body = {"script": {**TRIVIAL["script"], "script_uri": "file://echo.py"}}
    body["script_args"] = {"init": {"args": [1, None, "x"], "kwargs": init}}
    pid = server.request("POST", "/procedures", json=body).json()["id"]
    server.wait_state(pid, "READY")
    with _events(server, procedure=pid) as events:
        answer = server.put(pid, state="RUNNING", script_args={"main": {"args": [[2]], "kwargs": main}})
        assert answer.status_code == 200, answer.text
        told = events.wait(lambda e: e.get("topic") == "user.script.announce")["msg"]
    assert told["init"] == [[1, None, "x"], init]
    assert told["main"] == [[[2]], {"context": {"wait_for_qa_ready": True}, **main}]


@pytest.mark.parametrize("depth", [10, 100, 190, 400, 900, 1000, 50_000])
def test_deeply_nested_json_is_taken_or_refused_and_never_an_accident(server: Server, depth: int) -> None:
    text = json.dumps(TRIVIAL)[:-1] + ', "script_args": {"init": {"args": [' + "[" * depth + "]" * depth
    answer = server.request(
        "POST", "/procedures", data=text + "]}}}", headers={"Content-Type": "application/json"}
    )
    if answer.status_code == 201:
        # Read as text: the reader of this test may give up at another depth than the server.
        pid = int(re.search(r'"id":\s*(\d+)', answer.text)[1])  # type: ignore[index]
        until(lambda: '"READY"' in (shown := server.request("GET", f"/procedures/{pid}").text) and shown)
        shown = server.request("GET", f"/procedures/{pid}").text
        assert "[" * depth in re.sub(r"\s", "", shown)
    else:
        _problem(answer, 400, "nested too deeply")
        assert depth > 190


def test_both_base_paths_and_trailing_slashes_are_answered_without_a_redirect(server: Server) -> None:
    pid = server.create("trivial.py")
    for base in (BASE, BASE.replace("/1/", "/")):
        for slash in ("", "/"):
            url = f"{_root(server)}{base}/procedures"
            for address in (f"{url}{slash}", f"{url}/{pid}{slash}", f"{url}/{pid}/output{slash}"):
                answer = requests.get(address, timeout=20, allow_redirects=False)
                assert answer.status_code == 200, address
            found = requests.get(f"{url}/{pid}{slash}", timeout=20).json()
            assert found["uri"] == f"{url}/{pid}"
            made = requests.post(f"{url}{slash}", json=TRIVIAL, timeout=20, allow_redirects=False)
            assert made.status_code == 201


def test_the_uri_is_the_one_the_client_addressed(server: Server) -> None:
    headers = {"Host": "telescope.localhost:8080"}
    pid = server.create("trivial.py")
    for found in (
        server.request("GET", f"/procedures/{pid}", headers=headers).json(),
        server.request("GET", "/procedures", headers=headers).json()[-1],
        server.request("PUT", f"/procedures/{pid}", json={}, headers=headers).json(),
    ):
        assert found["uri"] == f"http://telescope.localhost:8080{BASE}/procedures/{pid}"
    answer = server.request("POST", "/procedures", json=TRIVIAL, headers=headers)
    assert answer.headers["Location"].startswith(f"http://telescope.localhost:8080{BASE}/procedures/")


# -- lists -----------------------------------------------------------------------------------------


def test_lists_show_the_newest_and_all_of_them_can_be_paged_through(server: Server) -> None:
    made = [server.create("trivial.py") for _ in range(3)] + [server.create("echo.py") for _ in range(9)]
    for pid in made[-10:]:
        server.wait_state(pid, "READY")
    assert [p["id"] for p in server.get("/procedures")] == made[-10:]
    paged: list[int] = []
    before = made[-1] + 1
    while page := server.get("/procedures", all="true", limit=5, before=before):
        assert len(page) <= 5
        assert [p["id"] for p in page] == sorted(p["id"] for p in page)
        paged = [p["id"] for p in page] + paged
        before = paged[0]
    assert paged == list(range(1, made[-1] + 1))
    assert [p["id"] for p in server.get("/procedures", all="true", limit=2)] == made[-2:]
    echoes = [p["id"] for p in server.get("/procedures", all="true", script="echo.py", limit=9)]
    assert echoes == made[-9:]
    ready = {p["id"] for p in server.get("/procedures", all="true", state="READY")}
    assert ready == set(made[-10:])


def test_the_eleventh_drops_the_oldest_finished_one_which_is_still_read_by_id(server: Server) -> None:
    finished = server.run("trivial.py")
    whole = server.ended(finished)
    made = [server.create("trivial.py") for _ in range(10)]
    assert finished not in [p["id"] for p in server.get("/procedures")]
    assert server.procedure(finished) == whole
    _problem(server.put(finished, state="RUNNING"), 409, f"Procedure {finished} is COMPLETE")
    _problem(server.put(finished, state="STOPPED"), 409, f"Procedure {finished} is COMPLETE")
    for pid in made:
        server.wait_state(pid, "READY")


def test_without_a_finished_one_the_oldest_ready_one_is_ended_as_evicted(server: Server) -> None:
    made = [server.create("trivial.py") for _ in range(10)]
    for pid in made:
        server.wait_state(pid, "READY")
    newest = server.create("trivial.py")
    ended = server.ended(made[0])
    assert (ended["state"], ended["outcome"]["reason"]) == ("STOPPED", "evicted")
    assert server.procedure(newest)["evicts"] == made[0]
    assert [p["id"] for p in server.get("/procedures")][:9] == made[1:]


def test_a_running_procedure_is_never_dropped_from_the_list(server: Server) -> None:
    running = server.run("diehard.py", "sleeping")
    for _ in range(11):
        server.wait_state(server.create("trivial.py"), "READY")
    assert server.get("/procedures")[0]["id"] == running
    assert server.procedure(running)["state"] == "RUNNING"
    server.stop_script(running)


# -- output ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def printed(server: Server) -> int:
    pid = server.run("prints.py", 5)
    server.ended(pid)
    return pid


def test_output_is_read_whole_by_stream_and_in_pages(server: Server, printed: int) -> None:
    whole = server.get(f"/procedures/{printed}/output")
    assert (whole["procedure_id"], whole["final"], whole["state"]) == (printed, True, "COMPLETE")
    assert [chunk["n"] for chunk in whole["chunks"]] == list(range(1, whole["next"] + 1))
    assert server.output(printed, stream="stderr") == "a warning\n"
    stdout = server.output(printed, stream="stdout")
    assert stdout.startswith("line 0\nline 1\n")
    assert "from C: é\n" in stdout
    assert "from a child\n" in stdout
    assert server.output(printed, stream="stdout,stderr") == server.output(printed)
    paged, after = [], 0
    while page := server.get(f"/procedures/{printed}/output", after=after, limit=1)["chunks"]:
        paged += page
        after = page[-1]["n"]
    assert paged == whole["chunks"]


def test_the_tail_of_the_output_is_its_last_lines(server: Server, printed: int) -> None:
    whole = server.output(printed, stream="stdout")
    assert server.output(printed, stream="stdout", tail=2) == "".join(whole.splitlines(True)[-2:])


def test_no_last_lines_are_an_empty_page_that_tells_how_far_the_output_is(
    server: Server, printed: int
) -> None:
    whole = server.get(f"/procedures/{printed}/output")
    page = server.get(f"/procedures/{printed}/output", tail=0)
    assert (page["chunks"], page["next"]) == ([], whole["next"])
    behind = whole["next"] - 1
    assert (
        server.get(f"/procedures/{printed}/output", tail=99, after=behind)["chunks"] == whole["chunks"][-1:]
    )


def _sse(response: requests.Response) -> list[dict[str, Any]]:
    """The events of a response that ends."""
    events = []
    for block in response.content.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            events.append(fields | {"data": json.loads(fields["data"])})
    return events


def _follow(server: Server, pid: int, query: str = "", **headers: str) -> list[dict[str, Any]]:
    answer = server.request(
        "GET",
        f"/procedures/{pid}/output?follow=true{query}",
        headers={"Accept": "text/event-stream", **headers},
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    return _sse(answer)


def test_following_the_output_of_a_finished_procedure_sends_all_of_it_and_ends(
    server: Server, printed: int
) -> None:
    *pieces, end = _follow(server, printed)
    assert "".join(piece["data"]["text"] for piece in pieces) == server.output(printed)
    assert {piece["event"] for piece in pieces} == {"procedure.output"}
    assert [int(piece["id"]) for piece in pieces] == [piece["data"]["n"] for piece in pieces]
    assert end["event"] == "procedure.output.end"
    assert end["data"]["state"] == "COMPLETE"


def test_following_goes_on_behind_the_last_event_id(server: Server, printed: int) -> None:
    whole = _follow(server, printed)
    for query in ("", "&tail=0"):  # it was the beginning that the tail was of
        assert _follow(server, printed, query, **{"Last-Event-ID": "2"}) == whole[2:]


@pytest.mark.parametrize("lines", [0, 1, 3, 10**6])
def test_following_can_begin_with_the_last_lines(server: Server, printed: int, lines: int) -> None:
    *pieces, end = _follow(server, printed, f"&tail={lines}")
    assert [piece["data"] for piece in pieces] == [
        {"pid": printed} | chunk
        for chunk in server.get(f"/procedures/{printed}/output", tail=lines)["chunks"]
    ]
    assert end["data"]["state"] == "COMPLETE"


@pytest.mark.parametrize("bad", ["x", "-1", "9" * 5000, ""])
def test_following_behind_what_is_no_event_id_is_refused(server: Server, printed: int, bad: str) -> None:
    headers = {"Last-Event-ID": bad, "Accept": "text/event-stream"}
    answer = server.request(
        "GET", f"/procedures/{printed}/output", params={"follow": "true"}, headers=headers
    )
    _problem(answer, 400, "Last-Event-ID")


def test_following_a_running_procedure_ends_when_it_ends(server: Server) -> None:
    pid = server.create("prints.py")
    server.wait_state(pid, "READY")
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(_follow, server, pid)
        server.start_main(pid, 200)
        *pieces, end = following.result(30)
    text = "".join(piece["data"]["text"] for piece in pieces)
    assert text == server.output(pid)
    assert "line 199\n" in text
    assert end["data"]["state"] == "COMPLETE"


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{", b"rubbish", b"\xff\xfe", b'{"script": NaN}', b'{"a": Infinity}'])
def test_a_body_that_is_not_json_is_400(server: Server, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    _problem(server.request("POST", "/procedures", data=body, headers=headers), 400, "the body is not JSON")


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_number_json_does_not_have_is_refused_wherever_it_stands(server: Server, number: str) -> None:
    body = json.dumps(TRIVIAL)[:-1] + f', "script_args": {{"init": {{"args": [{number}]}}}}}}'
    headers = {"Content-Type": "application/json"}
    _problem(server.request("POST", "/procedures", data=body, headers=headers), 400, "the body is not JSON")


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
    _problem(answer, 404, "^No information available for PID=7000$")


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/procedures/x", "/procedures/-1", "/procedures/1/x", "/ui/x"]
)
def test_an_unknown_path_is_404(server: Server, path: str) -> None:
    _problem(server.request("GET", path), 404)


def test_headers_of_a_proxy_do_not_move_the_application(server: Server) -> None:
    assert server.request("GET", "/procedures", headers={"SCRIPT_NAME": "/foo"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/nothing", "/ska-oso-oet/oet/1/api/v2/procedures", "/favicon.ico"])
def test_a_path_outside_the_api_is_404_and_says_where_the_api_is(server: Server, path: str) -> None:
    _problem(requests.get(f"{_root(server)}{path}", timeout=20), 404, f"the API is at {BASE}")


@pytest.mark.parametrize("path", ["", "/procedures", "/stream"])
def test_the_path_of_another_subarray_is_404_and_says_which_subarray_this_is(
    server: Server, path: str
) -> None:
    address = f"{_root(server)}/ska-oso-oet/oet/2/api/v1{path}"
    found = _problem(requests.get(address, timeout=20), 404)
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
    _problem(answer, 405, "possible are")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/procedures", "text/html"), ("/procedures", "image/*"), ("/stream", "application/xml")],
)
def test_what_is_not_offered_is_406(server: Server, path: str, accept: str) -> None:
    _problem(server.request("GET", path, headers={"Accept": accept}), 406, "this answers")


def test_a_body_over_one_mebibyte_is_413(server: Server) -> None:
    body = TRIVIAL | {"script_args": {"init": {"args": ["x" * 2**20]}}}
    _problem(server.request("POST", "/procedures", json=body), 413, "larger than 1 MiB")


def test_a_body_over_one_mebibyte_of_unknown_length_is_413(server: Server) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 2**16

    # A connection of its own: one the server has just closed would be found out by sending, and chunks cannot
    # be sent twice.
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"{server.url}/procedures", data=chunks(), headers=headers, timeout=60)
    _problem(answer, 413, "larger than 1 MiB")


def test_a_body_a_little_below_one_mebibyte_is_taken(server: Server) -> None:
    body = TRIVIAL | {"script_args": {"init": {"args": ["x" * (2**20 - 300)]}}}
    assert server.request("POST", "/procedures", json=body).status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_of_another_type_is_415(server: Server, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = server.request("POST", "/procedures", data=json.dumps(TRIVIAL).encode(), headers=headers)
    _problem(answer, 415, "Content-Type: application/json")


def _with(**script: Any) -> dict[str, Any]:
    return {"script": TRIVIAL["script"] | script}


def _git(script_uri: str = "git://a.py", **git_args: Any) -> dict[str, Any]:
    return {"script": {"script_type": "git", "script_uri": script_uri, "git_args": git_args}}


@pytest.mark.parametrize(
    ("body", "loc", "text"),
    [
        ({}, ["script"], "Field required"),
        ({"script": None}, ["script"], ""),
        ({"script": {"script_type": "filesystem"}}, ["script", "script_uri"], "Field required"),
        ({"script": {"script_uri": "file://trivial.py"}}, ["script", "script_type"], "Field required"),
        (_with(script_type="tape"), ["script", "script_type"], "filesystem"),
        (_with(script_uri="trivial.py"), ["script", "script_uri"], "must start with 'file://'"),
        (_with(script_uri="git://trivial.py"), ["script", "script_uri"], "must start with 'file://'"),
        (_with(script_uri="file://README.md"), ["script", "script_uri"], "must name a Python file"),
        (_with(script_uri="file://\0.py"), ["script", "script_uri"], "must be text that can name a file"),
        (_with(script_uri=7), ["script", "script_uri"], "string"),
        (_with(create_env=True), ["script", "create_env"], "for scripts of type 'git' only"),
        (_with(git_args={"git_branch": "x"}), ["script", "git_args"], "for scripts of type 'git' only"),
        (_git(script_uri="file://trivial.py"), ["script", "script_uri"], "must start with 'git://'"),
        (_git(script_uri="git:///../etc/x.py"), ["script", "script_uri"], "from the root of the repository"),
        (_git(script_uri="git://a/../../x.py"), ["script", "script_uri"], "from the root of the repository"),
        (_git(git_repo="--upload-pack=x"), ["git_args", "git_repo"], "must be the URL of a repository"),
        (_git(git_repo="/some/where"), ["git_args", "git_repo"], "must be the URL of a repository"),
        (_git(git_repo="ext::sh -c x"), ["git_args", "git_repo"], "must be the URL of a repository"),
        (
            _git(git_repo="https://me:pw@h/x.git"),
            ["git_args", "git_repo"],
            "must not hold a user or password",
        ),
        (_git(git_repo="file:///a/../b"), ["git_args", "git_repo"], "must not contain '..'"),
        (_git(git_branch="--upload-pack=x"), ["git_args", "git_branch"], "cannot be the name of a branch"),
        (_git(git_commit="/some/dir"), ["git_args", "git_commit"], "hexadecimal digits"),
        (_git(git_commit="HEAD~1"), ["git_args", "git_commit"], "hexadecimal digits"),
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
    found = _problem(server.request("POST", "/procedures", json=body), 422)
    assert found["errors"][0]["loc"][-len(loc) :] == loc
    assert text in found["errors"][0]["msg"]
    assert loc[-1] in found["detail"]


def test_the_place_of_an_error_in_the_body_begins_with_body(server: Server) -> None:
    found = _problem(
        server.request("POST", "/procedures", json={"script": {"script_type": "filesystem"}}), 422
    )
    assert found["errors"][0]["loc"] == ["body", "script", "script_uri"]


@pytest.mark.parametrize("body", [[], 7, "x", None, True])
def test_a_body_that_is_json_but_no_object_is_422(server: Server, body: Any) -> None:
    answer = server.request(
        "POST", "/procedures", data=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    _problem(answer, 422, "must be a JSON object")


@pytest.mark.parametrize("state", ["PAUSED", "READY", "", "running", 7])
def test_a_state_nobody_can_ask_for_is_422(server: Server, state: Any) -> None:
    found = _problem(server.put(server.create("trivial.py"), state=state), 422)
    assert found["errors"][0]["loc"][-1] == "state"


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "before=-1", "state=PAUSED", "all=perhaps", "limit=501", "before=" + "9" * 30],
)
def test_a_query_that_is_not_valid_is_422(server: Server, query: str) -> None:
    found = _problem(server.request("GET", f"/procedures?{query}"), 422)
    assert found["errors"][0]["loc"][-1] == query.split("=")[0]


@pytest.mark.parametrize("query", ["stream=stdin", "after=-1", "limit=0", "tail=-1", "follow=perhaps"])
def test_a_query_for_output_that_is_not_valid_is_422(server: Server, printed: int, query: str) -> None:
    _problem(server.request("GET", f"/procedures/{printed}/output?{query}"), 422)


def test_a_file_that_is_not_there_is_422(server: Server) -> None:
    answer = server.request("POST", "/procedures", json=_with(script_uri="file:///no/such/file.py"))
    _problem(answer, 422, "file:///no/such/file.py cannot be read: No such file or directory")


def test_a_folder_is_no_script(server: Server, tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    answer = server.request("POST", "/procedures", json=_with(script_uri=f"file://{tmp_path}/folder.py"))
    _problem(answer, 422, "is not a regular file")


def test_a_link_to_another_kind_of_file_is_no_script(server: Server, tmp_path: Path) -> None:
    (tmp_path / "script.py").symlink_to("/etc/passwd")
    answer = server.request("POST", "/procedures", json=_with(script_uri=f"file://{tmp_path}/script.py"))
    _problem(answer, 422, "must be a Python file")


def test_a_refused_create_leaves_no_procedure_behind(server: Server) -> None:
    before = [p["id"] for p in server.get("/procedures", all="true")]
    for body in ({}, _with(script_uri="file:///no/such/file.py")):
        server.request("POST", "/procedures", json=body)
    assert [p["id"] for p in server.get("/procedures", all="true")] == before


# -- conflicts -------------------------------------------------------------------------------------


def test_a_second_start_is_409_and_says_which_procedure_runs(server: Server) -> None:
    other = server.create("trivial.py")
    server.wait_state(other, "READY")
    running = server.run("diehard.py", "sleeping")
    found = _problem(server.put(other, state="RUNNING"), 409)
    assert found["title"] == "Conflict"
    assert found["detail"] == f"Cannot start procedure {other}: procedure {running} is RUNNING"
    _problem(server.put(running, state="RUNNING"), 409, f"{running}: it is RUNNING")
    server.stop_script(running)
    assert server.put(other, state="RUNNING").status_code == 200


def test_a_procedure_that_is_not_ready_cannot_be_started(server: Server) -> None:
    pid = server.create("hung_init.py")
    server.wait_state(pid, "INITIALISING")
    _problem(server.put(pid, state="RUNNING"), 409, f"{pid}: it is INITIALISING, and only a READY procedure")
    server.stop_script(pid)


def test_a_final_procedure_can_neither_be_started_nor_stopped(server: Server) -> None:
    pid = server.run("trivial.py")
    before = server.ended(pid)
    _problem(server.put(pid, state="RUNNING"), 409, f"Cannot start procedure {pid}: it is COMPLETE")
    _problem(server.put(pid, state="STOPPED"), 409, f"Cannot stop procedure {pid}: it is already COMPLETE")
    assert server.procedure(pid) == before


# -- what gunicorn itself refuses, and rubbish -----------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        b"rubbish\r\n\r\n",
        b"\xff\xfe\xfd\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Big: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: magic\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_with_a_problem_document(server: Server, sent: bytes) -> None:
    status, headers, body = _raw(server, sent)
    assert 400 <= status < 600
    assert headers["content-type"] == "application/problem+json"
    found = json.loads(body)
    assert found["status"] == status
    assert isinstance(found["detail"], str)
    assert int(headers["content-length"]) == len(body)


@pytest.mark.parametrize("path", [f"{BASE}/procedures", f"{BASE}/nothing", "/nothing", f"{BASE}/stream"])
def test_a_head_request_has_no_body_so_that_the_connection_can_go_on(server: Server, path: str) -> None:
    sent = (
        f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    _, _, rest = _raw(server, sent.encode())
    assert rest.startswith(b"HTTP/1.1 200")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from(["application/json", "application/merge+json", "text/plain", ""]),
    method=st.sampled_from(["POST", "PUT"]),
)
def test_random_bytes_are_never_an_error_of_the_server(
    server: Server, body: bytes, kind: str, method: str
) -> None:
    path = "/procedures" if method == "POST" else "/procedures/1"
    answer = server.request(method, path, data=body, headers={"Content-Type": kind})
    assert 400 <= answer.status_code < 500, answer.text
    _problem(answer, answer.status_code)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["script", "script_args", "state", "abort", "x"]),
        values
        | st.dictionaries(st.sampled_from(["script_type", "script_uri", "init", "main", "git_args"]), values),
    )
)
def test_random_json_is_never_an_error_of_the_server(server: Server, body: dict[str, Any]) -> None:
    answer = server.request("POST", "/procedures", data=json.dumps(body), headers=_JSON)
    assert answer.status_code in (400, 422), answer.text
    _problem(answer, answer.status_code)


_JSON = {"Content-Type": "application/json"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_a_random_path_is_never_an_error_of_the_server(server: Server, path: str) -> None:
    for base in (server.url, _root(server)):
        answer = requests.get(f"{base}/procedures/{requests.utils.quote(path, safe='/')}", timeout=20)
        assert answer.status_code < 500, answer.text
        assert answer.status_code == 200 or _problem(answer, answer.status_code)


# -- the same request twice ------------------------------------------------------------------------


def test_the_same_key_twice_creates_one_procedure_and_answers_the_same(server: Server) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first, second = (server.request("POST", "/procedures", json=TRIVIAL, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert server.get("/procedures")[-1]["id"] == first.json()["id"]


def test_the_same_key_at_the_same_time_creates_one_procedure(server: Server) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    with ThreadPoolExecutor(4) as pool:
        asking = [
            pool.submit(requests.post, f"{server.url}/procedures", json=TRIVIAL, headers=headers, timeout=40)
            for _ in range(4)
        ]
        answers = [asked.result() for asked in asking]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_other_keys_and_no_key_are_other_requests(server: Server) -> None:
    made = [
        server.request("POST", "/procedures", json=TRIVIAL, headers=headers).json()["id"]
        for headers in ({"Idempotency-Key": "a"}, {"Idempotency-Key": "b"}, {}, {})
    ]
    assert len(set(made)) == 4


def test_the_same_key_with_another_request_is_422_and_that_is_not_carried_out(server: Server) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    pid = server.request("POST", "/procedures", json=TRIVIAL, headers=headers).json()["id"]
    shown = server.wait_state(pid, "READY")
    for method, path, body in (
        ("POST", "/procedures", _with(script_uri="file://echo.py")),
        ("POST", "/procedures", TRIVIAL | {"script_args": {"init": {"args": [1]}}}),
        ("PUT", f"/procedures/{pid}", {"state": "RUNNING"}),
        ("PUT", f"/procedures/{pid}", {"state": "STOPPED"}),
        ("PUT", f"/procedures/{pid}", {}),
        ("PUT", "/operator/wait_for_qa_ready", {"action": "disable"}),
        ("DELETE", "/environments/none", None),
    ):
        answer = server.request(method, path, json=body, headers=headers)
        _problem(answer, 422, "another request was sent with this Idempotency-Key")
        asked = server.get("/audit", limit=1)[0]
        assert (asked["method"], asked["path"], asked["status"]) == (method, path, 422)
    assert server.procedure(pid) == shown
    assert server.get("/procedures")[-1] == shown
    again = server.request("POST", "/procedures", json=TRIVIAL, headers=headers)
    assert (again.status_code, again.json()["id"]) == (201, pid)


def test_the_same_request_may_be_written_in_another_way(server: Server) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex, **_JSON}
    answers = [
        server.request("POST", "/procedures", data=text, headers=headers).json()
        for text in (
            '{"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}}',
            '{"script":{"script_uri":"file:\\/\\/trivial.py","script_type":"filesystem"}}',
        )
    ]
    assert answers[0] == answers[1]
    assert answers[0]["state"] == "CREATING"


def test_a_key_of_a_request_that_was_not_valid_can_be_used_again(server: Server) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    _problem(server.request("POST", "/procedures", json={"scrip": 1}, headers=headers), 422)
    assert server.request("POST", "/procedures", json=TRIVIAL, headers=headers).status_code == 201


def test_a_refusal_is_repeated_too(server: Server) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = _with(script_uri="file:///no/such/file.py")
    first, second = (server.request("POST", "/procedures", json=body, headers=headers) for _ in range(2))
    assert _problem(first, 422) == _problem(second, 422)


def test_a_start_repeated_with_its_key_is_answered_as_done(server: Server) -> None:
    pid = server.create("diehard.py")
    server.wait_state(pid, "READY")
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"state": "RUNNING", "script_args": {"main": {"args": ["sleeping"]}}}
    first, second = (
        server.request("PUT", f"/procedures/{pid}", json=body, headers=headers) for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    server.stop_script(pid)


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_that_cannot_be_one_is_400(server: Server, key: str) -> None:
    answer = server.request("POST", "/procedures", json=TRIVIAL, headers={"Idempotency-Key": key})
    _problem(answer, 400, "Idempotency-Key")


def test_the_same_key_gives_the_same_answer_also_after_sesworker_was_killed(own_server: Server) -> None:
    headers = {"Idempotency-Key": "one"}
    first = own_server.request("POST", "/procedures", json=TRIVIAL, headers=headers)
    own_server.kill("ses")
    own_server.ready()
    second = own_server.request("POST", "/procedures", json=TRIVIAL, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert [p["id"] for p in own_server.get("/procedures")] == [first.json()["id"]]


# -- health ----------------------------------------------------------------------------------------


def test_health_is_answered_at_the_root(server: Server) -> None:
    alive = requests.get(f"{_root(server)}/livez", timeout=20)
    assert (alive.status_code, alive.json()["status"]) == (200, "alive")
    ready = requests.get(f"{_root(server)}/readyz", timeout=20)
    assert ready.status_code == 200
    said = ready.json()
    assert set(said) == {"status", "workers", "stores"}
    assert said["status"] == "ready"
    assert said["workers"] == dict.fromkeys(("bus", "FlaskWorker", "SESWorker", "ActivityWorker"), "ok")
    central = "ok" if CENTRAL else None
    assert said["stores"] == {"journal": "ok", "central_history": central, "audit_export": None}


def test_without_a_central_history_all_subarrays_are_422_in_one_sentence(server: Server) -> None:
    for path in ("/procedures?all_subarrays=true", "/stream?all_subarrays=true"):
        with server.request("GET", path, headers={"Accept": "*/*"}, stream=True) as answer:
            assert answer.status_code == (200 if CENTRAL else 422)
            if not CENTRAL:
                detail = answer.json()["detail"]
                assert "OET_DATABASE_URL would have to name a PostgreSQL database" in detail


# -- settings and troubles -------------------------------------------------------------------------


def test_scripts_outside_the_allowed_folders_are_422(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "inside out"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "script.py").write_text("def main():\n    pass\n")
    (inside / "link.py").symlink_to(outside / "script.py")
    with serving(tmp_path / "state", OET_SCRIPT_PATHS=str(inside), SCRIPTS_LOCATION=str(inside)) as server:
        assert server.create(f"{inside}/script.py") == 1
        assert server.create("script.py") == 2
        for path in (
            f"{outside}/script.py",
            f"{inside}/link.py",
            f"{inside}/../inside out/script.py",
            "link.py",
        ):
            answer = server.request("POST", "/procedures", json=_with(script_uri=f"file://{path}"))
            _problem(answer, 422, "lies outside the folders scripts may come from")


def test_a_list_full_of_procedures_being_prepared_is_429(tmp_path: Path) -> None:
    with serving(tmp_path / "state", OET_HISTORY="1") as server:
        pid = server.create("hung_import.py")
        answer = server.request("POST", "/procedures", json=TRIVIAL)
        _problem(answer, 429, "1 procedures are running or being prepared")
        assert int(answer.headers["Retry-After"]) > 0
        server.stop_script(pid)
        assert server.request("POST", "/procedures", json=TRIVIAL).status_code == 201


def test_new_work_is_503_while_the_server_is_being_shut_down(own_server: Server) -> None:
    pid = own_server.run("diehard.py", "ignores_sigterm")
    other = own_server.create("trivial.py")
    own_server.wait_state(other, "READY")
    with _events(own_server, procedure=pid) as events:
        assert own_server.process is not None
        own_server.process.send_signal(signal.SIGTERM)
        events.wait(lambda e: e.get("stage") == "terminate")
        answer = own_server.request("POST", "/procedures", json=TRIVIAL)
        _problem(answer, 503, "shutting down")
        assert int(answer.headers["Retry-After"]) > 0
        _problem(own_server.put(pid, state="RUNNING"), 503, "shutting down")
        events.wait(lambda e: e.get("new_state") == "STOPPED")


def _state(thread: int) -> str:
    return Path(f"/proc/{thread}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def frozen() -> Iterator[Callable[[psutil.Process], None]]:
    """Stops processes, and lets them go on in the end."""
    stopped: list[psutil.Process] = []

    def freeze(process: psutil.Process) -> None:
        stopped.append(process)
        process.suspend()
        until(lambda: {_state(thread.id) for thread in process.threads()} == {"T"})

    yield freeze
    for process in stopped:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


def test_a_crowd_that_asks_for_readiness_leaves_threads_for_a_stop(
    own_server: Server, frozen: Callable[[psutil.Process], None]
) -> None:
    pid = own_server.run("diehard.py", "sleeping")
    frozen(own_server.worker("activity"))
    with ThreadPoolExecutor(64) as pool:
        asked = [pool.submit(requests.get, f"{_root(own_server)}/readyz", timeout=60) for _ in range(64)]
        assert own_server.stop_script(pid)["survivors"] == 0
        assert not all(answer.done() for answer in asked)  # those that wait have not ended before the stop
        assert {answer.result().status_code for answer in asked} == {503}


@pytest.fixture
def patient_server(tmp_path: Path) -> Iterator[Server]:
    """A server that goes on waiting for a worker that hangs."""
    with serving(tmp_path / "state", OET_WATCHDOG="none") as found:
        yield found


def test_a_worker_that_does_not_answer_is_504_and_the_request_is_not_carried_out_later(
    patient_server: Server, frozen: Callable[[psutil.Process], None]
) -> None:
    ready = patient_server.create("trivial.py")
    patient_server.wait_state(ready, "READY")
    worker = patient_server.worker("ses")
    frozen(worker)
    with ThreadPoolExecutor(4) as pool:
        making = pool.submit(patient_server.request, "POST", "/procedures", json=TRIVIAL)
        starting = pool.submit(patient_server.put, ready, state="RUNNING")
        asking = pool.submit(patient_server.request, "GET", "/procedures")
        health = requests.get(f"{_root(patient_server)}/readyz", timeout=20)
        assert health.status_code == 503
        assert health.json()["workers"]["SESWorker"].startswith("away")
        assert requests.get(f"{_root(patient_server)}/livez", timeout=20).status_code == 200
        for asked in (making, starting, asking):
            _problem(asked.result(60), 504, "the request was cancelled")
    worker.resume()
    patient_server.ready()
    with _events(patient_server, after=0) as events:
        for topic in ("request.procedure.create", "request.procedure.start"):
            events.wait(
                lambda e, topic=topic: (
                    e.get("event") == "request.failed" and e["kind"] == "timeout" and topic in e["detail"]
                )
            )
    assert [(p["id"], p["state"]) for p in patient_server.get("/procedures")] == [(ready, "READY")]


def test_a_worker_that_is_not_there_is_503_with_retry_after(
    own_server: Server, frozen: Callable[[psutil.Process], None]
) -> None:
    assert own_server.process is not None
    victim = own_server.worker("ses")
    arbiter = psutil.Process(own_server.process.pid)
    frozen(arbiter)  # so that nobody restarts it
    victim.kill()
    until(lambda: victim.status() == psutil.STATUS_ZOMBIE)
    answer = own_server.request("GET", "/procedures")
    _problem(answer, 503, "^SESWorker is being restarted; try again shortly$")
    assert int(answer.headers["Retry-After"]) > 0
    arbiter.resume()
    own_server.ready()
    assert own_server.get("/procedures") == []


def test_without_the_bus_requests_are_503_with_retry_after_and_work_again_when_it_is_back(
    own_server: Server, frozen: Callable[[psutil.Process], None]
) -> None:
    assert own_server.process is not None
    pid = own_server.create("trivial.py")
    victim = own_server.worker("bus")
    arbiter = psutil.Process(own_server.process.pid)
    frozen(arbiter)
    victim.kill()
    until(lambda: victim.status() == psutil.STATUS_ZOMBIE)
    answer = own_server.request("GET", "/procedures")
    _problem(answer, 503, "bus")
    assert int(answer.headers["Retry-After"]) > 0
    arbiter.resume()
    own_server.ready()
    assert [p["id"] for p in own_server.get("/procedures")] == [pid]


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(server: Server) -> None:
    address = urllib.parse.urlsplit(server.url)
    body = json.dumps(TRIVIAL).encode()
    with socket.create_connection((address.hostname, address.port), timeout=10) as client:
        client.sendall(
            f"POST {address.path}/procedures HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Type: application/json\r\n"
            f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        )
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(body)
        assert client.recv(100).startswith(b"HTTP/1.1 201 ")

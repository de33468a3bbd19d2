"""What nobody knows in a request is refused by name, with what may have been meant, and nothing is done."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from ..auth.conftest import commands_asked
from ..conftest import Server
from ..support.activities import Activities, Blocks, inline

FILE = {"script_type": "filesystem", "script_uri": "file://trivial.py"}
GIT = {"script_type": "git", "script_uri": "git://a.py"}

#: Method and path, body, where the unknown field is, and what is said of it.
FIELDS: list[tuple[str, dict[str, Any], list[str], str]] = [
    ("POST /procedures", {"script": FILE, "scriptargs": {}}, ["scriptargs"], "did you mean script_args?"),
    ("POST /procedures", {"script": FILE, "kwargs": {}}, ["kwargs"], "did you mean script_args.init.kwargs?"),
    ("POST /procedures", {"script": FILE, "x": 1}, ["x"], "known are script, script_args"),
    ("POST /procedures", {"script_uri": "file://a.py"}, ["script_uri"], "did you mean script.script_uri?"),
    (
        "POST /procedures",
        {"script": {**FILE, "scripturi": "x"}},
        ["script", "scripturi"],
        "did you mean script_uri?",
    ),
    (
        "POST /procedures",
        {"script": {**GIT, "git_branch": "x"}},
        ["script", "git_branch"],
        "did you mean git_args.git_branch?",
    ),
    (
        "POST /procedures",
        {"script": {**GIT, "git_args": {"branch": "x"}}},
        ["script", "git_args", "branch"],
        "did you mean git_branch?",
    ),
    (
        "POST /procedures",
        {"script": FILE, "script_args": {"int": {}}},
        ["script_args", "int"],
        "did you mean init?",
    ),
    (
        "POST /procedures",
        {"script": FILE, "script_args": {"init": {"kwrags": {}}}},
        ["script_args", "init", "kwrags"],
        "did you mean kwargs?",
    ),
    (
        "POST /procedures",
        {"script": FILE, "script_args": {"init": {"subarray_id": 1}}},
        ["script_args", "init", "subarray_id"],
        "known are args, kwargs",
    ),
    ("PUT /procedures/{}", {"state": "STOPPED", "abrot": True}, ["abrot"], "did you mean abort?"),
    ("PUT /procedures/{}", {"State": "RUNNING"}, ["State"], "did you mean state?"),
    ("PUT /procedures/{}", {"state": "RUNNING", "script": FILE}, ["script"], "did you mean script_args?"),
    (
        "PUT /procedures/{}",
        {"state": "RUNNING", "script_args": {"main": {}, "run": {}}},
        ["script_args", "run"],
        "known are init, main",
    ),
    (
        "POST /activities",
        {"sbd_id": "sbd-1", "activity_name": "observe", "prepare-only": True},
        ["prepare-only"],
        "did you mean prepare_only?",
    ),
    ("PUT /activities/1", {"state": "STOPPED", "run_abort": True}, ["run_abort"], "did you mean abort?"),
    (
        "PUT /operator/wait_for_qa_ready",
        {"action": "enable", "subarray_id": 1},
        ["subarray_id"],
        "known are action",
    ),
    ("POST /drain", {"reson": "x"}, ["reson"], "did you mean reason?"),
    ("POST /resume", {"reason": "x"}, ["reason"], "there are no fields here"),
]

#: Every route of the document that takes a query or none, with a parameter that there is not.
PARAMETERS = [
    ("GET /procedures?al=true", "al: there is no such parameter; did you mean all?"),
    ("GET /procedures?states=READY", "states: there is no such parameter; did you mean state?"),
    ("GET /procedures?Limit=3", "Limit: there is no such parameter; did you mean limit?"),
    ("GET /procedures/{}?all=true", "all: there are no parameters here"),
    ("GET /procedures/{}/output?tial=3", "tial: there is no such parameter; did you mean tail?"),
    ("GET /activities?all_subarrays=true", "all_subarrays: there is no such parameter; "),
    ("GET /stream?topic=x", "topic: there is no such parameter; did you mean topics?"),
    ("GET /audit?sinc=1", "sinc: there is no such parameter; did you mean since?"),
    ("GET /environments?all=true", "all: there are no parameters here"),
    ("GET /status?all=true", "all: there are no parameters here"),
    ("GET /auth?x=1", "x: there are no parameters here"),
    ("GET /operator/wait_for_qa_ready?x=1", "x: there are no parameters here"),
    ("POST /procedures?create_env=true", "create_env: there are no parameters here"),
    ("PUT /procedures/{}?abort=true", "abort: there are no parameters here"),
    ("DELETE /environments/x?force=true", "force: there are no parameters here"),
    (
        "GET /procedures?al=true&limt=3",
        "al: there is no such parameter; did you mean all?; limt: there",
    ),
]


def _refused(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(("what", "body", "place", "said"), FIELDS)
def test_an_unknown_field_is_refused_by_its_name_and_nothing_is_done(
    server: Server, what: str, body: dict[str, Any], place: list[str], said: str
) -> None:
    pid = server.create("trivial.py")
    before, asked = server.wait_state(pid, "READY"), commands_asked(server)
    method, path = what.format(pid).split()
    found = _refused(server.request(method, path, json=body))
    assert found["errors"][0]["loc"] == ["body", *place]
    assert found["detail"].startswith(f"{'.'.join(place)}: ")
    assert said in found["detail"]
    assert server.procedure(pid) == before
    assert commands_asked(server) == asked


@pytest.mark.parametrize(("what", "said"), PARAMETERS)
def test_an_unknown_parameter_is_refused_by_its_name(server: Server, what: str, said: str) -> None:
    method, path = what.format(server.create("trivial.py")).split()
    more = {"json": {"state": "STOPPED"}} if method in ("PUT", "POST") else {}
    asked = commands_asked(server)
    found = _refused(server.request(method, path, headers={"Accept": "*/*"}, **more))
    assert found["detail"].startswith(said)
    assert [e["loc"][0] for e in found["errors"]] == ["query"] * len(found["errors"])
    assert commands_asked(server) == asked


def test_all_that_is_unknown_is_named_up_to_ten(server: Server) -> None:
    found = _refused(server.request("POST", "/procedures", json={f"x{n}": n for n in range(5_000)}))
    assert [e["loc"] for e in found["errors"]] == [["body", f"x{n}"] for n in range(10)]
    assert found["detail"].count("there is no such field") == 10


def test_nothing_counts_that_is_contradicted_by_what_comes_after(server: Server) -> None:
    pid = server.create("trivial.py")
    twice = '{"state": "RUNNING", "state": "STOPPED"}'
    answer = server.request(
        "PUT", f"/procedures/{pid}", data=twice, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["detail"] == "the body is not JSON: 'state' is given more than once"
    found = _refused(server.request("GET", "/procedures?limit=3&limit=4"))
    assert found["detail"] == "limit: it is given more than once"


def test_arguments_of_scripts_may_have_any_name(server: Server) -> None:
    body = {"script": FILE, "script_args": {"init": {"kwargs": {"scriptargs": 1, "state": 2}}}}
    assert server.request("POST", "/procedures", json=body).status_code == 201


def test_probes_browsers_and_providers_may_add_what_they_like(server: Server) -> None:
    root = server.url.split("/ska-oso-oet")[0]
    for address in (f"{root}/livez", f"{root}/readyz", f"{root}/metrics", f"{server.url}/openapi.json"):
        assert requests.get(address, params={"verbose": ""}, timeout=20).status_code == 200
    callback = server.request(
        "GET", "/ui/oauth2-redirect.html?code=1&state=2", headers={"Accept": "text/html"}
    )
    assert callback.status_code == 200


# -- what earlier clients send ---------------------------------------------------------------------


def test_a_procedure_may_be_sent_back_as_it_was_read_with_another_state(server: Server) -> None:
    pid = server.create("trivial.py", "goodbye", subarray_id=1)
    read = server.wait_state(pid, "READY")
    assert server.request("PUT", f"/procedures/{pid}", json={**read, "state": None}).json() == read
    started = server.request("PUT", f"/procedures/{pid}", json={**read, "state": "RUNNING"})
    assert started.status_code == 200, started.text
    assert server.ended(pid)["state"] == "COMPLETE"


def test_what_earlier_releases_have_shown_may_be_sent_back(server: Server) -> None:
    pid = server.create("trivial.py")
    server.wait_state(pid, "READY")
    shown = {
        "uri": f"http://localhost:5000/api/v1.0/procedures/{pid}",
        "script": {"script_type": "filesystem", "script_uri": "file://trivial.py"},
        "script_args": {
            "init": {"args": [], "kwargs": {}},
            "run": {"args": [14.0], "kwargs": {"simulate": False}},
        },
        "history": {"process_states": [["READY", 1601463545.7789776]], "stacktrace": None},
        "state": "RUNNING",
    }
    assert server.request("PUT", f"/procedures/{pid}", json=shown).status_code == 200
    main = server.ended(pid)["script_args"]["main"]
    assert (main["args"], main["kwargs"]["simulate"]) == ([14.0], False)


def test_arguments_of_main_may_be_called_those_of_run(server: Server) -> None:
    pid = server.create("trivial.py")
    server.wait_state(pid, "READY")
    body = {"script_args": {"run": {"args": [], "kwargs": {"scan_duration": 14.0}}}, "state": "RUNNING"}
    assert server.request("PUT", f"/procedures/{pid}", json=body).status_code == 200
    assert server.ended(pid)["script_args"]["main"]["kwargs"]["scan_duration"] == 14.0


def test_all_that_earlier_clients_send_is_taken(server: Server) -> None:
    git = {"git_repo": "https://nowhere.invalid/x.git", "git_branch": "test", "git_commit": None}
    for script in (
        {**FILE},
        {**FILE, "git_args": None, "create_env": False},
        {**GIT, "git_args": {}},
        {**GIT, "git_args": git, "create_env": False},
    ):
        body = {"script": script, "script_args": {"init": {"args": [1], "kwargs": {"subarray_id": 1}}}}
        answer = server.request("POST", "/procedures", json=body)
        assert answer.status_code == 201, answer.text
        stop = {"abort": False, "state": "STOPPED"}
        answer = server.request("PUT", f"/procedures/{answer.json()['id']}", json=stop)
        assert answer.status_code in (200, 409)  # it may have failed already
    Blocks(server).add("sbd-1", {"observe": inline("def main(*args, **kwargs):\n    pass\n")})
    arguments = {"init": {"args": None, "kwargs": {"foo": "bar"}}}
    body = {"prepare_only": False, "create_env": False, "script_args": arguments}
    ended = Activities(server).ended(Activities(server).run("sbd-1", **body)["id"])
    assert ended["script_args"]["init"]["kwargs"]["foo"] == "bar"

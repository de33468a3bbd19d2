"""The same request twice: Idempotency-Key."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from ..conftest import Server
from .answers import JSON, TRIVIAL, asks, problem


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
        ("POST", "/procedures", asks(script_uri="file://echo.py")),
        ("POST", "/procedures", TRIVIAL | {"script_args": {"init": {"args": [1]}}}),
        ("PUT", f"/procedures/{pid}", {"state": "RUNNING"}),
        ("PUT", f"/procedures/{pid}", {"state": "STOPPED"}),
        ("PUT", f"/procedures/{pid}", {}),
        ("PUT", "/operator/wait_for_qa_ready", {"action": "disable"}),
        ("DELETE", "/environments/none", None),
    ):
        answer = server.request(method, path, json=body, headers=headers)
        problem(answer, 422, "another request was sent with this Idempotency-Key")
        asked = server.get("/audit", limit=1)[0]
        assert (asked["method"], asked["path"], asked["status"]) == (method, path, 422)
    assert server.procedure(pid) == shown
    assert server.get("/procedures")[-1] == shown
    again = server.request("POST", "/procedures", json=TRIVIAL, headers=headers)
    assert (again.status_code, again.json()["id"]) == (201, pid)


def test_the_same_request_may_be_written_in_another_way(server: Server) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex, **JSON}
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
    problem(server.request("POST", "/procedures", json={"scrip": 1}, headers=headers), 422)
    assert server.request("POST", "/procedures", json=TRIVIAL, headers=headers).status_code == 201


def test_a_refusal_is_repeated_too(server: Server) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = asks(script_uri="file:///no/such/file.py")
    first, second = (server.request("POST", "/procedures", json=body, headers=headers) for _ in range(2))
    assert problem(first, 422) == problem(second, 422)


def test_a_start_repeated_with_its_key_is_answered_as_done(server: Server) -> None:
    pid = server.create("diehard.py")
    server.wait_state(pid, "READY")
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"state": "RUNNING", "script_args": {"main": {"args": ["sleeping"]}}}
    first, second = (
        server.request("PUT", f"/procedures/{pid}", json=body, headers=headers) for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (200, 200)
    of_the_moment = dict.fromkeys(("elapsed", "remaining"))
    assert first.json() | of_the_moment == second.json() | of_the_moment
    server.stop_script(pid)


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_that_cannot_be_one_is_400(server: Server, key: str) -> None:
    answer = server.request("POST", "/procedures", json=TRIVIAL, headers={"Idempotency-Key": key})
    problem(answer, 400, "Idempotency-Key")


def test_the_same_key_gives_the_same_answer_also_after_sesworker_was_killed(new_server: Server) -> None:
    headers = {"Idempotency-Key": "one"}
    first = new_server.request("POST", "/procedures", json=TRIVIAL, headers=headers)
    new_server.kill("ses")
    new_server.ready()
    second = new_server.request("POST", "/procedures", json=TRIVIAL, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert [p["id"] for p in new_server.get("/procedures")] == [first.json()["id"]]


def test_commands_that_change_nothing_are_each_on_record_though_they_share_answers(server: Server) -> None:
    pid = server.create("trivial.py")
    path = f"/procedures/{pid}"
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: server.request("PUT", path, json={}), range(64)))
    assert {answer.status_code for answer in answers} == {200}
    asked = [record for record in server.get("/audit", limit=100) if record["path"] == path]
    assert [record["status"] for record in asked] == [200] * 64

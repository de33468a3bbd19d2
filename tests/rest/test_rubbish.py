"""Rubbish and random input are refused, and are never an error of the server."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ska_oso_oet.web.server.gunicorn_log import Bounded

from ..conftest import Server
from .answers import BASE, JSON, problem, raw, root


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
    status, headers, body = raw(server, sent)
    assert 400 <= status < 600
    assert headers["content-type"] == "application/problem+json"
    found = json.loads(body)
    assert found["status"] == status
    assert isinstance(found["detail"], str)
    assert int(headers["content-length"]) == len(body)


def test_rubbish_fills_no_log(new_server: Server) -> None:
    for _ in range(200):
        raw(new_server, b"A" * 8000 + b"\r\n\r\n")
    lines = [line for line in new_server.log.read_text().splitlines() if "AAAA" in line]
    assert 0 < len(lines) < 200
    assert max(map(len, lines)) < 500


def test_lines_that_are_too_many_are_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    log = logging.getLogger("test.bounded")
    log.addFilter(Bounded(lambda: now))
    for number in range(100):
        log.warning("%d: %s", number, "x" * 1000)
    now = 100.0
    log.warning("later")
    assert len(caplog.messages) == 61
    assert caplog.messages[0] == "0: " + "x" * 197 + "…"
    assert caplog.messages[-1] == "later; 40 more such lines were left out"


@pytest.mark.parametrize("path", [f"{BASE}/procedures", f"{BASE}/nothing", "/nothing", f"{BASE}/stream"])
def test_a_head_request_has_no_body_so_that_the_connection_can_go_on(server: Server, path: str) -> None:
    sent = (
        f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    _, _, rest = raw(server, sent.encode())
    assert rest.startswith(b"HTTP/1.1 200")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    problem(answer, answer.status_code)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["script", "script_args", "state", "abort", "x"]),
        values
        | st.dictionaries(st.sampled_from(["script_type", "script_uri", "init", "main", "git_args"]), values),
    )
)
def test_random_json_is_never_an_error_of_the_server(server: Server, body: dict[str, Any]) -> None:
    answer = server.request("POST", "/procedures", data=json.dumps(body), headers=JSON)
    assert answer.status_code in (400, 422), answer.text
    problem(answer, answer.status_code)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_a_random_path_is_never_an_error_of_the_server(server: Server, path: str) -> None:
    for base in (server.url, root(server)):
        answer = requests.get(f"{base}/procedures/{requests.utils.quote(path, safe='/')}", timeout=20)
        assert answer.status_code < 500, answer.text
        assert answer.status_code == 200 or problem(answer, answer.status_code)

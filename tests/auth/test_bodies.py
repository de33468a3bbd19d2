"""Bodies that arrive slowly, or never whole, hold nobody up; of those who may not command nothing is read."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from ..conftest import Server, serving, until
from ..support.issuer import Issuer
from .conftest import bearer, guarded

START = b'{"state": "RUNNING", "script_args": {"main": {"args": ["sleeping"]}}}'
STOP = b'{"state": "STOPPED"}'
STRANGERS = 200
OF_A_USER, OF_AN_ADDRESS = 8, 32  #: bodies that are waited for at once

HALVES = {
    "chunks": b"Transfer-Encoding: chunked\r\n\r\n5\r\n{    \r\n",
    "no chunk": b"Transfer-Encoding: chunked\r\n\r\n",
    "half a size": b"Transfer-Encoding: chunked\r\n\r\n1",
    "length": b"Content-Length: 100\r\n\r\n{",
    "large": b"Content-Length: 500000\r\n\r\n{" + b" " * 70_000,
    "expectation": b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
}


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as found:
        yield found


@pytest.fixture(scope="module")
def oet(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with guarded(tmp_path_factory.mktemp("oet") / "state", issuer) as found:
        yield found


@pytest.fixture(scope="module")
def open_oet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that serves everybody, behind a proxy that says from where they come."""
    state = tmp_path_factory.mktemp("oet") / "state"
    with serving(state, OET_AUTH="off", OET_TRUSTED_PROXIES="127.0.0.1") as found:
        yield found


def begin(
    oet: Server,
    stack: contextlib.ExitStack,
    half: bytes,
    path: str = "/procedures",
    method: str = "POST",
    **headers: str,
) -> socket.socket:
    """A client that has sent a head, and no more of the body than this."""
    address = urlsplit(oet.url)
    client = stack.enter_context(socket.create_connection((address.hostname, address.port)))
    client.settimeout(30)
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines = [f"{method} {address.path}{path} HTTP/1.1", "Host: a", "Content-Type: application/json", *lines]
    client.sendall("\r\n".join([*lines, ""]).encode() + half)
    return client


def answer(client: socket.socket) -> bytes:
    """Everything a client is told until the connection is closed."""
    told = b""
    while part := client.recv(65536):
        told += part
    return told


def answered(clients: list[socket.socket]) -> list[socket.socket]:
    return select.select(clients, [], [], 0)[0]


def starts_and_stops(oet: Server, headers: dict[str, str]) -> None:
    """A start and a stop, with bodies in chunks and with a length, are answered."""
    said = {"Content-Type": "application/json", **headers}
    for in_chunks in (True, False):
        pid = _create(oet, headers)
        for body in (START, STOP):
            data = iter([body[:9], body[9:]]) if in_chunks else body
            url = f"{oet.url}/procedures/{pid}"
            found = requests.put(url, data=data, headers=said, timeout=30)  # type: ignore[arg-type]
            assert found.status_code == 200, found.text


def _create(oet: Server, headers: dict[str, str]) -> int:
    oet.session.headers.update(headers)
    pid = oet.create("diehard.py")
    oet.wait_state(pid, "READY")
    return pid


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("token", [None, "no.token.atall"])
def test_without_a_valid_token_the_answer_comes_before_the_body(
    oet: Server, stack: contextlib.ExitStack, half: str, token: str | None
) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    for method, path in (("POST", "/procedures"), ("PUT", "/procedures/1"), ("POST", "/nothing")):
        told = answer(begin(oet, stack, HALVES[half], path, method, **headers))
        head, _, body = told.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 401"), told
        assert re.search(rb"(?i)\r\nconnection: close", head)
        assert json.loads(body)["status"] == 401


def test_who_may_not_command_hears_it_before_the_body(
    oet: Server, issuer: Issuer, stack: contextlib.ExitStack
) -> None:
    told = answer(begin(oet, stack, HALVES["chunks"], **bearer(issuer.token(scope="oet:read"))))
    assert told.startswith(b"HTTP/1.1 403")


def test_a_body_that_is_refused_for_what_its_head_says_is_not_waited_for(
    oet: Server, issuer: Issuer, stack: contextlib.ExitStack
) -> None:
    token = bearer(issuer.token(scope="oet:execute"))
    for path, half, method, status in (
        ("/procedures", b"Content-Length: 2000000\r\n\r\n{", "POST", 413),
        ("/procedures", HALVES["chunks"], "DELETE", 405),
        ("/nothing", HALVES["chunks"], "POST", 404),
        ("/livez", HALVES["chunks"], "GET", 200),
        ("/procedures", HALVES["length"], "GET", 200),
    ):
        told = answer(begin(oet, stack, half, path, method, **token))
        assert told.startswith(f"HTTP/1.1 {status}".encode()), told


def test_a_stranger_who_sends_everything_first_sees_the_answer(
    oet: Server, stack: contextlib.ExitStack
) -> None:
    client = begin(oet, stack, b"Content-Length: 5000000\r\n\r\n" + b"x" * 5_000_000)
    assert answer(client).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("half", HALVES)
def test_strangers_hold_up_no_start_and_no_stop(
    oet: Server, issuer: Issuer, stack: contextlib.ExitStack, half: str
) -> None:
    for _ in range(STRANGERS):
        begin(oet, stack, HALVES[half])
    starts_and_stops(oet, bearer(issuer.token(scope="oet:execute", sub="right")))


def test_one_user_s_halves_hold_up_no_other_user(
    oet: Server, issuer: Issuer, stack: contextlib.ExitStack
) -> None:
    mine, other = (bearer(issuer.token(scope="oet:execute", sub=name)) for name in ("right", "other"))
    body = json.dumps({"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}}).encode()
    slow = begin(oet, stack, b"Content-Length: %d\r\n\r\n%b" % (len(body), body[:10]), **mine)
    theirs = [begin(oet, stack, HALVES["chunks"], **other) for _ in range(STRANGERS)]
    starts_and_stops(oet, mine)
    # The newest of theirs are still waited for; all others were told why they are not.
    until(lambda: len(answered(theirs)) == STRANGERS - OF_A_USER)
    for said in map(answer, answered(theirs)):
        assert said.startswith(b"HTTP/1.1 429")
        assert b"\r\nRetry-After: " in said
    assert slow not in answered([slow])
    slow.sendall(body[10:])
    assert slow.recv(100).startswith(b"HTTP/1.1 201")


def test_where_nobody_is_asked_one_address_s_halves_hold_up_no_other(
    open_oet: Server, stack: contextlib.ExitStack
) -> None:
    mine, other = {"X-Forwarded-For": "10.0.0.1"}, {"X-Forwarded-For": "10.0.0.2"}
    slow = begin(open_oet, stack, b"Content-Length: %d\r\n\r\n%b" % (20, b'{"script'), **mine)
    theirs = [begin(open_oet, stack, HALVES["chunks"], **other) for _ in range(STRANGERS)]
    starts_and_stops(open_oet, mine)
    until(lambda: len(answered(theirs)) == STRANGERS - OF_AN_ADDRESS)
    assert all(answer(client).startswith(b"HTTP/1.1 429") for client in answered(theirs))
    assert slow not in answered([slow])
    slow.sendall(b'": null}    ')
    assert slow.recv(100).startswith(b"HTTP/1.1 422")


def test_at_the_same_address_halves_hold_up_no_start_and_no_stop(
    open_oet: Server, stack: contextlib.ExitStack
) -> None:
    for half in HALVES.values():
        for _ in range(STRANGERS):
            begin(open_oet, stack, half)
    starts_and_stops(open_oet, {})


def test_bodies_that_arrive_have_bounded_memory_however_many_send_them(
    open_oet: Server, stack: contextlib.ExitStack
) -> None:
    worker: psutil.Process = open_oet.worker("rest").children()[0]
    before = worker.memory_info().rss
    slow = begin(open_oet, stack, b"Content-Length: 20\r\n\r\n{", X_Forwarded_For="10.2.0.1")
    for n in range(STRANGERS):
        half = b"Content-Length: 1000000\r\n\r\n" + b" " * 900_000
        begin(open_oet, stack, half, X_Forwarded_For=f"10.1.0.{n % 20}")
    starts_and_stops(open_oet, {})
    assert worker.memory_info().rss - before < 2**26 + 2**25  # what is documented, and some for handling it
    assert answered([slow]) == []
    slow.sendall(b" " * 19)
    assert slow.recv(100).startswith(b"HTTP/1.1 400")


def test_names_in_bodies_are_not_kept_once_they_are_refused(open_oet: Server) -> None:
    worker: psutil.Process = open_oet.worker("rest").children()[0]

    def memory_after(first: int) -> int:
        for n in range(first, first + 10):
            name = f"{n}\U0001f600" + "k" * 1_000_000  # four bytes a letter
            body = json.dumps({name: 1}, ensure_ascii=False).encode()
            headers = {"Content-Type": "application/json"}
            assert open_oet.request("POST", "/resume", data=body, headers=headers).status_code == 422
        return worker.memory_info().rss

    sizes = [memory_after(first) for first in (0, 10, 20, 30)]
    # What is kept makes every round grow by 40 MB; what is not settles once each thread has its share.
    assert min(later - earlier for earlier, later in itertools.pairwise(sizes)) < 2**24


def test_slow_heads_hold_up_no_start_and_no_stop(
    oet: Server, issuer: Issuer, stack: contextlib.ExitStack
) -> None:
    token = bearer(issuer.token(scope="oet:execute"))
    slow = [begin(oet, stack, b"Cookie: x", **token) for _ in range(500)]
    starts_and_stops(oet, token)
    assert answered(slow) == []


def test_a_head_without_end_is_refused(oet: Server, stack: contextlib.ExitStack) -> None:
    client = begin(oet, stack, b"Cookie: " + b"x" * 70_000)
    assert answer(client).startswith(b"HTTP/1.1 431")


def test_a_client_that_asks_whether_to_send_its_body_is_told_to(
    oet: Server, issuer: Issuer, stack: contextlib.ExitStack
) -> None:
    token = bearer(issuer.token(scope="oet:execute"))
    half = b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
    client = begin(oet, stack, half, **token)
    assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"{}")
    assert answer(client).startswith(b"HTTP/1.1 422")


def test_requests_that_come_in_a_row_are_answered_in_their_order(
    oet: Server, issuer: Issuer, stack: contextlib.ExitStack
) -> None:
    token = bearer(issuer.token(scope="oet:execute"))
    path = urlsplit(oet.url).path
    head = (
        f"Host: a\r\nContent-Type: application/json\r\nAuthorization: {token['Authorization']}\r\n".encode()
    )
    put = f"PUT {path}/procedures/7000 HTTP/1.1\r\n".encode() + head
    chunked = put + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    text = chunked + put + b"Content-Length: 2\r\n\r\n{}" + chunked
    text += f"GET {path}/auth HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
    for at in (len(chunked) // 2, len(chunked), len(text) - 10):  # where it pauses
        address = urlsplit(oet.url)
        client = stack.enter_context(socket.create_connection((address.hostname, address.port)))
        client.settimeout(30)
        client.sendall(text[:at])
        select.select([client], [], [], 0.2)  # answered what can be
        client.sendall(text[at:])
        statuses = re.findall(rb"HTTP/1.1 (\d+)", answer(client))
        assert statuses == [b"404", b"404", b"404", b"200"]


@pytest.mark.long
def test_a_body_that_never_comes_is_answered_in_time(
    oet: Server, issuer: Issuer, stack: contextlib.ExitStack, tmp_path: Path
) -> None:
    began = time.monotonic()
    for half in ("chunks", "length"):
        client = begin(oet, stack, HALVES[half], **bearer(issuer.token(scope="oet:execute")))
        assert b"took too long to arrive" in answer(client)
        assert time.monotonic() - began < 45

"""Strangers, however many and from wherever, stand behind users; whoever asks for readiness is told."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from ..conftest import Server
from ..support.issuer import Issuer
from .conftest import guarded, log_in

_CROWD = 300


@pytest.fixture(scope="module")
def oet(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with guarded(tmp_path_factory.mktemp("oet") / "state", issuer, OET_WATCHDOG="none") as found:
        yield found


@pytest.fixture
def connect(oet: Server) -> Iterator[Callable[[str], socket.socket]]:
    port = urlsplit(oet.url).port
    with contextlib.ExitStack() as stack:

        def connect(source: str) -> socket.socket:
            client = stack.enter_context(socket.socket())
            client.settimeout(60)
            client.bind((source, 0))
            client.connect(("127.0.0.1", port))
            return client

        yield connect


def _forged(issuer: Issuer) -> str:
    """A token with a known key that nobody has signed."""
    head, claims, _ = issuer.token(scope="oet:execute").split(".")
    return f"{head}.{claims}.{'A' * 342}"


TOKENS: dict[str, Callable[[Issuer], str]] = {
    "none": lambda _: "",
    "forged": lambda issuer: f"Authorization: Bearer {_forged(issuer)}\r\n",
    "too long": lambda _: f"Authorization: Bearer {'x.' * 7000}\r\n",
}


def _request(method: str, path: str, more: str = "", body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: oet\r\nConnection: close\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n{more}\r\n".encode() + body


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("source", ["127.0.0.1", "127.2.{}.{}"])
def test_a_command_with_a_new_token_does_not_wait_for_a_crowd_of_strangers(
    oet: Server, issuer: Issuer, connect: Callable[[str], socket.socket], source: str, token: str
) -> None:
    renewed = f"Authorization: Bearer {issuer.token(scope='oet:execute', renewed=time.time())}\r\n"
    (worker,) = oet.worker("rest").children()
    worker.suspend()  # so that the command arrives with the crowd, and last
    try:
        crowd = [connect(source.format(n // 250, 1 + n % 250)) for n in range(_CROWD)]
        base = urlsplit(oet.url).path
        asked = _request("POST", f"{base}/drain", TOKENS[token](issuer))
        for client in crowd:
            client.sendall(asked)
        command = connect("127.0.0.1")
        command.sendall(_request("PUT", f"{base}/procedures/1", renewed, b'{"state": "?"}'))  # asks nobody
    finally:
        worker.resume()
    assert command.recv(12) == b"HTTP/1.1 422"
    answered, _, _ = select.select(crowd, [], [], 0)
    assert len(answered) < _CROWD
    assert all(client.recv(12) == b"HTTP/1.1 401" for client in crowd)


def test_readiness_is_told_to_each_of_a_crowd(oet: Server, connect: Callable[[str], socket.socket]) -> None:
    for path in ("/readyz", f"{urlsplit(oet.url).path}/readyz"):
        clients = [connect(f"127.2.0.{1 + number % 3}") for number in range(60)]
        for client in clients:
            client.sendall(_request("GET", path))
        assert all(client.recv(12) == b"HTTP/1.1 200" for client in clients)


def test_a_server_with_one_thread_answers_strangers(issuer: Issuer, tmp_path: Path) -> None:
    with guarded(tmp_path / "state", issuer, OET_WEB_THREADS="1") as server:
        assert requests.get(f"{server.url}/procedures", timeout=30).status_code == 401
        log_in(server, issuer)
        assert server.get("/procedures") == []

"""Clients that do not take their answers, do not go, or are too many, stand in nobody's way."""

from __future__ import annotations

import contextlib
import resource
import socket
import urllib.parse
from collections.abc import Iterator

import psutil
import pytest
import requests

from ska_oso_oet.web.server.lingering_close import BufferedSocket

from ..conftest import Server

_PATIENCE = 10.0  #: seconds; one such client held the server up for two, or thirty


@pytest.fixture
def clients(oet: Server) -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as found:
        yield found


def _connect(oet: Server, clients: contextlib.ExitStack) -> socket.socket:
    address = urllib.parse.urlsplit(oet.url)
    client = clients.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.connect((address.hostname, address.port))
    return client


def _large(oet: Server, more: str = "") -> bytes:
    path = urllib.parse.urlsplit(oet.url).path
    return f"GET {path}/ui/js/swagger-ui-bundle.js HTTP/1.1\r\nHost: oet\r\n{more}\r\n".encode()


def _answers(oet: Server) -> bool:
    return requests.get(f"{oet.url}/livez", timeout=_PATIENCE).status_code == 200


def test_what_is_not_taken_is_kept_in_order_and_nobody_waits() -> None:
    near, far = socket.socketpair()
    with BufferedSocket(fileno=near.detach()) as sender, far:
        told = [bytes([number]) * 300_000 for number in range(4)]
        for part in told:
            sender.sendall(part)
        assert sender.unsent
        taken = b""
        while len(taken) < sum(map(len, told)):
            taken += far.recv(2**20)
            sender.send_unsent()
        assert taken == b"".join(told)


def test_clients_that_read_nothing_hold_no_thread(oet: Server, clients: contextlib.ExitStack) -> None:
    slow = [_connect(oet, clients) for _ in range(20)]
    for _ in range(4):
        for client in slow:
            client.sendall(_large(oet))
        assert _answers(oet)


def test_a_client_that_reads_slowly_gets_all_it_asked_for(oet: Server, clients: contextlib.ExitStack) -> None:
    expected = requests.get(f"{oet.url}/ui/js/swagger-ui-bundle.js", timeout=20).content
    client = _connect(oet, clients)
    client.sendall(_large(oet) * 2 + _large(oet, "Connection: close\r\n"))
    taken = bytearray()
    while part := client.recv(2**16):
        taken += part
    assert taken.count(expected) == 3


def test_clients_that_do_not_close_hold_nobody_up(oet: Server, clients: contextlib.ExitStack) -> None:
    for said in (b"GET /livez HTTP/1.1\r\nHost: oet\r\nConnection: close\r\n\r\n", b"rubbish\r\n\r\n"):
        for _ in range(20):
            client = _connect(oet, clients)
            client.sendall(said)
            client.settimeout(_PATIENCE)
            assert client.recv(5) == b"HTTP/"


def test_of_too_many_that_say_nothing_the_oldest_must_go(oet: Server, clients: contextlib.ExitStack) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, before[1]), before[1]))
    clients.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
    silent = [_connect(oet, clients) for _ in range(2100)]
    assert _answers(oet)
    silent[0].settimeout(_PATIENCE)
    assert silent[0].recv(1) == b""


def test_more_connections_than_open_files_end_no_worker(oet: Server, clients: contextlib.ExitStack) -> None:
    worker: psutil.Process = oet.worker("rest").children()[0]
    before = worker.rlimit(psutil.RLIMIT_NOFILE)
    clients.callback(worker.rlimit, psutil.RLIMIT_NOFILE, before)
    worker.rlimit(psutil.RLIMIT_NOFILE, (worker.num_fds() + 20, before[1]))
    for _ in range(60):
        _connect(oet, clients)
    assert _answers(oet)
    assert worker.is_running()
    assert oet.worker("rest").children()[0] == worker

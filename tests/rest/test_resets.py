"""Whatever happens to one connection, at any moment, only that connection ends."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.config import Config

from ska_oso_oet.web.server.gunicorn_log import Log
from ska_oso_oet.web.server.worker import BufferingWorker

from ..conftest import Events, Server, until
from .answers import BASE, root

_RESET = struct.pack("ii", 1, 0)  #: for SO_LINGER: close with RST
_HEAD = f"POST {BASE}/resume HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n".encode()
_LARGE = f"GET {BASE}/ui/js/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

#: What a client sends before it resets its connection, and the beginning of what it has heard by then.
PHASES = {
    "nothing": (b"", b""),
    "half a head": (_HEAD, b""),
    "an expectation": (_HEAD + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n", b""),
    "an expectation that was met": (
        _HEAD + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
        b"HTTP/1.1 100 Continue",
    ),
    "half a body": (_HEAD + b"Content-Length: 100\r\n\r\n{", b""),
    "half a chunk": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", b""),
    "a request": (_HEAD + b"Content-Length: 2\r\n\r\n{}", b""),
    "a request that was answered": (_HEAD + b"Content-Length: 2\r\n\r\n{}", b"HTTP/1.1 200 OK"),
    "half an answer": (_LARGE, b"HTTP/1.1 200 OK"),
    "rubbish": (b"rubbish\r\n\r\n", b""),
    "a refusal": (b"rubbish\r\n\r\n", b"HTTP/1.1 400"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2, b""),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_client_that_resets_its_connection_ends_nobody_elses(server: Server, phase: str) -> None:
    sent, heard = PHASES[phase]
    workers = [process.pid for process in server.worker("rest").children()]
    listener = Events(server)
    port = int(root(server).rpartition(":")[2])
    for _ in range(100):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.sendall(sent)
            assert not heard or client.recv(100).startswith(heard)
    assert server.request("GET", "/procedures").status_code == 200
    assert [process.pid for process in server.worker("rest").children()] == workers
    assert not listener.ended


class _Failing(BufferingWorker):
    """Fails at one step of every connection."""

    step = ""

    def init_signals(self) -> None:
        pass

    def load_wsgi(self) -> None:
        pass

    def handle(self, conn: Any) -> bool:
        return False

    def _hand_over(self, conn: Any) -> None:
        self._fail_at("hand over", conn)
        super()._hand_over(conn)

    def finish_request(self, conn: Any, future: Any) -> None:
        self._fail_at("finish", conn)
        super().finish_request(conn, future)

    def _fail_at(self, step: str, conn: Any) -> None:
        if step == self.step:
            raise RuntimeError(step)


@pytest.fixture
def failing() -> Iterator[_Failing]:
    listener = socket.create_server(("127.0.0.1", 0))
    cfg = Config()
    cfg.set("threads", 2)
    worker = _Failing(0, os.getppid(), [listener], None, 0, cfg, Log(cfg))
    serving = threading.Thread(target=worker.init_process)
    serving.start()
    until(lambda: worker.booted)
    yield worker
    worker.handle_exit(0, None)
    serving.join(20)
    worker.tmp.close()
    assert not serving.is_alive()


@pytest.mark.parametrize("step", ["hand over", "finish"])
def test_a_failure_of_the_server_itself_ends_the_connection_it_concerns(failing: _Failing, step: str) -> None:
    address = failing.sockets[0].getsockname()
    with socket.create_connection(address, timeout=20) as other:
        failing.step = step
        for _ in range(10):
            with socket.create_connection(address, timeout=20) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert client.recv(1) == b""
        failing.step = ""
        assert failing.nr_conns == 1
        other.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert other.recv(1) == b""
    until(lambda: failing.nr_conns == 0)

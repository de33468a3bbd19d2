"""Servers of others may be slow, endless or curious; requests to them end, and tell nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from ska_oso_oet.outgoing.bounded_session import BoundedSession, TooLarge

OK = b"HTTP/1.1 200 OK\r\n"


class Odd:
    """A server that answers in one odd way, until the client hangs up."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"
        self.asked = b""
        self.hung_up = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listening.accept()
            with connection:
                while b"\r\n\r\n" not in self.asked:
                    self.asked += connection.recv(65536)
                with contextlib.suppress(OSError):
                    self._answer(connection)
            self.hung_up.set()

    def close(self) -> None:
        self._listening.close()


@contextlib.contextmanager
def odd(answer: Callable[[socket.socket], None]) -> Iterator[Odd]:
    server = Odd(answer)
    yield server
    server.close()


def _endless(piece: bytes, pause: float = 0.0) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return answer


def test_an_endless_answer_is_given_up_at_the_limit() -> None:
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        _endless(b"10000\r\n" + b"x" * 65536 + b"\r\n")(connection)

    with odd(answer) as server, BoundedSession(30, 2**20) as session:
        with pytest.raises(TooLarge, match="larger than 1048576 bytes"):
            session.get(server.url)
        assert server.hung_up.wait(10)


def test_a_redirect_with_an_endless_body_is_given_up_at_the_limit() -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\nTransfer-Encoding: chunked\r\n\r\n")
        _endless(b"10000\r\n" + b"x" * 65536 + b"\r\n")(connection)

    with odd(answer) as server, BoundedSession(30, 2**20) as session, pytest.raises(TooLarge):
        session.get(server.url)


def test_the_password_of_an_address_is_sent() -> None:
    fine = OK + b"Content-Length: 2\r\n\r\nok"
    with odd(lambda connection: connection.sendall(fine)) as server, BoundedSession(10, 100) as session:
        assert session.get(server.url.replace("//", "//alice:secret@")).content == b"ok"
    assert b"Authorization: Basic YWxpY2U6c2VjcmV0" in server.asked


@pytest.mark.parametrize("begin", [b"", OK + b"Content-Length: 100000\r\n\r\n"], ids=["headers", "body"])
def test_a_byte_now_and_then_ends_at_the_deadline(begin: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(begin or OK)
        _endless(b"x" if begin else b"X-Odd: yes\r\n", 0.05)(connection)

    with odd(answer) as server, BoundedSession(1, 2**20) as session:
        with pytest.raises(requests.Timeout, match="no complete answer within 1 s"):
            session.get(server.url, timeout=30)
        assert server.hung_up.wait(10)


def test_no_redirect_is_followed_and_no_password_of_the_environment_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login alice password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    there = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 2\r\n\r\nno"
    with odd(lambda connection: connection.sendall(there)) as server, BoundedSession(10, 100) as session:
        answer = session.post(server.url, data=b"{}")
    assert (answer.status_code, answer.content) == (302, b"no")
    assert b"authorization" not in server.asked.lower()

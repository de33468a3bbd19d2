"""Answers that nobody takes make room for those of others."""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ska_oso_oet.web.server import lingering_close
from ska_oso_oet.web.server.lingering_close import BufferedSocket, LingeringClose

ANSWER = b"x" * 2**21  #: more than the kernel takes off our hands


class Connection:
    """What gunicorn calls a connection, as far as it matters here."""

    def __init__(self, address: str, stack: contextlib.ExitStack) -> None:
        ours, self.theirs = socket.socketpair()
        self.sock = stack.enter_context(BufferedSocket(fileno=ours.detach()))
        stack.enter_context(self.theirs)
        self.client = (address, 1234)


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


def test_those_who_read_nothing_are_broken_off_before_those_who_read(
    stack: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lingering_close, "_MOST_UNSENT", 3 * len(ANSWER))
    broken_off: list[Any] = []
    poller = stack.enter_context(selectors.DefaultSelector())
    waiting = LingeringClose(poller, broken_off.append)
    reader, *idle = [Connection("192.0.2.1", stack) for _ in range(5)]
    for conn in (reader, *idle):
        conn.sock.sendall(ANSWER)
        assert conn.sock.unsent
        waiting.send(conn, lambda: None)
        reader.theirs.recv(2**20)
        for key, _ in poller.select(0):
            key.data(key.fileobj)
    assert broken_off == idle[:2]

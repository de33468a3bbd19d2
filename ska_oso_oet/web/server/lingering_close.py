"""Ends connections without a thread, while clients read their answers slowly or do not close.

Runs in the thread of the poller, which must never block.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import selectors
import socket
import time
from collections.abc import Callable
from typing import Any

from .gunicorn_log import BOUNDED

LOG = logging.getLogger(__name__)
LOG.addFilter(BOUNDED)

_TAKEN = 30.0  #: seconds without progress of a client that reads an answer
_MOST_UNSENT = 2**26  #: unsent bytes of all answers
_READS = 2**15  #: bytes that count as progress
#: Seconds of silence before a client must have closed its end; an immediate close could destroy the answer.
_LINGER = 2.0
_DISCARDED = 2**16  #: bytes read and discarded at once
_MOST_DISCARDED = 2**23  #: bytes; a client that sends more after its request may lose the answer


class BufferedSocket(socket.socket):
    """A connection whose sends never block: unsent bytes are buffered."""

    unsent = b""

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send as much as possible without blocking, and buffer the rest."""
        waits = bool(self.unsent)
        self.unsent += bytes(data)
        if not waits:
            self.send_unsent()

    def send_unsent(self) -> None:
        """Send buffered bytes without blocking.

        :raises OSError: if the connection is closed
        """
        limit = self.gettimeout()
        self.setblocking(False)
        try:
            self.unsent = self.unsent[self.send(self.unsent) :]
        except BlockingIOError:
            pass
        finally:
            self.settimeout(limit)


class LingeringClose:
    """Sends the rest of answers, and waits until clients close.

    :param close: closes a connection at once
    """

    def __init__(self, poller: selectors.BaseSelector, close: Callable[[Any], None]) -> None:
        self._poller = poller
        self._close = close
        self._until: dict[Any, float] = {}  #: deadlines, the longest stalled connection first

    def send(self, conn: Any, then: Callable[[], None]) -> None:
        """Send the buffered bytes of a connection, then call ``then``."""
        self._wait(conn, selectors.EVENT_WRITE, _TAKEN, functools.partial(self._send_more, conn, then))
        while sum(len(one.sock.unsent) for one in self._until) > _MOST_UNSENT:
            LOG.warning("Broke off an answer: too many clients read too slowly")
            idle = next(one for one in self._until if one.sock.unsent)
            self._leave(idle)
            self._close(idle)

    def _send_more(self, conn: Any, then: Callable[[], None], _sock: Any) -> None:
        if conn not in self._until:  # closed in favour of another one
            return
        before = len(conn.sock.unsent)
        try:
            conn.sock.send_unsent()
        except OSError:
            self._leave(conn)
            self._close(conn)
            return
        if not conn.sock.unsent:
            self._leave(conn)
            then()
        elif before - len(conn.sock.unsent) >= _READS:
            self._until[conn] = self._until.pop(conn)

    def end(self, conn: Any) -> None:
        """Shut down sending, and close once the client has closed its end."""
        with contextlib.suppress(OSError):
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            conn.forgotten, conn.leaves_by = 0, time.monotonic() + _TAKEN
            self._wait(conn, selectors.EVENT_READ, _LINGER, functools.partial(self._forget, conn))
            return
        self._close(conn)

    def _forget(self, conn: Any, _sock: Any) -> None:
        if conn not in self._until:
            return
        with contextlib.suppress(OSError):
            taken = len(conn.sock.recv(_DISCARDED))
            conn.forgotten += taken
            if taken and conn.forgotten < _MOST_DISCARDED:
                self._until[conn] = min(conn.leaves_by, time.monotonic() + _LINGER)
                return
        self._leave(conn)
        self._close(conn)

    def give_way(self) -> bool:
        """Close the oldest connection whose answer is sent; returns whether there was one."""
        conn = next((conn for conn in self._until if not conn.sock.unsent), None)
        if conn is not None:
            self._leave(conn)
            self._close(conn)
        return conn is not None

    def break_off_idle(self) -> bool:
        """Close the connection that is stalled for longest; returns whether there was one."""
        conn = next(iter(self._until), None)
        if conn is not None:
            self._leave(conn)
            self._close(conn)
        return conn is not None

    def forget(self, conn: Any) -> None:
        """Wait for nothing more of a connection that is to be closed."""
        self._until.pop(conn, None)

    def break_off(self) -> None:
        """Close connections past their deadline."""
        now = time.monotonic()
        for conn in [conn for conn, until in self._until.items() if until < now]:
            self._leave(conn)
            self._close(conn)

    def _wait(self, conn: Any, event: int, limit: float, ready: Callable[[Any], None]) -> None:
        self._poller.register(conn.sock, event, ready)
        self._until[conn] = time.monotonic() + limit

    def _leave(self, conn: Any) -> None:
        self.forget(conn)
        self._poller.unregister(conn.sock)

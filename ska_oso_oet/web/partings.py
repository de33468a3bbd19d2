"""How connections go on when no thread is needed for them: clients may be slow to take an answer, and to go.

Lives in the thread of the poller, which must never wait for anybody.
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

LOG = logging.getLogger(__name__)

_TAKEN = 30.0  #: seconds a client may take to accept an answer
_MOST_UNSENT = 2**26  #: bytes of all answers that wait for clients to read on
#: Seconds without a word in which a client is to close its end; closed at once, it could miss the last words.
_LINGER = 2.0
_FORGOTTEN = 2**16  #: bytes read and forgotten at once
_MOST_FORGOTTEN = 2**23  #: bytes; a client that sends more of what nobody wants may see no answer


class Unhurried(socket.socket):
    """A connection that is never waited for in sending: what its client does not take at once is kept."""

    unsent = b""

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send what is taken at once, and keep the rest."""
        waits = bool(self.unsent)
        self.unsent += bytes(data)
        if not waits:
            self.send_unsent()

    def send_unsent(self) -> None:
        """Send what is taken now of what was kept.

        :raises OSError: where nobody takes anything any more
        """
        limit = self.gettimeout()
        self.setblocking(False)
        try:
            self.unsent = self.unsent[self.send(self.unsent) :]
        except BlockingIOError:
            pass
        finally:
            self.settimeout(limit)


class Partings:
    """Sends what is left of answers, and waits for clients to go.

    :param close: closes a connection at once
    """

    def __init__(self, poller: selectors.BaseSelector, close: Callable[[Any], None]) -> None:
        self._poller = poller
        self._close = close
        self._until: dict[Any, float] = {}

    def send(self, conn: Any, then: Callable[[], None]) -> None:
        """Send what a client has not taken yet; ``then`` is called once that is done."""
        if sum(len(other.sock.unsent) for other in self._until) > _MOST_UNSENT:
            LOG.warning("Broke off an answer: too many clients read too slowly")
            self._close(conn)
            return
        self._wait(conn, selectors.EVENT_WRITE, _TAKEN, functools.partial(self._send_more, conn, then))

    def _send_more(self, conn: Any, then: Callable[[], None], _sock: Any) -> None:
        if conn not in self._until:  # it had to go when another's turn came
            return
        try:
            conn.sock.send_unsent()
        except OSError:
            self._leave(conn)
            self._close(conn)
            return
        if not conn.sock.unsent:
            self._leave(conn)
            then()

    def end(self, conn: Any) -> None:
        """Say no more, and close once the client has closed its end."""
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
            taken = len(conn.sock.recv(_FORGOTTEN))
            conn.forgotten += taken
            if taken and conn.forgotten < _MOST_FORGOTTEN:
                self._until[conn] = min(conn.leaves_by, time.monotonic() + _LINGER)
                return
        self._leave(conn)
        self._close(conn)

    def give_way(self) -> bool:
        """Close the oldest of those that have been told all; returns whether there was one."""
        conn = next((conn for conn in self._until if not conn.sock.unsent), None)
        if conn is not None:
            self._leave(conn)
            self._close(conn)
        return conn is not None

    def break_off(self) -> None:
        """Close what has taken too long."""
        now = time.monotonic()
        for conn in [conn for conn, until in self._until.items() if until < now]:
            self._leave(conn)
            self._close(conn)

    def _wait(self, conn: Any, event: int, limit: float, ready: Callable[[Any], None]) -> None:
        self._poller.register(conn.sock, event, ready)
        self._until[conn] = time.monotonic() + limit

    def _leave(self, conn: Any) -> None:
        self._poller.unregister(conn.sock)
        del self._until[conn]

"""Receives requests without a thread, from any number of slow or silent clients.

A request is passed on when it is complete, or when its head is, so that the permission is checked first. A
client without permission is answered at once; otherwise the rest of the body is awaited. If too many bytes
wait, the oldest request of the user with most of them is closed.

Runs in the thread of the poller, which must never block.
"""

from __future__ import annotations

import collections
import functools
import selectors
import time
from collections.abc import Callable
from typing import Any, NoReturn

from ..auth import identity
from .request_end import MOST_HEAD, Arriving

_HEAD = 15.0  #: seconds for the arrival of a head
_BODY = 15.0  #: seconds for the arrival of a body, after the head was checked
_PIECE = 2**14  #: bytes read at once
_MOST = 2**26  #: bytes of all incomplete requests
_MOST_OF_USER = 8  #: incomplete bodies
_MOST_OF_ADDRESS = 32

_LARGE_HEAD = f"the head of the request is larger than {MOST_HEAD // 1024} KiB"
_LATE = "the request cannot be read: it took too long to arrive"
_TOO_MANY = "too many requests of yours are arriving at once, and this one has waited longest; send it again"


class Unfinished(BaseException):
    """A permitted request cannot be carried out yet, because its body is still arriving.

    Not an Exception, so that no handler takes it for a failure: the request is repeated when its body has
    arrived.

    :param whose: the client that the limits apply to
    """

    def __init__(self, whose: tuple[str, ...]) -> None:
        super().__init__()
        self.whose = whose


class NotHere:
    """The input of a request whose body is still arriving."""

    def read(self, _size: int = -1) -> NoReturn:
        """Interrupt the request until its body has arrived.

        :raises Unfinished: always
        """
        raise Unfinished(identity.whose())

    readline = readinto = read


class Arrivals:
    """All incomplete requests.

    :param arrived: called with a request to pass on
    :param refuse: answers a request with a status and a sentence, and closes its connection
    :param close: closes a connection at once
    """

    def __init__(
        self,
        poller: selectors.BaseSelector,
        arrived: Callable[[Any], None],
        refuse: Callable[[Any, int, str], None],
        close: Callable[[Any], None],
    ) -> None:
        self._poller = poller
        self._arrived = arrived
        self._refuse = refuse
        self._close = close
        self._waiting: dict[Any, float] = {}  #: deadlines, the oldest connection first
        self._size = 0

    def expect(self, conn: Any) -> None:
        """Wait for a request, which may have begun to arrive."""
        conn.whose = ()
        self._wait(conn, _HEAD)

    def admit(self, conn: Any, whose: tuple[str, ...]) -> None:
        """Wait for the body of a permitted request."""
        conn.whose = whose
        if conn.request.is_asked_for_body:
            try:
                conn.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            except OSError:
                self._close(conn)
                return
        self._wait(conn, _BODY)
        for one, most in zip(reversed(whose), (_MOST_OF_ADDRESS, _MOST_OF_USER), strict=False):
            theirs = [other for other in self._waiting if one in other.whose]
            if len(theirs) > most:
                self._send_away(theirs[0])

    def give_way(self) -> bool:
        """Close the connection that waits longest; returns whether there was one."""
        conn = next(iter(self._waiting), None)
        if conn is not None:
            self._leave(conn)
            self._close(conn)
        return conn is not None

    def forget(self, conn: Any) -> None:
        """Wait for nothing more of a connection that is to be closed."""
        if self._waiting.pop(conn, None) is not None:
            self._size -= len(conn.request.data)

    def break_off(self) -> None:
        """Close requests past their deadline; one without a complete head gets no answer."""
        now = time.monotonic()
        for conn in [conn for conn, until in self._waiting.items() if until < now]:
            self._leave(conn)
            if conn.request.has_head:
                self._refuse(conn, 400, _LATE)
            else:
                self._close(conn)

    def _wait(self, conn: Any, limit: float) -> None:
        conn.sock.setblocking(False)
        self._waiting[conn] = time.monotonic() + limit
        self._size += len(conn.request.data)
        self._poller.register(conn.sock, selectors.EVENT_READ, functools.partial(self._take, conn))
        self._take(conn, conn.sock)

    def _leave(self, conn: Any) -> None:
        self.forget(conn)
        self._poller.unregister(conn.sock)

    def _take(self, conn: Any, _sock: Any) -> None:
        if conn not in self._waiting:  # closed in favour of another one
            return
        request: Arriving = conn.request
        if not request.whole:
            before = len(request.data)
            try:
                request.take(conn.sock.recv(_PIECE))
            except BlockingIOError:
                pass
            except OSError:
                request.take(b"")
            self._size += len(request.data) - before
        if request.ended and not request.has_head:
            self._leave(conn)
            self._close(conn)
        elif request.too_large and not request.has_head:
            self._leave(conn)
            self._refuse(conn, 431, _LARGE_HEAD)
        elif request.whole or request.too_large or request.ended or (request.has_head and not conn.whose):
            self._leave(conn)
            self._arrived(conn)
        elif self._size > _MOST:
            self._make_room()

    def _make_room(self) -> None:
        count: collections.Counter[str] = collections.Counter()
        for conn in self._waiting:
            count[_owner(conn)] += len(conn.request.data)
        most = count.most_common(1)[0][0]
        self._send_away(next(conn for conn in self._waiting if _owner(conn) == most and conn.request.data))

    def _send_away(self, conn: Any) -> None:
        self._leave(conn)
        self._refuse(conn, 429, _TOO_MANY)


def _owner(conn: Any) -> str:
    return conn.whose[0] if conn.whose else f"address {conn.client[0]}"

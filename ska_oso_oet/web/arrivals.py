"""How requests arrive: their clients may be slow about it, silent, or many, and cost no thread.

A request is handed over when it is whole, or when its head is and the rest is not: then it is found out
whether its client may ask for that at all. A client that may not gets its answer at once, and nothing of its
body is waited for; one that may has its body waited for, beside those of others. Where too much waits, of
whoever has most of it what has waited longest must go.

Lives in the thread of the poller, which must never wait for anybody.
"""

from __future__ import annotations

import collections
import functools
import selectors
import time
from collections.abc import Callable
from typing import Any, NoReturn

from .arriving import MOST_HEAD, Arriving
from .auth import identity

_HEAD = 15.0  #: seconds a head may take to arrive
_BODY = 15.0  #: seconds a body may take, once it is waited for
_PIECE = 2**14  #: bytes taken at once
_MOST = 2**26  #: bytes of all requests that are arriving
_MOST_OF_USER = 8  #: bodies waited for
_MOST_OF_ADDRESS = 32

_LARGE_HEAD = f"the head of the request is larger than {MOST_HEAD // 1024} KiB"
_LATE = "the request cannot be read: it took too long to arrive"
_TOO_MANY = "too many requests of yours are arriving at once, and this one has waited longest; send it again"


class Unfinished(BaseException):
    """A request that may be carried out cannot be yet, because its body is still arriving.

    No Exception, so that nobody takes it for a failure: the request is answered anew when its body is there.

    :param whose: among whom bodies that are arriving are shared out, it is of
    """

    def __init__(self, whose: tuple[str, ...]) -> None:
        super().__init__()
        self.whose = whose


class NotHere:
    """Stands for a body that is still arriving."""

    def read(self, _size: int = -1) -> NoReturn:
        """Have it waited for.

        :raises Unfinished: always
        """
        raise Unfinished(identity.whose())

    readline = readinto = read


class Arrivals:
    """All requests that are arriving.

    :param arrived: takes one that is to be handed over
    :param refuse: answers one that is not, with a status and a sentence, and closes its connection
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
        self._waiting: dict[Any, float] = {}  #: until when, those that wait longest first
        self._size = 0

    def expect(self, conn: Any) -> None:
        """Wait for a request, whose beginning may be there."""
        conn.whose = ()
        self._wait(conn, _HEAD)

    def admit(self, conn: Any, whose: tuple[str, ...]) -> None:
        """Wait for a body, of a request whose client may send it."""
        conn.whose = whose
        if conn.request.is_asked_for_body:
            conn.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._wait(conn, _BODY)
        for one, most in zip(reversed(whose), (_MOST_OF_ADDRESS, _MOST_OF_USER), strict=False):
            theirs = [other for other in self._waiting if one in other.whose]
            if len(theirs) > most:
                self._send_away(theirs[0])

    def give_way(self) -> bool:
        """Have the connection that waits longest go; returns whether there was one."""
        conn = next(iter(self._waiting), None)
        if conn is not None:
            self._leave(conn)
            self._close(conn)
        return conn is not None

    def break_off(self) -> None:
        """Have those go that take too long; where it is not known what they want there is nothing to say."""
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
        self._poller.unregister(conn.sock)
        del self._waiting[conn]
        self._size -= len(conn.request.data)

    def _take(self, conn: Any, _sock: Any) -> None:
        if conn not in self._waiting:  # it had to go when another's turn came
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

"""Requests that have arrived wait for a thread.

Lives in the thread of the poller.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, NamedTuple, Protocol

from ...settings.urls import neighbourhood
from ..auth.verified_tokens import VerifiedTokens
from .request_end import Arriving
from .thread_shares import Asker, Shares

_TOKEN = re.compile(rb"\r\nauthorization:[ \t]*bearer[ \t]+([^\s]+)", re.IGNORECASE)
_TOO_MANY = "too many requests of yours are waiting, and this one has waited longest; send it again"


class Worker(Protocol):
    """What is done with connections."""

    def attempt(self, conn: Any, step: Callable[..., None], *args: Any) -> bool:
        """Go on with a connection, and close it if that fails; tell whether it went well."""

    def refuse(self, conn: Any, status: int, why: str) -> None:
        """Answer, and close the connection."""

    def close(self, conn: Any) -> None:
        """Close a connection at once."""


class Lane(NamedTuple):
    """Threads for one kind of request, and how they are shared out."""

    shares: Shares
    pool: Executor


class InLine:
    """A request whose turn has not come."""

    def __init__(self, worker: Worker, conn: Any, answer: Callable[[], None]) -> None:
        self._worker = worker
        self._conn = conn
        self._answer = answer

    def begin(self, waited: bool) -> bool:
        if waited and _is_gone(self._conn.sock):
            self.close()
            return False
        return self._worker.attempt(self._conn, self._answer)

    def refuse(self) -> None:
        self._worker.refuse(self._conn, 429, _TOO_MANY)

    def close(self) -> None:
        self._worker.close(self._conn)


def _is_gone(sock: socket.socket) -> bool:
    """Whether a client that had to wait has given up."""
    try:
        return not sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def asker_of(request: Arriving, address: str, tokens: VerifiedTokens) -> Asker:
    """Whose share a request takes: its user's if its token is valid, or else its address's.

    Where nobody is asked for a token, addresses are all that is known of users. Whether the server lives is
    told first, as nobody else has to be asked.
    """
    found = None if request.probe else _TOKEN.search(request.head)
    user = found and tokens.user_of(found[1].decode("latin-1"))
    if user:
        return Asker(f"user {user}", known=True)
    known = request.probe == b"livez" if request.probe else tokens.verify is None
    return Asker(f"address {neighbourhood(address)}", known)

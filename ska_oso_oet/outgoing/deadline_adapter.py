"""A transport that hangs up at a given moment, whatever the server is doing.

The timeouts of sockets are between two bytes: a server that sends one now and then, in its headers or while
TLS is agreed on, is never late by them.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class DeadlineAdapter(HTTPAdapter):
    """Connections of one exchange; they are shut when its seconds are over, or when it is closed."""

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        self._over = False
        self._timer = threading.Timer(seconds, self._hang_up)
        self._timer.daemon = True
        super().__init__(max_retries=0)
        self._timer.start()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Let the connections tell of their sockets."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._watch)

    def close(self) -> None:
        """Close the connections that are still open."""
        self._timer.cancel()
        super().close()
        with self._lock:
            for end in self._ends:
                end.close()
            self._ends.clear()

    def _watch(self, connection: socket.socket) -> None:
        # A duplicate, because TLS takes over the descriptor of the socket it wraps.
        with self._lock:
            self._ends.append(connection.dup())
        if self._over:
            self._hang_up()

    def _hang_up(self) -> None:
        with self._lock:
            self._over = True
            for end in self._ends:
                with contextlib.suppress(OSError):  # not connected any more
                    end.shutdown(socket.SHUT_RDWR)


def _pools(watch: Callable[[socket.socket], None]) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            watch(connection)
            return connection

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            watch(connection)
            return connection

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}

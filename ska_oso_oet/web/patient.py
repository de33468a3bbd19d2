"""gunicorn's worker, for clients of every speed: none that is slow, half-open or silent costs a thread."""

from __future__ import annotations

import functools
import logging
import re
import selectors
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import ThreadWorker

from .errors import problem_body
from .partings import Partings, Unhurried

LOG = logging.getLogger(__name__)

_PEEK = 64 * 1024  #: bytes of a request that are waited for before a thread takes it
_ARRIVAL = 15.0  #: seconds the head and the first part of a request may take to arrive
_REST = 15.0  #: seconds the rest of a large request may take, while a thread waits for it
#: Threads for requests that are still arriving, so that those that are slow about it stand in nobody's way.
_ARRIVING = 4


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's thread worker, with three differences.

    It lets go of connections that were taken away, and gives a thread only to a request that has arrived:
    slow, half-open and silent clients wait in the poller and cost nobody anything. Requests too large for
    that are read by a few threads of their own, for a limited time. Nobody waits for clients that are slow
    to read, or to close.
    """

    def init_process(self) -> None:
        """Make the threads for large requests, and serve."""
        self._arriving = ThreadPoolExecutor(_ARRIVING, thread_name_prefix="arriving")
        super().init_process()

    def run(self) -> None:
        """Serve until told to end."""
        self._partings = Partings(self.poller, self._close)
        super().run()

    def accept(self, listener: Any) -> None:
        """Take a connection; where there are too many, the one that has said nothing for longest must go."""
        super().accept(listener)
        silent = self.pending_conns or self.keepalived_conns
        if self.nr_conns >= self.worker_connections and silent:
            conn = silent.popleft()
            self.poller.unregister(conn.sock)
            self._close(conn)

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to a thread once a whole request is there; else wait for more of it."""
        missing, whole = (0, False) if _has_more(conn) else still_missing(conn.sock)
        if not missing:
            conn.data_ready = True
            conn.deadline = None
            pool = self.tpool if whole else self._arriving
            future = pool.submit(self.handle, conn)
            future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))
            return
        if getattr(conn, "deadline", None) is None:
            conn.deadline = time.monotonic() + _ARRIVAL
        conn.timeout = conn.deadline
        self.pending_conns.append(conn)
        readable = functools.partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, readable)

    def handle(self, conn: Any) -> Any:
        """Read and answer a request; what is missing of it must come soon."""
        if not conn.initialized:
            conn.sock = Unhurried(fileno=conn.sock.detach())
            conn.init()
            conn.parser.unreader = Timely(conn.sock)
        conn.parser.unreader.until = time.monotonic() + _REST
        return super().handle(conn)

    def finish_request(self, conn: Any, future: Any) -> None:
        """Neither keep nor close a connection that is no longer ours."""
        if conn.sock.fileno() == -1:
            self.nr_conns -= 1
        elif conn.sock.unsent:
            self._partings.send(conn, functools.partial(self.finish_request, conn, future))
        elif future.cancelled() or future.exception() is not None or not future.result():
            self._partings.end(conn)
        else:
            super().finish_request(conn, future)

    def murder_pending(self) -> None:
        """Close what took too long."""
        super().murder_pending()
        self._partings.break_off()

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer what gunicorn itself refuses with a problem document, too."""
        said = _Overheard(client)
        super().handle_error(req, said, addr, exc)
        if not said.data:
            return
        status = int(said.data.split(b" ", 2)[1])
        line = said.data.split(b"\r\n", 1)[0]
        body = problem_body(status, f"the request cannot be read: {exc}"[:500])
        head = b"\r\nConnection: close\r\nContent-Type: application/problem+json\r\nContent-Length: "
        try:
            client.sendall(line + head + str(len(body)).encode() + b"\r\n\r\n" + body)
        except OSError as error:
            LOG.debug("Could not send an error: %s", error)


def _has_more(conn: Any) -> bool:
    """Whether the parser has begun to read the next request already."""
    return bool(conn.initialized and conn.parser.unreader.buf.getvalue())


class Timely(SocketUnreader):  # type: ignore[misc]
    """Reads a request until a deadline; one that is late by then is broken off."""

    until = 0.0  #: by the monotonic clock

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Read the next piece.

        :raises TimeoutError: where it does not come in time
        """
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request took too long to arrive")
        self.sock.settimeout(left)
        try:
            data: bytes = super().chunk(size_hint)
            return data
        finally:
            self.sock.settimeout(None)


def still_missing(client: socket.socket) -> tuple[int, bool]:
    """How many bytes at least must arrive until a thread can take a request, and whether it is whole then.

    Looks without taking. The kernel is told to wake the poller for that many bytes only.
    """
    client.setblocking(False)
    try:
        there = client.recv(_PEEK, socket.MSG_PEEK)
    except BlockingIOError:
        there, missing, whole = b"", 1, True
    except OSError:
        return 0, True
    else:
        missing, whole = _missing(there)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(there) + missing if missing else 1)
    return missing, whole


def _missing(there: bytes) -> tuple[int, bool]:
    head, end, body = there.partition(b"\r\n\r\n")
    if not there:
        return 0, True  # closed by the client
    if len(there) >= _PEEK:
        return 0, False  # more than need be looked at
    if not end:
        return 1, True
    if re.search(rb"\r\n(expect:[ \t]*100-continue|transfer-encoding:)", head, re.IGNORECASE):
        return 0, False  # the thread that takes it asks for the body, or finds out where that ends
    length = re.search(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*(?:\r|$)", head, re.IGNORECASE)
    wanted = int(length[1]) if length else 0
    looked_at = min(wanted, _PEEK - len(head) - len(end))
    return max(0, looked_at - len(body)), looked_at == wanted


class _Overheard:
    """Stands for a socket and keeps what is sent."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self.data = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, data: bytes) -> None:
        self.data += data

"""Responses that go on after their thread is free: event streams.

The view answers a :class:`Detached`. The middleware takes the connection away from gunicorn and hands it to
the event loop, so that a listener costs a socket and no thread.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import re
import selectors
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from flask import Response
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import ThreadWorker

from .auth.guard import EXPIRES
from .errors import problem_body
from .partings import Partings, Unhurried

LOG = logging.getLogger(__name__)

_MARK = "X-Oet-Detached"
_HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\n"
    b"X-Accel-Buffering: no\r\n"
    b"Connection: close\r\n\r\n"
)
_PEEK = 64 * 1024  #: bytes of a request that are waited for before a thread takes it
_SLICE = 128 * 1024  #: bytes sent to a client before waiting for it
_ARRIVAL = 15.0  #: seconds the head and the first part of a request may take to arrive
_REST = 15.0  #: seconds the rest of a large request may take, while a thread waits for it
_FAREWELL = 30.0  #: seconds a client may take to read what is left of a stream that has ended
#: Threads for requests that are still arriving, so that those that are slow about it stand in nobody's way.
_ARRIVING = 4
#: Bytes a client may leave unread before it is disconnected; it can resume by id.
MOST_UNREAD = 2**20


class Peer(asyncio.Protocol):
    """The client at the other end of a detached connection."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=64 * 1024)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.gone.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def write(self, data: bytes) -> None:
        """Send without waiting; a client that has left too much unread is disconnected."""
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size() > MOST_UNREAD:
            LOG.info("Disconnected a client that reads too slowly")
            self._transport.abort()
            return
        self._transport.write(data)

    async def write_all(self, data: bytes) -> None:
        """Send at the pace of the client, however much it is."""
        for start in range(0, len(data), _SLICE):
            if self._transport is None:
                return
            self._transport.write(data[start : start + _SLICE])
            await self._writable.wait()

    def close(self) -> None:
        """End the response, once the client has read what was written."""
        if self._transport is not None:
            self._transport.close()
            asyncio.get_running_loop().call_later(_FAREWELL, self._transport.abort)


Stream = Callable[[Peer], Awaitable[None]]


class Detached(Response):
    """An event stream, written by a coroutine in the event loop."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(b"", content_type="text/event-stream; charset=utf-8")
        self.headers[_MARK] = "yes"
        self._stream = stream

    def get_app_iter(self, environ: dict[str, Any]) -> Iterable[bytes]:
        environ["oet.stream"] = self._stream
        return super().get_app_iter(environ)


class Detaching:
    """WSGI middleware that takes the connections of detached responses.

    :param loop: where their streams are written
    """

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if any(name == _MARK for name, _ in headers):
                return lambda data: None
            return start_response(status, headers, exc_info)

        body: Iterable[bytes] = self._app(environ, start)
        stream = environ.pop("oet.stream", None)
        until = environ.pop(EXPIRES, None)
        if stream is None:
            return body
        if environ["REQUEST_METHOD"] == "HEAD":
            start_response("200 OK", [("Content-Type", "text/event-stream; charset=utf-8")])
            return body
        taken = socket.socket(fileno=os.dup(environ["gunicorn.socket"].fileno()))
        os.close(environ["gunicorn.socket"].detach())
        taken.setblocking(False)
        asyncio.run_coroutine_threadsafe(self._serve(taken, stream, until), self._loop)
        raise StopIteration  # gunicorn's word for: this connection is no longer yours

    async def _serve(self, taken: socket.socket, stream: Stream, until: float | None) -> None:
        """Write a response until it is over, or until the time its client's token expires."""
        try:
            _, peer = await self._loop.create_connection(Peer, sock=taken)
        except OSError:
            taken.close()
            return
        peer.write(_HEAD)
        limit = asyncio.timeout(None if until is None else until - time.time())
        try:
            async with limit:
                await stream(peer)
        except Exception:
            if limit.expired():
                peer.write(b": the token has expired\n\n")
            else:
                LOG.exception("An event stream failed")
        finally:
            peer.close()


class DetachingWorker(ThreadWorker):  # type: ignore[misc]
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

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
import struct
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

from flask import Response
from gunicorn.workers.gthread import ThreadWorker

from .errors import problem_body

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
_ARRIVAL = 20.0  #: seconds a request may take to arrive
_BODY = 5  #: seconds a thread waits for more of a large body
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
        """End the response."""
        if self._transport is not None:
            self._transport.close()


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
        if stream is None:
            return body
        if environ["REQUEST_METHOD"] == "HEAD":
            start_response("200 OK", [("Content-Type", "text/event-stream; charset=utf-8")])
            return body
        taken = socket.socket(fileno=os.dup(environ["gunicorn.socket"].fileno()))
        os.close(environ["gunicorn.socket"].detach())
        taken.setblocking(False)
        asyncio.run_coroutine_threadsafe(self._serve(taken, stream), self._loop)
        raise StopIteration  # gunicorn's word for: this connection is no longer yours

    async def _serve(self, taken: socket.socket, stream: Stream) -> None:
        try:
            _, peer = await self._loop.create_connection(Peer, sock=taken)
        except OSError:
            taken.close()
            return
        peer.write(_HEAD)
        try:
            await stream(peer)
        except Exception:
            LOG.exception("An event stream failed")
        finally:
            peer.close()


class DetachingWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's thread worker, with two differences.

    It lets go of connections that were taken away, and gives a thread only to a request that has arrived:
    slow, half-open and silent clients wait in the poller and cost nobody anything.
    """

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to a thread once a whole request is there; else wait for more of it."""
        missing = 0 if _has_more(conn) else still_missing(conn.sock)
        if not missing:
            conn.data_ready = True
            conn.deadline = None
            super().enqueue_req(conn)
            return
        if getattr(conn, "deadline", None) is None:
            conn.deadline = time.monotonic() + _ARRIVAL
        conn.timeout = conn.deadline
        self.pending_conns.append(conn)
        readable = functools.partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, readable)

    def finish_request(self, conn: Any, future: Any) -> None:
        """Neither keep nor close a connection that is no longer ours."""
        if conn.sock.fileno() == -1:
            self.nr_conns -= 1
            return
        super().finish_request(conn, future)

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


def still_missing(client: socket.socket) -> int:
    """How many bytes at least must arrive until a request is whole; 0 when a thread can take it.

    Looks without taking. The kernel is told to wake the poller for that many bytes only, and not to let a
    thread wait long for the rest of a large body.
    """
    client.setblocking(False)
    try:
        there = client.recv(_PEEK, socket.MSG_PEEK)
    except BlockingIOError:
        there, missing = b"", 1
    except OSError:
        return 0
    else:
        missing = _missing(there)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(there) + missing if missing else 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _BODY, 0))
    return missing


def _missing(there: bytes) -> int:
    head, end, body = there.partition(b"\r\n\r\n")
    if not there or len(there) >= _PEEK:
        return 0  # closed by the client, or more than need be looked at
    if not end:
        return 1
    if re.search(rb"\r\nexpect:[ \t]*100-continue", head, re.IGNORECASE):
        return 0  # the thread that takes it asks for the body
    length = re.search(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*(?:\r|$)", head, re.IGNORECASE)
    wanted = min(int(length[1]), _PEEK - len(head) - len(end)) if length else 0
    return max(0, wanted - len(body))


class _Overheard:
    """Stands for a socket and keeps what is sent."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self.data = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, data: bytes) -> None:
        self.data += data

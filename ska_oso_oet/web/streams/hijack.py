"""Responses without a thread: event streams, and files of any size.

The view returns a :class:`Hijacked`. The middleware moves the connection from gunicorn to the event loop, so
that a listener occupies a socket and no thread.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, cast

from flask import Response

from ...telemetry.metrics import catalogue as metrics
from ..auth import identity
from ..auth.guard import EXPIRES
from ..problems import problem_answer
from .stream_limits import Crowd

LOG = logging.getLogger(__name__)

_MARK = "X-Oet-Hijacked"
_EVENTS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}
_NO_ROOM = problem_answer(
    429, "the maximum number of streams is open, and most of them are yours; end some first"
)
_SLICE = 64 * 1024  #: bytes sent before the client must have read some
_IN_KERNEL = 2**17  #: size of the kernel's send buffer of each stream, in bytes
_FLUSH_TIMEOUT = 30.0  #: seconds for a client to read the rest of an ended stream
#: Bytes a client may leave unread before it is disconnected; it can resume by id.
MOST_UNREAD = 2**20


class Peer(asyncio.Protocol):
    """The client at the other end of a hijacked connection.

    :param user: its user
    :param crowd: all open streams
    """

    def __init__(self, user: str, crowd: Crowd) -> None:
        self.user = user
        self.stalled: float | None = None  #: time since which it has read nothing
        self.gone = asyncio.Event()
        self._crowd = crowd
        self._held = 0  #: bytes not passed to the transport yet
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=64 * 1024)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._crowd.left(self)
        self.gone.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self.stalled = time.monotonic()
        self._writable.clear()

    def resume_writing(self) -> None:
        self.stalled = None
        self._writable.set()

    @property
    def unread(self) -> int:
        """The number of bytes that wait for it."""
        return self._held + (self._transport.get_write_buffer_size() if self._transport else 0)

    def leave(self) -> None:
        """Disconnect it, because it reads too slowly; it can resume by id."""
        LOG.info("Disconnected a client that reads too slowly")
        metrics.STREAM_DROPPED.add()
        if self._transport is not None:
            self._transport.abort()

    def write(self, data: bytes) -> None:
        """Send without waiting; disconnect a client with too many unread bytes."""
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size() > MOST_UNREAD:
            self.leave()
            return
        self._transport.write(data)
        self._crowd.written(len(data))

    async def write_all(self, data: bytes) -> None:
        """Send any number of bytes at the pace of the client."""
        self._held = len(data)
        self._crowd.written(len(data))
        for start in range(0, len(data), _SLICE):
            if self._transport is None:
                return
            self._transport.write(data[start : start + _SLICE])
            self._held = max(0, len(data) - start - _SLICE)
            await self._writable.wait()

    def close(self) -> None:
        """End the response, once the client has read all of it."""
        self._held = 0
        if self._transport is not None:
            self._transport.close()
            asyncio.get_running_loop().call_later(_FLUSH_TIMEOUT, self._transport.abort)


Stream = Callable[[Peer], Awaitable[None]]


class Hijacked(Response):
    """A response written by a coroutine in the event loop; by default an event stream."""

    def __init__(self, stream: Stream, headers: Mapping[str, str] = _EVENTS) -> None:
        super().__init__(b"", content_type=headers["Content-Type"])
        self.headers[_MARK] = "yes"
        self._head = headers
        self._stream = stream
        self._user = identity.whose()[0]

    def get_app_iter(self, environ: dict[str, Any]) -> Iterable[bytes]:
        environ["oet.stream"] = self._stream, self._head, self._user
        return super().get_app_iter(environ)


class HijackMiddleware:
    """WSGI middleware that takes the connections of hijacked responses.

    :param loop: the event loop that writes their streams
    """

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop
        self._crowd = Crowd()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if any(name == _MARK for name, _ in headers):
                return lambda data: None
            return start_response(status, headers, exc_info)

        body: Iterable[bytes] = self._app(environ, start)
        hijacked = environ.pop("oet.stream", None)
        until = environ.pop(EXPIRES, None)
        if hijacked is None:
            return body
        stream, head, user = hijacked
        if environ["REQUEST_METHOD"] == "HEAD":
            start_response("200 OK", list(head.items()))
            return body
        taken = socket.socket(fileno=os.dup(environ["gunicorn.socket"].fileno()))
        os.close(environ["gunicorn.socket"].detach())
        taken.setblocking(False)
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _IN_KERNEL)
        asyncio.run_coroutine_threadsafe(self._serve(taken, stream, head, user, until), self._loop)
        raise StopIteration  # by which gunicorn releases the connection

    async def _serve(
        self, taken: socket.socket, stream: Stream, head: Mapping[str, str], user: str, until: float | None
    ) -> None:
        """Write a response until its end, or until its client's token expires."""
        try:
            _, peer = await self._loop.create_connection(lambda: Peer(user, self._crowd), sock=taken)
        except OSError:
            taken.close()
            return
        if not self._crowd.enter(peer):
            peer.write(_NO_ROOM)
            peer.close()
            return
        lines = [f"{name}: {value}" for name, value in {**head, "Connection": "close"}.items()]
        peer.write("\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode())
        limit = asyncio.timeout(None if until is None else until - time.time())
        try:
            async with limit:
                await stream(peer)
        except Exception:
            if limit.expired():
                # Not in a file, where it would be content: the file then is too short, which the client
                # detects.
                if head is _EVENTS:
                    peer.write(b": the token has expired\n\n")
            else:
                LOG.exception("An event stream failed")
        finally:
            peer.close()

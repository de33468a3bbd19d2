"""Frames between processes: one JSON document per line, over a Unix socket."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable, Iterable
from typing import Any, cast

from ..kernel.lines import Lines

LOG = logging.getLogger(__name__)

#: The longest path of a Unix socket in bytes, without the terminating zero.
_LONGEST = 107


def reachable(path: str) -> str:
    """A name for a socket that the kernel accepts even if the path is too long.

    The directory then stays open for the lifetime of this process.
    """
    if len(os.fsencode(path)) <= _LONGEST:
        return path
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/self/fd/{directory}/{os.path.basename(path)}"


class Frames(asyncio.Protocol):
    """One end of a connection that carries frames.

    :param received: called with each frame
    :param ended: called once after the connection is closed
    :param resumed: called when a peer that read too slowly has caught up
    :param opened: called once, before all others
    """

    def __init__(
        self,
        received: Callable[[Frames, dict[str, Any]], None],
        ended: Callable[[Frames], None],
        resumed: Callable[[Frames], None] | None = None,
        opened: Callable[[Frames], None] | None = None,
    ) -> None:
        self._received = received
        self._ended = ended
        self._resumed = resumed
        self._opened = opened
        self.longest: int | None = None  #: bytes of a frame beyond which the connection is closed
        self._lines = Lines()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._opened is not None:
            self._opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._ended(self)

    def resume_writing(self) -> None:
        if self._resumed is not None:
            self._resumed(self)

    def data_received(self, data: bytes) -> None:
        lines = self._lines.take(data)
        if self.longest is not None and self._lines.unfinished > self.longest:
            self.abort()
        for line in lines:
            try:
                frame = json.loads(line)
            except (ValueError, RecursionError):
                LOG.warning("Dropped a frame that is not JSON: %.80r", line)
                continue
            try:
                self._received(self, frame)
            except Exception:
                LOG.exception("Dropped a frame that cannot be handled: %.200r", line)

    @property
    def socket(self) -> socket.socket:
        """The socket of an open connection."""
        assert self._transport is not None
        return cast(socket.socket, self._transport.get_extra_info("socket"))

    @property
    def backlog(self) -> int:
        """Bytes written that the peer has not taken yet."""
        return self._transport.get_write_buffer_size() if self._transport else 0

    def send(self, frame: dict[str, Any]) -> None:
        """Send a frame; dropped if the connection is closed, which ``ended`` reports."""
        self.send_encoded(encode(frame))

    def send_encoded(self, line: bytes) -> None:
        """Send an encoded frame."""
        if self._transport is not None:
            self._transport.write(line)

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close the connection once everything written is sent."""
        if self._transport is not None:
            self._transport.close()


def encode(frame: dict[str, Any]) -> bytes:
    """Encode a frame."""
    return json.dumps(frame, separators=(",", ":")).encode() + b"\n"


def encode_batch(frame: dict[str, Any], batch: Iterable[str]) -> bytes:
    """Encode a frame with a ``batch`` of encoded messages."""
    return b"".join((encode(frame)[:-2], b',"batch":[', ",".join(batch).encode(), b"]}\n"))

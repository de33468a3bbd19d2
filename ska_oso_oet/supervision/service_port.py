"""The supervisor's end of its sockets to SESWorker. Standard library only."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable
from typing import Any

from ..bus.wire import Frames, reachable
from ..kernel.peers import is_own
from ..runs.directory import RunDirectory

LOG = logging.getLogger(__name__)


class ServicePort:
    """Takes orders from SESWorker only: from no script, this one or another.

    :param ordered: called with each order, and the connection it came over
    :param gone: called with a connection that has ended
    """

    def __init__(
        self, ordered: Callable[[Frames, dict[str, Any]], None], gone: Callable[[Frames], None]
    ) -> None:
        self._ordered = ordered
        self._gone = gone
        self._first: Frames | None = None
        self._admitted: set[Frames] = set()

    async def connect(self, connection: socket.socket) -> Frames:
        """Use the socket that this process was started with, which needs no check."""
        loop = asyncio.get_running_loop()
        _, self._first = await loop.create_connection(self._frames, sock=connection)
        return self._first

    async def listen(self, directory: RunDirectory) -> None:
        """Accept a later SESWorker on the socket in the run directory."""
        self._address = directory.socket
        with contextlib.suppress(OSError):
            os.unlink(directory.socket)
        old = os.umask(0o177)
        try:
            address = reachable(directory.socket)
            await asyncio.get_running_loop().create_unix_server(self._frames, address)
        except OSError as error:
            LOG.warning("The run in %s cannot be taken over: %s", directory.path, error)
        finally:
            os.umask(old)

    def _frames(self) -> Frames:
        return Frames(self._received, self._ended, opened=self._connected)

    def _connected(self, frames: Frames) -> None:
        # Asked when the connection is made: the process id of a peer that has ended may be another's.
        if self._first is None or is_own(frames.socket):
            self._admitted.add(frames)
        else:
            LOG.error("A process of a script was turned away from %s", self._address)
            frames.abort()

    def _received(self, frames: Frames, order: dict[str, Any]) -> None:
        if frames in self._admitted:
            self._ordered(frames, order)

    def _ended(self, frames: Frames) -> None:
        self._admitted.discard(frames)
        self._gone(frames)

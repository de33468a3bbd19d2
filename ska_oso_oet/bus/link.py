"""The connection of one process to the broker, which may be restarted at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from . import key
from .wire import Frames, reachable

_RECONNECT = 0.05  #: seconds between attempts to reach the broker


class Link:
    """Maintains the connection, and passes frames to the handlers of their ``op``.

    :param name: the worker's name
    :param path: the broker's socket
    :param topics: the topic prefixes to receive; None means all, an empty tuple nothing
    """

    def __init__(self, name: str, path: str, topics: tuple[str, ...] | None) -> None:
        self.topics = topics
        self.frames: Frames | None = None  #: of a broker after its welcome
        self.on: dict[str, Callable[[dict[str, Any]], None]] = {}  #: the handlers by ``op``
        self.on_lost: list[Callable[[], None]] = []  #: called after the connection is lost
        self._name = name
        self._path = path
        self._lost = asyncio.Event()
        self._connected = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether the broker is connected."""
        return self._connected.is_set()

    async def reached(self) -> None:
        """Wait until the broker is connected."""
        await self._connected.wait()

    async def run(self) -> None:
        """Connect and reconnect to the broker; never returns."""
        loop = asyncio.get_running_loop()
        address = reachable(self._path)
        while True:
            self._lost.clear()
            try:
                _, frames = await loop.create_unix_connection(
                    lambda: Frames(self._received, self._gone), address
                )
            except OSError:
                await asyncio.sleep(_RECONNECT)
                continue
            topics = None if self.topics is None else list(self.topics)
            hello = {
                "op": "hello",
                "name": self._name,
                "key": key.for_connection(self._path),
                "topics": topics,
            }
            frames.send(hello)
            try:
                await self._lost.wait()
            finally:
                frames.close()

    def _received(self, frames: Frames, frame: dict[str, Any]) -> None:
        op = frame.get("op", "")
        if op == "welcome":
            self.frames = frames
            self._connected.set()
        if op in self.on:
            self.on[op](frame)

    def _gone(self, frames: Frames) -> None:
        self.frames = None
        self._connected.clear()
        self._lost.set()
        for lost in self.on_lost:
            lost()

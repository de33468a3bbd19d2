"""The event stream of all subarrays, from the central history.

Ids are positions in the central history. It is polled over the bus while there are listeners.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

from ...bus import topics
from ...bus.central_queries import ask_central
from ...bus.client import BusClient
from ...bus.envelope import Envelope, shown_with
from ...domain.errors import Refusal
from . import sse
from .hub import Hub, Listener
from .replay_pages import SIZE

_PAGE = 500
_POLL = 0.25  #: seconds between two queries without new messages
_AGAIN = 1.0  #: seconds between two queries while the central history is away


class AllSubarraysHub(Hub):
    """All listeners to all subarrays."""

    def __init__(self) -> None:
        super().__init__()
        self._position = 0  #: the last position sent to listeners
        self._made = 0  #: number of times the central history was recreated
        self._feeding: asyncio.Task[None] | None = None

    def attach(self, bus: BusClient) -> None:
        """Set the connection to the bus."""
        self._bus = bus
        self._alive = asyncio.get_running_loop().create_task(self._keep_alive())

    async def _replay(self, listener: Listener, after: int) -> None:
        made = self._made
        first, last = await self._ask(topics.CENTRAL_BOUNDS)
        if not first - 1 <= after <= last:
            self._reset(listener.peer)
            after = min(after, last)
        wanted = listener.wanted
        query: dict[str, Any] = {"topics": wanted.topics or None, "limit": _PAGE, "size": SIZE}
        if wanted.subarrays is not None:
            query["subarrays"] = sorted(wanted.subarrays)
        while not listener.peer.gone.is_set():
            position = self._position if self._feeding is not None else 0
            async with self._turns.of(listener.peer.user):
                page = [
                    _event(found) for found in await self._ask(topics.CENTRAL_EVENTS, after=after, **query)
                ]
            last = page[-1].seq if page else None
            encoded = b"".join(sse.message(event) for event in page if wanted(event))
            del page  # frees memory while slow clients read
            await listener.peer.write_all(encoded)
            if last is not None:
                after = last
                continue
            if made != self._made:
                self._reset(listener.peer)
                made, after = self._made, min(after, self._position)
                continue
            after = max(after, position)
            if self._feeding is None:
                self._position = after
                self._feeding = asyncio.create_task(self._feed())
            if after >= self._position:
                listener.after = after
                return

    async def _feed(self) -> None:
        """Send new messages to all listeners, until there are none."""
        while self._listeners:
            page = await self._ask(topics.CENTRAL_EVENTS, after=self._position, limit=_PAGE)
            for found in page:
                self._publish(_event(found))
                self._position = found["position"]
            if not page:
                await self._look_back()
            await asyncio.sleep(0 if page else _POLL)
        self._feeding = None

    async def _look_back(self) -> None:
        """A recreated central history is shorter: continue at its new end, and send a reset."""
        _, last = await self._ask(topics.CENTRAL_BOUNDS)
        if last >= self._position:
            return
        self._position = last
        self._made += 1
        for listener in self._listeners:
            listener.after = last
            self._reset(listener.peer)

    async def _ask(self, topic: str, **query: Any) -> Any:
        """Query the central history, until it answers."""
        assert self._bus is not None
        while True:
            try:
                return await ask_central(self._bus, topic, query)
            except Refusal:
                await asyncio.sleep(_AGAIN)


def _event(found: dict[str, Any]) -> Envelope:
    envelope = Envelope.from_dict(found["envelope"])
    payload = shown_with(envelope.payload, {"subarray": found["subarray"]})
    return dataclasses.replace(envelope, seq=found["position"], payload=payload)

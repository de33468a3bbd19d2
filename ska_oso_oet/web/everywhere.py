"""The event stream of all subarrays: what the central history has, as soon as it has it.

Ids are positions in the central history. It is asked again and again while anybody listens, over the bus.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

from ..bus.client import BusClient
from ..bus.envelope import Envelope, shown_with
from ..domain.errors import Refusal
from . import sse
from .pages import SIZE
from .stream import Hub, Listener

_PAGE = 500
_POLL = 0.25  #: seconds between two questions while nothing happens
_AGAIN = 1.0  #: seconds until a central history that is away is tried again


class Everywhere(Hub):
    """All listeners to all subarrays."""

    def __init__(self) -> None:
        super().__init__()
        self._position = 0  #: up to which listeners were told
        self._made = 0  #: how often the central history was made anew
        self._feeding: asyncio.Task[None] | None = None

    def attach(self, bus: BusClient) -> None:
        """Ask over this connection."""
        self._bus = bus
        self._alive = asyncio.get_running_loop().create_task(self._keep_alive())

    async def _replay(self, listener: Listener, after: int) -> None:
        made = self._made
        first, last = await self._ask("bounds")
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
                page = [_event(found) for found in await self._ask("events", after=after, **query)]
            last = page[-1].seq if page else None
            told = b"".join(sse.message(event) for event in page if wanted(event))
            del page  # it is larger than what is told, and some clients read slowly
            await listener.peer.write_all(told)
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
        """Tell all listeners what is new, until there are none."""
        while self._listeners:
            page = await self._ask("events", after=self._position, limit=_PAGE)
            for found in page:
                self._publish(_event(found))
                self._position = found["position"]
            if not page:
                await self._look_back()
            await asyncio.sleep(0 if page else _POLL)
        self._feeding = None

    async def _look_back(self) -> None:
        """Where the central history was made anew it is shorter: go on where it ends now, and say so."""
        _, last = await self._ask("bounds")
        if last >= self._position:
            return
        self._position = last
        self._made += 1
        for listener in self._listeners:
            listener.after = last
            self._reset(listener.peer)

    async def _ask(self, what: str, **query: Any) -> Any:
        """Ask the central history, until it answers."""
        assert self._bus is not None
        while True:
            try:
                return await self._bus.read_central(what, **query)
            except (ConnectionError, Refusal):
                await asyncio.sleep(_AGAIN)
                await self._bus.reached()


def _event(found: dict[str, Any]) -> Envelope:
    envelope = Envelope.from_dict(found["envelope"])
    payload = shown_with(envelope.payload, {"subarray": found["subarray"]})
    return dataclasses.replace(envelope, seq=found["position"], payload=payload)

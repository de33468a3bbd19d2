"""The event stream: every message of the bus to every listener who wants it, with replay by id.

Runs in the event loop of FlaskWorker. A message is encoded once for all listeners, and filtered once for all
equal filters.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
import time
import uuid
from typing import Any

from ...bus import topics
from ...bus.client import BusClient
from ...bus.envelope import Envelope
from ...bus.limited_work import Turns
from ...domain.errors import Refusal
from ...telemetry.metrics import catalogue as metrics
from . import sse
from .filters import Wanted
from .hijack import Peer
from .replay_pages import SIZE, Pages

_KEEP_ALIVE = 15.0  #: seconds between comments that keep proxies from closing a stream
_RETRY = 1000  #: milliseconds before a browser reconnects
_TURNS = 2  #: pages read at once; the answer to a command waits for no more than these
_AT_ONCE = 20  #: listeners written to before other tasks of the event loop
_ASK = 10.0
_AGAIN = 0.2  #: seconds between two attempts to read the journal
_GREETING = f": the event stream of the OET\nretry: {_RETRY}\n\n".encode()


class Listener:
    """One client and its filters."""

    def __init__(self, peer: Peer, wanted: Wanted) -> None:
        self.peer = peer
        self.wanted = wanted
        self.unsent: list[bytes] = []
        self.after = 0  #: last sequence number replayed


class Hub:
    """All listeners of this worker."""

    def __init__(self) -> None:
        self._bus: BusClient | None = None
        self._listeners: set[Listener] = set()
        self._groups: dict[Wanted, set[Listener]] = {}  #: listeners by their filters
        self._behind: collections.deque[Listener] = collections.deque()  #: listeners with unsent events
        self._flushing = False
        self._watched: dict[int, set[asyncio.Event]] = {}
        self._alive: asyncio.Task[None] | None = None
        self._turns = Turns(_TURNS)
        self._pages = Pages()
        self._output_turns = Turns(_TURNS)

    def attach(self, bus: BusClient) -> None:
        """Listen to all messages on the bus."""
        self._bus = bus
        bus.local.subscribe_to_all(self._publish)
        self._alive = asyncio.get_running_loop().create_task(self._keep_alive())

    def update_gauges(self) -> None:
        """Set the gauge of the listeners."""
        metrics.STREAM_CLIENTS.set(len(self._listeners))

    # -- live --------------------------------------------------------------------------------------

    def _publish(self, envelope: Envelope) -> None:
        for event in self._watched.get(envelope.about or 0, ()):
            event.set()
        if topics.topic_of(envelope.topic).private:
            return
        wanting = [group for wanted, group in self._groups.items() if wanted(envelope)]
        encoded = sse.message(envelope) if wanting else b""
        for listener in itertools.chain(*wanting):
            if envelope.seq is not None and envelope.seq <= listener.after:
                continue
            if not listener.unsent:
                self._behind.append(listener)
            listener.unsent.append(encoded)
        if self._behind and not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Write to some of the listeners, then yield to other tasks of the loop."""
        for _ in range(min(_AT_ONCE, len(self._behind))):
            listener = self._behind.popleft()
            listener.peer.write(b"".join(listener.unsent))
            listener.unsent.clear()
        self._flushing = bool(self._behind)
        if self._flushing:
            asyncio.get_running_loop().call_soon(self._flush)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(_KEEP_ALIVE)
            self._pages.forget()
            for listener in self._listeners:
                listener.peer.write(b": still here\n\n")

    async def serve(self, peer: Peer, wanted: Wanted, after: int | None) -> None:
        """Serve one listener until it disconnects.

        :param after: the last number it has received; later messages are replayed first
        """
        peer.write(_GREETING)
        listener = Listener(peer, wanted)
        if after is not None:
            await self._replay(listener, after)
        self._listeners.add(listener)
        group = self._groups.setdefault(wanted, set())
        group.add(listener)
        try:
            await peer.gone.wait()
        finally:
            self._listeners.discard(listener)
            group.discard(listener)
            if not group:
                self._groups.pop(wanted, None)

    async def _replay(self, listener: Listener, after: int) -> None:
        """Send from the journal until live messages continue it without a gap."""
        assert self._bus is not None
        reset_at = 0
        while not listener.peer.gone.is_set():
            await self._bus.reached()
            try:
                async with self._turns.of(listener.peer.user):
                    position = self._bus.position
                    page = await self._pages.read(self._bus, listener.wanted, after)
            except ConnectionError:
                await asyncio.sleep(_AGAIN)
                continue
            if after > page.head or (after < page.first - 1 and page.first != reset_at):
                self._reset(listener.peer)
            reset_at = page.first
            await listener.peer.write_all(page.told)  # at its client's pace, and so without a turn
            after = page.last or max(min(after, page.head), position)
            if after >= self._bus.position:
                listener.after = after
                return

    def _reset(self, peer: Peer) -> None:
        """Send a reset: the journal does not, or no longer, contain the listener's position."""
        assert self._bus is not None
        reset = {"topic": "stream.reset", "msg_src": self._bus.name, "time": time.time()}
        peer.write(sse.event("stream.reset", reset))

    # -- the output of one procedure ---------------------------------------------------------------

    async def follow_output(
        self, peer: Peer, pid: int, after: int, tail: int | None, streams: list[str]
    ) -> None:
        """Send the output of a procedure, from its run directory, until it has ended.

        :param tail: begin with that many of the existing lines; None: with all
        """
        peer.write(_GREETING)
        news = asyncio.Event()
        self._watched.setdefault(pid, set()).add(news)
        try:
            while not peer.gone.is_set():
                news.clear()
                async with self._output_turns.of(peer.user):
                    page = await self._output(pid, after, tail, streams)
                await peer.write_all(b"".join(sse.output(pid, piece) for piece in page.pop("chunks")))
                moved = page["next"] > after or tail is not None
                if tail is not None:
                    # A listener cut off before its first event resumes here, not at a later tail.
                    peer.write(f"id: {page['next']}\n\n".encode())
                after, tail = page["next"], None
                if page["final"] and not moved:
                    peer.write(sse.event("procedure.output.end", {"pid": pid, "state": page["state"]}))
                    return
                if not moved:
                    await self._wait(peer, news)
        finally:
            watchers = self._watched[pid]
            watchers.discard(news)
            if not watchers:
                del self._watched[pid]

    async def _output(self, pid: int, after: int, tail: int | None, streams: list[str]) -> dict[str, Any]:
        assert self._bus is not None
        payload = {"pid": pid, "after": after, "limit": SIZE, "tail": tail, "streams": streams}
        while True:
            request_id = uuid.uuid4().hex
            try:
                reply = await self._bus.ask(topics.READ_OUTPUT, payload, request_id=request_id, timeout=_ASK)
            except Refusal:
                await asyncio.sleep(0.2)
                continue
            page: dict[str, Any] = reply.payload["result"]
            return page

    @staticmethod
    async def _wait(peer: Peer, news: asyncio.Event) -> None:
        # Not wait_for: it would lose the expiry of a token that coincides with new output.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KEEP_ALIVE):
                await news.wait()
            return
        peer.write(b": still here\n\n")

"""The event stream: every message of the bus to every listener who wants it, with replay by id.

Lives in the event loop of the FlaskWorker. A message is encoded once, however many listen.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import time
import uuid
from typing import Any

from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..domain.errors import Refusal
from ..metrics import catalogue as metrics
from . import sse
from .detached import Peer
from .pages import SIZE, Pages
from .turns import Turns
from .wanted import Wanted

_KEEP_ALIVE = 15.0  #: seconds between comments that keep proxies from closing a stream
_RETRY = 1000  #: milliseconds a browser waits before it connects again
_TURNS = 2  #: pages read at once; no more than that is ever ahead of the answer to a command
_AT_ONCE = 20  #: listeners written to before the event loop looks at anything else
_ASK = 10.0
_AGAIN = 0.2  #: seconds until a journal that could not be read is tried again
_GREETING = f": the event stream of the OET\nretry: {_RETRY}\n\n".encode()


class Listener:
    """One client, and what it wants."""

    def __init__(self, peer: Peer, wanted: Wanted) -> None:
        self.peer = peer
        self.wanted = wanted
        self.unsent: list[bytes] = []
        self.after = 0  #: numbers up to this one were replayed


class Hub:
    """All listeners of this worker."""

    def __init__(self) -> None:
        self._bus: BusClient | None = None
        self._listeners: set[Listener] = set()
        self._behind: collections.deque[Listener] = collections.deque()  #: those with something unsent
        self._flushing = False
        self._watched: dict[int, set[asyncio.Event]] = {}
        self._alive: asyncio.Task[None] | None = None
        self._turns = Turns(_TURNS)
        self._pages = Pages()
        self._output_turns = Turns(_TURNS)

    def attach(self, bus: BusClient) -> None:
        """Listen to everything on the bus."""
        self._bus = bus
        bus.local.subscribe_to_all(self._publish)
        self._alive = asyncio.get_running_loop().create_task(self._keep_alive())

    def look(self) -> None:
        """Tell how many listen."""
        metrics.STREAM_CLIENTS.set(len(self._listeners))

    # -- live --------------------------------------------------------------------------------------

    def _publish(self, envelope: Envelope) -> None:
        for event in self._watched.get(envelope.about or 0, ()):
            event.set()
        encoded: bytes | None = None
        for listener in self._listeners:
            if envelope.seq is not None and envelope.seq <= listener.after:
                continue
            if listener.wanted(envelope):
                encoded = encoded or sse.message(envelope)
                if not listener.unsent:
                    self._behind.append(listener)
                listener.unsent.append(encoded)
        if self._behind and not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Write to some of the listeners, and let the loop see to other things before the next ones."""
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
        """Serve one listener until it goes away.

        :param after: the last number it has seen; everything later is replayed first
        """
        peer.write(_GREETING)
        listener = Listener(peer, wanted)
        if after is not None:
            await self._replay(listener, after)
        self._listeners.add(listener)
        try:
            await peer.gone.wait()
        finally:
            self._listeners.discard(listener)

    async def _replay(self, listener: Listener, after: int) -> None:
        """Send from the journal until what is live continues it without a gap."""
        assert self._bus is not None
        told = 0
        while not listener.peer.gone.is_set():
            await self._bus.reached()
            try:
                async with self._turns.of(listener.peer.user):
                    position = self._bus.position
                    page = await self._pages.read(self._bus, listener.wanted, after)
            except ConnectionError:
                await asyncio.sleep(_AGAIN)
                continue
            if after > page.head or (after < page.first - 1 and page.first != told):
                self._reset(listener.peer)
            told = page.first
            await listener.peer.write_all(page.told)  # at its client's pace, and so without a turn
            after = page.last or max(min(after, page.head), position)
            if after >= self._bus.position:
                listener.after = after
                return

    def _reset(self, peer: Peer) -> None:
        """Say that the journal no longer (or does not) reach back to where a listener was."""
        assert self._bus is not None
        reset = {"topic": "stream.reset", "msg_src": self._bus.name, "time": time.time()}
        peer.write(sse.event("stream.reset", reset))

    # -- the output of one procedure ---------------------------------------------------------------

    async def follow_output(
        self, peer: Peer, pid: int, after: int, tail: int | None, streams: list[str]
    ) -> None:
        """Send the output of a procedure, from its run directory, until it has ended.

        :param tail: begin with that many lines of what is there; None: with all
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
                    # Whoever is cut off before anything comes resumes here, not at a later tail.
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
                reply = await self._bus.ask(
                    "request.procedure.output", payload, request_id=request_id, timeout=_ASK
                )
            except Refusal:
                await asyncio.sleep(0.2)
                continue
            page: dict[str, Any] = reply.payload["result"]
            return page

    @staticmethod
    async def _wait(peer: Peer, news: asyncio.Event) -> None:
        # No wait_for: where news and the end of a token come together, it would swallow the end.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KEEP_ALIVE):
                await news.wait()
            return
        peer.write(b": still here\n\n")

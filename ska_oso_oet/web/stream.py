"""The event stream: every message of the bus to every listener who wants it, with replay by id.

Lives in the event loop of the FlaskWorker. A message is encoded once, however many listen.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import json
import time
import uuid
from typing import Any, NamedTuple

from ..bus.client import BusClient
from ..bus.envelope import Envelope, shown_with
from ..bus.topics import matches
from ..domain.errors import Refusal
from ..metrics import catalogue as metrics
from .detached import Peer

_KEEP_ALIVE = 15.0  #: seconds between comments that keep proxies from closing a stream
_RETRY = 1000  #: milliseconds a browser waits before it connects again
_PAGE = 500
_AT_ONCE = 20  #: listeners written to before the event loop looks at anything else
_ASK = 10.0
_AGAIN = 0.2  #: seconds until a journal that could not be read is tried again
_GREETING = f": the event stream of the OET\nretry: {_RETRY}\n\n".encode()


class ActivityIds(NamedTuple):
    """An activity, its procedure, and the instance of its scheduling block."""

    activity: int
    procedure: int
    instance: str

    def concerned_by(self, envelope: Envelope) -> bool:
        """Tell whether a message is about one of them."""
        fields = envelope.payload
        if envelope.topic.startswith(("activity.", "request.activity.")):
            named = (fields.get(part) for part in ("result", "cmd"))
            ids = [part.get("id", part.get("aid")) for part in named if isinstance(part, dict)]
            return self.activity in (*ids, fields.get("aid"))
        return envelope.about == self.procedure or fields.get("sbi_id") == self.instance


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which messages a listener wants."""

    topics: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    procedure: int | None = None
    activity: ActivityIds | None = None
    subarrays: frozenset[int] | None = None  #: of messages that say which one they are from

    def __call__(self, envelope: Envelope) -> bool:
        """Tell whether this message is wanted."""
        if self.topics and not matches(envelope.topic, self.topics):
            return False
        if self.exclude and matches(envelope.topic, self.exclude):
            return False
        if self.activity is not None and not self.activity.concerned_by(envelope):
            return False
        if self.subarrays is not None and envelope.payload["subarray"] not in self.subarrays:
            return False
        return self.procedure is None or envelope.about == self.procedure


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
                encoded = encoded or encode(envelope)
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
        topics = list(listener.wanted.topics) or None
        told = 0
        while not listener.peer.gone.is_set():
            await self._bus.reached()
            position = self._bus.position
            try:
                page = await self._bus.read(after=after, limit=_PAGE, topics=topics)
                first, head = await self._bus.bounds()  # afterwards: what is too old is removed all the time
            except ConnectionError:
                await asyncio.sleep(_AGAIN)
                continue
            if after > head or (after < first - 1 and first != told):
                self._reset(listener.peer)
            told, after = first, min(after, head)
            wanted = [encode(envelope) for envelope in page if listener.wanted(envelope)]
            await listener.peer.write_all(b"".join(wanted))
            after = max(after, page[-1].seq or 0) if page else after
            if len(page) == _PAGE:
                continue
            after = max(after, position)
            if after >= self._bus.position:
                listener.after = after
                return

    def _reset(self, peer: Peer) -> None:
        """Say that the journal no longer (or does not) reach back to where a listener was."""
        assert self._bus is not None
        reset = {"topic": "stream.reset", "msg_src": self._bus.name, "time": time.time()}
        peer.write(_event("stream.reset", reset))

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
                page = await self._output(pid, after, tail, streams)
                for piece in page["chunks"]:
                    await peer.write_all(_output_event(pid, piece))
                moved = page["next"] > after or tail is not None
                if tail is not None:
                    # Whoever is cut off before anything comes resumes here, not at a later tail.
                    peer.write(f"id: {page['next']}\n\n".encode())
                after, tail = page["next"], None
                if page["final"] and not moved:
                    peer.write(_event("procedure.output.end", {"pid": pid, "state": page["state"]}))
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
        payload = {"pid": pid, "after": after, "limit": 256 * 1024, "tail": tail, "streams": streams}
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


def encode(envelope: Envelope) -> bytes:
    """One message as a server-sent event."""
    known: dict[str, Any] = {
        "topic": envelope.topic,
        "msg_src": envelope.msg_src,
        "time": envelope.time,
    }
    if envelope.request_id is not None:
        known["request_id"] = envelope.request_id
    fields = shown_with(envelope.payload, known | {"id": envelope.seq})
    del fields["id"]  # clients put it there, who have it from the event
    return _event(envelope.topic, fields, envelope.seq)


def _output_event(pid: int, piece: dict[str, Any]) -> bytes:
    return _event("procedure.output", {"pid": pid, **piece}, piece["n"])


def _event(name: str, data: dict[str, Any], seq: int | None = None) -> bytes:
    number = f"id: {seq}\n" if seq is not None else ""
    return f"{number}event: {name}\ndata: {json.dumps(data)}\n\n".encode()

"""The broker: numbers durable messages, writes them to the journal, then delivers them in that order.

Runs in the bus process. The protocol on its socket, one JSON document per line:

==========  ================  ======================================================================
from        frame             meaning
==========  ================  ======================================================================
client      hello             its ``name``, the ``key`` of the bus (see :mod:`.key`), and its topic prefixes
                              (``topics``, null for all)
broker      welcome           the number of the last message (``head``)
client      publish           a ``batch`` of envelopes, and the time (``at``)
broker      stored            the messages ``ids`` are in the journal
broker      refused           the messages ``ids`` were refused: ``kind``, ``detail``
broker      deliver           a ``batch``, which covers the numbers from ``first`` to ``last``; ``at`` is when
                              it was published; ``spooled``: it is not in the journal yet
client      read              a query: its id (``rid``), name (``what``) and parameters (``query``)
broker      answer            its ``result``, or an ``error``
client      drop              nobody waits for the answer to ``rid`` any more
client      vouch             messages up to the number ``upto`` are also stored elsewhere
broker      head              messages were skipped: the last number is ``head``
==========  ================  ======================================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ..bus import topics
from ..bus.envelope import Envelope
from ..bus.topic_names import matches
from ..bus.topics import topic_of
from ..bus.wire import Frames, encode_batch, reachable
from ..journal import Journal
from ..telemetry.metrics import catalogue as metrics
from .admission import Admission
from .answers import Answers
from .audit_export import Exporter
from .spool import Spool, Stored

LOG = logging.getLogger(__name__)

#: Bytes of backlog of a peer above which it is skipped until it has read them; it then fills its gap.
_LAGGING = 8 * 2**20
_FIRST = 30.0  #: seconds between two queries for the first number of the journal
#: The topics that a process without the key may publish: `oet-server drain`.
_WITHOUT_KEY = frozenset({topics.AUDIT_COMMAND, topics.AUDIT_RESULT, topics.DRAIN_BEGIN, topics.SHOW_DRAIN})


@dataclasses.dataclass
class _Peer:
    name: str
    topics: tuple[str, ...] | None
    covered: int  #: the last number delivered to this peer, or not of its topics
    worker: bool
    vouched: int = 0  #: messages up to this number are also stored elsewhere


class _Connection(Frames):
    def send_encoded(self, line: bytes) -> None:
        metrics.FRAMES.add("out")
        super().send_encoded(line)


class Broker:
    """Serves the bus on a Unix socket.

    While the journal cannot be written (full disk, damage), commands for new work are refused; all other
    messages are delivered at once, kept in memory, and written as soon as possible.

    :param arbiter: the process id of the arbiter, if there is one
    """

    def __init__(
        self,
        journal: Journal,
        path: str,
        exporters: Sequence[Exporter] = (),
        arbiter: int | None = None,
    ) -> None:
        self._journal = journal
        self._path = path
        self._admission = Admission(path, arbiter)
        self._spool = Spool(journal)
        self._answers = Answers(journal, self._spool, exporters, self._names)
        self._peers: dict[Frames, _Peer] = {}
        self._first = 0
        self._reads: dict[tuple[Frames, int], asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        address = reachable(self._path)
        if os.path.exists(self._path):
            os.unlink(self._path)
        old = os.umask(0o177)
        try:
            server = await loop.create_unix_server(self._accept, address)
        finally:
            os.umask(old)
        async with server:
            try:
                await server.serve_forever()
            finally:
                self._spool.flush()

    def _accept(self) -> Frames:
        return _Connection(self._received, self._gone, self._caught_up, self._admission.came)

    def _gone(self, frames: Frames) -> None:
        self._peers.pop(frames, None)
        self._admission.gone(frames)
        for (asker, _), read in list(self._reads.items()):
            if asker is frames:
                read.cancel()

    def _received(self, frames: Frames, frame: dict[str, Any]) -> None:
        metrics.FRAMES.add("in")
        try:
            if frame.get("op") == "hello":
                self._welcome(frames, frame)
                return
            peer = self._peers.get(frames)
            if peer is None:
                return  # turned away
            match frame.get("op"):
                case "publish":
                    batch = [Envelope.from_dict(e) for e in frame["batch"]]
                    if not peer.worker:
                        batch = [e for e in batch if e.topic in _WITHOUT_KEY]
                    self._publish(frames, batch, frame.get("at"))
                case "read":
                    self._begin_read(frames, frame["rid"], frame["what"], frame["query"])
                case "drop" if (frames, frame["rid"]) in self._reads:
                    self._reads[frames, frame["rid"]].cancel()
                case "vouch" if peer.worker:
                    peer.vouched = frame["upto"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            LOG.warning("Dropped a broken frame: %r", error)

    def _welcome(self, frames: Frames, hello: dict[str, Any]) -> None:
        name = str(hello["name"])
        worker = self._admission.admit(frames, name, hello.get("key"))
        if worker is None:
            return
        prefixes = hello.get("topics")
        head = self._spool.head
        self._peers[frames] = _Peer(
            name=name,
            topics=tuple(prefixes) if prefixes is not None else None,
            covered=head,
            worker=worker,
        )
        frames.send({"op": "welcome", "head": head})

    # -- publishing --------------------------------------------------------------------------------

    def _publish(self, frames: Frames, batch: list[Envelope], at: float | None) -> None:
        durable = [e for e in batch if not topic_of(e.topic).transient]
        stored = self._spool.store(frames, durable) if durable else Stored([], [], [])
        safe = [*stored.repeated, *(e.id for e in stored.written)]
        if safe:
            frames.send({"op": "stored", "ids": safe})
        # In the order of the batch; a repeated durable message was delivered before.
        numbered = {e.id: e for e in (*stored.written, *stored.waiting)}
        passed_on = (e if topic_of(e.topic).transient else numbered.pop(e.id, None) for e in batch)
        self._deliver([e for e in passed_on if e is not None], {"at": at, "spooled": bool(stored.waiting)})

    def _deliver(self, batch: list[Envelope], about: dict[str, Any]) -> None:
        encoded: dict[tuple[tuple[str, ...] | None, int], bytes | None] = {}
        for frames, peer in self._peers.items():
            if frames.backlog > _LAGGING:
                peer.covered = self._spool.head  # so that the peer detects the gap
                continue
            key = (peer.topics, peer.covered)
            if key not in encoded:
                encoded[key] = self._encode(batch, peer, about)
            line = encoded[key]
            if line is not None:
                frames.send_encoded(line)
                peer.covered = self._spool.head

    def _encode(self, batch: list[Envelope], peer: _Peer, about: dict[str, Any]) -> bytes | None:
        wanted = [e.encoded for e in batch if peer.topics is None or matches(e.topic, peer.topics)]
        if not wanted:
            return None
        covered = {"first": peer.covered + 1, "last": self._spool.head}
        return encode_batch({"op": "deliver", **covered, **about}, wanted)

    def _caught_up(self, frames: Frames) -> None:
        if frames in self._peers:
            frames.send({"op": "head", "head": self._spool.head})

    # -- answering ---------------------------------------------------------------------------------

    def _begin_read(self, frames: Frames, rid: int, what: str, query: dict[str, Any]) -> None:
        read = self._reads[frames, rid] = asyncio.ensure_future(self._read(frames, rid, what, query))
        read.add_done_callback(lambda _: self._reads.pop((frames, rid), None))

    async def _read(self, frames: Frames, rid: int, what: str, query: dict[str, Any]) -> None:
        frames.send({"op": "answer", "rid": rid, "what": what, **await self._answers.answer(what, query)})

    def vouched(self) -> int:
        """The number up to which messages are also stored elsewhere; 0 if they are not."""
        return max((peer.vouched for peer in self._peers.values()), default=0)

    def _names(self) -> list[str]:
        return sorted({peer.name for peer in self._peers.values()})

    # -- measuring ---------------------------------------------------------------------------------

    def update_gauges(self) -> None:
        """Set the gauges of backlogs, of unwritten messages and of the journal's size."""
        waiting = dict.fromkeys((*metrics.WORKERS[1:], metrics.OTHER), 0)
        for frames, peer in self._peers.items():
            waiting[peer.name if peer.name in waiting else metrics.OTHER] += frames.backlog
        for worker, backlog in waiting.items():
            metrics.BACKLOG.set(backlog, worker)
        metrics.UNWRITTEN.set(len(self._spool))
        metrics.MESSAGES.set(self._spool.head - self._first + 1 if self._first else 0)

    async def watch_journal_start(self) -> None:
        """Track the first number in the journal; never returns."""
        while True:
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                self._first = await asyncio.to_thread(self._journal.first)
            await asyncio.sleep(_FIRST if self._first else 1)

"""The broker: numbers durable messages, writes them to the journal, then delivers them in that order.

Runs in the bus process. What is said on its socket, one JSON document a line:

==========  ================  ======================================================================
from        frame             meaning
==========  ================  ======================================================================
client      hello             my ``name``, the ``key`` of the bus (see :mod:`.key`), and the topic prefixes I
                              want (``topics``, none means all)
broker      welcome           the number of the last message (``head``)
client      publish           a ``batch`` of envelopes, and when that is (``at``)
broker      stored            these ``ids`` are safe
broker      refused           these ``ids`` were not taken: ``kind``, ``detail``
broker      deliver           a ``batch`` for you; it covers the numbers from ``first`` to ``last``; ``at``
                              is when it was published; ``spooled``: it is not in the journal yet
client      read              a question to the journal: ``rid``, ``what``, ``query``
broker      answer            its ``result``, or an ``error``, with its ``kind`` where it is a refusal
broker      head              you missed some: the last number is ``head``
==========  ================  ======================================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hmac
import logging
import os
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from .. import peers
from ..domain.errors import Refusal
from ..metrics import catalogue as metrics
from . import key
from .envelope import Envelope
from .export import Exporter, health_of
from .history.centre import NoCentre
from .journal import Journal, Query
from .journal.integrity import is_damage
from .journal.verification import Verification
from .numbers import Numbers
from .topics import TOPICS, matches
from .wire import Frames, encode, reachable

LOG = logging.getLogger(__name__)

#: A peer with more bytes than this waiting is left out until it has read them; it then fills its gap.
_LAGGING = 8 * 2**20
#: Requests that are carried out though the disk is full: they end things, or free some of it.
_MAKES_NO_WORK = frozenset(
    {"request.procedure.stop", "request.activity.stop", "request.environment.remove", "request.failed"}
)
_DISK_FULL = "disk_full", "the journal cannot be written; free some disk space on the server"
_DAMAGED = "unavailable", "the journal is damaged; restore a backup of it, as the server's log says"
_FIRST = 30.0  #: seconds between two looks at where the journal begins
#: What a process beside the server may say, which has no key: it drains it.
_BESIDE = frozenset({"audit.command", "audit.result", "operator.drain.begin", "request.operator.drain"})
_STRANGERS = 64  #: who may be connected at once without having said who they are
_HELLO = 4096  #: bytes it may take to say
_PATIENCE = 5.0  #: seconds it may take
_CENTRAL = "central."  #: what the name of a question begins with that is about all subarrays
_RETRY = 0.5  #: seconds between attempts to write what could not be written


@dataclasses.dataclass
class _Peer:
    name: str = "?"
    topics: tuple[str, ...] | None = None
    told: int = 0  #: the last number this peer has been sent, or been spared
    beside: bool = False  #: whether it is no worker


class Broker:
    """Serves the bus on a Unix socket.

    While the journal cannot be written (full disk, damage), commands for new work are refused; everything
    else is delivered at once, kept in memory, and written as soon as that works again.
    """

    def __init__(
        self,
        journal: Journal,
        path: str,
        centre: NoCentre | None = None,
        exporters: Sequence[Exporter] = (),
        arbiter: int | None = None,
    ) -> None:
        self._journal = journal
        self._path = path
        self._key = key.required(path)
        self._centre = centre or NoCentre()
        self._exporters = exporters
        self._verification = Verification(journal.engine)
        self._peers: dict[Frames, _Peer] = {}
        self._strangers: dict[Frames, bool] = {}  #: who has not said yet who it is; whether it is no script
        self._arbiter = arbiter
        self._numbers = Numbers(f"{journal.file}.numbers")
        self._head = max(journal.head(), self._numbers.last)
        self._spool: list[tuple[Frames, Envelope]] = []
        self._spooled: dict[str, int] = {}
        self._first = 0
        self._reads: set[asyncio.Task[None]] = set()

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
                self._flush()

    def _accept(self) -> Frames:
        return Frames(self._received, self._gone, self._caught_up, self._came)

    def _came(self, frames: Frames) -> None:
        """Somebody has connected, and must say who it is."""
        own = peers.is_own(frames.socket, but=self._arbiter)
        if list(self._strangers.values()).count(own) >= _STRANGERS:  # scripts take no places of others
            frames.abort()
            return
        self._strangers[frames] = own
        frames.longest = _HELLO
        asyncio.get_running_loop().call_later(_PATIENCE, self._turn_away_silent, frames)

    def _turn_away_silent(self, frames: Frames) -> None:
        if frames in self._strangers:
            frames.abort()

    def _gone(self, frames: Frames) -> None:
        self._peers.pop(frames, None)
        self._strangers.pop(frames, None)

    def _received(self, frames: Frames, frame: dict[str, Any]) -> None:
        try:
            if frame.get("op") == "hello":
                self._welcome(frames, frame)
                return
            peer = self._peers.get(frames)
            if peer is None:
                return  # it has been turned away
            match frame.get("op"):
                case "publish":
                    batch = [Envelope.from_dict(e) for e in frame["batch"]]
                    if peer.beside:
                        batch = [e for e in batch if e.topic in _BESIDE]
                    self._publish(frames, batch, frame.get("at"))
                case "read":
                    task = asyncio.ensure_future(
                        self._read(frames, frame["rid"], frame["what"], frame["query"])
                    )
                    self._reads.add(task)
                    task.add_done_callback(self._reads.discard)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            LOG.warning("Dropped a broken frame: %r", error)

    def _welcome(self, frames: Frames, hello: dict[str, Any]) -> None:
        name = str(hello["name"])
        worker = hmac.compare_digest(str(hello.get("key")).encode(), self._key.encode())
        own = self._strangers.get(frames, False)
        if not worker and not own:
            LOG.error("A process that is no worker was turned away from the bus; it said it was %.80r", name)
            frames.close()
            return
        self._strangers.pop(frames, None)
        frames.longest = None
        topics = hello.get("topics")
        self._peers[frames] = _Peer(
            name=name,
            topics=tuple(topics) if topics is not None else None,
            told=self._head,
            beside=not worker,
        )
        frames.send({"op": "welcome", "head": self._head})

    # -- publishing --------------------------------------------------------------------------------

    def _publish(self, frames: Frames, batch: list[Envelope], at: float | None) -> None:
        durable = [e for e in batch if not _transient(e)]
        known = self._known([e.id for e in durable]) if durable else {}
        fresh = list({e.id: e for e in durable if e.id not in known}.values())
        written, spooled = self._store(frames, fresh) if fresh else ([], [])
        safe = [e.id for e in durable if e.id in known and e.id not in self._spooled]
        safe += [e.id for e in written]
        if safe:
            frames.send({"op": "stored", "ids": safe})
        numbered = {e.id: e for e in (*written, *spooled)}
        passed_on = (e if _transient(e) else numbered.pop(e.id, None) for e in batch)
        self._deliver([e for e in passed_on if e is not None], {"at": at, "spooled": bool(spooled)})

    def _known(self, ids: list[str]) -> dict[str, int]:
        known = {i: self._spooled[i] for i in ids if i in self._spooled}
        try:
            return known | self._journal.known(ids)
        except sa.exc.SQLAlchemyError:
            LOG.exception("Cannot read the journal")
            return known

    def _store(self, frames: Frames, fresh: list[Envelope]) -> tuple[list[Envelope], list[Envelope]]:
        """Write, or else keep in memory what must not wait and refuse the rest."""
        if self._journal.damage is not None:
            fresh = self._without_new_work(frames, fresh)
        if fresh and not self._spool:
            numbered = self._number(fresh)
            try:
                self._journal.append(numbered)
                self._head += len(numbered)
                return numbered, []
            except sa.exc.SQLAlchemyError as error:
                if not _of_the_journal(error):
                    return self._store_what_can_be_stored(frames, fresh, error)
                LOG.error("Cannot write the journal: %s", error.__cause__ or error)
        kept = self._number(self._without_new_work(frames, fresh))
        if kept and not self._spool:
            asyncio.get_running_loop().call_later(_RETRY, self._flush)
        self._head += len(kept)
        if kept:
            self._numbers.note(self._head)
        self._spool += [(frames, e) for e in kept]
        self._spooled.update((e.id, e.seq or 0) for e in kept)
        return [], kept

    def _without_new_work(self, frames: Frames, fresh: list[Envelope]) -> list[Envelope]:
        """Refuse the commands for new work; the rest is returned."""
        refused = [e.id for e in fresh if _new_work(e)]
        if refused:
            kind, detail = _DISK_FULL if self._journal.damage is None else _DAMAGED
            frames.send({"op": "refused", "ids": refused, "kind": kind, "detail": detail})
        return [e for e in fresh if not _new_work(e)]

    def _store_what_can_be_stored(
        self, frames: Frames, fresh: list[Envelope], error: Exception
    ) -> tuple[list[Envelope], list[Envelope]]:
        """Refuse a message that the journal cannot hold, so that it stands in the way of no other."""
        if len(fresh) > 1:
            each = [self._store(frames, [envelope]) for envelope in fresh]
            return [e for written, _ in each for e in written], [e for _, kept in each for e in kept]
        LOG.error("Refused a message on %s: %s", fresh[0].topic, error.__cause__ or error)
        detail = "the journal cannot hold this message"
        frames.send({"op": "refused", "ids": [fresh[0].id], "kind": "invalid", "detail": detail})
        return [], []

    def _number(self, envelopes: list[Envelope]) -> list[Envelope]:
        return [dataclasses.replace(e, seq=self._head + n, link=None) for n, e in enumerate(envelopes, 1)]

    def _flush(self) -> None:
        """Write what was kept in memory, if that works by now."""
        if not self._spool:
            return
        try:
            self._journal.append([envelope for _, envelope in self._spool])
        except sa.exc.SQLAlchemyError as error:
            if _of_the_journal(error):
                asyncio.get_running_loop().call_later(_RETRY, self._flush)
                return
            self._flush_one_by_one()
        LOG.warning("The journal can be written again; %d messages caught up", len(self._spool))
        for frames, envelope in self._spool:
            frames.send({"op": "stored", "ids": [envelope.id]})
        self._spool.clear()
        self._spooled.clear()

    def _flush_one_by_one(self) -> None:
        for _, envelope in self._spool:
            try:
                self._journal.append([envelope])
            except sa.exc.SQLAlchemyError as error:
                LOG.error("Dropped a message on %s: %s", envelope.topic, error.__cause__ or error)

    # -- delivering --------------------------------------------------------------------------------

    def _deliver(self, batch: list[Envelope], about: dict[str, Any]) -> None:
        encoded: dict[tuple[tuple[str, ...] | None, int], bytes | None] = {}
        for frames, peer in self._peers.items():
            if frames.backlog > _LAGGING:
                peer.told = self._head  # so that it will notice the gap
                continue
            key = (peer.topics, peer.told)
            if key not in encoded:
                encoded[key] = self._encode(batch, peer, about)
            line = encoded[key]
            if line is not None:
                frames.send_encoded(line)
                peer.told = self._head

    def _encode(self, batch: list[Envelope], peer: _Peer, about: dict[str, Any]) -> bytes | None:
        wanted = [e.to_dict() for e in batch if peer.topics is None or matches(e.topic, peer.topics)]
        if not wanted:
            return None
        covered = {"first": peer.told + 1, "last": self._head}
        return encode({"op": "deliver", **covered, **about, "batch": wanted})

    def _caught_up(self, frames: Frames) -> None:
        if frames in self._peers:
            frames.send({"op": "head", "head": self._head})

    # -- reading -----------------------------------------------------------------------------------

    async def _read(self, frames: Frames, rid: int, what: str, query: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"op": "answer", "rid": rid, "what": what}
        try:
            if what.startswith(_CENTRAL):
                answer["result"] = await self._centre.answer(what.removeprefix(_CENTRAL), query)
            elif what == "health":
                answer["result"] = self._health()
            else:
                answer["result"] = await asyncio.to_thread(self._look_up, what, query)
        except Refusal as error:
            answer |= {"kind": error.kind, "error": error.detail}
        except (sa.exc.SQLAlchemyError, TypeError, ValueError) as error:
            LOG.exception("Cannot read the journal")
            answer["error"] = f"the journal cannot be read: {type(error).__name__}"
        frames.send(answer)

    def _health(self) -> dict[str, str | None]:
        journal = "ok"
        if self._journal.damage is not None:
            journal = f"damaged: {self._journal.damage}"
        elif self._spool:
            journal = f"cannot be written: {len(self._spool)} messages wait for room on the disk"
        return {
            "journal": journal,
            "central_history": self._centre.health(self._head),
            "audit_export": health_of(self._exporters),
        }

    def _look_up(self, what: str, query: dict[str, Any]) -> Any:
        if what == "procedures":
            return self._journal.procedures(**query)
        if what == "documents":
            return self._journal.documents(**query)
        if what == "audit":
            return self._journal.audit(**query)
        if what == "audit.records":
            return self._verification.records(**query)
        if what == "audit.verdict":
            return self._verification.verdict(**query)
        if what == "peers":
            return sorted({peer.name for peer in self._peers.values()})
        if what == "bounds":
            return {"first": self._journal.first(), "head": self._head}
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in query.items()}
        asked = Query(**plain)
        spooled = [e for _, e in list(self._spool) if asked.wants(e)]
        found = self._journal.read(asked)
        if found and asked.size is not None:
            spooled = []  # there may be more before them
        return [e.to_dict() for e in (*found, *spooled)[: asked.limit]]

    # -- measuring ---------------------------------------------------------------------------------

    def look(self) -> None:
        """Tell how much waits, and how much there is."""
        waiting = dict.fromkeys((*metrics.WORKERS[1:], metrics.OTHER), 0)
        for frames, peer in self._peers.items():
            waiting[peer.name if peer.name in waiting else metrics.OTHER] += frames.backlog
        for worker, backlog in waiting.items():
            metrics.BACKLOG.set(backlog, worker)
        metrics.UNWRITTEN.set(len(self._spool))
        metrics.MESSAGES.set(self._head - self._first + 1 if self._first else 0)

    async def look_for_the_first(self) -> None:
        """Go on knowing where the journal begins; never ends by itself."""
        while True:
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                self._first = await asyncio.to_thread(self._journal.first)
            await asyncio.sleep(_FIRST if self._first else 1)


def _transient(envelope: Envelope) -> bool:
    topic = TOPICS.get(envelope.topic)
    return topic is not None and topic.transient


def _of_the_journal(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether it is the journal that is at fault, not the message."""
    return isinstance(error, sa.exc.OperationalError) or is_damage(error.__cause__)


def _new_work(envelope: Envelope) -> bool:
    name = envelope.topic
    return name.startswith("request.") and name not in _MAKES_NO_WORK

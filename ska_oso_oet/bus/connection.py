"""A worker's end of the event bus.

Runs inside the event loop of one worker. Survives any crash of the broker: what was not acknowledged is sent
again under the same id, and what was missed is read from the journal, so that this process's listeners get
every durable message once and in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import time
from collections.abc import Iterable
from typing import Any

from ..domain.errors import Refusal, refusal
from ..domain.masking import masked
from ..domain.nesting import too_deep
from ..metrics import catalogue as metrics
from . import key
from .envelope import Envelope
from .local import LocalBus
from .sealed import Sealed
from .topics import TOPICS, Topic
from .wire import Frames, reachable

LOG = logging.getLogger(__name__)

_OPEN = Topic("")  #: stands for the topics of scripts
_RECONNECT = 0.05  #: seconds between attempts to reach the broker
_PAGE = 1000


class Connection:
    """Publishes, listens and asks.

    :param name: the worker's name, ``msg_src`` of what it says
    :param path: the broker's socket
    :param topics: the topic prefixes to receive; none means all, an empty tuple nothing
    """

    def __init__(self, name: str, path: str, topics: tuple[str, ...] | None = None) -> None:
        self.name = name
        self.local = LocalBus()
        self.sealed = Sealed(os.path.join(os.path.dirname(path), "sealed"))
        self._path = path
        self._topics = topics
        self._frames: Frames | None = None
        self._lost = asyncio.Event()
        self._connected = asyncio.Event()
        self._unsent: list[dict[str, Any]] = []
        self._pending: dict[str, tuple[Envelope, asyncio.Future[None]]] = {}
        self._questions: dict[int, tuple[str, asyncio.Future[Any]]] = {}  #: what was asked, by its number
        self._numbers = itertools.count(1)  #: of questions; none is ever given twice
        self._last: int | None = None
        self._uncertain: set[str] = set()  #: heard, but not in the journal then: it may come again
        self._uncertain_of: Frames | None = None  #: the connection to the broker who said so
        self.joined_at = 0  #: number of the last message before this process first joined
        self._held: list[dict[str, Any]] | None = None
        self._repair: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker is reached at this moment."""
        return self._connected.is_set()

    @property
    def position(self) -> int:
        """The number up to which this process has seen everything."""
        return self._last or 0

    # -- the connection ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the connection to the broker; never ends by itself."""
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
            topics = None if self._topics is None else list(self._topics)
            hello = {"op": "hello", "name": self.name, "key": key.known(self._path), "topics": topics}
            frames.send(hello)
            try:
                await self._lost.wait()
            finally:
                frames.close()

    async def reached(self) -> None:
        """Wait until the broker is reached."""
        await self._connected.wait()

    def _gone(self, frames: Frames) -> None:
        self._frames = None
        self._connected.clear()
        self._lost.set()
        if self._repair is not None:
            self._repair.cancel()
            self._repair = None
            self._held = None
        for _, question in self._questions.values():
            if not question.done():
                question.set_exception(ConnectionError("the broker went away"))
        self._questions.clear()

    def _received(self, frames: Frames, frame: dict[str, Any]) -> None:
        op = frame.get("op")
        if op == "deliver":
            self._deliver(frame)
        elif op == "stored":
            for i in frame["ids"]:
                self._settle(i, None)
        elif op == "refused":
            for i in frame["ids"]:
                self._settle(i, refusal(frame["kind"], frame["detail"]))
        elif op == "answer":
            self._answered(frame)
        elif op == "head":
            self._notice(frame["head"])
        elif op == "welcome":
            self._welcome(frames, frame["head"])

    def _welcome(self, frames: Frames, head: int) -> None:
        self._frames = frames
        self._unsent.clear()
        unacknowledged = [envelope.to_dict() for envelope, _ in self._pending.values()]
        if unacknowledged:
            frames.send({"op": "publish", "batch": unacknowledged})
        self._connected.set()
        if self._last is None:
            self._last = self.joined_at = head
        else:
            self._notice(head)

    # -- receiving ---------------------------------------------------------------------------------

    def _deliver(self, frame: dict[str, Any]) -> None:
        if self._held is not None:
            self._held.append(frame)
            return
        if frame["first"] > self.position + 1:
            self._held = [frame]
            self._repair = asyncio.ensure_future(self._fill_gap())
            return
        if (at := frame.get("at")) is not None:
            metrics.DELIVERY.observe(max(0.0, time.time() - at), self.name)
        batch = [Envelope.from_dict(data) for data in frame["batch"]]
        for envelope in batch:
            self.hand_over(envelope)
        self._last = max(self.position, frame["last"])
        if frame.get("spooled"):
            self._uncertain.update(envelope.id for envelope in batch)
            self._uncertain_of = self._frames
        elif self._uncertain_of is self._frames:  # the broker who said so has written it by now
            self._uncertain.clear()

    def hand_over(self, envelope: Envelope) -> None:
        """Deliver a message to this process's listeners, unless that was done before."""
        if envelope.seq is not None and envelope.seq <= self.position:
            return
        if envelope.seq is not None:
            self._last = envelope.seq
        if envelope.id not in self._uncertain:
            self.local.deliver(envelope)

    def _notice(self, head: int) -> None:
        if head > self.position and self._held is None and self._topics != ():
            self._held = []
            self._repair = asyncio.ensure_future(self._fill_gap())

    async def _fill_gap(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                page = await self.read(after=self.position, limit=_PAGE, topics=self._topics)
                for envelope in page:
                    self.hand_over(envelope)
                if len(page) < _PAGE:
                    break
            held, self._held, self._repair = self._held or [], None, None
            for frame in held:
                frame["first"] = min(frame["first"], self.position + 1)
                self._deliver(frame)

    # -- publishing --------------------------------------------------------------------------------

    def envelope(self, topic: str, payload: dict[str, Any], **more: Any) -> Envelope:
        """Make a message of this worker, checked against the topic tree and without what may be secret."""
        known: dict[str, Any] = {"msg_src": self.name, "time": time.time()}
        if topic in TOPICS and not TOPICS[topic].verbatim:
            payload = masked(payload)
        made = Envelope(topic=topic, payload=payload, **(known | more))
        if topic in TOPICS:
            self.local.check(made)
        return made

    def send(self, envelopes: Iterable[Envelope]) -> list[asyncio.Future[None]]:
        """Send messages, together and in this order, without waiting for the journal.

        Each durable message is sent again until it is acknowledged. The futures end when the message is in
        the journal, or with the Refusal of one that was not taken.
        """
        futures = []
        batch = []
        for envelope in envelopes:
            if too_deep(envelope.payload, wrapped=True):
                LOG.error("Dropped a message on %s: it is nested too deep", envelope.topic)
                continue
            batch.append(envelope.to_dict())
            if not TOPICS.get(envelope.topic, _OPEN).transient:
                future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                future.add_done_callback(_retrieved)
                self._pending[envelope.id] = (envelope, future)
                futures.append(future)
        if batch and self._frames is not None:
            if not self._unsent:
                asyncio.get_running_loop().call_soon(self._push)
            self._unsent += batch
        return futures

    def _push(self) -> None:
        batch, self._unsent = self._unsent, []
        if self._frames is not None and batch:
            self._frames.send({"op": "publish", "at": time.time(), "batch": batch})

    @property
    def unacknowledged(self) -> int:
        """How many durable messages are not known to be in the journal yet."""
        return len(self._pending)

    def look(self) -> None:
        """Tell how much of what was said is not known to be in the journal yet."""
        metrics.UNACKNOWLEDGED.set(len(self._pending), self.name)

    def give_up(self, i: str) -> None:
        """Do not send this message again."""
        self._pending.pop(i, None)

    def unacknowledged_requests(self) -> set[str | None]:
        """The requests answered by messages that are not known to be in the journal yet."""
        return {envelope.request_id for envelope, _ in self._pending.values()}

    async def publish(self, topic: str, payload: dict[str, Any], **more: Any) -> None:
        """Send one message; a durable one is in the journal when this returns.

        :raises Refusal: where the broker cannot take it
        """
        await asyncio.gather(*self.send([self.envelope(topic, payload, **more)]))

    def _settle(self, i: str, error: Refusal | None) -> None:
        _, future = self._pending.pop(i, (None, None))
        if future is None or future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    # -- reading the journal -----------------------------------------------------------------------

    async def read(self, **query: Any) -> list[Envelope]:
        """Read messages from the journal; see :class:`~ska_oso_oet.bus.journal.Query`.

        :raises ConnectionError: where the broker is away
        """
        return [Envelope.from_dict(e) for e in await self._look_up("messages", query)]

    async def read_procedures(self, **query: Any) -> list[dict[str, Any]]:
        """Read a page of the latest documents of procedures, the newest first.

        It may end early, where the documents are large.

        :raises ConnectionError: where the broker is away
        """
        found: list[dict[str, Any]] = await self._look_up("procedures", query)
        return found

    async def all_procedures(self, **query: Any) -> list[dict[str, Any]]:
        """Read the latest documents of procedures, as many as are asked for, however large they are.

        :raises ConnectionError: where the broker is away
        """
        return await self._all("procedures", query)

    async def all_documents(self, **query: Any) -> list[dict[str, Any]]:
        """Read the latest documents of a kind, as many as are asked for; each must have an id.

        :raises ConnectionError: where the broker is away
        """
        return await self._all("documents", query)

    async def _all(self, what: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        limit = query.pop("limit", _PAGE)
        while len(found) < limit:
            before = {"before": found[-1]["id"]} if found else {}
            page = await self._look_up(what, {**query, **before, "limit": limit - len(found)})
            if not page:
                break
            found += page
        return found

    async def read_documents(self, **query: Any) -> list[dict[str, Any]]:
        """Read the latest documents of a kind; see :meth:`~ska_oso_oet.bus.journal.Journal.documents`.

        :raises ConnectionError: where the broker is away
        """
        found: list[dict[str, Any]] = await self._look_up("documents", query)
        return found

    async def read_audit(self, **query: Any) -> list[dict[str, Any]]:
        """Read who asked for what; see :meth:`~ska_oso_oet.bus.journal.Journal.audit`.

        :raises ConnectionError: where the broker is away
        """
        found: list[dict[str, Any]] = await self._look_up("audit", query)
        return found

    async def read_audit_chain(self, what: str, *, after: int, limit: int) -> dict[str, Any]:
        """Read records of the audit in their chain, or what is found of them.

        :param what: `records` or `verdict`; see :class:`~ska_oso_oet.bus.journal.verification.Verification`
        :raises ConnectionError: where the broker is away
        """
        found: dict[str, Any] = await self._look_up(f"audit.{what}", {"after": after, "limit": limit})
        return found

    async def bounds(self) -> tuple[int, int]:
        """The first and the last number in the journal.

        :raises ConnectionError: where the broker is away
        """
        found = await self._look_up("bounds", {})
        return found["first"], found["head"]

    async def read_central(self, what: str, **query: Any) -> Any:
        """Ask the central history; see :class:`~ska_oso_oet.bus.history.centre.Centre`.

        :raises ConnectionError: where the broker is away
        :raises Refusal: where there is no central history, or it does not answer
        """
        return await self._look_up(f"central.{what}", query)

    async def health(self) -> dict[str, str | None]:
        """How the journal and the central history stand: `ok`, or what the trouble is.

        :raises ConnectionError: where the broker is away
        """
        found: dict[str, str | None] = await self._look_up("health", {})
        return found

    async def peers(self) -> list[str]:
        """The names of the processes that are on the bus at this moment.

        :raises ConnectionError: where the broker is away
        """
        found: list[str] = await self._look_up("peers", {})
        return found

    async def _look_up(self, what: str, query: dict[str, Any]) -> Any:
        if self._frames is None:
            raise ConnectionError("the broker is away")
        question: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        rid = next(self._numbers)
        self._questions[rid] = what, question
        self._frames.send({"op": "read", "rid": rid, "what": what, "query": query})
        try:
            return await question
        finally:
            self._questions.pop(rid, None)

    def _answered(self, frame: dict[str, Any]) -> None:
        what, question = self._questions.get(frame["rid"], ("", None))
        if question is None or question.done():
            return  # whoever asked has given up
        if frame["what"] != what:
            LOG.error("Dropped an answer to %r, which is none to %r", frame["what"], what)
            return
        if "kind" in frame:
            question.set_exception(refusal(frame["kind"], frame["error"]))
        elif "error" in frame:
            question.set_exception(ConnectionError(frame["error"]))
        else:
            question.set_result(frame["result"])


def _retrieved(future: asyncio.Future[None]) -> None:
    # A caller may leave the future alone; the refusal is then logged here instead of at collection time.
    if not future.cancelled() and future.exception() is not None:
        LOG.debug("Not taken by the broker: %s", future.exception())

"""A worker's end of the event bus: :class:`BusClient`."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

from ..domain.masking import masked
from ..files.sealed import Sealed
from ..telemetry.metrics import catalogue as metrics
from .envelope import Envelope
from .inbox import Inbox
from .journal_queries import Lookup
from .link import Link
from .local import LocalBus
from .outbox import Outbox
from .questions import Questions
from .topics import TOPICS


class BusClient:
    """Publishes, listens and asks, in the event loop of one worker.

    Survives crashes of the broker: every durable message reaches the journal, and this process's
    listeners, once and in order.

    :param name: the worker's name, ``msg_src`` of its messages
    :param path: the broker's socket
    :param topics: the topic prefixes to receive; None means all, an empty tuple nothing
    """

    def __init__(self, name: str, path: str, topics: tuple[str, ...] | None = None) -> None:
        self.name = name
        self.local = LocalBus()
        self.sealed = Sealed(os.path.join(os.path.dirname(path), "sealed"))
        self._link = Link(name, path, topics)
        self.lookup = Lookup(self._link)
        self._outbox = Outbox(self._link)
        self._inbox = Inbox(name, self._link, self.lookup, self._arrived)
        self._link.on["welcome"] = self._welcomed
        self._questions = Questions(self._link, self._outbox, self.lookup, self.sealed, self.envelope)
        self.run = self._link.run
        self.reached = self._link.reached
        self.send = self._outbox.send
        self.ask = self._questions.ask

    @property
    def connected(self) -> bool:
        """Whether the broker is connected."""
        return self._link.connected

    @property
    def position(self) -> int:
        """The number up to which this process has received every message."""
        return self._inbox.position

    @property
    def joined_at(self) -> int:
        """The number of the last message before this process first joined."""
        return self._inbox.joined_at or 0

    @property
    def unacknowledged(self) -> int:
        """The number of durable messages that may not be in the journal yet."""
        return len(self._outbox)

    def unacknowledged_requests(self) -> set[str | None]:
        """The requests whose replies may not be in the journal yet."""
        return self._outbox.request_ids()

    def update_gauges(self) -> None:
        """Set the gauges of this process's messages."""
        metrics.UNACKNOWLEDGED.set(self.unacknowledged, self.name)

    def vouch(self, upto: int) -> None:
        """Tell the broker that messages up to this number are also stored elsewhere."""
        if self._link.frames is not None:
            self._link.frames.send({"op": "vouch", "upto": upto})

    def _welcomed(self, frame: dict[str, Any]) -> None:
        self._outbox.welcomed()
        self._inbox.welcomed(frame["head"])

    def _arrived(self, envelope: Envelope, first_time: bool) -> None:
        if first_time:
            self.local.deliver(envelope)
        self._questions.arrived(envelope)

    def envelope(self, topic: str, payload: dict[str, Any], **more: Any) -> Envelope:
        """Make a message of this worker: checks it against the topic tree, masks its secrets."""
        fields: dict[str, Any] = {"msg_src": self.name, "time": time.time()}
        ours = topic in TOPICS
        if ours and not TOPICS[topic].verbatim:
            payload = masked(payload)
        envelope = Envelope(topic=topic, payload=payload, **(fields | more))
        if ours:
            self.local.check(envelope)
        return envelope

    async def publish(self, topic: str, payload: dict[str, Any], **more: Any) -> None:
        """Send one message; a durable one is in the journal when this returns.

        :raises Refusal: if the broker refuses it
        """
        await asyncio.gather(*self.send([self.envelope(topic, payload, **more)]))

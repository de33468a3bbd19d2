"""The inbox: every durable message once and in order, with gaps filled and repeats removed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from ..telemetry.metrics import catalogue as metrics
from .envelope import Envelope
from .journal_queries import Lookup
from .link import Link
from .wire import Frames

_PAGE = 1000


class Inbox:
    """Delivers messages, and reads missing ones from the journal.

    :param name: the worker's name
    :param arrived: called with each message, and whether it arrives for the first time
    """

    def __init__(
        self, name: str, link: Link, lookup: Lookup, arrived: Callable[[Envelope, bool], None]
    ) -> None:
        self.position = 0  #: the number up to which every message was received
        self.joined_at: int | None = None  #: the last number before this process first joined
        self._name = name
        self._link = link
        self._lookup = lookup
        self._arrived = arrived
        self._uncertain: set[str] = (
            set()
        )  #: ids of messages that may be repeated: they were not in the journal yet
        self._uncertain_of: Frames | None = None  #: the connection they came from
        self._held: list[dict[str, Any]] | None = None  #: frames that wait until a gap is filled
        self._repair: asyncio.Task[None] | None = None
        link.on["deliver"] = self._deliver
        link.on["head"] = lambda frame: self._notice(frame["head"])
        link.on_lost.append(self._stop_repair)

    def welcomed(self, head: int) -> None:
        """Begin after the last message at the first connection; at later ones, read the missed messages."""
        if self.joined_at is None:
            self.position = self.joined_at = head
        else:
            self._notice(head)

    def _deliver(self, frame: dict[str, Any]) -> None:
        if self._held is not None:
            self._held.append(frame)
            return
        if frame["first"] > self.position + 1:
            self._begin_repair([frame])
            return
        if (at := frame.get("at")) is not None:
            metrics.DELIVERY.observe(max(0.0, time.time() - at), self._name)
        batch = [Envelope.from_dict(data) for data in frame["batch"]]
        for envelope in batch:
            self._hand_over(envelope)
        # The frame also covers the numbers of messages on other topics.
        self.position = max(self.position, frame["last"])
        if frame.get("spooled"):
            # A broker that is killed now forgets these; their senders repeat them under new numbers.
            self._uncertain.update(envelope.id for envelope in batch)
            self._uncertain_of = self._link.frames
        elif self._uncertain_of is self._link.frames:  # this broker has written them by now
            self._uncertain.clear()

    def _hand_over(self, envelope: Envelope) -> None:
        seen = envelope.seq is not None and envelope.seq <= self.position
        if envelope.seq is not None and not seen:
            self.position = envelope.seq
        self._arrived(envelope, not seen and envelope.id not in self._uncertain)

    def _notice(self, head: int) -> None:
        if head > self.position and self._held is None and self._link.topics != ():
            self._begin_repair([])

    def _begin_repair(self, held: list[dict[str, Any]]) -> None:
        self._held = held
        self._repair = asyncio.ensure_future(self._fill_gap())

    def _stop_repair(self) -> None:
        if self._repair is not None:
            self._repair.cancel()
            self._repair = None
            self._held = None

    async def _fill_gap(self) -> None:
        with contextlib.suppress(ConnectionError):
            async for envelope in self._lookup.all_messages(self.position, topics=self._link.topics):
                self._hand_over(envelope)
            held, self._held, self._repair = self._held or [], None, None
            for frame in held:
                # Earlier messages were just read, except those on other topics.
                frame["first"] = min(frame["first"], self.position + 1)
                self._deliver(frame)

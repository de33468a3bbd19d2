"""The outbox: sends each message repeatedly, under the same id, until a broker has acknowledged it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any

from ..domain.errors import Refusal, refusal
from ..domain.nesting import too_deep
from .envelope import Envelope
from .link import Link
from .topics import topic_of
from .wire import encode_batch

LOG = logging.getLogger(__name__)


class Outbox:
    """Messages on their way to the journal."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._unsent: list[str] = []
        self._pending: dict[str, tuple[Envelope, asyncio.Future[None]]] = {}
        link.on["stored"] = self._stored
        link.on["refused"] = self._refused

    def send(self, envelopes: Iterable[Envelope]) -> list[asyncio.Future[None]]:
        """Send messages, together and in this order, without waiting for the journal.

        :returns: a future per message, done when it is in the journal; with the Refusal if it was refused
        """
        futures = []
        batch = []
        for envelope in envelopes:
            if too_deep(envelope.payload, wrapped=True):
                LOG.error("Dropped a message on %s: it is nested too deep", envelope.topic)
                continue
            batch.append(envelope.encoded)
            if not topic_of(envelope.topic).transient:
                future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                future.add_done_callback(_retrieved)
                self._pending[envelope.id] = (envelope, future)
                futures.append(future)
        if batch and self._link.frames is not None:
            if not self._unsent:
                asyncio.get_running_loop().call_soon(self._push)
            self._unsent += batch
        return futures

    def _push(self) -> None:
        batch, self._unsent = self._unsent, []
        if self._link.frames is not None and batch:
            self._link.frames.send_encoded(encode_batch({"op": "publish", "at": time.time()}, batch))

    def welcomed(self) -> None:
        """Repeat all unacknowledged messages to a new broker."""
        self._unsent.clear()
        unacknowledged = [envelope.encoded for envelope, _ in self._pending.values()]
        if unacknowledged and self._link.frames is not None:
            self._link.frames.send_encoded(encode_batch({"op": "publish"}, unacknowledged))

    def __len__(self) -> int:
        return len(self._pending)

    def give_up(self, i: str) -> None:
        """Stop repeating a message."""
        self._pending.pop(i, None)

    def request_ids(self) -> set[str | None]:
        """The ids of the requests of all unacknowledged messages."""
        return {envelope.request_id for envelope, _ in self._pending.values()}

    def _stored(self, frame: dict[str, Any]) -> None:
        for i in frame["ids"]:
            self._settle(i, None)

    def _refused(self, frame: dict[str, Any]) -> None:
        for i in frame["ids"]:
            self._settle(i, refusal(frame["kind"], frame["detail"]))

    def _settle(self, i: str, error: Refusal | None) -> None:
        _, future = self._pending.pop(i, (None, None))
        if future is None or future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _retrieved(future: asyncio.Future[None]) -> None:
    # Logged here, since a caller may ignore the future; asyncio would log it at garbage collection.
    if not future.cancelled() and future.exception() is not None:
        LOG.debug("Refused by the broker: %s", future.exception())

"""Dispatches requests to handlers: each is begun at once, and gets exactly one reply."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..domain.errors import STATUS, Refusal, TimedOut, Unavailable
from ..telemetry import tracing
from ..telemetry.logs import tagged
from .client import BusClient
from .envelope import Envelope
from .topics import REFUSED, TOPICS

LOG = logging.getLogger(__name__)

Handler = Callable[[Envelope], Awaitable[None]]

_OPEN_FOR = 600.0  #: seconds; older requests without a reply are ignored
_OF_ONE = 10  #: messages read of one request


class Dispatcher:
    """Receives the requests to one worker.

    Requests wait until it is opened, so that a worker can restore its state first.

    :param handlers: the handler of each topic; a Refusal it raises is the reply
    """

    def __init__(self, bus: BusClient, handlers: Mapping[str, Handler]) -> None:
        self._bus = bus
        self._handlers = handlers
        self._waiting: list[Envelope] | None = []
        self._tasks: set[asyncio.Future[Any]] = set()
        self._questions: set[str] = set()  #: ids of the questions being answered

    def listen(self) -> None:
        """Start to receive requests from the bus."""
        for topic in self._handlers:
            self._bus.local.subscribe(topic, self._arrived)

    def _arrived(self, request: Envelope) -> None:
        if self._waiting is None:
            self.carry_out(request)
        else:
            self._waiting.append(request)

    def open(self) -> None:
        """Begin to carry out requests, now that the worker is restored."""
        self._bus.sealed.tidy()
        waiting, self._waiting = self._waiting or [], None
        for request in waiting:
            self.carry_out(request)

    async def unanswered(self, head: int) -> list[Envelope]:
        """The requests that an earlier process of this worker left without a reply.

        :param head: the last sequence number to consider; later requests arrive over the bus
        :raises ConnectionError: if the journal cannot be read
        """
        since = time.time() - _OPEN_FOR
        topics = [topic for topic in self._handlers if not TOPICS[topic].question]
        replies = [REFUSED, *(reply for topic in topics for reply in TOPICS[topic].replies)]
        asked = await self._bus.lookup.requests(topics, since)
        answers = await self._bus.lookup.requests(replies, since)
        await asyncio.sleep(0)  # so that replies published meanwhile count
        answered = {request_id for _, request_id in answers} | self._bus.unacknowledged_requests()
        left = dict.fromkeys(request_id for seq, request_id in asked if seq <= head)
        found: list[Envelope] = []
        for request_id in left.keys() - answered:
            messages = await self._bus.lookup.messages(request_id=request_id, topics=topics, limit=_OF_ONE)
            # Nothing that a script has said is taken for a request, whatever its topic.
            own = (e for e in messages if e.topic in self._handlers and not e.msg_src.isdecimal())
            found += [e for e in own if (e.seq or 0) <= head]
        return sorted(found, key=lambda e: e.seq or 0)

    def carry_out(self, request: Envelope) -> None:
        """Begin to carry out a request; its reply is a message.

        A question that is repeated while its answer takes long is answered once.
        """
        if not TOPICS[request.topic].question:
            self.background(self._carry_out(request))
        elif request.id not in self._questions:
            self._questions.add(request.id)
            answering = self.background(self._carry_out(request))
            answering.add_done_callback(lambda _: self._questions.discard(request.id))

    def background(self, work: Awaitable[Any]) -> asyncio.Future[Any]:
        """Run work in the background, with a strong reference to its task."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _carry_out(self, request: Envelope) -> None:
        command = request.payload.get("cmd")
        pid = command.get("pid") if isinstance(command, dict) else None
        with tagged(request_id=request.request_id, procedure_id=pid, user=request.user), _traced(request):
            try:
                if request.expires is not None and time.time() > request.expires:
                    raise TimedOut(f"{request.topic} was not begun in time; it will not happen later")
                await self._handlers[request.topic](self._opened(request))
            except Refusal as error:
                LOG.info("Refused %s: %s", request.topic, error)
                self._refuse(request, error.kind, error.detail)
            except ConnectionError as error:  # of the bus, or of its journal
                LOG.warning("Could not carry out %s: %s", request.topic, error)
                self._refuse(request, "unavailable", f"{error}; try again shortly")
            except Exception as error:
                LOG.exception("Failed to carry out %s", request.topic)
                self._refuse(request, "internal", f"internal error: {type(error).__name__}")

    def _opened(self, request: Envelope) -> Envelope:
        """The request with its secret fields."""
        if not request.sealed:
            return request
        payload = self._bus.sealed.get(request.id)
        if payload is None:
            raise Unavailable(
                "the secrets of this request, which are not in the journal, are lost; nothing was done, "
                "send it again"
            )
        return dataclasses.replace(request, payload=payload)

    def _refuse(self, request: Envelope, kind: str, detail: str) -> None:
        fields = {"topic": request.topic, "kind": kind, "status": STATUS[kind], "detail": detail}
        self.reply(request, REFUSED, fields)

    def reply(self, request: Envelope, topic: str, payload: dict[str, Any]) -> None:
        """Answer a request."""
        self._bus.send([self._bus.envelope(topic, payload, request_id=request.request_id)])


def _traced(request: Envelope) -> contextlib.AbstractContextManager[Any]:
    if request.trace is None:  # a question of a worker itself
        return contextlib.nullcontext()
    return tracing.span(request.topic, request.trace, request_id=request.request_id)

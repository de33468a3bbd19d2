"""Requests of this process to other workers, and the replies to them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..domain.errors import DiskFull, Invalid, Refusal, TimedOut, WorkerAway, refusal
from ..files.sealed import Sealed
from ..telemetry import tracing
from .envelope import Envelope
from .journal_queries import Lookup
from .link import Link
from .outbox import Outbox
from .shared_questions import SharedQuestions
from .topics import REFUSED, TOPICS

_PATIENCE = 1.0  #: seconds after which a question, which is not in the journal, is repeated
_MARGIN = 2.0  #: seconds a reply may take after its request has expired
_MESSAGES = 10  #: limit of messages read per request: the request and its reply are among them
_REQUESTS = tuple(name for name, topic in TOPICS.items() if topic.replies)
_ANOTHER = "another request was sent with this Idempotency-Key; this one was not carried out, use a new key"


class Questions:
    """Sends requests to other workers, and waits for their replies.

    :param envelope: makes a message of this worker
    """

    def __init__(
        self, link: Link, outbox: Outbox, lookup: Lookup, sealed: Sealed, envelope: Callable[..., Envelope]
    ) -> None:
        self._link = link
        self._outbox = outbox
        self._lookup = lookup
        self._sealed = sealed
        self._envelope = envelope
        self._asked: dict[str, tuple[tuple[str, ...], asyncio.Future[Envelope]]] = {}
        self._asking: dict[str, tuple[str, asyncio.Task[Envelope]]] = {}
        self._shared = SharedQuestions[Envelope]()

    def arrived(self, envelope: Envelope) -> None:
        """Process a message that may be a reply."""
        replies, future = self._asked.get(envelope.request_id or "", ((), None))
        if future is not None and envelope.topic in replies and not future.done():
            future.set_result(envelope)

    async def ask(
        self,
        topic: str,
        payload: dict[str, Any],
        *,
        request_id: str,
        timeout: float,
        command_id: str | None = None,
        user: str | None = None,
        repeated: bool = False,
        before: Sequence[Envelope] = (),
    ) -> Envelope:
        """Send a request and wait for its reply.

        :param request_id: a request is carried out once per id
        :param timeout: seconds; a request that was not begun by then never is
        :param command_id: distinguishes requests that come with the same id
        :param repeated: whether the request may have been sent before, so that a reply may be in the journal
        :param before: messages to write to the journal before the request, in the same transaction
        :raises Invalid: if another request had this id
        :raises Refusal: if the worker refused, could not be reached, or did not answer in time
        """
        if TOPICS[topic].question and not repeated:
            self._outbox.send(before)
            return await self._shared.ask(
                topic,
                payload,
                lambda: self._ask(topic, payload, request_id, request_id, timeout, user, False, ()),
            )
        command = command_id or request_id
        first, asking = self._asking.get(request_id, (command, None))
        if asking is None:  # else the same request was sent already, and its answer is shared
            asking = asyncio.ensure_future(
                self._ask(topic, payload, request_id, command, timeout, user, repeated, before)
            )
            self._asking[request_id] = command, asking
            asking.add_done_callback(lambda _: self._asking.pop(request_id, None))
        else:
            self._outbox.send(before)
        if first != command:
            raise Invalid(_ANOTHER)
        return await asyncio.shield(asking)

    async def _ask(
        self,
        topic: str,
        payload: dict[str, Any],
        request_id: str,
        command_id: str,
        timeout: float,
        user: str | None,
        repeated: bool,
        before: Sequence[Envelope],
    ) -> Envelope:
        replies = (*TOPICS[topic].replies, REFUSED)
        future: asyncio.Future[Envelope] = asyncio.get_running_loop().create_future()
        self._asked[request_id] = (replies, future)
        request = self._envelope(
            topic,
            payload,
            id=command_id,
            request_id=request_id,
            user=user,
            expires=time.time() + timeout,
            trace=tracing.current(),
        )
        try:
            request = self._seal(request, payload)
            async with asyncio.timeout(timeout + _MARGIN):
                self._outbox.send(before)
                reply = await self._first_reply(request, replies) if repeated else None
                if reply is None:
                    # On a full disk, the reply may come before the request is in the journal.
                    for sent in self._outbox.send([request]):
                        sent.add_done_callback(lambda sent: _fail(future, sent))
                    reply = await self._reply(request, future)
        except TimeoutError:
            raise await self._why_no_answer(topic, timeout) from None
        finally:
            self._asked.pop(request_id, None)
            self._outbox.give_up(command_id)
            if request.sealed:
                self._sealed.remove(command_id)
        if reply.topic == REFUSED:
            raise refusal(reply.payload["kind"], reply.payload["detail"])
        return reply

    def _seal(self, request: Envelope, payload: dict[str, Any]) -> Envelope:
        """Write the secrets of a request to a file, since the journal must not contain them."""
        if request.payload == payload:
            return request
        try:
            self._sealed.put(request.id, payload)
        except OSError as error:
            raise DiskFull(f"the state directory cannot be written: {error.strerror}") from None
        return dataclasses.replace(request, sealed=True)

    async def _reply(self, request: Envelope, future: asyncio.Future[Envelope]) -> Envelope:
        """Wait for the reply; repeat a question, which a restarted worker has not received."""
        while TOPICS[request.topic].question:
            done, _ = await asyncio.wait([future], timeout=_PATIENCE)
            if done:
                break
            self._outbox.send([request])
        return await future

    async def _first_reply(self, request: Envelope, replies: tuple[str, ...]) -> Envelope | None:
        """The reply in the journal, if this request was sent before."""
        await self._link.reached()
        with contextlib.suppress(ConnectionError):
            messages = await self._lookup.messages(
                request_id=request.request_id, topics=(*_REQUESTS, *replies), limit=_MESSAGES
            )
            if any(one.id != request.id for one in messages if one.topic in _REQUESTS):
                raise Invalid(_ANOTHER)
            return next((one for one in messages if one.topic in replies), None)
        return None

    async def _why_no_answer(self, topic: str, timeout: float) -> Refusal:
        worker = TOPICS[topic].worker
        try:
            async with asyncio.timeout(1):
                peers = await self._lookup.peers()
        except (ConnectionError, TimeoutError):
            return WorkerAway("the event bus is being restarted; try again shortly")
        if worker and worker not in peers:
            return WorkerAway(f"{worker} is being restarted; try again shortly")
        return TimedOut(f"no answer to {topic} within {timeout:g} s; the request was cancelled")


def _fail(question: asyncio.Future[Envelope], sent: asyncio.Future[None]) -> None:
    error = None if sent.cancelled() else sent.exception()
    if error is not None and not question.done():
        question.set_exception(error)

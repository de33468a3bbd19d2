"""A worker's end of the event bus, with questions: :class:`BusClient`."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Sequence
from typing import Any

from .. import tracing
from ..domain.errors import DiskFull, Invalid, Refusal, TimedOut, WorkerAway, refusal
from .connection import Connection
from .envelope import Envelope
from .topics import FAILED, TOPICS

_PATIENCE = 1.0  #: seconds after which a question that is not kept in the journal is asked again
_MARGIN = 2.0  #: seconds a reply may take after its request has expired
_SAID = 10  #: messages about a request, of which two matter
_REQUESTS = tuple(name for name, topic in TOPICS.items() if topic.replies)
_ANOTHER = "another request was sent with this Idempotency-Key; this one was not carried out, use a new key"


class BusClient(Connection):
    """Publishes, listens and asks. A refusal comes back as data and is raised here."""

    def __init__(self, name: str, path: str, topics: tuple[str, ...] | None = None) -> None:
        super().__init__(name, path, topics)
        self._asked: dict[str, tuple[tuple[str, ...], asyncio.Future[Envelope]]] = {}
        self._asking: dict[str, tuple[str, asyncio.Task[Envelope]]] = {}

    def hand_over(self, envelope: Envelope) -> None:
        """Deliver a message, and answer the question it replies to."""
        super().hand_over(envelope)
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

        :param request_id: a request with an id that was used before is not carried out again
        :param timeout: seconds; a request that has not been begun by then never will be
        :param command_id: tells requests apart that come with the same id; by default there are none
        :param repeated: whether the request may have been sent before, so that a reply may be in the journal
        :param before: messages that go into the journal before the request, and with it
        :raises Invalid: where another request had this id
        :raises Refusal: where the worker refused, could not be reached, or did not answer in time
        """
        command = command_id or request_id
        known, asking = self._asking.get(request_id, (command, None))
        if asking is None:  # else the same request is on its way already: one answer serves all
            asking = asyncio.ensure_future(
                self._ask(topic, payload, request_id, command, timeout, user, repeated, before)
            )
            self._asking[request_id] = command, asking
            asking.add_done_callback(lambda _: self._asking.pop(request_id, None))
        else:
            self.send(before)
        if known != command:
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
        replies = (*TOPICS[topic].replies, FAILED)
        future: asyncio.Future[Envelope] = asyncio.get_running_loop().create_future()
        self._asked[request_id] = (replies, future)
        request = self.envelope(
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
                self.send(before)
                reply = await self._first_reply(request, replies) if repeated else None
                if reply is None:
                    # The reply may well come before the request is in the journal (full disk).
                    for sent in self.send([request]):
                        sent.add_done_callback(lambda sent: _fail(future, sent))
                    reply = await self._reply(request, future)
        except TimeoutError:
            raise await self._why_no_answer(topic, timeout) from None
        finally:
            self._asked.pop(request_id, None)
            self.give_up(command_id)
            if request.sealed:
                self.sealed.remove(command_id)
        if reply.topic == FAILED:
            raise refusal(reply.payload["kind"], reply.payload["detail"])
        return reply

    def _seal(self, request: Envelope, payload: dict[str, Any]) -> Envelope:
        """Keep aside what was left out of a request because the journal must not have it."""
        if request.payload == payload:
            return request
        try:
            self.sealed.put(request.id, payload)
        except OSError as error:
            raise DiskFull(f"the state directory cannot be written: {error.strerror}") from None
        return dataclasses.replace(request, sealed=True)

    async def _reply(self, request: Envelope, future: asyncio.Future[Envelope]) -> Envelope:
        """Wait for the reply; a question the worker cannot have heard, being restarted, is asked again."""
        while TOPICS[request.topic].transient:
            done, _ = await asyncio.wait([future], timeout=_PATIENCE)
            if done:
                break
            self.send([request])
        return await future

    async def _first_reply(self, request: Envelope, replies: tuple[str, ...]) -> Envelope | None:
        """The reply that is in the journal, where this request was sent before."""
        await self.reached()
        with contextlib.suppress(ConnectionError):
            said = await self.read(request_id=request.request_id, topics=(*_REQUESTS, *replies), limit=_SAID)
            if any(one.id != request.id for one in said if one.topic in _REQUESTS):
                raise Invalid(_ANOTHER)
            return next((one for one in said if one.topic in replies), None)
        return None

    async def _why_no_answer(self, topic: str, timeout: float) -> Refusal:
        worker = TOPICS[topic].worker
        try:
            async with asyncio.timeout(1):
                peers = await self.peers()
        except (ConnectionError, TimeoutError):
            return WorkerAway("the event bus is being restarted; try again shortly")
        if worker and worker not in peers:
            return WorkerAway(f"{worker} is being restarted; try again shortly")
        return TimedOut(f"no answer to {topic} within {timeout:g} s; the request was cancelled")


def _fail(question: asyncio.Future[Envelope], sent: asyncio.Future[None]) -> None:
    error = None if sent.cancelled() else sent.exception()
    if error is not None and not question.done():
        question.set_exception(error)

"""Equal questions share one answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from ..domain.errors import TimedOut, WorkerAway

T = TypeVar("T")


class SharedQuestions(Generic[T]):
    """Sends each question to a worker once at a time, for any number of clients.

    A question that arrives while an equal one is pending waits for the next one, which all that arrive
    meanwhile share. So no answer is older than its question, and clients read their own writes. Without this,
    a few clients that list large procedures would occupy the worker and delay its commands.
    """

    def __init__(self) -> None:
        self._asking: dict[str, asyncio.Task[T]] = {}
        self._next: dict[str, asyncio.Task[T]] = {}

    async def ask(self, topic: str, payload: dict[str, Any], send: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to a question.

        :param send: sends the question, and returns its answer
        :raises Refusal: as ``send`` does
        """
        key = json.dumps([topic, payload], sort_keys=True)
        asking = self._asking.get(key)
        if asking is None:
            asking = self._begin(key, send)
        else:
            waiting = self._next.get(key)
            if waiting is None:
                waiting = self._next[key] = asyncio.ensure_future(self._after(asking, key, send))
            asking = waiting
        return await asyncio.shield(asking)

    def _begin(self, key: str, send: Callable[[], Awaitable[T]]) -> asyncio.Task[T]:
        asking = self._asking[key] = asyncio.ensure_future(send())
        asking.add_done_callback(lambda done: self._ended(key, done))
        return asking

    async def _after(self, asking: asyncio.Task[T], key: str, send: Callable[[], Awaitable[T]]) -> T:
        await asyncio.wait([asking])
        del self._next[key]
        if not asking.cancelled() and isinstance(asking.exception(), (TimedOut, WorkerAway)):
            return await asking  # raises, so that nobody waits twice for a worker that does not answer
        return await self._begin(key, send)

    def _ended(self, key: str, asking: asyncio.Task[T]) -> None:
        if self._asking.get(key) is asking:
            del self._asking[key]
        if not asking.cancelled():
            asking.exception()  # retrieved here, since all callers may have given up

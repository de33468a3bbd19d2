"""Limits concurrent work, so that threads are left for other work."""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from ..domain.errors import TimedOut

T = TypeVar("T")


class Turns:
    """Gives a limited number of turns at once, to waiting users in rotation.

    For one event loop.

    :param at_once: the number
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._busy: set[str] = set()
        self._waiting: dict[str, collections.deque[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def of(self, user: str) -> AsyncIterator[None]:
        """Wait for a turn of a user, and hold it during a block."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user, collections.deque()).append(turn)
        self._give()
        try:
            await turn
            yield
        finally:
            if not turn.cancelled():
                self._free += 1
                self._busy.discard(user)
                self._give()

    async def in_thread(self, user: str, work: Callable[[], T], patience: float | None) -> T:
        """Have a thread do something in a turn of this user.

        :param patience: seconds to wait for the turn
        :raises TimedOut: if it does not come
        """
        try:
            async with asyncio.timeout(patience) as waiting, self.of(user):
                waiting.reschedule(None)
                return await asyncio.to_thread(work)
        except TimeoutError:
            raise TimedOut("reading takes too long at the moment; try again shortly") from None

    def _give(self) -> None:
        for user in list(self._waiting):
            if self._free and user not in self._busy:
                turns = self._waiting.pop(user)
                while turns and turns[0].done():  # cancelled meanwhile
                    turns.popleft()
                if turns:
                    self._free -= 1
                    self._busy.add(user)
                    turns.popleft().set_result(None)
                if turns:
                    self._waiting[user] = turns  # at the end of the rotation

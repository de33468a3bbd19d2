"""Turns: what many want is done for few at once, so that there is always room for something else."""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator


class Turns:
    """Gives few turns at once, one at a time to each user, by rounds of those who wait.

    Lives in one event loop.

    :param at_once: how many
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._busy: set[str] = set()
        self._waiting: dict[str, collections.deque[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def of(self, user: str) -> AsyncIterator[None]:
        """Wait for a turn of this user, and have it for as long as the block lasts."""
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

    def _give(self) -> None:
        for user in list(self._waiting):
            if self._free and user not in self._busy:
                turns = self._waiting.pop(user)
                while turns and turns[0].done():  # given up meanwhile
                    turns.popleft()
                if turns:
                    self._free -= 1
                    self._busy.add(user)
                    turns.popleft().set_result(None)
                if turns:
                    self._waiting[user] = turns  # at the end of the row

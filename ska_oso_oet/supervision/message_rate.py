"""How fast a script may send messages, so that the journal grows no faster. Standard library only."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST = 100.0  #: seconds whose messages may come all at once
_PIECE = 4096  #: bytes; a longer message counts as several


class MessageRate:
    """A bucket of messages that fills up again as time goes by.

    :param rate: messages per second in the long run; none if there is no limit
    """

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._size = 0  #: bytes since the last message
        self.refill()

    def refill(self) -> None:
        """Let as many come at once as at the beginning."""
        self._left = BURST * (self._rate or 0)
        self._at = self._clock()

    def take(self, messages: int, size: int) -> float:
        """Messages have come, or parts of them; returns for how many seconds no more may.

        :param size: bytes of all that has come
        """
        if self._rate is None:
            return 0.0
        now = self._clock()
        self._left = min(BURST * self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        self._size += size
        if messages:
            self._left -= max(messages, self._size / _PIECE)
            self._size = 0
        return max(0.0, -self._left / self._rate)

"""How long a request may still be carried out, whatever happens to the clock of this machine meanwhile."""

from __future__ import annotations

import time

from ..domain.errors import TimedOut
from .envelope import Envelope


class Deadline:
    """The time left of a request, from its arrival on.

    Its ``expires`` is a time of the clock, which is compared with it once: later it may be set.
    """

    def __init__(self, request: Envelope) -> None:
        self._topic = request.topic
        left = None if request.expires is None else request.expires - time.time()
        self._end = None if left is None else time.monotonic() + left

    @property
    def passed(self) -> bool:
        """Whether the request has been answered as cancelled."""
        return self._end is not None and time.monotonic() > self._end

    @property
    def left(self) -> float | None:
        """Seconds until then; none if there is no end."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def require_left(self) -> None:
        """Make sure that nothing is done for a request that has been answered as cancelled.

        :raises TimedOut: if it has
        """
        if self.passed:
            raise TimedOut(f"{self._topic} took too long and was cancelled; it will not happen later")

"""How long a request may still be carried out, whatever happens to the clock of this machine meanwhile."""

from __future__ import annotations

import time

from .envelope import Envelope


class Deadline:
    """The time left of a request, from its arrival on.

    Its ``expires`` is a time of the clock, which is compared with it once: later it may be set.
    """

    def __init__(self, request: Envelope) -> None:
        left = None if request.expires is None else request.expires - time.time()
        self._end = None if left is None else time.monotonic() + left

    @property
    def passed(self) -> bool:
        """Whether the request has been answered as cancelled."""
        return self._end is not None and time.monotonic() > self._end

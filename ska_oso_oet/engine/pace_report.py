"""Reports of a script's pace to its supervisor, one a second at most. Standard library only."""

from __future__ import annotations

import contextlib
import math
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

_INTERVAL = 1.0  #: seconds between reports


class PaceReport:
    """What a script last told of its pace.

    Threads, signal handlers and destructors tell it, so nothing here waits for a lock.

    :param say: tells the supervisor something
    """

    def __init__(self, say: Callable[..., None]) -> None:
        self._say = say
        self._news: dict[str, Any] = {}
        self._told_at = -math.inf
        self._telling = allocate_lock()
        self._later = False

    def tell_soon(self, **news: Any) -> None:
        """Tell news within a second; later ones take the place of those that are not told yet."""
        self._news.update(news)
        left = self._told_at + _INTERVAL - monotonic()
        if left <= 0:
            self.tell()
        elif not self._later:
            self._later = True
            try:
                start_new_thread(self._tell_later, (left,))
            except RuntimeError:  # no more threads can be had
                self._later = False

    def _tell_later(self, left: float) -> None:
        sleep(left)
        self._later = False
        self.tell()

    def tell(self) -> None:
        """Tell the news; if a thread is at it already, that one does."""
        while self._news and self._telling.acquire(False):
            try:
                news, self._news = self._news, {}
                self._told_at = monotonic()
                if "checkpoints" in news:
                    news["checkpoints"] = list(news["checkpoints"].values())
                with contextlib.suppress(OSError):  # a script may close every descriptor
                    self._say("pace", report=news)
            finally:
                self._telling.release()


def number(value: Any) -> float | None:
    """A number that JSON carries; none if it is none."""
    try:
        known = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if not math.isfinite(known):
        return None
    return int(known) if known.is_integer() and abs(known) < 2**53 else known


def whole_number(value: Any) -> int | None:
    """A whole number; none if it is none."""
    if value is None or type(value) is int:
        return value
    known = number(value)
    return known if isinstance(known, int) else None


def seconds(value: Any) -> float | None:
    """A time above 0; none if it is none."""
    known = number(value)
    return known if known is not None and known > 0 else None

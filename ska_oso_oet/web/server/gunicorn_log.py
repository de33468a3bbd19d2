"""Sends gunicorn's log lines, and those that clients cause, to the log of the server."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from gunicorn.glogging import Logger

_LONGEST = 200  #: characters
_MOST = 60  #: lines in a period
_PERIOD = 60.0  #: seconds


class Bounded(logging.Filter):
    """Truncates lines, and leaves out those that are too many: strangers can cause as many as they like.

    :param clock: seconds
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._ends = 0.0
        self._lines = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is logged; the first one of a period has the number of those left out before."""
        with self._lock:
            left_out = 0
            if self._clock() >= self._ends:
                self._ends = self._clock() + _PERIOD
                left_out, self._lines = max(0, self._lines - _MOST), 0
            self._lines += 1
            if self._lines > _MOST:
                return False
        said = record.getMessage()
        more = f"; {left_out} more such lines were left out" if left_out else ""
        record.msg, record.args = (said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…") + more, ()
        return True


BOUNDED = Bounded()  #: for lines about connections, of this process


class Log(Logger):  # type: ignore[misc]
    """Leaves gunicorn's loggers to the root logger, with fewer lines."""

    def setup(self, cfg: Any) -> None:
        """Do without gunicorn's own handlers."""
        for log in (self.error_log, self.access_log):
            log.handlers[:] = []
            log.propagate = True
            log.addFilter(BOUNDED)
        self.error_log.setLevel(logging.WARNING)
        self.access_log.setLevel(logging.WARNING)

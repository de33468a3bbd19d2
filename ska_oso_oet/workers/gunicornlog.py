"""gunicorn's log goes where every other line goes."""

from __future__ import annotations

import logging
from typing import Any

from gunicorn.glogging import Logger


class Log(Logger):  # type: ignore[misc]
    """Leaves gunicorn's loggers to the root logger, and says less."""

    def setup(self, cfg: Any) -> None:
        """Set gunicorn's own handlers aside."""
        for log in (self.error_log, self.access_log):
            log.handlers[:] = []
            log.propagate = True
        self.error_log.setLevel(logging.WARNING)
        self.access_log.setLevel(logging.WARNING)

"""Numbers that were given to messages which are not in the journal, so that they are never given again.

While the disk is full messages are delivered before they are written. Should the broker be killed then, its
successor would begin again where the journal ends, and everybody who has heard the higher numbers would take
what comes next for something heard already.
"""

from __future__ import annotations

import logging

from ..memo import Memo

LOG = logging.getLogger(__name__)


class Numbers:
    """Keeps the last number given to such a message, in a file."""

    def __init__(self, path: str) -> None:
        self._memo = Memo(path)
        self.last = self._read()
        self.note(self.last)  # on a full disk only a file that is there can be written

    def _read(self) -> int:
        try:
            return int(self._memo.read() or 0)
        except (OSError, ValueError, TypeError) as error:
            LOG.error("What numbers were given is not known: %s", error)
            return 0

    def note(self, number: int) -> None:
        """Have later brokers begin after this number."""
        try:
            self._memo.write(number)
        except OSError as error:
            LOG.error("It cannot be noted that number %d was given: %s", number, error)

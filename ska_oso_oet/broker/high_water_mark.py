"""The highest number assigned to a message that is not in the journal yet, so that it is never reused.

While the disk is full, messages are delivered before they are written. If the broker is killed then, its
successor would continue from the end of the journal, and every worker that has received the higher numbers
would take new messages for repeats.
"""

from __future__ import annotations

import logging

from ..files.fixed_file import FixedFile

LOG = logging.getLogger(__name__)


class HighWaterMark:
    """Keeps that number in a file."""

    def __init__(self, path: str) -> None:
        self._file = FixedFile(path)
        self.last = self._read()
        self.note(self.last)  # on a full disk, only an existing file can be written

    def _read(self) -> int:
        try:
            return int(self._file.read() or 0)
        except (OSError, ValueError, TypeError) as error:
            LOG.error("Cannot read the high-water mark of message numbers: %s", error)
            return 0

    def note(self, number: int) -> None:
        """Set the number after which a later broker begins."""
        try:
            self._file.write(number)
        except OSError as error:
            LOG.error("Cannot write the high-water mark of message numbers (%d): %s", number, error)

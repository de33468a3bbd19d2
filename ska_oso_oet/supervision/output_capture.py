"""Reads the output of a script from its pipes. Standard library only."""

from __future__ import annotations

import asyncio
import os
import time

from ..runs.output import OutputLog
from .reporter import Reporter

_READ = 256 * 1024  #: bytes of output taken at once
_LAST_READS = 16  #: times that output is taken at the end: a pipe holds less


class OutputCapture:
    """Keeps and tells the output of one run.

    :param pipes: the descriptors from which stdout and stderr of the script are read
    """

    def __init__(self, pipes: dict[str, int], log: OutputLog, reporter: Reporter) -> None:
        self._pipes = pipes
        self._log = log
        self._reporter = reporter
        for stream, fd in pipes.items():
            os.set_blocking(fd, False)
            asyncio.get_running_loop().add_reader(fd, self._read, stream)

    def note(self, text: str) -> None:
        """Add a line of the OET's own."""
        self._reporter.output(self._log.note(text, time.time()))

    def drain(self) -> None:
        """Read the rest; not for ever, as survivors may continue writing."""
        for stream in list(self._pipes):
            for _ in range(_LAST_READS):
                if stream not in self._pipes or not self._read(stream):
                    break

    def _read(self, stream: str) -> bool:
        """Take some output; tell whether there was any."""
        fd = self._pipes[stream]
        try:
            data = os.read(fd, _READ)
        except BlockingIOError:
            return False
        if not data:
            asyncio.get_running_loop().remove_reader(fd)
            os.close(fd)
            del self._pipes[stream]
        piece = None if self._reporter.quiet else self._log.write(stream, data, time.time())
        if piece is not None:
            self._reporter.output(piece)
        return bool(data)

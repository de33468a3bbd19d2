"""Records of a supervisor: written to the run directory first, then sent to SESWorker, if it is there."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ..bus.wire import Frames
from ..runs.directory import RecordLog, RunDirectory
from ..runs.protocol import WINDOW

_BATCH = 200
_LIVE_OUTPUT = 256 * 1024  #: bytes waiting to be told, beyond which output is only kept


class Reporter:
    """Records the events of a run, and sends them to the service at its pace.

    :param service: the connection to SESWorker; a later one may take its place
    :param quiet: whether output is neither kept nor told
    """

    def __init__(self, directory: RunDirectory, service: Frames | None, quiet: bool = False) -> None:
        self.quiet = quiet
        self._log = RecordLog(directory)
        self._service = service
        self._told = 0
        self._acknowledged = 0
        self._stages: set[str] = set()

    @property
    def behind(self) -> bool:
        """Whether the service has a lot to catch up with."""
        return self._service is not None and self._log.last - self._acknowledged > WINDOW

    def record(self, *records: dict[str, Any]) -> None:
        """Write records, and tell them."""
        now = time.time()
        self._log.append([{"time": now, **record} for record in records])
        self._tell()

    def stage(self, stage: str) -> None:
        """Record a stage of a stop, once."""
        if stage not in self._stages:
            self._stages.add(stage)
            self.record({"kind": "stage", "stage": stage})

    def output(self, piece: dict[str, Any]) -> None:
        """Tell a piece of output, unless the service is busy; it is in the run directory anyway."""
        if self._service is not None and self._service.backlog < _LIVE_OUTPUT:
            self._service.send({"op": "output", "batch": [piece]})

    def pace(self, report: dict[str, Any]) -> None:
        """Tell a report of the script's pace, unless the service is busy; the last one is told at the end."""
        if self._service is not None and self._service.backlog < _LIVE_OUTPUT:
            self._service.send({"op": "pace", "report": report})

    def follow(self, service: Frames, after: int) -> None:
        """A service has come (back): tell it everything after the last record it knows."""
        self._service = service
        self._told = self._acknowledged = after
        self._tell()

    def acknowledge(self, n: int) -> None:
        """The service has everything up to this record in the journal."""
        self._acknowledged = max(self._acknowledged, n)
        self._tell()

    def gone(self, service: Frames) -> None:
        """The service has ended."""
        if self._service is service:
            self._service = None

    def _tell(self) -> None:
        # A window, as in TCP: records that a script makes faster than the journal takes them wait in the run
        # directory, so that those of a stop are never far behind in the connection.
        while (
            self._service is not None
            and self._told < self._log.last
            and self._told - self._acknowledged < WINDOW
        ):
            batch = self._log.after(self._told, _BATCH)
            if not batch:
                return
            self._service.send({"op": "records", "batch": batch})
            self._told = batch[-1]["n"]

    async def flush(self) -> None:
        """Wait until the service knows everything; without one, the run directory tells it later."""
        while not self._log.flush():
            await asyncio.sleep(0.2)
        while self._service is not None and self._told < self._log.last:
            await asyncio.sleep(0.002)
        if self._service is not None:
            self._service.close()
        while self._service is not None:
            await asyncio.sleep(0)

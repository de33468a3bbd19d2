"""Telling the archive how scheduling block instances stand: in the background, until it has taken it in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..bus.desk import Desk
from ..domain.errors import Refusal
from .archive import Status
from .archive.timely import Timely

LOG = logging.getLogger(__name__)

_FIRST_PAUSE = 1.0  #: seconds before the archive is tried again, the first time
_LONGEST_PAUSE = 60.0


class Recording:
    """What the archive has to be told, the latest status of each instance.

    :param recorded: called with the id of an activity and the status that is in the archive
    """

    def __init__(self, archive: Timely, desk: Desk, recorded: Callable[[int, str], None]) -> None:
        self._archive = archive
        self._desk = desk
        self._recorded = recorded
        self._due: dict[str, Status] = {}  #: by instance
        self._busy: set[str] = set()

    def record(self, sbi_id: str, status: Status, aid: int | None = None) -> None:
        """Have a status recorded, for the activity ``aid`` if it belongs to one."""
        self._due[sbi_id] = status
        if sbi_id not in self._busy:
            self._busy.add(sbi_id)
            self._desk.background(self._record(sbi_id, aid))

    async def _record(self, sbi_id: str, aid: int | None) -> None:
        pause = _FIRST_PAUSE
        try:
            while sbi_id in self._due:
                status = self._due[sbi_id]
                try:
                    await self._archive.record_status(sbi_id, status)
                except Refusal as error:
                    LOG.warning("The archive does not know yet that %s is %s: %s", sbi_id, status, error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                    continue
                if self._due[sbi_id] == status:
                    del self._due[sbi_id]
                if aid is not None:
                    self._recorded(aid, status)
        finally:
            self._busy.discard(sbi_id)

"""Records the status of scheduling block instances in the archive, in the background, until that succeeds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..bus.dispatcher import Dispatcher
from ..domain.errors import Refusal
from .archive import Status
from .archive.async_archive import AsyncArchive

LOG = logging.getLogger(__name__)

_FIRST_PAUSE = 1.0  #: seconds before the archive is tried again, the first time
_LONGEST_PAUSE = 60.0


class StatusRecorder:
    """Sends the latest status of each instance to the archive.

    :param recorded: called with the id of an activity and the status that is in the archive
    """

    def __init__(
        self, archive: AsyncArchive, dispatcher: Dispatcher, recorded: Callable[[int, str], None]
    ) -> None:
        self._archive = archive
        self._dispatcher = dispatcher
        self._recorded = recorded
        self._due: dict[str, Status] = {}  #: by instance
        self._busy: set[str] = set()

    def record(self, sbi_id: str, status: Status, aid: int | None = None) -> None:
        """Have a status recorded, for the activity ``aid`` if it belongs to one."""
        self._due[sbi_id] = status
        if sbi_id not in self._busy:
            self._busy.add(sbi_id)
            self._dispatcher.background(self._record(sbi_id, aid))

    async def _record(self, sbi_id: str, aid: int | None) -> None:
        pause = _FIRST_PAUSE
        try:
            while sbi_id in self._due:
                status = self._due[sbi_id]
                try:
                    await self._archive.record_status(sbi_id, status)
                except Refusal as error:
                    LOG.warning(
                        "Could not record in the archive that %s is %s; will retry: %s", sbi_id, status, error
                    )
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                    continue
                if self._due[sbi_id] == status:
                    del self._due[sbi_id]
                if aid is not None:
                    self._recorded(aid, status)
        finally:
            self._busy.discard(sbi_id)

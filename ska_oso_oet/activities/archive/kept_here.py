"""What an archive has no place for, in a folder of this OET's own."""

from __future__ import annotations

import logging
from typing import Any

from .entities import Status
from .folder import FolderArchive

LOG = logging.getLogger(__name__)


class KeptHere:
    """A folder archive beside the real one; it says once of each kind why it is used."""

    def __init__(self, folder: str) -> None:
        self._folder = FolderArchive(folder, "OET_STATE_DIR")
        self._said: set[str] = set()

    def instance(self, sbi: dict[str, Any], why: str) -> None:
        """Keep an SBInstance."""
        self._say("scheduling block instances", why)
        self._folder.store_instance(sbi)

    def status(self, sbi_id: str, status: Status) -> None:
        """Keep the status of an SBInstance."""
        self._folder.record_status(sbi_id, status)

    def execution_block(self, eb: dict[str, Any], why: str = "") -> None:
        """Keep an execution block."""
        if why:
            self._say("execution blocks", why)
        self._folder.record_execution_block(eb)

    def name_there(self, eb_id: str) -> str | None:
        """The id that the archive has given an execution block, if it is another one."""
        found = self._folder.newest("eb_name", eb_id)
        return None if found is None else str(found["eb_ref"])

    def keep_name(self, eb_id: str, name: str) -> None:
        """Keep the id that the archive has given an execution block."""
        self._folder.keep("eb_name", eb_id, {"eb_id": eb_id, "eb_ref": name})

    def _say(self, what: str, why: str) -> None:
        if what not in self._said:
            self._said.add(what)
            LOG.warning("%s are kept in the folder %s: %s", what.capitalize(), self._folder.where, why)

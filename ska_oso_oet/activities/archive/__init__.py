"""The archive: where scheduling blocks come from, and where their executions are recorded.

A folder in the ODA's own layout, or the ODA behind its REST interface; nobody else needs to know which.
"""

from __future__ import annotations

from typing import Any, Protocol

from ...addresses import FOLDER_PREFIX, checked_archive_url, folder_of
from .entities import Status
from .folder import FolderArchive

__all__ = ["Archive", "Status", "open_archive"]


class Archive(Protocol):
    """What every archive does. Calls block, and may come from several threads at once.

    Every call may raise ArchiveAway, whose sentence names the archive and what is wrong with it.
    """

    @property
    def where(self) -> str:
        """The archive's place as people may see it."""
        ...

    def scheduling_block(self, sbd_id: str) -> dict[str, Any]:
        """Return the newest version of a scheduling block definition.

        :raises NotFound: where there is none of this id
        :raises Invalid: where the id cannot be one, or the block cannot be read although the archive can
        """
        ...

    def store_instance(self, sbi: dict[str, Any]) -> None:
        """Store an SBInstance under its ``sbi_id``; storing it again changes nothing.

        :raises Conflict: where this id is that of another execution
        """
        ...

    def record_status(self, sbi_id: str, status: Status) -> None:
        """Record the status of an SBInstance; recording the latest one again changes nothing.

        :raises Invalid: where what was recorded last cannot be read
        """
        ...


def open_archive(url: str, timeout: float) -> Archive:
    """Return the archive at a URL; nothing is read or written yet.

    :param timeout: seconds one call may take where the archive is a server
    :raises ValueError: saying what would be right
    """
    url = checked_archive_url(url)
    if url.startswith(FOLDER_PREFIX):
        return FolderArchive(folder_of(url))
    from .rest import RestArchive  # requests takes 8 MiB that a folder does not need

    return RestArchive(url, timeout)

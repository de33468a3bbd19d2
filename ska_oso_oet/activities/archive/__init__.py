"""The archive (ODA): the source of scheduling blocks, and the record of their executions.

A folder in the ODA's own layout, or the ODA behind its REST interface; callers need not know which.
"""

from __future__ import annotations

from typing import Any, Protocol

from ...settings.urls import FOLDER_PREFIX, checked_archive_url, folder_of
from .entities import Status
from .folder import FolderArchive

__all__ = ["Archive", "Status", "open_archive"]


class Archive(Protocol):
    """The operations of every archive. Calls block, and may come from several threads at once.

    Every call may raise ArchiveAway, whose sentence names the archive and its fault.
    """

    @property
    def where(self) -> str:
        """The archive's place as people may see it."""
        ...

    def scheduling_block(self, sbd_id: str) -> dict[str, Any]:
        """Return the newest version of a scheduling block definition.

        :raises NotFound: if there is none of this id
        :raises Invalid: if the id cannot be one, or the block cannot be read although the archive can
        """
        ...

    def store_instance(self, sbi: dict[str, Any]) -> None:
        """Store an SBInstance under its ``sbi_id``; storing it again changes nothing.

        :raises Conflict: if this id is that of another execution
        """
        ...

    def record_status(self, sbi_id: str, status: Status) -> None:
        """Record the status of an SBInstance; recording the latest one again changes nothing.

        :raises Invalid: if the last record cannot be read
        """
        ...


def open_archive(url: str, timeout: float) -> Archive:
    """Return the archive at a URL; nothing is read or written yet.

    :param timeout: seconds that one call may take, if the archive is a server
    :raises ValueError: with the correct form
    """
    url = checked_archive_url(url)
    if url.startswith(FOLDER_PREFIX):
        return FolderArchive(folder_of(url))
    from .rest import RestArchive  # requests takes 8 MiB that a folder does not need

    return RestArchive(url, timeout)

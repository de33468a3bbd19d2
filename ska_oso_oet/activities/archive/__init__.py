"""The archive (ODA): the source of scheduling blocks, and the record of their executions.

A folder in the ODA's own layout, oso-services, the ODA's database, or the ODA behind its former REST
interface; callers need not know which. :mod:`.opening` makes the one that a setting names.
"""

from __future__ import annotations

from typing import Any, Protocol

from .entities import Status

__all__ = ["Archive", "Status"]


class Archive(Protocol):
    """The operations of every archive. Calls block, and may come from several threads at once.

    Every call may raise ArchiveAway, whose sentence names the archive and its fault.
    """

    @property
    def where(self) -> str:
        """The archive's place as people may see it."""
        ...

    def scheduling_block(self, sbd_id: str, version: int | None = None) -> dict[str, Any]:
        """Return a version of a scheduling block definition.

        :param version: the newest if none
        :raises NotFound: if there is none of this id, or no such version
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

    def record_execution_block(self, eb: dict[str, Any]) -> None:
        """Record what is known of an execution block, under its ``eb_id``; the same again changes nothing.

        :raises Conflict: if the archive has no instance it could belong to
        """
        ...

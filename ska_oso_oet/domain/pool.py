"""The list of procedures: the newest few, ids never reused."""

from __future__ import annotations

from .errors import Busy, NotFound
from .procedure import Procedure
from .reservation import Reservation
from .states import ProcedureState


class Pool:
    """The listed procedures of this subarray, the oldest first.

    :param limit: how many procedures are listed; live ones are bounded by it
    """

    def __init__(self, limit: int = 10) -> None:
        self._limit = limit
        self._listed: dict[int, Procedure] = {}
        self.subarray = Reservation(self._listed)
        self._last_id = 0

    def listed(self) -> list[Procedure]:
        """The procedures shown in lists, the oldest first."""
        return list(self._listed.values())

    def find(self, pid: int) -> Procedure | None:
        """One of the listed procedures."""
        return self._listed.get(pid)

    def get(self, pid: int) -> Procedure:
        """One of the listed procedures.

        :raises NotFound: if it is not listed
        """
        try:
            return self._listed[pid]
        except KeyError:
            raise NotFound.procedure(pid) from None

    def next_id(self) -> int:
        """A number no procedure ever had."""
        self._last_id += 1
        return self._last_id

    @property
    def last_id(self) -> int:
        """The number of the newest procedure there ever was."""
        return self._last_id

    def count_from(self, last_id: int) -> None:
        """Go on counting after the ids of an earlier life."""
        self._last_id = max(self._last_id, last_id)

    def add(self, procedure: Procedure) -> None:
        """List a procedure."""
        self._listed[procedure.id] = procedure
        self.count_from(procedure.id)

    def make_room(self, urgent: bool = False) -> Procedure | None:
        """Remove the procedure that makes room for one more in the list, and return it.

        A procedure returned that is not final has to be ended by the caller (it was READY).

        :param urgent: let the list grow rather than refuse
        :raises Busy: if every listed procedure is running or still being prepared
        """
        if not urgent:
            self.require_room()
        victim = self._dispensable()
        if victim is not None:
            del self._listed[victim.id]
        return victim

    def require_room(self) -> None:
        """Make sure that one more can come in.

        :raises Busy: if every listed procedure is running or still being prepared
        """
        if len(self._listed) >= self._limit and self._dispensable() is None:
            raise Busy(
                f"{len(self._listed)} procedures are running or being prepared, which is the "
                "limit; wait until one is READY, or stop one"
            )

    def _dispensable(self) -> Procedure | None:
        if len(self._listed) < self._limit:
            return None
        procedures = self._listed.values()
        finished = (p for p in procedures if p.final)
        waiting = (p for p in procedures if p.state is ProcedureState.READY and not self.subarray.wants(p.id))
        return next(finished, None) or next(waiting, None)

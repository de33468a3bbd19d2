"""The rules over all procedures: one RUNNING at most, the newest few listed, ids never reused."""

from __future__ import annotations

from .errors import Busy, Conflict, NotFound
from .procedure import Procedure
from .states import PREPARING, ProcedureState


class Pool:
    """The listed procedures of this subarray, the oldest first.

    :param limit: how many procedures are listed; live ones are bounded by it
    """

    def __init__(self, limit: int = 10) -> None:
        self._limit = limit
        self._listed: dict[int, Procedure] = {}
        self._reserved: int | None = None
        self._dry_runs: set[int] = set()  #: being started, beside the one that has the subarray
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
        waiting = (p for p in procedures if p.state is ProcedureState.READY and p.id != self._reserved)
        return next(finished, None) or next(waiting, None)

    # -- the reservation ---------------------------------------------------------------------------

    @property
    def reserved(self) -> int | None:
        """The procedure that is running, or is about to.

        One may be found RUNNING that nobody has reserved the subarray for: when the record of its start comes
        after a crash of this service.
        """
        if self._reserved is not None:
            return self._reserved
        return next((p.id for p in self._listed.values() if _runs(p)), None)

    def reserve(self, pid: int) -> Procedure:
        """Reserve the subarray for one procedure: the one place where a start is decided.

        :raises NotFound: if it is not listed
        :raises Conflict: if it is not READY, is being started, or another one runs
        """
        procedure = self.get(pid)
        if procedure.state is not ProcedureState.READY:
            raise Conflict.not_ready(pid, procedure.state, procedure.state in PREPARING)
        if self._reserved == pid or pid in self._dry_runs:
            raise Conflict.being_started(pid)
        if procedure.origin.simulated:  # commands nothing
            self._dry_runs.add(pid)
            return procedure
        if (other := self.reserved) is not None:
            raise Conflict(f"Cannot start procedure {pid}: {self.how(other)}")
        self._reserved = pid
        return procedure

    def how(self, pid: int) -> str:
        """The end of a sentence about the procedure that has the subarray."""
        procedure = self._listed.get(pid)
        pending = procedure is not None and procedure.state in (*PREPARING, ProcedureState.READY)
        return f"procedure {pid} is {'being started' if pending else 'RUNNING'}"

    def hold(self, pid: int) -> None:
        """Take the reservation over: for a procedure found RUNNING after a restart, or for an abort."""
        self._reserved = pid

    def release(self, pid: int) -> None:
        """Give the reservation back, if this procedure has it."""
        self._dry_runs.discard(pid)
        if self._reserved == pid:
            self._reserved = None


def _runs(procedure: Procedure) -> bool:
    """Whether it may command the telescope now."""
    return procedure.state is ProcedureState.RUNNING and not procedure.origin.simulated

"""Who has the subarray: at most one procedure is RUNNING. Dry runs need none, and run beside it."""

from __future__ import annotations

from collections.abc import Mapping

from .errors import Conflict, NotFound
from .procedure import Procedure
from .states import PREPARING, ProcedureState


class Reservation:
    """The reservation of the subarray by one of the listed procedures.

    :param listed: by their ids
    """

    def __init__(self, listed: Mapping[int, Procedure]) -> None:
        self._listed = listed
        self._holder: int | None = None
        self._dry_runs: set[int] = set()  #: being started

    @property
    def holder(self) -> int | None:
        """The procedure that is running, or is about to.

        One may be found RUNNING that nobody has reserved the subarray for: when the record of its start comes
        after a crash of this service.
        """
        if self._holder is not None:
            return self._holder
        return next((p.id for p in self._listed.values() if _runs(p)), None)

    def reserve(self, pid: int) -> Procedure:
        """Reserve the subarray for one procedure: the one place where a start is decided.

        :raises NotFound: if it is not listed
        :raises Conflict: if it is not READY, is being started, or another one runs
        """
        procedure = self._listed.get(pid)
        if procedure is None:
            raise NotFound.procedure(pid)
        if procedure.state is not ProcedureState.READY:
            raise Conflict.not_ready(pid, procedure.state, procedure.state in PREPARING)
        if self._holder == pid or pid in self._dry_runs:
            raise Conflict.being_started(pid)
        if procedure.origin.simulated:  # commands nothing
            self._dry_runs.add(pid)
            return procedure
        if (other := self.holder) is not None:
            raise Conflict(f"Cannot start procedure {pid}: {self.how(other)}")
        self._holder = pid
        return procedure

    def how(self, pid: int) -> str:
        """The end of a sentence about the procedure that has the subarray."""
        procedure = self._listed.get(pid)
        pending = procedure is not None and procedure.state in (*PREPARING, ProcedureState.READY)
        return f"procedure {pid} is {'being started' if pending else 'RUNNING'}"

    def hold(self, pid: int) -> None:
        """Take the reservation over: for a procedure found RUNNING after a restart, or for an abort."""
        self._holder = pid

    def release(self, pid: int) -> None:
        """Give the reservation back, if this procedure has it."""
        self._dry_runs.discard(pid)
        if self._holder == pid:
            self._holder = None

    def wants(self, pid: int) -> bool:
        """Whether a procedure is being started."""
        return pid == self._holder or pid in self._dry_runs


def _runs(procedure: Procedure) -> bool:
    """Whether it may command the telescope now."""
    return procedure.state is ProcedureState.RUNNING and not procedure.origin.simulated

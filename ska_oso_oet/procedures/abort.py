"""Aborting the subarray after a script was ended: the abort script runs as a procedure of its own.

A failure of it is the loudest thing the OET has to say: a critical log line and the event
``procedure.abort.failed``, for whichever request.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ..bus import topics
from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..domain.commands import AbortSubarray
from ..domain.errors import Conflict, Refusal
from ..domain.outcome import Outcome, Reason
from ..domain.pool import Pool
from ..domain.scripts import FILE_PREFIX, Arguments, FileScript
from ..domain.states import PREPARING, ProcedureState
from ..settings import Settings
from .preparer import Background, Preparer
from .run import Run
from .script_policy import find_abort_script
from .spec import NewProcedure

LOG = logging.getLogger(__name__)

_CAUSES = {
    Reason.SCRIPT_ERROR: "failure",
    Reason.KILLED: "failure",
    Reason.OUT_OF_MEMORY: "failure",
    Reason.LOST: "lost",
    Reason.TIMEOUT: "timeout",
}


class Abort:
    """Runs the abort script of one service, once for each script that was ended."""

    def __init__(
        self, bus: BusClient, settings: Settings, pool: Pool, preparer: Preparer, background: Background
    ) -> None:
        self._bus = bus
        self._settings = settings
        self._pool = pool
        self._preparer = preparer
        self._background = background
        self._claimed: set[int] = set()
        self._running: dict[int, asyncio.Future[dict[str, Any]]] = {}

    def claim(self, pid: int) -> None:
        """Keep the subarray for the abort that follows the end of this procedure.

        :raises Conflict: if another procedure is running
        """
        other = self._pool.subarray.holder
        if other is not None and other != pid and pid not in self._running:
            raise Conflict(
                f"Cannot abort the subarray while {self._pool.subarray.how(other)}: stop that one, or "
                f"stop procedure {pid} with no abort"
            )
        self._claimed.add(pid)
        if pid not in self._running:
            self._pool.subarray.hold(pid)

    def disclaim(self, pid: int) -> None:
        """Give the subarray back: there is nothing to abort after."""
        self._claimed.discard(pid)
        self._pool.subarray.release(pid)

    def consider(self, run: Run) -> None:
        """A procedure has ended: release the subarray, or abort if that was asked for or is the setting."""
        procedure = run.procedure
        assert procedure.outcome is not None
        if procedure.origin.simulated:  # nothing was commanded
            self.disclaim(procedure.id)
            return
        cause = _CAUSES.get(procedure.outcome.reason)
        ran = _has_run(run)
        # One that was ended while it waited to be started was not to abort anything yet.
        failed = procedure.state is ProcedureState.FAILED
        if run.aborting and (failed or (ran and procedure.state is ProcedureState.STOPPED)):
            self._shout(procedure.id, f"{procedure.outcome.detail}")
        if run.aborting and procedure.state is ProcedureState.COMPLETE:
            fields = {"pid": procedure.id, "detail": procedure.outcome.detail}
            self._bus.send([self._bus.envelope(topics.ABORT_COMPLETE, fields)])
        by_setting = cause in self._settings.abort_on and ran and not run.aborting
        if procedure.id in self._claimed and self.is_due(run) and not by_setting:
            return
        # Asked for in an earlier life of this service; its client no longer waits.
        wanted = by_setting or (run.abort_wanted and self.is_due(run))
        if wanted and not self._preparer.closing:
            self._background(self.after_stop(procedure.id, None))
            return
        self.disclaim(procedure.id)

    def is_due(self, run: Run) -> bool:
        """Whether the abort that a stop asks for follows an ended run.

        So it does if the script has run, even if it says that it had ended before the stop.
        """
        return run.procedure.state is ProcedureState.STOPPED or (_has_run(run) and not run.aborting)

    def ending(self, pid: int) -> str:
        """How the procedure of a stop has ended, for the answer."""
        procedure = self._pool.find(pid)
        if procedure is not None and procedure.state is not ProcedureState.STOPPED:
            return f"Found script with ID {pid} {procedure.state} before it could be stopped"
        return f"Successfully stopped script with ID {pid}"

    def require_meant(self, run: Run, meant: bool) -> None:
        """Make sure that a stop of a running abort is intended.

        :raises Conflict: if it is one, and it is not meant
        """
        procedure = run.procedure
        if run.aborting and not meant and (procedure.aborts is not None or _has_run(run)):
            raise Conflict(
                f"Procedure {procedure.id} is aborting subarray {self._settings.subarray_id}, which a stop "
                f"would leave as it is; to stop it all the same: oet procedure stop --pid={procedure.id}, "
                'or in REST "stop_abort": true'
            )

    async def by_hand(self, request: Envelope) -> None:
        """Abort on request; the reply comes as soon as the procedure exists.

        :raises Refusal: if another script runs, or no abort script can be had
        """
        self._preparer.require_open()
        main = AbortSubarray.from_dict(request.payload["cmd"]).main
        reserved = self._pool.subarray.holder
        if reserved is not None:
            running = self._pool.find(reserved)
            if running is not None and running.aborts is not None:
                raise Conflict(
                    f"Procedure {reserved} is aborting the subarray already; to see it: "
                    f"oet procedure wait --pid={reserved}"
                )
            raise Conflict(
                f"Cannot abort the subarray while {self._pool.subarray.how(reserved)}: stop that one, and "
                f"the subarray is aborted next: oet procedure stop --pid={reserved}"
            )
        run = self._prepare(request.user, main, request_id=request.request_id)
        self._background(self._start(run, request.user, main))

    async def after_stop(self, pid: int, user: str | None) -> dict[str, Any]:
        """Abort once, however many ask; return the part of a stop's answer about the abort."""
        if pid not in self._running:
            if self._pool.subarray.holder is None:
                self._pool.subarray.hold(pid)
            self._running[pid] = self._background(self._abort(pid, user))
        return await asyncio.shield(self._running[pid])

    async def _abort(self, pid: int, user: str | None) -> dict[str, Any]:
        try:
            run = self._prepare(user, Arguments(), aborts=pid)
            LOG.warning("Aborting the subarray after procedure %s, with procedure %s", pid, run.procedure.id)
            return await self._begun(run, pid)
        except Refusal as error:
            self._shout(None, error.detail)
            outcome = Outcome(reason=Reason.NOT_STARTED, detail=error.detail)
            return _told(self.ending(pid), None, ProcedureState.FAILED, outcome, began=False)
        finally:
            self.disclaim(pid)

    async def _begun(self, run: Run, pid: int) -> dict[str, Any]:
        procedure = run.procedure
        await self._start(run, procedure.created_by, Arguments())
        ending = self.ending(pid)
        return _told(ending, procedure.id, procedure.state, procedure.outcome, began=_has_run(run))

    def resume(self, run: Run) -> None:
        """Have an abort begin that an earlier life of this service has prepared; who asks gets that one."""
        procedure = run.procedure
        self._pool.subarray.hold(procedure.id)
        if procedure.aborts is None:
            self._background(self._start(run, procedure.created_by, procedure.main))
        else:
            begun = self._begun(run, procedure.aborts)
            self._running[procedure.aborts] = self._background(begun)

    def _prepare(
        self, user: str | None, main: Arguments, aborts: int | None = None, request_id: str | None = None
    ) -> Run:
        path = find_abort_script(self._settings)
        limit = self._settings.abort_timeout
        new = NewProcedure(
            script=FileScript(script_uri=f"{FILE_PREFIX}{path}"),
            path=path,
            init=Arguments(),
            main=main,
            limits={"load": limit, "init": limit, "main": limit},
            aborts=aborts,
            aborting=True,
            urgent=True,
        )
        run = self._preparer.prepare(new, user, request_id)
        self._pool.subarray.hold(run.procedure.id)
        return run

    async def _start(self, run: Run, user: str | None, main: Arguments) -> None:
        """Have a prepared abort script begin; returns when it has, or has ended before."""
        while run.procedure.state in PREPARING:
            await run.changed.wait()
        if run.procedure.state is ProcedureState.READY:
            run.orders.start(main, None, user)
        while run.procedure.state is ProcedureState.READY:
            await run.changed.wait()

    def _shout(self, abort_id: int | None, detail: str) -> None:
        LOG.critical("THE SUBARRAY WAS NOT ABORTED: %s", detail)
        fields = {"pid": abort_id, "abort_procedure": abort_id, "detail": detail}
        self._bus.send([self._bus.envelope(topics.ABORT_FAILED, fields)])


def _has_run(run: Run) -> bool:
    return any(state is ProcedureState.RUNNING for state, _ in run.procedure.process_states)


def _told(
    message: str, abort: int | None, state: ProcedureState, outcome: Outcome | None, *, began: bool
) -> dict[str, Any]:
    """The part of the answer to a stop about the abort, at the moment of the answer.

    :param message: how the procedure has ended
    """
    if began:
        message += " and aborted subarray activity"
    else:
        message += f", but the subarray was NOT aborted: {outcome and outcome.detail}"
    known = {"procedure": abort, "state": state.value, "outcome": outcome.to_dict() if outcome else None}
    return {"abort_message": message, "abort_procedure": abort, "abort": known}

"""Aborting the subarray after a script was ended: the abort script runs as a procedure of its own.

A failure of it is the loudest thing the OET has to say: a critical log line and the event
``procedure.abort.failed``, whoever asked for it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from ..bus.client import BusClient
from ..bus.desk import Desk
from ..domain.errors import Conflict, Refusal
from ..domain.outcome import Reason
from ..domain.pool import Pool
from ..domain.procedure import Procedure
from ..domain.scripts import FILE_PREFIX, Arguments, FileScript, Script
from ..domain.states import PREPARING, ProcedureState
from ..settings import Settings
from .run import Run
from .scriptfiles import find_abort_script

LOG = logging.getLogger(__name__)

_CAUSES = {
    Reason.SCRIPT_ERROR: "failure",
    Reason.KILLED: "failure",
    Reason.OUT_OF_MEMORY: "failure",
    Reason.LOST: "lost",
    Reason.TIMEOUT: "timeout",
}


class Service(Protocol):
    """What an abort needs of the service it belongs to."""

    bus: BusClient
    settings: Settings
    pool: Pool
    closing: bool
    desk: Desk

    def prepare(
        self,
        script: Script,
        path: str,
        init: Arguments,
        *,
        aborts: int | None = None,
        limits: dict[str, float | None],
        by: str | None = None,
        offered: dict[str, Any] | None = None,
        urgent: bool = False,
    ) -> Run:
        """Bring a procedure into being and have it loaded."""


class Abort:
    """Runs the abort script of one service, once for each script that was ended."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._settings = service.settings
        self._claimed: set[int] = set()
        self._running: dict[int, asyncio.Future[dict[str, Any]]] = {}

    def claim(self, pid: int) -> None:
        """Keep the subarray for the abort that follows the end of this procedure.

        :raises Conflict: where another procedure is running
        """
        reserved = self._service.pool.reserved
        if reserved not in (None, pid) and pid not in self._running:
            raise Conflict(
                f"Cannot abort the subarray while procedure {reserved} is RUNNING: stop that one, or "
                f"stop procedure {pid} with no abort"
            )
        self._claimed.add(pid)
        if pid not in self._running:
            self._service.pool.hold(pid)

    def disclaim(self, pid: int) -> None:
        """Give the subarray back: there is nothing to abort after."""
        self._claimed.discard(pid)
        self._service.pool.release(pid)

    def consider(self, run: Run) -> None:
        """A procedure has ended: release the subarray, or abort if that was asked for or is the setting."""
        procedure = run.procedure
        assert procedure.outcome is not None
        if self._is_abort(procedure) and procedure.state is not ProcedureState.COMPLETE:
            self._shout(procedure.id, f"{procedure.outcome.detail}")
        cause = _CAUSES.get(procedure.outcome.reason)
        ran = any(state is ProcedureState.RUNNING for state, _ in procedure.process_states)
        if procedure.id in self._claimed and procedure.state is ProcedureState.STOPPED:
            return
        by_setting = cause in self._settings.abort_on and ran and not self._is_abort(procedure)
        # Asked for in an earlier life of this service, which nobody is waiting for any more.
        wanted = by_setting or (run.abort_wanted and procedure.state is ProcedureState.STOPPED)
        if wanted and not self._service.closing:
            self._service.desk.background(self.after_stop(procedure.id, None))
            return
        self.disclaim(procedure.id)

    def _is_abort(self, procedure: Procedure) -> bool:
        return procedure.script.path == find_abort_script(self._settings)

    async def after_stop(self, pid: int, user: str | None) -> dict[str, Any]:
        """Abort once, however many ask; return what the answer to a stop says about it."""
        if pid not in self._running:
            if self._service.pool.reserved is None:
                self._service.pool.hold(pid)
            self._running[pid] = self._service.desk.background(self._abort(pid, user))
        return await asyncio.shield(self._running[pid])

    async def _abort(self, pid: int, user: str | None) -> dict[str, Any]:
        stopped = f"Successfully stopped script with ID {pid}"
        run: Run | None = None
        try:
            run = await self._start(pid, user)
        except Refusal as error:
            self._shout(None, error.detail)
            detail = error.detail
        else:
            if ProcedureState.RUNNING in (state for state, _ in run.procedure.process_states):
                message = f"{stopped} and aborted subarray activity"
                return {"abort_message": message, "abort_procedure": run.procedure.id}
            detail = str(run.procedure.outcome and run.procedure.outcome.detail)
        finally:
            self.disclaim(pid)
        message = f"{stopped}, but the subarray was NOT aborted: {detail}"
        return {"abort_message": message, "abort_procedure": run.procedure.id if run else None}

    async def _start(self, pid: int, user: str | None) -> Run:
        path = find_abort_script(self._settings)
        limit = self._settings.abort_timeout
        run = self._service.prepare(
            FileScript(script_uri=f"{FILE_PREFIX}{path}"),
            path,
            Arguments(),
            aborts=pid,
            limits={"load": limit, "init": limit, "main": limit},
            by=user,
            offered={"subarray_id": self._settings.subarray_id},
            urgent=True,
        )
        abort_id = run.procedure.id
        self._service.pool.hold(abort_id)
        LOG.warning("Aborting the subarray after procedure %s, with procedure %s", pid, abort_id)
        while run.procedure.state in PREPARING:
            await run.changed.wait()
        if run.procedure.state is ProcedureState.READY:
            run.start(Arguments(), None, user)
        while run.procedure.state is ProcedureState.READY:
            await run.changed.wait()
        return run

    def _shout(self, abort_id: int | None, detail: str) -> None:
        LOG.critical("THE SUBARRAY WAS NOT ABORTED: %s", detail)
        bus = self._service.bus
        fields = {"pid": abort_id, "abort_procedure": abort_id, "detail": detail}
        bus.send([bus.envelope("procedure.abort.failed", fields)])

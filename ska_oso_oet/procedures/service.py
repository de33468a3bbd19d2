"""The script execution service: carries out commands and keeps the procedures. Runs in SESWorker."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import math
import time

from ..bus import topics
from ..bus.client import BusClient
from ..bus.deadline import Deadline
from ..bus.dispatcher import Dispatcher, Handler
from ..bus.envelope import Envelope
from ..domain.commands import PrepareProcedure, StopProcedure
from ..domain.errors import Conflict, Invalid, TimedOut
from ..domain.origin import Origin
from ..domain.pool import Pool
from ..domain.scripts import FileScript
from ..domain.states import ProcedureState
from ..files.expiry import keep_tidy
from ..settings import Settings
from ..telemetry.metrics import catalogue as metrics
from .abort import Abort
from .cache_service import CacheService
from .checks import Checks
from .drain import Drain
from .inspector import Inspector
from .operator import OperatorSwitch
from .pace_orders import PaceOrders
from .preparer import Preparer
from .queries import ProcedureQueries
from .reruns import Reruns
from .run import Run
from .script_list import ScriptList
from .script_policy import ScriptFiles
from .spec import NewProcedure, completed, limits_of
from .starts import Starts

LOG = logging.getLogger(__name__)

#: Seconds without progress that the end waits for the bus, and for supervisors. Either may have to wait for
#: room on the disk: then supervisors keep what they could not write, and tell the next service.
_FLUSH_TIMEOUT = 3.0


class ScriptExecutionService:
    """Owns every procedure of this subarray.

    :param bus: connected already, so that replies can go out
    """

    def __init__(self, bus: BusClient, settings: Settings) -> None:
        self.bus = bus
        self.settings = settings
        self.pool = Pool(settings.history)
        self.runs: dict[int, Run] = {}
        handlers: dict[str, Handler] = {}
        self.dispatcher = Dispatcher(bus, handlers)
        self.operator = OperatorSwitch(bus, settings, self.pool, self.runs)
        self.drain = Drain(bus, settings, self.pool, self.runs)
        self.preparer = Preparer(
            bus,
            settings,
            self.pool,
            self.runs,
            self.dispatcher.background,
            on_final=self._finished,
            observe=self.operator.observe,
        )
        self.abort = Abort(bus, settings, self.pool, self.preparer, self.dispatcher.background)
        self._files = ScriptFiles(settings)
        self._caches = CacheService(bus, settings)
        self.inspector = Inspector(settings, self.preparer.launcher)
        self._queries = ProcedureQueries(bus, settings, self.pool, self.runs)
        scripts = ScriptList(bus, settings, self._files)
        starts = Starts(self.pool, self.runs, self.preparer, self.drain, self.operator, self._queries)
        reruns = Reruns(
            settings, self._files, self.preparer, self.drain, self._queries, self.dispatcher.reply
        )
        handlers |= {
            topics.CREATE: self._create,
            topics.RERUN: reruns.rerun,
            topics.CHECK_RERUN: reruns.check,
            topics.CHECK: self._check,
            topics.INSPECT: Checks(bus, settings, self._files, self.inspector).tell,
            topics.START: starts.start,
            topics.STOP: self._stop,
            topics.ABORT: self.abort.by_hand,
            topics.LIST_PROCEDURES: self._queries.tell_list,
            topics.READ_OUTPUT: self._queries.tell_output,
            topics.LIST_SCRIPTS: scripts.tell_list,
            topics.SHOW_SCRIPT: scripts.tell_one,
            topics.LIST_ENVIRONMENTS: self._caches.tell,
            topics.REMOVE_ENVIRONMENT: self._caches.remove,
            **PaceOrders(bus, self.pool, self.runs, self._queries).handlers,
            **self.operator.handlers,
            **self.drain.handlers,
        }

    def update_gauges(self) -> None:
        """Tell how many procedures there are, whether more are taken, and how many interpreters wait."""
        states = collections.Counter(procedure.state for procedure in self.pool.listed())
        for state in ProcedureState:
            metrics.PROCEDURES.set(states[state], state.value)
        metrics.DRAINED.set(self.drain.ordered)
        metrics.WARM.set(self.preparer.launcher.waiting)
        metrics.WARM_TARGET.set(self.settings.warm_interpreters)

    async def run(self) -> None:
        """Keep interpreters warm and the house tidy; never ends by itself."""
        await asyncio.gather(self.preparer.launcher.run(), self._caches.run())

    async def tidy(self) -> None:
        """Remove run directories that are too old, once the past is restored; never ends by itself."""
        await keep_tidy(self.settings.runs, self.settings.retention_days, self._is_kept)

    def _is_kept(self, name: str) -> bool:
        # The newest one is kept, whatever has become of the journal, so that ids never go back.
        if not name.isdecimal() or int(name) >= self.pool.last_id:
            return True
        return self.pool.find(int(name)) is not None or int(name) in self.runs

    # -- create ------------------------------------------------------------------------------------

    async def _create(self, request: Envelope) -> None:
        command = PrepareProcedure.from_dict(request.payload["cmd"])
        script = completed(command.script, self.settings)
        path = await self._files.find(script)
        aborting = isinstance(script, FileScript) and await self._files.is_abort_script(path)
        if aborting and command.simulated:
            raise Invalid("the abort script cannot be simulated: it is there to command the telescope")
        new = NewProcedure(
            script=script,
            path=path,
            init=command.init,
            main=command.main,
            limits=limits_of(self.settings),
            activity_id=command.activity_id,
            aborting=aborting,
            origin=Origin(simulated=command.simulated),
        )
        self.drain.require_none()
        # The reply is the event procedure.lifecycle.created, which carries this request's id.
        self.preparer.prepare(new, request.user, request.request_id)

    async def _check(self, request: Envelope) -> None:
        """Tell whether a create, and a start after it, would be carried out; do nothing."""
        command = PrepareProcedure.from_dict(request.payload["cmd"])
        self.drain.require_none()
        self.preparer.require_capacity()
        path = await self._files.find(completed(command.script, self.settings))
        self.pool.require_room()
        if request.payload["start"] and (other := self.pool.subarray.holder) is not None:
            raise Conflict(f"Cannot start another script: {self.pool.subarray.how(other)}")
        self.dispatcher.reply(request, topics.CHECKED, {"result": {"path": path}})

    # -- stop --------------------------------------------------------------------------------------

    async def _stop(self, request: Envelope) -> None:
        deadline = Deadline(request)
        command = StopProcedure.from_dict(request.payload["cmd"])
        pid = command.pid
        if (state := await self._queries.state_if_unlisted(pid)) is not None:
            raise Conflict.over(f"procedure {pid}", state)
        procedure = self.pool.get(pid)
        run = self.runs.get(pid)
        stopped_meanwhile = (
            procedure.state is ProcedureState.STOPPED and procedure.process_states[-1][1] >= request.time
        )
        if procedure.final and not stopped_meanwhile:
            raise Conflict.over(f"procedure {pid}", procedure.state)
        if run is not None:
            self.abort.require_meant(run, command.stop_abort)
        abort = command.abort and not procedure.origin.simulated
        if abort:
            self.abort.claim(pid)
        if run is not None:
            run.stop("stop", request.user, self.settings, abort, command.force)
            await run.done.wait()  # its supervisor may have to wait for room on the disk
            metrics.STOP.observe(max(0.0, time.time() - request.time))
        due = abort and run is not None and self.abort.is_due(run)
        if procedure.state is not ProcedureState.STOPPED and not due:
            self.abort.disclaim(pid)
            raise Conflict.over(f"procedure {pid}", procedure.state)
        result = {
            "id": pid,
            "abort_message": self.abort.ending(pid),
            "abort_procedure": None,
            "simulated": procedure.origin.simulated,
            "survivors": len(run.survivors) if run is not None else 0,
            "survivor_processes": run.survivors if run is not None else [],
        }
        if abort:
            self._require_waiting(deadline, pid)
            result |= await self.abort.after_stop(pid, request.user)
        self.dispatcher.reply(request, topics.STOP_ANSWERED, {"result": result})

    def _require_waiting(self, deadline: Deadline, pid: int) -> None:
        """Do not start a procedure whose request was answered as cancelled."""
        if deadline.passed:
            self.abort.disclaim(pid)
            raise TimedOut(
                "the script was stopped too late for its abort, which was cancelled; to abort the subarray "
                "now: oet abort, or in REST POST /abort"
            )

    def _finished(self, run: Run) -> None:
        procedure = run.procedure
        del self.runs[procedure.id]
        assert procedure.outcome is not None
        self.operator.ended(procedure.id)
        metrics.SURVIVORS.add(by=len(run.survivors))
        LOG.info("Procedure %s is %s (%s)", procedure.id, procedure.state, procedure.outcome.reason)
        self.abort.consider(run)

    # -- the end -----------------------------------------------------------------------------------

    async def close(self) -> None:
        """Take no new work, stop every live procedure, and wait until the journal knows."""
        self.preparer.closing = True
        runs = list(self.runs.values())
        for run in runs:
            run.stop("shutdown", None, self.settings)
        await asyncio.gather(*(run.done.wait() for run in runs))
        gone = asyncio.gather(*(run.gone() for run in runs))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gone, _FLUSH_TIMEOUT)
        until, left = 0.0, math.inf
        while (now := self.bus.unacknowledged) and (now < left or time.monotonic() < until):
            if now < left:
                until, left = time.monotonic() + _FLUSH_TIMEOUT, now
            await asyncio.sleep(0.01)

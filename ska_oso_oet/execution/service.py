"""The script execution service: carries out commands and keeps the procedures. Runs in SESWorker."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import logging
import os
import shutil
import time
from collections.abc import Iterable
from typing import Any

from ..bus.client import BusClient
from ..bus.desk import Desk
from ..bus.envelope import Envelope
from ..domain.activity import GIVEN
from ..domain.commands import AbortSubarray, PrepareProcedure, StartProcedure, StopProcedure
from ..domain.errors import Conflict, DiskFull, Refusal, TimedOut, Unavailable
from ..domain.pool import Pool
from ..domain.procedure import Procedure
from ..domain.scripts import Arguments, FileScript, GitScript, Script
from ..domain.states import ProcedureState
from ..folders import keep_tidy
from ..logs import tagged
from ..metrics import catalogue as metrics
from ..settings import Settings
from .abort import Abort
from .answers import Answers
from .drain import Drain
from .handle import Handle
from .housekeeping import Housekeeping
from .isolating import isolation_of
from .isolation import Isolation
from .job import job_of, main_of
from .launcher import Launcher
from .operator import OperatorSwitch
from .run import Run
from .rundir import RunDirectory
from .scriptfiles import ScriptFiles
from .scriptlist import ScriptList

LOG = logging.getLogger(__name__)

_RESERVE = 16 * 2**20  #: bytes that must be free on the disk for new work

#: Seconds a bus that is away is waited for at the end; what it was not told is in the run directories.
_FAREWELL = 3.0
_BIRTH = 60.0  #: seconds in which an interpreter must be had for a new procedure


class ScriptExecutionService:
    """Owns every procedure of this subarray.

    :param bus: connected already, so that replies can go out
    """

    def __init__(self, bus: BusClient, settings: Settings) -> None:
        self.bus = bus
        self.settings = settings
        self.pool = Pool(settings.history)
        self.runs: dict[int, Run] = {}
        self.closing = False
        self._launcher = Launcher(settings.warm_interpreters, settings.preload)
        self._files = ScriptFiles(settings)
        self._abort = Abort(self)
        self._housekeeping = Housekeeping(bus, settings)
        self.operator = OperatorSwitch(bus, settings, self.pool, self.runs)
        self.drain = Drain(bus, settings, self.pool, self.runs)
        self._answers = Answers(bus, settings, self.pool, self.runs)
        scripts = ScriptList(bus, settings, self._files)
        self.desk = Desk(
            bus,
            {
                "request.procedure.create": self._create,
                "request.procedure.check": self._check,
                "request.procedure.start": self._start,
                "request.procedure.stop": self._stop,
                "request.procedure.abort": self._abort_by_hand,
                "request.procedure.list": self._answers.tell_list,
                "request.procedure.output": self._answers.tell_output,
                "request.script.list": scripts.tell_list,
                "request.script.show": scripts.tell_one,
                "request.environment.list": self._housekeeping.tell,
                "request.environment.remove": self._housekeeping.remove,
                **self.operator.handlers,
                **self.drain.handlers,
            },
        )

    def look(self) -> None:
        """Tell how many procedures there are, whether more are taken, and how many interpreters wait."""
        states = collections.Counter(procedure.state for procedure in self.pool.listed())
        for state in ProcedureState:
            metrics.PROCEDURES.set(states[state], state.value)
        metrics.DRAINED.set(self.drain.ordered)
        metrics.WARM.set(self._launcher.waiting)
        metrics.WARM_TARGET.set(self.settings.warm_interpreters)

    async def run(self) -> None:
        """Keep interpreters warm and the house tidy; never ends by itself."""
        await asyncio.gather(self._launcher.run(), self._housekeeping.run())

    async def tidy(self) -> None:
        """Remove run directories that are too old, once the past is restored; never ends by itself."""
        await keep_tidy(self.settings.runs, self.settings.retention_days, self._is_kept)

    def _is_kept(self, name: str) -> bool:
        # The newest one is kept, whatever has become of the journal, so that ids never go back.
        return (
            not name.isdecimal()
            or self.pool.find(int(name)) is not None
            or int(name) in self.runs
            or int(name) >= self.pool.last_id
        )

    # -- create ------------------------------------------------------------------------------------

    async def _create(self, request: Envelope) -> None:
        command = PrepareProcedure.from_dict(request.payload["cmd"])
        script = self._completed(command.script)
        path = await self._files.find(script)
        aborting = isinstance(script, FileScript) and await self._files.is_abort_script(path)
        limits = {
            "environment": self.settings.environment_timeout,
            "load": self.settings.load_timeout,
            "init": self.settings.init_timeout,
            "main": self.settings.main_timeout,
        }
        of_activity = command.activity_id is not None
        self.drain.require_none()
        self.prepare(
            script,
            path,
            command.init,
            main=command.main,
            activity_id=command.activity_id,
            aborting=aborting,
            limits=limits,
            request=request,
            offered={"subarray_id": self.settings.subarray_id} if of_activity else None,
        )

    def _completed(self, script: Script) -> Script:
        if isinstance(script, GitScript):
            repository = script.git_repo or self.settings.git_repo
            unresolved = dataclasses.replace(script, resolved_commit=None, resolved_branch=None)
            return dataclasses.replace(unresolved, git_repo=repository)
        return script

    async def _check(self, request: Envelope) -> None:
        """Tell whether a create, and a start after it, would be carried out; do nothing."""
        command = PrepareProcedure.from_dict(request.payload["cmd"])
        self.drain.require_none()
        self._require_open()
        path = await self._files.find(self._completed(command.script))
        self.pool.require_room()
        if request.payload["start"] and self.pool.reserved is not None:
            raise Conflict(f"Cannot start another script: procedure {self.pool.reserved} is RUNNING")
        self.desk.reply(request, "procedure.pool.checked", {"result": {"path": path}})

    def _require_open(self) -> None:
        if self.closing:
            raise Unavailable("the server is shutting down; no new work is taken")
        self._require_disk()

    def prepare(
        self,
        script: Script,
        path: str,
        init: Arguments,
        *,
        main: Arguments = Arguments(),  # noqa: B008  immutable
        activity_id: int | None = None,
        aborts: int | None = None,
        aborting: bool = False,
        limits: dict[str, float | None],
        request: Envelope | None = None,
        by: str | None = None,
        offered: dict[str, Any] | None = None,
        urgent: bool = False,
    ) -> Run:
        """Bring a procedure into being and have it loaded.

        :param aborts: the procedure after whose end this one aborts the subarray
        :param aborting: whether it is the abort script, after whichever end
        :param offered: keyword arguments for those functions of the script that take them
        :param urgent: of an abort that begins by itself, and is not refused because the list is full
        :raises Refusal: where no new work can be taken
        """
        self._require_open()
        pid = self.pool.next_id()
        directory = RunDirectory(os.path.join(self.settings.runs, str(pid)))
        handed = (init, main) if activity_id is not None else ()
        isolation = self._isolation(script, path, handed, directory)
        spec = job_of(
            pid,
            script,
            path,
            init,
            main,
            limits,
            offered or {},
            GIVEN if activity_id is not None else (),
            run_dir=directory.path,
            isolation=isolation,
            settings=self.settings,
        )
        spec["aborting"] = aborting
        spec["begins"] = urgent
        try:
            directory.create(spec, isolation)
        except OSError as error:
            raise DiskFull(f"the run directory cannot be written: {error.strerror}") from None
        try:
            evicts = self._make_room(urgent)
        except Refusal:
            shutil.rmtree(directory.path, ignore_errors=True)
            raise
        user = request.user if request else by
        procedure, created = Procedure.create(
            pid,
            script,
            init,
            time.time(),
            user,
            main=main,
            activity_id=activity_id,
            aborts=aborts,
            evicts=evicts,
        )
        idle = procedure.change(ProcedureState.IDLE, time.time())
        run = self.follow(procedure, directory)
        run.aborting = aborting
        run.publish_first(created, idle, request_id=request.request_id if request else None, user=user)
        self.desk.background(self._launch(run, spec))
        return run

    def _isolation(
        self, script: Script, path: str, handed: Iterable[Arguments], directory: RunDirectory
    ) -> Isolation:
        """What a script may do.

        :param handed: the arguments of a script of an activity, which name what the activity hands to it
        """
        folder = None if isinstance(script, GitScript) else os.path.dirname(os.path.realpath(path))
        blocks = {str(given.kwargs[GIVEN[0]]) for given in handed if GIVEN[0] in given.kwargs}
        return isolation_of(self.settings, folder, directory.path, map(os.path.dirname, blocks))

    def follow(self, procedure: Procedure, directory: RunDirectory, seen: int = 0) -> Run:
        """Keep a live procedure."""
        run = Run(procedure, directory, self.bus, self._finished, seen, self.operator)
        self.pool.add(procedure)
        self.runs[procedure.id] = run
        return run

    def resume_abort(self, run: Run) -> None:
        """Have a prepared abort begin that an earlier life of this service was about to start."""
        self._abort.resume(run)

    async def outlived(self, procedure: Procedure, directory: RunDirectory, seen: int) -> None:
        """Hear of what an ended procedure has left that could not be ended, once it is gone."""
        run = Run(procedure, directory, self.bus, lambda _: None, seen)
        run.done.set()
        await run.take_over()

    async def _launch(self, run: Run, spec: dict[str, Any]) -> None:
        with tagged(procedure_id=run.procedure.id):
            try:
                handle = await asyncio.wait_for(self._take_supervisor(), _BIRTH)
                await run.recorded()
            except TimeoutError:
                run.give_up("no interpreter could be started for it; the server's log says why")
                return
            if run.done.is_set():  # stopped meanwhile
                handle.close()
                return
            run.begin(handle, spec)
            while run.procedure.state in (ProcedureState.IDLE, ProcedureState.LOADING):
                await run.changed.wait()
            self._launcher.refill()

    async def _take_supervisor(self) -> Handle:
        while True:
            try:
                return await self._launcher.take()
            except ConnectionError as error:
                LOG.warning("No interpreter yet: %s", error)
                await asyncio.sleep(0.1)

    def _make_room(self, urgent: bool) -> int | None:
        """Returns which procedure has to end for it, if one has to."""
        victim = self.pool.make_room(urgent)
        if victim is None or victim.final:
            return None
        self.runs[victim.id].stop("evict", None, self.settings.stop_grace)
        return victim.id

    def _require_disk(self) -> None:
        try:
            free = shutil.disk_usage(self.settings.state_dir).free
        except OSError as error:
            raise Unavailable(f"the state directory cannot be used: {error.strerror}") from None
        if free < _RESERVE:
            raise DiskFull(
                f"only {free // 1024} KiB are free in the state directory; new work needs "
                f"{_RESERVE // 2**20} MiB"
            )

    # -- start -------------------------------------------------------------------------------------

    async def _start(self, request: Envelope) -> None:
        command = StartProcedure.from_dict(request.payload["cmd"])
        if self.closing:
            raise Unavailable("the server is shutting down; no new work is taken")
        await self._require_known(command.pid)
        self.drain.require_none()
        self.pool.reserve(command.pid)
        run = self.runs[command.pid]
        main = main_of(run.directory, run.procedure.main).overridden_by(command.main)
        # The reply is the event of the start itself, which carries this request's id.
        run.start(main, request.request_id, request.user, self.operator.context())
        while run.procedure.state is ProcedureState.READY:
            await run.changed.wait()
        if not any(state is ProcedureState.RUNNING for state, _ in run.procedure.process_states):
            raise Conflict(f"Cannot start procedure {command.pid}: it ended before it could be started")

    async def _require_known(self, pid: int) -> None:
        if self.pool.find(pid) is None and (document := await self._answers.archived(pid)) is not None:
            raise Conflict(f"Procedure {pid} is {document['state']} and no longer listed")

    # -- stop --------------------------------------------------------------------------------------

    async def _stop(self, request: Envelope) -> None:
        command = StopProcedure.from_dict(request.payload["cmd"])
        pid = command.pid
        await self._require_known(pid)
        procedure = self.pool.get(pid)
        run = self.runs.get(pid)
        stopped_meanwhile = (
            procedure.state is ProcedureState.STOPPED and procedure.process_states[-1][1] >= request.time
        )
        if procedure.final and not stopped_meanwhile:
            raise Conflict(f"Cannot stop procedure {pid}: it is already {procedure.state}")
        if run is not None:
            self._abort.require_meant(run, command.stop_abort)
        if command.abort:
            self._abort.claim(pid)
        if run is not None:
            run.stop("stop", request.user, self.settings.stop_grace, command.abort)
            await run.gone()
            metrics.STOP.observe(max(0.0, time.time() - request.time))
        if procedure.state is not ProcedureState.STOPPED:
            self._abort.disclaim(pid)
            raise Conflict(f"Procedure {pid} ended by itself before it could be stopped: {procedure.state}")
        result = {
            "id": pid,
            "abort_message": f"Successfully stopped script with ID {pid}",
            "abort_procedure": None,
            "survivors": len(run.survivors) if run is not None else 0,
            "survivor_processes": run.survivors if run is not None else [],
        }
        if command.abort:
            self._require_waiting(request)
            result |= await self._abort.after_stop(pid, request.user)
        self.desk.reply(request, "procedure.stop.answered", {"result": result})

    async def _abort_by_hand(self, request: Envelope) -> None:
        if self.closing:
            raise Unavailable("the server is shutting down; no new work is taken")
        self._abort.by_hand(request, AbortSubarray.from_dict(request.payload["cmd"]).main)

    def _require_waiting(self, request: Envelope) -> None:
        """Begin nothing that was answered as cancelled: nobody would expect it any more."""
        if request.expires is not None and time.time() > request.expires:
            self._abort.disclaim(request.payload["cmd"]["pid"])
            raise TimedOut("the script was stopped too late for its abort, which was cancelled")

    def _finished(self, run: Run) -> None:
        procedure = run.procedure
        del self.runs[procedure.id]
        assert procedure.outcome is not None
        self.operator.ended(procedure.id)
        metrics.SURVIVORS.add(by=len(run.survivors))
        LOG.info("Procedure %s is %s (%s)", procedure.id, procedure.state, procedure.outcome.reason)
        self._abort.consider(run)

    # -- the end -----------------------------------------------------------------------------------

    async def close(self) -> None:
        """Take no new work, stop every live procedure, and wait until the journal knows."""
        self.closing = True
        runs = list(self.runs.values())
        for run in runs:
            run.stop("shutdown", None, self.settings.stop_grace)
        await asyncio.gather(*(run.gone() for run in runs))
        until = time.monotonic() + _FAREWELL
        while self.bus.unacknowledged and time.monotonic() < until:
            if self.bus.connected:
                until = time.monotonic() + _FAREWELL
            await asyncio.sleep(0.01)

"""Preparing procedures: from an accepted request to a run whose supervisor loads the script."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ..bus.client import BusClient
from ..domain.activity import GIVEN
from ..domain.errors import DiskFull, Refusal, Unavailable
from ..domain.pool import Pool
from ..domain.procedure import Procedure
from ..domain.scripts import GitScript
from ..domain.states import ProcedureState
from ..files.ballast import NEW_FILES, NEW_WORK, Ballast, free
from ..kernel.isolation import Isolation
from ..runs.directory import RunDirectory
from ..settings import Settings
from ..telemetry.logs import tagged
from .isolation_policy import isolation_of
from .launcher import Launcher
from .records import Observe
from .run import Run
from .spec import NewProcedure, spec_of
from .supervisor_link import SupervisorLink

LOG = logging.getLogger(__name__)

_URGENT = 16  #: parts of the ballast that are lent to an abort
_FREE_SOME = "to see what can be removed: oet environment list"
_LAUNCH_TIMEOUT = 60.0  #: seconds in which an interpreter must be had for a new procedure

#: Begins a background task, and keeps a reference to it.
Background = Callable[[Awaitable[Any]], asyncio.Future[Any]]


class Preparer:
    """Makes the live procedures of one service.

    :param runs: the live procedures, which it adds to
    :param on_final: called with each run that has ended
    :param observe: see :data:`.records.Observe`
    """

    def __init__(
        self,
        bus: BusClient,
        settings: Settings,
        pool: Pool,
        runs: dict[int, Run],
        background: Background,
        *,
        on_final: Callable[[Run], None],
        observe: Observe,
    ) -> None:
        self.closing = False  #: whether the server is shutting down
        self.launcher = Launcher(settings.warm_interpreters, settings.preload)
        self._bus = bus
        self._settings = settings
        self._ballast = Ballast(settings.state_dir)
        self._pool = pool
        self._runs = runs
        self._background = background
        self._on_final = on_final
        self._observe = observe

    def require_open(self) -> None:
        """Make sure that the server is not shutting down.

        :raises Unavailable: if it is
        """
        if self.closing:
            raise Unavailable("the server is shutting down; no new work is taken before it is back")

    def require_capacity(self) -> None:
        """Make sure that this server can take new work.

        :raises Refusal: if it is shutting down, or its disk is full
        """
        self.require_open()
        try:
            size, files = free(self._settings.state_dir)
        except OSError as error:
            raise Unavailable(f"the state directory cannot be used: {error.strerror}") from None
        if size < NEW_WORK:
            raise DiskFull(
                f"only {size // 1024} KiB are free in the state directory; new work needs "
                f"{NEW_WORK // 2**20} MiB; {_FREE_SOME}"
            )
        if files < NEW_FILES:
            raise DiskFull(
                f"only {files} inodes are free on the disk of the state directory; new work needs "
                f"{NEW_FILES}; {_FREE_SOME}"
            )

    def prepare(self, new: NewProcedure, user: str | None, request_id: str | None = None) -> Run:
        """Create a procedure, and have its script loaded.

        :raises Refusal: if no new work can be taken
        """
        if new.urgent:
            self.require_open()
            self._ballast.lend(_URGENT)
        else:
            self.require_capacity()
        pid = self._pool.next_id()
        directory = RunDirectory(os.path.join(self._settings.runs, str(pid)))
        isolation = self._isolation(new, directory)
        spec = spec_of(pid, new, directory.path, isolation, self._settings)
        # The directory comes first, so that no other procedure is ended for one that a full disk refuses.
        try:
            directory.create(spec, isolation)
        except OSError as error:
            raise DiskFull(f"the run directory cannot be written: {error.strerror}; {_FREE_SOME}") from None
        try:
            evicts = self._make_room(new.urgent)
        except Refusal:
            shutil.rmtree(directory.path, ignore_errors=True)
            raise
        procedure, created = Procedure.create(
            pid,
            new.script,
            new.init,
            time.time(),
            user,
            main=new.main,
            activity_id=new.activity_id,
            aborts=new.aborts,
            evicts=evicts,
            origin=new.origin,
        )
        idle = procedure.change(ProcedureState.IDLE, time.time())
        run = self.track(procedure, directory)
        run.aborting = new.aborting
        run.publish_first(created, idle, request_id=request_id, user=user)
        self._background(self._launch(run, spec))
        return run

    def track(self, procedure: Procedure, directory: RunDirectory, seen: int = 0) -> Run:
        """Keep a live procedure.

        :param seen: the number of its last record in the journal
        """
        run = Run(procedure, directory, self._bus, self._on_final, seen, self._observe)
        self._pool.add(procedure)
        self._runs[procedure.id] = run
        return run

    def _isolation(self, new: NewProcedure, directory: RunDirectory) -> Isolation:
        from_git = isinstance(new.script, GitScript)
        folder = None if from_git else os.path.dirname(os.path.realpath(new.path))
        # main() of an activity is handed its scheduling block, which lies outside the run directory.
        block = str(new.main.kwargs[GIVEN[0]]) if new.activity_id is not None else ""
        inside = os.path.dirname(os.path.dirname(block)) == self._settings.activities
        handed = [os.path.dirname(block)] if inside else []
        return isolation_of(self._settings, folder, directory.path, handed)

    def _make_room(self, urgent: bool) -> int | None:
        """Returns which procedure has to end for it, if one has to."""
        victim = self._pool.make_room(urgent)
        if victim is None or victim.final:
            return None
        self._runs[victim.id].stop("evict", None, self._settings)
        return victim.id

    async def _launch(self, run: Run, spec: dict[str, Any]) -> None:
        with tagged(procedure_id=run.procedure.id):
            try:
                link = await asyncio.wait_for(self._take_supervisor(), _LAUNCH_TIMEOUT)
                await run.recorded()  # before anything of it is alive
            except TimeoutError:
                run.give_up("no interpreter could be started for it; the server's log says why")
                return
            if run.done.is_set():  # stopped meanwhile
                link.close()
                return
            run.begin(link, spec)
            while run.procedure.state in (ProcedureState.IDLE, ProcedureState.LOADING):
                await run.changed.wait()
            self.launcher.refill()

    async def _take_supervisor(self) -> SupervisorLink:
        while True:
            try:
                return await self.launcher.take()
            except ConnectionError as error:
                LOG.warning("No interpreter could be started yet; will retry: %s", error)
                await asyncio.sleep(0.1)

"""The arbiter: starts, watches, restarts and stops the workers; does no other work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable

from ..bus import key, topics
from ..bus.client import BusClient
from ..files.fixed_file import FixedFile
from ..kernel import confidential, processes
from ..kernel.forking import fork
from ..settings import Settings
from ..settings.variables import VARIABLES
from ..telemetry.metrics.store import forget
from . import NAMES
from .child import Process, Worker, ended, unseal_secrets
from .common import ARBITER, CANNOT_GO_ON, CANNOT_START, RESTARTED, CannotStart, hold_lock, kept_running
from .heartbeat import HEARTBEAT, Heartbeat
from .listener import keep_loopback, listen
from .standin import StandIn

LOG = logging.getLogger(__name__)

_BACK_OFF = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)  #: seconds before a worker that keeps ending is restarted
_STEADY = 30.0  #: seconds after which a worker counts as steady again
_START = 60.0  #: seconds within which workers are usually ready
_ATTEMPTS = 3  #: number of SESWorkers that try to stop the scripts at the end
_TAKE_OVER = 10.0  #: seconds for one of them to take over the scripts
_SHORT = 5.0  #: seconds for the other workers to end


class Arbiter:
    """Keeps the workers of one subarray running.

    :param program: the command line of a worker, called with its arguments in a process of its own
    :raises CannotStart: if the state directory or the port is in use
    """

    def __init__(self, settings: Settings, program: Callable[[list[str]], object]) -> None:
        self._settings = settings
        self._program = program
        self._lock = hold_lock(settings, "server", patience=0.5)
        with contextlib.suppress(OSError):
            FixedFile(settings.drained).write(None)  # a drain ends with the server
        forget(settings.metrics)
        self._listener = listen(settings)
        self._kept = keep_loopback(self._listener)
        key.make()
        roles = (role for role in NAMES if role != "central" or settings.central_url)
        self._workers = {role: Worker(role) for role in roles}
        self._processes: dict[int, Process] = {}
        self._bus = BusClient("Arbiter", settings.bus_socket, ())
        self._ending = asyncio.Event()
        self._failure: str | None = None
        self.ready = False

    @property
    def port(self) -> int:
        """The port REST listens on."""
        return int(self._listener.getsockname()[1])

    async def run(self, announce: Callable[[], None]) -> int:
        """Run until SIGTERM or SIGINT.

        :param announce: called once every worker answers
        :returns: the exit status: 1 if scripts may still run
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        tasks = [asyncio.ensure_future(self._keep(worker)) for worker in self._workers.values()]
        stand_in = StandIn(self._listener, self._workers["rest"].serves)
        others = (self._bus.run(), stand_in.run())
        tasks += [asyncio.ensure_future(other) for other in others]
        announcing = asyncio.ensure_future(self._announce(announce))
        await self._ending.wait()
        announcing.cancel()
        orderly = await self._end()
        for task in tasks:
            task.cancel()
        if self._failure is not None:
            raise CannotStart(self._failure)
        return 0 if orderly else 1

    async def _announce(self, announce: Callable[[], None]) -> None:
        soon = time.monotonic() + _START
        while not await self._answers():
            # A server that was drained before it was ready may take hours.
            await asyncio.sleep(0.02 if time.monotonic() < soon else 1.0)
        self.ready = True
        announce()

    async def _answers(self) -> bool:
        """Whether /readyz reports that every worker answers."""
        host = self._listener.getsockname()[0]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        try:
            reader, writer = await asyncio.open_connection(host, self.port)
            try:
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return (await reader.readline()).startswith(b"HTTP/1.1 200")
            finally:
                writer.close()
        except OSError:
            return False

    def _reap(self) -> None:
        """Reap workers, and orphans, as process 1 of a container must."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if (process := self._processes.pop(ended[0], None)) is not None:
                    process.ended(ended[1])

    # -- one worker --------------------------------------------------------------------------------

    async def _keep(self, worker: Worker) -> None:
        name = NAMES[worker.role]
        topic = topics.WORKER_STARTED
        status: int | None
        if worker.role == "bus" and "central" in self._workers:
            await self._workers[
                "central"
            ].until_serving()  # the journal must be complete before it is written
        while not worker.ending:
            began = time.monotonic()
            try:
                status, how = await self._live(worker, name, topic)
            except OSError as error:  # no memory, or too many processes
                status, how = None, f"cannot be started: {error.strerror}"
            if worker.ending or (self._ending.is_set() and status == 0):
                return
            if status == CANNOT_GO_ON or (status == CANNOT_START and not self.ready):
                self._failure = self._failure or f"{name} cannot start"
                self._ending.set()
                return
            worker.failures = 0 if time.monotonic() - began > _STEADY else worker.failures + 1
            delay = _BACK_OFF[min(worker.failures, len(_BACK_OFF)) - 1] if worker.failures else 0.0
            LOG.error("%s %s; restarting it in %g s", name, how, delay)
            self._publish(topics.WORKER_LOST, name, detail=how)
            with contextlib.suppress(TimeoutError):  # the end of the server ends the wait
                await asyncio.wait_for(self._ending.wait(), delay)
            topic = topics.WORKER_RESTARTED

    async def _live(self, worker: Worker, name: str, topic: str) -> tuple[int, str]:
        """Run a worker once.

        :returns: its exit status, and a description of its end"""
        with contextlib.closing(Heartbeat(self._settings.watchdog)) as heartbeat:
            worker.heartbeat = heartbeat
            try:
                process = worker.process = self._fork(worker, heartbeat)
            finally:
                heartbeat.close_write_end()
            self._publish(topic, name)
            async with kept_running(self._watch(process, heartbeat, name)) as watching:
                status = await process.wait()
                worker.begun = worker.begun or heartbeat.begun.is_set()
                return status, "hung" if watching.done() else f"ended with status {status}"

    def _variables(self) -> dict[str, str]:
        fields = ("host", "port", "state_dir", "subarray_id")
        variables = {VARIABLES[field].name: str(getattr(self._settings, field)) for field in fields}
        return {**variables, VARIABLES["database_url"].name: self._settings.public_database_url}

    def _fork(self, worker: Worker, heartbeat: Heartbeat) -> Process:
        """Start a worker; it shares the memory of all that it and the arbiter have imported."""
        role, arbiter = worker.role, os.getpid()
        listener = self._listener.fileno()

        def work() -> None:
            processes.rename(f"oet-{role}")
            own = {HEARTBEAT: str(heartbeat.write_end), ARBITER: str(arbiter)}
            os.environ.update(self._variables() | own | ({RESTARTED: "yes"} if worker.begun else {}))
            unseal_secrets(role)
            self._program([role, *(("--listener", str(listener)) if role == "rest" else ())])

        keep = (heartbeat.write_end, *confidential.sealed(), *((listener,) if role == "rest" else ()))
        process = Process(fork(work, keep, f"oet-server {role}"))
        self._processes[process.pid] = process
        return process

    async def _watch(self, process: Process, heartbeat: Heartbeat, name: str) -> None:
        """Kill a worker without a heartbeat."""
        await heartbeat.lost()
        LOG.error("%s has no heartbeat; killing it", name)
        process.send(signal.SIGKILL)

    def _publish(self, topic: str, name: str, **fields: str) -> None:
        self._bus.send([self._bus.envelope(topic, {"worker": name, **fields})])

    # -- the end -----------------------------------------------------------------------------------

    async def _end(self) -> bool:
        """End scripts, REST, bus, central history, in this order; tell whether all scripts were stopped."""
        workers = self._workers
        stopped, _ = await asyncio.gather(
            self._stop_scripts(workers["ses"]), workers["activity"].stop(_SHORT)
        )
        for role in ("rest", "bus", "central"):
            if role in workers:
                await workers[role].stop(_SHORT)
        return stopped

    async def _stop_scripts(self, ses: Worker) -> bool:
        """End SESWorker, which stops every script first; if it crashes or hangs, its successor does."""
        patience = self._settings.stop_limit + 2 * _SHORT
        if not (ses.begun or (ses.heartbeat is not None and ses.heartbeat.begun.is_set())):
            await ses.stop(_SHORT)  # it has no scripts
            return True
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TAKE_OVER):
                    await ses.until_serving()
            process = ses.process
            if process is not None and await ended(process, patience) == 0:
                ses.ending = True
                return True
        LOG.error(
            "SESWorker could not stop the scripts; they continue to run: start the server again to stop them"
        )
        await ses.stop(_SHORT)
        return False

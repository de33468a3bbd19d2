"""The arbiter: starts, watches, restarts and stops the workers; does no other work."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from .. import confidential
from ..bus import key
from ..bus.client import BusClient
from ..execution.processes import unburied
from ..memo import Memo
from ..metrics.store import forget
from ..settings import Settings
from ..variables import VARIABLES
from . import NAMES
from .base import (
    ARBITER,
    CANNOT_GO_ON,
    CANNOT_START,
    RESTARTED,
    CannotStart,
    hold_lock,
    kept_running,
)
from .listener import listen
from .pulse import PULSE, Pulse
from .standin import StandIn

LOG = logging.getLogger(__name__)

_BACK_OFF = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)  #: seconds before a worker that keeps ending is restarted
_STEADY = 30.0  #: seconds after which a worker counts as steady again
_START = 60.0  #: seconds within which workers are usually there
_ATTEMPTS = 3  #: how many SESWorkers may try to stop the scripts at the end
_TAKE_OVER = 10.0  #: seconds one gets to take them over
_SHORT = 5.0  #: seconds the last workers get to end
_MOURNING = 1.0  #: seconds within which whoever waits for a child has noticed that it ended


@dataclasses.dataclass
class _Worker:
    role: str
    command: list[str]
    process: asyncio.subprocess.Process | None = None
    pulse: Pulse | None = None
    failures: int = 0
    begun: bool = False  #: whether any of its processes was ready for work
    ending: bool = False  #: whether it is not to be started again

    def serves(self) -> bool:
        """Whether a process of it is there, and ready for work."""
        alive = self.process is not None and self.process.returncode is None
        return alive and self.pulse is not None and self.pulse.begun.is_set()


class Arbiter:
    """Keeps the four workers of one subarray running.

    :raises CannotStart: where the state directory or the port is in use
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = hold_lock(settings, "server", patience=0.5)
        with contextlib.suppress(OSError):
            Memo(settings.drained).write(None)  # a drain is for one life of a server
        forget(settings.metrics)
        self._listener = listen(settings)
        key.make()
        self._workers = [self._make(role) for role in NAMES]
        self._bus = BusClient("Arbiter", settings.bus_socket, ())
        self._told = asyncio.Event()
        self._failure: str | None = None
        self.ready = False

    @property
    def port(self) -> int:
        """The port REST listens on."""
        return int(self._listener.getsockname()[1])

    def _make(self, role: str) -> _Worker:
        command = [sys.executable, "-m", "ska_oso_oet.server", role]
        if role == "rest":
            command += ["--listener", str(self._listener.fileno())]
        return _Worker(role, command)

    def _environment(self, role: str, restarted: bool) -> dict[str, str]:
        fields = ("host", "port", "state_dir", "subarray_id")
        given = {VARIABLES[field].name: str(getattr(self._settings, field)) for field in fields}
        again = {RESTARTED: "yes"} if restarted else {}
        return {**confidential.without(os.environ), **given, **again, ARBITER: str(os.getpid())}

    async def run(self, announce: Callable[[], None]) -> int:
        """Run until told to end; returns the exit status.

        It is 1 where scripts may have been left running.

        :param announce: called once every worker answers
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told.set)
        tasks = [asyncio.ensure_future(self._keep(worker)) for worker in self._workers]
        others = (self._bus.run(), self._bury(), StandIn(self._listener, self._workers[-1].serves).run())
        tasks += [asyncio.ensure_future(other) for other in others]
        announcing = asyncio.ensure_future(self._announce(announce))
        await self._told.wait()
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
            # One that is drained before it was ready may not be for hours.
            await asyncio.sleep(0.02 if time.monotonic() < soon else 1.0)
        self.ready = True
        announce()

    async def _answers(self) -> bool:
        """Whether readiness is reported over HTTP, which means that every worker answers."""
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

    async def _bury(self) -> None:
        """Wait for the orphans that are left to this process, as process 1 of a container is to do."""
        seen: set[int] = set()
        while True:
            await asyncio.sleep(_MOURNING)
            ended = unburied()
            for orphan in ended & seen:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(orphan, os.WNOHANG)
            seen = ended

    # -- one worker --------------------------------------------------------------------------------

    async def _keep(self, worker: _Worker) -> None:
        name = NAMES[worker.role]
        topic = "worker.started"
        status: int | None
        while not worker.ending:
            began = time.monotonic()
            try:
                status, how = await self._live(worker, name, topic)
            except OSError as error:  # no memory, or no process to be had
                status, how = None, f"cannot be started: {error.strerror}"
            if worker.ending or (self._told.is_set() and status == 0):
                return
            if status == CANNOT_GO_ON or (status == CANNOT_START and not self.ready):
                self._failure = self._failure or f"{name} cannot start"
                self._told.set()
                return
            worker.failures = 0 if time.monotonic() - began > _STEADY else worker.failures + 1
            delay = _BACK_OFF[min(worker.failures, len(_BACK_OFF)) - 1] if worker.failures else 0.0
            LOG.error("%s %s; restarting it in %g s", name, how, delay)
            self._tell("worker.lost", name, detail=how)
            with contextlib.suppress(TimeoutError):  # at the end there is no time to lose
                await asyncio.wait_for(self._told.wait(), delay)
            topic = "worker.restarted"

    async def _live(self, worker: _Worker, name: str, topic: str) -> tuple[int, str]:
        """One life of a worker; returns its exit status, and how it ended."""
        with contextlib.closing(Pulse(self._settings.watchdog)) as pulse:
            worker.pulse = pulse
            listener = [self._listener.fileno()] if worker.role == "rest" else []
            again = topic == "worker.restarted"
            secrets = confidential.handed_down(_secrets(worker.role))
            variables = {PULSE: str(pulse.mouth), confidential.GIVEN: str(secrets)}
            try:
                process = worker.process = await asyncio.create_subprocess_exec(
                    *worker.command,
                    env=self._environment(worker.role, restarted=again) | variables,
                    pass_fds=[*listener, pulse.mouth, secrets],
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,  # so that Ctrl-C in a terminal reaches the arbiter only
                )
            finally:
                pulse.given()
                os.close(secrets)
            self._tell(topic, name)
            async with kept_running(self._watch(process, pulse, name)) as watching:
                status = await process.wait()
                worker.begun = worker.begun or pulse.begun.is_set()
                return status, "hung" if watching.done() else f"ended with status {status}"

    async def _watch(self, process: asyncio.subprocess.Process, pulse: Pulse, name: str) -> None:
        """Kill a worker that hangs."""
        await pulse.lost()
        LOG.error("%s gives no sign of life; killing it", name)
        with contextlib.suppress(ProcessLookupError):
            process.kill()

    def _tell(self, topic: str, name: str, **fields: str) -> None:
        self._bus.send([self._bus.envelope(topic, {"worker": name, **fields})])

    # -- the end -----------------------------------------------------------------------------------

    async def _end(self) -> bool:
        """Scripts first, then the doors, then the journal; tell whether every script was stopped."""
        bus, ses, activity, rest = self._workers
        stopped, _ = await asyncio.gather(self._stop_scripts(ses), self._stop(activity, _SHORT))
        await self._stop(rest, _SHORT)
        await self._stop(bus, _SHORT)
        return stopped

    async def _stop_scripts(self, ses: _Worker) -> bool:
        """End SESWorker, which stops every script first; one that died or hangs has a successor that does."""
        patience = self._settings.stop_grace + 2 * _SHORT
        if not (ses.begun or (ses.pulse is not None and ses.pulse.begun.is_set())):
            await self._stop(ses, _SHORT)  # it has not taken over anything
            return True
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TAKE_OVER):
                    await self._until_begun(ses)
            process = ses.process
            if process is not None and await _ended(process, patience) == 0:
                ses.ending = True
                return True
        LOG.error(
            "SESWorker could not stop the scripts; those that run go on: start the server again to stop them"
        )
        await self._stop(ses, _SHORT)
        return False

    async def _until_begun(self, worker: _Worker) -> None:
        """Wait until a process of this worker is there, and can be told to end in order."""
        while worker.process is None or worker.process.returncode is not None or worker.pulse is None:
            await asyncio.sleep(0.01)
        await worker.pulse.begun.wait()

    async def _stop(self, worker: _Worker, patience: float) -> None:
        worker.ending = True
        if worker.process is not None and await _ended(worker.process, patience) is None:
            LOG.error("%s did not end; it was killed", NAMES[worker.role])


def _secrets(role: str) -> tuple[str, ...]:
    """The names of what a worker may know: the password of the central history is the bus's business only."""
    return (key.NAME, *confidential.COLLECTORS, *(confidential.DATABASE if role == "bus" else ()))


async def _ended(process: asyncio.subprocess.Process, patience: float) -> int | None:
    """End a process, which is killed when patience is over; its status, or none where that had to be done."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        return await asyncio.wait_for(process.wait(), patience)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return None

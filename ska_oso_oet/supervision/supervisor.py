"""The supervisor of one procedure: watches its process, records what happens, and kills.

Runs in a process of its own that outlives every worker. It takes orders from SESWorker over a Unix socket
(first the one it was started with, later any that connects to ``control`` in the run directory) and tells it
what it records; see :mod:`.protocol`. Standard library only.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
from typing import Any

from ..bus.wire import Frames
from ..engine.stopping import STOPPED_STATUS
from ..kernel import processes
from ..kernel.peers import supervisor_of
from ..runs.directory import RunDirectory
from ..runs.output import OutputLog
from ..runs.survivors import KILL_TIMEOUT, gone, leave_nobody
from ..telemetry import logs
from .exit_status import Reaper
from .messages import Messages
from .output_capture import OutputCapture
from .pace import PaceKeeper
from .phases import Phases
from .reporter import Reporter
from .runner_link import RunnerLink
from .service_port import ServicePort
from .stopper import Stopper
from .verdict import End, final_record, not_begun

LOG = logging.getLogger(__name__)


class Supervisor:
    """Watches one runner.

    :param service: the socket to SESWorker
    :param control: the socket to the runner
    :param pipes: the descriptors from which stdout and stderr of the script are read
    :param runner: process id of the runner
    """

    def __init__(
        self, service: socket.socket, control: socket.socket, pipes: dict[str, int], runner: int
    ) -> None:
        self._first_service = service
        self._pipes = pipes
        self._runner = runner
        self._link = RunnerLink(control, self._heard, functools.partial(self._stop, {"why": "deaf"}))
        self._port = ServicePort(self._ordered, self._service_gone)
        self._spec: dict[str, Any] | None = None  #: of a run that has begun
        self._failure: Exception | None = None  #: why it could not begin
        self._ended = asyncio.Event()
        self._report: dict[str, Any] | None = None
        self._closing: dict[str, Any] | None = None
        self._kernel_killed = processes.killed_by_kernel()

    # -- life --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until the run has ended."""
        self._reaper = Reaper(self._runner, on_exit=self._ended.set)
        self._link.listen()
        self._service = await self._port.connect(self._first_service)
        self._service.send({"op": "hello", "runner": self._runner, **(processes.identity(os.getpid()) or {})})
        await self._ended.wait()
        if self._spec is not None:
            await self._conclude(self._spec)
        elif self._failure is not None:
            self._service.send({"op": "records", "batch": [not_begun(self._failure)]})

    def _service_gone(self, frames: Frames) -> None:
        if self._spec is None:
            os._exit(0)  # kept warm for a service that is no more
        self._reporter.gone(frames)
        self._link.listen()
        if self._only_inspects:  # nobody will ask for it any more
            self._stopper.kill_everything()

    @property
    def _only_inspects(self) -> bool:
        return self._spec is not None and bool(self._spec.get("inspect"))

    def _ordered(self, frames: Frames, order: dict[str, Any]) -> None:
        match order["op"]:
            case "spec":
                self._begin(order)
            case _ if self._spec is None:
                pass  # it could not begin, and ends
            case "follow":
                self._phases.withdraw_all()
                self._reporter.follow(frames, order["after"])
                self._pace.tell()
                frames.send({"op": "followed"})
            case "ack":
                self._reporter.acknowledge(order["n"])
                self._link.listen()
            case "start" if self._stopper.intent is None:
                self._phases.start(order)
            case "withdraw":
                self._phases.withdraw(order["request_id"])
            case "pause" | "answer":
                self._pace.ordered(order, ending=self._stopper.intent is not None or self._report is not None)
            case "stop":
                self._stop(order)
            # An interpreter that is about to be replaced by the environment's would lose it.
            case "message" if self._phases.current != "environment":
                fields = {key: order[key] for key in ("topic", "payload", "n")}
                self._link.say({"hear": "message", **fields})

    def _begin(self, spec: dict[str, Any]) -> None:
        """Begin a run; a script that could not be supervised never begins."""
        logs.configure(**spec["supervisor_log"], worker="supervisor", procedure_id=spec["id"])
        self._spec = spec
        try:
            self._prepare(spec)
        except Exception as error:
            LOG.exception("A run could not begin")
            self._spec, self._failure = None, error
            os.kill(self._runner, signal.SIGKILL)
            return
        # The runner begins at once; what it says is not read before the rest of this is done.
        self._link.say({"hear": "spec", **spec})
        processes.rename(supervisor_of(spec["id"]))
        me = processes.identity(os.getpid()) or {}
        with contextlib.suppress(OSError):
            self._dir.write("process.json", {**me, "runner": self._runner, "mark": spec["mark"]})
        self._listening = asyncio.ensure_future(self._port.listen(self._dir))

    def _prepare(self, spec: dict[str, Any]) -> None:
        self._dir = RunDirectory(spec["run_dir"])
        self._reporter = Reporter(self._dir, self._service, quiet=self._only_inspects)
        self._phases = Phases(
            spec, self._dir, self._link, self._reporter, self._runner, overdue=self._stop_overdue
        )
        self._stopper = Stopper(spec, self._runner, self._ended, self._dir, self._link, self._reporter)
        self._pace = PaceKeeper(spec, self._link, self._reporter, self._phases)
        log = OutputLog(spec["run_dir"], spec["output_limit"])
        self._output = OutputCapture(self._pipes, log, self._reporter)
        self._messages = Messages(spec, self._link, self._output, self._reporter)

    # -- what the runner says ----------------------------------------------------------------------

    def _heard(self, said: list[dict[str, Any]], lines: int, size: int) -> bool:
        """Take in what the runner said; tell whether it must be held back."""
        if self._spec is None:
            return False
        if not self._ended.is_set():
            self._messages.count(lines, size)  # other sayings are few, unless they are forged
        if self._only_inspects:
            said = [one for one in said if one["say"] != "message"]
        self._messages.take_in(said, self._said)
        return self._reporter.behind

    def _said(self, said: dict[str, Any]) -> None:
        assert self._spec is not None
        match said["say"]:
            case "closing":
                self._closing = said
            case "heard":
                self._reporter.record({"kind": "heard", "message": said["n"]})
            case "inspected" if self._only_inspects:
                self._reporter.record({"kind": "inspected", "found": said["found"]})
                self._stopper.kill_everything()
            case "returned" | "failed" | "exited":
                if self._stopper.intent is None:
                    self._report = said
                    # Python's end of a program, and the script's threads, get their time.
                    self._phases.close()
                    asyncio.get_running_loop().call_later(self._spec["end_grace"], self._stopper.overstay)
                    if "unkept" in said:
                        self._output.note(f"OET: the result of main is not kept: {said['unkept']}\n")
            case "pace" | "paused" | "critical" | "uncritical" | "ask":
                self._pace.said(said)
            case _:
                self._phases.said(said)

    def _stop_overdue(self, limit: float) -> None:
        self._stop({"why": "timeout", "limit": limit})

    def _stop(self, order: dict[str, Any]) -> None:
        self._stopper.stop(order, self._messages, self._pace)

    # -- the end -----------------------------------------------------------------------------------

    async def _conclude(self, spec: dict[str, Any]) -> None:
        """Record how the run ended, once nothing of it is alive.

        The order matters: the exit status is read before anything else is reaped, the last messages are heard
        before the output is closed, and the state is decided when the survivors are known.
        """
        exit_code, number = self._reaper.exit_of_runner()
        if exit_code == STOPPED_STATUS and self._closing is not None and self._closing["stopped"]:
            exit_code, number = None, signal.SIGTERM  # it was stopped, and has cleaned up before it ended
        self._link.drain()
        on_kill = (
            functools.partial(self._reporter.stage, "kill") if self._stopper.intent is not None else None
        )
        # A script that could not be ended has had its time.
        patience = 0.0 if exit_code is number is None else KILL_TIMEOUT
        survivors = await leave_nobody(spec["mark"], root=os.getpid(), on_kill=on_kill, patience=patience)
        for survivor in survivors:
            if survivor["pid"] == self._runner:
                survivor["command"] = f"the script itself, {spec['script']['script_uri']}"
        if self._stopper.intent is not None:
            self._reporter.stage("verified" if not survivors else "survivors")
        self._output.drain()
        end = End(
            phase=self._phases.current,
            exit_code=exit_code,
            signal=number,
            intent=self._stopper.intent,
            report=self._report,
            closing=self._closing,
            killed=self._stopper.killed and exit_code is None,
            overstayed=spec["end_grace"] if self._stopper.overstayed else None,
            survivors=survivors,
            kernel_killed=number == signal.SIGKILL and processes.killed_by_kernel() > self._kernel_killed,
        )
        self._pace.end(stopped=self._stopper.intent is not None)
        final = {
            **final_record(end, self._messages.announced),
            **{"pace": self._pace.report, "sha256": self._phases.sha256},
        }
        self._reporter.record(final)
        with contextlib.suppress(OSError):
            self._dir.write("result.json", final)
        if survivors:
            while survivors:
                await gone([survivor["pid"] for survivor in survivors])
                survivors = await leave_nobody(spec["mark"], root=os.getpid())
            self._reporter.record({"kind": "gone"})
        await self._reporter.flush()

"""The supervisor of one procedure: watches its process, records what happens, and kills.

Runs in a process of its own that outlives every worker. It takes orders from SESWorker over a Unix socket
(first the one it was born with, later any that connects to ``control`` in the run directory) and tells it
what it records; see :mod:`.protocol`. Standard library only.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import signal
import socket
import time
from typing import Any

from ..bus.wire import Frames, reachable
from ..domain.states import ProcedureState
from ..peers import is_own, supervisor_of
from . import processes
from .isolation import Isolation
from .output import OutputLog
from .pace import Pace
from .reporter import Reporter
from .rundir import RunDirectory
from .runnerlink import RunnerLink
from .shelf import hold
from .stopping import STOPPED_STATUS
from .survivors import UNRULY, gone, kill, leave_nobody, reap
from .verdict import End, verdict

LOG = logging.getLogger(__name__)

_READ = 256 * 1024  #: bytes of output taken at once
_END_OF_TIME = 2.0**40  #: seconds since the epoch beyond which nothing happens
_SLOWED = (
    "OET: this script sends more than {:g} messages per second (OET_MESSAGE_RATE) all the time; from now on "
    "sending one waits until there is room\n"
)
_ANNOUNCEMENT = "user.script.announce"
_LONGEST = 500  #: characters of an announcement that are kept as the outcome of an abort
_LAST_READS = 16  #: times that output is taken at the end: a pipe holds less
_REAPING = 0.1  #: seconds after which children that have ended are taken leave of, many at once


class Supervisor:
    """Watches one runner.

    :param service: the socket to SESWorker
    :param control: the socket to the runner
    :param outputs: where stdout and stderr of the script can be read
    :param runner: process id of the runner
    """

    def __init__(
        self, service: socket.socket, control: socket.socket, outputs: dict[str, int], runner: int
    ) -> None:
        self._first_service = service
        self._outputs = outputs
        self._runner = runner
        self._link = RunnerLink(control, self._heard)
        self._service: Frames | None = None
        self._admitted: set[Frames] = set()
        self._job: dict[str, Any] | None = None
        self._ended = asyncio.Event()
        self._phase = "load"
        self._phase_limit: asyncio.TimerHandle | None = None
        self._intent: dict[str, Any] | None = None
        self._report: dict[str, Any] | None = None
        self._starting: dict[str, Any] | None = None
        self._closing: dict[str, Any] | None = None
        self._announced: str | None = None
        self._overstayed = False
        self._kill_recorded = False
        self._reaping = False
        self._slowed = False
        self._kernel_killed = processes.killed_by_kernel()

    # -- life --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until the run has ended."""
        loop = asyncio.get_running_loop()
        self._pidfd = os.pidfd_open(self._runner)
        loop.add_reader(self._pidfd, self._runner_ended)
        loop.add_signal_handler(signal.SIGCHLD, self._child_ended)
        self._link.listen()
        _, self._service = await loop.create_connection(self._connection, sock=self._first_service)
        self._service.send({"op": "hello", "runner": self._runner, **(processes.identity(os.getpid()) or {})})
        await self._ended.wait()
        if self._job is not None:
            await self._conclude()

    def _connection(self) -> Frames:
        return Frames(self._ordered, self._service_gone, made=self._came)

    def _came(self, frames: Frames) -> None:
        """Orders are taken from the service only: from no script, this one or another."""
        if self._service is None or is_own(frames.socket):
            self._admitted.add(frames)
        else:
            LOG.error("A process of a script was turned away from procedure %s", self._dir.path)
            frames.abort()

    def _service_gone(self, frames: Frames) -> None:
        self._admitted.discard(frames)
        if self._job is None:
            os._exit(0)  # kept warm for a service that is no more
        self._reporter.gone(frames)
        self._link.listen()

    def _ordered(self, frames: Frames, order: dict[str, Any]) -> None:
        if frames not in self._admitted:
            return
        match order["op"]:
            case "job":
                self._begin(order)
            case "follow":
                self._reporter.follow(frames, order["after"])
            case "ack":
                self._reporter.acknowledge(order["n"])
                self._link.listen()
            case "start":
                self._start(order)
            case "stop":
                self._stop(order)
            case "message" if self._phase != "environment":  # an interpreter that is replaced would lose it
                known = {key: order[key] for key in ("topic", "payload", "n")}
                self._link.say({"hear": "message", **known})

    # -- the phases of a run -----------------------------------------------------------------------

    def _begin(self, job: dict[str, Any]) -> None:
        self._job = job
        # The runner begins at once; what it says is not read before the rest of this is done.
        self._link.say({"hear": "job", **job})
        self._dir = RunDirectory(job["run_dir"])
        self._reporter = Reporter(self._dir, self._service)
        first = ("PREP_ENV", "environment") if "git" in job else ("LOADING", "load")
        self._reporter.record({"kind": "state", "state": first[0]})
        self._enter(first[1])
        self._output = OutputLog(job["run_dir"], job["output_limit"])
        self._pace = Pace(job["message_rate"])
        for stream, fd in self._outputs.items():
            os.set_blocking(fd, False)
            asyncio.get_running_loop().add_reader(fd, self._read_output, stream)
        processes.rename(supervisor_of(job["id"]))
        me = processes.identity(os.getpid()) or {}
        with contextlib.suppress(OSError):
            self._dir.write("process.json", {**me, "runner": self._runner, "mark": job["mark"]})
        self._listening = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._dir.socket)
        old = os.umask(0o177)
        try:
            address = reachable(self._dir.socket)
            await asyncio.get_running_loop().create_unix_server(self._connection, address)
        except OSError as error:
            LOG.warning("Procedure %s cannot be taken over: %s", self._dir.path, error)
        finally:
            os.umask(old)

    def _enter(self, phase: str) -> None:
        assert self._job is not None
        self._phase = phase
        if self._phase_limit is not None:
            self._phase_limit.cancel()
        limit = self._job["limits"].get(phase)
        loop = asyncio.get_running_loop()
        overdue = {"why": "timeout", "limit": limit}
        self._phase_limit = loop.call_later(limit, self._stop, overdue) if limit else None

    def _start(self, order: dict[str, Any]) -> None:
        if self._phase != "ready" or self._intent is not None or self._starting is not None:
            return
        self._starting = order
        self._link.say({"hear": "start", "main": order["main"], "context": order["context"]})

    def _stop(self, order: dict[str, Any]) -> None:
        if self._ended.is_set():
            return
        assert self._job is not None
        if self._intent is None:
            self._intent = order
            self._reporter.record({"kind": "stage", "stage": "intent"})
            with contextlib.suppress(OSError):
                self._dir.say_why(order["why"], Isolation.from_dict(self._job["isolation"]))
            self._terminate()
            self._pace.refill()
            self._link.hurry()  # it is raised once what is being said was heard
            self._reporter.record({"kind": "stage", "stage": "terminate"})
            asyncio.get_running_loop().call_later(self._job["grace"], self._kill)
            return
        self._intent["abort"] = self._intent.get("abort") or order.get("abort", False)
        if order["why"] == "stop":
            self._terminate()  # for what has swallowed the first; no clean-up is cut short by it

    def _terminate(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._runner, signal.SIGTERM)

    def _kill(self) -> None:
        if not self._ended.is_set():
            self._record_kill()
            self._kill_everything()
            asyncio.get_running_loop().call_later(UNRULY, self._ended.set)

    def _record_kill(self) -> None:
        if not self._kill_recorded:
            self._kill_recorded = True
            self._reporter.record({"kind": "stage", "stage": "kill"})

    @property
    def _mark(self) -> int:
        assert self._job is not None
        return int(self._job["mark"])

    def _kill_everything(self) -> None:
        # The runner may not wear its mark yet.
        with contextlib.suppress(ProcessLookupError):
            if not self._ended.is_set():
                os.kill(self._runner, signal.SIGKILL)
        kill(processes.of_run(self._mark, os.getpid()))

    # -- the end -----------------------------------------------------------------------------------

    def _runner_ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        self._ended.set()

    async def _conclude(self) -> None:
        assert self._job is not None
        exit_code, number = self._take_leave()
        self._link.drain()
        recording = self._record_kill if self._intent is not None else None
        # A script that could not be ended has had its time.
        patience = 0.0 if exit_code is number is None else UNRULY
        survivors = await leave_nobody(self._mark, root=os.getpid(), on_kill=recording, patience=patience)
        for survivor in survivors:
            if survivor["pid"] == self._runner:
                survivor["command"] = f"the script itself, {self._job['script']['script_uri']}"
        if self._intent is not None:
            self._reporter.record({"kind": "stage", "stage": "verified" if not survivors else "survivors"})
        for stream in list(self._outputs):
            for _ in range(_LAST_READS):  # survivors may go on writing
                if stream not in self._outputs or not self._read_output(stream):
                    break
        state, outcome, stacktrace = verdict(
            End(
                phase=self._phase,
                exit_code=exit_code,
                signal=number,
                intent=self._intent,
                report=self._report,
                closing=self._closing,
                overstayed=self._job["end_grace"] if self._overstayed else None,
                survivors=survivors,
                kernel_killed=number == signal.SIGKILL and processes.killed_by_kernel() > self._kernel_killed,
            )
        )
        if state is ProcedureState.COMPLETE and self._announced is not None:
            outcome = dataclasses.replace(outcome, detail=outcome.detail or self._announced)
        final = {
            "kind": "final",
            "state": state.value,
            "outcome": outcome.to_dict(),
            "stacktrace": stacktrace,
            "survivors": survivors,
            "abort": bool(self._intent and self._intent.get("abort")),
        }
        self._reporter.record(final)
        with contextlib.suppress(OSError):
            self._dir.write("result.json", final)
        if survivors:
            while survivors:
                await gone([survivor["pid"] for survivor in survivors])
                survivors = await leave_nobody(self._mark, root=os.getpid())
            self._reporter.record({"kind": "gone"})
        await self._reporter.say_goodbye()

    def _take_leave(self) -> tuple[int | None, int | None]:
        """The exit status of the runner, or the signal that ended it; neither where it cannot be ended."""
        pid, status = os.waitpid(self._runner, os.WNOHANG)
        if not pid:
            return None, None
        if os.WIFSIGNALED(status):
            return None, os.WTERMSIG(status)
        exit_code = os.WEXITSTATUS(status)
        if exit_code == STOPPED_STATUS and self._closing is not None and self._closing["stopped"]:
            return None, signal.SIGTERM
        return exit_code, None

    def _child_ended(self) -> None:
        if not self._reaping:
            self._reaping = True
            asyncio.get_running_loop().call_later(_REAPING, self._reap)

    def _reap(self) -> None:
        """Take leave of what the script has started and left to itself."""
        self._reaping = False
        reap(but=self._runner)

    # -- listening to the script -------------------------------------------------------------------

    def _heard(self, said: list[dict[str, Any]], lines: int, size: int) -> bool:
        """Take in what the runner said; tell whether it must be held back."""
        if self._job is not None and not self._ended.is_set():
            self._keep_pace(lines, size)  # what else is said is little, unless it is forged
        messages: list[dict[str, Any]] = []
        for one in said:
            if one["say"] == "message":
                messages.append(self._message(one))
                continue
            if messages:
                self._reporter.record(*messages)
                messages = []
            self._said(one)
        if messages:
            self._reporter.record(*messages)
        return self._job is not None and self._reporter.behind

    def _keep_pace(self, messages: int, size: int) -> None:
        """Have a script wait that sends more messages than it may, and tell it so, once."""
        assert self._job is not None
        seconds = self._pace.take(messages, size)
        if not seconds:
            return
        self._link.hold(seconds)
        if not self._slowed:
            self._slowed = True
            rate = self._job["message_rate"]
            now = time.time()
            self._reporter.record({"kind": "slowed", "rate": rate})
            self._reporter.output(self._output.note(_SLOWED.format(rate), now))

    def _message(self, said: dict[str, Any]) -> dict[str, Any]:
        """The record of a message, with a time of our own where that is no time."""
        at, topic, payload = said.get("time"), said["topic"], said["payload"]
        if not isinstance(at, (int, float)) or not 0 <= at < _END_OF_TIME:
            at = time.time()
        if topic == _ANNOUNCEMENT and self._job is not None and self._job.get("aborting"):
            text = payload.get("msg")
            # An abort says at its end where the subarray is, which is what everybody wants to know of it.
            self._announced = text[:_LONGEST] if isinstance(text, str) else self._announced
        return {"kind": "message", "time": at, "topic": topic, "payload": payload}

    def _said(self, said: dict[str, Any]) -> None:
        # Once its code is loaded a script can say whatever it likes, but not what happened before.
        match said["say"]:
            case "resolved" if self._phase == "environment":
                self._resolved(said["commit"], said["branch"])
            case "prepared" if self._phase == "environment":
                for entry in said["uses"]:
                    hold(str(entry))
                self._link.say({"hear": "held"})
                self._reporter.record(
                    {"kind": "state", "state": "IDLE"}, {"kind": "state", "state": "LOADING"}
                )
                self._enter("load")
            case "loaded" if self._phase == "load":
                self._reporter.record({"kind": "state", "state": "IDLE"})
                if "init" in said:
                    self._reporter.record({"kind": "state", "state": "INITIALISING", "init": said["init"]})
                    self._enter("init")
                else:
                    self._ready()
            case "initialised" if self._phase == "init":
                self._ready()
            case "calling" if self._phase == "ready" and self._starting is not None:
                self._started(said["main"])
            case "closing":
                self._closing = said
            case "heard":
                self._reporter.record({"kind": "heard", "message": said["n"]})
            case "returned" | "failed" | "exited":
                if self._intent is None:
                    self._report = said
                    self._linger()

    def _resolved(self, commit: str, branch: str | None) -> None:
        assert self._job is not None
        self._reporter.record({"kind": "resolved", "commit": commit, "branch": branch})
        spec = self._dir.read("spec.json")
        if spec is not None:
            spec["script"]["git_args"] |= {"resolved_commit": commit, "resolved_branch": branch}
            with contextlib.suppress(OSError):
                self._dir.write("spec.json", spec)

    def _ready(self) -> None:
        self._reporter.record({"kind": "ready", "pid": self._runner})
        self._enter("ready")

    def _started(self, main: dict[str, Any]) -> None:
        assert self._starting is not None
        known = {key: self._starting[key] for key in ("request_id", "user")}
        self._reporter.record({"kind": "started", "main": main, **known})
        self._enter("main")

    def _linger(self) -> None:
        """Python's end of a program, and the script's threads, get their time; then it is killed."""
        assert self._job is not None
        if self._phase_limit is not None:
            self._phase_limit.cancel()
        asyncio.get_running_loop().call_later(self._job["end_grace"], self._overstay)

    def _overstay(self) -> None:
        if not self._ended.is_set() and self._intent is None:
            self._overstayed = True
            self._kill_everything()
            asyncio.get_running_loop().call_later(UNRULY, self._ended.set)

    def _read_output(self, stream: str) -> bool:
        """Take some output; tell whether there was any."""
        fd = self._outputs[stream]
        try:
            data = os.read(fd, _READ)
        except BlockingIOError:
            return False
        if not data:
            asyncio.get_running_loop().remove_reader(fd)
            os.close(fd)
            del self._outputs[stream]
        piece = self._output.write(stream, data, time.time())
        if piece is not None:
            self._reporter.output(piece)
        return bool(data)

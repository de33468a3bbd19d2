"""The script's process: loads the file, calls ``init()`` and ``main()``, and says how that went.

Talks to its supervisor over one socket, a JSON document a line. It says ``resolved`` and ``prepared`` (of a
script from git), ``loaded``, ``initialised``, ``returned``, ``failed``, ``exited`` and ``message``; it hears
``job``, ``start`` and ``message``, which it answers with ``heard``. A script with an environment of its own
goes on under that environment's interpreter, in the same process (:func:`go_on`).

Standard library only (and pypubsub, where the environment has it), so that it runs under any script
environment's Python. Its process ends itself with ``os._exit``: what the script left behind, such as
threads, ends with it.
"""

from __future__ import annotations

import atexit
import collections
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType, ModuleType
from typing import Any, NoReturn

from . import processes, script
from .messages import Messages
from .surroundings import engine_descriptors, limit_memory, open_standard_streams, out_of_reach

_now = time.time  #: scripts put clocks of their own in its place
_STOPPED_STATUS = 128 + signal.SIGTERM


class ScriptStopped(SystemExit):  # noqa: N818  not an error: nobody should catch it as one
    """Raised once in the script's main thread when it is being stopped; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(_STOPPED_STATUS)
        self.reason = reason


class Runner:
    """Carries out one job.

    :param control: the socket shared with the supervisor
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._lines = control.makefile("rb")
        self._pid = os.getpid()
        self._saying = threading.Lock()
        self._saying_thread: int | None = None
        self._unsaid: collections.deque[bytes] = collections.deque()
        self._between_processes = -1  #: held by the process that is saying something
        self._main_is_saying = False
        self._stop_after_saying = False
        self._stopped = False
        self._run_dir = ""
        self._heard = 0  #: number of the last message from outside
        self._context: dict[str, Any] = {}  #: what the operator has decided; kept up to date
        self._messages = Messages(lambda topic, payload: self.say("message", topic=topic, payload=payload))

    # -- talking to the supervisor -----------------------------------------------------------------

    def say(self, what: str, **fields: Any) -> None:
        """Tell the supervisor something. A stop that arrives meanwhile is raised once it is said.

        May be called by any thread, by a signal handler or destructor in the middle of another call, and in
        children the script has forked.
        """
        self._unsaid.append(json.dumps({"say": what, "time": _now(), **fields}).encode() + b"\n")
        if self._saying_thread == threading.get_ident():
            return  # the call that was interrupted says this as well
        in_main = threading.current_thread() is threading.main_thread()
        self._main_is_saying = self._main_is_saying or in_main
        try:
            with self._saying:
                self._saying_thread = threading.get_ident()
                try:
                    self._say_all()
                finally:
                    self._saying_thread = None
        finally:
            if in_main:
                self._main_is_saying = False
        if in_main and self._stop_after_saying:
            self._stop_after_saying = False
            self._raise_stopped()

    def _say_all(self) -> None:
        while self._unsaid:
            fcntl.lockf(self._between_processes, fcntl.LOCK_EX)
            try:
                self._control.sendall(self._unsaid.popleft())
            finally:
                fcntl.lockf(self._between_processes, fcntl.LOCK_UN)

    def _forked(self) -> None:
        """In a child of the script: what another thread was saying is that thread's business."""
        self._saying = threading.Lock()
        self._saying_thread = None
        self._main_is_saying = self._stop_after_saying = False
        self._unsaid.clear()

    def _hear(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            os._exit(0)  # the supervisor is gone, or has no job
        heard: dict[str, Any] = json.loads(line)
        return heard

    def _terminate(self, _signal: int, frame: FrameType | None) -> None:
        if self._stopped:
            return
        self._stopped = True
        if self._main_is_saying:
            self._stop_after_saying = True
        elif not self._stopped_loop(frame):
            self._raise_stopped()

    @staticmethod
    def _stopped_loop(frame: FrameType | None) -> bool:
        """Have asyncio.run, if it runs here, cancel its main task, so that coroutines can clean up."""
        asyncio = sys.modules.get("asyncio")
        interrupt = signal.getsignal(signal.SIGINT)
        if asyncio is None or asyncio._get_running_loop() is None:  # noqa: SLF001
            return False
        of_asyncio = getattr(getattr(interrupt, "func", None), "__module__", "") == "asyncio.runners"
        if not callable(interrupt) or not of_asyncio:
            return False
        interrupt(signal.SIGINT, frame)
        return True

    def _raise_stopped(self) -> NoReturn:
        reason = "stop"
        with contextlib.suppress(OSError), open(os.path.join(self._run_dir, "intent")) as file:
            reason = file.read().strip() or reason
        raise ScriptStopped(reason)

    # -- the job -----------------------------------------------------------------------------------

    def run(self, job: dict[str, Any] | None = None) -> NoReturn:
        """Wait for a job, unless one is given, and carry it out; the process ends with it."""
        job = job or self._hear()
        status = 1
        try:
            self._settle(job)
            status = self._execute(job)
        except ScriptStopped:
            status = _STOPPED_STATUS
        except BaseException:  # noqa: BLE001  the last words of a process
            sys.excepthook(*sys.exc_info())
        self._end(status)

    def _settle(self, job: dict[str, Any]) -> None:
        self._run_dir = job["run_dir"]
        processes.wear(job["mark"])
        signal.signal(signal.SIGTERM, self._terminate)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.update(job["env"])
        os.chdir(os.path.join(self._run_dir, "work"))
        lock = os.open(os.path.join(self._run_dir, "saying"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._between_processes = out_of_reach(lock)
        os.register_at_fork(after_in_child=self._forked)

    def _furnish(self, job: dict[str, Any]) -> None:
        """Make the surroundings that the script expects."""
        if job.get("memory"):
            limit_memory(job["memory"])
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()  # a fork would repeat its siblings' numbers
        sys.modules["__main__"] = ModuleType("__main__")
        sys.argv = [job["path"]]
        self._messages.begin()

    def _execute(self, job: dict[str, Any]) -> int:
        """Load, initialise, wait, start. Returns the exit status."""
        phase = "load"
        try:
            if "git" in job:
                phase = "environment"
                self._get_script(job)
                phase = "load"
            self._furnish(job)
            module = script.load(job["path"])
            script.main_of(module)
            init = getattr(module, "init", None)
            self.say("loaded", init=callable(init))
            if callable(init):
                phase = "init"
                self._call(init, job["init"], job, {})
                self.say("initialised")
            start = self._wait_for_start()
            phase = "main"
            # Looked up only now: scripts rebind a global main inside init.
            self._call(script.main_of(module), start["main"], job, {"context": self._context})
            self._last_words("returned")
            return 0
        except ScriptStopped:
            raise
        except SystemExit as error:
            return self._exited(phase, error)
        except BaseException as error:  # noqa: BLE001  whatever a script raises is its outcome
            if os.getpid() != self._pid:
                raise  # a child of the script ends like any other process
            self._last_words("failed", phase=phase, **script.describe(error))
            return 1

    def _get_script(self, job: dict[str, Any]) -> None:
        from .preparation import prepare

        prepared = prepare(job, lambda commit: self.say("resolved", commit=commit))
        self.say("prepared", uses=prepared.uses)
        job["path"] = prepared.path
        if prepared.python is not None:
            self._become(prepared.python, prepared.path)

    def _become(self, python: str, path: str) -> NoReturn:
        """Go on as the interpreter of the script's own environment."""
        binaries = os.path.dirname(python)
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        environment["VIRTUAL_ENV"] = os.path.dirname(binaries)
        environment["PATH"] = f"{binaries}:{os.environ.get('PATH', os.defpath)}"
        for descriptor in engine_descriptors():
            os.set_inheritable(descriptor, True)
        bootstrap = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap.py")
        control = str(self._control.fileno())
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.execve(python, [python, bootstrap, control, self._run_dir, path], environment)

    def _last_words(self, what: str, **fields: Any) -> None:
        """Tell how it ended; a script that closed every descriptor tells by its exit status only."""
        if os.getpid() == self._pid:
            with contextlib.suppress(OSError):
                self.say(what, **fields)

    def _exited(self, phase: str, error: SystemExit) -> int:
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        detail = str(error.code) if isinstance(error.code, str) else None
        if detail:
            sys.stderr.write(f"{detail}\n")
        status &= 0xFF
        self._last_words("exited", phase=phase, status=status, detail=detail)
        return status

    @staticmethod
    def _call(function: Any, arguments: dict[str, Any], job: dict[str, Any], by_name: dict[str, Any]) -> None:
        takes = script.Taken(function, arguments["args"])
        kwargs = {k: v for k, v in arguments["kwargs"].items() if k not in job["dispensable"] or takes.any(k)}
        offered = {k: v for k, v in job["offered"].items() if takes.any(k)}
        named = {k: v for k, v in by_name.items() if takes.by_name(k)}
        function(*arguments["args"], **{**offered, **named, **kwargs})

    def _wait_for_start(self) -> dict[str, Any]:
        while True:
            heard = self._hear()
            if heard["hear"] == "start":
                self._context.update(heard["context"])
                threading.Thread(target=self._keep_hearing, name="oet", daemon=True).start()
                return heard
            self._inject(heard)

    def _end(self, status: int) -> NoReturn:
        with contextlib.suppress(BaseException):
            atexit._run_exitfuncs()  # noqa: SLF001  os._exit, below, would leave them out
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BaseException):
                stream.flush()
        if status == _STOPPED_STATUS and self._stopped:
            # End by the signal itself, so that whoever sent it can be told apart from an exit.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        os._exit(status)

    def _keep_hearing(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                self._inject(self._hear())

    def _inject(self, heard: dict[str, Any]) -> None:
        if heard["n"] <= self._heard:
            return  # said again by a service that could not know
        self._heard = heard["n"]
        topic, _, word = heard["topic"].rpartition(".")
        if topic == "operator.wait_for_qa_ready" and word in ("enable", "disable"):
            self._context["wait_for_qa_ready"] = word == "enable"
        self._messages.inject(heard["topic"], heard["payload"])
        self.say("heard", n=heard["n"])


def become_runner(control: socket.socket, stdout: int, stderr: int) -> NoReturn:
    """Turn a fresh child process of the supervisor into a runner."""
    processes.end_with_parent()
    processes.rename("oet-script")
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, wanted in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(fd, wanted)
        os.close(fd)
    open_standard_streams()
    Runner(socket.socket(fileno=out_of_reach(control.detach()))).run()


def go_on(control: int, run_dir: str, path: str) -> NoReturn:
    """Be the runner of a run that was prepared under another interpreter, in this same process."""
    for descriptor in engine_descriptors():
        os.set_inheritable(descriptor, False)
    processes.rename("oet-script")
    open_standard_streams()
    with open(os.path.join(run_dir, "spec.json")) as file:
        job = json.load(file)
    del job["git"]
    Runner(socket.socket(fileno=control)).run({**job, "run_dir": run_dir, "path": path})

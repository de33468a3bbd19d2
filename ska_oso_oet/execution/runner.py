"""The script's process: loads the file, calls ``init()`` and ``main()``, and says how that went.

Talks to its supervisor over one socket (:mod:`.channel`). It says ``resolved`` and ``prepared`` (of a script
from git), ``loaded`` (with the arguments of ``init``, if there is one), ``initialised``, ``calling`` (with
the arguments of ``main``), ``returned``, ``failed``, ``exited``, ``closing`` and ``message``; it hears
``job``, ``start`` and ``message``, which it answers with ``heard``. A script with an environment of its own
goes on under that environment's interpreter, in the same process (:func:`go_on`).

Standard library only (and pypubsub, where the environment has it), so that it runs under any script
environment's Python. Its end is that of a Python program: threads are joined, exit functions called, files
closed.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import sys
from types import ModuleType
from typing import Any, NoReturn

from . import calling, processes, script
from .channel import Channel
from .isolation import Isolation
from .messages import Messages
from .stopping import STOPPED_STATUS, ScriptStopped, Stop
from .surroundings import (
    close_locks,
    engine_descriptors,
    limit_memory,
    open_standard_streams,
    out_of_reach,
    return_standard_streams,
)


class Runner:
    """Carries out one job.

    :param control: descriptor of the socket shared with the supervisor
    """

    def __init__(self, control: int) -> None:
        self._pid = os.getpid()
        self._stop = Stop()
        open_standard_streams(self._stop)
        self._channel = Channel(control, self._stop)
        self._say = self._channel.say
        self._heard = 0  #: number of the last message from outside
        self._context: dict[str, Any] = {}  #: what the operator has decided; kept up to date
        self._messages = Messages(lambda topic, payload: self._say("message", topic=topic, payload=payload))

    def run(self, job: dict[str, Any] | None = None) -> int:
        """Wait for a job, unless one is given, and carry it out; returns the exit status of this process."""
        job = job or self._channel.hear()
        status = 1
        try:
            self._settle(job)
            status = self._execute(job)
        except ScriptStopped:
            status = STOPPED_STATUS
        except BaseException:
            if os.getpid() != self._pid:
                raise  # a child of the script ends like any other process
            sys.excepthook(*sys.exc_info())
        self._stop.script_ended()
        return status

    def _settle(self, job: dict[str, Any]) -> None:
        run_dir, isolation = job["run_dir"], Isolation.from_dict(job["isolation"])
        processes.wear(job["mark"])
        atexit.register(self._close)  # the first, so that it is called last
        self._stop.listen(os.path.join(run_dir, "intent"), job["grace"])
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.update(job["env"])
        os.chdir(os.path.join(run_dir, "work"))
        lock = os.open(os.path.join(run_dir, "saying"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if isolation.account is not None:
            os.fchown(lock, *isolation.account)
        self._channel.share(out_of_reach(lock))

    def _furnish(self, job: dict[str, Any]) -> None:
        """Make the surroundings that the script expects."""
        os.umask(job["umask"])
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
                self._get_script(job, job["run_dir"])
                phase = "load"
            else:
                self._isolate(job, Isolation.from_dict(job["isolation"]))
            self._furnish(job)
            module = script.load(job["path"])
            init = getattr(module, "init", None)
            if callable(init):
                calling.require_callable(init, "init")
                arguments = self._arguments_of_init(init, job)
                self._say("loaded", init=arguments)
                phase = "init"
                calling.call(init, "init", arguments)
            # Scripts make their main, or another one, in init; and may still do so until it is started.
            calling.require_callable(script.main_of(module), "main")
            self._say("initialised" if callable(init) else "loaded")
            start = self._wait_for_start()
            main = script.main_of(module)
            calling.require_callable(main, "main")
            arguments = self._arguments_of_main(main, start["main"], job)
            self._say("calling", main=arguments)
            phase = "main"
            calling.call(main, "main", arguments)
            self._last_words("returned")
            return 0
        except ScriptStopped:
            raise
        except SystemExit as error:
            return self._exited(phase, error)
        except BaseException as error:
            if os.getpid() != self._pid:
                raise
            self._last_words("failed", phase=phase, **script.describe(error))
            if sys.excepthook is not sys.__excepthook__:
                sys.excepthook(type(error), error, script.own_frames(error))  # one of the script
            return 1

    # -- a script from git -------------------------------------------------------------------------

    def _get_script(self, job: dict[str, Any], run_dir: str) -> None:
        from .preparation import prepare

        isolation = Isolation.from_dict(job["isolation"])
        prepared = prepare(
            job, isolation, lambda commit, branch: self._say("resolved", commit=commit, branch=branch)
        )
        self._say("prepared", uses=prepared.uses)
        while self._channel.hear()["hear"] != "held":
            pass
        close_locks(self._channel.descriptors)
        job["path"] = prepared.path
        self._isolate(job, isolation.with_paths(reads=prepared.uses))
        if prepared.python is not None:
            self._become(prepared.python, job)

    def _isolate(self, job: dict[str, Any], isolation: Isolation) -> None:
        """From here on this process may do what the script may."""
        os.environ.update(isolation.surroundings(job["run_dir"]))
        if "tempfile" in sys.modules:
            setattr(sys.modules["tempfile"], "tempdir", None)  # noqa: B010  found anew
        isolation.enter()
        job["isolation"] = Isolation().to_dict()
        job.pop("git", None)

    def _become(self, python: str, job: dict[str, Any]) -> NoReturn:
        """Go on as the interpreter of the script's own environment."""
        binaries = os.path.dirname(python)
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        environment["VIRTUAL_ENV"] = os.path.dirname(binaries)
        environment["PATH"] = f"{binaries}:{os.environ.get('PATH', os.defpath)}"
        for descriptor in engine_descriptors():
            os.set_inheritable(descriptor, True)
        bootstrap = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap.py")
        told = out_of_reach(os.memfd_create("job"))
        os.write(told, json.dumps(job).encode())
        os.set_inheritable(told, True)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.execve(python, [python, bootstrap, str(self._channel.descriptor), str(told)], environment)

    # -- calling the script ------------------------------------------------------------------------

    @staticmethod
    def _arguments_of_init(init: Any, job: dict[str, Any]) -> dict[str, Any]:
        # The command line adds the subarray's id to every init, also to those that do not want it.
        usual = ["subarray_id"] if job["init"]["kwargs"].get("subarray_id") == job["subarray_id"] else []
        return calling.arguments_of(
            init, job["init"], named=job["offered"], welcome={}, dispensable=[*job["dispensable"], *usual]
        )

    def _arguments_of_main(self, main: Any, asked: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
        context = {"context": self._context}
        return calling.arguments_of(
            main, asked, named=job["offered"], welcome=context, dispensable=job["dispensable"]
        )

    def _wait_for_start(self) -> dict[str, Any]:
        while True:
            heard = self._channel.hear()
            if heard["hear"] == "start":
                self._context.update(heard["context"])
                self._channel.keep_hearing(self._inject)
                return heard
            self._inject(heard)

    def _inject(self, heard: dict[str, Any]) -> None:
        if heard["n"] <= self._heard:
            return  # said again by a service that could not know
        self._heard = heard["n"]
        topic, _, word = heard["topic"].rpartition(".")
        if topic == "operator.wait_for_qa_ready" and word in ("enable", "disable"):
            self._context["wait_for_qa_ready"] = word == "enable"
        self._messages.inject(heard["topic"], heard["payload"])
        self._say("heard", n=heard["n"])

    # -- the end -----------------------------------------------------------------------------------

    def _last_words(self, what: str, **fields: Any) -> None:
        """Tell how it ended; a script that closed every descriptor tells by its exit status only."""
        if os.getpid() == self._pid:
            with contextlib.suppress(OSError):
                self._say(what, **fields)

    def _exited(self, phase: str, error: SystemExit) -> int:
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        detail = None if error.code is None or isinstance(error.code, int) else script.shown(error.code)
        if detail is not None:
            sys.stderr.write(f"{detail}\n")
        status &= 0xFF
        self._last_words("exited", phase=phase, status=status, detail=detail)
        return status

    def _close(self) -> None:
        """The script's threads and exit functions are through; what follows is Python's own end."""
        if os.getpid() == self._pid:
            self._stop.close()
        return_standard_streams()
        self._last_words("closing", stopped=self._stop.asked)


def become_runner(control: socket.socket, stdout: int, stderr: int) -> int:
    """Turn a fresh child process of the supervisor into a runner; returns its exit status."""
    processes.end_with_parent()
    processes.rename("oet-script")
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, wanted in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(fd, wanted)
        os.close(fd)
    return Runner(out_of_reach(control.detach())).run()


def go_on(control: int, told: int) -> int:
    """Be the runner of a run that was prepared under another interpreter, in this same process.

    :param told: descriptor of the job
    """
    job = json.loads(os.pread(told, os.fstat(told).st_size, 0))
    os.close(told)
    for descriptor in engine_descriptors():
        os.set_inheritable(descriptor, False)
    processes.rename("oet-script")
    return Runner(control).run(job)

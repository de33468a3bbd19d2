"""The script's process: loads the file, calls ``init()`` and ``main()``, and says how that went.

Talks to its supervisor over one socket (:mod:`.channel`). It says ``resolved`` and ``prepared`` (of a script
from git), ``loaded`` (with the hash of its file, and the arguments of ``init`` if there is one),
``initialised``, ``unsuited`` (why ``main`` cannot be called like that), ``calling`` (with the arguments of
``main``), ``returned``, ``failed``, ``exited``, ``closing`` and ``message``, and of a script that is only
looked at ``inspected``; it hears ``spec``, ``start``, ``call`` or ``withdrawn`` (the answers to ``calling``)
and ``message``, which it answers with ``heard``. What belongs to its pace is in :mod:`.pacing`. A script with
an environment of its own goes on under that environment's interpreter, in the same process (:mod:`.reexec`).

Standard library only (and pypubsub, if the environment has it), so that it runs under any script
environment's Python. Its end is that of a Python program: threads are joined, files are closed.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..kernel import processes
from ..kernel.isolation import Isolation
from . import calling, misfit, script, script_log, teardown
from .channel import Channel
from .inspection import tell_and_end
from .pacing import Pacing
from .process_setup import (
    close_locks,
    enter,
    limit_memory,
    open_standard_streams,
    out_of_reach,
    return_standard_streams,
)
from .reexec import reexec
from .result import told
from .script_pubsub import Messages
from .stopping import STOPPED_STATUS, ScriptStopped, Stop


class Runner:
    """Runs one script.

    :param control: descriptor of the socket shared with the supervisor
    :param prepare: gets a script from git, and its environment; none if that is done
    """

    def __init__(self, control: int, prepare: Callable[..., Any] | None = None) -> None:
        self._prepare = prepare
        self._pid = os.getpid()
        self._stop = Stop()
        open_standard_streams(self._stop)
        self._channel = Channel(control, self._stop)
        self._say = self._channel.say
        self._heard = 0  #: number of the last message from outside
        self._context: dict[str, Any] = {}  #: the operator's decisions; kept up to date
        self._pacing = Pacing(self._say, self._stop)
        self._messages = Messages(lambda topic, payload: self._say("message", topic=topic, payload=payload))

    def run(self, spec: dict[str, Any] | None = None) -> int:
        """Run the script of a spec, or of the next one that is sent; returns this process's exit status."""
        spec = spec or self._channel.hear()
        try:
            self._set_up_process(spec)
            status = self._execute(spec)
        except ScriptStopped:
            status = STOPPED_STATUS
        except BaseException:
            if os.getpid() != self._pid:
                raise  # a child of the script ends like any other process
            sys.excepthook(*sys.exc_info())
            status = 1
        self._stop.script_ended()
        return status

    def _set_up_process(self, spec: dict[str, Any]) -> None:
        run_dir, isolation = spec["run_dir"], Isolation.from_dict(spec["isolation"])
        processes.apply_mark(spec["mark"])
        atexit.register(self._close)  # the first, so that it is called last
        self._stop.listen(os.path.join(run_dir, "intent"), spec["grace"])
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.update(spec["env"])
        os.chdir(os.path.join(run_dir, "work"))
        lock = os.open(os.path.join(run_dir, "saying"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if isolation.account is not None:
            os.fchown(lock, *isolation.account)
        self._channel.share(out_of_reach(lock))

    def _set_up_interpreter(self, spec: dict[str, Any]) -> None:
        """Make the interpreter one that has just been started, as the script expects."""
        os.umask(spec["umask"])
        if spec.get("memory"):
            limit_memory(spec["memory"])
        script_log.begin(spec["log_level"])
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()  # a fork would repeat its siblings' numbers
        teardown.begin()
        sys.modules["__main__"] = ModuleType("__main__")
        sys.argv = [spec["path"]]

    def _execute(self, spec: dict[str, Any]) -> int:
        """Load, initialise, wait, start. Returns the exit status."""
        phase = "environment" if "git" in spec else "load"
        try:
            if "git" in spec:
                self._get_script(spec)
            else:
                self._isolate(spec, Isolation.from_dict(spec["isolation"]))
            phase = "load"
            self._set_up_interpreter(spec)
            if spec.get("inspect"):
                tell_and_end(self._say, spec)
            self._messages.begin()
            self._pacing.offer(spec["critical_limit"], spec["simulated"])
            known = script.known_of(spec)
            module = script.load(spec["path"])
            if hasattr(module, "ESTIMATE"):
                self._pacing.estimate(module.ESTIMATE)
            init = getattr(module, "init", None)
            if callable(init):
                calling.require_callable(init, "init")
                arguments = calling.arguments_of_init(init, spec)
                misfit.require_suited(init, arguments, "init")
                self._say("loaded", init=arguments, **known)
                phase = "init"
                calling.call(init, "init", arguments)
            # Scripts make their main, or another one, in init; and may still do so until it is started.
            main = script.main_of(module)
            calling.require_callable(main, "main")
            misfit.require_no_mistake(main, calling.arguments_of_main(main, spec["main"], spec, {}), "main")
            self._say("initialised" if callable(init) else "loaded", **known)
            main, arguments = self._wait_for_start(module, spec)
            phase = "main"
            with self._pacing.during_main():
                result = calling.call(main, "main", arguments)
            self._report("returned", **told(result))
            return 0
        except ScriptStopped:
            raise
        except SystemExit as error:
            return self._exited(phase, error)
        except BaseException as error:
            if os.getpid() != self._pid:
                raise
            self._report("failed", phase=phase, **script.describe(error))
            if sys.excepthook is not sys.__excepthook__:
                sys.excepthook(type(error), error, script.own_frames(error))  # one of the script
            return 1

    # -- a script from git -------------------------------------------------------------------------

    def _get_script(self, spec: dict[str, Any]) -> None:
        assert self._prepare is not None
        isolation = Isolation.from_dict(spec["isolation"])
        prepared = self._prepare(
            spec, isolation, lambda commit, branch: self._say("resolved", commit=commit, branch=branch)
        )
        self._say("prepared", uses=prepared.uses)
        while self._channel.hear()["hear"] != "held":
            pass
        close_locks(self._channel.descriptors)
        spec["path"], spec["uses"] = prepared.path, prepared.uses
        self._isolate(spec, isolation.with_paths(reads=prepared.uses))
        if prepared.to_make:
            tell_and_end(self._say, spec, load=False)
        if prepared.python is not None:
            reexec(prepared.python, spec, self._channel.descriptor)

    def _isolate(self, spec: dict[str, Any], isolation: Isolation) -> None:
        """From here on this process has the rights of the script."""
        enter(isolation, spec["run_dir"])
        spec["isolation"] = Isolation().to_dict()
        spec.pop("git", None)

    # -- calling the script ------------------------------------------------------------------------

    def _wait_for_start(self, module: ModuleType, spec: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Wait for a start with arguments that ``main``, as it is bound then, can be called with."""
        while True:
            order = self._channel.hear()
            if order["hear"] != "start":
                self._inject(order)
                continue
            self._context.update(order["context"])
            main = script.main_of(module)
            calling.require_callable(main, "main")
            arguments = calling.arguments_of_main(main, order["main"], spec, self._context)
            why = misfit.misfit(main, arguments) if order["strict"] else None
            if why is not None:
                self._say("unsuited", why=misfit.explained(why, main, "main"))
            elif self._may_call(arguments):
                self._channel.keep_hearing(self._hear)
                return main, arguments

    def _may_call(self, arguments: dict[str, Any]) -> bool:
        """Ask whether the start still holds: it is withdrawn if this process was too slow."""
        self._say("calling", main=arguments)
        while (answer := self._channel.hear())["hear"] == "message":
            self._inject(answer)
        return bool(answer["hear"] == "call")

    def _hear(self, order: dict[str, Any]) -> None:
        """Take in what is said while ``main`` runs."""
        if order["hear"] == "message":
            self._inject(order)
        else:
            self._pacing.hear(order)

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

    def _report(self, what: str, **fields: Any) -> None:
        """Tell how it ended; a script that closed every descriptor tells by its exit status only."""
        if os.getpid() == self._pid:
            with contextlib.suppress(OSError):
                self._say(what, **fields)

    def _exited(self, phase: str, error: SystemExit) -> int:
        status, detail = script.exit_of(error)
        if detail is not None:
            sys.stderr.write(f"{detail}\n")
        self._report("exited", phase=phase, status=status, detail=detail)
        return status

    def _close(self) -> None:
        """The script's threads and exit functions have ended; Python's own end follows."""
        if os.getpid() == self._pid:
            self._stop.close()
        return_standard_streams()
        self._report("closing", stopped=self._stop.asked)
        teardown.spare()

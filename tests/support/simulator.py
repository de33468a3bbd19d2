"""A simulated telescope for the tests: its own process, real Tango devices, no Tango database."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import tango

from ska_oso_oet.telescope.block import Block, Surroundings
from ska_oso_oet.telescope.states import ObsState, ResultCode

from .blocks import sample

COMMAND = str(Path(sys.executable).with_name("oet-simulator"))

ASSIGN = {
    "mid": {"subarray_id": 1, "dish": {"receptor_ids": ["SKA001", "SKA036"]}},
    "low": {"subarray_id": 1, "mccs": {"subarray_beams": [{"subarray_beam_id": 1}]}},
}
CONFIGURE = {"tmc": {"scan_duration": 0.05}}
LONG = 60.0  #: seconds; no test waits for it

S = ObsState


def commanding(proxy: tango.DeviceProxy, command: str, *argument: Any) -> tuple[ResultCode, str]:
    """Send a command, with its argument as JSON; returns the code and the id or message."""
    [code], [text] = proxy.command_inout(command, *map(json.dumps, argument))
    return ResultCode(code), text


class Watch:
    """The change events of devices, in the order they came; what was there at the start is left out."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.seen: list[tuple[str, Any]] = []  #: (attribute, value)

    def hear(self, attribute: str, event: tango.EventData) -> None:
        if not event.err:
            with self._changed:
                self.seen.append((attribute, event.attr_value.value))
                self._changed.notify_all()

    def begin(self, what: Sequence[tuple[tango.DeviceProxy, str]], timeout: float = 10) -> None:
        """Wait until it hears of all this, and forget what it has heard up to then.

        A subscription takes a moment to reach the device after ``subscribe_event`` has returned; an event
        pushed in that moment is lost.
        """
        deadline = time.monotonic() + timeout
        while True:
            with self._changed:
                self.seen.clear()
            for proxy in {proxy.name(): proxy for proxy, _attribute in what}.values():
                proxy.command_inout("SayAgain")
            with self._changed:
                if self._changed.wait_for(lambda: len(self.seen) == len(what), 1):
                    self.seen.clear()
                    return
            assert time.monotonic() < deadline, f"these are not heard of: {what}; only {self.seen}"

    def until(self, true: Callable[[Watch], object], timeout: float = 10) -> None:
        """Wait until what was seen makes this true."""
        with self._changed:
            assert self._changed.wait_for(lambda: true(self), timeout), self.seen

    def obs_states(self) -> list[str]:
        """The names of the observing states seen."""
        return [S(value).name for attribute, value in self.seen if attribute == "obsState"]

    def results(self) -> dict[str, list[Any]]:
        """How commands ended, by id, in order."""
        return {
            value[0]: json.loads(value[1])
            for attribute, value in self.seen
            if attribute == "longRunningCommandResult" and value[0]
        }

    def result(self, command_id: str, timeout: float = 10) -> list[Any]:
        """How a command ended, waiting for it if need be."""
        self.until(lambda watch: command_id in watch.results(), timeout)
        return self.results()[command_id]


class Simulator:
    """One `oet-simulator`, started from its console script with these options.

    :param strict: as strict as the newest telescope; else commands need only what they cannot do without
    """

    def __init__(self, *options: str, strict: bool = False, **environ: str) -> None:
        self.strict = strict
        lenient = () if strict else ("--interfaces", "any", "--base-classes", "0.20")
        self._options = (*lenient, *options)
        self._environ = environ
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed by close
        self._proxies: dict[str, tango.DeviceProxy] = {}
        self.environment: dict[str, str] = {}  #: what it exports
        self.exported = ""  #: the lines that do so
        self.process: subprocess.Popen[str] | None = None
        self.telescope = "low" if "low" in options else "mid"

    # -- life --------------------------------------------------------------------------------------

    def start(self) -> Simulator:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(
            [COMMAND, *self._options],
            env={**os.environ, **self._environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line == "ready\n":
                return self
            self.exported += line
            export, assignment = shlex.split(line)
            assert export == "export", line
            name, _, value = assignment.partition("=")
            self.environment[name] = value
        raise AssertionError(f"it ended with {self.process.wait(10)}:\n{self.log()}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal; returns its exit status."""
        assert self.process is not None
        self._proxies.clear()
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        """End it at once, as a power failure does."""
        self.stop(signal.SIGKILL)

    def wait(self, timeout: float = 10) -> int:
        """Wait until it has ended by itself; returns its exit status."""
        assert self.process is not None
        status = self.process.wait(timeout)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def log(self) -> str:
        """What it has written to standard error."""
        self._log.seek(0)
        return self._log.read()

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process is not None:
            self.kill()
        self._log.close()

    # -- its devices -------------------------------------------------------------------------------

    def trl(self, variable: str, number: int | None = None) -> str:
        """The address of a device, from a variable it exports and, if it is a prefix, a number."""
        prefix, mark, fragment = self.environment[variable].partition("#")
        if number is None:
            return f"{prefix}{mark}{fragment}"
        digits = 1 if "tm_subarray_node" in prefix else 2
        return f"{prefix}/{number:0{digits}}{mark}{fragment}"

    def proxy(self, trl: str) -> tango.DeviceProxy:
        """A proxy, always the same for an address."""
        if trl not in self._proxies:
            self._proxies[trl] = tango.DeviceProxy(trl)
        return self._proxies[trl]

    def subarray_node(self, number: int) -> tango.DeviceProxy:
        return self.proxy(self.trl("SUBARRAYNODE_TRL_PREFIX", number))

    @property
    def subarray(self) -> tango.DeviceProxy:
        """Subarray 1."""
        return self.subarray_node(1)

    @property
    def central(self) -> tango.DeviceProxy:
        return self.proxy(self.trl("CENTRALNODE_TRL"))

    @property
    def quality(self) -> tango.DeviceProxy:
        """The quality monitor of subarray 1."""
        return self.proxy(self.trl("QUALITYMONITOR_TRL_PREFIX", 1))

    @contextlib.contextmanager
    def watching(self, *what: tuple[tango.DeviceProxy, str]) -> Iterator[Watch]:
        """Hear change events for a block, of these attributes, or else of what tells how commands go."""
        what = what or (
            (self.subarray, "obsState"),
            (self.subarray, "longRunningCommandResult"),
            (self.central, "longRunningCommandResult"),
        )
        watch = Watch()
        ids = []
        for proxy, attribute in what:
            hear = (lambda name: lambda event: watch.hear(name, event))(attribute)
            ids.append((proxy, proxy.subscribe_event(attribute, tango.EventType.CHANGE_EVENT, hear)))
        try:
            watch.begin(what)
            yield watch
        finally:
            for proxy, subscription in ids:
                proxy.unsubscribe_event(subscription)

    # -- what a test sets and asks -----------------------------------------------------------------

    def delays(self, number: int = 1, **seconds: float) -> None:
        """Set how long commands take: ``delays(Configure=2)``."""
        self.subarray_node(number).command_inout("SetDelays", json.dumps(seconds))

    def inject(self, command: str, kind: str, *, number: int = 1, **more: Any) -> None:
        """Spoil the next calls of a command: ``inject("Configure", "fail", times=2, message="…")``."""
        fault = {"command": command, "kind": kind, **more}
        self.subarray_node(number).command_inout("InjectFault", json.dumps(fault))

    def reset(self) -> None:
        """Be as after the start."""
        for name in self._names("SUBARRAYNODE_TRL_PREFIX"):
            self.proxy(name).command_inout("SimulatorReset")

    def _names(self, variable: str) -> list[str]:
        words = list(self._options)
        count = int(words[words.index("--subarrays") + 1]) if "--subarrays" in words else 1
        return [self.trl(variable, number) for number in range(1, count + 1)]

    def history(self, number: int = 1) -> list[dict[str, Any]]:
        """The commands a subarray was sent, oldest first."""
        read = self.subarray_node(number).read_attribute("commandHistory").value
        return [json.loads(entry) for entry in read or ()]

    def commands(self, number: int = 1) -> list[str]:
        """The names of the commands a subarray was sent, oldest first."""
        return [entry["command"] for entry in self.history(number)]

    def obs_state(self, number: int = 1) -> ObsState:
        return S(self.subarray_node(number).read_attribute("obsState").value)

    def wait_obs_state(self, state: ObsState, timeout: float = 10) -> None:
        """Wait until subarray 1 is in this state; asks, so that it needs no subscription."""
        deadline = time.monotonic() + timeout
        while (found := self.obs_state()) is not state:
            assert time.monotonic() < deadline, f"{found.name}, not {state.name} within {timeout} s"
            time.sleep(0.005)

    def send(self, command: str, argument: Any = None) -> tuple[ResultCode, str]:
        """Send a command to whom it belongs, with a fitting argument unless another is given."""
        fitting = self.fitting(50)
        proxy = self.central if command in ("AssignResources", "ReleaseResources") else self.subarray
        words = (argument if argument is not None else fitting[command],) if command in fitting else ()
        return commanding(proxy, command, *words)

    def fitting(self, scan_duration: float) -> dict[str, Any]:
        """Arguments that commands accept.

        :param scan_duration: milliseconds
        """
        if not self.strict:
            return {
                "AssignResources": ASSIGN[self.telescope],
                "ReleaseResources": {"subarray_id": 1},
                "Configure": {"tmc": {"scan_duration": scan_duration / 1000}},
                "Scan": {"scan_id": 1},
            }
        document = sample(self.telescope, scan_duration=scan_duration)
        block = Block(document, Surroundings.of(self.environment))
        return {
            "AssignResources": block.assign(1),
            "ReleaseResources": block.release(1),
            "Configure": block.configure(block.scans[0]),
            "Scan": block.scan(block.new_scan_id(), 1),
        }

    def bring_to(self, state: ObsState, *, scan_duration: float = LONG) -> None:
        """Bring subarray 1 into any state but RESETTING, and keep it there; changes the delays."""
        self.reset()
        slow = {S.RESOURCING: "AssignResources", S.CONFIGURING: "Configure"}.get(state)
        slow = {S.ABORTING: "Abort", S.RESTARTING: "Restart"}.get(state, slow)
        times = dict.fromkeys(("AssignResources", "Configure", "Abort", "Restart"), 0.0)
        self.delays(**times | ({slow: LONG} if slow else {}))
        if state is S.FAULT:
            self.inject("Configure", "fault")
        for command in _WAYS[state]:
            argument = self.fitting(1000 * scan_duration)[command] if command == "Configure" else None
            code, text = self.send(command, argument)
            assert code is ResultCode.QUEUED, text
        assert self.obs_state() is state


_WAYS = {
    S.EMPTY: (),
    S.RESOURCING: ("AssignResources",),
    S.IDLE: ("AssignResources",),
    S.CONFIGURING: ("AssignResources", "Configure"),
    S.FAULT: ("AssignResources", "Configure"),
    S.READY: ("AssignResources", "Configure"),
    S.SCANNING: ("AssignResources", "Configure", "Scan"),
    S.ABORTING: ("AssignResources", "Abort"),
    S.ABORTED: ("AssignResources", "Abort"),
    S.RESTARTING: ("AssignResources", "Abort", "Restart"),
}

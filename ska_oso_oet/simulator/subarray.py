"""One subarray: its observing state, and the commands that change it. Knows no Tango."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from typing import Any

from ..telescope.states import ObsState, ResultCode
from .answers import COMPLETED, INTERRUPTED, Answer, CommandRaised, NotAllowed, Result, new_id
from .arguments import BadArgument, decoded, resources, scan_duration, scan_id, scan_types
from .commands import COMMANDS, Command
from .commands_taken import CommandsTaken
from .configuration import configured, require_configurable
from .delays import checked_delays
from .faults import Fault, Faults, Kind
from .history import History
from .listening import Listener, Nobody
from .operation import Operation, Report
from .quality import Quality
from .versions import Version

CRASHED = 70  #: exit status of a server that an injected fault has ended


class Subarray:
    """A subarray that takes commands from many threads and carries them out in its own time.

    One lock guards everything; only ``_enter`` changes the observing state. Changes are told in their order.
    """

    def __init__(self, name: str, version: Version, delays: Mapping[str, float], quality: Quality) -> None:
        self.name = name
        self._version = version
        self._quality = quality
        self._default_delays = delays
        self._lock = threading.RLock()
        self._listener: Listener = Nobody()
        self._history = History()
        self.taken = CommandsTaken()
        self._faults = Faults()
        self._operation: Operation | None = None
        self._obs_state = ObsState.EMPTY
        self._make_new()

    def _make_new(self) -> None:
        self._delays = dict(self._default_delays)
        self._faults.clear()
        self._history.clear()
        self.taken.clear()
        self.last_result = ("", "")
        self._clear()

    def _clear(self) -> None:
        self.assigned: list[str] = []
        self.configuration: Any = {}
        self._scan_types: set[str] = set()
        self.scan_id = 0

    def attach(self, listener: Listener) -> None:
        """Report changes to this listener from now on."""
        with self._lock:
            self._listener = listener

    @property
    def obs_state(self) -> ObsState:
        """The observing state."""
        return self._obs_state

    def history(self) -> list[str]:
        """Return the commands received, as JSON objects, oldest first."""
        with self._lock:
            return self._history.entries()

    def set_delays(self, delays: Mapping[str, Any]) -> None:
        """Set how long commands to come take.

        :raises ValueError: naming the fault
        """
        with self._lock:
            self._delays |= checked_delays(delays)

    def inject(self, fault: Fault) -> None:
        """Spoil commands to come."""
        with self._lock:
            self._faults.inject(fault)

    def reset(self) -> None:
        """Be as new: EMPTY, nothing going on, no faults, the delays of the beginning, no history."""
        self.close()
        with self._lock:
            self._make_new()
            self._quality.set(False)
            self._enter(ObsState.EMPTY)

    def close(self) -> None:
        """Drop running operations, without a report."""
        with self._lock:
            ended, self._operation = self._operation, None
        for operation in ended.with_held() if ended is not None else ():
            operation.join()  # without the lock, which its last step may be waiting for

    # -- commands ----------------------------------------------------------------------------------

    def execute(self, name: str, text: str | None = None, *also_tell: Report) -> Answer:
        """Take a command with its JSON argument, and carry it out unless it is refused.

        :param also_tell: who else is told how it ended
        :raises NotAllowed: not in this observing state
        :raises CommandRaised: an injected fault wants it
        """
        argument, operation = decoded(text), None
        with self._lock:
            at = self._obs_state
            try:
                operation = self._accepted(COMMANDS[name], argument, also_tell)
                answer = Answer(ResultCode.QUEUED, operation.id)
            except BadArgument as error:
                answer = Answer(ResultCode.REJECTED, str(error))
                self._history.record(name, argument, at, answer)
            except (NotAllowed, CommandRaised) as error:
                code = ResultCode.NOT_ALLOWED if isinstance(error, NotAllowed) else ResultCode.FAILED
                self._history.record(name, argument, at, Answer(code, str(error)))
                if code is ResultCode.FAILED or not self._version.queues_refusals:
                    raise
                # Queued, and refused when its turn comes: then the devices look at their state.
                answer = Answer(ResultCode.QUEUED, new_id(name))
                for report in (self._report, *map(self._afterwards, also_tell)):
                    report(answer.text, Result(code, str(error)))
            else:
                self._history.record(name, argument, at, answer)
            if operation is not None:
                self._begin(operation)
        self._listener.flush()
        return answer

    def _accepted(self, command: Command, argument: Any, also_tell: tuple[Report, ...]) -> Operation:
        doing = self._operation.command if self._operation else None
        command.require_allowed(self.name, self._obs_state, doing)
        self._version.check(command.name, argument)
        if command.name == "Configure" and self._version.strict:
            require_configurable(argument, self.configuration, self._scan_types)
        fault = self._faults.spoil(command.name)
        self._version.use(command.name, argument)
        return Operation(
            id=new_id(command.name),
            command=command,
            argument=argument,
            origin=self._obs_state,
            fault=fault,
            reports=(self._report, *map(self._afterwards, also_tell)),
        )

    def _begin(self, operation: Operation) -> None:
        command, before = operation.command, self._operation
        self._operation = operation
        self.taken.begin(operation.id, command.name)
        if before is not None:
            before.hold()
        if command.name == "Scan":
            self.scan_id = scan_id(operation.argument)
            self._quality.scan_started()
        self._enter(command.during or self._obs_state)
        if command.name == "Scan" and self._version.queues_refusals and operation.kind is None:
            operation.report(COMPLETED)  # a scan's command is done once it scans
            operation.reports = ()
        if command.name == "Abort":
            for interrupted in before.with_held() if before is not None else ():
                interrupted.report(INTERRUPTED)
        else:
            operation.held = before
        seconds = scan_duration(self.configuration) if command.delay is None else self._delays[command.name]
        operation.begin(seconds / 2 if operation.kind is Kind.CRASH else seconds, self._finish)

    def _finish(self, operation: Operation) -> None:
        with self._lock:
            if self._operation is not operation:
                return  # something was faster
            if operation.kind is Kind.CRASH:
                os._exit(CRASHED)
            self._operation = None
            if operation.fault and operation.kind in (Kind.FAIL, Kind.FAULT):
                self._failed(operation, Result(ResultCode.FAILED, operation.fault.message))
            else:
                self._succeeded(operation)

    def _failed(self, operation: Operation, result: Result) -> None:
        fault = operation.kind is Kind.FAULT
        self._enter(ObsState.FAULT if fault else operation.origin)
        if fault:
            operation.report_held(result)
        operation.report(result)
        if operation.held is not None and not fault:
            self._operation = operation.held
            operation.held.begin(operation.held.due - time.monotonic(), self._finish)

    def _succeeded(self, operation: Operation) -> None:
        command = operation.command
        if command.name == "AssignResources":
            new = resources(self._version.telescope, operation.argument)
            self.assigned = list(dict.fromkeys([*self.assigned, *new]))
            self._scan_types |= scan_types(operation.argument)
        elif command.name == "Configure":
            self.configuration = configured(operation.argument, self.configuration)
        if command.after is ObsState.EMPTY:
            self._clear()
        self._enter(command.after)
        if command.name == "Configure":
            self._quality.configured()
        operation.report_held(COMPLETED)
        operation.report(COMPLETED)

    def _enter(self, state: ObsState) -> None:
        if state is not self._obs_state:
            self._obs_state = state
            self._listener.publish("obsState", state)

    def _report(self, command_id: str, result: Result) -> None:
        self.taken.end(command_id, result)
        self.last_result = (command_id, result.to_json())
        self._listener.publish("longRunningCommandResult", self.last_result)

    def _afterwards(self, report: Report) -> Report:
        # A client that waits for another device's result must find this device in its final state.
        return lambda command_id, result: self._listener.afterwards(lambda: report(command_id, result))

"""A subarray of the telescope, commanded through its TMC devices.

Every command is subscribed for before it is sent, so that a change which is over before the command has been
answered is still seen. A command is finished when its result says so and the subarray has reached its goal.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from typing import Any

from .announce import send
from .connection import Connection, connect
from .errors import DeviceUnreachable, Overdue, TelescopeError, WrongState
from .execution_block import ExecutionBlock
from .heard import Heard
from .names import names_of, subarray_of
from .progress import Progress
from .states import AdminMode, ObsState

_RESULT = "longRunningCommandResult"
_POLL = 0.5  #: seconds without news after which the state is read
_ONLINE = (AdminMode.ONLINE, AdminMode.ENGINEERING)  #: modes in which a device observes

S = ObsState


class SubArray:
    """One subarray and the central node, for one thread.

    :param subarray_id: by default the subarray of the OET that runs this script
    :param silence: seconds a device that was there may not answer (it may be restarted) while a command runs
    :raises DeviceUnreachable: if the subarray's device is not there
    """

    def __init__(self, subarray_id: int | None = None, silence: float = 15.0) -> None:
        self._silence = silence
        self.id = subarray_of() if subarray_id is None else subarray_id
        names = names_of(self.id)
        self._central_name = names.central_node
        self._central: Connection | None = None
        self._heard = Heard()
        self._told: ObsState | None = None
        self._reports: dict[str, bool] = {}  #: by device, whether it tells the results of its commands
        self.execution_block: ExecutionBlock | None = None  #: keeps the commands, if there is one
        self._node = connect(names.subarray)
        self._node.subscribe("obsState", lambda value: self._heard.add("state", S(int(value))))
        self._hear_results(self._node)

    def _hear_results(self, device: Connection) -> None:
        self._reports[device.name] = device.has(_RESULT)
        if self._reports[device.name]:
            device.subscribe(_RESULT, lambda pair: self._heard.add("result", pair))

    def close(self) -> None:
        """Hear nothing of the telescope any more."""
        for device in (self._node, self._central):
            if device is not None:
                device.close()

    @property
    def obs_state(self) -> ObsState:
        """The present observing state.

        :raises DeviceUnreachable: if it does not answer
        """
        state = S(int(self._node.read("obsState")))
        self._tell(state)
        return state

    def _tell(self, state: ObsState) -> None:
        """Report the state to the OET, whose server asks no device."""
        if state is not self._told:
            self._told = state
            send("telescope.obs_state", subarray_id=self.id, obs_state=state.name)

    def require_on(self) -> None:
        """Make sure that the telescope observes; devices that cannot tell are believed to.

        :raises WrongState: if it is not ON, or the subarray not ONLINE
        """
        state = self._central_node().read_if_there("telescopeState")
        if state is not None and str(state) != "ON":
            raise WrongState(f"the telescope is {state}, not ON; nothing was commanded. Switch it on first")
        mode = self._node.read_if_there("adminMode")
        if mode is not None and int(mode) not in _ONLINE:
            name = AdminMode(int(mode)).name
            raise WrongState(
                f"subarray {self.id} is {name}, not ONLINE; nothing was commanded. Set its adminMode first"
            )

    # -- commands; each returns when it is done, or raises a TelescopeError -------------------------------

    def assign_resources(self, request: dict[str, Any], timeout: float = 120.0) -> None:
        """Give the subarray its resources: EMPTY or IDLE → IDLE."""
        self._perform(self._central_node(), "AssignResources", request, S.RESOURCING, S.IDLE, timeout)

    def release_resources(self, request: dict[str, Any], timeout: float = 120.0) -> None:
        """Take all resources away: IDLE → EMPTY."""
        self._perform(self._central_node(), "ReleaseResources", request, S.RESOURCING, S.EMPTY, timeout)

    def configure(self, request: dict[str, Any], timeout: float = 300.0) -> None:
        """Configure the resources for a scan: IDLE or READY → READY."""
        self._perform(self._node, "Configure", request, S.CONFIGURING, S.READY, timeout)

    def scan(self, request: dict[str, Any], timeout: float) -> None:
        """Scan until the scan ends by itself: READY → SCANNING → READY, whatever its result says meanwhile.

        :param timeout: seconds; the duration of the scan and something more
        """
        self._perform(self._node, "Scan", request, S.SCANNING, S.READY, timeout, through=True)

    def end_scan(self, timeout: float = 60.0) -> None:
        """End a scan early: SCANNING → READY."""
        self._perform(self._node, "EndScan", None, S.SCANNING, S.READY, timeout)

    def end(self, timeout: float = 60.0) -> None:
        """Forget the configuration: READY → IDLE."""
        self._perform(self._node, "End", None, S.READY, S.IDLE, timeout)

    def abort(self, timeout: float = 30.0) -> None:
        """Abandon the present activity: → ABORTED."""
        self._perform(self._node, "Abort", None, S.ABORTING, S.ABORTED, timeout)

    def restart(self, timeout: float = 60.0) -> None:
        """Give up the resources after an abort or a fault: ABORTED or FAULT → EMPTY."""
        self._perform(self._node, "Restart", None, S.RESTARTING, S.EMPTY, timeout)

    def wait_for(self, states: Collection[ObsState], timeout: float) -> ObsState:
        """Wait until the subarray is in one of these states.

        :param timeout: seconds
        :raises Overdue: if it is not there in time
        """
        deadline = time.monotonic() + timeout
        while (state := self.obs_state) not in states:
            if time.monotonic() > deadline:
                wanted = " or ".join(wanted.name for wanted in states)
                raise Overdue(f"subarray {self.id} is {state.name}, not {wanted}, after {timeout:g} s")
            self._heard.wait(self._heard.position, min(deadline, time.monotonic() + _POLL))
        return state

    # -- how a command is carried out ----------------------------------------------------------------------

    def _central_node(self) -> Connection:
        if self._central is None:
            self._central = connect(self._central_name)
            self._hear_results(self._central)
        return self._central

    def _perform(
        self,
        device: Connection,
        name: str,
        request: dict[str, Any] | None,
        passing: ObsState,
        goal: ObsState,
        timeout: float,
        through: bool = False,
    ) -> None:
        argument, sent, error = (
            None if request is None else json.dumps(request, allow_nan=False),
            time.time(),
            None,
        )
        try:
            self._carry_out(device, name, argument, passing, goal, timeout, through)
        except TelescopeError as failed:
            error = str(failed)
            raise
        except BaseException as interrupted:
            error = f"interrupted: {type(interrupted).__name__}"
            raise
        finally:
            if self.execution_block is not None:
                self.execution_block.command(device.name, name, argument, sent, error)

    def _carry_out(
        self,
        device: Connection,
        name: str,
        argument: str | None,
        passing: ObsState,
        goal: ObsState,
        timeout: float,
        through: bool,
    ) -> None:
        deadline = time.monotonic() + timeout
        before = self._heard.position
        began_at = self.obs_state
        command_id = device.command(name, argument)
        progress = Progress(self._heard, before, command_id, passing, goal, began_at, through)
        reported, answered = self._reports[device.name], time.monotonic()
        while True:
            position = self._heard.position
            self._tell(progress.state)
            progress.raise_failure(name, self.id, reported)
            if progress.finished(reported):
                return
            now = time.monotonic()
            if now > deadline:
                state = progress.state.name
                raise Overdue(f"{name}: subarray {self.id} is {state}, not {goal.name}, after {timeout:g} s")
            self._heard.wait(position, min(deadline, now + _POLL))
            if self._heard.position == position:
                answered = self._look(device, progress, answered)

    def _look(self, device: Connection, progress: Progress, answered: float) -> float:
        """Read state and result, in case an event was lost. Returns the time of the last successful read."""
        try:
            state = self.obs_state
            result = device.read(_RESULT) if self._reports[device.name] else None
        except DeviceUnreachable:
            if time.monotonic() - answered > self._silence:
                raise
            return answered
        if result is not None and progress.result is None:
            self._heard.add("result", result)
        if state is not progress.state:
            self._heard.add("state", state)
        return time.monotonic()

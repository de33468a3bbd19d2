"""How far a command has come: its result and the states of the subarray since it was sent."""

from __future__ import annotations

import json
import time

from .errors import CommandFailed, CommandRefused, WrongState
from .heard import Heard
from .states import ObsState, ResultCode

_UNSEEN = 5.0  #: seconds after the result, when a passing state that nobody told of is over
_LATE_RESULT = 2.0  #: seconds the result of a command may come after the state it leads to

_REFUSED = (ResultCode.REJECTED, ResultCode.NOT_ALLOWED)

#: States that no command of ours leads to, unless it says so.
_ASTRAY = frozenset({ObsState.FAULT, ObsState.ABORTING, ObsState.ABORTED, ObsState.RESTARTING})


class Progress:
    """How far one command has come, by the events since it was sent.

    :param through: whether its result may come before the passing state has ended, as that of a scan does
    """

    def __init__(
        self,
        heard: Heard,
        position: int,
        command_id: str,
        passing: ObsState,
        goal: ObsState,
        began_at: ObsState,
        through: bool = False,
    ) -> None:
        self._heard = heard
        self._position = position
        self._id = command_id
        self._passing = passing
        self._goal = goal
        self._began_at = began_at
        self._through = through
        self._resulted: float | None = None  #: when its result was noted
        self._there = (began_at, time.monotonic())  #: the last state noted, and when

    @property
    def _states(self) -> list[ObsState]:
        return self._heard.since(self._position, "state")

    @property
    def state(self) -> ObsState:
        """The last state heard of."""
        return (self._states or [self._began_at])[-1]

    @property
    def result(self) -> tuple[int, str] | None:
        """The result of the command, once it is there."""
        for pair in self._heard.since(self._position, "result"):
            if pair is not None and len(pair) == 2 and pair[0] == self._id:
                return _decoded(pair[1])
        return None

    def finished(self, reported: bool) -> bool:
        """Whether the command is done.

        :param reported: whether a result is to be expected at all
        """
        self._note()
        if self.state is not self._goal:
            return False
        states = self._states
        if self.result is not None:
            if self._resulted is None:
                self._resulted = time.monotonic()
            late = time.monotonic() - self._resulted > _UNSEEN
            return not self._through or self._passing in states or late
        if self._passing not in states and (self._goal is self._began_at or self._goal not in states):
            return False  # it has not begun yet
        return not reported or self._there_for(_LATE_RESULT)

    def astray(self, reported: bool) -> bool:
        """Whether the subarray is in a state this command never leads to, and no result says why."""
        if self.state not in _ASTRAY - {self._passing, self._goal, self._began_at}:
            return False
        return not reported or self._there_for(_LATE_RESULT)

    def raise_failure(self, name: str, subarray: int, reported: bool) -> None:
        """Tell that the command has failed, if it has.

        :param name: of the command
        :param reported: whether a result is to be expected at all
        :raises TelescopeError: with the reason
        """
        result = self.result
        if result is not None and result[0] != ResultCode.OK:
            code, message = result
            refused = code in _REFUSED
            what = "was refused by" if refused else "failed on"
            where = f"subarray {subarray}, which is {self.state.name}"
            error = CommandRefused if refused else CommandFailed
            raise error(f"{name} {what} {where}: {ResultCode(code).name}: {message}")
        if self.astray(reported):
            raise WrongState(f"{name}: subarray {subarray} went to {self.state.name}")

    def _note(self) -> None:
        if self._there[0] is not self.state:
            self._there = (self.state, time.monotonic())

    def _there_for(self, seconds: float) -> bool:
        """Whether it has been in the state it is in for so long, as far as was noted here."""
        self._note()
        return time.monotonic() - self._there[1] > seconds


def _decoded(text: str) -> tuple[int, str]:
    """A result is ``[code, message]`` in JSON; older devices send the bare code."""
    try:
        data = json.loads(text)
    except ValueError:
        return int(ResultCode.UNKNOWN), text
    if isinstance(data, list) and len(data) == 2:
        return int(data[0]), str(data[1])
    return (int(data), "") if isinstance(data, int) else (int(ResultCode.UNKNOWN), text)

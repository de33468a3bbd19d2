"""What the central node and the subarrays have in common: modes, power, and the commands they have taken."""

from __future__ import annotations

import enum
import json
from typing import Any

import tango
from tango.server import attribute, command

from ..telescope.states import AdminMode
from .base_device import Answered, TmcDevice, in_latin1
from .commands_taken import LONGEST, CommandsTaken


class HealthState(enum.IntEnum):
    """How well a device is."""

    OK = 0
    DEGRADED = 1
    FAILED = 2
    UNKNOWN = 3


class ObservingDevice(TmcDevice):
    """A device that takes commands for observations."""

    def init_device(self) -> None:
        """Begin, or begin anew."""
        super().init_device()
        self.admin_mode = AdminMode.ONLINE

    def taken(self) -> CommandsTaken:
        """Return the record of its commands."""
        raise NotImplementedError

    def told_by_lrc(self, values: list[dict[str, Any]]) -> list[str]:
        """Return commands as JSON, or raise as a device without these attributes does."""
        if not self.tmc.version.tells_by_lrc:
            tango.Except.throw_exception(
                "API_AttrNotFound", "these base classes have no such attribute", self.get_name()
            )
        return [in_latin1(json.dumps(value)) for value in values]

    @attribute(dtype=AdminMode)
    def adminMode(self) -> AdminMode:
        """Whether it may be used; may be written."""
        return self.admin_mode

    @adminMode.write  # type: ignore[no-redef]
    def adminMode(self, mode: int) -> None:
        """Set it."""
        self.admin_mode = AdminMode(mode)

    @attribute(dtype=HealthState)
    def healthState(self) -> HealthState:
        """Always OK."""
        return HealthState.OK

    @attribute(dtype=("str",), max_dim_x=LONGEST)
    def lrcQueue(self) -> list[str]:
        """Commands that wait: none, for each begins at once."""
        return self.told_by_lrc([])

    @attribute(dtype=("str",), max_dim_x=LONGEST)
    def lrcExecuting(self) -> list[str]:
        """Commands that are being carried out, as JSON objects."""
        return self.told_by_lrc(self.taken().executing())

    @attribute(dtype=("str",), max_dim_x=LONGEST)
    def lrcFinished(self) -> list[str]:
        """Commands that have ended, as JSON objects, oldest first."""
        return self.told_by_lrc(self.taken().finished())

    @attribute(dtype=("str",), max_dim_x=2 * LONGEST)
    def longRunningCommandStatus(self) -> list[str]:
        """Pairs of the id and the status of each command, oldest first."""
        pairs = [(told["uid"], told["status"]) for told in self.taken().all()]
        return [word for pair in pairs for word in pair]

    @attribute(dtype=("str",), max_dim_x=2 * LONGEST)
    def longRunningCommandProgress(self) -> list[str]:
        """Pairs of the id and the progress of each command: none tells it."""
        return []

    @attribute(dtype=("str",), max_dim_x=2 * LONGEST)
    def longRunningCommandInProgress(self) -> list[str]:
        """Names of the commands that are being carried out."""
        return [told["name"] for told in self.taken().executing()]

    @attribute(dtype=("str",), max_dim_x=2 * LONGEST)
    def longRunningCommandsInQueue(self) -> list[str]:
        """Names of the commands that wait or are being carried out."""
        return [told["name"] for told in self.taken().executing()]

    @command(dtype_out="DevVarLongStringArray")
    def On(self) -> Answered:
        """Switch it on."""
        return self.switched(tango.DevState.ON)

    @command(dtype_out="DevVarLongStringArray")
    def Off(self) -> Answered:
        """Switch it off."""
        return self.switched(tango.DevState.OFF)

    @command(dtype_out="DevVarLongStringArray")
    def Standby(self) -> Answered:
        """Put it on standby."""
        return self.switched(tango.DevState.STANDBY)

    def switched(self, state: tango.DevState) -> Answered:
        """Change the state at once."""
        self.set_state(state)
        return [[0], [f"{self.get_name()} is {state}"]]

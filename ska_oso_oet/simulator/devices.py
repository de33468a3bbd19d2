"""The Tango devices: each translates between Tango and a part of the simulated telescope."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import tango
from tango.server import attribute, command

from ..telescope.states import ObsState
from .arguments import decoded
from .base_device import Answered
from .commands_taken import CommandsTaken
from .faults import Fault
from .history import LONGEST
from .observing_device import ObservingDevice


class CentralNode(ObservingDevice):
    """Assigns resources to subarrays."""

    def init_device(self) -> None:
        """Begin, or begin anew."""
        self.central = self.tmc.central
        super().init_device()
        self.central.attach(self.publisher)
        self.telescope_state = tango.DevState.ON

    def taken(self) -> CommandsTaken:
        """Return the record of its commands."""
        return self.central.taken

    def present(self) -> dict[str, Any]:
        """Return the attributes that push change events, with their values."""
        return {
            "longRunningCommandResult": self.central.last_result,
            "telescopeState": getattr(self, "telescope_state", tango.DevState.ON),
        }

    @attribute(dtype=("str",), max_dim_x=2)
    def longRunningCommandResult(self) -> tuple[str, str]:
        """Id and result of the command that ended last."""
        return self.central.last_result

    @attribute(dtype=tango.DevState)
    def telescopeState(self) -> tango.DevState:
        """ON, OFF or STANDBY."""
        return self.telescope_state

    @attribute(dtype=bool)
    def isDishVccConfigSet(self) -> bool:
        """Whether dishes and correlator inputs are assigned to each other: always."""
        return True

    @command(dtype_in=str, dtype_out="DevVarLongStringArray")
    def LoadDishCfg(self, text: str) -> Answered:
        """Assign dishes and correlator inputs: nothing to do."""
        return [[0], ["the simulator needs no configuration of dishes"]]

    @command(dtype_out="DevVarLongStringArray")
    def TelescopeOn(self) -> Answered:
        """Switch the telescope on."""
        return self.telescope_switched(tango.DevState.ON)

    @command(dtype_out="DevVarLongStringArray")
    def TelescopeOff(self) -> Answered:
        """Switch the telescope off."""
        return self.telescope_switched(tango.DevState.OFF)

    @command(dtype_out="DevVarLongStringArray")
    def TelescopeStandby(self) -> Answered:
        """Put the telescope on standby."""
        return self.telescope_switched(tango.DevState.STANDBY)

    def telescope_switched(self, state: tango.DevState) -> Answered:
        """Change the state of the telescope at once."""
        self.telescope_state = state
        self.push_change_event("telescopeState", state)
        return [[0], [f"the telescope is {state}"]]

    @command(dtype_in=str, dtype_out="DevVarLongStringArray")
    def AssignResources(self, text: str) -> Answered:
        """Assign resources to the subarray that ``subarray_id`` names."""
        return self.answered(self.central.execute, "AssignResources", text)

    @command(dtype_in=str, dtype_out="DevVarLongStringArray")
    def ReleaseResources(self, text: str) -> Answered:
        """Release all resources of the subarray that ``subarray_id`` names."""
        return self.answered(self.central.execute, "ReleaseResources", text)


class SubarrayNode(ObservingDevice):
    """One subarray."""

    def init_device(self) -> None:
        """Begin, or begin anew."""
        self.subarray = self.tmc.subarrays[self.number()]
        super().init_device()
        self.subarray.attach(self.publisher)
        self.subarray.reset()

    def taken(self) -> CommandsTaken:
        """Return the record of its commands."""
        return self.subarray.taken

    def present(self) -> dict[str, Any]:
        """Return the attributes that push change events, with their values."""
        return {
            "obsState": self.subarray.obs_state,
            "longRunningCommandResult": self.subarray.last_result,
        }

    def delete_device(self) -> None:
        """End whatever is going on."""
        super().delete_device()
        self.subarray.close()

    @attribute(dtype=ObsState)
    def obsState(self) -> ObsState:
        """The observing state."""
        return self.subarray.obs_state

    @attribute(dtype=("str",), max_dim_x=2)
    def longRunningCommandResult(self) -> tuple[str, str]:
        """Id and result of the command that ended last."""
        return self.subarray.last_result

    @attribute(dtype=("str",), max_dim_x=LONGEST)
    def commandHistory(self) -> list[str]:
        """The last commands received, as JSON objects, oldest first."""
        return self.subarray.history()

    @attribute(dtype=("str",), max_dim_x=LONGEST)
    def assignedResources(self) -> list[str]:
        """The receptors assigned (Mid), or the resources of ``mccs`` (Low)."""
        return self.subarray.assigned

    @attribute(dtype="DevLong64")
    def scanID(self) -> int:
        """The number of the running or last scan; 0: none since the subarray was EMPTY."""
        return self.subarray.scan_id

    @attribute(dtype=str)
    def configuration(self) -> str:
        """The argument of the last Configure that succeeded; an empty object: none."""
        return json.dumps(self.subarray.configuration)

    @command(dtype_in=str, dtype_out="DevVarLongStringArray")
    def AssignResources(self, text: str) -> Answered:
        """Add resources."""
        return self.answered(self.subarray.execute, "AssignResources", text)

    @command(dtype_out="DevVarLongStringArray")
    def ReleaseAllResources(self) -> Answered:
        """Give up all resources."""
        return self.answered(self.subarray.execute, "ReleaseResources")

    @command(dtype_in=str, dtype_out="DevVarLongStringArray")
    def Configure(self, text: str) -> Answered:
        """Configure resources for scans."""
        return self.answered(self.subarray.execute, "Configure", text)

    @command(dtype_in=str, dtype_out="DevVarLongStringArray")
    def Scan(self, text: str) -> Answered:
        """Scan for the configured time."""
        return self.answered(self.subarray.execute, "Scan", text)

    @command(dtype_out="DevVarLongStringArray")
    def EndScan(self) -> Answered:
        """End the running scan early."""
        return self.answered(self.subarray.execute, "EndScan")

    @command(dtype_out="DevVarLongStringArray")
    def End(self) -> Answered:
        """Leave the configuration."""
        return self.answered(self.subarray.execute, "End")

    @command(dtype_out="DevVarLongStringArray")
    def Abort(self) -> Answered:
        """Abandon the running command."""
        return self.answered(self.subarray.execute, "Abort")

    @command(dtype_out="DevVarLongStringArray")
    def Restart(self) -> Answered:
        """Give up all resources after an abort or a fault."""
        return self.answered(self.subarray.execute, "Restart")

    @command(dtype_out="DevVarLongStringArray")
    def ObsReset(self) -> Answered:
        """Keep the resources after an abort or a fault, and be IDLE."""
        return self.answered(self.subarray.execute, "ObsReset")

    @command(dtype_in=str)
    def SetDelays(self, text: str) -> None:
        """Simulator only: set the seconds that commands take, by name."""
        self.told(self.subarray.set_delays, text)

    @command(dtype_in=str)
    def InjectFault(self, text: str) -> None:
        """Simulator only: spoil the next calls of a command."""
        self.told(lambda data: self.subarray.inject(Fault.from_dict(data)), text)

    @command
    def SimulatorReset(self) -> None:
        """Simulator only: be as new."""
        self.subarray.reset()
        self.publisher.flush()

    def told(self, take: Callable[[dict[str, Any]], None], text: str) -> None:
        """Pass an order of a test on; one that makes no sense raises an exception."""
        try:
            data = decoded(text)
            if not isinstance(data, dict):
                raise ValueError(f"this is not a JSON object: {json.dumps(data)[:80]}")
            take(data)
        except ValueError as error:
            self.throw("API_InvalidArgs", error)

"""The Tango devices: each translates between Tango and a part of the simulated telescope."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import tango
from tango.server import attribute, command

from ..telescope.states import ObsState
from .arguments import decoded
from .base_device import Answered, TmcDevice
from .faults import Fault
from .history import LONGEST


class CentralNode(TmcDevice):
    """Assigns resources to subarrays."""

    def init_device(self) -> None:
        """Begin, or begin anew."""
        self.central = self.tmc.central
        super().init_device()
        self.central.attach(self.publisher)

    def present(self) -> dict[str, Any]:
        """Return the attributes that push change events, with their values."""
        return {"longRunningCommandResult": self.central.last_result}

    @attribute(dtype=("str",), max_dim_x=2)
    def longRunningCommandResult(self) -> tuple[str, str]:
        """Id and result of the command that ended last."""
        return self.central.last_result

    @attribute(dtype=tango.DevState)
    def telescopeState(self) -> tango.DevState:
        """Always ON."""
        return tango.DevState.ON

    @command(dtype_in=str, dtype_out="DevVarLongStringArray")
    def AssignResources(self, text: str) -> Answered:
        """Assign resources to the subarray that ``subarray_id`` names."""
        return self.answered(self.central.execute, "AssignResources", text)

    @command(dtype_in=str, dtype_out="DevVarLongStringArray")
    def ReleaseResources(self, text: str) -> Answered:
        """Release all resources of the subarray that ``subarray_id`` names."""
        return self.answered(self.central.execute, "ReleaseResources", text)


class SubarrayNode(TmcDevice):
    """One subarray."""

    def init_device(self) -> None:
        """Begin, or begin anew."""
        self.subarray = self.tmc.subarrays[self.number()]
        super().init_device()
        self.subarray.attach(self.publisher)
        self.subarray.reset()

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


class QualityMonitor(TmcDevice):
    """Says whether the data of a subarray are good enough to observe."""

    def init_device(self) -> None:
        """Begin, or begin anew."""
        self.quality = self.tmc.quality[self.number()]
        super().init_device()
        self.quality.attach(self.publisher)

    def present(self) -> dict[str, Any]:
        """Return the attributes that push change events, with their values."""
        return {"qaReady": self.quality.ready}

    def delete_device(self) -> None:
        """End whatever is going on."""
        super().delete_device()
        self.quality.close()

    @attribute(dtype=bool)
    def qaReady(self) -> bool:
        """Whether the data are good enough."""
        return self.quality.ready

    @command
    def SetReady(self) -> None:
        """Say that they are."""
        self.quality.set(True)
        self.publisher.flush()

    @command
    def SetNotReady(self) -> None:
        """Say that they are not."""
        self.quality.set(False)
        self.publisher.flush()

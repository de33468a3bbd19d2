"""A telescope that is not there, for dry runs: devices that walk through the states, and command nothing.

Time passes by ``time.sleep``, which the OET lets return at once in a dry run. Scans take as long as their
configuration says; what other commands take is assumed.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from .errors import CommandRefused
from .states import ObsState

_RESULT = "longRunningCommandResult"
_MODULE = "_oet_pacing"  #: where the OET leaves its part

S = ObsState


@dataclasses.dataclass(frozen=True)
class _Change:
    """What a command does: from which states, through which one, to which one, in how many seconds."""

    allowed: frozenset[ObsState]
    passing: ObsState
    goal: ObsState
    seconds: float | None  #: none for a scan


_CHANGES = {
    "AssignResources": _Change(frozenset({S.EMPTY, S.IDLE}), S.RESOURCING, S.IDLE, 10.0),
    "ReleaseResources": _Change(frozenset({S.IDLE}), S.RESOURCING, S.EMPTY, 5.0),
    "Configure": _Change(frozenset({S.IDLE, S.READY}), S.CONFIGURING, S.READY, 30.0),
    "Scan": _Change(frozenset({S.READY}), S.SCANNING, S.READY, None),
    "EndScan": _Change(frozenset({S.SCANNING}), S.SCANNING, S.READY, 1.0),
    "End": _Change(frozenset({S.READY}), S.READY, S.IDLE, 1.0),
    "Abort": _Change(frozenset(S) - {S.EMPTY, S.ABORTED, S.FAULT}, S.ABORTING, S.ABORTED, 1.0),
    "Restart": _Change(frozenset({S.ABORTED, S.FAULT}), S.RESTARTING, S.EMPTY, 5.0),
}


def wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a dry run."""
    return environ.get("OET_SIMULATED") == "1"


class DryDevice:
    """A device that is not there; see :class:`.device.Device`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._heard: dict[str, list[Callable[[Any], None]]] = defaultdict(list)
        _devices.append(self)

    def read(self, attribute: str) -> Any:
        """The state of the subarray; whatever else is asked for is as it should be."""
        usual = {"obsState": _state_of(self._subarray({})), "telescopeState": "ON", "adminMode": 0}
        return usual.get(attribute, None if attribute == _RESULT else True)

    def read_if_there(self, attribute: str) -> Any:
        """The same."""
        return self.read(attribute)

    def has(self, attribute: str) -> bool:
        """Whether it has an attribute: all are there."""
        return True

    def command(self, name: str, argument: str | None = None) -> str:
        """Carry out a command at once, and return the id of its result.

        :raises CommandRefused: if it is none of a telescope, or the subarray's state does not allow it
        """
        request = json.loads(argument) if argument else {}
        subarray = self._subarray(request)
        change, state = _CHANGES.get(name), _state_of(subarray)
        if change is None or state not in change.allowed:
            raise CommandRefused(f"{name} was refused in a dry run: subarray {subarray} is {state.name}")
        if name == "Configure":
            _scan_durations[subarray] = float(request.get("tmc", {}).get("scan_duration", 0.0))
        seconds = _scan_durations[subarray] if change.seconds is None else change.seconds
        _note(self.name, name, seconds)
        identifier = f"dry-{next(_numbers)}"
        for reached in (change.passing, change.goal):
            _states[subarray] = reached
            _tell(subarray, reached)
            time.sleep(seconds if reached is change.passing else 0.0)
        for heard in self._heard[_RESULT]:
            heard((identifier, '[0, "not sent: this is a dry run"]'))
        return identifier

    def subscribe(self, attribute: str, heard: Callable[[Any], None]) -> None:
        """Hear every change of an attribute, beginning with its present value."""
        self._heard[attribute].append(heard)
        heard(self.read(attribute))

    def close(self) -> None:
        """Hear nothing any more."""
        self._heard.clear()

    def hear(self, attribute: str, value: Any) -> None:
        """Tell who listens."""
        for heard in self._heard[attribute]:
            heard(value)

    @property
    def number(self) -> int | None:
        """The subarray it is; none for a central node."""
        last = self.name.partition("#")[0].rpartition("/")[2]
        return int(last) if last.isdecimal() and int(last) > 0 else None

    def _subarray(self, request: dict[str, Any]) -> int:
        return int(request.get("subarray_id") or self.number or 1)


_devices: list[DryDevice] = []
_states: dict[int, ObsState] = {}
_scan_durations: defaultdict[int, float] = defaultdict(float)
_numbers = itertools.count(1)


def _state_of(subarray: int) -> ObsState:
    return _states.get(subarray, S.EMPTY)


def _tell(subarray: int, state: ObsState) -> None:
    for device in _devices:
        if device.number == subarray:
            device.hear("obsState", int(state))


def _note(device: str, command: str, seconds: float) -> None:
    """Have the OET list a command; under plain Python print it."""
    pacing = getattr(sys.modules.get(_MODULE), "pacing", None)
    if pacing is not None:
        pacing.dry_command(device, command, seconds)
    sys.stdout.write(f"dry run: {command} to {device}, for {seconds:g} s\n")

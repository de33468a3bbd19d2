"""Faults that a test injects into commands to come."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from .answers import CommandRaised
from .arguments import BadArgument
from .commands import COMMANDS


class Kind(str, enum.Enum):
    """How an injected fault shows."""

    REJECT = "reject"  #: the command is answered REJECTED
    RAISE = "raise"  #: the command raises an exception
    FAIL = "fail"  #: it runs, then reports failure; obsState returns to its earlier value
    FAULT = "fault"  #: it runs, then reports failure; obsState is FAULT
    STUCK = "stuck"  #: it never ends, until something interrupts it
    SILENT = "silent"  #: it is carried out and never reports
    CRASH = "crash"  #: the whole server process ends in the middle of it


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault, for one or several calls of a command."""

    command: str
    kind: Kind
    message: str
    times: int = 1  #: how many calls it still spoils

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Fault:
        """Read the JSON form.

        :raises ValueError: naming the field that is wrong
        """
        command, kind, times = data.get("command"), data.get("kind"), data.get("times", 1)
        if command not in COMMANDS:
            raise ValueError(f"command must be one of {', '.join(COMMANDS)}, not {command!r}")
        if isinstance(times, bool) or not isinstance(times, int) or times < 0:
            raise ValueError(f"times must be a whole number from 0, not {times!r}")
        try:
            fault = Kind(kind)
        except ValueError:
            raise ValueError(f"kind must be one of {', '.join(Kind)}, not {kind!r}") from None
        message = str(data.get("message", f"{command} failed: injected fault"))
        return cls(command=command, kind=fault, message=message, times=times)


class Faults:
    """The faults that wait for their command, at most one for each."""

    def __init__(self) -> None:
        self._waiting: dict[str, Fault] = {}

    def inject(self, fault: Fault) -> None:
        """Spoil the next calls of a command; replaces an earlier injection."""
        if fault.times:
            self._waiting[fault.command] = fault
        else:
            self._waiting.pop(fault.command, None)

    def spoil(self, command: str) -> Fault | None:
        """Spoil a call of a command; returns its fault if it shows later only.

        :raises BadArgument: if it is to be rejected
        :raises CommandRaised: if it is to fail as that of a broken device
        """
        fault = self._take(command)
        if fault is not None and fault.kind is Kind.REJECT:
            raise BadArgument(fault.message)
        if fault is not None and fault.kind is Kind.RAISE:
            raise CommandRaised(fault.message)
        return fault

    def _take(self, command: str) -> Fault | None:
        """Return the fault for this call of a command, which uses it up once."""
        if (fault := self._waiting.get(command)) is not None:
            self.inject(dataclasses.replace(fault, times=fault.times - 1))
        return fault

    def clear(self) -> None:
        """Forget all faults."""
        self._waiting.clear()

"""The base class of the simulated Tango devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

import tango
from tango.server import Device, command

from .answers import Answer, CommandRaised, NotAllowed
from .publisher import Publisher
from .tmc import Tmc

Answered = list[list[Any]]


def in_latin1(text: str) -> str:
    """Escape the characters that Tango strings cannot carry."""
    return text.encode("latin-1", "backslashreplace").decode("latin-1")


class TmcDevice(Device):
    """The base of all devices; ``tmc`` is set before Tango makes any."""

    tmc: ClassVar[Tmc]

    def init_device(self) -> None:
        """Begin, or begin anew."""
        super().init_device()
        for name in self.present():
            self.set_change_event(name, True, False)
        self.set_state(tango.DevState.ON)
        self.publisher = Publisher(self)

    def present(self) -> dict[str, Any]:
        """Return the attributes that push change events, with their values."""
        raise NotImplementedError

    def delete_device(self) -> None:
        """End."""
        self.publisher.close()
        super().delete_device()

    @command
    def SayAgain(self) -> None:
        """Simulator only: push the present values, for clients that want to know whether they hear."""
        self.publisher.afterwards(self.push_present)  # in its turn, so that no value is older than one before
        self.publisher.flush()

    def push_present(self) -> None:
        """Push the present values."""
        for name, value in self.present().items():
            self.push_change_event(name, value)

    def number(self) -> int:
        """Return the number of the subarray this device belongs to."""
        return int(self.get_name().rsplit("/", 1)[1])

    def answered(self, execute: Callable[..., Answer], *words: str) -> Answered:
        """Pass a command on, and translate its answer."""
        try:
            answer = execute(*words)
        except NotAllowed as error:
            self.throw("API_CommandNotAllowed", error)
        except CommandRaised as error:
            self.throw("API_CommandFailed", error)
        return [[int(answer.code)], [in_latin1(answer.text)]]

    def throw(self, reason: str, error: Exception) -> NoReturn:
        """Answer with an exception."""
        tango.Except.throw_exception(reason, in_latin1(str(error)), self.get_name())
        raise AssertionError("Tango throws")

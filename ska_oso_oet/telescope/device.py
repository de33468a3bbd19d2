"""One Tango device, as scripts need it: plain errors, and what it pushes kept in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import tango

from .errors import CommandRefused, DeviceUnreachable, reason
from .states import ResultCode

_TIMEOUT = 5000  #: milliseconds a device may take to answer; commands answer at once and finish later
_UNREACHABLE = (
    "API_CantConnectToDevice",
    "API_CantConnectToDatabase",
    "API_DeviceNotExported",
    "API_DeviceNotDefined",
    "API_DeviceTimedOut",
    "API_CorbaException",
    "API_CommunicationFailed",
    "API_TangoHostNotSet",
    "API_ServerNotRunning",
    "DB_DeviceNotDefined",
)
#: How a device says that it has taken a command in.
_TAKEN = (ResultCode.OK, ResultCode.STARTED, ResultCode.QUEUED)


class Device:
    """A connection to one device. Subscriptions are made before the first command.

    :param name: its Tango resource locator
    :raises DeviceUnreachable: where it is not there
    """

    def __init__(self, name: str) -> None:
        self.name = name
        try:
            self._proxy = tango.DeviceProxy(name)
            self._proxy.set_timeout_millis(_TIMEOUT)
            self._proxy.ping()
        except tango.DevFailed as error:
            raise DeviceUnreachable(f"{name} cannot be reached: {reason(error)}") from None

    def read(self, attribute: str) -> Any:
        """Read an attribute.

        :raises DeviceUnreachable: where the device does not answer
        """
        try:
            return self._proxy.read_attribute(attribute).value
        except tango.DevFailed as error:
            raise DeviceUnreachable(f"{attribute} of {self.name} cannot be read: {reason(error)}") from None

    def command(self, name: str, argument: str | None = None) -> str:
        """Have a command taken in; return the id under which its result will come.

        :raises CommandRefused: where the device does not take it
        :raises DeviceUnreachable: where the device does not answer
        """
        try:
            given = () if argument is None else (argument,)
            code, text = self._answer(self._proxy.command_inout(name, *given))
        except tango.DevFailed as error:
            if error.args[0].reason in _UNREACHABLE or error.args[-1].reason in _UNREACHABLE:
                raise DeviceUnreachable(f"{name}: {self.name} does not answer: {reason(error)}") from None
            raise CommandRefused(f"{name} was refused by {self.name}: {reason(error)}") from None
        if code not in _TAKEN:
            raise CommandRefused(f"{name} was refused by {self.name}: {_name_of(code)}: {text}")
        return text

    @staticmethod
    def _answer(answer: Any) -> tuple[int, str]:
        codes, texts = answer
        return int(codes[0]), str(texts[0])

    def subscribe(self, attribute: str, heard: Callable[[Any], None]) -> bool:
        """Hear every change of an attribute, beginning with its present value.

        :returns: whether the device pushes changes of it
        """

        def pushed(event: Any) -> None:
            if not event.err and event.attr_value is not None:
                heard(event.attr_value.value)

        try:
            self._proxy.subscribe_event(attribute, tango.EventType.CHANGE_EVENT, pushed)
        except tango.DevFailed:
            return False
        return True


class Heard:
    """What devices have said, in order; one thread waits while those of Tango add to it."""

    def __init__(self) -> None:
        self._said: list[tuple[str, Any]] = []
        self._changed = threading.Condition()

    def add(self, what: str, value: Any) -> None:
        """Keep something that was said."""
        with self._changed:
            self._said.append((what, value))
            self._changed.notify_all()

    @property
    def position(self) -> int:
        """How much was said so far."""
        return len(self._said)

    def since(self, position: int, what: str) -> list[Any]:
        """What was said of one thing after a position."""
        return [value for said, value in self._said[position:] if said == what]

    def wait(self, position: int, deadline: float) -> None:
        """Wait until more was said than this, but not beyond a moment of the monotonic clock."""
        with self._changed:
            while len(self._said) <= position and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)


def _name_of(code: int) -> str:
    try:
        return ResultCode(code).name
    except ValueError:
        return f"result code {code}"

"""One Tango device, as scripts need it: plain errors, and what it pushes kept in order."""

from __future__ import annotations

import contextlib
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


#: Kept for ever: Tango unsubscribes what a proxy that is collected had subscribed for, and where that happens
#: in the thread that delivers events, nothing can be subscribed for during seconds.
_PROXIES: dict[str, tango.DeviceProxy] = {}


class Device:
    """A connection to one device.

    :param name: its Tango resource locator
    :raises DeviceUnreachable: where it is not there
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._subscriptions: list[int] = []
        try:
            if name not in _PROXIES:
                proxy = tango.DeviceProxy(name)
                proxy.set_timeout_millis(_TIMEOUT)
                _PROXIES[name] = proxy
            self._proxy = _PROXIES[name]
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

    def has(self, attribute: str) -> bool:
        """Whether the device has an attribute that can be read now."""
        try:
            self._proxy.read_attribute(attribute)
        except tango.DevFailed:
            return False
        return True

    def subscribe(self, attribute: str, heard: Callable[[Any], None]) -> None:
        """Hear every change of an attribute, beginning with its present value.

        Where that cannot be had it is no failure: whoever waits for a change reads the attribute as well.
        """

        def pushed(event: Any) -> None:
            if not event.err and event.attr_value is not None:
                heard(event.attr_value.value)

        with contextlib.suppress(tango.DevFailed):
            change = tango.EventType.CHANGE_EVENT
            self._subscriptions.append(self._proxy.subscribe_event(attribute, change, pushed))

    def close(self) -> None:
        """Hear nothing any more."""
        for subscription in self._subscriptions:
            with contextlib.suppress(tango.DevFailed):
                self._proxy.unsubscribe_event(subscription)
        self._subscriptions.clear()


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

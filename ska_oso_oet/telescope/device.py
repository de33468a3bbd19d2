"""One Tango device, as scripts need it: plain errors, and its events in order."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar

import tango

from .errors import CommandRefused, DeviceUnreachable, reason
from .interruptible import interruptible
from .states import ResultCode

#: Milliseconds until a call gives up; if a device hangs, Tango takes up to three times as long.
_READ = 1000
_COMMAND = 3000  #: commands answer at once and finish later; none may be sent twice
_PATIENCE = 5.0  #: seconds in which reads are repeated
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
T = TypeVar("T")

#: How a device says that it has taken a command in.
_TAKEN = (ResultCode.OK, ResultCode.STARTED, ResultCode.QUEUED)


#: Kept for ever: Tango unsubscribes the events of a proxy that is collected, and if that happens
#: in the thread that delivers events, nothing can be subscribed for during seconds.
_PROXIES: dict[str, tango.DeviceProxy] = {}


def _repeated(call: Callable[[], T]) -> T:
    """Make a call that changes nothing, and repeat it if the device is only slow to answer."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return interruptible(call)
        except tango.DevFailed as error:
            if error.args[-1].reason != "API_DeviceTimedOut" or time.monotonic() > deadline:
                raise


def _connected(name: str) -> tango.DeviceProxy:
    if name not in _PROXIES:
        proxy = tango.DeviceProxy(name)
        proxy.set_timeout_millis(_READ)
        _PROXIES[name] = proxy
    _PROXIES[name].ping()
    return _PROXIES[name]


class Device:
    """A connection to one device.

    :param name: its Tango resource locator
    :raises DeviceUnreachable: if it is not there
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._subscriptions: list[int] = []
        try:
            self._proxy = _repeated(lambda: _connected(name))
        except tango.DevFailed as error:
            raise DeviceUnreachable(f"{name} cannot be reached: {reason(error)}") from None

    def read(self, attribute: str) -> Any:
        """Read an attribute.

        :raises DeviceUnreachable: if the device does not answer
        """
        try:
            return _repeated(lambda: self._proxy.read_attribute(attribute)).value
        except tango.DevFailed as error:
            raise DeviceUnreachable(f"{attribute} of {self.name} cannot be read: {reason(error)}") from None

    def command(self, name: str, argument: str | None = None) -> str:
        """Have a command taken in; return the id under which its result will come.

        :raises CommandRefused: if the device does not take it
        :raises DeviceUnreachable: if the device does not answer
        """
        try:
            given = () if argument is None else (argument,)
            code, text = self._answer(interruptible(lambda: self._send(name, *given)))
        except tango.DevFailed as error:
            if error.args[0].reason in _UNREACHABLE or error.args[-1].reason in _UNREACHABLE:
                raise DeviceUnreachable(f"{name}: {self.name} does not answer: {reason(error)}") from None
            raise CommandRefused(f"{name} was refused by {self.name}: {reason(error)}") from None
        if code not in _TAKEN:
            raise CommandRefused(f"{name} was refused by {self.name}: {_name_of(code)}: {text}")
        return text

    def _send(self, name: str, *argument: str) -> Any:
        self._proxy.set_timeout_millis(_COMMAND)
        try:
            return self._proxy.command_inout(name, *argument)
        finally:
            self._proxy.set_timeout_millis(_READ)

    @staticmethod
    def _answer(answer: Any) -> tuple[int, str]:
        codes, texts = answer
        return int(codes[0]), str(texts[0])

    def has(self, attribute: str) -> bool:
        """Whether the device has an attribute that can be read now."""
        try:
            _repeated(lambda: self._proxy.read_attribute(attribute))
        except tango.DevFailed:
            return False
        return True

    def read_if_there(self, attribute: str) -> Any:
        """Read an attribute; None if the device does not have it, or cannot tell now."""
        try:
            return self.read(attribute)
        except DeviceUnreachable:
            return None

    def subscribe(self, attribute: str, heard: Callable[[Any], None]) -> None:
        """Hear every change of an attribute, beginning with its present value.

        A refused subscription is no failure: a caller who waits for a change reads the attribute as well.
        """

        def pushed(event: Any) -> None:
            if not event.err and event.attr_value is not None:
                heard(event.attr_value.value)

        with contextlib.suppress(tango.DevFailed):
            change = tango.EventType.CHANGE_EVENT
            subscribe = self._proxy.subscribe_event
            self._subscriptions.append(interruptible(lambda: subscribe(attribute, change, pushed)))

    def close(self) -> None:
        """Hear nothing any more."""
        while self._subscriptions:
            subscription = self._subscriptions.pop()
            with contextlib.suppress(tango.DevFailed):
                interruptible(functools.partial(self._proxy.unsubscribe_event, subscription))


def _name_of(code: int) -> str:
    try:
        return ResultCode(code).name
    except ValueError:
        return f"result code {code}"

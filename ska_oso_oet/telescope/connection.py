"""Connections to devices: to Tango's, or in a dry run to none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .dry_run import DryDevice, wanted


class Connection(Protocol):
    """A connection to one device; see :class:`.device.Device`."""

    name: str

    def read(self, attribute: str) -> Any:
        """Read an attribute."""

    def read_if_there(self, attribute: str) -> Any:
        """Read an attribute; None if the device does not have it."""

    def has(self, attribute: str) -> bool:
        """Whether it has an attribute."""

    def command(self, name: str, argument: str | None = None) -> str:
        """Have a command taken in; return the id of its result."""

    def subscribe(self, attribute: str, heard: Callable[[Any], None]) -> None:
        """Hear every change of an attribute."""

    def close(self) -> None:
        """Hear nothing any more."""


def connect(name: str) -> Connection:
    """Connect to a device.

    :param name: its Tango resource locator
    :raises DeviceUnreachable: if it is not there
    """
    if wanted():
        return DryDevice(name)
    from .device import Device  # which imports Tango, and a dry run must not

    return Device(name)

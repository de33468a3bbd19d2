"""Errors between a script and the telescope; every message is a sentence for operators.

::

    TelescopeError
     ├── DeviceUnreachable   no device answers
     ├── CommandRefused      the device did not take the command; nothing was changed
     ├── CommandFailed       it took the command, and says that it failed
     ├── WrongState          the subarray went to, or was in, a wrong state
     └── Overdue             it did not get there in time
"""

from __future__ import annotations

from typing import Any


class TelescopeError(RuntimeError):
    """The telescope did not carry out a request."""


class BlockError(ValueError):
    """A scheduling block that cannot be observed; the message names what is missing or wrong in it."""


class DeviceUnreachable(TelescopeError):  # noqa: N818  reads as a sentence
    pass


class CommandRefused(TelescopeError):  # noqa: N818
    pass


class CommandFailed(TelescopeError):  # noqa: N818
    pass


class WrongState(TelescopeError):  # noqa: N818
    pass


class Overdue(TelescopeError):  # noqa: N818
    pass


def reason(error: Any) -> str:
    """The most telling line of a Tango ``DevFailed``: its root cause."""
    causes = getattr(error, "args", ())
    described = [str(cause.desc).strip() for cause in causes if getattr(cause, "desc", "")]
    return " ".join((described[0] if described else str(error)).split())

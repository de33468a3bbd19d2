"""The numbers the telescope's devices speak in: observing states, modes and results of commands."""

from __future__ import annotations

import enum


class ObsState(enum.IntEnum):
    """The observing state of a subarray; values are those of the ``obsState`` attribute."""

    EMPTY = 0  #: it has no resources
    RESOURCING = 1  #: resources are being assigned or released
    IDLE = 2  #: it has resources and no configuration
    CONFIGURING = 3  #: its resources are being configured
    READY = 4  #: it is configured and can scan
    SCANNING = 5  #: a scan is running
    ABORTING = 6  #: its activity is being abandoned
    ABORTED = 7  #: its activity has been abandoned; only a restart leads on
    RESETTING = 8  #: it is on its way back to IDLE after an abort or a fault
    FAULT = 9  #: something went wrong that it cannot mend by itself
    RESTARTING = 10  #: it is giving up its resources after an abort or a fault


class AdminMode(enum.IntEnum):
    """Whether a device may be used; values are those of the ``adminMode`` attribute."""

    ONLINE = 0
    OFFLINE = 1
    ENGINEERING = 2
    NOT_FITTED = 3
    RESERVED = 4


class ResultCode(enum.IntEnum):
    """How a command went; the first number of an answer and of a long-running command's result."""

    OK = 0  #: success
    STARTED = 1  #: it has begun and will report later
    QUEUED = 2  #: it was accepted and will report later
    FAILED = 3  #: it was tried and did not succeed
    UNKNOWN = 4  #: the result is unknown
    REJECTED = 5  #: its argument was refused; nothing was changed
    NOT_ALLOWED = 6  #: it may not be called in this state; nothing was changed
    ABORTED = 7  #: it was interrupted by Abort before it was finished

"""The exit statuses of ``oet``."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """Scripts that call ``oet`` rely on these numbers: add, never renumber."""

    DONE = 0
    SCRIPT_FAILED = 1
    AUDIT_BROKEN = 1
    USAGE = 2
    REFUSED = 3
    NOT_AUTHORISED = 4
    UNREACHABLE = 5
    INTERNAL = 70
    INTERRUPTED = 130

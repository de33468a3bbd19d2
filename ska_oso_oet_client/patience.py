"""Outlasting a restart of the server, for questions that are harmless to ask again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .errors import RefusedError, UnreachableError

PATIENCE = 60.0
"""Seconds for which following and waiting go on without a server."""

PASSING_STATUSES = frozenset({429, 503, 504})
"""What a server answers while it, or a part of it, is starting or busy."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 8.0

T = TypeVar("T")


def outlast(
    ask: Callable[[], T], sleep: Callable[[float], None], notify: Callable[[str], None]
) -> T:
    """The answer to ``ask``, however often it takes; raises its last failure after PATIENCE."""
    pause = FIRST_PAUSE
    waited = 0.0
    while True:
        try:
            return ask()
        except (UnreachableError, RefusedError) as error:
            if not may_pass(error) or waited >= PATIENCE:
                raise
            if not waited:
                notify(f"{error}; trying for up to {PATIENCE:g} s")
        sleep(pause)
        waited += pause
        pause = min(2 * pause, LONGEST_PAUSE)


def may_pass(error: Exception) -> bool:
    """Whether the same question may be answered a moment later."""
    if isinstance(error, RefusedError):
        return error.status in PASSING_STATUSES
    return isinstance(error, UnreachableError)

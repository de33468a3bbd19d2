"""Retries during a restart of the server, for requests that change nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from .errors import LostError, RefusedError, UnreachableError
from .limits import PATIENCE

PASSING_STATUSES = frozenset({429, 503, 504})
"""Statuses of a server while it, or a part of it, is starting or busy."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 8.0

T = TypeVar("T")


def pauses(first: float, longest: float, factor: float = 2.0) -> Iterator[float]:
    """Seconds to wait before each further attempt: an exponential back-off."""
    while True:
        yield first
        first = min(factor * first, longest)


def outlast(
    ask: Callable[[], T], sleep: Callable[[float], None], notify: Callable[[str], None]
) -> T:
    """The answer of ``ask``, with retries; raises its last failure after PATIENCE."""
    waited, told = 0.0, False
    for pause in pauses(FIRST_PAUSE, LONGEST_PAUSE):
        began = time.monotonic()
        try:
            return ask()
        except (UnreachableError, RefusedError) as error:
            if not may_pass(error):
                raise
            waited += time.monotonic() - began
            if waited >= PATIENCE:
                if isinstance(error, UnreachableError):
                    raise LostError(error.url, PATIENCE) from error
                raise
            if not told:
                told = True
                notify(f"{_what(error)}; trying for up to {PATIENCE:g} s")
        sleep(pause)
        waited += pause
    raise AssertionError("attempts never run out")


def _what(error: UnreachableError | RefusedError) -> str:
    # If it has answered before, the address is right.
    if isinstance(error, UnreachableError):
        return f"The OET at {error.url} does not answer ({error.reason})"
    return str(error)


def may_pass(error: Exception) -> bool:
    """Whether a retry may succeed a moment later."""
    if isinstance(error, RefusedError):
        return error.status in PASSING_STATUSES
    return isinstance(error, UnreachableError)

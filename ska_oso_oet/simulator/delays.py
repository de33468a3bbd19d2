"""How long commands take, in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .commands import DEFAULT_DELAYS

LONGEST = 86_400  #: seconds


def checked_delays(delays: Mapping[str, Any]) -> dict[str, float]:
    """Return these delays as numbers.

    :raises ValueError: naming the command that has no delay, or the delay that is none
    """
    for command, seconds in delays.items():
        if command not in DEFAULT_DELAYS:
            raise ValueError(f"{command!r} has no delay; those that have are {', '.join(DEFAULT_DELAYS)}")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= LONGEST:
            raise ValueError(f"the delay of {command} must be 0 to {LONGEST} seconds, not {seconds!r}")
    return {command: float(seconds) for command, seconds in delays.items()}

"""The commands a device was sent, refused ones included."""

from __future__ import annotations

import collections
import datetime
import json
from typing import Any

from ..telescope.states import ObsState
from .answers import Answer

LONGEST = 1000


class History:
    """The last commands, oldest first."""

    def __init__(self) -> None:
        self._entries: collections.deque[str] = collections.deque(maxlen=LONGEST)

    def record(self, command: str, argument: Any, obs_state: ObsState, answer: Answer) -> None:
        """Add a command: its decoded argument, the state at its arrival, and the answer."""
        entry = {
            "time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
            "command": command,
            "argument": argument,
            "obs_state": obs_state.name,
            "result": [answer.code, answer.text],
        }
        self._entries.append(json.dumps(entry))

    def entries(self) -> list[str]:
        """Return the commands as JSON objects."""
        return list(self._entries)

    def clear(self) -> None:
        """Forget all commands."""
        self._entries.clear()

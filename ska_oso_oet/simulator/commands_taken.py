"""The commands that a device has taken and how they ended, as its ``lrc`` attributes tell them."""

from __future__ import annotations

import collections
import threading
from typing import Any

from .answers import Result

LONGEST = 64  #: ended commands that are kept


class CommandsTaken:
    """What is being carried out, and what has ended lately."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executing: dict[str, dict[str, Any]] = {}
        self._finished: collections.deque[dict[str, Any]] = collections.deque(maxlen=LONGEST)

    def begin(self, command_id: str, name: str) -> None:
        """Note a command that begins."""
        with self._lock:
            self._executing[command_id] = {"uid": command_id, "name": name, "status": "IN_PROGRESS"}

    def end(self, command_id: str, result: Result) -> None:
        """Note how it ended."""
        with self._lock:
            told = self._executing.pop(command_id, {"uid": command_id, "name": command_id.rpartition("_")[2]})
            status = {5: "REJECTED", 6: "REJECTED", 7: "ABORTED", 3: "FAILED"}.get(result.code, "COMPLETED")
            self._finished.append({**told, "status": status, "result": [result.code, result.message]})

    def executing(self) -> list[dict[str, Any]]:
        """Return what is being carried out."""
        with self._lock:
            return list(self._executing.values())

    def finished(self) -> list[dict[str, Any]]:
        """Return what has ended, oldest first."""
        with self._lock:
            return list(self._finished)

    def all(self) -> list[dict[str, Any]]:
        """Return both, oldest first."""
        return [*self.finished(), *self.executing()]

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._executing.clear()
            self._finished.clear()

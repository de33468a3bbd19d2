"""The events of devices, in order."""

from __future__ import annotations

import threading
import time
from typing import Any


class Heard:
    """The events of devices, in order; one thread waits while the threads of Tango add to them."""

    def __init__(self) -> None:
        self._said: list[tuple[str, Any]] = []
        self._changed = threading.Condition()

    def add(self, kind: str, value: Any) -> None:
        """Keep something that was said."""
        with self._changed:
            self._said.append((kind, value))
            self._changed.notify_all()

    @property
    def position(self) -> int:
        """How much was said so far."""
        return len(self._said)

    def since(self, position: int, kind: str) -> list[Any]:
        """The values of one kind after a position."""
        return [value for of, value in self._said[position:] if of == kind]

    def wait(self, position: int, deadline: float) -> None:
        """Wait until more was said than this, but not beyond a moment of the monotonic clock."""
        with self._changed:
            while len(self._said) <= position and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)

"""How the parts of the telescope report changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Listener(Protocol):
    """Receives changes; the caller may hold a lock, so ``publish`` and ``afterwards`` never wait."""

    def publish(self, attribute: str, value: Any) -> None:
        """Hear that an attribute has this value now."""

    def afterwards(self, call: Callable[[], None]) -> None:
        """Call this when everything published before is known to the world."""

    def flush(self) -> None:
        """Return when everything published before is known to the world; not to be called with a lock."""


class Nobody:
    """Listens to a part that is not attached to anything."""

    def publish(self, attribute: str, value: Any) -> None:
        """Let it pass."""

    def afterwards(self, call: Callable[[], None]) -> None:
        """Call it."""
        call()

    def flush(self) -> None:
        """There is nothing to wait for."""

"""What the views work with."""

from __future__ import annotations

import dataclasses
import threading
from typing import cast

from flask import current_app

from ..settings import Settings
from .bridge import Bridge
from .everywhere import Everywhere
from .stream import Hub

_KEY = "oet"


class Counter:
    """Counts something that happens in many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 0

    def add(self) -> None:
        """It happened once more."""
        with self._lock:
            self.value += 1


@dataclasses.dataclass(frozen=True)
class Services:
    """The way to the bus, the listeners of both event streams, the settings, and how often was read.

    ``places`` are for requests that wait for the archive: a slow one must not hold every thread.
    """

    bridge: Bridge
    hub: Hub
    everywhere: Everywhere
    settings: Settings
    places: threading.Semaphore
    reads: Counter = dataclasses.field(default_factory=Counter)


def services() -> Services:
    """Those of the application that serves this request."""
    return cast(Services, current_app.extensions[_KEY])

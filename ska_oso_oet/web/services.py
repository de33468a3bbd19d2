"""What the views work with."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from typing import cast

from flask import current_app

from ..domain.errors import Busy
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


class Places:
    """Places for requests that wait for somebody who may be slow, and must not hold every thread.

    :param threads: how many there are to answer requests
    :param whom: who is waited for
    """

    def __init__(self, threads: int, whom: str) -> None:
        self._free = threading.Semaphore(max(1, threads // 2))
        self._whom = whom

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Take one for as long as the block lasts.

        :raises Busy: where there is none
        """
        if not self._free.acquire(blocking=False):
            raise Busy(f"as many requests as may are waiting for {self._whom}; try again shortly")
        try:
            yield
        finally:
            self._free.release()


@dataclasses.dataclass(frozen=True)
class Services:
    """The way to the bus, the listeners of both event streams, the settings, and how often was read.

    ``archive`` and ``centre`` are for requests that wait for the archive and the central history.
    """

    bridge: Bridge
    hub: Hub
    everywhere: Everywhere
    settings: Settings
    archive: Places
    centre: Places
    reads: Counter = dataclasses.field(default_factory=Counter)


def services() -> Services:
    """Those of the application that serves this request."""
    return cast(Services, current_app.extensions[_KEY])

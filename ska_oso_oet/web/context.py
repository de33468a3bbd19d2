"""The context of the views."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from typing import Any, cast

from flask import current_app

from ..bus.limited_work import Turns
from ..bus.shared_questions import SharedQuestions
from ..domain.errors import Busy
from ..settings import Settings
from .bridge import Bridge
from .streams.all_subarrays import AllSubarraysHub
from .streams.hub import Hub

_KEY = "oet"
_READS = 2  #: requests that read many files at once


class Counter:
    """A counter for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 0

    def add(self) -> None:
        """Add one."""
        with self._lock:
            self.value += 1


class Slots:
    """A limit for requests that wait for a slow service, so that they do not occupy all threads.

    One user has three quarters of them at most.

    :param threads: number of threads for requests
    :param whom: name of the service
    """

    def __init__(self, threads: int, whom: str) -> None:
        self._most = max(1, threads // 2)
        self._most_of_user = max(1, self._most * 3 // 4)
        self._whom = whom
        self._lock = threading.Lock()
        self._taken: collections.Counter[str] = collections.Counter()

    @contextlib.contextmanager
    def taken(self, user: str) -> Iterator[None]:
        """Hold a slot during a block.

        :raises Busy: if there is none
        """
        with self._lock:
            if self._taken.total() >= self._most or self._taken[user] >= self._most_of_user:
                raise Busy(f"too many requests are waiting for {self._whom}; try again shortly")
            self._taken[user] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[user] -= 1
                self._taken += collections.Counter()  # forget users who have none


@dataclasses.dataclass(frozen=True)
class Services:
    """The bridge to the bus, both event streams, the settings, and the counter of reads.

    ``archive``, ``centre`` and ``checks`` limit the requests that wait for the archive, for the central
    history, and for scripts to be checked;
    ``reading`` limits those that read many files, and ``health`` shares answers about it; both belong to the
    loop of the bridge.
    """

    bridge: Bridge
    hub: Hub
    all_subarrays: AllSubarraysHub
    settings: Settings
    archive: Slots
    centre: Slots
    checks: Slots
    reading: Turns = dataclasses.field(default_factory=lambda: Turns(_READS))
    health: SharedQuestions[Any] = dataclasses.field(default_factory=SharedQuestions)
    reads: Counter = dataclasses.field(default_factory=Counter)


def services() -> Services:
    """The services of the current application."""
    return cast(Services, current_app.extensions[_KEY])

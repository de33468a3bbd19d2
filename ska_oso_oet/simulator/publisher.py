"""Change events of one device, pushed in the order things happened."""

from __future__ import annotations

import collections
import functools
import threading
from collections.abc import Callable
from typing import Any

import tango


class Publisher:
    """Pushes the changes of a device from a thread of its own; a :class:`~.listening.Listener`.

    The thread that makes a change holds a lock. A push waits for the device's monitor, and a command that
    waits for that lock may hold it: so changes are only noted at first. The monitor also keeps them in order,
    from whichever thread.
    """

    #: An ``Init`` holds the monitor that a last push waits for; it is not waited for longer than this.
    PATIENCE = 2.0  # seconds

    def __init__(self, device: Any) -> None:
        self._device = device
        self._due: collections.deque[Callable[[], None]] = collections.deque()
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"publisher of {device.get_name()}")
        self._thread.daemon = True
        self._thread.start()

    def publish(self, attribute: str, value: Any) -> None:
        """Push this change soon."""
        self.afterwards(functools.partial(self._device.push_change_event, attribute, value))

    def afterwards(self, call: Callable[[], None]) -> None:
        """Call this when everything published before has been pushed."""
        self._due.append(call)
        self._wake.set()

    def flush(self) -> None:
        """Push everything now; for threads in which Tango called a device, before it answers."""
        with tango.AutoTangoMonitor(self._device):
            while self._due and not self._closed:
                self._due.popleft()()

    def close(self) -> None:
        """End the thread; nothing is pushed any more."""
        self._closed = True
        self._wake.set()
        self._thread.join(self.PATIENCE)

    def _run(self) -> None:
        with tango.EnsureOmniThread():
            while self._wake.wait() and not self._closed:
                self._wake.clear()
                self.flush()

"""Whether the data of a subarray are good enough to observe: set by hand, or by itself after a while."""

from __future__ import annotations

import threading

from .listening import Listener, Nobody


class Quality:
    """The quality of one subarray's data, not ready at first.

    :param after: seconds from the end of Configure until it gets ready by itself; None: only by hand
    """

    def __init__(self, after: float | None = None) -> None:
        self._after = after
        self._lock = threading.Lock()
        self._listener: Listener = Nobody()
        self._timer: threading.Timer | None = None
        self.ready = False

    def attach(self, listener: Listener) -> None:
        """Report changes to this listener from now on."""
        with self._lock:
            self._listener = listener

    def set(self, ready: bool) -> None:
        """Be ready or not; cancels changes that were scheduled."""
        with self._lock:
            self._forget_timer()
            self._enter(ready)

    def configured(self) -> None:
        """The subarray has been configured."""
        with self._lock:
            self._forget_timer()
            if self._after is not None:
                self._timer = threading.Timer(self._after, self._after_a_while)
                self._timer.daemon = True
                self._timer.start()

    def scan_started(self) -> None:
        """The subarray has begun to scan."""
        if self._after is not None:
            self.set(False)

    def close(self) -> None:
        """Nothing happens by itself any more."""
        with self._lock:
            timer = self._timer
            self._forget_timer()
        if timer is not None:
            timer.join()  # without the lock, which its last step may be waiting for

    def _after_a_while(self) -> None:
        with self._lock:
            if threading.current_thread() is self._timer:  # else it was forgotten
                self._enter(True)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _enter(self, ready: bool) -> None:
        if ready is not self.ready:
            self.ready = ready
            self._listener.publish("qaReady", ready)

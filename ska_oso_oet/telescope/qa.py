"""Waiting until the quality assurance of the data (QA) is ready for a scan, as the operator wants it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from .announce import announce, send
from .connection import Connection, connect
from .dry_run import wanted as is_dry_run
from .errors import DeviceUnreachable, Overdue

_SWITCH = "operator.wait_for_qa_ready"
_ACKNOWLEDGED = "user.wait_for_qa_ready.acknowledged"
_POLL = 0.5  #: seconds without news after which the signal is read


class QaGate:
    """Lets a scan through when QA is ready, or the operator does not want to wait for it.

    The switch and the override of one wait come as messages while the script runs. An override is for the
    scan that is current when it comes: an unused one is forgotten when the next scan begins.

    :param signal: the attribute that is the signal, with its device; empty if there is none
    :param context: the argument ``context`` of ``main``; it is kept up to date
    """

    def __init__(self, signal: str, context: dict[str, Any] | None = None) -> None:
        self._signal = _Signal(signal, self._news)
        self._context = {} if context is None else context
        self._changed = threading.Condition()
        self._overridden = False
        self._listen()

    def _listen(self) -> None:
        try:
            from pubsub import pub
        except ImportError:
            return
        self._listeners = (self._override, self._news)  # pypubsub itself holds listeners weakly
        pub.subscribe(self._listeners[0], f"{_SWITCH}.override")
        for word in ("enable", "disable"):
            pub.subscribe(self._listeners[1], f"{_SWITCH}.{word}")

    def _override(self, msg_src: str = "") -> None:
        with self._changed:
            self._overridden = True
            self._changed.notify_all()

    def _news(self, msg_src: str = "") -> None:
        with self._changed:
            self._changed.notify_all()

    def begin_scan(self) -> None:
        """Another scan is the current one; an override of the last is over."""
        with self._changed:
            self._overridden = False

    def wait(self, timeout: float | None = None) -> None:
        """Return when the current scan may begin.

        :param timeout: seconds; none means as long as it takes
        :raises Overdue: if QA is not ready in time
        """
        if not self._wanted():
            return
        deadline = None if timeout is None else time.monotonic() + timeout
        announce("waiting until QA is ready")
        while True:
            with self._changed:
                if self._let_through():
                    return
            if self._signal.ready():
                announce("QA is ready")
                return
            if deadline is not None and time.monotonic() > deadline:
                raise Overdue(f"QA is not ready for the scan after {timeout:g} s")
            with self._changed:
                if not self._overridden and self._wanted():
                    self._changed.wait(_POLL)

    def _wanted(self) -> bool:
        return bool(self._context.get("wait_for_qa_ready", False)) and not is_dry_run()

    def _let_through(self) -> bool:
        if self._overridden:
            self._overridden = False
            send(_ACKNOWLEDGED)
            announce("the wait for QA was overridden by the operator")
            return True
        if not self._wanted():
            announce("the operator does not want to wait for QA any more")
            return True
        return False


class _Signal:
    """The signal that QA is ready; if it is not available, the operator is asked to decide.

    :param changed: called when it may have changed
    """

    def __init__(self, signal: str, changed: Callable[[], None]) -> None:
        device, mark, options = signal.partition("#")
        self._device, _, self._attribute = device.rpartition("/")
        self._device += mark + options
        self._changed = changed
        self._monitor: Connection | None = None
        self._complained = False

    def ready(self) -> bool:
        """Whether it is known to be ready."""
        if not self._attribute:
            self._complain("QUALITYMONITOR_TRL_PREFIX and QUALITYMONITOR_ATTRIBUTE are not set")
            return False
        try:
            if self._monitor is None:
                self._monitor = connect(self._device)
                self._monitor.subscribe(self._attribute, lambda _value: self._changed())
            return bool(self._monitor.read(self._attribute))
        except DeviceUnreachable as error:
            self._complain(str(error))
            return False

    def _complain(self, why: str) -> None:
        if not self._complained:
            self._complained = True
            announce(f"nobody can tell whether QA is ready: {why}; waiting for it, or for the operator")

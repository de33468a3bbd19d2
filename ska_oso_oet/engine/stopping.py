"""How a stop reaches the script: as an exception in its main thread.

It is raised again if it was caught or lost and the script goes on, and it waits while the script handles
an exception already, so that no clean-up is cut short. Names used here are bound when this module is
imported: a script may put threads and clocks of its own in the place of Python's. Standard library only.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import weakref
from _thread import get_ident, start_new_thread
from collections.abc import Callable, Iterable, Iterator
from signal import getsignal, pthread_kill, pthread_sigmask
from time import monotonic, sleep
from types import FrameType
from typing import Any

from .event_loops import Loops

STOPPED_STATUS = 128 + signal.SIGTERM  #: exit status of a script that was stopped

_AGAIN = 0.2  #: seconds after which it is looked whether the script goes on in spite of its stop


class ScriptStopped(SystemExit):  # noqa: N818  not an error: scripts should not catch it as one
    """Raised in the script's main thread when it is being stopped; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(STOPPED_STATUS)
        self.reason = reason


class Stop:
    """The stop of one script; made in its main thread."""

    def __init__(self) -> None:
        self.asked = False  #: whether the script was told to end
        self._main = get_ident()
        self._intent = ""
        self._patience = 0.0  #: seconds an exception that is handled already may hold it up
        self._until = 0.0  #: when that is over
        self._script_runs = True
        self._looking = False  #: whether the next signal is our own
        self._held = False
        self._waiting = False  #: to be raised once it is not held any more
        self._shielded_until = 0.0  #: until when the script does not want to be interrupted
        self._greenlets = _Greenlets()
        self._loops = Loops(lambda: ScriptStopped(self._reason()))
        self._forking: dict[int, tuple[set[int], bool]] = {}  #: the masks of threads that are
        os.register_at_fork(before=self._forks, after_in_parent=self._has_forked, after_in_child=self._forked)

    def listen(self, intent: str, grace: float) -> None:
        """Be told by SIGTERM from now on.

        :param intent: the file that then says why
        :param grace: seconds between SIGTERM and SIGKILL
        """
        self._intent = intent
        self._patience = grace / 2
        signal.signal(signal.SIGTERM, self._signalled)

    def _forks(self) -> None:
        """A SIGTERM for the child waits until our handler is gone there; it would be lost before."""
        held = self.hold()  # an exception in here would be lost
        self._forking[get_ident()] = set(pthread_sigmask(signal.SIG_BLOCK, ())), held
        pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def _has_forked(self) -> None:
        mask, held = self._forking.pop(get_ident())
        pthread_sigmask(signal.SIG_SETMASK, mask)
        if held:
            self.put_off()

    def _forked(self) -> None:
        """In a child of the script: SIGTERM ends it like any program, unless the script says otherwise."""
        self._main = get_ident()
        self.asked = self._held = self._waiting = False
        self._shielded_until = 0.0
        if getsignal(signal.SIGTERM) == self._signalled:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._has_forked()

    def script_ended(self) -> None:
        """The script's functions have ended; Python's own end is interrupted on request only."""
        self._script_runs = False
        with contextlib.suppress(ScriptStopped):
            _wait_for_forgotten_threads()

    def close(self) -> None:
        """The script itself has ended: Python is not interrupted while it closes files."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    # -- moments at which it must wait -------------------------------------------------------------

    def hold(self) -> bool:
        """Raise nothing until :meth:`release`; tells whether this call has to release it."""
        if self._held or get_ident() != self._main:
            return False
        self._held = True
        return True

    def release(self) -> None:
        """Raise a stop that came meanwhile."""
        self._held = False
        if self._waiting:
            self._waiting = False
            self._deliver(None)

    def put_off(self) -> None:
        """Raise a stop that came meanwhile a moment later, when the script is found to go on."""
        self._held = self._waiting = False

    def shield(self, seconds: float) -> None:
        """Raise nothing for a time, or until :meth:`expose`."""
        self._shielded_until = monotonic() + seconds

    def expose(self) -> None:
        """Raise a stop that came meanwhile: here in the main thread, else when it is looked at next."""
        self._shielded_until = 0.0
        if self.asked and get_ident() == self._main:
            self._until = monotonic() + self._patience
            self._deliver(None)

    # -- delivery ----------------------------------------------------------------------------------

    def _signalled(self, _number: int, frame: FrameType | None) -> None:
        looking, self._looking = self._looking, False
        if not self._script_runs and (looking or self.asked or not _joins_threads(frame)):
            self.asked = True  # the end of a program is not interrupted
            return
        if not self.asked:
            self.asked = True
            self._until = monotonic() + self._patience
            if self._script_runs:
                with contextlib.suppress(RuntimeError):  # no more threads can be had
                    start_new_thread(self._insist, ())
        self._deliver(frame)

    def _insist(self) -> None:
        """Look again and again whether the script goes on; runs in a thread that it does not see."""
        while True:
            sleep(_AGAIN)
            if not self._script_runs or getsignal(signal.SIGTERM) != self._signalled:
                return
            self._looking = True
            pthread_kill(self._main, signal.SIGTERM)

    def _deliver(self, frame: FrameType | None) -> None:
        """Raise it, in the main thread, unless it must wait."""
        if self._held:
            self._waiting = True
            return
        if monotonic() < self._shielded_until:
            self._until = monotonic() + self._patience
            return
        # A script that handles an exception may be cleaning up, and has half of the grace period for it. Then
        # it is interrupted as well: the clean-up of the outer blocks needs the other half, before SIGKILL.
        patient = monotonic() < self._until
        handled = [error for error in (sys.exc_info()[1], *self._greenlets.handled()) if error is not None]
        if self._is_cleaning_up(handled) or (handled and patient):
            return
        if not self._loops.stop(frame, patient):
            error = ScriptStopped(self._reason())
            self._greenlets.tell(error)
            try:
                raise error
            finally:
                del error  # it must not outlive its being handled

    def _is_cleaning_up(self, handled: Iterable[BaseException]) -> bool:
        """Whether the exception handled now is the stop itself, or came of it."""
        related, seen = list[BaseException | None](handled), set[int]()
        while related:
            error = related.pop()
            if error is None or id(error) in seen:
                continue
            if isinstance(error, ScriptStopped) or self._loops.sent(error):
                return True
            seen.add(id(error))
            related += [error.__cause__, error.__context__, *getattr(error, "exceptions", ())]
        return False

    def _reason(self) -> str:
        with contextlib.suppress(OSError):
            descriptor = os.open(self._intent, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return os.read(descriptor, 100).decode().strip() or "stop"
            finally:
                os.close(descriptor)
        return "stop"


def _joins_threads(frame: FrameType | None) -> bool:
    """Whether Python waits for threads, which may never end, before it calls exit functions."""
    threading = sys.modules.get("threading")
    while frame is not None and threading is not None:
        if frame.f_code.co_name == "_shutdown" and frame.f_code.co_filename == threading.__file__:
            return True
        frame = frame.f_back
    return False


def _wait_for_forgotten_threads() -> None:
    """An exception out of ``Thread.join()`` makes Python before 3.13 believe that this thread has ended."""
    active = getattr(sys.modules.get("threading"), "_active", {})
    for thread in list(active.values()):
        if getattr(thread, "_is_stopped", False) and not thread.daemon and thread.native_id != os.getpid():
            while os.path.exists(f"/proc/self/task/{thread.native_id}"):
                sleep(0.01)


class _Greenlets:
    """The exceptions of other greenlets: gevent handles signals in a greenlet of its own."""

    def __init__(self) -> None:
        self._told: Any = None  #: the one in which the stop was raised last
        #: The exception raised there, while it exists.
        self._error: Callable[[], BaseException | None] = lambda: None

    def tell(self, error: BaseException) -> None:
        """This is raised in the current one."""
        self._told, self._error = _current(), weakref.ref(error)

    def handled(self) -> Iterator[BaseException]:
        """The exceptions that are handled at the end of the current one, and at the place of the stop."""
        current = _current()
        above = list(_above(current))
        for one in above:
            yield from (found for found in gc.get_referents(one) if isinstance(found, BaseException))
        told, error = self._told, self._error()
        if error is not None and told not in (None, current, *above) and not told.dead:
            yield error


def _current() -> Any:
    greenlet = sys.modules.get("greenlet")
    return greenlet.getcurrent() if greenlet is not None else None


def _above(greenlet: Any) -> Iterator[Any]:
    while greenlet is not None and greenlet.parent is not None:
        greenlet = greenlet.parent
        yield greenlet

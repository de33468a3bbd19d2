"""Calls into Tango that a stop can interrupt.

A call in C++ handles no signal until it returns, which can take several times its time limit; and an
exception raised in a callback of Python's from C++ is printed there and lost. So the main thread, in which a
stop is raised, lets another one call, and waits for it.
"""

from __future__ import annotations

import atexit
import ctypes
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import tango

T = TypeVar("T")

_ABANDONED: list[_Pending[Any]] = []  #: abandoned calls


def interruptible(call: Callable[[], T]) -> T:
    """Make a call that a signal can interrupt.

    If the main thread is interrupted meanwhile, the call goes on, abandoned.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    pending = _Pending(call)
    threading.Thread(target=pending.run, name="tango call", daemon=True).start()
    try:
        pending.done.wait()
    except BaseException:
        _ABANDONED.append(pending)
        raise
    if pending.error is not None:
        raise pending.error
    return pending.result


class _Pending(Generic[T]):
    """One call and its result."""

    result: T

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self.done = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Call it, in a thread that Tango can tell from others."""
        try:
            with tango.EnsureOmniThread():
                self.result = self._call()
        except BaseException as error:  # noqa: BLE001  raised again in the thread that waits
            self.error = error
        finally:
            self.done.set()


@atexit.register
def _do_not_wait() -> None:
    """Skip Tango's own exit function if it would wait, for many seconds, for a call that hangs.

    Exit functions of the C library are called in reverse order; once Python is through, this one ends the
    process with the status it was to have.
    """
    if not all(pending.done.is_set() for pending in _ABANDONED):
        libc = ctypes.CDLL(None)
        libc.on_exit(libc["_exit"], None)

"""Ctrl-C and other signals: the work they end, and the work they must not interrupt.

SIGTERM, and SIGHUP of a terminal that is closed, count as Ctrl-C with another exit status.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from .settings import tell

_OTHERS = (signal.SIGTERM, signal.SIGHUP)


class Terminated(KeyboardInterrupt):  # noqa: N818  not an error
    """``oet`` was ended by a signal other than that of Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


@contextmanager
def signals_as_ctrl_c() -> Iterator[None]:
    """Make the other signals raise Terminated, once: a closed shell sends several."""

    def end(number: int, frame: FrameType | None) -> None:
        for other in changed:
            signal.signal(other, signal.SIG_IGN)
        raise Terminated(number)

    changed = [number for number in _OTHERS if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        changed = []
    for number in changed:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def answered(otherwise: str) -> Iterator[None]:
    """Defer Ctrl-C, and other signals, to the end of a block, so that a request gets its answer.

    A second Ctrl-C takes effect at once; ``otherwise`` is the sentence about the request then.
    """
    held: list[int] = []
    usual: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def hold(number: int, frame: FrameType | None) -> None:
        held.append(number)
        if number == signal.SIGINT:
            release()

    def release() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, *_OTHERS):
            handler = signal.getsignal(number)
            if callable(handler):
                usual[number] = handler
                signal.signal(number, hold)
    try:
        yield
    except KeyboardInterrupt:
        tell(f"\n{otherwise}")
        raise
    finally:
        release()
    for came in held:
        usual[came](came, None)

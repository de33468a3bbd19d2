"""A child that is forked, and yet begins as a program that was executed would. Linux only.

The process must have one thread. An event loop may run: the child works inside the call that forked it, and
never returns from there, so nothing of the loop is closed twice.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Collection
from typing import NoReturn


def fork(program: Callable[[], object], keep: Collection[int], title: str) -> int:
    """Run a program in a child of this process, in a session of its own.

    :param keep: the descriptors it gets, beside the standard streams; its standard input is empty
    :param title: what ``ps`` shows for its command
    :returns: the number of the child
    :raises OSError: if there is no memory, or there are too many processes
    """
    gc.collect()
    gc.freeze()  # so that the child's collector writes to no page that it shares
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        child = os.fork()
        if child == 0:
            _run(program, keep, title, before)
        return child
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(program: Callable[[], object], keep: Collection[int], title: str, mask: Collection[int]) -> NoReturn:
    status: object = 1
    try:
        os.setsid()
        _forget_signals()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _close_all_but(keep)
        _set_title(title)
        program()
        status = 0
    except SystemExit as end:
        status = end.code or 0
    except BaseException:  # noqa: BLE001  the end of a process
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 1)


def _forget_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # discards a Ctrl-C that was meant for the parent
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _close_all_but(keep: Collection[int]) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in (0, 1, 2, *keep):
            with contextlib.suppress(OSError):  # the one that listed them
                os.close(int(name))


def _set_title(title: str) -> None:
    import ctypes

    with open("/proc/self/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])  # of its arguments; see proc(5)
    if room := end - begin:
        ctypes.memmove(begin, os.fsencode(title)[: room - 1].ljust(room, b"\0"), room)

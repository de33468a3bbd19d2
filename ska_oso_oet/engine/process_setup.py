"""The set-up of a script's process: descriptors out of reach, standard streams, limits.

Standard library only.
"""

from __future__ import annotations

import array
import contextlib
import faulthandler
import fcntl
import io
import os
import resource
import stat
import sys
import termios
from _thread import allocate_lock, start_new_thread
from collections.abc import Collection
from time import monotonic, sleep  # scripts put clocks of their own in their place
from typing import Any

from ..kernel import processes
from ..kernel.isolation import Isolation
from .stopping import Stop

_IN_TURN = 0.02  #: seconds that one of the standard streams waits for the other


def out_of_reach(fd: int) -> int:
    """Move a descriptor beyond the numbers that scripts close."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, processes.OUT_OF_REACH)
    os.close(fd)
    return moved


def limit_memory(limit: int) -> None:
    """Let this process, and each it starts, have this many bytes beyond its present ones."""
    with open("/proc/self/statm") as file:
        own = int(file.read().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (own + limit, own + limit))


class _InTurn(io.BufferedWriter):
    """Standard output or error, written in turn: text on the other one is read first.

    The two are pipes of their own, and their reader could not tell which was written to first. Waits
    before the buffer is locked: Python's end crashes if a daemon thread has it locked.
    """

    _last = 1  #: which of the two was written to last

    def __init__(self, fd: int, stop: Stop) -> None:
        super().__init__(io.FileIO(fd, "w", closefd=False))
        self._stop = stop

    def write(self, data: Any) -> int:
        """See :meth:`io.BufferedIOBase.write`; no stop is raised in here, which would cost a line."""
        held = self._stop.hold()
        try:
            last, _InTurn._last = _InTurn._last, self.fileno()
            if last != self.fileno():
                until = monotonic() + _IN_TURN
                while _unread(last) and monotonic() < until:
                    sleep(_IN_TURN / 200)
            return super().write(data)
        finally:
            if held:
                self._stop.put_off()


def _unread(pipe: int) -> bool:
    """Whether something in a pipe has not been read yet."""
    try:
        if not stat.S_ISFIFO(os.fstat(pipe).st_mode):
            return False
        count = array.array("i", [0])
        fcntl.ioctl(pipe, termios.FIONREAD, count)
    except OSError:
        return False
    return count[0] > 0


def _text_stream(fd: int, stop: Stop) -> Any:
    buffer = _InTurn(fd, stop)
    return io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def engine_descriptors() -> list[int]:
    """The control socket, and the locks of things that this run shares with others."""
    return [n for n in map(int, os.listdir("/proc/self/fd")) if n >= processes.OUT_OF_REACH and _is_open(n)]


def close_locks(but: Collection[int]) -> None:
    """Close the server's locks in this process, which its supervisor holds by now.

    :param but: descriptors of the engine that are still needed
    """
    for descriptor in engine_descriptors():
        if descriptor not in but:
            os.close(descriptor)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def open_standard_streams(stop: Stop) -> None:
    """Make sys.stdin, sys.stdout and sys.stderr anew, from descriptors 0, 1 and 2."""
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  they live as long as the process
    sys.stdout = _text_stream(1, stop)
    sys.stderr = _text_stream(2, stop)
    faulthandler.enable()


def return_standard_streams() -> None:
    """Let Python end with the streams that it has made: it crashes if daemon threads print to others."""
    for name in ("stdout", "stderr"):
        ours, own = getattr(sys, name), getattr(sys, f"__{name}__")
        if own is None or not isinstance(getattr(ours, "buffer", None), _InTurn):
            continue
        with contextlib.suppress(RuntimeError):  # no more threads can be had
            start_new_thread(_keep, (ours,))
        own.reconfigure(line_buffering=True)
        setattr(sys, name, own)
        with contextlib.suppress(OSError, ValueError):
            ours.flush()  # waits for threads that are printing


def _keep(_stream: Any) -> None:
    """Keep the streams that daemon threads may print to alive, by a thread that never ends."""
    lock = allocate_lock()
    while lock.acquire():
        pass


def enter(isolation: Isolation, run_dir: str) -> None:
    """Give this process the rights of the script."""
    isolation.set_environment(run_dir)
    if "tempfile" in sys.modules:
        setattr(sys.modules["tempfile"], "tempdir", None)  # noqa: B010  found anew
    isolation.enter()

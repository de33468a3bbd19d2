"""The runner's end of the socket to its supervisor: a JSON document a line.

A script may put threads, locks and sockets of its own in the place of Python's, as gevent does. What is used
here is bound when this module is imported, before the script is. Standard library only.
"""

from __future__ import annotations

import collections
import contextlib
import fcntl
import json
import os
import sys
from _thread import allocate_lock, get_ident, start_new_thread
from collections.abc import Callable
from os import read, write
from time import time  # scripts put clocks of their own in its place
from typing import Any

from ..runs.protocol import LONGEST
from .stopping import Stop

_READ = 65536


class Channel:
    """Sends messages to the supervisor, and receives its messages.

    :param descriptor: the socket
    :param stop: held back while the main thread is saying something
    """

    def __init__(self, descriptor: int, stop: Stop) -> None:
        self.descriptor = descriptor
        self._stop = stop
        self._rest = b""
        self._saying = allocate_lock()
        self._saying_thread: int | None = None
        self._unsaid: collections.deque[bytes] = collections.deque()
        self._between_processes = -1  #: locked by the process that is saying something
        os.register_at_fork(after_in_child=self._forked)

    @property
    def descriptors(self) -> set[int]:
        """The descriptors that must stay open."""
        return {self.descriptor, self._between_processes}

    def share(self, lock: int) -> None:
        """Let processes that the script forks say things as well.

        :param lock: descriptor of the file that is locked meanwhile
        """
        self._between_processes = lock

    def say(self, what: str, **fields: Any) -> None:
        """Tell the supervisor something. A stop that arrives meanwhile is raised once it is said.

        May be called by any thread, by a signal handler or destructor in the middle of another call, and in
        children the script has forked.
        """
        line = json.dumps({"say": what, "time": time(), **fields}).encode() + b"\n"
        if len(line) > LONGEST:
            raise ValueError(f"a {what} of {len(line)} bytes is too long; {LONGEST} are allowed")
        self._unsaid.append(line)
        if self._saying_thread == get_ident():
            return  # the call that was interrupted says this as well
        held = self._stop.hold()
        try:
            with self._saying:
                self._saying_thread = get_ident()
                try:
                    self._say_all()
                finally:
                    self._saying_thread = None
        finally:
            if held:
                self._stop.release()

    def _say_all(self) -> None:
        while self._unsaid:
            fcntl.lockf(self._between_processes, fcntl.LOCK_EX)
            try:
                line = self._unsaid.popleft()
                while line:
                    line = line[write(self.descriptor, line) :]
            finally:
                fcntl.lockf(self._between_processes, fcntl.LOCK_UN)

    def _forked(self) -> None:
        """In a child of the script: forget the messages of other threads."""
        self._saying = allocate_lock()
        self._saying_thread = None
        self._unsaid.clear()

    def hear(self) -> dict[str, Any]:
        """The next thing that the supervisor says; without a supervisor this process ends."""
        while b"\n" not in self._rest:
            data = read(self.descriptor, _READ)
            if not data:
                os._exit(0)
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def keep_hearing(self, heard: Callable[[dict[str, Any]], None]) -> None:
        """Have everything heard from now on by a thread that the script does not see among its own."""
        start_new_thread(self._keep_hearing, (heard,))

    def _keep_hearing(self, heard: Callable[[dict[str, Any]], None]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                heard(self.hear())
                _leave_no_trace()


def _leave_no_trace() -> None:
    """Forget this thread: logging, for example, has entered it among those of the script."""
    threading = sys.modules.get("threading")
    if threading is not None:
        threading._active.pop(threading.get_ident(), None)  # noqa: SLF001

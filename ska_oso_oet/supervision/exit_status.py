"""The exit status of the runner, and the zombies of a script's orphans. Standard library only."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable

from ..runs.survivors import SLICE, ended_children

_INTERVAL = 0.1  #: seconds after which zombies are reaped, many at once


class Reaper:
    """Waits for the children of a supervisor, which adopts every orphan of its script.

    :param runner: the one whose exit status matters
    :param on_exit: called when it has ended
    """

    def __init__(self, runner: int, on_exit: Callable[[], None]) -> None:
        self._runner = runner
        self._on_exit = on_exit
        self._scheduled = False
        self._status: int | None = None  #: the runner's, once it was reaped with the others
        self._told = False
        self._pidfd = os.pidfd_open(runner)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pidfd, self._runner_ended)
        loop.add_signal_handler(signal.SIGCHLD, self._child_ended)
        # Thousands of signals fill what the loop is woken up through, which is as good as one.
        signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)
        self._child_ended()  # in case one came meanwhile

    def exit_of_runner(self) -> tuple[int | None, int | None]:
        """The exit status of the runner, or the signal that ended it; neither if it could not be ended."""
        status = self._status
        if status is None:
            pid, status = os.waitpid(self._runner, os.WNOHANG)
            if not pid:
                return None, None
        if os.WIFSIGNALED(status):
            return None, os.WTERMSIG(status)
        return os.WEXITSTATUS(status), None

    def _runner_ended(self) -> None:
        if not self._told:
            self._told = True
            asyncio.get_running_loop().remove_reader(self._pidfd)
            self._on_exit()

    def _child_ended(self) -> None:
        # A script may start thousands of processes a second.
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_later(_INTERVAL, self._reap)

    def _reap(self) -> None:
        begun = time.monotonic()
        for pid, status in ended_children():
            if pid == self._runner:
                self._status = status
                self._runner_ended()  # its number may be another process's from now on
        self._scheduled = time.monotonic() - begun >= SLICE
        if self._scheduled:  # there are more
            asyncio.get_running_loop().call_soon(self._reap)

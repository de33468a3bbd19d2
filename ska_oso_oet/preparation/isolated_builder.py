"""Builds of environments: code that a project runs in its build has no more rights than its scripts.

If scripts are isolated, each build runs in a process of its own that is isolated as well. It keeps its cache
to itself: another project would run the files that it leaves there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

from ..files.expiry import remove
from ..kernel import processes
from ..kernel.isolation import Isolation, give, show
from .errors import PreparationError
from .git_process import kill_children

_PATIENCE = 10.0  #: seconds for the end of what a build leaves behind
_PAUSE = 0.001  #: seconds between two looks for it, in which others get the processor


class IsolatedBuilder:
    """Makes things for one run.

    :param isolation: the rights of the build, beside its folder
    :param room: a folder for temporary files, which the isolation lets it change
    :param mark: the run's mark
    """

    def __init__(self, isolation: Isolation, room: str, mark: int) -> None:
        self._isolation = isolation
        self._room = room
        self._mark = mark

    def make(self, path: str, work: Callable[[], None]) -> None:
        """Have an entry made at a path that does not exist yet.

        :param work: makes it
        :raises PreparationError: as ``work`` says
        """
        if not self._isolation.apart:
            work()
            return
        os.mkdir(path, 0o700)
        if self._isolation.account is not None:
            give(path, self._isolation.account)
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            self._work(path, work, write_end)
        os.close(write_end)
        try:
            with open(read_end, "rb") as file:
                complaint = file.read()
            _, status = os.waitpid(child, 0)
        finally:
            self._leave_nobody()
        if complaint:
            raise PreparationError(json.loads(complaint))
        if status:
            raise PreparationError(f"its builder ended with {os.waitstatus_to_exitcode(status)}")
        if self._isolation.account is not None:
            show(path, self._isolation.gid, maker=self._isolation.uid)

    def _work(self, path: str, work: Callable[[], None], write_end: int) -> None:
        """The life of the process that makes it."""
        status = 1
        try:
            processes.end_with_parent()
            # The code of a project must not inherit the run's orders and locks.
            os.closerange(3, write_end)
            os.closerange(write_end + 1, os.sysconf("SC_OPEN_MAX"))
            cache = os.path.join(self._room, "cache")
            self._isolation.set_environment(os.path.dirname(self._room), building=True)
            os.environ["UV_CACHE_DIR"] = cache
            self._isolation.with_paths(writes=[path]).enter()
            work()
            remove(cache)
            status = 0
        except PreparationError as error:
            os.write(write_end, json.dumps(str(error)).encode())
        except OSError as error:
            os.write(write_end, json.dumps(f"an environment cannot be made: {error}").encode())
        except BaseException:  # noqa: BLE001  the end of a process
            sys.excepthook(*sys.exc_info())
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)

    def _leave_nobody(self) -> None:
        """End the processes that a build has left behind, before the server reads its files.

        :raises PreparationError: if they start one another faster than they can be killed
        """
        kill_children()
        until = time.monotonic() + _PATIENCE
        while left := processes.of_run(self._mark, os.getppid()) - {os.getpid()}:
            if time.monotonic() > until:
                raise PreparationError("processes that its build has started cannot be ended")
            processes.kill(left)
            time.sleep(_PAUSE)

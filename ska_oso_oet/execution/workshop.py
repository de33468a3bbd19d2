"""Where environments are made: what a project runs to be built may do no more than its scripts.

Where scripts are isolated, everything that touches what a project brings is done by a process of its own,
which is isolated as well, and keeps its cache to itself: what one project leaves there, another would run.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable

from . import processes
from .gitprocess import kill_children
from .isolation import Isolation, give, show
from .script import PreparationError


class Workshop:
    """Makes things for one run.

    :param isolation: what may be done, beside making it
    :param room: a folder for temporary files, which the isolation lets it change
    :param mark: the run's mark
    """

    def __init__(self, isolation: Isolation, room: str, mark: int) -> None:
        self._isolation = isolation
        self._room = room
        self._mark = mark

    def make(self, path: str, work: Callable[[], None]) -> None:
        """Have something made at a path where nothing is yet.

        :param work: makes it
        :raises PreparationError: as ``work`` says
        """
        if not self._isolation.apart:
            work()
            return
        os.mkdir(path, 0o700)
        if self._isolation.account is not None:
            give(path, self._isolation.account)
        ear, mouth = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ear)
            self._work(path, work, mouth)
        os.close(mouth)
        try:
            with open(ear, "rb") as file:
                complaint = file.read()
            _, status = os.waitpid(child, 0)
        finally:
            self._leave_nobody()
        if complaint:
            raise PreparationError(json.loads(complaint))
        if status:
            raise PreparationError(f"what makes it ended with {os.waitstatus_to_exitcode(status)}")
        if self._isolation.account is not None:
            show(path, self._isolation.gid)

    def _work(self, path: str, work: Callable[[], None], mouth: int) -> None:
        """The life of the process that makes it."""
        status = 1
        try:
            processes.end_with_parent()
            cache = os.path.join(self._room, "cache")
            os.environ |= self._isolation.surroundings(os.path.dirname(self._room)) | {"UV_CACHE_DIR": cache}
            self._isolation.with_paths(writes=[path]).enter()
            work()
            shutil.rmtree(cache, ignore_errors=True)
            status = 0
        except PreparationError as error:
            os.write(mouth, json.dumps(str(error)).encode())
        except OSError as error:
            os.write(mouth, json.dumps(f"an environment cannot be made: {error}").encode())
        except BaseException:  # noqa: BLE001  the last words of a process
            sys.excepthook(*sys.exc_info())
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)

    def _leave_nobody(self) -> None:
        """What a build has left behind must not go on writing where the server looks next."""
        kill_children()
        while left := processes.of_run(self._mark, os.getppid()) - {os.getpid()}:
            processes.kill(left)

"""Where script files may come from, and which file a URI means."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import stat

from ..domain.errors import Invalid, TimedOut
from ..domain.scripts import FileScript
from ..settings import PACKAGED_SCRIPTS, Settings

_DEADLINE = 5.0  #: seconds a file system may take to tell about a file


class ScriptFiles:
    """Finds the file of a script."""

    def __init__(self, settings: Settings) -> None:
        self._base = settings.scripts_location
        self._allowed = settings.script_paths
        # Threads of its own: a file system that hangs must not hold up anything else.
        self._threads = concurrent.futures.ThreadPoolExecutor(4, "script files")

    async def find(self, script: FileScript) -> str:
        """Return the real path of a script.

        :raises Invalid: where there is no such file, or it lies outside the allowed folders
        :raises TimedOut: where the file system does not answer
        """
        path = os.path.join(self._base, script.path)
        try:
            loop = asyncio.get_running_loop()
            checking = loop.run_in_executor(self._threads, self._check, path, script)
            return await asyncio.wait_for(checking, _DEADLINE)
        except TimeoutError:
            raise TimedOut(f"the file system does not answer for {script.script_uri}") from None

    def _check(self, path: str, script: FileScript) -> str:
        real = os.path.realpath(path)
        if not any(os.path.commonpath([real, folder]) == folder for folder in self._allowed):
            raise Invalid(
                f"script {script.script_uri} lies outside the folders scripts may come from: "
                f"{':'.join(self._allowed)}"
            )
        if not real.endswith(".py"):
            raise Invalid(f"script {script.script_uri} must be a Python file, ending in '.py'")
        try:
            if not stat.S_ISREG(os.stat(real).st_mode):
                raise Invalid(f"script {script.script_uri} is not a regular file")
            with open(real, "rb"):
                return real
        except OSError as error:
            raise Invalid(f"script {script.script_uri} cannot be read: {error.strerror}") from None


def find_abort_script(settings: Settings) -> str:
    """The path of the abort script: in the scripts' location, else the packaged one."""
    for base in (settings.scripts_location, PACKAGED_SCRIPTS):
        path = os.path.join(base, settings.abort_script)
        if os.path.isfile(path):
            return path
    return os.path.join(settings.scripts_location, settings.abort_script)

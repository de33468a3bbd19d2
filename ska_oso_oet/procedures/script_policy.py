"""The places that scripts may come from, and the file that a URI names."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import hashlib
import os
import stat
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ..domain.errors import Conflict, Invalid, TimedOut
from ..domain.scripts import FILE_PREFIX, FileScript, GitScript, Script
from ..files.opening import at_once
from ..preparation.address_guard import is_allowed, is_named, look_up
from ..settings import PACKAGED_SCRIPTS, Settings

T = TypeVar("T")

_PACKAGED = os.path.realpath(PACKAGED_SCRIPTS)
_DEADLINE = 5.0  #: seconds a file system may take to tell about a file
_LOOKING = 2.0  #: seconds DNS may take to resolve a host


class ScriptFiles:
    """Finds scripts, and refuses those that must not be run here."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # The OET's own scripts are at every site, so that the remedy of a failure is the same everywhere.
        self._allowed = (*settings.script_paths, _PACKAGED)
        self._git_allowed = settings.git_allowed
        state, apart = os.path.realpath(settings.state_dir), settings.script_isolation != "none"
        self._handed = os.path.join(state, "activities")
        #: Folders that isolated scripts write to or never see: nothing is run or fetched from there.
        self._closed = (state, *settings.script_writes) if apart else ()
        # Threads of its own: a file system that hangs must not hold up anything else.
        self._threads = concurrent.futures.ThreadPoolExecutor(4, "script files")
        self._names = concurrent.futures.ThreadPoolExecutor(4, "names of hosts")

    async def find(self, script: Script) -> str:
        """Return the real path of a file, or that of a file in a repository from the repository's root.

        :raises Invalid: if there is no such file, or it lies outside the allowed folders
        :raises TimedOut: if the file system does not answer
        """
        if isinstance(script, FileScript):
            return await self.in_time(lambda: self._check_file(script), script.script_uri)
        await self.in_time(lambda: self._check_repository(script), str(script.git_repo))
        await self._check_host(script.git_repo or "")
        return script.path

    async def _check_host(self, url: str) -> None:
        """Refuse early what the run, which checks again, would refuse; a slow DNS is not waited for."""
        if not is_named(url, self._git_allowed):
            looking = asyncio.get_running_loop().run_in_executor(self._names, look_up, url)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(looking, _LOOKING)

    async def is_abort_script(self, path: str) -> bool:
        """Whether a file is the one that aborts the subarray.

        :raises TimedOut: if the file system does not answer
        """
        return await self.in_time(
            lambda: path == os.path.realpath(find_abort_script(self._settings)), "the abort script"
        )

    async def sha256(self, path: str) -> str:
        """The SHA-256 of a file, in hexadecimal digits.

        :raises Refusal: if it cannot be read in time
        """
        return await self.in_time(lambda: _sha256_of(path), path)

    async def in_time(
        self,
        check: Callable[[], T],
        what: str,
        threads: concurrent.futures.Executor | None = None,
    ) -> T:
        """Have the file system asked in a thread, of these or of one's own.

        :raises TimedOut: if it does not answer
        """
        try:
            checking = asyncio.get_running_loop().run_in_executor(threads or self._threads, check)
            return await asyncio.wait_for(checking, _DEADLINE)
        except TimeoutError:
            raise TimedOut(f"the file system does not answer for {what}") from None

    def _check_file(self, script: FileScript) -> str:
        real = os.path.realpath(self._settings.place_of_script(script.path))
        self._require_inside(real, f"script {script.script_uri}")
        if not real.endswith(".py"):
            raise Invalid(f"script {script.script_uri} must be a Python file, ending in '.py'")
        try:
            if not stat.S_ISREG(os.stat(real).st_mode):
                raise Invalid(f"script {script.script_uri} is not a regular file; name a Python file")
            # Not waited for: another script may hold a lease on it.
            os.close(at_once(real, os.O_RDONLY | os.O_CLOEXEC))
            return real
        except BlockingIOError:
            raise Conflict(f"script {script.script_uri} is held by a lease; try again shortly") from None
        except FileNotFoundError as error:
            raise Invalid(
                f"script {script.script_uri} cannot be read: {error.strerror}; to see which there are: "
                "oet script list"
            ) from None
        except OSError as error:
            raise Invalid(
                f"script {script.script_uri} cannot be read: {error.strerror}; check that the server may "
                "read it"
            ) from None

    def _check_repository(self, script: GitScript) -> None:
        url = script.git_repo or ""
        if not is_allowed(url, self._git_allowed):
            allowed = ", ".join(self._git_allowed)
            raise Invalid(
                f"scripts may not be fetched from repository {url}; use one that begins with one of these, "
                f"or have OET_GIT_ALLOWED changed: {allowed}"
            )
        if url.startswith(FILE_PREFIX):
            for place in _places(urllib.parse.unquote(url.removeprefix(FILE_PREFIX))):
                self._require_inside(os.path.realpath(place), f"repository {url}")

    def may_be_run(self, real: str) -> bool:
        """Whether a real path lies in a folder that scripts may come from."""
        with contextlib.suppress(Invalid):
            self._require_inside(real, "script")
            return True
        return False

    def _require_inside(self, real: str, what: str) -> None:
        if _is_below(real, self._closed) and not _is_below(real, [self._handed]):
            raise Invalid(f"{what} lies where scripts write, or in the state directory; keep it elsewhere")
        if not _is_below(real, self._allowed):
            allowed = ":".join(self._settings.script_paths)
            raise Invalid(
                f"{what} lies outside the folders scripts may come from: {allowed}; move it to one of "
                "them, or have OET_SCRIPT_PATHS name its folder"
            )


def _sha256_of(path: str) -> str:
    try:
        with open(path, "rb", opener=at_once) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Conflict(f"script {path} cannot be read: {error.strerror}; try again shortly") from None


def _is_below(real: str, folders: Iterable[str]) -> bool:
    return any(os.path.commonpath([real, folder]) == folder for folder in folders)


def _places(path: str) -> Iterator[str]:
    """Everywhere git may look for the repository at a path."""
    for folder in (path, f"{path}.git"):
        yield folder
        inside = os.path.join(folder, ".git")
        yield inside
        if os.path.isfile(inside):  # it names the real one
            with open(inside, errors="surrogateescape", opener=at_once) as file:
                yield os.path.join(folder, file.read(4096).removeprefix("gitdir:").strip())


def find_abort_script(settings: Settings) -> str:
    """The path of the abort script: in the scripts' location, else the packaged one."""
    return settings.place_of_script(settings.abort_script)

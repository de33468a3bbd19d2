"""The cache of things that runs share and that are costly to make; unused ones are removed.

An entry is a directory ``<name>`` of the cache, beside ``<name>.json``, which describes it. It is made
under another name and renamed when it is complete. One that is made anew is ``<name>-<time>``; what uses an
older one goes on with it. ``<name>.lock`` is locked exclusively while an entry is
made or removed, and shared by every process that uses it, for as long as that process lives. The kernel
gives locks back however a process dies; the next one removes its half-made entry.

Standard library only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..files.expiry import remove
from ..files.shared import names_in, read, size_of, write
from ..kernel.processes import OUT_OF_REACH
from .errors import PreparationError

_LENGTH = 16  #: digits of an entry's name


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One complete entry."""

    name: str
    about: dict[str, Any]  #: its description, by its maker
    size: int  #: bytes
    created: float  #: seconds since the epoch
    used: float  #: when it was taken last, seconds since the epoch


class ArtifactCache:
    """The entries of one kind, in one directory.

    :param folder: the folder of the entries; need not exist
    :param say: called with a sentence for people when something takes time
    """

    def __init__(self, folder: str, say: Callable[[str], None] = lambda text: None) -> None:
        self._folder = folder
        self._say = say

    def path(self, name: str) -> str:
        """The path of the entry, whether it exists or not."""
        return os.path.join(self._folder, name)

    def has(self, name: str) -> bool:
        """Whether the entry is complete."""
        return os.path.isdir(self.path(name))

    def has_any(self, name: str) -> bool:
        """Whether there is a complete entry of this name, the first one or one that was made anew."""
        return self.has(self._newest(name))

    # -- using and making --------------------------------------------------------------------------

    def take(self, name: str, make: Callable[[str], None], *, fresh: bool = False, **about: Any) -> str:
        """Return the directory of an entry, made if need be; it stays for as long as this process lives.

        :param make: fills a new directory at the path it is called with
        :param fresh: make it anew even if it is there
        :param about: the description of the entry for people
        :raises PreparationError: as ``make`` does; also if another process, waited for, failed
        """
        asked = time.time()
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        anew = f"{name}-{time.time_ns():016x}" if fresh else ""
        while True:
            current = anew or self._newest(name)
            lock = self._lock(current, about)
            if self.has(current):
                os.utime(lock)
                if fresh:
                    self._remove_superseded(current)
                return self.path(current)
            try:
                # flock() releases the shared lock before it grants the exclusive one: another process may
                # make or remove the entry in between, so everything is looked at again.
                fcntl.flock(lock, fcntl.LOCK_EX)
                wanted = current == (anew or self._newest(name)) and not self.has(current)
                if os.fstat(lock).st_nlink and wanted:
                    self._raise_if_failed_since(current, asked)
                    self._make(current, make, about)
            finally:
                os.close(lock)

    def _newest(self, name: str) -> str:
        """The entry of this name that was made last, or would be made."""
        return max((one for one in self._all() if one.partition("-")[0] == name), default=name)

    def _remove_superseded(self, name: str) -> None:
        """Remove those that were made before an entry, and that are not in use."""
        for one in self._all():
            if one.partition("-")[0] == name.partition("-")[0] and one < name:
                self.remove(one)

    def _all(self) -> list[str]:
        """The names of the complete entries."""
        names = (os.path.splitext(file) for file in names_in(self._folder))
        return [name for name, ending in names if ending == ".json" and self.has(name)]

    def _lock(self, name: str, about: dict[str, Any]) -> int:
        """Lock an entry against being made or removed."""
        path = f"{self.path(name)}.lock"
        while True:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            # The lock lasts as long as its descriptor, and scripts close those they find.
            held = fcntl.fcntl(lock, fcntl.F_DUPFD_CLOEXEC, OUT_OF_REACH)
            os.close(lock)
            try:
                fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                self._say(f"Waiting for another procedure that is preparing {about.get('what', name)}")
                fcntl.flock(held, fcntl.LOCK_SH)
            if os.fstat(held).st_nlink:
                return held
            os.close(held)  # the entry was removed, and its lock with it

    def _make(self, name: str, make: Callable[[str], None], about: dict[str, Any]) -> None:
        path = self.path(name)
        making = f"{path}.making"
        failed = f"{path}.failed"
        for left in (making, failed, f"{path}.json"):
            remove(left)
        try:
            make(making)
            write(f"{path}.json", {"about": about, "size": size_of(making), "created": time.time()})
            os.rename(making, path)
        except BaseException as error:
            remove(making)
            if isinstance(error, OSError):
                error = PreparationError(f"{about.get('what', name)} cannot be written: {error.strerror}")
            if isinstance(error, PreparationError):
                with contextlib.suppress(OSError):
                    write(failed, {"time": time.time(), "why": str(error)})
            raise error from None

    def _raise_if_failed_since(self, name: str, asked: float) -> None:
        failed = read(f"{self.path(name)}.failed")
        if failed is not None and failed["time"] >= asked:
            raise PreparationError(failed["why"])

    @contextlib.contextmanager
    def alone(self, name: str, since: float) -> Iterator[bool]:
        """Be the only one to bring an entry up to date.

        Yields whether that is still needed: not if another process began after ``since`` and is done by now.
        """
        mark = f"{self.path(name)}.fresh"
        with open(mark, "a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            began = file.read()
            now = time.time()
            needed = not began or float(began) < since
            try:
                yield needed
                if needed:
                    file.truncate(0)
                    file.write(repr(now))
            finally:
                if needed:
                    self._resize(name)

    def _resize(self, name: str) -> None:
        note = read(f"{self.path(name)}.json")
        if note is not None:
            with contextlib.suppress(OSError):
                write(f"{self.path(name)}.json", note | {"size": size_of(self.path(name))})

    # -- looking and clearing away -----------------------------------------------------------------

    def entries(self) -> list[Entry]:
        """The complete entries, the one used last first."""
        entries = []
        for name in self._all():
            note = read(f"{self.path(name)}.json")
            if note is not None:
                with contextlib.suppress(OSError):
                    used = os.stat(f"{self.path(name)}.lock").st_mtime
                    entries.append(Entry(name=name, used=used, **note))
        return sorted(entries, key=lambda entry: -entry.used)

    def remove(self, name: str) -> bool:
        """Remove an entry and the remains of a killed maker; tell whether it could be done.

        It cannot while a process uses or makes it.
        """
        try:
            lock = os.open(f"{self.path(name)}.lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            gone = f"{self.path(name)}.making"
            remove(gone)
            with contextlib.suppress(FileNotFoundError):
                os.rename(self.path(name), gone)
            for ending in (".making", ".failed", ".fresh", ".json", ".lock"):
                remove(self.path(name) + ending)
        except BlockingIOError:
            return False
        finally:
            os.close(lock)
        return True

    def clear_leftovers(self) -> None:
        """Remove the remains of killed makers, and entries that were made anew since."""
        for file in names_in(self._folder):
            name, ending = os.path.splitext(file)
            if ending in (".making", ".failed") and not self.has(name):
                with contextlib.suppress(OSError):  # the others are to go all the same
                    self.remove(name)
        for name in self._all():
            if name != self._newest(name.partition("-")[0]):
                self.remove(name)


def hold(path: str) -> None:
    """Use an entry, which another process uses already, for as long as this process lives, too.

    For a supervisor: scripts may close all their descriptors.
    """
    with contextlib.suppress(OSError):
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)


def name_of(*parts: str) -> str:
    """The name of the entry that belongs to these texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_LENGTH]
